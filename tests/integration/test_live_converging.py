"""Whatever happens to a project's files, ``watch`` ends with what a clean build gives: the real loop, on real upheavals."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
LIMIT_S = 60
MANIFEST = """\
[paper]
source = "paper.md"
formats = ["html"]

[target.total]
run = "python3 code/sum.py"
outputs = ["out/sum.json"]
"""
SUM = """\
import json, os, pathlib, time
os.makedirs("out", exist_ok=True)
numbers = [int(path.read_text()) for path in sorted(pathlib.Path("data").rglob("*.txt"))]
time.sleep(PAUSE)
json.dump({"n": sum(numbers), "files": len(numbers)}, open("out/sum.json", "w"))
"""
PAPER = "# Result\n\nThe sum of []{val=total.files} is []{val=total.n}. WORDS\n\n![Rows.](tables/rows.csv){#tbl:rows}\n"
BASE = {
    "paperbuild.toml": MANIFEST,
    "paper.md": PAPER,
    "code/sum.py": SUM.replace("PAUSE", "0"),
    "data/a.txt": "1",
    "data/deep/b.txt": "2",
    "tables/rows.csv": "town,people\nRiga,605\n",
}
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GIT_"))} | {"PYTHONPATH": str(TOP)}
GIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main")


class Watched:
    """A project that is watched."""

    def __init__(self, root):
        self.root = root
        for name, text in BASE.items():
            self.write(name, text)
        self.log = root / ".watch.log~"
        self.process = None

    def start(self):
        with self.log.open("w") as log:
            command = [sys.executable, "-P", "-m", "paperbuild", "watch"]
            self.process = subprocess.Popen(command, cwd=self.root, env=ENVIRONMENT, stderr=log, stdout=subprocess.DEVNULL)
        self.settle()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def swap(self, name, text):
        """Save as editors do that keep what was there until the new file is whole."""
        beside = self.root / f"{name}.new~"
        beside.write_text(text)
        beside.replace(self.root / name)

    def git(self, *words):
        subprocess.run([*GIT, *words], cwd=self.root, env=ENVIRONMENT, check=True, capture_output=True, timeout=LIMIT_S)

    @property
    def said(self):
        return self.log.read_text()

    @property
    def page(self):
        return (self.root / "_build/paper.html").read_text()

    def settle(self, quiet_s=0.8):
        """Wait until nothing is to be done, and has not been for longer than events are held back."""
        until = time.monotonic() + LIMIT_S
        since, last = time.monotonic(), ""
        while time.monotonic() - since < quiet_s:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < until, self.said
            said = self.said
            if said != last or not said.endswith("Ctrl-C ends this\n"):
                since, last = time.monotonic(), said
            time.sleep(0.02)

    def converges(self, folder):
        """Whether the page is, to the byte, the one that a copy of the sources in another folder gives."""
        self.settle()
        names = shutil.ignore_patterns(".paperbuild", "_build", "out", ".git", "*~", "__pycache__")
        copy = folder / f"clean{sum(1 for _ in folder.iterdir())}"
        shutil.copytree(self.root, copy, ignore=names)
        done = subprocess.run(
            [sys.executable, "-P", "-m", "paperbuild", "render"], cwd=copy, env=ENVIRONMENT, capture_output=True, text=True,
            timeout=LIMIT_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        wanted, until = (copy / "_build/paper.html").read_text(), time.monotonic() + LIMIT_S
        while self.page != wanted and time.monotonic() < until:  # a busy machine hears late of what was saved
            time.sleep(0.05)
        self.settle()
        assert self.page == wanted, self.said
        assert "Traceback" not in self.said
        return True

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(LIMIT_S)


@pytest.fixture
def watched(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    watched = Watched(root)
    yield watched
    if watched.process is not None and watched.process.poll() is None:
        watched.process.send_signal(signal.SIGCONT)
        watched.end()


@pytest.fixture
def clean(tmp_path):
    folder = tmp_path / "clean"
    folder.mkdir()
    return folder


def sums(page):
    """The two numbers that the page shows."""
    return tuple(int(value) for value in re.findall(r'class="pb-value[^>]*>(\d+)<', page))


def test_saves_by_rename_and_in_place_one_after_the_other(watched, clean):
    watched.start()
    for n in range(6):
        watched.swap("paper.md", PAPER.replace("WORDS", f"Text {n} by rename."))
        time.sleep(0.07 * n)
        watched.write("paper.md", PAPER.replace("WORDS", f"Text {n} in place."))
        watched.swap("data/a.txt", str(n))
    assert watched.converges(clean)
    assert "Text 5 in place." in watched.page
    assert sums(watched.page) == (2, 7)


def test_another_branch_is_checked_out_and_what_was_changed_is_stashed_and_comes_back(watched, clean):
    watched.git("init")
    watched.write(".gitignore", "_build/\nout/\n*~\n")
    watched.git("add", ".")
    watched.git("commit", "-m", "one")
    watched.git("checkout", "-b", "other")
    shutil.rmtree(watched.root / "data" / "deep")
    watched.write("data/more/c.txt", "40")
    watched.write("paper.md", PAPER.replace("WORDS", "Text of the other branch."))
    watched.write("tables/rows.csv", "town,people\nTartu,91\n")
    watched.git("add", ".")
    watched.git("commit", "-m", "two")
    watched.git("checkout", "main")
    watched.start()
    assert sums(watched.page) == (2, 3)
    watched.git("checkout", "other")
    assert watched.converges(clean)
    assert sums(watched.page) == (2, 41)
    assert "Tartu" in watched.page
    watched.write("data/more/c.txt", "50")
    watched.write("paper.md", PAPER.replace("WORDS", "Text that is stashed."))
    watched.settle()
    assert sums(watched.page) == (2, 51)
    watched.git("stash")
    assert watched.converges(clean)
    assert sums(watched.page) == (2, 41)
    assert "Text of the other branch." in watched.page
    watched.git("stash", "pop")
    watched.settle()
    assert "Text that is stashed." in watched.page
    watched.git("stash")
    for branch in ("main", "other", "main"):  # faster than a build
        watched.git("checkout", branch)
    assert watched.converges(clean)
    assert sums(watched.page) == (2, 3)


@pytest.mark.parametrize("folder", ["data", "data/deep", "tables"])
def test_a_folder_is_deleted_comes_again_and_is_watched_as_before(watched, clean, folder):
    watched.start()
    names = [path.relative_to(watched.root) for path in (watched.root / folder).rglob("*") if path.is_file()]
    for n in range(2):
        kept = {name: (watched.root / name).read_text() for name in names}
        shutil.rmtree(watched.root / folder)
        if n:
            watched.settle()
        for name, text in kept.items():
            watched.write(name, text)
        assert watched.converges(clean)
        for name in names:
            watched.write(name, f"town,people\nRiga,{n}01\n" if name.suffix == ".csv" else f"{n}01")
        assert watched.converges(clean)
    assert "101" in watched.page if folder == "tables" else sums(watched.page)[1] in {102, 103, 202}


def test_a_folder_takes_the_place_of_another_and_its_files_are_heard_of(watched, clean):
    watched.start()
    shutil.copytree(watched.root / "data", watched.root / "other")
    watched.settle()
    (watched.root / "data").rename(watched.root / "old")
    (watched.root / "other").rename(watched.root / "data")
    watched.settle()
    watched.write("data/a.txt", "90")
    assert watched.converges(clean)
    assert sums(watched.page) == (2, 92)
    builds = watched.said.count("build begins")
    watched.write("old/a.txt", "80")
    watched.settle()
    assert watched.said.count("build begins") <= builds + 1
    assert sums(watched.page) == (2, 92)


@pytest.mark.skipif(not os.path.exists("/proc/sys/fs/inotify/max_queued_events"), reason="there is no inotify here")
def test_more_happens_than_the_kernel_remembers(watched, clean):
    watched.start()
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    watched.process.send_signal(signal.SIGSTOP)
    while any("State:\tT" not in (thread / "status").read_text() for thread in Path(f"/proc/{watched.process.pid}/task").iterdir()):
        time.sleep(0.01)  # each of its threads, the one that listens among them
    noise = [os.open(watched.root / name, os.O_WRONLY | os.O_CREAT, 0o644) for name in ("one~", "two~")]
    for n in range(limit + 1000):
        os.write(noise[n % 2], b"x")  # equal events that follow each other are one
    for descriptor in noise:
        os.close(descriptor)
    watched.write("paper.md", PAPER.replace("WORDS", "Nobody was told."))
    watched.write("data/a.txt", "30")
    shutil.rmtree(watched.root / "data" / "deep")
    watched.write("new/table.csv", "town,people\nNarva,53\n")
    shutil.rmtree(watched.root / "tables")
    watched.write("tables/rows.csv", "town,people\nTallinn,453\n")
    watched.process.send_signal(signal.SIGCONT)
    assert watched.converges(clean)
    assert sums(watched.page) == (1, 30)
    assert "Nobody was told." in watched.page
    assert "Tallinn" in watched.page
    assert "changed: (events were lost), " in watched.said
    assert "overflow" not in watched.said, "a library speaks in our terminal"
    watched.write("paper.md", PAPER.replace("tables/rows.csv", "new/table.csv"))
    assert watched.converges(clean)
    watched.write("new/table.csv", "town,people\nNarva,54\n")
    watched.write("tables/rows.csv", "town,people\nTallinn,454\n")
    assert watched.converges(clean)
    assert ">54<" in watched.page


def test_edits_while_a_build_is_at_work_are_in_the_next_one(watched, clean):
    watched.write("code/sum.py", SUM.replace("PAUSE", "0.5"))
    watched.start()
    for n in range(8):
        watched.write("data/a.txt", str(n))
        time.sleep(0.13)
        watched.swap("paper.md", PAPER.replace("WORDS", f"Text {n}."))
        time.sleep(0.09 * (n % 3))
        watched.write("tables/rows.csv", f"town,people\nRiga,{n}00\n")
    assert watched.converges(clean)
    assert sums(watched.page) == (2, 9)
    assert "Text 7." in watched.page
    assert "700" in watched.page


def test_a_file_that_a_command_writes_while_it_reads_another_is_no_edit_without_end(watched, clean):
    watched.write("code/sum.py", SUM.replace("PAUSE", "0") + "open('code/log.txt', 'a').write('x')\n")
    watched.start()
    watched.write("data/a.txt", "12")
    watched.settle()
    assert sums(watched.page) == (2, 14)
    said = watched.said
    time.sleep(1.5)
    assert watched.said == said


def test_a_missing_file_that_a_command_looked_for_appears(watched, clean):
    watched.write(
        "code/sum.py",
        "import json, os\nos.makedirs('out', exist_ok=True)\nn = 0\nif os.path.exists('new.txt'):\n    n = int(open('new.txt').read())\n"
        "json.dump({'n': n, 'files': n}, open('out/sum.json', 'w'))\n",
    )
    watched.start()
    assert sums(watched.page) == (0, 0)
    watched.write("new.txt", "5")
    assert watched.converges(clean)
    assert sums(watched.page) == (5, 5)
    (watched.root / "new.txt").unlink()
    assert watched.converges(clean)
    assert sums(watched.page) == (0, 0)


@pytest.fixture
def elsewhere():
    """A folder that is no temporary one, of which nothing is an input; a checkout may be in such a one."""
    with tempfile.TemporaryDirectory(prefix=".paperbuild-test-", dir=Path.home()) as name:
        yield Path(name)


def test_files_outside_of_the_project_that_were_read_are_noticed_as_well(watched, clean, elsewhere):
    (elsewhere / "shared.bib").write_text("@book{k, author={Donald E. Knuth}, title={Of type}, year={1984}, publisher={AW}}\n")
    (elsewhere / "number.txt").write_text("3")
    watched.write("paper.md", f"---\nbibliography: {elsewhere}/shared.bib\n---\n" + PAPER.replace("WORDS", "As @k says."))
    watched.write(
        "code/sum.py",
        SUM.replace("PAUSE", "0").replace("numbers = [", f"numbers = [int(open({str(elsewhere / 'number.txt')!r}).read())] + ["),
    )
    watched.start()
    assert sums(watched.page) == (3, 6)
    (elsewhere / "number.txt").write_text("10")
    assert watched.converges(clean)
    assert sums(watched.page) == (3, 13)
    beside = elsewhere / "shared.bib.new"
    beside.write_text((elsewhere / "shared.bib").read_text().replace("1984", "1986"))
    beside.replace(elsewhere / "shared.bib")
    assert watched.converges(clean)
    assert "1986" in watched.page
    builds = watched.said.count("build begins")
    (elsewhere / "beside.txt").write_text("nobody reads this")
    watched.settle()
    assert watched.said.count("build begins") == builds
