import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

LIMIT_S = 60

MANIFEST = """\
[paper]
source = "paper.md"

[target.train]
run = "python3 train.py --seed {seed} > acc-{seed}.json"
inputs = ["train.py"]
outputs = { acc = "acc-{seed}.json" }
matrix = { seed = [0, 1] }

[target.mean]
run = "cat acc-0.json acc-1.json > mean.txt"
inputs = ["acc-0.json", "acc-1.json"]
outputs = ["mean.txt"]
"""


def clean_environment(**more):
    names = ("PATH", "HOME", "LANG", "TMPDIR")
    return {**{name: os.environ[name] for name in names if name in os.environ}, "PYTHONPATH": str(Path(__file__).parents[2]), **more}


@dataclass
class Answer:
    code: int
    out: str
    err: str


class Project:
    def __init__(self, root):
        self.root = root

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self

    def read(self, name):
        return (self.root / name).read_text()

    def call(self, *words, folder=".", **more):
        done = subprocess.run(
            [sys.executable, "-m", "paperbuild", *words],
            cwd=self.root / folder,
            env=clean_environment(**more),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def project(tmp_path):
    return (
        Project(tmp_path)
        .write("paperbuild.toml", MANIFEST)
        .write("paper.md", "# Result\n\nText.\n")
        .write("train.py", "import sys\nprint('{\"acc\": 0.' + sys.argv[2] + '5}')\n")
    )
