"""Chunks: targets whose recipe stands in the paper, from the source to the page."""

import shutil

import pytest

from paperbuild.engine.trace import load_record, path_of

PAPER = """\
---
title: T
---

It falls to [0.5]{val=fit.loss}.

``` {.python .target #fit outputs="build/fit.json"}
import json
from helper import LOSS

json.dump({"loss": LOSS}, open("build/fit.json", "w"))
```

The end.
"""

MANIFEST = '[paper]\nsource = "paper.md"\nformats = ["html"]\n'


@pytest.fixture
def paper(project, kept):
    return project.once(kept, lambda: build(project))


def build(project):
    project.write("paperbuild.toml", MANIFEST).write("paper.md", PAPER).write("helper.py", "LOSS = 0.25\n")
    first = project.call("render", "-j1")
    assert (first.code, first.out) == (0, "_build/paper.html\n"), first.err
    assert "2 ran" in first.err


def edited(project, old, new):
    text = project.read("paper.md")
    assert old in text
    project.write("paper.md", text.replace(old, new))


def test_a_chunk_is_run_and_its_value_is_bound(paper):
    page = paper.read("_build/paper.html")
    assert "0.25" in page
    assert "helper" in page  # its code is shown
    assert 'outputs="' not in page


def test_nothing_runs_again_that_did_not_change(paper):
    assert paper.call("render").err == "0 ran, 2 up to date\n"


def test_our_own_folder_in_which_its_code_is_put_is_no_input_of_it(paper):
    found = [load_record(path.read_bytes()) for path in (paper.root / ".paperbuild/records").rglob("*.json")]
    (fit,) = (record for record in found if record.action == "fit")
    paths = [path_of(item) for item in fit.items]
    assert "helper.py" in paths
    assert not [path for path in paths if path and path.startswith(".paperbuild")]


def test_an_edit_of_the_prose_around_it_runs_no_chunk(paper):
    edited(paper, "It falls", "Six more words stand here now.\n\n# A heading\n\nIt falls")
    answer = paper.call("render", "-j1")
    assert "1 ran, 1 reused" in answer.err


def test_an_edit_of_its_code_runs_it_and_the_document(paper):
    edited(paper, "LOSS}", "LOSS / 2}")
    answer = paper.call("render", "-j1")
    assert "2 ran" in answer.err
    assert "0.125" in paper.read("_build/paper.html")
    edited(paper, "LOSS / 2}", "LOSS}")
    assert "0 ran" in paper.call("render", "-j1").err  # an earlier result is as good as ever
    assert "0.25" in paper.read("_build/paper.html")


def test_what_it_imports_of_the_project_is_observed(paper):
    paper.write("helper.py", "LOSS = 0.75\n")
    assert "2 ran" in paper.call("render", "-j1").err
    assert "0.75" in paper.read("_build/paper.html")


def test_explain_shows_the_lines_of_code_that_changed(paper):
    edited(paper, "LOSS}", "LOSS / 2}")
    told = paper.call("explain", "fit").out
    assert "its code changed" in told
    assert 'now  json.dump({"loss": LOSS / 2}' in told


def test_run_status_logs_and_verify_know_it_by_its_name(paper):
    assert "fit" in paper.call("status").out
    assert paper.call("run", "fit").code == 0
    assert paper.call("logs", "fit").code == 0
    assert paper.call("verify", "fit").code == 0


def test_a_figure_of_a_chunk_is_used_by_its_path_and_its_code_may_be_hidden(project):
    project.write("paperbuild.toml", MANIFEST)
    project.write(
        "paper.md",
        "Look at @fig:dot.\n\n![A dot.](figures/dot.svg){#fig:dot}\n\n"
        '``` {.sh .target #dot outputs="figures/dot.svg" echo=false}\n'
        """echo '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><circle r="4"/></svg>' > figures/dot.svg\n```\n""",
    )
    answer = project.call("render", "-j1")
    assert answer.code == 0, answer.err
    page = project.read("_build/paper.html")
    assert "Figure 1" in page
    assert "sourceCode" not in page.partition("<body")[2]


def test_text_that_it_prints_can_be_shown_in_place_and_read_as_data(project):
    project.write("paperbuild.toml", MANIFEST)
    project.write(
        "paper.md",
        "There are [0]{val=tally.words} words.\n\n"
        '``` {.python .target #tally stdout="build/tally.json" echo=false}\nprint(\'{"words": 17}\')\n```\n\n'
        "``` {.bash .target #hello show=stdout}\nprintf 'hello\\n  world\\n'\n```\n",
    )
    answer = project.call("render", "-j1")
    assert answer.code == 0, answer.err
    page = project.read("_build/paper.html")
    assert "17" in page
    assert "hello\n  world</code>" in page
    assert project.read("build/hello.txt") == "hello\n  world\n"


def test_a_table_of_a_chunk_appears_in_place_with_caption_and_number(project):
    project.write("paperbuild.toml", MANIFEST)
    project.write(
        "paper.md",
        "See @tbl:main.\n\n"
        '``` {.python .target #scores outputs="build/scores.csv" caption="Scores of *two* models." label="tbl:main" format="acc:.1%"}\n'
        'open("build/scores.csv", "w").write("model,acc\\na,0.912\\nb,0.934\\n")\n```\n',
    )
    answer = project.call("render", "-j1")
    assert answer.code == 0, answer.err
    page = project.read("_build/paper.html")
    assert "<em>two</em> models" in page
    assert "91.2%" in page
    assert ">Table" in page


@pytest.mark.parametrize(
    ("language", "code", "line", "words"),
    [
        ("python", "x = 1\nx.nothing()\n", 12, "x.nothing()"),
        ("python", "x = 1\nx = = 2\n", 12, "x = = 2"),
        ("sh", "true\nno-such-program\n", 12, "no-such-program"),
        ("bash", "true\nno-such-program\n", 12, "no-such-program"),
        pytest.param(
            "r", 'x <- 1\nstop("enough")\n', 12, 'stop("enough")', marks=pytest.mark.skipif(not shutil.which("Rscript"), reason="no R")
        ),
    ],
)
def test_a_fault_in_a_chunk_is_told_at_its_line_of_the_paper(project, language, code, line, words):
    project.write("paperbuild.toml", MANIFEST)
    text = f'Text.\n\n\n\n\n\nMore.\n\n\n``` {{.{language} .target #broken outputs="build/x"}}\n{code}```\n'
    project.write("paper.md", text)
    answer = project.call("render", "-j1")
    assert answer.code == 1
    assert f"--> paper.md:{line}:1" in answer.err
    assert f"{line} | {words}" in answer.err
    assert ".paperbuild/given" not in answer.err
    project.write("paper.md", f"# Heading\n\nNew.\n\n{text}")
    moved = project.call("render", "-j1")
    assert f"--> paper.md:{line + 4}:1" in moved.err


def test_a_traceback_goes_through_the_paper_and_the_scripts_that_it_calls(project):
    project.write("paperbuild.toml", MANIFEST).write("helper.py", "def work():\n    raise ValueError('no')\n")
    project.write("paper.md", 'Text.\n\n``` {.python .target #broken outputs="x.txt"}\nimport helper\n\nhelper.work()\n```\n')
    told = project.call("render", "-j1").err
    assert "--> paper.md:6:1" in told
    assert 'File "paper.md", line 6, in <module>' in told
    assert "helper.work()" in told
    assert 'File "paper.md", line 6, in <module>' in project.call("logs", "broken").out
    assert "ValueError: no" in told


def test_chunks_share_nothing_but_files(project):
    project.write("paperbuild.toml", MANIFEST)
    project.write(
        "paper.md",
        '``` {.python .target #one outputs="build/a.txt"}\nx = 1\nopen("build/a.txt", "w").write("1")\n```\n\n'
        '``` {.python .target #two needs=one outputs="build/b.txt"}\nprint(open("build/a.txt").read())\nprint(x)\n```\n',
    )
    told = project.call("render", "-j1").err
    assert "NameError: name 'x' is not defined" in told
    assert "--> paper.md:8:1" in told


def test_a_chunk_and_a_target_need_one_another_through_files_and_that_is_told_with_both_places(project):
    project.write(
        "paperbuild.toml",
        f'{MANIFEST}\n[target.train]\nrun = "cp build/plan.json build/train.json"\ninputs = ["build/plan.json"]\n'
        'outputs = ["build/train.json"]\n',
    )
    project.write(
        "paper.md", 'Text.\n\n``` {.sh .target #plan needs=train outputs="build/plan.json"}\ncp build/train.json build/plan.json\n```\n'
    )
    answer = project.call("render", "-j1")
    assert answer.code == 2
    assert "plan \N{RIGHTWARDS ARROW} train \N{RIGHTWARDS ARROW} plan" in answer.err
    assert "--> paper.md:3:19" in answer.err
    assert "train is declared at paperbuild.toml:5:9" in answer.err


def test_a_cycle_that_only_what_they_read_tells_is_found_while_they_run(project):
    project.write(
        "paperbuild.toml",
        f'{MANIFEST}\n[target.train]\nrun = "cat build/plan.json > build/train.json"\nneeds = ["plan"]\noutputs = ["build/train.json"]\n',
    )
    project.write("paper.md", '``` {.python .target #plan outputs="build/plan.json"}\nopen("build/train.json").read()\n```\n')
    answer = project.call("render", "-j1")
    assert answer.code == 1
    assert "PB143" in answer.err
    assert "paper.md:1:23" in answer.err


def test_a_target_of_the_manifest_may_need_a_chunk(project):
    project.write(
        "paperbuild.toml",
        f'{MANIFEST}\n[target.twice]\nrun = "cat build/a.txt build/a.txt > build/b.txt"\nneeds = ["a"]\noutputs = ["build/b.txt"]\n',
    )
    project.write("paper.md", '``` {.sh .target #a stdout="build/a.txt"}\necho 1\n```\n')
    assert project.call("run", "twice").code == 0
    assert project.read("build/b.txt") == "1\n1\n"


def test_a_paper_without_a_manifest_can_have_chunks(project):
    (project.root / "paperbuild.toml").unlink()
    project.write("paper.md", "``` {.sh .target #a show=stdout}\necho hello\n```\n")
    answer = project.call("render", "paper.md", "--to", "html")
    assert answer.code == 0, answer.err
    assert "hello</code>" in project.read("_build/paper.html")


def test_what_pandoc_takes_for_something_else_is_not_run(project):
    project.write("paperbuild.toml", MANIFEST)
    project.write("paper.md", 'Text.\n\n<pre>\n``` {.sh .target #a stdout="build/a.txt"}\necho 1\n```\n</pre>\n')
    answer = project.call("render", "-j1")
    assert answer.code == 1
    assert "PB150" in answer.err
    assert "--> paper.md:4:" in answer.err
    assert not (project.root / "build/a.txt").exists()


def test_a_file_of_code_is_shown_in_part_with_its_own_line_numbers(project):
    project.write("paperbuild.toml", MANIFEST)
    project.write("train.py", "import os\n\n\ndef step(x):\n    return x + 1\n\n\nprint(step(1))\n")
    project.write("paper.md", '``` {.python include="train.py" part="step"}\n```\n')
    answer = project.call("render", "-j1")
    assert answer.code == 0, answer.err
    page = project.read("_build/paper.html")
    assert "counter-reset: source-line 3" in page
    assert "import os" not in page
    assert project.call("render").err == "0 ran, 1 up to date\n"
    project.write("train.py", "import os\n\n\n\ndef step(x):\n    return x + 2\n")
    assert "1 ran" in project.call("render", "-j1").err
    assert "counter-reset: source-line 4" in project.read("_build/paper.html")


def test_lines_too_long_for_a_page_go_on_in_the_next_one_and_keep_their_numbers(project):
    project.write("paperbuild.toml", MANIFEST.replace("html", "pdf"))
    project.write("long.py", "words = '" + "on and on " * 40 + "'\n")
    project.write("paper.md", "``` {include=long.py}\n```\n\n```\n" + "on and on " * 40 + "\n```\n")
    answer = project.call("render", "-j1")
    assert answer.code == 0, answer.err


def test_a_profile_cannot_change_a_chunk(paper):
    paper.write("paperbuild.toml", f"{MANIFEST}\n[profile.full.target.fit]\nheavy = true\n")
    answer = paper.call("render", "--profile", "full")
    assert answer.code == 2
    assert "PB110" in answer.err
    assert "a chunk is the same in all profiles" in answer.err


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_a_chunk_in_r_does_not_depend_on_which_files_the_project_has(project):
    chunk = '``` {.r .target #counted stdout="build/counted.txt"}\nx <- c(4, 5)\nx[2]\n```\n'
    project.write("paperbuild.toml", MANIFEST).write("paper.md", f"---\ntitle: T\n---\n\n{chunk}")
    answer = project.call("run", "-j1")
    assert (answer.code, project.read("build/counted.txt")) == (0, "[1] 5\n"), answer.err
    project.write("new.txt", "").write(".hidden", "")
    assert project.call("run").err == "0 ran, 1 up to date\n"
    project.write(".Rprofile", "options(digits = 3)\n")  # which R looks for
    assert ".Rprofile appeared" in project.call("run", "-j1").err
