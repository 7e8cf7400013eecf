"""Notebooks as targets: executed for real, by papermill."""

import importlib.util
import json
import os
import venv

import pytest

from paperbuild.engine.trace import load_record, path_of

needs_papermill = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("papermill", "ipykernel")),
    reason="papermill and ipykernel are not installed: pip install 'paperbuild[notebook]'",
)

MANIFEST = """\
[paper]
source = "paper.md"
formats = ["html"]

[target.fit]
notebook = "analysis/fit.ipynb"
outputs = { result = "build/fit.json" }
params = { scale = 2.0 }
"""

CELLS = (
    ("markdown", "# The fit"),
    ("code", "scale = 1.0", "parameters"),
    ("code", "import csv, json, sys\nfrom helper import slope\n\nrows = list(csv.DictReader(open('data.csv')))"),
    ("code", "print('rows', len(rows))\nprint('careful', file=sys.stderr)\nprint('scale', scale)"),
    ("code", "found = slope(rows) * scale\nwith open('../build/fit.json', 'w') as file:\n    json.dump({'slope': found}, file)\nfound"),
)


def notebook(cells=CELLS, **changes):
    """Return the text of a notebook, as somebody's editor left it."""
    made = []
    for number, (kind, source, *tags) in enumerate(cells):
        cell = {"cell_type": kind, "id": f"id{number}", "metadata": {"tags": tags} if tags else {}, "source": source.splitlines(True)}
        if kind == "code":
            old = [{"output_type": "stream", "name": "stdout", "text": ["of last year\n"]}]
            cell |= {"execution_count": changes.get("count", 7), "outputs": changes.get("outputs", old)}
        made.append(cell)
    metadata = {"kernelspec": {"name": changes.get("kernel", "somebodys"), "display_name": "Mine", "language": "python"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": made}, indent=changes.get("indent", 1))


@pytest.fixture
def paper(project):
    project.write("paperbuild.toml", MANIFEST).write("paper.md", "The slope is [0]{val=fit.result.slope}.\n")
    project.write("analysis/data.csv", "x,y\n1,2\n2,4\n").write("analysis/fit.ipynb", notebook())
    project.write(
        "analysis/helper.py", "def slope(rows):\n    return sum(float(r['y']) for r in rows) / sum(float(r['x']) for r in rows)\n"
    )
    return project


@needs_papermill
class TestExecuted:
    """What one execution costs seconds for is asked of one."""

    @pytest.fixture
    def made(self, paper, kept):
        def build():
            answer = paper.call("render", "-j1")
            assert answer.code == 0, answer.err

        return paper.once(kept, build)

    def test_a_notebook_gives_values_and_is_an_artifact_with_what_it_printed(self, made):
        assert json.loads(made.read("build/fit.json")) == {"slope": 4.0}
        assert "4.0" in made.read("_build/paper.html")
        executed = json.loads(made.read("build/fit.ipynb"))
        sources = ["".join(cell["source"]) for cell in executed["cells"]]
        assert sources[:3] == ["# The fit", "scale = 1.0", "# Parameters\nscale = 2.0\n"]
        printed = [(output["name"], "".join(output["text"])) for output in executed["cells"][4]["outputs"]]
        assert printed == [("stdout", "rows 2\nscale 2.0\n"), ("stderr", "careful\n")]
        assert executed["cells"][5]["outputs"][0]["data"]["text/plain"] == ["4.0"]
        text = made.read("build/fit.ipynb")
        assert "papermill" not in text
        assert "of last year" not in text
        assert str(made.root) not in text

    def test_what_it_reads_is_observed_through_its_kernel_and_jupyters_own_files_are_not_among_it(self, made):
        found = [load_record(path.read_bytes()) for path in (made.root / ".paperbuild/records").rglob("*.json")]
        (fit,) = (record for record in found if record.action == "fit")
        paths = {path_of(item) for item in fit.items} - {None}
        assert {"analysis/data.csv", "analysis/helper.py"} <= paths
        assert "analysis/fit.ipynb" not in paths  # of which not all counts
        assert not [path for path in paths if path.startswith(".paperbuild") or "kernel-" in path or "history" in path]
        assert not [item for item in fit.items if type(item).__name__ == "Listing" and item.path == "analysis"]

    def test_what_jupyter_changes_by_looking_at_it_runs_nothing_and_an_edit_does(self, made):
        before = made.read("build/fit.ipynb")
        made.write("analysis/fit.ipynb", notebook(outputs=[], count=None, kernel="other", indent=2))
        made.write("analysis/.ipynb_checkpoints/fit-checkpoint.ipynb", notebook())
        made.write("analysis/another.ipynb", notebook())
        assert made.call("render").err == "0 ran, 2 up to date\n"
        changed = (*CELLS[:4], ("code", CELLS[4][1].replace("* scale", "* scale * 10")))
        made.write("analysis/fit.ipynb", notebook(changed))
        answer = made.call("render", "-j1")
        assert "analysis/fit.ipynb changed" in answer.err
        assert json.loads(made.read("build/fit.json")) == {"slope": 40.0}
        made.write("analysis/fit.ipynb", notebook())
        assert "0 ran" in made.call("run").err
        assert made.read("build/fit.ipynb") == before

    def test_a_rerun_gives_the_same_bytes(self, made):
        answer = made.call("verify", "fit", "--once")
        assert (answer.code, "identical" in answer.out) == (0, True), answer.out


@needs_papermill
def test_a_cell_that_fails_is_named_with_its_line_and_its_traceback(paper):
    broken = (*CELLS[:3], ("code", "def half(x):\n    return x / 0\n\nhalf(1)"))
    answer = paper.write("analysis/fit.ipynb", notebook(broken)).call("run", "-j1")
    assert answer.code == 1
    assert "error[PB440]: fit failed in cell 4, line 4 of analysis/fit.ipynb: ZeroDivisionError: division by zero" in answer.err
    assert "cell 4, line 4: half(1)" in answer.err
    assert "return x / 0" in answer.err
    assert not (paper.root / "build/fit.ipynb").exists()


@needs_papermill
def test_each_cell_of_a_sweep_has_its_own_parameters_and_its_own_notebook(paper):
    cells = (("code", "scale = 1.0", "parameters"), ("code", "print('scale is', scale)"))
    paper.write("paperbuild.toml", MANIFEST.replace("params = { scale = 2.0 }", "matrix = { scale = [1.5, 3.0] }").replace("outputs", "#"))
    paper.write("paper.md", "No value.\n").write("analysis/fit.ipynb", notebook(cells))
    assert paper.call("run", "-j1").code == 0
    for scale in ("1.5", "3.0"):
        assert f"scale is {scale}" in paper.read(f"build/fit-{scale}.ipynb")


def test_without_papermill_it_is_said_how_to_install_it(paper):
    lonely = paper.root.parent / "lonely"

    venv.create(lonely, with_pip=False, symlinks=True)
    paper.write("paperbuild.toml", f'{MANIFEST}\n[environment]\npython = "{lonely}"\n')
    answer = paper.call("run", "-j1")
    assert answer.code == 1
    assert "error[PB446]: fit is a notebook, and " in answer.err
    assert "pip install papermill ipykernel" in answer.err
    assert "paperbuild[notebook]" in answer.err


@needs_papermill
def test_its_kernel_ends_with_what_executes_it(paper):
    tell = "with open('pid', 'w') as file:\n    file.write(str(os.getpid()))"
    code = f"import os, signal, time\n{tell}\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(120)"
    paper.write("analysis/fit.ipynb", notebook((("code", code),)))
    assert paper.call("run", "-j1").code == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int(paper.read("analysis/pid")), 0)


@needs_papermill
def test_a_kernel_that_is_not_there_is_named(paper):
    other = notebook().replace('"language": "python"', '"language": "R"')
    answer = paper.write("analysis/fit.ipynb", other).call("run", "-j1")
    assert (answer.code, "error[PB446]: fit is a notebook for the kernel somebodys, which is not" in answer.err) == (1, True), answer.err


@needs_papermill
def test_held_to_what_it_declares_it_may_read_that_alone(paper):
    strict = MANIFEST.replace("params", 'observe = "strict"\ninputs = ["analysis/data.csv"]\nparams')
    answer = paper.write("paperbuild.toml", strict).call("run", "-j1")
    assert (answer.code, "analysis/helper.py" in answer.err) == (1, True), answer.err
    answer = paper.write("paperbuild.toml", strict.replace('"]\nparams', '", "analysis/helper.py"]\nparams')).call("run", "-j1")
    assert answer.code == 0, answer.err


@needs_papermill
def test_what_is_no_notebook_is_told(paper):
    answer = paper.write("analysis/fit.ipynb", '{"cells": [\n').call("run", "-j1")
    assert (answer.code, "error[PB447]: analysis/fit.ipynb, which fit executes, is no notebook" in answer.err) == (1, True), answer.err


def test_a_notebook_that_is_not_there_is_told_before_anything_runs(paper):
    (paper.root / "analysis/fit.ipynb").unlink()
    answer = paper.call("run")
    assert (answer.code, "error[PB410]: analysis/fit.ipynb, an input of fit, does not exist" in answer.err) == (1, True), answer.err


def test_as_a_rule_of_make_it_is_executed_by_papermills_own_program(paper):
    answer = paper.call("graph", "--format", "make")
    assert answer.code == 0, answer.err
    (rule,) = (line for line in answer.out.splitlines() if line.startswith("\tpapermill"))
    assert rule == """\tpapermill --cwd analysis -y '{"scale":2.0}' analysis/fit.ipynb build/fit.ipynb"""
    assert "analysis/fit.ipynb" in next(line for line in answer.out.splitlines() if line.startswith("build/fit.ipynb build/fit.json &:"))
