import json
import os
import re
import signal
import tempfile
import time
from pathlib import Path

import pytest

from tests.cli.conftest import LIMIT_S

MANIFEST = """\
[paper]
source = "paper.md"

[target.counts]
run = "python3 count.py > counts.json"
outputs = ["counts.json"]

[target.chance]
run = "python3 chance.py"

[target.chance.outputs]
scores = { path = "scores.json", tolerance = 1e-6 }
draws = { path = "draws.csv" }

[target.slow]
run = "echo 1 > slow.txt"
outputs = ["slow.txt"]
heavy = true
"""

CHANCE = """\
import json, random
noise = random.Random().random() * 1e-9
json.dump({"auc": {"mean": 0.5 + noise}}, open("scores.json", "w"))
with open("draws.csv", "w") as file:
    print("step,loss", file=file)
    print("1,0.5", file=file)
    print(f"2,{random.Random().randrange(10**6, 10**7)}", file=file)
"""


@pytest.fixture
def verified(project, tmp_path, monkeypatch):
    place = tmp_path.parent / f"{tmp_path.name}-temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    project.write("paperbuild.toml", MANIFEST).write("paper.md", "# Counts\n\nThere are []{val=counts.n} of [](scores.json).\n")
    project.write("count.py", "import json\nprint(json.dumps({'n': len(open('words').read().split())}))\n").write("words", "a b c\n")
    project.write("chance.py", CHANCE)
    project.temporary = place
    return project


def told(text):
    text = re.sub(r"\d+\.\d s\b", "N s", text)
    return re.sub(r"\b[1-9]\d{6}\b", "NUMBER", text)


def snapshot(root):
    kept = {}
    for path in sorted(root.rglob("*")):
        if ".paperbuild" not in path.parts and path.name != "verify.json":
            stat = path.lstat()
            kept[path.relative_to(root)] = (stat.st_mtime_ns, stat.st_ino, path.read_bytes()) if path.is_file() else None
    return kept


def test_everything_is_made_once_more_and_what_differs_is_told_with_its_place(verified):
    assert verified.call("render", "-q").code == 0
    assert verified.call("run", "chance", "slow", "-q").code == 0
    before = snapshot(verified.root)
    answer = verified.call("verify")
    assert answer.code == 3
    lines = told(answer.out).splitlines()
    assert lines[:2] == ["identical  counts      N s", "different  chance      N s"]
    assert re.fullmatch(r"    scores\.json: 1 number differs, by \S+e-1\d at most", lines[2])
    assert lines[3:] == [
        "    draws.csv, row 2, column loss: NUMBER became NUMBER",
        "    it comes out differently each time",
        "not rerun  slow        it is heavy: name it to have it rerun",
        "identical  paper.pdf   N s",
        "identical  paper.html  N s",
    ]
    assert answer.err == "3 identical, 1 different, 1 not rerun; _build/verify.json has it all\n"
    assert snapshot(verified.root) == before
    assert list(verified.temporary.glob("paperbuild-*")) == []


def test_what_is_named_is_verified_alone_and_other_verdicts_stay(verified):
    verified.call("run", "counts", "chance", "slow", "-q")
    assert verified.call("verify", "chance", "--once").code == 3
    answer = verified.call("verify", "counts", "slow.txt")
    assert (answer.code, answer.err) == (0, "2 identical; _build/verify.json has it all\n")
    report = json.loads(verified.read("_build/verify.json"))
    assert [(one["action"], one["verdict"]) for one in report["verdicts"]] == [
        ("counts", "identical"),
        ("chance", "different"),
        ("slow", "identical"),
    ]
    assert report["verdicts"][0]["verified"].endswith("Z")


def test_the_answer_in_json_has_every_verdict_and_nothing_is_narrated(verified):
    verified.call("run", "counts", "chance", "-q")
    (verified.root / "sub").mkdir()
    answer = verified.call("verify", "counts", "chance", "--json", "--once", folder="sub")
    assert (answer.code, answer.err) == (3, "")
    told = json.loads(answer.out)
    assert (told["command"], told["ok"], told["exit_code"], told["root"]) == ("verify", False, 3, "..")
    count, chance = told["verdicts"]
    assert (count["verdict"], count["outputs"][0]["path"], count["outputs"][0]["agreement"]) == ("identical", "../counts.json", "identical")
    assert [one["agreement"] for one in chance["outputs"]] == ["within tolerance", "different"]
    assert chance["outputs"][1]["differences"][0]["where"] == "row 2, column loss"
    assert "umask" in chance["varied"]
    assert (verified.root / "sub" / chance["log"]).is_file()


def test_what_is_stale_fails_and_says_why(verified):
    verified.call("run", "counts", "-q")
    verified.write("words", "a b\n")
    answer = verified.call("verify", "counts")
    assert answer.code == 1
    assert answer.out == "not rerun  counts  no result stands: words changed\n"


def test_a_command_that_fails_shows_the_end_of_its_log(verified):
    verified.write("paperbuild.toml", '[target.t]\nrun = "umask; [ $(umask) != 0027 ] && echo 1 > out"\noutputs = ["out"]\n')
    verified.call("run", "t", "-q")
    answer = verified.call("verify")
    assert answer.code == 3
    *lines, cause, log = told(answer.out).splitlines()
    assert lines == ["different  t  N s", "    t failed with exit status 1", "      | 0027"]
    assert cause.startswith("    under a build's conditions it came out as recorded: it depends on its ")
    assert (verified.root / re.fullmatch("    the whole log is (.+)", log)[1]).read_text() == "0027\n"


def test_a_path_that_leads_into_the_project_from_anywhere_is_named(verified):
    verified.write("paperbuild.toml", f'[target.t]\nrun = "cat {verified.root}/words > out"\noutputs = ["out"]\n')
    verified.call("run", "t", "-q")
    assert told(verified.call("verify").out).splitlines() == [
        "different  t  N s",
        "    it wanted words by its absolute path",
        "    it depends on where the project lies",
    ]


def test_the_copies_stay_where_that_is_asked_for(verified):
    verified.call("run", "counts", "-q")
    answer = verified.call("verify", "counts", "--keep")
    copy = Path(re.search(r"its copy is (.+)", answer.out)[1])
    assert copy.is_relative_to(verified.temporary.resolve())
    assert sorted(path.name for path in copy.iterdir() if path.name != ".paperbuild") == ["count.py", "counts.json", "words"]


def test_verdicts_name_the_commit(verified):
    for words in ("init -q", "add .", "-c user.name=x -c user.email=x@x commit -qm x"):
        assert os.system(f"git -C {verified.root} {words}") == 0
    verified.call("run", "counts", "-q")
    verified.call("verify", "counts")
    verdict = json.loads(verified.read("_build/verify.json"))["verdicts"][0]
    assert re.fullmatch("[0-9a-f]{40}", verdict["revision"]["commit"])


def test_an_adopted_result_is_settled(verified):
    verified.write("counts.json", '{"n": 3}\n')
    assert verified.call("run", "counts", "--adopt", "-q").code == 0
    assert verified.call("status").out.splitlines()[0].split()[:2] == ["adopted", "counts"]
    answer = verified.call("verify", "counts")
    assert told(answer.out).splitlines() == [
        "adopted  counts  N s",
        "    its outputs were adopted, and came out again: from now on they count as run",
    ]
    assert verified.call("status").out.splitlines()[0].split() == ["up", "to", "date", "counts"]
    assert verified.call("explain", "counts").out.startswith("● counts is up to date\n")
    verified.call("render", "-q")
    runs = json.loads(verified.read("_build/provenance.json"))["runs"]
    assert [run["adopted"] for run in runs if run["target"] == "counts"] == [False]


def test_ctrl_c_ends_what_runs_and_leaves_nothing_behind(verified):
    verified.write("paperbuild.toml", '[target.t]\nrun = "sleep $(cat seconds); echo 1 > out"\noutputs = ["out"]\nheavy = true\n')
    verified.write("seconds", "0")
    verified.call("run", "t", "-q")
    verified.write("seconds", "60")
    verified.call("run", "t", "--adopt", "-q")  # so that it need not be waited for
    process = verified.start("verify", "t")
    deadline = time.monotonic() + LIMIT_S
    logs = verified.root / ".paperbuild" / "logs" / "verify"
    while not list(logs.glob("*/*.log")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130, err
    assert "PB404" in err
    assert list(verified.temporary.glob("paperbuild-*")) == []
    assert not (verified.root / "_build" / "verify.json").exists()
