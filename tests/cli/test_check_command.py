"""``paperbuild check``: what it finds, where, and that it runs nothing."""

import json
import os
import shutil

import pytest

from paperbuild.engine.filesystem import DiskFileSystem

PAPER = """\
---
title: We reach [0.91]{val=train.acc:.2f}
---

# Result {#sec:result}

It is [91.2 %]{val=train.acc:.1%}, [better]{claim="train.acc > train.base"}, see @fig:roc and $a = \\val[0.912]{train.acc}$.

![Of [912]{val=train.right} birds.](roc.svg){#fig:roc}
"""
MANIFEST = """\
[paper]
source = "paper.md"
formats = ["html"]

[target.train]
run = "python3 train.py"
inputs = ["train.py"]
outputs = ["metrics.json", "roc.svg"]
"""
SCRIPT = """\
open("metrics.json", "w").write('{"acc": 0.912, "base": 0.9, "right": 912}')
open("roc.svg", "w").write('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
"""


@pytest.fixture
def built(project, kept):
    return project.once(kept, lambda: build(project))


def build(project):
    project.write("paperbuild.toml", MANIFEST).write("train.py", SCRIPT)
    project.write("paper.md", PAPER)
    assert project.call("render", "-q").code == 0


def found(project, *words):
    """Return the findings: code, line, column, length."""
    answer = project.call("check", "--json", *words)
    told = json.loads(answer.out)
    assert told["command"] == "check"
    assert told["ok"] == (answer.code == 0) == (told["diagnostics"] == [])
    assert all(finding["severity"] == "error" and finding["help"] for finding in told["diagnostics"])
    places = [(d["code"], d["span"]["path"], d["span"]["line"], d["span"]["column"], d["span"]["length"]) for d in told["diagnostics"]]
    return [(code, line, column, length) if path == "paper.md" else (code, path, line) for code, path, line, column, length in places]


def at(project, line, needle):
    """Return the column of ``needle`` in a line of the paper."""
    return project.read("paper.md").splitlines()[line - 1].index(needle) + 1


def changed(project, old, new, name="paper.md"):
    text = project.read(name)
    assert text.count(old) == 1
    return project.write(name, text.replace(old, new))


def test_a_paper_that_agrees_has_no_findings(built):
    answer = built.call("check")
    assert (answer.code, answer.out, answer.err) == (0, "", "no findings\n")
    assert found(built) == []


def test_a_literal_out_of_date_is_found_wherever_it_stands(built):
    for old, new, line in [
        ("[0.91]", "[0.92]", 2),
        ("[91.2 %]", "[91.3 %]", 7),
        (r"\val[0.912]", r"\val[0.913]", 7),
        ("[912]", "[911]", 9),
    ]:
        changed(built, old, new)
        literal = new[new.index("[") + 1 : -1]
        assert found(built) == [("PB231", line, at(built, line, literal), len(literal))]
        changed(built, new, old)
    assert found(built) == []


def test_a_literal_in_another_shape_and_an_empty_one_are_no_findings(built):
    changed(built, "[91.2 %]", "[**91.2**\u00a0\\%]")
    changed(built, "[912]", "[]")
    assert found(built) == []


def test_a_claim_that_does_not_hold_is_an_error_with_both_values(built):
    changed(built, "train.acc > train.base", "train.acc < train.base")
    assert found(built) == [("PB230", 7, at(built, 7, "train.acc <"), 22)]
    answer = built.call("check")
    assert answer.code == 1
    assert "train.acc = 0.912" in answer.err
    assert "train.base = 0.9" in answer.err


def test_a_reference_to_nothing_is_found_as_render_finds_it(built):
    changed(built, "@fig:roc", "@fig:rok")
    changed(built, "val=train.acc:.1%", "val=train.ac:.1%")
    assert found(built) == [("PB212", 7, at(built, 7, "ac:.1"), 2), ("PB270", 7, at(built, 7, "fig:rok"), 7)]


def test_a_stale_target_is_found_with_its_reason_and_nothing_is_run(built):
    built.write("train.py", f"# a comment\n{SCRIPT}")
    before = sorted(os.listdir(built.root))
    answer = built.call("check")
    assert answer.code == 1
    assert "error[PB232]: train is out of date\n --> paperbuild.toml:5:9" in answer.err
    assert "train.py changed" in answer.err
    assert sorted(os.listdir(built.root)) == before
    assert found(built) == [("PB232", "paperbuild.toml", 5)]


def test_before_anything_was_built_only_that_is_said(project):
    project.write("paperbuild.toml", MANIFEST).write("train.py", SCRIPT).write("paper.md", PAPER)
    assert found(project) == [("PB232", "paperbuild.toml", 5)]
    assert not (project.root / ".paperbuild").exists()
    assert not (project.root / "metrics.json").exists()


def test_results_that_are_gone_from_the_tree_are_read_from_the_store(built):
    (built.root / "metrics.json").unlink()
    changed(built, "[91.2 %]", "[91.3 %]")
    assert found(built) == [("PB231", 7, 8, 6)]


def test_an_output_changed_by_hand_is_found(built):
    built.write("metrics.json", '{"acc": 0.95, "base": 0.9, "right": 912}')
    assert [row[0] for row in found(built)] == ["PB231", "PB231", "PB231", "PB232"]


def test_adopted_results_are_refused_where_that_is_asked(built):
    built.write("train.py", f"# a comment\n{SCRIPT}")
    assert built.call("adopt", "train", "--reason", "only a comment").code == 0
    assert found(built) == []
    assert found(built, "--strict") == [("PB232", "paperbuild.toml", 5)]
    assert "only a comment" in built.call("check", "--strict").err


def test_a_broken_paper_is_told_and_is_no_crash(built):
    built.write("paper.md", "---\ntitle: [a\n---\n\ntext\n")
    assert [row[0] for row in found(built)] == ["PB252"]


def test_cells_of_a_sweep_are_told_together(project):
    project.write("paper.md", "It is [0.5]{val=mean(train.acc):.1f}.\n")
    assert project.call("run", "-q", "train").code == 0
    project.write("train.py", project.read("train.py") + "\n")
    answer = project.call("check")
    assert answer.err.count("PB232") == 1
    assert "train is out of date" in answer.err


def test_a_paper_without_a_manifest_is_checked(tmp_path, project):
    (project.root / "paperbuild.toml").unlink()
    project.write("paper.md", "See @fig:nowhere.\n")
    assert [row[0] for row in found(project, "paper.md")] == ["PB270"]
    project.write("paper.md", "See nothing.\n")
    assert found(project, "paper.md") == []


def test_each_document_is_checked_or_the_one_that_is_named(project):
    manifest = '[document.a]\nsource = "a.md"\nformats = ["html"]\n\n[document.b]\nsource = "b.md"\nformats = ["html"]\n'
    project.write("paperbuild.toml", manifest).write("a.md", "See @fig:x.\n").write("b.md", "See @fig:y.\n")
    for words, count in (((), 2), (("a",), 1), (("b.md",), 1)):
        assert len(json.loads(project.call("check", "--json", *words).out)["diagnostics"]) == count


def test_numbers_that_equal_a_result_are_found_and_can_be_silenced(built):
    built.write("paper.md", "The accuracy, acc, is 91.2 % here.\n")
    assert found(built) == [("PB233", 1, 23, 6)]
    built.write("paperbuild.toml", MANIFEST + '\n[check]\nliterals = ["91.2%"]\n')
    assert found(built) == []
    built.write("paperbuild.toml", MANIFEST).write("paper.md", "The accuracy, acc, is [91.2 %]{.literal} here.\n")
    assert found(built) == []


def test_files_of_a_folder_output_are_read_from_the_store(project):
    manifest = MANIFEST.replace('["metrics.json", "roc.svg"]', '["plots/", "metrics.json"]')
    script = SCRIPT.replace('"roc.svg"', '"plots/roc.svg"').replace("open(", 'import os; os.makedirs("plots", exist_ok=True); open(', 1)
    project.write("paperbuild.toml", manifest).write("train.py", script).write("paper.md", "![A](plots/roc.svg){#fig:a}\n\nSee @fig:a.\n")
    assert project.call("render", "-q").code == 0
    shutil.rmtree(project.root / "plots")
    project.write("paper.md", "![B](plots/roc.svg){#fig:a}\n\nSee @fig:a.\n")
    assert found(project) == []
    project.write("paper.md", "![B](plots/rok.svg){#fig:a}\n\nSee @fig:a.\n")
    assert [row[0] for row in found(project)] == ["PB203"]


def _many(project, count):
    """Return a built paper with so many values; each of them is right."""
    values = {f"k{n}": n + 0.125 for n in range(count)}
    paper = "\n\n".join(f"The value of this one is [{n}.125]{{val=train.k{n}}}." for n in range(count))
    project.write("paperbuild.toml", MANIFEST.replace(', "roc.svg"', "")).write("paper.md", paper)
    project.write("train.py", f'open("metrics.json", "w").write({json.dumps(values)!r})')
    assert project.call("render", "-q").code == 0
    return project


@pytest.fixture
def read(monkeypatch):
    """The paths of the files that are read from now on, in their order."""
    paths = []
    plainly = DiskFileSystem.read
    monkeypatch.setattr(DiskFileSystem, "read", lambda self, path: (paths.append(path), plainly(self, path))[1])
    return paths


def test_to_check_a_thousand_values_of_one_result_it_is_read_once(project, read):
    _many(project, 1000)
    read.clear()
    assert project.call("check").code == 0
    assert [path for path in read if path.endswith("/metrics.json")] == [f"{project.root}/metrics.json"]


@pytest.mark.slow
def test_to_check_a_claim_on_a_thousand_cells_each_is_read_once(project, read):
    cells = ", ".join(map(str, range(1000)))
    sweep = (
        f'\n[target.sweep]\nrun = "echo 0.{{n}} > out/{{n}}.json"\noutputs = {{ out = "out/{{n}}.json" }}\nmatrix = {{ n = [{cells}] }}\n'
    )
    _many(project, 10).write("paperbuild.toml", project.read("paperbuild.toml") + sweep)
    project.write("paper.md", project.read("paper.md") + "\n\nIn all [1000]{val=len(sweep)} cells [it holds]{claim='sweep.out < 1'}.\n")
    assert project.call("render", "-q").code == 0
    read.clear()
    assert project.call("check").code == 0
    assert sorted(path for path in read if "/out/" in path) == sorted(f"{project.root}/out/{n}.json" for n in range(1000))


def test_before_a_build_what_is_out_of_date_may_be_accepted_and_nothing_else(built):
    built.write("train.py", SCRIPT + "# another one\n")
    assert found(built) == [("PB232", "paperbuild.toml", 5)]
    assert found(built, "--allow-stale") == []
    changed(built, "[91.2 %]", "[91.3 %]")
    assert [code for code, *_ in found(built, "--allow-stale")] == ["PB231"]
