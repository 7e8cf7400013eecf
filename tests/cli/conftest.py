import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from paperbuild.cli.main import main

LIMIT_S = 60

MANIFEST = """\
[paper]
source = "paper.md"

[target.train]
run = "python3 train.py --seed {seed} > acc-{seed}.json"
inputs = ["train.py"]
outputs = { acc = "acc-{seed}.json" }
matrix = { seed = [0, 1] }

[target.joined]
run = "cat acc-0.json acc-1.json > joined.txt"
inputs = ["acc-0.json", "acc-1.json"]
outputs = ["joined.txt"]
"""


def clean_environment(**more):
    names = ("PATH", "HOME", "LANG", "TMPDIR", "PAPERBUILD_REMOTE")
    return {**{name: os.environ[name] for name in names if name in os.environ}, "PYTHONPATH": str(Path(__file__).parents[2]), **more}


@dataclass
class Answer:
    code: int
    out: str
    err: str


class Project:
    """A small project, and the program called in it: in this process, which saves a tenth of a second per call."""

    def __init__(self, root, monkeypatch, capfd):
        self.root = root
        self._monkeypatch = monkeypatch
        self._capfd = capfd

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self

    def read(self, name):
        return (self.root / name).read_text()

    def call(self, *words, folder="."):
        self._monkeypatch.chdir(self.root / folder)
        self._monkeypatch.delenv("FORCE_COLOR", raising=False)
        self._capfd.readouterr()
        code = main(words)
        out, err = self._capfd.readouterr()
        return Answer(int(code), out, err)

    def once(self, kept, build):
        """Have ``build()`` build this project; where that was done before, copy what came of it, with its store."""
        if kept.exists():
            shutil.rmtree(self.root)
            shutil.copytree(kept, self.root, symlinks=True)
        else:
            build()
            shutil.copytree(self.root, kept, symlinks=True)
        return self

    def start(self, *words, stderr=subprocess.PIPE):
        """Start the program as a process of its own."""
        return self._start("-m", "paperbuild", *words, stderr=stderr)

    def start_python(self, code):
        """Start a Python of its own with this code."""
        return self._start("-c", code, stderr=subprocess.DEVNULL)

    def _start(self, *words, stderr):
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=self.root,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder for the project of a file's tests once it was built: see :meth:`Project.once`."""
    return tmp_path_factory.mktemp("kept") / "project"


@pytest.fixture
def project(tmp_path, monkeypatch, capfd):
    return (
        Project(tmp_path, monkeypatch, capfd)
        .write("paperbuild.toml", MANIFEST)
        .write("paper.md", "# Result\n\nText.\n")
        .write("train.py", "import sys\nprint('{\"acc\": 0.' + sys.argv[2] + '5}')\n")
    )
