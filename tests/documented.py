"""The documentation as tests read it: the fenced blocks of a page, and a page carried out from top to bottom.

A block's language and title say what it is to whoever reads the page, and to the test:

| the fence | means |
|---|---|
| ```` ```sh ```` | commands, typed one after the other; ``# exits with 1`` at a line's end says that it does |
| ```` ```text ```` after commands | what they print, in part: each line occurs, in this order; … stands for anything |
| ```` ```LANGUAGE title="FILE" ```` | the file, whole |
| ```` ```LANGUAGE title="FILE, at the end" ```` | lines that are put behind what the file holds |
| ```` ```diff title="FILE" ```` | lines of the file that are replaced by others |

Anything else in a page is only read.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT_S = 240
FENCE = re.compile(
    r'^(?P<fence>`{3,})(?P<language>\w*)(?: title="(?P<title>[^"\n]*)")?\n(?P<text>.*?)^(?P=fence)$', re.MULTILINE | re.DOTALL
)
_AT_THE_END = ", at the end"
_EXITS = re.compile(r"# exits with (\d+)")


@dataclass(frozen=True)
class Block:
    """One fenced block: ``title`` is "" where it has none."""

    language: str
    title: str
    text: str


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def fenced(page):
    """Return all fenced blocks of a page, in order; a block within a block belongs to the outer one."""
    return [Block(found["language"], found["title"] or "", found["text"]) for found in FENCE.finditer(text_of(page))]


def blocks(page, language):
    """Return the texts of the blocks in one language."""
    return [block.text for block in fenced(page) if block.language == language]


@dataclass
class Reader:
    """Somebody who carries out a page in ``folder``, with a shell of their own."""

    folder: Path
    environment: dict[str, str]
    instead: dict[str, str] = field(default_factory=dict)
    """Commands to run in the place of others, by their whole line."""
    said: str = ""
    """What the last block of commands printed, both streams."""

    def carry_out(self, page):
        for block in fenced(page):
            if block.language == "sh":
                self.type(block.text)
            elif block.title and block.language == "diff":
                self._change(block)
            elif block.title:
                self._write(block)
            elif block.language == "text":
                self.expect(block.text)

    def type(self, commands):
        """Run lines of commands as they would be typed: the folder of one is that of the next."""
        self.said = ""
        for line in commands.splitlines():
            command = self.instead.get(_EXITS.sub("", line).strip(), line)
            if not command.strip() or command.startswith("#"):
                continue
            if command.startswith("paperbuild watch"):
                self._watch(command)
            else:
                self._run(command)

    def expect(self, lines):
        """Hold what was printed last against ``lines``."""
        pattern = ".*?".join(re.escape(line.strip()).replace("…", ".*?") for line in lines.splitlines() if line.strip())
        assert re.search(pattern, self.said, re.DOTALL), f"expected\n{lines}\nprinted\n{self.said}"

    def _run(self, command):
        wanted = int(found[1]) if (found := _EXITS.search(command)) else 0
        here = self.folder / ".here"
        done = subprocess.run(
            ["bash", "-c", f"{command}\nended=$?\npwd > {shlex.quote(str(here))}\nexit $ended"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == wanted, f"{command}: {done.returncode}\n{done.stdout}"
        self.said += done.stdout
        place = here.read_text().rstrip("\n")
        here.unlink()
        self.folder = Path(place)

    def _watch(self, command):
        """Start ``watch``, look at its page once the first build has ended, and end it with Ctrl-C."""
        words = [sys.executable, "-m", *shlex.split(command, comments=True)]
        log = self.folder / ".watched~"
        with (
            open(log, "w", encoding="utf-8") as file,
            subprocess.Popen(words, cwd=self.folder, env=self.environment, stderr=file, stdout=file) as running,
        ):
            try:
                self.said += self._looked_at(running, log)
                running.send_signal(signal.SIGINT)
                assert running.wait(timeout=30) in (0, 130)
            finally:
                running.terminate()
        log.unlink()

    def _looked_at(self, running, log):
        """Return what ``watch`` says until its first build has ended, and fetch the page that it serves."""
        deadline = time.monotonic() + LIMIT_S
        while "build ends" not in (said := log.read_text(encoding="utf-8")):
            assert running.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        address = re.search(r"http://\S+", said)
        assert address, said
        with urllib.request.urlopen(address[0], timeout=10) as page:
            assert b"<html" in page.read()
        return said

    def _write(self, block):
        name, adds = block.title.removesuffix(_AT_THE_END), block.title.endswith(_AT_THE_END)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert path.exists() == adds, f"{name} is {'not ' if adds else ''}there"
        path.write_text((path.read_text(encoding="utf-8") + "\n" if adds else "") + block.text, encoding="utf-8")

    def _change(self, block):
        lines = block.text.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in "- ")
        after = "".join(line[1:] for line in lines if line[0] in "+ ")
        path = self.folder / block.title
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{block.title} has not once\n{before}"
        path.write_text(text.replace(before, after), encoding="utf-8")


def environment_of_a_reader(home):
    """Return the variables of a shell in which the Python of the tests is active, and git knows a name and nothing else."""
    (home / "gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.org\n[init]\ndefaultBranch = main\n", encoding="utf-8")
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
    }
