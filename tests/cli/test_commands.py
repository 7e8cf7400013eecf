import json
import re
import signal
import time

from tests.cli.conftest import LIMIT_S


def test_run_runs_what_is_stale_and_then_nothing(project):
    first = project.call("run", "joined", "-j1")
    assert first.code == 0
    lines = re.sub(r"in [\d.]+ s", "in N s", first.err).splitlines()
    assert lines == [
        "ran train[seed=0] in N s: it has never been built",
        "ran train[seed=1] in N s: it has never been built",
        "ran joined in N s: it has never been built",
        "3 ran, 0 reused, 0 failed in N s",
    ]
    assert first.out == ""
    assert project.read("joined.txt") == '{"acc": 0.05}\n{"acc": 0.15}\n'
    second = project.call("run", "joined")
    assert (second.code, second.err, second.out) == (0, "0 ran, 3 up to date\n", "")


def test_one_cell_can_be_run_by_its_axis_or_its_output(project):
    assert "1 ran" in project.call("run", "train[seed=1]").err
    assert "0 ran, 1 up to date" in project.call("run", "acc-1.json").err
    assert not (project.root / "acc-0.json").exists()


def test_all_unknown_targets_are_told_with_the_nearest(project):
    answer = project.call("run", "trian", "joind")
    assert answer.code == 2
    assert answer.err == (
        "error[PB185]: there is no target, action or output 'trian'\n  = help: did you mean train?\n\n"
        "error[PB185]: there is no target, action or output 'joind'\n  = help: did you mean joined?\n"
    )


def test_quiet_says_nothing_and_verbose_everything(project):
    assert project.call("run", "train", "-q").err == ""
    assert "up to date train[seed=0]\n" in project.call("-v", "run", "train").err


def test_a_failure_is_told_after_the_build_and_others_go_on_with_keep_going(project):
    project.write("train.py", "import sys\nif sys.argv[2] == '0': sys.exit('no luck')\nprint(1)\n")
    answer = project.call("run", "joined", "-k", "-j1")
    assert answer.code == 1
    assert "failed train[seed=0] after" in answer.err
    assert "1 ran, 0 reused, 1 failed, 1 blocked" in answer.err
    assert "no luck" in answer.err
    assert (project.root / "acc-1.json").exists()


def test_the_answer_in_json_holds_outcomes_reasons_and_outputs(project):
    answer = project.call("run", "joined", "--json")
    assert (answer.code, answer.err) == (0, "")
    found = json.loads(answer.out)
    assert (found["format"], found["command"], found["ok"], found["exit_code"], found["root"]) == (1, "run", True, 0, ".")
    assert [(a["action"], a["outcome"], a["reason"], a["outputs"]) for a in found["actions"]] == [
        ("train[seed=0]", "ran", "it has never been built", ["acc-0.json"]),
        ("train[seed=1]", "ran", "it has never been built", ["acc-1.json"]),
        ("joined", "ran", "it has never been built", ["joined.txt"]),
    ]


def test_the_answer_in_json_of_a_failed_build_holds_its_diagnostics(project):
    project.write("train.py", "raise SystemExit(3)\n")
    answer = project.call("run", "joined", "--json")
    found = json.loads(answer.out)
    assert (answer.code, found["exit_code"], found["ok"]) == (1, 1, False)
    assert found["diagnostics"][0]["severity"] == "error"
    assert {a["outcome"] for a in found["actions"]} >= {"failed", "blocked"}


def test_the_answer_in_json_of_a_broken_manifest_is_json_too(project):
    project.write("paperbuild.toml", "[paper\n")
    answer = project.call("status", "--json")
    found = json.loads(answer.out)
    assert (answer.code, found["exit_code"], found["command"]) == (2, 2, "status")
    assert found["diagnostics"][0]["span"]["path"] == "paperbuild.toml"


def test_paths_are_told_relative_to_where_the_command_was_called(project):
    project.write("code/empty", "").write("paperbuild.toml", "[paper\n")
    assert "--> ../paperbuild.toml:1:" in project.call("status", folder="code").err
    project.write("inner/paperbuild.toml", "[paper\n")
    assert "--> inner/paperbuild.toml:1:" in project.call("-C", "inner", "status").err


def test_status_names_every_action_its_state_and_the_reason(project):
    project.call("run", "train")
    project.write("train.py", "import sys\nprint(sys.argv[2], 'changed')\n")
    answer = project.call("status")
    assert answer.code == 0
    states = {line[:16].strip(): line[16:] for line in answer.out.splitlines()}
    assert any(state.startswith("stale") for state in states)
    found = json.loads(project.call("status", "--json").out)
    by_action = {a["action"]: a for a in found["actions"]}
    assert by_action["train[seed=0]"]["state"] == "stale"
    assert "train.py" in by_action["train[seed=0]"]["reason"]
    assert by_action["joined"]["state"] == "may run"


def test_status_writes_nothing(project):
    before = sorted(path.name for path in project.root.iterdir())
    assert project.call("status").code == 0
    assert sorted(path.name for path in project.root.iterdir()) == before


def test_explain_gives_the_reasons_of_each_cell(project):
    project.call("run", "train")
    assert project.call("explain", "train[seed=0]").out.startswith("● train[seed=0] is up to date\n")
    project.write("train.py", "print(2)\n")
    out = project.call("explain", "train").out
    assert out.startswith("◑ train (all 2 cells) must run:\n  - train.py changed")
    assert "◑ train[seed=0] must run:\n  - train.py changed" in project.call("explain", "train", "--cells").out
    assert "train.py" in out
    found = json.loads(project.call("explain", "train", "--json").out)
    assert [a["action"] for a in found["actions"]] == ["train[seed=0]", "train[seed=1]"]
    assert found["actions"][0]["reasons"]


def test_clean_removes_what_is_ours_and_the_next_run_brings_it_back_without_running(project):
    project.call("run", "joined")
    assert "acc-0.json" in project.call("clean", "--dry-run").out
    assert (project.root / "acc-0.json").exists()
    project.write("joined.txt", "mine now")
    answer = project.call("clean")
    assert answer.out == "acc-0.json\nacc-1.json\n"
    assert "left, because paperbuild did not make it: joined.txt" in answer.err
    assert project.read("joined.txt") == "mine now"
    assert "0 ran, 2 up to date" in project.call("run", "train").err
    assert project.read("acc-0.json") == '{"acc": 0.05}\n'


def test_sigterm_ends_what_runs_and_exits_with_130(project):
    project.write("train.py", "import time, pathlib\npathlib.Path('began').touch()\ntime.sleep(60)\n")
    process = project.start("run", "train", "-j1")
    until = time.monotonic() + LIMIT_S
    while not (project.root / "began").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130, err
    assert "error[PB404]: interrupted" in err


def test_an_interrupted_build_still_tells_what_had_failed(project):
    project.write(
        "train.py", "import sys, time, pathlib\nif sys.argv[2] == '0': sys.exit('no luck')\npathlib.Path('began').touch()\ntime.sleep(60)\n"
    )
    process = project.start("run", "train", "-j1", "-k")
    until = time.monotonic() + LIMIT_S
    while not (project.root / "began").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130, err
    assert err.index("no luck") < err.index("error[PB404]: interrupted")


def test_a_reader_that_has_seen_enough_is_no_error(project):
    process = project.start("status")
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.wait(timeout=LIMIT_S)
    process.stderr.close()


def test_the_program_starts_as_a_module(project):
    process = project.start("run", "train")
    out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out) == (0, "")
    assert "2 ran, 0 reused, 0 failed in" in err


def test_adopt_takes_what_is_there_and_says_so_wherever_it_appears(project):
    project.call("run", "joined")
    project.write("train.py", project.read("train.py") + "# a comment\n").write("acc-1.json", '{"acc": 0.99}\n')
    assert project.call("adopt", "train").code == 0
    answer = project.call("adopt", "joined", "train", "--reason", "computed\nelsewhere")
    assert answer.code == 0
    assert "adopted train[seed=1], not run\n" in answer.err
    assert project.read("acc-1.json") == '{"acc": 0.99}\n'
    assert "0 ran, 3 up to date" in project.call("run", "joined").err
    line = next(line for line in project.call("status").out.splitlines() if "seed=1" in line)
    assert re.fullmatch(r"adopted +train\[seed=1\] +not run, adopted \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: computed elsewhere", line)
    told = project.call("explain", "acc-1.json").out
    assert told.startswith("◆ train[seed=1] is up to date, by a result that was adopted, not run\n")
    assert re.search(r"  adopted, not run: taken from disk \d{4}-.* \(just now\): computed elsewhere\n", told)
    assert re.search(r"    by the record [0-9a-f]{64}/[0-9a-f]{32}\n", told)
    found = {a["action"]: a["adoption"] for a in json.loads(project.call("status", "--json").out)["actions"]}
    assert found["train[seed=1]"]["reason"] == "computed elsewhere"
    assert found["paper.html"] is None
    project.call("render", "--to", "html")
    facts = {run["action"]: run for run in json.loads(project.read("_build/provenance.json"))["runs"]}
    assert "train[seed=1]" not in facts, "the paper refers to no target"


def test_a_result_that_should_not_stand_is_made_again_when_that_is_asked_for(project):
    project.call("run", "joined")
    right = project.read("acc-1.json")
    project.write("acc-1.json", '{"acc": 0}\n').call("adopt", "acc-1.json")
    assert "0 ran" in project.call("run", "train", "--overwrite").err
    answer = project.call("run", "--again", "-v", "train[seed=1]")
    assert "ran train[seed=1]" in answer.err
    assert "it was asked for again" in answer.err
    assert project.read("acc-1.json") == right
    assert "adopted" not in project.call("status").out
    assert "0 ran" in project.call("run", "train[seed=1]").err, "once"
    refused = project.call("run", "--again")
    assert (refused.code, "PB183" in refused.err) == (2, True)


def test_an_adopted_result_is_told_as_such_beside_the_documents(project):
    project.write("paper.md", '# Result\n\nIt is [0.9]{val="train.where(seed=1).acc.acc:.2f"}.\n')
    for seed in "01":
        project.write(f"acc-{seed}.json", '{"acc": 0.99}\n')
    project.call("adopt", "train", "--reason", "from the cluster")
    assert project.call("render", "--to", "html").code == 0
    facts = {run["action"]: run for run in json.loads(project.read("_build/provenance.json"))["runs"]}
    adoption = facts["train[seed=1]"]["adoption"]
    assert (facts["train[seed=1]"]["adopted"], adoption["reason"]) == (True, "from the cluster")
    assert "from the cluster" not in project.read("_build/paper.html"), "a document holds facts of its inputs, not of one run"
