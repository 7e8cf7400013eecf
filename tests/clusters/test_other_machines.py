"""What a command was seen to do on a machine that is not quite this one: it ran here, and what it told is altered on its way back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from paperbuild.cli.main import main
from paperbuild.clusters.dispatch import FarExecutor
from paperbuild.engine.graph import Action, Command
from paperbuild.engine.jobs import Elsewhere, Ended, Job
from paperbuild.engine.sending import moved_there, skew
from paperbuild.engine.trace import Content, Package
from tests.clusters.nearby import Nearby

MANIFEST = """\
[target.job]
run = "python job.py"
outputs = ["out"]
on = "cluster"

[executor.cluster]
kind = "slurm"
"""
SCRIPT = "import msgspec, pathlib\npathlib.Path('out').write_text(pathlib.Path('in').read_text())\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("paperbuild.toml", MANIFEST), ("job.py", SCRIPT), ("in", "x\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("paperbuild.cli.executors._cluster", lambda _spec, _program: Nearby())
    return tmp_path


def altered(monkeypatch: pytest.MonkeyPatch, change: Callable[[Ended], Ended]) -> None:
    """Let what jobs elsewhere tell come back with this ``change``."""
    run = FarExecutor.run

    def changed(executor: FarExecutor, job: Job, started: Callable[[int, str], None]) -> Ended:
        return change(run(executor, job, started))

    monkeypatch.setattr(FarExecutor, "run", changed)


def test_a_shared_file_system_has_another_number_there_and_its_files_are_the_same(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def elsewhere(ended: Ended) -> Ended:
        assert ended.seen is not None
        moved = (
            replace(one, state=(*one.state[:5], one.state[5] + 1000, one.state[6])) if one.state else one for one in ended.seen.sightings
        )
        return replace(ended, seen=replace(ended.seen, sightings=tuple(moved)))

    altered(monkeypatch, elsewhere)
    assert main(["run"]) == 0
    assert (project / "out").read_text() == "x\n"
    assert main(["run"]) == 0
    assert "0 ran, 1 up to date" in capsys.readouterr().err
    (project / "in").write_text("y\n")
    assert main(["run"]) == 0
    assert (project / "out").read_text() == "y\n"


def test_a_file_that_changed_while_it_was_read_there_is_read_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []

    def beside(ended: Ended) -> Ended:
        runs.append(1)
        if len(runs) == 1:
            (project / "in").write_text("later\n")
        return ended

    altered(monkeypatch, beside)
    assert main(["run"]) == 0
    assert (len(runs), (project / "out").read_text()) == (2, "later\n")


def test_a_file_that_is_another_one_there_once_the_job_has_ended_is_read_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []

    def replaced(ended: Ended) -> Ended:
        runs.append(1)
        if len(runs) > 1:
            return ended
        assert ended.elsewhere is not None
        return replace(ended, elsewhere=replace(ended.elsewhere, digests=((f"{project}/in", None),)))

    altered(monkeypatch, replaced)
    assert main(["run"]) == 0
    assert len(runs) == 2


def test_an_input_that_was_another_one_for_a_while_means_one_more_run_also_where_nobody_watched(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unwatched = 'observe = "off"\ninputs = ["job.py", "in"]\non = "cluster"'
    (project / "paperbuild.toml").write_text(MANIFEST.replace('on = "cluster"', unwatched))
    runs: list[int] = []

    def beside(ended: Ended) -> Ended:
        runs.append(1)
        if len(runs) == 1:
            (project / "in").write_text("tried\n")
            (project / "in").write_text("x\n")
        return ended

    altered(monkeypatch, beside)
    assert main(["run"]) == 0
    assert len(runs) == 2
    assert main(["run"]) == 0
    assert len(runs) == 2


def test_another_version_of_a_package_there_is_one_clear_error(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def elsewhere(ended: Ended) -> Ended:
        told = ended.elsewhere
        assert told is not None
        if not told.packages:
            pytest.skip("commands cannot be watched here")
        others = tuple(replace(one, fingerprint="0.1 another") if one.name == "msgspec" else one for one in told.packages)
        return replace(ended, elsewhere=replace(told, packages=others))

    altered(monkeypatch, elsewhere)
    assert main(["run"]) == 1
    told = capsys.readouterr().err
    assert "error[PB708]: job used what is not the same on" in told
    assert "msgspec: 0.1 another there" in told
    assert not (project / "out").exists()


def test_another_file_outside_the_project_is_told_by_its_name() -> None:
    action = Action("job", "job", Command(":"), ())
    items = (Content("/data/a", "1"), Content("/data/b", "2"), Package("python3", "numpy", "2.0"))
    same = Elsewhere("node7", (("/data/a", "1"),), (Package("python3", "numpy", "2.0"),))
    assert skew(action, same, items, str) is None
    fault = skew(action, Elsewhere("node7", (("/data/b", "3"),)), items, str)
    assert fault is not None
    assert fault.notes == ("/data/b: another file there than here",)
    assert "build again" in fault.help[1]
    replaced = Elsewhere("node7", (("/data/b", None),))
    assert skew(action, replaced, items, str) is None
    assert moved_there(replaced, items, str) == "/data/b"
    assert moved_there(same, items, str) == ""
    assert "node7" in fault.message


def test_a_sweep_whose_cells_look_for_modules_where_others_write_is_no_circle(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = MANIFEST.replace('"python job.py"', "\"python -c 'import nope'\"").replace('"out"', '"out-{n}"')
    (project / "paperbuild.toml").write_text(manifest + "\n[target.job.matrix]\nn = [1, 2, 3]\n", encoding="utf-8")
    assert main(["run"]) == 1
    told = capsys.readouterr().err
    assert "No module named 'nope'" in told
    assert "wait for each other" not in told


def test_of_many_cells_that_fail_alike_a_few_are_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = MANIFEST.replace('"python job.py"', '"exit 3"').replace('"out"', '"out-{n}"')
    (project / "paperbuild.toml").write_text(manifest + "\n[target.job.matrix]\nn = [1, 2, 3, 4, 5]\n", encoding="utf-8")
    assert main(["run"]) == 1
    told = capsys.readouterr().err
    assert told.count("failed with exit status 3") == 3
    assert "and 2 more like this" in told
