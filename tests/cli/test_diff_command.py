"""``paperbuild diff``, on small papers in real repositories."""

import json
import re
import shutil
import subprocess
import zipfile

import pytest

MANIFEST = """\
[paper]
source = "paper.md"

[target.train]
run = "python3 train.py {rate}"
inputs = ["train.py"]
outputs = { metrics = "build/metrics.json", table = "build/table.csv" }
params = { rate = 0.1 }

[target.plot]
run = "python3 plot.py"
inputs = ["plot.py", "build/metrics.json"]
outputs = ["figures/bars.svg"]

[target.still]
run = "cp train.py build/still.txt"
inputs = ["train.py"]
outputs = ["build/still.txt"]
"""

TRAIN = """\
import json, os, sys
rate = float(sys.argv[1])
os.makedirs("build", exist_ok=True)
json.dump({"acc": round(0.9 + rate / 10, 3), "base": 0.93, "n": 120}, open("build/metrics.json", "w"))
rows = [("ours", round(0.9 + rate / 10, 3), 120), ("base", 0.93, 120)]
open("build/table.csv", "w").write("model,acc,n\\n" + "".join(f"{m},{a},{n}\\n" for m, a, n in rows))
"""

PLOT = """\
import json, os
os.makedirs("figures", exist_ok=True)
acc = json.load(open("build/metrics.json"))["acc"]
bar = f'<rect x="10" y="10" width="{acc * 100:.2f}" height="30"/>'
open("figures/bars.svg", "w").write(f'<svg xmlns="http://www.w3.org/2000/svg" width="120" height="50">{bar}</svg>')
"""

PAPER = """\
---
title: A paper
abstract: |
  The accuracy is [91.0 %]{val="train.metrics.acc:.1%"}.
---

# Results {#sec:results}

On [120]{val=train.metrics.n} birds the model is right in [91.0%]{val="train.metrics.acc:.1%"} of cases. It is
[not better]{claim="train.metrics.acc < train.metrics.base"} than the baseline with $a = \\val[0.93]{train.metrics.base:.2f}$.

![How often each is right.](build/table.csv){#tbl:main columns="model,acc" format="acc:.1%"}

![The same as a bar.](figures/bars.svg){#fig:bars}

# Discussion

This paragraph says nothing of any result, and nobody ever changes a word of it.
"""


def git(project, *words):
    done = subprocess.run(
        ["git", "-c", "user.name=Ada", "-c", "user.email=a@x", *words], cwd=project.root, check=True, capture_output=True, text=True
    )  # fmt: skip
    return done.stdout.strip()


def commit(project, message):
    git(project, "add", "-A")
    git(project, "commit", "-qm", message)


@pytest.fixture
def paper(project, kept):
    """A paper in a repository, built and committed once, at the rate 0.1."""
    return project.once(kept, lambda: build(project))


def build(project):
    for name, text in (("paperbuild.toml", MANIFEST), ("train.py", TRAIN), ("plot.py", PLOT), ("paper.md", PAPER)):
        project.write(name, text)
    project.write(".gitignore", ".paperbuild/\n_build/\nbuild/\nfigures/\n")
    git(project, "init", "-q", "-b", "main")
    commit(project, "as it was")
    assert project.call("run").code == 0


def rate(project, value):
    project.write("paperbuild.toml", project.read("paperbuild.toml").replace("rate = 0.1", f"rate = {value}"))


def difference(project, *words):
    answer = project.call("diff", "--json", *words)
    assert answer.code == 0, answer.out
    return json.loads(answer.out)


def test_where_nothing_changed_there_is_no_difference(paper):
    found = difference(paper)
    assert found["same"]
    assert found["targets"] == []
    answer = paper.call("diff", "--exit-code")
    assert answer.code == 0
    assert answer.err == "no differences\n"


def test_another_hyperparameter_changes_numbers_table_figure_and_claim_and_nothing_else(paper):
    rate(paper, 0.5)
    assert paper.call("run").code == 0
    found = difference(paper)
    (changed,) = found["papers"]
    assert [(n["kind"], n["old"], n["new"], round(n["relative"], 4), n["place"]["line"]) for n in changed["numbers"]] == [
        ("changed", "91.0%", "95.0%", 0.044, 4),
        ("changed", "91.0%", "95.0%", 0.044, 9),
    ]
    assert [piece["text"].strip() for piece in changed["numbers"][1]["sentence"]] == [
        "On 120 birds the model is right in", "91.0%", "95.0%", "of cases."
    ]  # fmt: skip
    (claim,) = changed["claims"]
    assert (claim["kind"], claim["words"], claim["old"]["holds"], claim["new"]["holds"]) == ("flipped", "not better", True, False)
    assert claim["new"]["compared"] == ["train.metrics.acc = 0.95", "train.metrics.base = 0.93"]
    (table,) = changed["tables"]
    assert (table["name"], table["kind"]) == ("tbl:main", "changed")
    assert [(c["row"], c["column"], c["old"], c["new"]) for c in table["cells"]] == [("ours", "acc", "91.0%", "95.0%")]
    (figure,) = changed["figures"]
    assert figure["name"] == "fig:bars"
    assert 0 < figure["share"] < 0.1
    assert "drawn" not in figure
    (data,) = figure["data"]
    assert (data["path"], data["count"], data["differences"][0]["where"]) == ("build/metrics.json", 1, "acc")
    assert changed["prose"] == []
    assert [(t["action"], t["kind"]) for t in found["targets"]] == [("train", "results differ"), ("plot", "results differ")]
    assert "rate" in found["targets"][0]["reasons"][0]
    assert paper.call("diff", "--exit-code").code == 1


def test_two_commits_are_compared_whatever_the_work_tree_holds(paper):
    rate(paper, 0.5)
    assert paper.call("run").code == 0
    commit(paper, "faster")
    paper.write("paper.md", "Nothing is left.\n").write("paperbuild.toml", '[paper]\nsource = "paper.md"\n')
    before = git(paper, "status", "--porcelain")
    for words in (("HEAD~1", "HEAD"), ("HEAD~1..HEAD",), ("HEAD~1..",)):
        found = difference(paper, *words)
        assert [n["new"] for n in found["papers"][0]["numbers"]] == ["95.0%", "95.0%"]
        assert found["papers"][0]["prose"] == []
    assert git(paper, "status", "--porcelain") == before
    assert [n["new"] for n in difference(paper, "HEAD", "HEAD~1")["papers"][0]["numbers"]] == ["91.0%", "91.0%"]


def test_a_commit_whose_results_the_store_does_not_have_is_told_per_target_and_built_only_on_request(paper):
    rate(paper, 0.5)
    commit(paper, "never built")
    rate_now = paper.read("paperbuild.toml")
    paper.write("paperbuild.toml", rate_now.replace("rate = 0.5", "rate = 0.1"))
    found = difference(paper, "HEAD")
    assert {t["action"]: (t["kind"], t["missing"]) for t in found["targets"]} == {
        "train": ("no result", ["HEAD"]),
        "plot": ("no result", ["HEAD"]),
    }
    changed = found["papers"][0]
    assert {(n["kind"], n["old"]) for n in changed["numbers"]} == {("unknown", None)}
    assert [c["kind"] for c in changed["claims"]] == ["unknown"]
    assert (changed["tables"][0]["kind"], changed["figures"][0]["kind"]) == ("unknown", "unknown")
    told = paper.call("diff")
    assert "No result at HEAD\n  train" in told.out
    assert "no result → 91.0%" in told.out
    before = {path: path.stat().st_mtime_ns for path in paper.root.rglob("*") if ".paperbuild" not in str(path) and ".git" not in str(path)}
    found = difference(paper, "HEAD", "--build")
    assert [(n["old"], n["new"]) for n in found["papers"][0]["numbers"]] == [("95.0%", "91.0%"), ("95.0%", "91.0%")]
    assert {t["kind"] for t in found["targets"]} == {"results differ"}
    after = {path: path.stat().st_mtime_ns for path in paper.root.rglob("*") if ".paperbuild" not in str(path) and ".git" not in str(path)}
    assert after == before
    assert difference(paper, "HEAD")["papers"] == found["papers"]


def test_a_target_that_fails_at_a_commit_is_told_and_the_rest_is_compared(paper):
    paper.write("plot.py", "raise SystemExit('no paper to draw on')\n")
    commit(paper, "cannot draw")
    paper.write("plot.py", PLOT)
    answer = paper.call("diff", "--build")
    assert answer.code == 0
    assert "warning[PB440]: at HEAD (" in answer.err
    assert "fig:bars  cannot be compared: there is no result of it" in answer.out
    assert "Numbers" not in answer.out


def test_prose_is_told_as_insertions_and_deletions_and_moves(paper):
    text = PAPER.replace("This paragraph says nothing of any result", "This one says little of any result")
    text = text.replace("# Results {#sec:results}\n", "# Results {#sec:results}\n\nA wholly new paragraph stands here.\n")
    paper.write("paper.md", text.replace("How often each is right.", "How frequently each is right."))
    answer = paper.call("diff", "HEAD")
    assert answer.out.splitlines()[1:] == [
        "",
        "Prose",
        "  paper.md:9  new  Results",
        "      {+A wholly new paragraph stands here.+}",
        "  paper.md:14  Results",
        "      How [-often-] {+frequently+} each is right.",
        "  paper.md:20  Discussion",
        "      This [-paragraph-] {+one+} says [-nothing-] {+little+} of any result, and nobody ever changes",
        "      a word of it.",
    ]
    assert answer.err == "3 passages\n"
    discussion = PAPER[PAPER.index("This paragraph") :]
    paper.write("paper.md", PAPER.replace(discussion, "").replace("# Results", f"{discussion}\n# Results"))
    (moved,) = difference(paper, "HEAD")["papers"][0]["prose"]
    assert (moved["kind"], moved["was"]["line"], moved["place"]["line"]) == ("moved", 18, 7)


def test_references_that_came_went_and_are_bound_otherwise_are_told(paper):
    text = PAPER.replace("On [120]{val=train.metrics.n} birds", "On birds").replace("train.metrics.base:.2f", "train.metrics.base:.3f")
    paper.write("paper.md", text.replace("nothing of any result", "[0.91]{val=train.metrics.acc} of a result"))
    numbers = difference(paper)["papers"][0]["numbers"]
    assert [(n["kind"], n["was"], n["expression"], n["old"], n["new"]) for n in numbers] == [
        ("rebound", "train.metrics.base:.2f", "train.metrics.base:.3f", "0.93", "0.930"),
        ("new", "", "train.metrics.acc", None, "0.91"),
        ("gone", "", "train.metrics.n", "120", None),
    ]
    assert [piece["text"].strip() for number in numbers[1:] for piece in number["sentence"] if piece["change"] == number["kind"]] == [
        "0.91",
        "120",
    ]
    assert paper.call("diff", "HEAD", "HEAD", "HEAD").code == 2


def test_a_page_shows_it_all_runs_no_script_and_asks_the_network_for_nothing(paper):
    rate(paper, 0.5)
    assert paper.call("run").code == 0
    answer = paper.call("diff", "--html", "changes.html")
    assert (answer.code, answer.out) == (0, "changes.html\n")
    page = paper.read("changes.html")
    for text in ("no longer holds", "<del>91.0%</del>", "<ins>95.0%</ins>", "tbl:main", "what looks different", "train.metrics.acc = 0.95"):
        assert text in page
    assert page.count("data:image/png;base64,") == 3
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
    assert paper.call("diff", "-o", "again.html").code == 0
    assert paper.read("again.html") == page


def test_a_summary_for_a_pull_request_begins_with_what_matters_most(paper):
    rate(paper, 0.5)
    assert paper.call("run").code == 0
    told = paper.call("diff", "--markdown")
    assert told.out.startswith("### Paper: 1 claim flipped, 2 numbers, 1 table, 1 figure; 2 targets\n")
    assert told.out.index("“not better” **no longer holds**") < told.out.index("| `train.metrics.acc:.1%` | 91.0% | 95.0% | +4.4 % |")
    assert told.out.count("<details>") == told.out.count("</details>") == 2


def test_a_paper_is_written_with_its_changes_marked(paper):
    rate(paper, 0.5)
    paper.write("paper.md", PAPER.replace("nobody ever changes a word", "somebody changed a word"))
    assert paper.call("run").code == 0
    assert paper.call("diff", "-o", "changes.pdf").code == 0
    assert (paper.root / "changes.pdf").read_bytes().startswith(b"%PDF-")
    assert paper.call("diff", "--to", "docx", "-o", "changes.docx").code == 0
    with zipfile.ZipFile(paper.root / "changes.docx") as archive:
        document = archive.read("word/document.xml").decode()
    found = {kind: re.findall(rf"<w:{kind} .*?</w:{kind}>", document, re.DOTALL) for kind in ("ins", "del")}
    texts = {kind: [re.sub(r"<[^>]*>", "", mark) for mark in marks] for kind, marks in found.items()}
    assert texts["del"] == ["91.0%", "91.0%", "nobody ever changes"]
    assert texts["ins"] == ["95.0%", "95.0%", "(changed)", "(changed)", "somebody changed"]
    assert 'w:author="Ada"' not in document  # the change is nobody's commit yet
    assert not (paper.root / "_build").exists()


def test_a_commit_where_the_manifest_was_broken_is_named(paper):
    good = paper.read("paperbuild.toml")
    paper.write("paperbuild.toml", "[paper\n")
    commit(paper, "broken")
    paper.write("paperbuild.toml", good)
    answer = paper.call("diff")
    assert answer.code == 2
    assert "error[PB1" in answer.err
    assert re.search(r"at HEAD \([0-9a-f]{8}\): ", answer.err)
    assert "paperbuild.toml:1" in answer.err


def test_a_paper_is_the_same_one_under_another_file_name(paper):
    git(paper, "mv", "paper.md", "text.md")
    paper.write("paperbuild.toml", MANIFEST.replace("paper.md", "text.md"))
    assert difference(paper)["same"]


def test_a_document_that_one_side_has_alone_is_told(paper):
    paper.write("paperbuild.toml", MANIFEST + '\n[document.extra]\nsource = "extra.md"\n').write("extra.md", "More.\n")
    assert [(p["name"], p["kind"]) for p in difference(paper)["papers"]] == [("paper", ""), ("extra", "new")]
    assert [p["name"] for p in difference(paper, "--document", "paper")["papers"]] == ["paper"]
    told = paper.call("diff")
    assert told.out.splitlines()[1:] == ["", "extra is new"]
    assert told.err == "extra: new\n"


def test_a_shallow_clone_says_that_it_is_one(paper, tmp_path_factory, monkeypatch, capfd):
    paper.write("notes.txt", "more\n")
    commit(paper, "second")
    place = tmp_path_factory.mktemp("clone") / "it"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{paper.root}", str(place)], check=True, capture_output=True)
    clone = type(paper)(place, monkeypatch, capfd)
    answer = clone.call("diff", "HEAD~1")
    assert answer.code == 2
    assert "there is no revision HEAD~1" in answer.err
    assert "this clone is shallow" in answer.err


def test_a_project_in_a_folder_of_the_repository_is_compared_from_anywhere_in_it(project):
    for name, text in (("paperbuild.toml", MANIFEST), ("train.py", TRAIN), ("plot.py", PLOT), ("paper.md", PAPER)):
        project.write(f"papers/one/{name}", text)
    project.write(".gitignore", ".paperbuild/\n_build/\nbuild/\nfigures/\n")
    git(project, "init", "-q", "-b", "main")
    commit(project, "one")
    assert project.call("run", folder="papers/one").code == 0
    project.write("papers/one/paper.md", PAPER.replace("a word of it", "a line of it"))
    project.write("papers/one/deep/x.txt", "")
    answer = project.call("diff", "--json", folder="papers/one/deep")
    found = json.loads(answer.out)
    assert [len(found["papers"][0][key]) for key in ("numbers", "claims", "tables", "figures", "prose")] == [0, 0, 0, 0, 1]
    assert found["targets"] == []


def test_data_that_git_ignores_is_that_of_the_work_tree(paper):
    paper.write(".gitignore", paper.read(".gitignore") + "raw/\n").write("raw/n.json", '{"n": 7}')
    paper.write("paperbuild.toml", MANIFEST.replace('"plot.py", ', '"plot.py", "raw/n.json", '))
    commit(paper, "with data")
    assert paper.call("run").code == 0
    assert difference(paper)["same"]
    assert difference(paper, "HEAD", "--build")["targets"] == []


def test_results_that_are_committed_stand_in_where_the_store_has_none(paper, monkeypatch):
    git(paper, "add", "-f", "build", "figures")
    commit(paper, "with results")
    shutil.rmtree(paper.root / ".paperbuild")
    rate(paper, 0.5)
    assert paper.call("run").code == 0
    found = difference(paper)
    assert [(n["old"], n["new"]) for n in found["papers"][0]["numbers"]] == [("91.0%", "95.0%"), ("91.0%", "95.0%")]
    assert {t["missing"][0] for t in found["targets"]} == {"HEAD"}


def test_a_profile_is_applied_to_both_sides(paper):
    profile = MANIFEST + "\n[profile.quick.target.train]\nparams = { rate = 0.2 }\n"
    paper.write("paperbuild.toml", profile)
    commit(paper, "with a profile")
    assert paper.call("run", "--profile", "quick").code == 0
    paper.write("paperbuild.toml", profile.replace("rate = 0.2", "rate = 0.4"))
    assert paper.call("run", "--profile", "quick").code == 0
    numbers = difference(paper, "--profile", "quick")["papers"][0]["numbers"]
    assert [(n["old"], n["new"]) for n in numbers] == [("92.0%", "94.0%")] * 2


def test_nothing_of_a_comparison_is_left_behind(paper, tmp_path_factory, monkeypatch):
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = git(paper, "status", "--porcelain", "--ignored")
    records = sorted((paper.root / ".paperbuild").rglob("*"))
    assert paper.call("diff", "HEAD", "HEAD").code == 0
    assert list(scratch.iterdir()) == []
    assert git(paper, "status", "--porcelain", "--ignored") == before
    assert sorted((paper.root / ".paperbuild").rglob("*")) == records


def test_what_a_commit_gave_is_found_also_where_the_environment_is_another_one_now(paper, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    found = difference(paper, "HEAD", "HEAD")
    assert found["targets"] == []
    rate(paper, 0.5)
    assert paper.call("run").code == 0
    found = difference(paper)
    assert [(n["old"], n["new"]) for n in found["papers"][0]["numbers"]] == [("91.0%", "95.0%")] * 2
    assert any("CUDA_VISIBLE_DEVICES" in reason for reason in found["targets"][0]["reasons"])


def test_a_link_in_a_commit_that_leads_to_files_of_the_user_harms_none_of_them(paper):
    results = paper.root / "build"
    git(paper, "rm", "-q", "--cached", ".gitignore")
    results.rename(paper.root / "elsewhere")
    results.symlink_to(paper.root / "elsewhere")
    paper.write(".gitignore", ".paperbuild/\nfigures/\nelsewhere/\n")
    commit(paper, "with a link")
    results.unlink()
    (paper.root / "elsewhere").rename(results)
    (paper.root / "elsewhere").mkdir()
    paper.write("elsewhere/metrics.json", '{"acc": 1, "base": 2, "n": 3}')
    paper.write(".gitignore", ".paperbuild/\nfigures/\nbuild/\nelsewhere/\n")
    assert paper.call("diff", "HEAD", "HEAD").code == 0
    assert json.loads(paper.read("elsewhere/metrics.json")) == {"acc": 1, "base": 2, "n": 3}
    assert [path.name for path in (paper.root / "elsewhere").iterdir()] == ["metrics.json"]


def text_of(document, dropped):
    """Return what a Word document says once its changes are accepted ("del" dropped) or refused ("ins" dropped)."""
    with zipfile.ZipFile(document) as archive:
        markup = archive.read("word/document.xml").decode()
    kept = re.sub(rf"<w:{dropped} [^>]*>.*?</w:{dropped}>", "", markup, flags=re.DOTALL)
    return "".join(re.sub(r"<[^>]*>", "", kept).split()).replace("(changed)", "")


def test_a_word_document_says_what_is_new_once_accepted_and_what_was_once_refused(paper):
    old = (
        PAPER
        + """
First of *all* this stays, said [nobody](http://x.org), and `code` too.

- one item
- another item
- a third item

A formula
$$ a = b $$
stands in the middle of this paragraph.[^1]

[^1]: A note about it all.

Last comes a paragraph that will be moved to somewhere else in the paper.
"""
    )
    paper.write("paper.md", old)
    assert paper.call("render", "--to", "docx").code == 0
    commit(paper, "longer")
    before = (paper.root / "_build/paper.docx").read_bytes()
    last = old[old.index("Last comes") :]
    new = old.replace(last, "").replace("# Discussion\n", f"# Discussion\n\n{last}")
    for was, now in (
        ("First of *all* this", "First of all *this*"), ("- another item\n", ""), ("- a third item", "- a third item\n- a fourth one"),
        ("stands in the middle", "stands right amid"), ("A note about", "A footnote on"), ("`code` too", "`code` as well"),
        ("This paragraph says nothing", "This one says little"), ("# Results", "# All results"),
    ):  # fmt: skip
        assert was in new
        new = new.replace(was, now)
    paper.write("paper.md", new)
    assert paper.call("render", "--to", "docx").code == 0
    assert paper.call("diff", "HEAD", "-o", "changes.docx").code == 0
    assert text_of(paper.root / "changes.docx", "del") == text_of(paper.root / "_build/paper.docx", "del")
    (paper.root / "before.docx").write_bytes(before)
    assert text_of(paper.root / "changes.docx", "ins") == text_of(paper.root / "before.docx", "ins")


def test_what_is_built_for_a_commit_may_ask_git_for_it_and_leaves_no_work_tree(project):
    manifest = """
[paper]
source = "paper.md"

[target.subject]
run = 'printf "{{\\"text\\": \\"%s\\"}}" "$(git log -1 --format=%s)" > subject.json'
inputs = []
outputs = ["subject.json"]
observe = "off"
"""
    for name, text in (
        ("paperbuild.toml", manifest),
        ("paper.md", "It says []{val=subject.text}.\n"),
        (".gitignore", ".paperbuild/\nsubject.json\n"),
    ):
        project.write(f"in/a/folder/{name}", text)
    git(project, "init", "-q", "-b", "main")
    commit(project, "first words")
    answer = project.call("diff", "HEAD", "--build", "--json", folder="in/a/folder")
    assert json.loads(answer.out)["same"]
    assert len(git(project, "worktree", "list").splitlines()) == 1
    assert not (project.root / "in/a/folder/subject.json").exists()
    assert "0 ran" in project.call("run", folder="in/a/folder").err
    assert json.loads(project.read("in/a/folder/subject.json")) == {"text": "first words"}


def test_a_chunk_of_the_paper_is_a_target_of_the_commit(paper):
    chunk = "\n``` {.python .target #year stdout=build/year.json}\nprint('{\"first\": 3}')\n```\n\nIt is [3]{val=year.first}.\n"
    paper.write("paper.md", PAPER + chunk)
    assert paper.call("run").code == 0
    commit(paper, "with a chunk")
    assert difference(paper)["same"]
    paper.write("paper.md", PAPER + chunk.replace(": 3}", ": 4}"))
    assert paper.call("run").code == 0
    found = difference(paper)
    assert [(n["kind"], n["old"], n["new"]) for n in found["papers"][0]["numbers"]] == [("changed", "3", "4")]
    assert [p["kind"] for p in found["papers"][0]["prose"]] == ["edited"]
    assert [t["action"] for t in found["targets"]] == ["year"]


def test_a_figure_that_a_chunk_shows_in_its_place_is_compared(paper):
    chunk = """
``` {.python .target #dot outputs="figures/dot.svg" label="fig:dot" caption="A dot."}
import os
os.makedirs("figures", exist_ok=True)
open("figures/dot.svg", "w").write('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="9" height="9"/></svg>')
```
"""
    paper.write("paper.md", PAPER + chunk)
    assert paper.call("run").code == 0
    commit(paper, "with a dot")
    paper.write("paper.md", PAPER + chunk.replace('height="9"', 'height="30"'))
    assert paper.call("run").code == 0
    (figure,) = difference(paper)["papers"][0]["figures"]
    assert (figure["name"], figure["kind"], figure["place"]["line"]) == ("fig:dot", "changed", 20)
