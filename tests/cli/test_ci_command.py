"""``paperbuild ci``: what is written, what tools say of it, and the workflow executed step by step."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from paperbuild.automation.summary import Action, Build, Fault, summary
from paperbuild.cli.main import COMMANDS
from paperbuild.diagnostics import Span
from tests.cli.conftest import clean_environment
from tests.cli.workflow_runner import Runner, environment_with

ROOT = Path(__file__).parents[2]
WORKFLOWS = (".github/workflows/paper.yml", ".github/workflows/paper-comment.yml", ".github/workflows/paper-release.yml")
TRAIN = """\
import json, sys
json.dump({"acc": 0.5 + int(sys.argv[1]) / 10}, open(f"build/{sys.argv[1]}.json", "w"))
"""
MANIFEST = """\
[paper]
source = "paper.md"

[target.train]
run = "python train.py {seed}"
outputs = { m = "build/{seed}.json" }
matrix = { seed = [0, 1] }

[target.big]
run = "python -c 'open(\\"build/big.txt\\", \\"w\\").write(\\"7\\")'"
outputs = ["build/big.txt"]
resources = { gpu = 1 }

[target.after]
run = "cat build/big.txt > build/after.json"
outputs = { n = "build/after.json" }
"""
PAPER = '# Result\n\nWe reach [0.55]{val="mean(train.acc):.2f"} and [7]{val=after.n:d}.\n'


@pytest.fixture
def repository(project, monkeypatch):
    for name, value in (("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")):
        monkeypatch.setenv(name, value)
    (project.root / "train.py").unlink()
    project.write("paperbuild.toml", MANIFEST).write("paper.md", PAPER).write("train.py", TRAIN)
    project.write(".gitignore", ".paperbuild/\n_build/\nbuild/\n")
    git(project.root, "init", "-q", "-b", "main")
    commit(project.root)
    return project


def git(folder, *words):
    done = subprocess.run(
        ["git", "-c", "user.name=N", "-c", "user.email=n@example.org", *words],
        cwd=folder,
        env=clean_environment(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "change")
    return git(folder, "rev-parse", "HEAD")


def files(root):
    return {str(path.relative_to(root)): path.read_text() for path in Path(root).rglob("*.yml") if ".paperbuild" not in path.parts}


def tool(*words):
    return subprocess.run([str(Path(sys.executable).parent / words[0]), *words[1:]], capture_output=True, text=True, check=False)


VARIANTS = [(), ("--pages", "--no-heavy"), ("--runner", "cirun-gpu"), ("--pages", "--runner", "cirun-gpu")]


@pytest.mark.parametrize("words", VARIANTS, ids=" ".join)
def test_the_workflows_pass_the_schema_and_the_security_linter_in_its_strictest_form(repository, words):
    assert repository.call("ci", "github", *words).code == 0
    paths = [str(repository.root / path) for path in WORKFLOWS]
    schema = tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *paths)
    assert schema.returncode == 0, schema.stdout + schema.stderr
    found = tool("zizmor", "--offline", "--no-progress", "--persona", "pedantic", str(repository.root / ".github"))
    assert found.returncode == 0, found.stdout + found.stderr


def sharing(repository, remote):
    """Let the project share its results."""
    repository.write("paperbuild.toml", f'{MANIFEST}\n[store]\nremote = "{remote}"\n')
    return repository


@pytest.mark.parametrize("remote", ["s3://bucket/paper", "az://container/paper"])
def test_a_workflow_that_shares_results_passes_them_as_well(repository, remote):
    assert sharing(repository, remote).call("ci", "github", "--runner", "cirun-gpu").code == 0
    schema = tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(repository.root / WORKFLOWS[0]))
    assert schema.returncode == 0, schema.stdout + schema.stderr
    found = tool("zizmor", "--offline", "--no-progress", "--persona", "pedantic", str(repository.root / ".github"))
    assert found.returncode == 0, found.stdout + found.stderr
    assert repository.call("ci", "gitlab").code == 0
    schema = tool("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(repository.root / ".gitlab-ci.yml"))
    assert schema.returncode == 0, schema.stdout + schema.stderr
    script = YAML(typ="safe").load(repository.read(".gitlab-ci.yml"))["paper"]["script"]
    assert any("cache push" in line for line in script)


def steps(repository):
    """Return each step of the workflow that builds, with its job's name."""
    workflow = YAML(typ="safe").load(repository.read(WORKFLOWS[0]))
    return [(name, step) for name, job in workflow["jobs"].items() for step in job["steps"]]


def test_what_signs_and_writes_is_given_to_no_pull_request_and_to_no_step_but_those_that_build(repository):
    sharing(repository, "s3://bucket/paper").call("ci", "github", "--runner", "cirun-gpu", "--pages")
    given = {(job, step["name"]): step["env"] for job, step in steps(repository) if "secrets." in str(step)}
    assert {name for _, name in given} == {"Build what needs no GPU", "Build what asks for a GPU", "Build", "Share results"}
    for env in given.values():
        for name, value in env.items():
            secret = value.removeprefix("${{ github.event_name != 'pull_request' && ").removesuffix(" }}")
            assert secret in {
                "PAPERBUILD_KEY": {"secrets.PAPERBUILD_KEY || ''"},
                "AWS_ACCESS_KEY_ID": {"secrets.AWS_ACCESS_KEY_ID || secrets.AWS_READ_ACCESS_KEY_ID"},
                "AWS_SECRET_ACCESS_KEY": {"secrets.AWS_SECRET_ACCESS_KEY || secrets.AWS_READ_SECRET_ACCESS_KEY"},
            }.get(name, ())
    for path in WORKFLOWS[1:]:
        assert "secrets." not in repository.read(path)
    shares = [step for _, step in steps(repository) if step.get("name") == "Share results"]
    assert {step["if"] for step in shares} == {"${{ !cancelled() && github.event_name != 'pull_request' }}"}
    assert len(shares) == 3


@pytest.mark.parametrize(
    ("remote", "secrets"),
    [
        ("gs://bucket/paper", {"PAPERBUILD_KEY", "GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_READ_SERVICE_ACCOUNT_KEY"}),
        ("ssh://host/paper", {"PAPERBUILD_KEY"}),
        ("file:///srv/paper", {"PAPERBUILD_KEY"}),
    ],
)
def test_each_kind_of_store_gets_the_secrets_that_it_takes(repository, remote, secrets):
    sharing(repository, remote).call("ci", "github")
    assert set(re.findall(r"secrets\.(\w+)", repository.read(WORKFLOWS[0]))) == secrets


def test_a_project_that_shares_nothing_or_only_reads_gets_no_secrets(repository):
    repository.call("ci", "github")
    plain = repository.read(WORKFLOWS[0])
    assert "remote" not in plain
    assert "'paperbuild[remote]" not in plain
    sharing(repository, "https://host/results").call("ci", "github")
    assert "secrets." not in repository.read(WORKFLOWS[0])
    assert sharing(repository, "s3://bucket/paper").call("ci", "github", "--check").code == 1
    assert repository.call("ci", "github").code == 0
    assert "'paperbuild[remote]==" in repository.read(WORKFLOWS[0])


@pytest.mark.parametrize("words", [(), ("--pages", "--no-heavy")], ids=" ".join)
def test_the_pipeline_for_gitlab_passes_its_schema(repository, words):
    assert repository.call("ci", "gitlab", *words).out == ".gitlab-ci.yml\n"
    schema = tool("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(repository.root / ".gitlab-ci.yml"))
    assert schema.returncode == 0, schema.stdout + schema.stderr


def test_actions_are_pinned_by_commit_with_their_version_and_nothing_may_write_but_what_must(repository):
    repository.call("ci", "github", "--pages", "--runner", "cirun-gpu")
    text = "".join(repository.read(path) for path in WORKFLOWS)
    uses = re.findall(r"uses: (.*)", text)
    assert uses
    assert all(re.fullmatch(r"actions/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use) for use in uses)
    may = {}
    for path in WORKFLOWS:
        workflow = YAML(typ="safe").load(repository.read(path))
        assert workflow["permissions"] == {}
        may |= {name: job["permissions"] for name, job in workflow["jobs"].items()}
        assert "secrets." not in repository.read(path)
    reading = {"contents": "read"}
    assert [may[name] for name in ("hosted", "gpu", "paper")] == [reading, reading, reading]
    assert {name for name, rights in may.items() if "write" in rights.values()} == {"pages", "comment", "attach"}
    comment = YAML(typ="safe").load(repository.read(WORKFLOWS[1]))
    assert not any("checkout" in step.get("uses", "") for step in comment["jobs"]["comment"]["steps"])


def test_what_is_heavy_is_left_to_others_and_the_build_fails_while_that_is_stale(repository, monkeypatch):
    repository.write("paperbuild.toml", MANIFEST.replace("[target.train]", "[target.train]\nheavy = true"))
    plain = {path: repository.read(path) for path in WORKFLOWS if repository.call("ci", "github")}
    for service, path in (("github", WORKFLOWS[0]), ("gitlab", ".gitlab-ci.yml")):
        assert repository.call("ci", service, "--no-heavy").code == 0
        assert 'PAPERBUILD_NO_HEAVY: "1"' in repository.read(path)
        assert repository.call("ci", service, "--check").code == 0  # asked for once
    assert repository.call("ci", "github", "--heavy").code == 0
    assert {path: repository.read(path) for path in WORKFLOWS} == plain
    assert repository.call("render", "--to", "html").code == 0
    monkeypatch.setenv("PAPERBUILD_NO_HEAVY", "1")
    assert repository.call("check", "--strict").code == 0
    repository.write("train.py", f"{TRAIN}# another\n")
    built = repository.call("render", "--to", "html", "--keep-going")
    assert (built.code, "PB750" in built.err) == (0, True)
    checked = repository.call("check", "--strict")
    assert (checked.code, "PB232" in checked.err) == (1, True)


def test_writing_again_changes_nothing_and_needs_no_options_again(repository):
    words = ("--pages", "--runner", "cirun-gpu", "--install", "make environment # it's ours", "--python", "3.13")
    assert repository.call("ci", "github", *words).out.splitlines() == [*WORKFLOWS, ".cirun.yml"]
    before = files(repository.root)
    again = repository.call("ci", "github")
    assert (again.out, again.err) == ("", "all is there already\n")
    assert files(repository.root) == before
    assert "make environment # it's ours" in before[WORKFLOWS[0]]
    assert repository.call("ci", "github", "--check").code == 0
    changed = repository.call("ci", "github", "--check", "--no-pages")
    assert (changed.code, changed.out) == (1, WORKFLOWS[0] + "\n" + WORKFLOWS[1] + "\n" + WORKFLOWS[2] + "\n")
    assert files(repository.root) == before
    assert json.loads(repository.call("ci", "github", "--json").out)["changed"] == []


@pytest.mark.parametrize("theirs", ["edit", "own"])
def test_what_somebody_edited_or_wrote_is_left_alone_and_nothing_else_is_written(repository, theirs):
    repository.call("ci", "github")
    text = repository.read(WORKFLOWS[1])
    repository.write(WORKFLOWS[1], text.replace("timeout-minutes: 10", "timeout-minutes: 11") if theirs == "edit" else "name: mine\n")
    before = files(repository.root)
    answer = repository.call("ci", "github", "--pages")
    assert answer.code == 2
    assert f"PB490]: {WORKFLOWS[1]} " in answer.err
    assert "--force" in answer.err
    assert files(repository.root) == before
    assert repository.call("ci", "github", "--pages", "--force").code == 0
    assert "timeout-minutes: 10\n" in repository.read(WORKFLOWS[1])


def test_the_configuration_for_cirun_is_written_once_and_is_the_users(repository):
    repository.call("ci", "github", "--runner", "cirun-gpu")
    repository.write(".cirun.yml", "runners: []\n")
    assert repository.call("ci", "github", "--pages").code == 0
    assert repository.read(".cirun.yml") == "runners: []\n"
    assert repository.call("ci", "github", "--remove").code == 0
    assert list(files(repository.root)) == [".cirun.yml"]


def test_all_of_it_goes_without_a_trace(repository):
    before = sorted(path.name for path in repository.root.iterdir())
    repository.call("ci", "github", "--runner", "cirun-gpu")
    repository.call("ci", "gitlab")
    repository.call("ci", "github", "--remove")
    repository.call("ci", "gitlab", "--remove")
    assert sorted(path.name for path in repository.root.iterdir()) == before


def test_only_targets_that_ask_for_a_gpu_go_to_the_machine_that_has_one(repository):
    repository.call("ci", "github", "--runner", "cirun-gpu")
    jobs = YAML(typ="safe").load(repository.read(WORKFLOWS[0]))["jobs"]
    assert {name: job["runs-on"] for name, job in jobs.items()} == {
        "hosted": "ubuntu-24.04", "gpu": "cirun-gpu--${{ github.run_id }}", "paper": "ubuntu-24.04",
    }  # fmt: skip
    labels = YAML(typ="safe").load(repository.read(".cirun.yml"))["runners"][0]["labels"]
    assert labels == ["cirun-gpu"]
    held = json.loads(repository.call("run", "--no-gpu", "--keep-going", "--json").out)
    assert {one["action"]: one["outcome"] for one in held["actions"]} == {
        "train[seed=0]": "ran", "train[seed=1]": "ran", "big": "held", "after": "blocked",
    }  # fmt: skip
    assert [one["code"] for one in held["diagnostics"]] == ["PB432"]
    assert repository.call("ci", "gpu").out == "big\n"
    assert repository.call("run", "big", "-q").code == 0
    assert repository.call("ci", "gpu").out == ""
    assert "1 ran, 3 reused" in repository.call("run", "--no-gpu").err


def test_a_project_in_a_subfolder_is_called_from_the_top(repository):
    (repository.root / "sub dir").mkdir()
    for name in ("paperbuild.toml", "paper.md", "train.py"):
        shutil.move(repository.root / name, repository.root / "sub dir" / name)
    repository.write("sub dir/requirements.txt", "numpy\n")
    assert repository.call("-C", "sub dir", "ci", "github").code == 0
    text = repository.read(WORKFLOWS[0])
    assert "paperbuild -C 'sub dir' render" in text
    assert "-r 'sub dir/requirements.txt' paperbuild==" in text


def test_without_a_repository_nothing_is_written(project, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.root.parent))
    answer = project.call("ci", "github")
    assert (answer.code, "PB480" in answer.err) == (2, True)
    assert files(project.root) == {}


@pytest.fixture
def machine(repository, tmp_path_factory):
    """A runner with a clean clone, and a Python of its own in which paperbuild is that of this checkout."""
    place = tmp_path_factory.mktemp("runner")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place / "python")], check=True)
    (packages,) = (place / "python/lib").glob("python*/site-packages")

    def clone(name, **context):
        git(place, "clone", "-q", str(repository.root), name)
        base = clean_environment(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1")
        base.pop("PYTHONPATH")
        known = {"github.base_ref": "", "github.event.before": "0" * 40, **context}
        # instead of the package index: what the Python of the tests has
        site = next(path for path in sys.path if path.endswith("site-packages"))
        line = f"import sys, site; sys.path.insert(0, {str(ROOT)!r}); site.addsitedir({site!r})"
        script = f"#!{place}/python/bin/python\nfrom paperbuild.cli.main import entry\nentry()\n"
        install = f"""cat > {packages}/checkout.pth <<'END'\n{line}\nEND
cat > {place}/python/bin/paperbuild <<'END'\n{script}END
chmod +x {place}/python/bin/paperbuild"""
        return Runner(place / name, place / f"{name}-temp", environment_with(place / "python", base), known, {"Install": install})

    return clone


def keep(runner, other):
    """Do what the steps with the cache do: the store of one machine is there on the other."""
    shutil.copytree(runner.folder / ".paperbuild", other.folder / ".paperbuild", dirs_exist_ok=True)


def test_the_workflow_executed_step_by_step_gives_paper_summary_and_differences(repository, machine):
    repository.call("ci", "github", "--pages")
    first = commit(repository.root)
    runner = machine(
        "first", **{"github.event_name != 'pull_request' && github.ref_name == github.event.repository.default_branch": "true"}
    )
    assert runner.job(runner.folder / WORKFLOWS[0], "paper"), runner.said
    assert (runner.temp / "paper/paper.pdf").read_bytes().startswith(b"%PDF")
    assert (runner.temp / "site/index.html").read_text().startswith("<!DOCTYPE html>")
    told = runner.summary.read_text()
    assert "| train \N{MULTIPLICATION SIGN} 2 | ran |" in told
    assert json.loads((runner.temp / "paper/build.json").read_text())["ok"]

    repository.write("train.py", TRAIN.replace("0.5", "0.6")).write("paper.md", PAPER.replace("0.55", "0.65"))
    commit(repository.root)
    second = machine("second", **{**runner.context, "github.event.before": first})
    keep(runner, second)
    assert second.job(second.folder / WORKFLOWS[0], "paper"), second.said
    told = second.summary.read_text()
    assert "| train \N{MULTIPLICATION SIGN} 2 | ran |" in told
    assert "| big |" not in told  # it came with the store
    if "diff" in COMMANDS:
        assert (second.temp / "paper/diff.html").exists()
        assert "0.55" in told
        assert "0.65" in told
    else:
        assert "is not known" in told


@pytest.mark.slow
def test_a_pull_request_takes_what_a_push_shared_and_leaves_nothing_there(repository, machine, tmp_path_factory):
    there = tmp_path_factory.mktemp("there")
    repository.call("key", "new", "--file", "ci.key")
    private = repository.read("ci.key").strip()
    public = repository.call("key", "show", "--file", "ci.key").out.strip()
    (repository.root / "ci.key").unlink()
    repository.write("paperbuild.toml", f'{MANIFEST}\n[store]\nremote = "file://{there}"\ntrusted = ["{public}"]\n')
    repository.call("ci", "github")
    commit(repository.root)
    key, shares = (
        "github.event_name != 'pull_request' && secrets.PAPERBUILD_KEY || ''",
        "!cancelled() && github.event_name != 'pull_request'",
    )

    def built(name, secret):
        runner = machine(name, **{key: secret, shares: "true" if secret else "false"})
        runner.environment = {name: value for name, value in runner.environment.items() if name != "PAPERBUILD_REMOTE"}
        assert runner.job(runner.folder / WORKFLOWS[0], "paper"), runner.said
        return runner

    pushed = built("pushed", private)
    assert ("Share results", 0) in pushed.ran
    held = sorted(path for path in there.rglob("*") if path.is_file())
    assert len(held) > 5
    asked = built("asked", "")
    assert not re.findall(r"^ran (\S+)", asked.said, re.MULTILINE)
    repository.write("train.py", TRAIN.replace("0.5", "0.6")).write("paper.md", PAPER.replace("0.55", "0.65"))
    commit(repository.root)
    changed = built("changed", "")
    assert re.findall(r"^ran (train\S+)", changed.said, re.MULTILINE)
    assert sorted(path for path in there.rglob("*") if path.is_file()) == held
    assert "Share results" not in dict(changed.ran)


def test_a_literal_out_of_date_or_a_target_that_fails_fails_the_job_and_is_told_all_the_same(repository, machine):
    repository.call("ci", "github")
    repository.write("paper.md", PAPER.replace("[7]", "[8]"))
    commit(repository.root)
    runner = machine("literal")
    assert not runner.job(runner.folder / WORKFLOWS[0], "paper")
    assert "PB231" in runner.said
    assert dict(runner.ran)["Build"] == 0
    assert dict(runner.ran)["Do the words agree with the results?"] == 1
    assert (runner.temp / "paper/paper.pdf").exists()

    repository.write("paper.md", PAPER).write("train.py", "raise SystemExit(3)\n")
    commit(repository.root)
    runner = machine("failing")
    assert not runner.job(runner.folder / WORKFLOWS[0], "paper")
    told = runner.summary.read_text()
    assert "**The paper could not be built**" in told
    assert "error PB440: " in told
    assert "**failed**" in told


def test_the_jobs_for_a_gpu_executed_on_two_machines_run_each_target_where_it_belongs(repository, machine):
    repository.call("ci", "github", "--runner", "cirun-gpu")
    commit(repository.root)
    workflow = repository.root / WORKFLOWS[0]
    hosted, gpu, paper = machine("hosted"), machine("gpu"), machine("paper")
    assert hosted.job(workflow, "hosted"), hosted.said
    assert hosted.outputs() == {"gpu": "true"}
    keep(hosted, gpu)
    assert gpu.job(workflow, "gpu"), gpu.said
    assert re.findall(r"^ran (\S+)", gpu.said, re.MULTILINE) == ["big"]
    keep(gpu, paper)
    assert paper.job(workflow, "paper"), paper.said
    ran = re.findall(r"^ran (\S+)", paper.said, re.MULTILINE)
    assert sorted(ran) == ["after", "paper.html", "paper.pdf"]


def test_the_script_that_comments_asks_github_which_request_it_is_and_replaces_its_comment(repository, tmp_path):
    repository.call("ci", "github")
    bin_ = tmp_path / "fake bin"
    bin_.mkdir()
    gh = bin_ / "gh"
    gh.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$*" >> "$CALLS"\ncase "$*" in\n  *pulls*) echo $NUMBER;;\n  *--paginate*) echo $COMMENTED;;\nesac\n'
    )
    gh.chmod(0o755)

    def called(**given):
        runner = Runner(repository.root, tmp_path / "temp", clean_environment(CALLS=str(tmp_path / "calls"), **given))
        runner.environment["PATH"] = f"{bin_}:{runner.environment['PATH']}"
        (tmp_path / "temp/paper").mkdir(exist_ok=True)
        (tmp_path / "temp/paper/summary.md").write_text("moved\n" + "x" * 70_000)
        (tmp_path / "calls").write_text("")
        runner.context = {
            "github.token": "t", "github.repository": "o/r", "github.event.workflow_run.head_sha": "abc",
            "github.event.workflow_run.head_repository.owner.login": "fork", "github.event.workflow_run.head_branch": "a;b $(c)",
            "github.event.workflow_run.html_url": "https://example.org/1",
        }  # fmt: skip
        assert runner.job(repository.root / WORKFLOWS[1], "comment"), runner.said
        return (tmp_path / "calls").read_text()

    first = called(NUMBER="12", COMMENTED="")
    assert "head=fork:a;b $(c)" in first
    assert "POST repos/o/r/issues/12/comments" in first
    body = (tmp_path / "temp/body.md").read_text()
    assert body.startswith("<!-- paperbuild -->\nmoved\n")
    assert len(body) < 65_536
    assert "PATCH repos/o/r/issues/comments/99" in called(NUMBER="12", COMMENTED="99")
    assert "comments" not in called(NUMBER="", COMMENTED="")


def test_a_summary_says_what_ran_longest_first_and_calls_nobody():
    build = Build(
        ok=False,
        duration_s=75,
        actions=(
            Action("a[x=1]", "ran", "`b` | <i>c</i> @someone changed", 3.0),
            Action("b", "reused"),
            Action("c[x=1]", "ran", "", 20.0),
            Action("c[x=2]", "ran", "", 40.0),
            Action("d", "failed", "", 1.0),
        ),
        diagnostics=(
            Fault("PB440", "error", "d failed\nbadly", Span("paper.md", 3, 1), ("exit status 7",)),
            Fault("PB403", "note", "nothing"),
        ),
    )
    lines = summary(build, "### Paper: 1 number moved\n").splitlines()
    assert lines[0].startswith("**The paper could not be built**: 3 ran, 1 reused, 1 failed")
    assert [line.split("|")[1].strip() for line in lines if line.startswith("| ")][1:] == ["d", "c \N{MULTIPLICATION SIGN} 2", "a\\[x=1\\]"]
    assert "\\`b\\` \\| \\<i\\>c\\</i\\> @\u200bsomeone changed" in "\n".join(lines)
    assert lines[lines.index("- error PB440: d failed badly (paper.md, line 3)") + 1] == "  - exit status 7"
    assert lines.index("### Paper: 1 number moved") < lines.index("<details><summary>What ran, and for how long</summary>")
    assert "was not built" in summary(None, "")


def test_the_report_of_a_build_is_what_json_answers(repository):
    assert repository.call("render", "-q", "--report", "told.json").code == 0
    told = json.loads(repository.read("told.json"))
    assert (told["command"], told["ok"]) == ("render", True)
    assert {one["action"] for one in told["actions"]} >= {"train[seed=0]", "paper.pdf"}
    assert "PB493" in repository.call("run", "--report", "no/such/folder").err
    repository.write("wrong.json", "[]")
    assert "PB492" in repository.call("ci", "summary", "--build", "wrong.json").err


def test_the_workflows_of_this_repository_are_those_that_are_written_and_pass_the_linter(project):
    assert project.call("-C", str(ROOT / "example-paper"), "ci", "github", "--check").code == 0
    found = tool("zizmor", "--offline", "--no-progress", "--persona", "pedantic", str(ROOT / ".github"))
    assert found.returncode == 0, found.stdout + found.stderr
