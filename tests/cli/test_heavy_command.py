"""Papers that show earlier results of heavy targets: what documents, the terminal and other commands say of them."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile

import pytest

MANIFEST = """\
[paper]
source = "paper.md"
formats = ["html", "pdf", "docx", "latex", "jats"]

[target.train]
run = "python3 train.py > run-{seed}.json"
inputs = ["train.py"]
outputs = ["run-{seed}.json"]
matrix = { seed = [0, 1] }
heavy = true
resources = { gpu = 1 }

[target.table]
run = "python3 table.py"
inputs = ["table.py", "run-0.json", "run-1.json"]
outputs = ["all.csv"]

[target.light]
run = "echo '{{\\"n\\": 7}}' > light.json"
inputs = []
outputs = ["light.json"]

[profile.laptop]
hold-heavy = true
"""
TRAIN = "print('{{\"acc\": {}}}')\n"
TABLE = """\
import json
rows = [json.load(open(f"run-{seed}.json"))["acc"] for seed in (0, 1)]
open("all.csv", "w").write("seed,acc\\n" + "".join(f"{n},{row}\\n" for n, row in enumerate(rows)))
"""
PAPER = '---\ntitle: Accuracy\n---\n\nIt is []{val="mean(train.acc):.0f"} of []{val=light.n}.\n\n![All.](all.csv){#tbl:all}\n'
SAID = "Not up to date: earlier results of train"


@pytest.fixture
def heavy(project, kept):
    return project.once(kept, lambda: build(project)).write("train.py", TRAIN.format(4))


def build(project):
    project.write("paperbuild.toml", MANIFEST).write("train.py", TRAIN.format(3)).write("table.py", TABLE)
    project.write("paper.md", PAPER)
    answer = project.call("render")
    assert answer.code == 0, answer.err


def said_in(project):
    """What the face of each document says."""
    pdf = subprocess.run(["pdftotext", project.root / "_build/paper.pdf", "-"], capture_output=True, text=True, check=True).stdout
    with zipfile.ZipFile(project.root / "_build/paper.docx") as docx:
        word = docx.read("word/document.xml").decode()
    return {"pdf": pdf, "docx": word} | {name: project.read(f"_build/paper.{name}") for name in ("html", "tex", "xml")}


def test_every_document_says_on_its_face_what_is_stale_and_the_terminal_says_what_to_do(heavy):
    answer = heavy.call("render", "--no-heavy")
    assert answer.code == 0, answer.err
    assert "warning[PB750]: train (2 cells) is stale, and heavy: its last result, of 20" in answer.err
    assert "note: train.py changed" in answer.err
    assert "help: to make it anew, where there is a GPU: paperbuild run train" in answer.err
    assert answer.err.rstrip().splitlines()[-1].startswith("5 ran, 2 reused, 0 failed, 2 stale in ")
    assert {name: SAID in " ".join(text.split()) for name, text in said_in(heavy).items()} == dict.fromkeys(
        ("pdf", "docx", "html", "tex", "xml"), True
    )
    page = heavy.read("_build/paper.html")
    assert re.findall('<span class="(pb-value[^"]*)" data-pb="(.)">', page) == [("pb-value pb-stale", "0"), ("pb-value", "1")]
    entries = json.loads(page.partition('id="provenance">')[2].partition("</script>")[0])
    stale = {entry["label"]: entry.get("stale", "").partition(" 20")[0] for entry in entries}
    assert stale == {"3": "result of", "7": "", "Table 1": "made of an earlier result of train"}
    assert {entry.get("make") for entry in entries} == {None, "paperbuild run train  (where there is a GPU)"}
    heavy.call("render")
    assert not any("Not up to date:" in text for name, text in said_in(heavy).items() if name != "html")
    assert SAID not in heavy.read("_build/paper.html")


def test_what_is_light_is_made_on_earlier_results_and_nothing_takes_it_for_more(heavy):
    heavy.write("table.py", TABLE.replace("seed,acc", "seed,accuracy"))
    assert heavy.call("render", "--profile", "laptop", "--to", "html").code == 0
    assert heavy.read("all.csv") == "seed,accuracy\n0,3\n1,3\n"
    standing = {row["action"]: row["state"] for row in json.loads(heavy.call("status", "--json").out)["actions"]}
    assert (standing["train[seed=0]"], standing["table"], standing["paper.html"]) == ("stale", "may run", "may run")
    checked = heavy.call("check")
    assert checked.code == 1
    assert "train is out of date" in checked.err
    assert "it showed an earlier result of train" in heavy.call("explain", "paper.html").out
    assert heavy.call("render", "--to", "html").code == 0
    assert heavy.read("all.csv") == "seed,accuracy\n0,4\n1,4\n"


def test_with_strict_nothing_stale_is_shown(heavy):
    before = heavy.read("_build/paper.html")
    answer = heavy.call("render", "--no-heavy", "--strict", "--to", "html")
    assert answer.code == 1
    assert "error[PB431]: train[seed=0] is stale, and heavy" in answer.err
    assert "with --strict no earlier result stands in for it" in answer.err
    assert heavy.read("_build/paper.html") == before
    assert heavy.call("run", "--no-heavy").code == 1


def test_of_many_cells_that_are_held_alike_a_few_are_shown(project):
    sweep = '[target.train]\nrun = "echo {n} > {n}"\noutputs = ["{n}"]\nmatrix.n = [1, 2, 3, 4, 5]\nheavy = true\n'
    told = project.write("paperbuild.toml", sweep).call("run", "--no-heavy").err
    assert told.count("error[PB431]") == 3
    assert "and 2 more like this" in told


def test_the_users_variable_holds_heavy_targets_and_json_tells_of_them(heavy, monkeypatch):
    monkeypatch.setenv("PAPERBUILD_NO_HEAVY", "1")
    told = json.loads(heavy.call("render", "--to", "html", "--json").out)
    assert told["ok"]
    outcomes = {row["action"]: row["outcome"] for row in told["actions"]}
    assert outcomes["train[seed=1]"] == "stale"
    stale = {row["action"]: (row["reason"], row["roots"], row["make"]) for row in told["stale"]}
    assert stale["train[seed=0]"] == ("train.py changed", [], "paperbuild run 'train[seed=0]'")
    assert stale["table"] == ("", ["train[seed=0]", "train[seed=1]"], "paperbuild run train")
    monkeypatch.setenv("PAPERBUILD_NO_HEAVY", "0")
    assert json.loads(heavy.call("render", "--to", "html", "--json").out)["stale"] == []


def tree(root):
    """Every file below ``root``, with its content and when it was written."""
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


def test_a_dry_run_says_what_would_run_why_where_and_how_long_and_leaves_everything_as_it_is(heavy):
    before = tree(heavy.root)
    answer = heavy.call("render", "--to", "html", "--dry-run", "-j", "2")
    assert answer.code == 0, answer.err
    rows = [line.split() for line in answer.out.splitlines()]
    assert rows[0][:3] == ["runs", "train", "\N{MULTIPLICATION SIGN}2"]
    assert rows[0][-3:] == ["local", "train.py", "changed"]
    assert [row[:3] for row in rows[1:]] == [["may", "run", "table"], ["may", "run", "paper.html"]]
    assert answer.err.startswith("2 runs, 2 may run, 1 reused; about ")
    assert answer.err.endswith(" s at most with 2 processors\n")
    held = heavy.call("render", "--to", "html", "-n", "--no-heavy")
    assert held.out.startswith("shown stale  train \N{MULTIPLICATION SIGN}2")
    strict = heavy.call("render", "--to", "html", "-n", "--no-heavy", "--strict")
    assert (strict.code, [line.split()[0] for line in strict.out.splitlines()]) == (1, ["held", "blocked", "blocked"])
    told = json.loads(heavy.call("run", "table", "-n", "--json").out)
    assert [(row["action"], row["fate"], row["where"]) for row in told["actions"]] == [
        ("train[seed=0]", "runs", "local"), ("train[seed=1]", "runs", "local"), ("table", "may run", "local"),
    ]  # fmt: skip
    assert told["dry_run"]
    assert told["estimate_s"] > 0
    assert tree(heavy.root) == before


def test_a_dry_run_of_a_project_that_was_never_built_makes_nothing(project):
    answer = project.call("render", "-n")
    assert (answer.code, "which never ran" in answer.err) == (0, True)
    assert {line.split()[0] for line in answer.out.splitlines()} <= {"runs", "may"}
    assert not (project.root / ".paperbuild").exists()
    assert not (project.root / "_build").exists()


def test_of_a_sweep_that_never_ran_nobody_is_told_each_cell(project):
    sweep = '[target.cell]\nrun = "echo {n} > {n}"\noutputs = ["{n}"]\nmatrix = { n = [1, 2, 3, 4, 5, 6, 7] }\n'
    project.write("paperbuild.toml", sweep + '[target.other]\nrun = "true"\noutputs = ["o"]\n')
    assert "and what cell \N{MULTIPLICATION SIGN}7 and other will take, which never ran" in project.call("run", "-n").err
