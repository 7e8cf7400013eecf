"""Sweeps and profiles from the manifest to the page: cells, the index that scripts read, what runs again, what is never mixed."""

import json
import re

import pytest

MANIFEST = """\
[paper]
source = "paper.md"
formats = ["html"]

[target.train]
run = "python3 train.py {model} {seed} {epochs} > b/{model}-{seed}.json"
outputs = { metrics = "b/{model}-{seed}.json" }
params = { epochs = 10 }
cells = [{ model = "small", rate = 0.1 }, { model = "large", rate = 0.01 }]
matrix = { seed = [0, 1, 2] }

[target.table]
run = "python3 table.py > table.csv"
needs = ["train"]
outputs = ["table.csv"]

[profile.quick.target.train]
params = { epochs = 1 }
matrix = { seed = [0, 1] }
"""
TRAIN = """\
import json, sys
model, seed, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
bonus = json.load(open("bonus.json")) if model == "large" and seed == 2 else 0
print(json.dumps({"acc": round({"small": 0.7, "large": 0.8}[model] + 0.01 * seed + 0.001 * epochs + bonus, 4)}))
open("ran.log", "a").write(f"{model}-{seed}-{epochs}\\n")
"""
TABLE = """\
import json, os
index = json.load(open(os.environ["PAPERBUILD_INDEX"]))
print("model,rate,seed,acc")
for cell in index["train"]:
    params = cell["params"]
    print(params["model"], params["rate"], params["seed"], json.load(open(cell["outputs"]["metrics"]))["acc"], sep=",")
"""
PAPER = """\
It reaches [x]{val="pm(train.where(model='large').acc):.1%"}; by model [x]{val="listed(mean(train.acc, per=train.model)):.3f"}.

![All runs.](table.csv){#tbl:runs}
"""


@pytest.fixture
def swept(project):
    project.write("paperbuild.toml", MANIFEST).write("paper.md", PAPER).write("train.py", TRAIN).write("table.py", TABLE)
    return project.write("bonus.json", "0")


def render(project, *words):
    (project.root / "ran.log").unlink(missing_ok=True)
    answer = project.call("render", "--json", *words)
    assert answer.code == 0, answer.out
    log = project.root / "ran.log"
    ran = sorted(log.read_text().split()) if log.exists() else []
    return ran, {one["action"]: one["outcome"] for one in json.loads(answer.out)["actions"]}


def page(project):
    text = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", project.read("_build/paper.html"))
    return " ".join(re.sub(r"<[^>]+>", " ", text).replace("\u00a0", " ").split())


def test_each_cell_is_an_action_of_its_own_and_what_reads_the_sweep_follows_a_cell_that_changes(swept):
    ran, outcomes = render(swept)
    assert ran == [f"{model}-{seed}-10" for model in ("large", "small") for seed in (0, 1, 2)]
    assert "82.0 ± 1.0 %" in page(swept)
    assert "0.720 and 0.820" in page(swept)
    assert swept.read("table.csv").splitlines()[0:2] == ["model,rate,seed,acc", "small,0.1,0,0.71"]
    assert render(swept) == ([], dict.fromkeys(outcomes, "reused"))
    swept.write("bonus.json", "0.06")
    ran, outcomes = render(swept)
    assert ran == ["large-2-10"]
    assert {name for name, outcome in outcomes.items() if outcome == "ran"} == {
        "train[model=large,rate=0.01,seed=2]",
        "table",
        "paper.html",
    }
    assert "84.0 ± 4.4 %" in page(swept)
    assert "0.89" in swept.read("table.csv")


def test_a_cell_more_runs_alone_and_one_less_leaves_the_mean(swept):
    render(swept)
    swept.write("paperbuild.toml", MANIFEST.replace("seed = [0, 1, 2]", "seed = [0, 1, 2, 3]"))
    assert render(swept)[0] == ["large-3-10", "small-3-10"]
    swept.write("paperbuild.toml", MANIFEST.replace(', { model = "large", rate = 0.01 }', ', { model = "large", rate = 0.02 }'))
    ran, _ = render(swept)
    assert ran == ["large-0-10", "large-1-10", "large-2-10"]  # a parameter is part of the key, used or not
    assert not (swept.root / "b/small-3.json").exists()


def test_profiles_are_never_mixed_and_going_back_runs_nothing(swept):
    render(swept)
    full = page(swept)
    ran, _ = render(swept, "--profile", "quick")
    assert ran == ["large-0-1", "large-1-1", "small-0-1", "small-1-1"]
    quick = page(swept)
    assert "Built with the profile “quick”" in quick
    assert "Built with" not in full
    assert len(swept.read("table.csv").splitlines()) == 5
    assert not (swept.root / "b/small-2.json").exists()
    assert render(swept)[0] == []
    assert page(swept) == full
    assert len(swept.read("table.csv").splitlines()) == 7
    assert render(swept, "--profile", "quick")[0] == []
    assert page(swept) == quick


def test_what_is_checked_and_traced_is_the_profile_that_is_asked_for(swept):
    swept.write("paper.md", PAPER.replace("pm(train", "max(train").replace("[x]", "[]", 1))
    render(swept, "--profile", "quick")
    told = json.loads(swept.call("whence", "--json", "--profile", "quick", "mean(train.acc):.4f").out)["found"]
    assert [(one["shown"], len(one["origins"])) for one in told] == [("0.7560", 4)]
    assert {origin["state"] for origin in told[0]["origins"]} == {"up to date"}
    assert swept.call("check", "--profile", "quick", "--json").code == 1  # the other literal is "x"
    assert json.loads(swept.call("status", "--json").out)["actions"][0]["state"] in {"stale", "never built"}
