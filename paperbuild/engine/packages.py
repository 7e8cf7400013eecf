"""Installed Python packages that scripts use, by the metadata of the environment they run in.

Where nothing observes a command, the modules that its sources import are read off the sources; their distributions, with what those
require, are fingerprinted by name, version and the digest of their ``RECORD``, so an upgrade of numpy reruns what imports numpy, and
installing a linter reruns nothing. Formats: the "Recording installed projects" and core metadata specifications of PyPA.
"""

from __future__ import annotations

import ast
import glob
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from paperbuild.engine.digest import digest_bytes

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r";.*\bextra\b")


@dataclass(frozen=True, slots=True)
class _Distribution:
    """One installed distribution: its normalised name and its ``.dist-info`` folder."""

    name: str
    folder: str

    def text(self, file: str) -> str:
        try:
            with open(os.path.join(self.folder, file), encoding="utf-8", errors="replace") as opened:
                return opened.read()
        except OSError:
            return ""

    def fingerprint(self) -> str:
        """Return version and content: the digest of RECORD, which holds every file's; without one, of the metadata."""
        version = os.path.basename(self.folder).removesuffix(".dist-info").rpartition("-")[2]
        content = self.text("RECORD") or self.text("METADATA")
        return f"{version} {digest_bytes(content.encode())[:16]}"

    def modules(self) -> Iterator[str]:
        """Yield the names that it makes importable."""
        for line in self.text("RECORD").splitlines():
            path = line.partition(",")[0].strip('"')
            first, slash, _ = path.partition("/")
            if slash and not first.endswith((".dist-info", ".data")) and first != "..":
                yield first
            elif not slash and first.endswith((".py", ".so", ".pyd")):
                yield first.partition(".")[0]

    def required(self) -> Iterator[str]:
        """Yield the names of the distributions that it needs, extras aside."""
        for line in self.text("METADATA").partition("\n\n")[0].splitlines():
            if line.startswith("Requires-Dist:") and not _EXTRA.search(line):
                match = _NAME.match(line.removeprefix("Requires-Dist:").strip())
                if match:
                    yield normalise(match[0])


def normalise(name: str) -> str:
    """Return the normalised name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Installed:
    """What is installed beside the tools that commands name. Reads each environment once."""

    def __init__(self) -> None:
        self._environments: dict[str, dict[str, _Distribution]] = {}
        self._fingerprints: dict[tuple[str, str], str] = {}

    def _distributions(self, tool: str) -> dict[str, _Distribution]:
        prefix = os.path.dirname(os.path.dirname(tool))
        found = self._environments.get(prefix)
        if found is None:
            found = {}
            for site in sorted(glob.glob(os.path.join(glob.escape(prefix), "lib", "python3*", "site-packages"))):
                for name in os.listdir(site):
                    if name.endswith(".dist-info"):
                        distribution = normalise(name.removesuffix(".dist-info").rpartition("-")[0])
                        found[distribution] = _Distribution(distribution, os.path.join(site, name))
            self._environments[prefix] = found
        return found

    def tool(self, tool: str) -> str:
        """Return what counts of an executable: of an environment's Python its version, of anything else that it exists."""
        if not re.fullmatch(r"python[0-9.]*", os.path.basename(tool)):
            return "present"
        if os.path.dirname(os.path.dirname(tool)) == sys.prefix:
            return sys.version.partition(" ")[0]
        try:
            with open(os.path.join(os.path.dirname(os.path.dirname(tool)), "pyvenv.cfg"), encoding="utf-8") as file:
                settings = dict(line.split("=", 1) for line in file if "=" in line)
        except OSError:
            return os.path.basename(os.path.realpath(tool))
        pairs = {name.strip(): value.strip() for name, value in settings.items()}
        return pairs.get("version_info", pairs.get("version", "unknown")).removesuffix(".final.0")

    def fingerprint(self, tool: str, name: str) -> str | None:
        """Return the present fingerprint of the distribution ``name``, or None where it is not installed."""
        found = self._distributions(tool).get(name)
        if found is None:
            return None
        if (found.folder, name) not in self._fingerprints:
            self._fingerprints[found.folder, name] = found.fingerprint()
        return self._fingerprints[found.folder, name]

    def used(self, tool: str, sources: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield name and fingerprint of each distribution that the Python files ``sources`` import, and of what those require."""
        distributions = self._distributions(tool)
        by_module: dict[str, set[str]] = {}
        for distribution in distributions.values():
            for module in distribution.modules():
                by_module.setdefault(module, set()).add(distribution.name)
        todo = sorted({name for source in sources for module in imported(source) for name in by_module.get(module, ())})
        seen: set[str] = set()
        while todo:
            name = todo.pop()
            if name in seen or name not in distributions:
                continue
            seen.add(name)
            todo.extend(distributions[name].required())
        for name in sorted(seen):
            fingerprint = self.fingerprint(tool, name)
            if fingerprint is not None:
                yield name, fingerprint


def imported(source: str) -> frozenset[str]:
    """Return the top-level modules that the Python file ``source`` imports; none where it cannot be read as Python."""
    try:
        with open(source, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return frozenset(names)
