"""Whole error texts, pinned. One file for each case.

A case file holds a description, the command, the exit code, the files of a small project, and what the command must print::

    # A value of a target that there is not.
    $ paperbuild render
    exit 1
    -- paper.md --
    Accuracy is [0.9]{val=trian.acc}.
    -- stderr --
    error[PB201]: ...

A line ``$ git …`` calls git in that folder. A file's name may be followed by ``(escapes)``: then ``\\xff`` stands for one byte.
``PAPERBUILD_UPDATE=1`` in the environment writes what was printed into the case files; read the difference before you commit it.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from paperbuild.cli.main import main

CASES = sorted(Path(__file__).parent.glob("*.case"))
_SECTION = re.compile(r"^-- (?P<name>.+?)(?P<escapes> \(escapes\))? --\n", re.MULTILINE)


class Case:
    def __init__(self, text):
        head, *parts = _SECTION.split(text)
        self.commands = re.findall(r"^\$ (paperbuild|git) (.*)$", head, re.MULTILINE)
        self.exit = int(re.search(r"^exit (\d+)$", head, re.MULTILINE)[1])
        self.files = {}
        self.expected = ""
        for name, escapes, content in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            if name == "stderr":
                self.expected = content
            else:
                self.files[name] = content.encode().decode("unicode_escape").encode("latin-1") if escapes else content.encode()

    def write(self, folder):
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def stable(text, root):
    """Take out what differs from run to run: the folder (Python's tracebacks name it), durations, times, digests."""
    text = text.replace(f"{root}/", "ROOT/")
    text = re.sub(r"\b\d{8}T\d{6}\.\d+", "TIME", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b", "TIME", text)
    text = re.sub(r"\b\d+(\.\d+)? s\b", "N s", text)
    text = re.sub(r"\([0-9a-f]{8}\)", "(COMMIT)", text)
    return re.sub(r"\b[0-9a-f]{16,64}\b", "DIGEST", text)


def updated(source, printed):
    return source[: source.index("-- stderr --\n")] + "-- stderr --\n" + printed


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_whole_text_of_an_error(path, tmp_path, monkeypatch, capfd):
    source = path.read_text()
    case = Case(source)
    case.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    code = 0
    for program, command in case.commands:
        if program == "git":
            subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e@x", *command.split()], check=True, capture_output=True)
            continue
        capfd.readouterr()
        code = main(["-q", *command.split()])
    printed = stable(capfd.readouterr().err, tmp_path)
    assert str(tmp_path) not in printed
    if os.environ.get("PAPERBUILD_UPDATE"):
        path.write_text(updated(source, printed))
    assert (printed, code) == (case.expected, case.exit)


def test_every_case_is_found():
    assert len(CASES) >= 13
