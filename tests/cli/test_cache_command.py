"""``paperbuild cache`` and ``status --sizes``, on a real store beside a real repository."""

import json
import os
import re
import subprocess
import time

import pytest
from msgspec.structs import replace

from paperbuild.engine.trace import dump_record, load_record

MANIFEST = """\
[target.{name}]
run = "cp in.txt {name}.txt"
outputs = ["{name}.txt"]
"""


def git(project, *words):
    subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e@x", *words], cwd=project.root, check=True, capture_output=True)


def age(project, days, only=""):
    """Let the store look as if this had been done so many days ago."""
    shift_ns = days * 24 * 3600 * 10**9
    for path in (project.root / ".paperbuild/records").rglob("*.json"):
        used_ns = path.stat().st_mtime_ns - shift_ns
        record = load_record(path.read_bytes())
        if only in record.action:
            path.write_bytes(dump_record(replace(record, finished_ns=record.finished_ns - shift_ns)))
            os.utime(path, ns=(used_ns, used_ns))
    for path in (project.root / ".paperbuild/blobs").rglob("*"):
        used_ns = path.stat().st_mtime_ns - shift_ns
        os.utime(path, ns=(used_ns, used_ns))


@pytest.fixture
def versions(project, kept):
    """A project that had three targets, one after the other: one on a branch, one in a tag, one now; each with two results."""
    return project.once(kept, lambda: build(project))


def build(project):
    git(project, "init", "-q", "-b", "main")
    for name in ("branched", "tagged", "forgotten", "present"):
        project.write("paperbuild.toml", MANIFEST.format(name=name)).write("in.txt", f"{name} 1\n")
        git(project, "checkout", "-q", "--orphan", f"{name}-line")
        git(project, "add", "paperbuild.toml", "in.txt")
        git(project, "commit", "-qm", name)
        for text in ("1", "2"):
            project.write("in.txt", f"{name} {text}\n")
            assert project.call("run", name).code == 0
        time.sleep(0.01)
    git(project, "tag", "v1", "tagged-line")
    git(project, "branch", "-D", "tagged-line", "forgotten-line")
    age(project, 100)


def test_without_use_for_90_days_all_goes_but_the_newest_of_what_branches_tags_and_the_tree_name(versions):
    told = versions.call("cache", "gc", "--dry-run")
    assert told.code == 0
    lines = [" ".join(line.partition(",")[0].split()) for line in told.out.splitlines()]
    assert lines == ["branched 1 result", "forgotten 2 results", "present 1 result", "tagged 1 result"]
    assert told.err.startswith("5 results would be removed, ")
    done = versions.call("cache", "gc")
    assert done.out == told.out
    assert done.err == told.err.replace("would be removed", "removed")
    assert versions.call("cache", "verify").code == 0
    assert versions.call("cache", "gc").err.startswith("0 results removed, 0 B; ")
    assert "0 ran, 1 up to date" in versions.call("run", "present").err


def test_what_was_used_lately_stays_whether_anything_names_it_or_not(versions):
    age(versions, -90, only="forgotten")
    assert "forgotten" not in versions.call("cache", "gc").out
    assert "forgotten  2 results" in versions.call("cache", "gc", "--older", "9d").out


def test_by_size_as_much_goes_as_must_and_what_cannot_is_told(versions):
    age(versions, -98)
    answer = versions.call("cache", "gc", "--max-size", "1B")
    assert "5 results removed" in answer.err
    assert "warning[PB455]: the store takes" in answer.err
    assert answer.code == 0
    assert versions.call("cache", "gc", "--max-size", "1GB").err.startswith("0 results removed")


def test_a_manifest_that_cannot_be_understood_protects_nothing_and_is_told(versions):
    git(versions, "checkout", "-q", "--orphan", "broken")
    versions.write("paperbuild.toml", "[target")
    git(versions, "add", "paperbuild.toml")
    git(versions, "commit", "-qm", "broken")
    versions.write("paperbuild.toml", MANIFEST.format(name="present"))
    answer = versions.call("cache", "gc", "-n")
    assert "warning[PB454]: paperbuild.toml of broken cannot be understood" in answer.err
    assert answer.code == 0


def test_another_work_tree_protects_what_its_manifest_names_before_it_is_committed(versions, tmp_path):
    tree = tmp_path / "other"
    git(versions, "worktree", "add", "-q", "--detach", str(tree))
    (tree / "paperbuild.toml").write_text(MANIFEST.format(name="forgotten"))
    assert "forgotten  1 result," in versions.call("cache", "gc").out


def test_profiles_are_named_too(project):
    profiled = MANIFEST.format(name="t") + '[profile.full.target.t]\nrun = "cat in.txt in.txt > t.txt"\n'
    project.write("paperbuild.toml", profiled).write("in.txt", "1")
    project.call("run", "t")
    project.call("run", "t", "--profile", "full")
    age(project, 100)
    assert project.call("cache", "gc").out == ""


def test_the_answer_in_json_says_what_went(versions):
    found = json.loads(versions.call("cache", "gc", "--json").out)
    assert (found["command"], found["ok"], found["dry_run"]) == ("cache gc", True, False)
    assert [(one["action"], one["results"]) for one in found["removed"]] == [
        ("branched", 1), ("forgotten", 2), ("present", 1), ("tagged", 1),
    ]  # fmt: skip
    assert found["freed_bytes"] > 0 < found["left_bytes"]


def test_ages_and_sizes_that_are_none_are_told(project):
    assert "error[PB112]: soon is no age" in project.call("cache", "gc", "--older", "soon").err
    assert project.call("cache", "gc", "--max-size", "20").code == 2


def test_a_project_that_was_never_built_has_nothing_to_collect_or_verify(project):
    assert project.call("cache", "gc").err == "0 results removed, 0 B; 0 B stay\n"
    assert project.call("cache", "verify").err == "0 records and 0 files are sound\n"
    assert not (project.root / ".paperbuild").exists()


def test_papers_without_a_manifest_have_a_store_as_well(project):
    (project.root / "paperbuild.toml").unlink()
    assert project.call("cache", "gc").code == 2
    project.call("render", "paper.md", "--to", "html")
    age(project, 100)
    assert (
        project.call("cache", "gc").out
        == "paper.html  1 result, last used " + time.strftime("%Y-%m-%d", time.gmtime(time.time() - 100 * 86400)) + "\n"
    )


def test_verify_tells_what_is_damaged_and_repair_removes_it(project):
    project.call("run", "joined")
    damaged = next(path for path in (project.root / ".paperbuild/blobs").rglob("*") if path.is_file() and "0.15" in path.read_text())
    damaged.chmod(0o644)
    damaged.write_text("rubbish")
    answer = project.call("cache", "verify")
    assert answer.code == 1
    assert "error[PB450]: a result in the store is not what its name says: blobs/" in answer.err
    assert "needed by: " in answer.err
    assert answer.err.endswith("1 damaged; 3 records and 2 files are sound\n")
    found = json.loads(project.call("cache", "verify", "--json").out)
    assert (found["exit_code"], found["records"], found["contents"], len(found["diagnostics"])) == (1, 3, 2, 1)
    assert project.call("cache", "verify", "--repair").code == 1
    assert project.call("cache", "verify").code == 0
    (project.root / "joined.txt").unlink()
    assert project.call("run", "joined").code == 0


def test_the_sizes_of_the_store_and_of_each_target_are_told(project):
    project.call("run", "joined")
    project.write("train.py", project.read("train.py") + "# again\n").call("run", "train")
    out = project.call("status", "--sizes").out
    assert [re.split(" {2,}", line.strip())[:3] for line in out.splitlines()[-3:-1]] == [
        ["28 B", "joined", "1 result"], ["28 B", "train", "4 results"],
    ]  # fmt: skip
    assert "the whole store  " in out
    sizes = json.loads(project.call("status", "--sizes", "--json").out)["sizes"]
    assert sizes["targets"] == [{"target": "joined", "results": 1, "bytes": 28}, {"target": "train", "results": 4, "bytes": 28}]
    assert sizes["bytes"] > 56
    assert "sizes" not in json.loads(project.call("status", "--json").out)


def test_of_chunks_the_newest_results_stay_that_a_paper_here_or_on_a_branch_has(project):
    git(project, "init", "-q", "-b", "main")
    project.write("paperbuild.toml", '[paper]\nsource = "papers/paper.md"\n')
    for line, name in (("side", "branched"), ("main-line", "present")):
        for text in ("1", "2"):
            project.write("papers/paper.md", f'``` {{.sh .target #{name} stdout="{name}.txt"}}\necho {text}\n```\n')
            assert project.call("run", name).code == 0
        git(project, "checkout", "-q", "--orphan", line)
        git(project, "add", "paperbuild.toml", "papers")
        git(project, "commit", "-qm", name)
    age(project, 100)
    told = project.call("cache", "gc")
    assert [" ".join(line.partition(",")[0].split()) for line in told.out.splitlines()] == ["branched 1 result", "present 1 result"]
    assert "0 ran, 1 up to date" in project.call("run", "present").err
    git(project, "checkout", "-q", "side")
    assert "0 ran" in project.call("run", "branched").err
