"""``paperbuild whence``: from a number, a line, a figure or any file to the run that made it."""

import json
import shutil
import subprocess

import pytest

MANIFEST = """\
[paper]
source = "paper.md"
formats = ["html"]

[target.train]
run = "python3 train.py {seed} {rate} > m-{seed}.json"
inputs = ["train.py"]
outputs = { metrics = "m-{seed}.json" }
params = { rate = 0.5, name = "tiny net" }
matrix = { seed = [0, 1] }

[target.plot]
run = "cat m-0.json > /dev/null; mkdir -p plots; cp curve.svg roc.svg; cp curve.svg plots/a.svg; echo '{{}}' > other.json"
inputs = ["m-0.json", "curve.svg"]
outputs = { roc = "roc.svg", plots = "plots/", other = "other.json" }
"""
PAPER = """\
# Results

A [0.25]{val="train.where(seed=0).acc:.2f"}, on average [0.50]{val="mean(train.acc):.2f"}: [good]{claim="mean(train.acc) > 0.4"}.

![Curve of [0.25]{val="train.where(seed=0).acc:.2f"}.](roc.svg)

Nothing here.
"""
TRAIN = "import sys\nprint('{\"acc\": %s}' % (0.25 + int(sys.argv[1]) * float(sys.argv[2])))\n"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'


@pytest.fixture
def built(project, kept):
    return project.once(kept, lambda: build(project))


def build(project):
    project.write("paperbuild.toml", MANIFEST).write("paper.md", PAPER).write("train.py", TRAIN).write("curve.svg", SVG)
    project.write(".gitignore", "_build/\n.paperbuild/\n*.json\nroc.svg\nplots/\n")
    for words in (("init", "-q"), ("add", "."), ("-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "x")):
        subprocess.run(["git", *words], cwd=project.root, check=True)
    answer = project.call("render", "-q")
    assert answer.code == 0, answer.err


def found(project, *words):
    answer = project.call("whence", "--json", *words)
    assert answer.code == 0, answer.out
    told = json.loads(answer.out)
    assert (told["command"], told["ok"]) == ("whence", True)
    return told["found"]


def test_an_expression_leads_to_command_parameters_run_commit_and_inputs(built):
    (one,) = found(built, "train.where(seed=0).acc:.1%")
    assert (one["kind"], one["shown"], one["value"], one["span"]) == ("value", "25.0%", "0.25", None)
    (origin,) = one["origins"]
    assert (origin["action"], origin["path"], origin["key"], origin["state"]) == ("train[seed=0]", "m-0.json", "acc", "up to date")
    run = origin["run"]
    assert run["command"] == "python3 train.py 0 0.5 > m-0.json"
    assert run["params"] == {"rate": 0.5, "name": "tiny net", "seed": 0}
    assert [output["path"] for output in run["outputs"]] == ["m-0.json"]
    assert origin["sha256"] == run["outputs"][0]["sha256"]
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=built.root, capture_output=True, text=True, check=True).stdout.strip()
    assert origin["revision"] == {"commit": commit, "is_clean": True}
    assert origin["host"]
    assert "train.py" in [item["path"] for item in origin["inputs"]]


def test_a_line_of_the_paper_tells_all_that_it_shows(built):
    told = found(built, "paper.md:3")
    assert [(one["kind"], one["shown"]) for one in told] == [("value", "0.25"), ("value", "0.50"), ("claim", "holds")]
    assert [len(one["origins"]) for one in told] == [1, 2, 2]
    assert told[2]["value"] == "mean(train.acc) = 0.5"
    assert told[0]["span"]["line"] == 3
    figure = found(built, "paper.md:5:40")
    assert [(one["kind"], one["what"]) for one in figure] == [("value", "train.where(seed=0).acc:.2f"), ("file", "roc.svg")]
    assert figure[1]["origins"][0]["action"] == "plot"


def test_a_line_without_a_result_says_where_the_next_ones_are(built):
    answer = built.call("whence", "paper.md:7")
    assert answer.code == 2
    assert "error[PB236]: nothing in line 7 of paper.md comes from a result" in answer.err
    assert "lines with references are 3 and 5" in answer.err
    assert "paper.md has 7 lines" in built.call("whence", "paper.md:99").err


def test_a_line_of_a_chunk_tells_of_what_its_code_makes(built):
    code = '``` {.python .target #twice outputs="twice.json"}\nprint(1, file=open("twice.json", "w"))\n```\n'
    built.write("paper.md", f"{PAPER}\n{code}")
    assert built.call("render", "-q").code == 0
    for line in (9, 10, 11):
        (one,) = found(built, f"paper.md:{line}")
        assert one["what"] == "twice.json"
        assert one["origins"][0]["run"]["command"] == 'print(1, file=open("twice.json", "w"))'
    assert built.call("whence", "paper.md:8").code == 2


def test_an_output_says_which_outputs_of_others_it_was_made_of(built):
    (one,) = found(built, "roc.svg")
    inputs = {item["path"]: item["action"] for item in one["origins"][0]["inputs"]}
    assert inputs["m-0.json"] == "train[seed=0]"
    assert inputs["curve.svg"] == ""
    (document,) = found(built, "_build/paper.html")
    assert "paper.md" in [item["path"] for item in document["origins"][0]["inputs"]]
    (inside,) = found(built, "plots/a.svg")
    assert inside["origins"][0]["sha256"] == one["origins"][0]["sha256"]


def test_a_target_and_a_cell_tell_of_their_outputs(built):
    assert [one["what"] for one in found(built, "train")] == ["m-0.json", "m-1.json"]
    assert [one["what"] for one in found(built, "train[seed=1]")] == ["m-1.json"]


def test_a_file_found_later_is_traced_by_its_content_whatever_its_name(built, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("talk") / "old figure.svg"
    shutil.copy(built.root / "roc.svg", elsewhere)
    (one,) = found(built, str(elsewhere))
    assert {(origin["path"], origin["state"]) for origin in one["origins"]} == {("roc.svg", "up to date"), ("plots/a.svg", "up to date")}
    built.write("curve.svg", SVG.replace('"9"', '"8"'))
    assert built.call("render", "-q").code == 0
    (old,) = found(built, str(elsewhere))
    assert {origin["state"] for origin in old["origins"]} == {"an earlier result"}
    assert old["origins"][0]["run"]["command"].startswith("cat m-0.json")
    elsewhere.write_text("somebody else's")
    answer = built.call("whence", str(elsewhere))
    assert answer.code == 2
    assert "PB236" in answer.err


def test_what_is_stale_or_was_never_made_is_told_so(built, project):
    built.write("train.py", TRAIN + "# a comment\n")
    (one,) = found(built, "train.where(seed=0).acc")
    assert one["origins"][0]["state"] == "stale"
    shutil.rmtree(built.root / ".paperbuild")
    shutil.rmtree(built.root / "_build")
    (built.root / "m-0.json").unlink()
    (never,) = found(built, "train.where(seed=0).acc")
    assert never["fault"].startswith("the output metrics of train[seed=0] is not there")
    assert (never["origins"][0]["state"], never["origins"][0]["run"]) == ("never built", None)


@pytest.mark.parametrize(
    ("what", "kind", "shown", "value", "origins"),
    [
        ("train.acc", "value", "", "a list of 2", 2),
        ("mean(train.acc)", "value", "", "0.5", 2),
        ("train.acc > 0.2", "claim", "holds", "", 2),
        ("'yes' if mean(train.acc) > 0.4 else 'no'", "value", "yes", "yes", 2),
        ("pm(train.acc):.2f", "value", "0.50\u00a0±\u00a00.35", "0.5 ± 0.3535533905932738", 2),
        ("listed(train.acc)", "value", "0.25 and 0.75", "0.25, 0.75", 2),
        ("len(train)", "value", "2", "2", 0),
    ],
)
def test_any_expression_is_traced_printable_or_not(built, what, kind, shown, value, origins):
    (one,) = found(built, what)
    assert (one["kind"], one["shown"], one["value"], len(one["origins"])) == (kind, shown, value, origins)


@pytest.mark.parametrize(
    ("what", "code", "word"),
    [
        ("train.ac", "PB212", "did you mean acc?"),
        ("trian", "PB185", "did you mean train?"),
        ("trian.acc", "PB185", "train"),
        ("mean(train.acc", "PB210", ""),
        ("nothing.svg", "PB185", ""),
    ],
)
def test_what_is_nothing_is_told_with_the_nearest_names(built, what, code, word):
    answer = built.call("whence", what)
    assert answer.code == 2
    assert f"error[{code}]" in answer.err
    assert word in answer.err


def test_the_terminal_shows_the_same_in_words(built):
    answer = built.call("whence", "paper.md:3")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0] == "train.where(seed=0).acc:.2f  paper.md:3:15"
    assert lines[1] == "  0.25"
    assert lines[2].startswith("  ← acc of m-0.json  sha256 ")
    assert lines[3] == "    made by train[seed=0], up to date"
    assert "      command    python3 train.py 0 0.5 > m-0.json" in lines
    assert any(line.startswith("      ran        20") for line in lines)
    assert any(line.startswith("      commit     ") for line in lines)
    assert "      again      paperbuild verify 'train[seed=0]'" in lines
    assert any(line == "  holds  mean(train.acc) = 0.5" for line in lines)


def test_nothing_is_run_and_nothing_written(built):
    before = sorted(path.name for path in (built.root / ".paperbuild").rglob("*"))
    built.write("train.py", TRAIN + "# other\n")
    found(built, "train")
    assert sorted(path.name for path in (built.root / ".paperbuild").rglob("*")) == before
