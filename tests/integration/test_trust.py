"""What an engine is to be trusted with: real commands on the real disk, each test named by what must hold."""

from __future__ import annotations

import os
import py_compile
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from msgspec.structs import replace

from paperbuild.engine.build import BuildReport
from paperbuild.engine.graph import Action
from paperbuild.engine.trace import Item, load_record
from paperbuild.events import Outcome
from tests.engine.disk import Project
from tests.engine.world import command


def undeclared(name: str, line: str, outputs: str) -> Action:
    return command(name, line, outputs, None)


def ran(report: BuildReport) -> set[str]:
    return {id_ for id_, outcome in report.outcomes.items() if outcome is Outcome.RAN}


def codes(report: BuildReport) -> list[str]:
    return [diagnostic.code for diagnostic in report.diagnostics]


Make = Callable[..., Project]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that makes a project of files and actions. Its commands have a Python of their own."""
    python = tmp_path / "environment"

    def make(files: dict[str, str], *actions: Action) -> Project:
        return Project(tmp_path / "project", actions, python=f"{python}/bin").write(files)

    return make


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment without packages, which the commands of a project use; return where its packages go."""
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return next((folder / "lib").glob("python*")) / "site-packages"


def install(site: Path, name: str, version: str, text: str) -> None:
    """Install a package as an installer leaves it."""
    (site / f"{name}.py").write_text(text)
    for old in site.glob(f"{name}-*.dist-info"):
        shutil.rmtree(old)
    about = site / f"{name}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "RECORD").write_text(f"{name}.py,,\n{about.name}/METADATA,,\n{about.name}/RECORD,,\n")


class TestPythons:
    """Scripts with modules and packages."""

    SCRIPT = "import helper\nprint(helper.x, file=open('out', 'w'))\n"

    @pytest.mark.parametrize(
        "python", ["PYTHONDONTWRITEBYTECODE= python", "PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX= python", "python -E"]
    )
    def test_a_helper_that_changes_within_a_second_at_the_same_size_is_read_anew_with_bytecode_writing_on(
        self, make: Make, environment: Path, python: str
    ):
        files = {"s/script.py": self.SCRIPT, "s/helper.py": "x = 1\n"}
        project = make(files, undeclared("t", f"{python} s/script.py", "out"))
        helper = project.root / "s/helper.py"
        second = int(time.time()) - 5
        os.utime(helper, (second, second))
        assert project.build().succeeded
        helper.write_text("x = 2\n")
        os.utime(helper, (second + 0.5, second + 0.5))
        assert ran(project.build()) == {"t"}
        assert (project.root / "out").read_text() == "2\n"
        assert ran(project.build()) == set()

    def test_an_unrelated_file_or_swap_file_beside_a_script_runs_nothing(self, make: Make, environment: Path):
        files = {"s/script.py": self.SCRIPT, "s/helper.py": "x = 1\n"}
        project = make(files, undeclared("t", "python s/script.py", "out"))
        assert project.build().succeeded
        project.write({"s/unrelated.py": "", "s/.script.py.swp": "", "s/notes.txt": "", "s/script.py~": "", "s/4913": ""})
        assert ran(project.build()) == set()

    def test_who_looks_for_versions_and_plugins_depends_on_metadata_alone(self, make: Make, environment: Path):
        script = (
            "from importlib.metadata import entry_points\nprint([one.name for one in entry_points(group='mine')], file=open('out', 'w'))\n"
        )
        project = make({"s/script.py": script}, undeclared("t", "python s/script.py", "out"))
        assert project.build().succeeded
        project.write({"s/unrelated.py": "", "s/notes.txt": ""})
        assert ran(project.build()) == set()
        about = "s/plugin-1.dist-info"
        project.write({f"{about}/METADATA": "Name: plugin\nVersion: 1\n", f"{about}/entry_points.txt": "[mine]\nhere = plugin:main\n"})
        assert ran(project.build()) == {"t"}
        assert project.tree()["out"] == "['here']\n"

    def test_a_file_that_would_shadow_an_import_runs_what_imports(self, make: Make, environment: Path):
        install(environment, "helper", "1", "x = 1\n")
        project = make({"s/script.py": self.SCRIPT}, undeclared("t", "python s/script.py", "out"))
        assert project.build().succeeded
        project.write({"s/helper.py": "x = 'mine'\n"})
        assert ran(project.build()) == {"t"}
        assert project.tree()["out"] == "mine\n"

    def test_an_unrelated_package_runs_nothing_and_another_version_of_a_used_one_does(self, make: Make, environment: Path):
        install(environment, "helper", "1", "x = 1\n")
        project = make({"script.py": self.SCRIPT}, undeclared("t", "python script.py", "out"))
        assert project.build().succeeded
        install(environment, "unrelated", "1", "")
        assert ran(project.build()) == set()
        install(environment, "helper", "2", "x = 2\n")
        assert ran(project.build()) == {"t"}
        assert project.tree()["out"] == "2\n"

    @staticmethod
    def counted(project: Project) -> tuple[Item, ...]:
        """Return what the only record says was read."""
        (record,) = (project.root / ".paperbuild/records").rglob("*.json")
        return load_record(record.read_bytes()).items

    @staticmethod
    def compiled(site: Path, text: str) -> Path:
        """Leave bytecode of a helper with ``text`` that is as long as the installed one and of its second."""
        helper = site / "helper.py"
        there = helper.read_text(), helper.stat().st_mtime_ns
        helper.write_text(text)
        os.utime(helper, ns=(there[1], there[1]))
        made = Path(cache_from_source(str(helper)))
        py_compile.compile(str(helper), str(made), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
        helper.write_text(there[0])
        os.utime(helper, ns=(there[1], there[1]))
        return made

    def test_what_is_installed_is_not_compiled_anew_and_counts_as_if_it_were(self, make: Make, environment: Path):
        install(environment, "helper", "1", "x = 1\n")
        project = make({"s/script.py": self.SCRIPT}, undeclared("t", "python s/script.py", "out"))
        assert project.build().succeeded
        counted = self.counted(project)
        assert any("helper" in str(item) for item in counted)
        shutil.rmtree(project.root / ".paperbuild")
        made = self.compiled(environment, "x = 7\n")  # a lie, by which it is known
        (project.root / "out").unlink()
        assert project.build().succeeded
        assert project.tree()["out"] == "7\n"
        assert self.counted(project) == counted
        made.unlink()
        assert ran(project.build()) == set()

    def test_bytecode_of_an_environment_in_the_project_is_as_good(self, tmp_path: Path):
        root = tmp_path / "project"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
        site = next((root / ".venv/lib").glob("python*")) / "site-packages"
        install(site, "helper", "1", "x = 1\n")
        made = self.compiled(site, "x = 7\n")
        project = Project(root, (undeclared("t", "python s/script.py", "out"),), python=f"{root}/.venv/bin")
        assert ran(project.write({"s/script.py": self.SCRIPT}).build()) == {"t"}
        assert (root / "out").read_text() == "7\n"
        assert made.exists()
        assert ran(project.build()) == set()

    def test_bytecode_of_what_is_installed_is_read_by_who_is_not_watched_too(self, make: Make, environment: Path):
        install(environment, "helper", "1", "x = 1\n")
        self.compiled(environment, "x = 7\n")
        action = replace(undeclared("t", "python s/script.py", "out"), observe="off", inputs=("s/script.py",))
        project = make({"s/script.py": self.SCRIPT}, action)
        assert project.build().succeeded
        assert project.tree()["out"] == "7\n"

    def test_bytecode_no_younger_than_what_is_installed_is_not_believed(self, make: Make, environment: Path):
        install(environment, "helper", "1", "x = 1\n")
        project = make({"s/script.py": self.SCRIPT}, undeclared("t", "python s/script.py", "out"))
        for age_s in (0.001, 0.0):
            made = self.compiled(environment, "x = 7\n")
            then = (environment / "helper.py").stat().st_mtime_ns - int(age_s * 10**9)
            os.utime(made, ns=(then, then))
            project.write({"s/script.py": f"{self.SCRIPT}# {age_s}\n"})
            assert project.build().succeeded
            assert project.tree()["out"] == "1\n"

    def test_bytecode_beside_a_module_of_the_project_is_not_read(self, make: Make, environment: Path):
        project = make({"s/script.py": self.SCRIPT, "s/helper.py": "x = 1\n"}, undeclared("t", "python s/script.py", "out"))
        self.compiled(project.root / "s", "x = 7\n")
        assert project.build().succeeded
        assert (project.root / "out").read_text() == "1\n"


class TestOthersOutputs:
    """A command has no business with the outputs of another one."""

    ONE = command("one", "cat a > first", "first", "a")

    @pytest.mark.parametrize(
        ("line", "folder"), [("echo mine > first", False), ("rm first", False), ("echo mine >> first", False), ("echo mine > m/x", True)]
    )
    def test_a_command_that_changes_another_targets_output_is_an_error_and_the_output_is_as_it_was(
        self, make: Make, line: str, *, folder: bool
    ):
        one = command("one", "mkdir m; cat a > m/x", "m/", "a") if folder else self.ONE
        project = make({"a": "1\n"}, one, undeclared("two", f"echo x > second; {line}", "second"))
        report = project.build(keep_going=True)
        assert report.outcomes == {"one": Outcome.RAN, "two": Outcome.FAILED}
        assert [code for code in codes(report) if code != "PB417"] == ["PB444"]
        assert project.tree().get("m/x" if folder else "first") == "1\n"
        assert ran(project.build(keep_going=True)) == set()
        project.actions = (one,)
        assert project.build().outcomes == {"one": Outcome.REUSED}

    def test_writing_the_same_again_is_none(self, make: Make):
        project = make({"a": "1\n"}, self.ONE, undeclared("two", "cat first > second; cat a > first", "second"))
        assert project.build().succeeded


class TestWriters:
    """What goes on writing, and who edits meanwhile."""

    def test_an_orphaned_grandchild_that_writes_late_writes_nothing(self, make: Make):
        late = "(setsid sh -c 'sleep 0.5; echo late >> out; echo late > stray' &) ; cat a > out"
        project = make({"a": "1\n"}, undeclared("t", late, "out"))
        assert project.build().succeeded
        time.sleep(0.8)
        assert project.tree() == {"a": "1\n", "out": "1\n"}
        assert ran(project.build()) == set()

    def test_an_input_that_is_edited_mid_run_means_one_more_run(self, make: Make):
        project = make({"a": "1\n"}, undeclared("t", "cat a > out; sleep 0.6", "out"))
        timer = threading.Timer(0.4, project.write, ({"a": "2\n"},))
        timer.start()
        report = project.build()
        timer.join()
        assert report.succeeded
        assert project.tree()["out"] == "2\n"
        assert ran(project.build()) == set()

    def test_a_file_that_appears_mid_run_where_it_was_missed_means_one_more_run(self, make: Make):
        project = make({}, undeclared("t", "if [ -e a ]; then echo yes; else echo no; fi > out; sleep 0.6", "out"))
        timer = threading.Timer(0.4, project.write, ({"a": ""},))
        timer.start()
        assert project.build().succeeded
        timer.join()
        assert project.tree()["out"] == "yes\n"


class TestNames:
    """Names of files."""

    def test_a_newline_in_a_name_is_part_of_it(self, make: Make):
        action = undeclared("t", "cat 'in\nput' > 'out\nput'; ls data > list", "out\nput list")
        action = replace(action, outputs=(replace(action.outputs[0], name="x", path="out\nput"), replace(action.outputs[-1], path="list")))
        project = make({"in\nput": "1", "data/a\nb": ""}, action)
        assert project.build().succeeded
        assert project.tree()["out\nput"] == "1"
        assert ran(project.build()) == set()
        project.write({"in\nput": "2"})
        assert ran(project.build()) == {"t"}
        project.write({"data/b\nc": ""})
        assert ran(project.build()) == {"t"}

    def test_a_rename_of_the_case_alone_is_a_rename(self, make: Make):
        project = make({"data/a": "1"}, undeclared("t", "ls data > out; cat data/a >> out || true", "out"))
        assert project.build().succeeded
        (project.root / "data/a").rename(project.root / "data/A")
        assert ran(project.build()) == {"t"}
        assert project.tree()["out"] == "A\n"
        (project.root / "data/A").rename(project.root / "data/a")
        assert ran(project.build()) == set()
        assert project.tree()["out"] == "a\n1"


class TestTimes:
    """Clocks that go wrong, and files that tell nothing by their stamps."""

    def test_a_clock_that_jumps_backwards_changes_nothing(self, make: Make):
        project = make({"a": "1\n"}, undeclared("t", "cat a > out", "out"))
        assert project.build().succeeded
        project.write({"a": "2\n"})
        os.utime(project.root / "a", (1_000_000_000, 1_000_000_000))
        assert ran(project.build()) == {"t"}
        assert project.tree()["out"] == "2\n"
        project.write({"a": "3\n"})
        os.utime(project.root / "a", (1_000_000_000, 1_000_000_000))
        assert ran(project.build()) == {"t"}, "the same size and the same time, in the same folder"
        assert project.tree()["out"] == "3\n"

    def test_a_file_of_the_future_is_a_file(self, make: Make):
        project = make({"a": "1\n"}, undeclared("t", "cat a > out", "out"))
        ahead = time.time() + 10**6
        os.utime(project.root / "a", (ahead, ahead))
        assert project.build().succeeded
        assert ran(project.build()) == set()
        project.write({"a": "2\n"})
        os.utime(project.root / "a", (ahead, ahead))
        assert ran(project.build()) == {"t"}
        assert project.tree()["out"] == "2\n"


def test_a_cell_that_was_dropped_is_in_no_aggregate(make: Make):
    cells = [command(f"cell[{n}]", f"echo {n} > results/{n}", f"results/{n}") for n in range(3)]
    total = undeclared("sum", "cat results/* > sum", "sum")
    project = make({}, total, *cells)
    assert project.build().succeeded
    assert project.tree()["sum"] == "0\n1\n2\n"
    project.actions = (total, cells[0], cells[2])
    assert ran(project.build()) == {"sum"}
    assert project.tree()["sum"] == "0\n2\n"
    project.actions = (total, *cells)
    assert ran(project.build()) == set()
    assert project.tree()["sum"] == "0\n1\n2\n"


def test_an_output_behind_a_link_out_of_the_project_is_refused_and_nothing_there_is_touched(make: Make, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/out").write_text("precious")
    project = make({"a": "1"}, command("t", "cat a > link/out", "link/out", "a"))
    (project.root / "link").symlink_to("../elsewhere")
    report = project.build()
    assert codes(report) == ["PB421"]
    assert (tmp_path / "elsewhere/out").read_text() == "precious"
    assert os.listdir(tmp_path / "elsewhere") == ["out"]


def test_a_script_that_is_made_executable_by_each_run_is_not_taken_for_one_that_changes(make: Make):
    line = "chmod +x s.sh && ./s.sh > out"
    project = make({"s.sh": "#!/bin/sh\necho hi\n"}, undeclared("t", line, "out"))
    assert codes(project.build()) == []
    assert ran(project.build()) == set()
    (project.root / "s.sh").write_text("#!/bin/sh\necho ho\n")
    assert ran(project.build()) == {"t"}
    assert (project.root / "out").read_text() == "ho\n"


def test_what_make_left_from_an_earlier_run_hides_no_change(make: Make):
    """The second run reads only b: what was made of a lies there, and make knows by its time that it is good."""
    rules = "all: a.o b.o\n\tcat a.o b.o\n%.o: %\n\tcp $< $@\n"
    project = make({"Makefile": rules, "a": "1\n", "b": "1\n"}, undeclared("t", "make -s > out", "out"))
    project.build()
    for name, text in (("b", "2\n"), ("a", "3\n")):
        time.sleep(0.02)
        (project.root / name).write_text(text)
        assert ran(project.build()) == {"t"}
    assert (project.root / "out").read_text() == "3\n2\n"


def test_what_git_writes_for_itself_is_nobodys_stray(make: Make):
    asks = (undeclared(name, f"git {line} > {name}", name) for name, line in (("dirt", "describe --always --dirty"), ("files", "ls-files")))
    project = make({"a": "1", ".gitignore": ".paperbuild\n/dirt\n/files\n"}, *asks)
    identity = "-c user.name=A -c user.email=a@example.org"
    line = f"git init -q . && git add . && git {identity} commit -qm 1 && touch a"
    subprocess.run(line, shell=True, cwd=project.root, check=True)
    assert [codes(project.build(jobs=1)) for _ in range(2)] == [[], []]
    assert ran(project.build()) == set()
    subprocess.run(f"git {identity} commit -qm 2 --allow-empty", shell=True, cwd=project.root, check=True)
    assert "dirt" in ran(project.build())


def test_a_database_that_is_only_asked_is_an_input(make: Make):
    """SQLite opens what it reads to write, as memory maps and HDF5 do."""
    script = "import sqlite3; print(*sqlite3.connect('d.db').execute('select x from t').fetchone())"
    project = make({"ask.py": script}, undeclared("t", f"{sys.executable} -S ask.py > out", "out"))
    database = sqlite3.connect(project.root / "d.db", isolation_level=None)
    database.execute("create table t(x)")
    database.execute("insert into t values (1)")
    assert codes(project.build()) == []
    assert ran(project.build()) == set()
    database.execute("update t set x = 2")
    database.close()
    assert ran(project.build()) == {"t"}
    assert (project.root / "out").read_text() == "2\n"


def test_what_stands_in_the_log_of_a_database_that_somebody_has_open_is_an_input(make: Make):
    """SQLite's log comes and goes with who has the database open, and holds what is newest in it."""
    script = "import sqlite3; print(*sqlite3.connect('d.db').execute('select x from t').fetchone())"
    project = make({"ask.py": script}, undeclared("t", f"{sys.executable} -S ask.py > out", "out"))
    database = sqlite3.connect(project.root / "d.db", isolation_level=None)
    for statement in ("pragma journal_mode=wal", "create table t(x)", "insert into t values (1)"):
        database.execute(statement)
    database.close()
    assert codes(project.build()) == []
    assert ran(project.build()) == set()
    database = sqlite3.connect(project.root / "d.db", isolation_level=None)
    for x in ("2", "3"):
        database.execute("update t set x = ?", (x,))
        report = project.build()
        assert (ran(report), codes(report)) == ({"t"}, [])
        assert (project.root / "out").read_text() == f"{x}\n"
        assert ran(project.build()) == set()
    database.close()
    assert ran(project.build()) == {"t"}
    assert ran(project.build()) == set()


def test_a_file_of_hdf5_that_is_opened_to_be_changed_and_only_read_is_an_input(make: Make):
    """HDF5 marks it as open and takes the mark back: it is written, and says what it said. So do h5py, netCDF4 and PyTables with "a"."""
    script = "file = open('d.h5', 'r+b'); x = file.read(); file.seek(0); file.write(b'?'); file.seek(0); file.write(x); print(x)"
    project = make(
        {"ask.py": script, "d.h5": "1", "d.bin": "1"},
        undeclared("t", f"{sys.executable} -S ask.py > out", "out"),
        undeclared("u", f"sed s/h5/bin/ ask.py | {sys.executable} -S - > more", "more"),
    )
    report = project.build(jobs=1)
    assert codes(report) == ["PB415"], "of d.bin nobody knows whether it is still what it was"
    assert "d.bin" in report.diagnostics[0].message
    assert ran(project.build()) == set()
    project.write({"d.h5": "2"})
    report = project.build()
    assert (ran(report), codes(report)) == ({"t"}, [])
    assert (project.root / "out").read_text() == "b'2'\n"
    time.sleep(0.1)  # what was written just now may be written again unnoticed, and then nobody knows what it held
    assert ran(project.build()) == set()
    (project.root / "ask.py").write_text(script.replace("file.write(x)", "file.write(b'3')"))
    report = project.build("t")
    assert codes(report) == ["PB415"], "what it held before is known, and is another content"
    assert ran(project.build("t")) == set()


def test_who_finds_files_below_a_folder_lists_that_folder_and_not_the_one_that_it_was_called_in(make: Make):
    """``find`` opens the folder that it is called in, to return to it. So two targets could wait for each other that do not."""
    project = make(
        {"data/a.csv": "1\n"},
        undeclared("t", "find data -name '*.csv' | sort | xargs cat > all.txt", "all.txt"),
        undeclared("u", "cat all.txt > result.txt", "result.txt"),
    )
    assert project.build().succeeded
    project.write({"README": "new beside it"})
    assert ran(project.build()) == set()
    project.write({"data/deep/b.csv": "2\n"})
    assert ran(project.build()) == {"t", "u"}
    assert (project.root / "result.txt").read_text() == "1\n2\n"
    project.actions = (undeclared("t", "find . -maxdepth 1 -name '*.md' > all.txt", "all.txt"),)
    assert project.build().succeeded
    project.write({"more.md": "x"})
    assert ran(project.build()) == {"t"}


def test_a_folder_that_is_a_link_and_one_that_is_opened_before_it_is_listed_are_listed(make: Make, tmp_path: Path):
    script = "import os; at = os.open('.', os.O_RDONLY); os.chdir('/'); print(sorted(n for n in os.listdir(at) if n.endswith('.x')))"
    project = make(
        {"at.py": script},
        undeclared("link", "ls there > l", "l"),
        undeclared("open", f"{sys.executable} -S at.py > o", "o"),
    )
    (tmp_path / "elsewhere").mkdir()
    (project.root / "there").symlink_to(tmp_path / "elsewhere")
    assert project.build().succeeded
    (tmp_path / "elsewhere" / "new").touch()
    assert ran(project.build()) == {"link"}
    project.write({"new.x": ""})
    assert ran(project.build()) == {"open"}
    assert (project.root / "o").read_text() == "['new.x']\n"
