"""What ``paperbuild explain`` prints, whole: the reasons, the chain down to what changed, the last run, what follows."""

import json
import re
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what commands read is observed on Linux")

MANIFEST = """\
[paper]
source = "paper.md"
formats = ["html"]

[target.clean]
run = "tr A-Z a-z < raw.txt > clean.txt"
inputs = ["raw.txt"]
outputs = ["clean.txt"]

[target.fit]
run = "cat clean.txt > fit-{seed}.txt; echo {rate} >> fit-{seed}.txt"
inputs = ["clean.txt"]
outputs = ["fit-{seed}.txt"]
params = { rate = 1 }
matrix = { seed = [0, 1] }

[target.summary]
run = "cat fit-0.txt fit-1.txt > summary.json"
outputs = ["summary.json"]
"""


@pytest.fixture
def project(project):
    return project.write("paperbuild.toml", MANIFEST).write("raw.txt", "1\n")


def told(project, *words):
    """Return what ``explain`` says, without moments and durations."""
    answer = project.call("explain", *words)
    assert answer.code == 0
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( to [\d:]+)? \(just now\)", "WHEN", answer.out)
    return re.sub(r"\b\d\.\d s( to \d\.\d s)?", "N s", text)


def test_what_was_never_built_says_so_and_what_follows(project):
    assert told(project, "clean") == (
        "○ clean must run:\n  - it has never been built\n  then these may have to run: fit and summary\n"
    )  # fmt: skip


def test_what_is_up_to_date_says_on_what_that_rests_and_why_it_ran(project):
    project.call("run")
    text = told(project, "clean")
    assert text.startswith("● clean is up to date\n  last ran WHEN, took N s, exit status 0\n    why: it has never been built\n")
    assert re.search(r"\n  unchanged since then: its command, 1 file[^\n]*\n$", text)


def test_a_changed_file_and_a_changed_parameter_are_told_down_the_chain(project):
    project.call("run")
    project.write("raw.txt", "2\n").write("paperbuild.toml", MANIFEST.replace("rate = 1", "rate = 2"))
    assert told(project, "summary") == (
        "◌ summary may have to run: what it uses is not up to date\n"
        "  it uses\n"
        "  └─ ◌ fit-0.txt and fit-1.txt of fit (all 2 cells) may change\n"
        "       the command changed\n"
        "       parameter rate changed from 1 to 2\n"
        "     └─ ◑ clean.txt of clean must run\n"
        "          raw.txt changed (4355a46b → 53c234e5)\n"
        "  last ran WHEN, took N s, exit status 0\n"
        "    why: it has never been built\n"
    )


def test_a_run_is_remembered_with_what_changed_before_it(project):
    project.call("run")
    project.write("raw.txt", "2\n").call("run")
    text = told(project, "fit", "--cells")
    assert "● fit[seed=0] is up to date\n" in text
    assert "● fit[seed=1] is up to date\n" in text
    assert "    why: clean.txt changed (4355a46b → 53c234e5)\n" in text


def test_what_ran_and_made_the_same_is_told_as_the_reason_why_nothing_followed(project):
    project.write("raw.txt", "a\n").call("run")
    project.write("raw.txt", "A\n").call("run")
    assert "\n  clean ran since, and made the same\n" in told(project, "fit[seed=0]")


def test_a_failed_run_is_told_with_its_status_and_its_log(project):
    project.write("paperbuild.toml", MANIFEST.replace("tr A-Z", "exit 4; tr A-Z"))
    assert project.call("run").code == 1
    text = told(project, "clean")
    assert text.startswith("✗ clean must run; its last run failed:\n  - it has never been built\n")
    assert "  last ran WHEN, took N s, and failed, exit status 4\n" in text
    assert "    its log: .paperbuild/logs/clean/" in text


def test_a_changed_variable_and_a_changed_command_are_told_before_and_after(project):
    manifest = MANIFEST + 'env = { FLAVOUR = "mild" }\n'
    project.write("paperbuild.toml", manifest).call("run")
    project.write("paperbuild.toml", manifest.replace("cat fit-0.txt", "cat -u fit-0.txt").replace("mild", "hot"))
    text = told(project, "summary")
    assert "  - the command changed\n      was  cat fit-0.txt fit-1.txt > summary.json\n" in text
    assert "      now  cat -u fit-0.txt fit-1.txt > summary.json\n" in text
    assert "  - the variable FLAVOUR changed from mild to hot\n" in text


def test_a_long_chain_of_what_only_waits_is_told_in_one_line(project):
    links = "".join(f'[target.t{n}]\nrun = "cat o{n - 1} > o{n}"\noutputs = ["o{n}"]\n' for n in range(1, 9))
    project.write("o0", "1").write("paperbuild.toml", f"[document.paper]\nsource = 'paper.md'\n{links}").call("run")
    project.write("o0", "2")
    text = told(project, "t8")
    assert "  └─ ◌ o7 of t2 … t7 (6 targets) may change\n     └─ ◑ o1 of t1 must run\n          o0 changed (" in text
    assert "◌ o7 of t7 may change" in told(project, "t8", "--cells")


def test_what_was_only_seen_is_judged_along_a_chain_of_any_length(project):
    links = "".join(f'[target.t{n}]\nrun = "p=o; cat \\"$p\\"{n - 1} > o{n}"\noutputs = ["o{n}"]\n' for n in range(120, 0, -1))
    project.write("o0", "1").write("paperbuild.toml", f"[document.paper]\nsource = 'paper.md'\n{links}")
    assert project.call("run").code == 0
    project.write("o0", "2")
    assert "└┄ ◑ o1 of t1 must run" in told(project, "t120")
    assert project.call("status").out.count("may run") == 119


def test_the_answer_in_json_has_facts_chains_and_history(project):
    project.call("run")
    project.write("raw.txt", "2\n").write("paperbuild.toml", MANIFEST.replace("rate = 1", "rate = 2"))
    (summary,) = json.loads(project.call("explain", "summary", "--json").out)["actions"]
    assert (summary["action"], summary["state"], summary["affected"]) == ("summary", "may run", [])
    causes = {cause["action"]: cause for cause in summary["causes"]}
    assert causes.keys() == {"clean", "fit[seed=0]", "fit[seed=1]"}
    (changed,) = causes["clean"]["reasons"]
    assert (changed["kind"], changed["subject"], changed["text"]) == ("input", "raw.txt", "raw.txt changed")
    assert (changed["before"][:8], changed["after"][:8]) == ("4355a46b", "53c234e5")
    assert [(step["user"], step["maker"], step["paths"]) for step in causes["clean"]["chain"]] == [
        ("summary", "fit[seed=0]", ["fit-0.txt"]),
        ("fit[seed=0]", "clean", ["clean.txt"]),
    ]
    parameter = next(reason for reason in causes["fit[seed=1]"]["reasons"] if reason["kind"] == "parameter")
    assert (parameter["kind"], parameter["subject"], parameter["before"], parameter["after"]) == ("parameter", "rate", "int 1", "int 2")
    assert (summary["last_run"]["end"], summary["last_run"]["exit_status"]) == ("made", 0)
    assert summary["last_run"]["reasons"][0]["kind"] == "never"
    assert summary["result"]["observed"] in {True, False}
    assert summary["result"]["finished"].endswith("Z")


def test_explaining_writes_nothing(project):
    project.call("run")
    before = {path: path.stat().st_mtime_ns for path in project.root.rglob("*")}
    told(project, "summary")
    assert {path: path.stat().st_mtime_ns for path in project.root.rglob("*")} == before
