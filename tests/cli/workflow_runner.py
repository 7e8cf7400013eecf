"""Runs the ``run:`` steps of a GitHub workflow on this machine, in order, as a runner would: for tests.

Understood is what our own workflows use: expressions from a table, variables of a step, outputs, ``continue-on-error``, the conditions that
name no context. Actions (``uses:``) are not run; what they would do stands in the test.
"""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass
class Runner:
    """One machine: ``folder`` is the checkout, ``temp`` its RUNNER_TEMP; ``context`` are the values of expressions."""

    folder: Path
    temp: Path
    environment: dict[str, str]
    context: dict[str, str] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    """Commands to run instead, by the name of the step."""

    def __post_init__(self):
        self.temp.mkdir(parents=True, exist_ok=True)
        self.summary = self.temp / "step-summary.md"
        self.ran = []
        self.said = ""

    def job(self, workflow, name):
        """Run one job and return whether it succeeded."""
        job = YAML(typ="safe").load(Path(workflow).read_text())["jobs"][name]
        good = True
        for step in job["steps"]:
            if "run" in step and self._applies(step.get("if", "success()"), good):
                status = self._step(step)
                good = good and (status == 0 or step.get("continue-on-error", False))
        return good

    def outputs(self):
        path = self.temp / "outputs"
        return dict(line.split("=", 1) for line in path.read_text().splitlines()) if path.exists() else {}

    def _applies(self, condition, good):
        known = {"success()": good, "always()": True, "!cancelled()": True}
        plain = _EXPRESSION.sub(lambda found: found[1], condition)
        return known[plain] if plain in known else good and self.context[plain] == "true"

    def _step(self, step):
        name = step.get("name", "")
        command = self.replaced.get(name, step["run"])
        assert "${{" not in command  # what is not quoted there could be a command
        given = {key: self._filled(value) for key, value in step.get("env", {}).items()}
        files = {"GITHUB_STEP_SUMMARY": self.summary, "GITHUB_OUTPUT": self.temp / "outputs", "RUNNER_TEMP": self.temp}
        done = subprocess.run(
            ["bash", "-e", "-c", command],
            cwd=self.folder,
            env={**self.environment, **{key: str(path) for key, path in files.items()}, **given, "CI": "true", "GITHUB_ACTIONS": "true"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        self.ran.append((name, done.returncode))
        self.said += f"--- {name}: {done.returncode}\n{done.stdout}"
        return done.returncode

    def _filled(self, value):
        return _EXPRESSION.sub(lambda found: self.context[found[1]], value)


def environment_with(folder, base):
    """Return variables for a Python environment in ``folder``: the programs of a virtual environment come first."""
    return {**base, "PATH": f"{folder}/bin{os.pathsep}{base['PATH']}", "VIRTUAL_ENV": str(folder)}
