"""Reruns on the real disk, by real shells and Pythons: what a copy holds, what it varies, what it keeps closed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from paperbuild.engine import environment, rules
from paperbuild.engine.conditions import Machine
from paperbuild.engine.graph import Action, Graph
from paperbuild.engine.queries import State
from paperbuild.engine.trace import Absent, Status, path_of
from paperbuild.events import Outcome
from paperbuild.paper.command_words import mentioned_paths
from paperbuild.provenance.judging import VerifyOptions
from paperbuild.provenance.verdicts import Verdict
from paperbuild.provenance.verification import verify
from tests.engine.disk import Project
from tests.engine.world import command

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets commands be watched")

PYTHON = f"'{sys.executable}'"


def target(line: str, outputs: str = "out", inputs: str | None = None, **more: str) -> Action:
    made = command("t", line, outputs, inputs, **more)  # type: ignore[arg-type]  # texts only
    return replace(made, mentioned=mentioned_paths(line) if inputs is not None else ())


class Verified(Project):
    """A project beside a folder for copies."""

    def verify(self, *, once: bool = True, keeps: bool = False) -> Verdict:
        place = self.root.parents[2] / "copies"
        place.mkdir(exist_ok=True)
        usable = tuple(sorted(os.sched_getaffinity(0)))
        options = VerifyOptions(str(place), Machine(0o022, usable, "somebody-real"), once=once, keeps=keeps)
        workshop = self.workshop()
        try:
            graph = Graph(self.actions)
            (*_, verdict) = verify(graph, tuple(graph.actions), workshop, options, lambda _: None, lambda _: None)
        finally:
            workshop.close()
        assert keeps or list(place.iterdir()) == []
        return verdict


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USER", "somebody-real")
    for module in (rules, environment):  # homes and data are not temporary, only here
        monkeypatch.setattr(module, "TEMPORARY", (f"{tmp_path}/copies/",))
    folder = home / "papers" / "project"
    folder.mkdir(parents=True)
    return folder


def built(root: Path, *actions: Action, files: dict[str, str] | None = None) -> Verified:
    project = Verified(root, actions, python=str(Path(sys.executable).parent)).write(files or {})
    report = project.build()
    assert set(report.outcomes.values()) <= {Outcome.RAN, Outcome.REUSED}, report.diagnostics
    assert isinstance(project, Verified)
    return project


SHELLS = {
    "a word": (target("cat a > out", inputs="a"), {"a": "1"}),
    "nothing declared": (target("cat a > out; cat b >> out"), {"a": "1", "b": "2"}),
    "a script": (target("sh run.sh", inputs="run.sh"), {"run.sh": ". ./lib.sh; say > out", "lib.sh": "say() { cat data/*.txt; }",
                 "data/x.txt": "x", "data/y.txt": "y", "data/z.csv": "z"}),
    "a file that is not there": (target("[ -e config ] && cat config > out || echo plain > out"), {}),
    "a folder": (target("mkdir -p model; cp a model/w; mkdir model/sub; ls > model/sub/names", "model/"), {"a": "1"}),
    "a size": (target("stat -c %s big > out"), {"big": "123456"}),
    "a find": (target("find data | sort > out"), {"data/x": "x", "data/deep/y": "y"}),
    "a program of the project": (target("./tool > out"), {"tool": "#!/bin/sh\necho made\n"}),
    "a helper": (target(f"{PYTHON} main.py > out"), {"main.py": "import helper, pack.part\nprint(helper.x, pack.part.y)\n",
                 "helper.py": "x = 1\n", "pack/__init__.py": "", "pack/part.py": "y = 2\n", "pack/other.py": "z = 3\n"}),
    "a glob": (target(f"{PYTHON} main.py > out"), {"main.py": "from glob import glob\nprint(*sorted(glob('data/*.csv')))\n",
               "data/a.csv": "1", "data/b.csv": "2", "data/c.txt": "3"}),
    "a package": (target(f"{PYTHON} -c 'import msgspec; print(msgspec.__name__)' > out"), {}),
    "data outside": (target("cat ~/data/numbers > out"), {}),
    "data beside": (target("cat ../shared/words > out"), {}),
}  # fmt: skip


def prepared(root: Path, name: str) -> Verified:
    action, files = SHELLS[name]
    for folder, file in (("data", "numbers"), ("papers/shared", "words")):
        place = Path(os.environ["HOME"], folder)
        place.mkdir(parents=True, exist_ok=True)
        (place / file).write_text("7\n")
    if "tool" in files:
        Project(root, ()).write(files)
        (root / "tool").chmod(0o755)
    return built(root, action, files={} if "tool" in files else files)


@pytest.mark.parametrize("name", SHELLS)
def test_what_was_observed_is_enough_to_make_it_again(root: Path, name: str):
    verdict = prepared(root, name).verify()
    assert (verdict.verdict, verdict.reasons) == ("identical", ())


QUICK = ("a script", "a helper", "a file that is not there", "a program of the project", "data outside")


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SHELLS])
def test_without_any_one_item_of_its_trace_it_does_not_pass(root: Path, name: str):
    project = prepared(root, name)
    workshop = project.workshop()
    store = workshop.store
    last = workshop.index.last_run("t")
    assert last is not None
    whole = store.record(last.key, last.record)
    assert whole is not None
    declared = {name.removeprefix("input:") for name, _ in whole.components if name.startswith("input:")}
    present = whole
    for item in whole.items:
        if path_of(item) in declared or (isinstance(item, Status) and item.status == "folder"):
            continue  # the key, or a listing of it, says as much
        if isinstance(item, Absent) and item.path.startswith(("/", "~")):
            continue  # what is missing around the project depends on where it is
        cut = replace(whole, items=tuple(other for other in whole.items if other != item))
        store.forget(present)
        store.add(cut)
        present = cut
        verdict = project.verify()
        assert verdict.verdict in {"different", "incomplete"}, item
        if not (path_of(item) or "").startswith(("/", "~")):  # in another home nobody sees what it misses
            assert any("which its record does not name" in reason for reason in verdict.reasons), item
    workshop.close()


def test_what_the_disk_refuses_is_no_difference(root: Path):
    project = built(root, target("echo 1 > out"))
    (root / ".paperbuild/logs/verify").write_text("in the way of a folder")
    verdict = project.verify()
    assert verdict.verdict == "not rerun"
    assert "Not a directory" in " ".join(verdict.reasons)


class TestConditions:
    def verdict(self, root: Path, line: str, *, once: bool = False) -> Verdict:
        return built(root, target(line)).verify(once=once)

    @pytest.mark.parametrize(
        ("line", "cause"),
        [
            ("pwd > out", "out names the folder in which it was made"),
            ("echo $HOME > out", "out names the home of who made it"),
            ("echo $USER > out", "user"),
            ("echo ${TMPDIR:-none} > out", "out names the folder in which it was made"),
            ("umask > out", "umask"),
            ("touch x; stat -c %a x > out; rm x", "umask"),
            ("date +%N > out", "it comes out differently each time"),
            ("cat /proc/sys/kernel/random/uuid > out", "it comes out differently each time"),
        ],
    )
    def test_what_no_result_may_depend_on_is_found(self, root: Path, line: str, cause: str):
        verdict = self.verdict(root, line)
        assert verdict.verdict == "different"
        assert cause in verdict.cause

    @pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one processor only")
    def test_the_number_of_processors_is_varied(self, root: Path):
        verdict = self.verdict(root, "nproc > out")
        assert "processors" in verdict.cause
        assert int(verdict.outputs[0].differences[0].recorded) == int(verdict.outputs[0].differences[0].rerun) + 1

    def test_times_of_files_are_in_another_order(self, root: Path):
        files = {f"data/{name}": name for name in "abc"}
        project = Verified(root, (target("for f in $(ls -t data); do cat data/$f; done > out"),)).write(files)
        for n, name in enumerate("abc"):
            os.utime(root / "data" / name, (n, n))
        project.build()
        assert (root / "out").read_text() == "cba"
        verdict = project.verify()
        assert verdict.outputs[0].differences[0].rerun == "abc"

    def test_locale_and_hash_seed_are_as_in_a_build(self, root: Path):
        assert self.verdict(root, f'{PYTHON} -c \'import os; print(hash("x"), os.environ["LC_ALL"])\' > out').verdict == "identical"


class TestTheProjectIsClosed:
    def test_a_path_that_leads_into_it_is_refused_and_named(self, root: Path):
        project = built(root, target(f"cat {root}/data > out"), files={"data": "1"})
        verdict = project.verify()
        assert verdict.verdict == "different"
        assert verdict.reasons == ("it wanted data by its absolute path",)

    def test_nothing_is_written_into_it(self, root: Path):
        project = built(root, target(f"echo 1 > out; echo $$ > {root}/stray"))
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (root / "out", root / "stray")}
        assert project.verify().verdict == "different"
        assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before

    def test_an_absolute_link_into_it_leads_into_the_copy(self, root: Path):
        (root / "runs").mkdir()
        (root / "runs" / "1").write_text("1")
        (root / "current").symlink_to(root / "runs" / "1")
        project = built(root, target("readlink current > /dev/null; cat current > out"))
        assert project.verify().verdict == "identical"


class TestLinks:
    def test_what_is_read_through_links_is_copied(self, root: Path):
        (root / "store" / "v1").mkdir(parents=True)
        (root / "store" / "v1" / "x").write_text("1")
        (root / "data").symlink_to("store/v1")
        (root / "file").symlink_to("data/x")
        assert built(root, target("cat data/x file > out")).verify().verdict == "identical"
        shutil.rmtree(root / ".paperbuild")
        (root / "out").unlink()
        line = "readlink data file > out; cat data/x file >> out; realpath --relative-to=. file >> out"
        assert built(root, target(line)).verify().verdict == "identical"

    def test_what_a_link_outside_leads_to_is_read_there(self, root: Path):
        place = root.parent.parent / "mnt"
        place.mkdir()
        (place / "x").write_text("1")
        (root / "data").symlink_to(place)
        assert built(root, target("readlink data > out; cat data/x >> out")).verify().verdict == "identical"


class TestEnvironments:
    @pytest.fixture
    def prefix(self, root: Path) -> Path:
        import venv

        venv.create(root / ".venv", symlinks=True)
        site = next((root / ".venv" / "lib").glob("python3*")) / "site-packages"
        (site / "thing").mkdir()
        (site / "thing" / "__init__.py").write_text("value = 5\n")
        info = site / "thing-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Name: thing\nVersion: 1\n")
        (info / "RECORD").write_text("thing/__init__.py,,\nthing-1.dist-info/METADATA,,\n")
        return root / ".venv"

    @pytest.mark.parametrize("line", ["python", ".venv/bin/python"])
    def test_an_environment_in_the_project_is_lent(self, root: Path, prefix: Path, line: str):
        action = target(f"{line} -c 'import thing; print(thing.value)' > out")
        project = Verified(root, (action,), python=f"{prefix}/bin")
        assert project.build().outcomes["t"] is Outcome.RAN
        verdict = project.verify()
        assert (verdict.verdict, verdict.reasons) == ("identical", ())


class TestAdopted:
    def test_a_python_program_finds_its_modules_and_is_settled(self, root: Path):
        files = {"main.py": "import helper, json\njson.dump(helper.f(), open('out', 'w'))\n", "helper.py": "import deep\nf = deep.f\n",
                 "deep.py": "def f():\n    return [int(n) for n in open('data/x')]\n", "data/x": "1\n2\n", "out": "[1, 2]"}  # fmt: skip
        action = target("python main.py", inputs="main.py")
        project = Verified(root, (action,), python=str(Path(sys.executable).parent)).write(files)
        project.build(adopt=True)
        assert project.survey()[0].state is State.ADOPTED
        verdict = project.verify()
        assert (verdict.verdict, verdict.is_adopted) == ("adopted", False)
        assert project.survey()[0].state is State.FRESH
        (root / "deep.py").write_text("def f():\n    return 7\n")
        assert project.build().outcomes["t"] is Outcome.RAN
        assert (root / "out").read_text() == "7"

    @pytest.mark.parametrize("folder", ["results", "results/deep"])
    def test_a_program_that_makes_the_folder_of_its_output_is_settled(self, root: Path, folder: str):
        code = f"import os; os.makedirs('{folder}', exist_ok=True); os.listdir('{folder}'); print(1, file=open('{folder}/m', 'w'))\n"
        action = target("python main.py", outputs=f"{folder}/m")
        project = Verified(root, (action,), python=str(Path(sys.executable).parent)).write({"main.py": code})
        project.build()
        (root / "main.py").write_text(f"{code}# another one\n")
        project.build(adopts=frozenset({"t"}))
        assert project.survey()[0].state is State.ADOPTED
        verdict = project.verify()
        assert (verdict.verdict, verdict.is_adopted) == ("adopted", False)
        assert project.survey()[0].state is State.FRESH

    def test_what_is_adopted_and_wrong_stays_adopted(self, root: Path):
        project = Verified(root, (target("cat a > out"),)).write({"a": "1", "out": "2"})
        project.build(adopt=True)
        verdict = project.verify()
        assert (verdict.verdict, verdict.is_adopted) == ("different", True)
        assert project.survey()[0].state is State.ADOPTED


def test_where_nobody_can_watch_what_is_declared_is_enough(root: Path):
    project = built(root, replace(target("cat a > out", inputs="a"), observe="off"), files={"a": "1"})
    assert project.verify().verdict == "identical"
    project = built(root, replace(target("cat a b > out", inputs="a"), observe="off", mentioned=()), files={"a": "1", "b": "2"})
    verdict = project.verify()
    assert verdict.verdict == "different"
    assert "failed with exit status 1" in verdict.reasons[0]
    assert any("b: No such file" in line for line in verdict.detail)


def test_a_target_that_is_held_to_what_it_declares_is_held_to_it_again(root: Path):
    project = built(root, replace(target("cat a > out", inputs="a"), observe="strict"), files={"a": "1"})
    assert project.verify().verdict == "identical"
