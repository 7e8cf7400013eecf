import json
import shlex
import sys

import pytest

PAPER = "---\ntitle: T\n---\n\nAccuracy is [0.9]{val=joined.acc:.2f}.\n"
MANIFEST = """\
[paper]
source = "paper.md"
formats = ["html"]

[target.joined]
run = "python3 train.py > scores.json"
inputs = ["train.py"]
outputs = ["scores.json"]
"""


@pytest.fixture
def paper(project):
    """A project whose HTML paper has been rendered once."""
    project.write("paperbuild.toml", MANIFEST).write("paper.md", PAPER).write("train.py", "print('{\"acc\": 0.912}')\n")
    first = project.call("render", "-j1")
    assert (first.code, first.out) == (0, "_build/paper.html\n"), first.err
    assert "2 ran, 0 reused, 0 failed" in first.err
    return project


def test_the_second_render_says_that_nothing_ran_and_still_names_the_paper(paper):
    again = paper.call("render")
    assert (again.code, again.out, again.err) == (0, "_build/paper.html\n", "0 ran, 2 up to date\n")
    assert "0.91" in paper.read("_build/paper.html")


def test_a_render_with_nothing_to_do_imports_neither_the_renderer_nor_a_drawing_of_progress(paper):
    code = (
        "import sys; from paperbuild.cli.main import main; main(['-q', 'render']);"
        "print({'paperbuild.render.documents', 'typst', 'jinja2', 'rich', 'watchdog', 'ruamel.yaml', 'tomlkit'} & set(sys.modules))"
    )
    process = paper.start_python(code)
    out, _ = process.communicate(timeout=60)
    assert out == "_build/paper.html\nset()\n"


def test_an_error_in_the_paper_leaves_the_last_good_document(paper):
    good = paper.read("_build/paper.html")
    paper.write("paper.md", PAPER.replace("joined.acc", "joined.ac"))
    broken = paper.call("render")
    assert (broken.code, broken.out) == (1, "")
    assert "did you mean acc?" in broken.err
    assert paper.read("_build/paper.html") == good


def test_a_failing_script_leaves_the_last_good_outputs_and_document(paper):
    good = paper.read("_build/paper.html")
    paper.write("train.py", "open('scores.json', 'w').write('half')\nraise SystemExit(1)\n")
    assert paper.call("render").code == 1
    assert paper.read("scores.json") == '{"acc": 0.912}\n'
    assert paper.read("_build/paper.html") == good


def test_a_format_asked_for_leaves_the_others_alone(paper):
    answer = paper.call("render", "--to", "pdf")
    assert answer.out == "_build/paper.pdf\n"
    assert (paper.root / "_build/paper.html").exists()


def test_a_template_asked_for_stands_in_for_the_one_of_the_manifest(paper):
    assert "TeX Gyre Termes" not in paper.read("_build/paper.html")
    assert paper.call("render", "--template", "twocolumn").code == 0
    assert "TeX Gyre Termes" in paper.read("_build/paper.html")
    answer = paper.call("render", "--template", "twocolum")
    assert answer.code == 1
    assert "did you mean twocolumn?" in answer.err
    assert "available: article, joss, preprint, report, twocolumn" in answer.err


def test_a_paper_without_a_manifest_is_rendered_in_its_own_folder(project):
    (project.root / "paperbuild.toml").unlink()
    project.write("notes/one.md", "# One\n").write("notes/two.md", "# Two\n")
    assert project.call("render", "notes/one.md", "--to", "html").out == "notes/_build/one.html\n"
    assert project.call("render", "two.md", "--to=html", folder="notes").out == "_build/two.html\n"
    assert (project.root / "notes/_build/one.html").exists(), "another paper of the folder is not left over"


def test_the_answer_in_json_names_the_documents(paper):
    found = json.loads(paper.call("render", "--json").out)
    assert found["documents"] == [{"action": "paper.html", "path": "_build/paper.html", "outcome": "reused"}]


def test_open_shows_the_documents(paper, monkeypatch):
    shown = paper.root / "shown"
    monkeypatch.setenv("BROWSER", f'{shlex.quote(sys.executable)} -c \'import sys;open("{shown}","a").write(sys.argv[1])\' %s')
    paper.call("render", "--open")
    assert shown.read_text() == (paper.root / "_build/paper.html").as_uri()


def test_init_starts_a_project_that_renders(project):
    project.call("init", "mine")
    answer = project.call("-C", "mine", "render", "--to", "html")
    assert (answer.code, answer.out) == (0, "mine/_build/paper.html\n"), answer.err
    assert "warning" not in answer.err


def test_facts_of_the_runs_stand_beside_the_document_and_go_with_it(paper):
    first = paper.read("_build/provenance.json")
    told = json.loads(first)
    assert [run["action"] for run in told["runs"]] == ["joined"]
    assert [document["path"] for document in told["documents"]] == ["_build/paper.html"]
    paper.call("render")
    assert paper.read("_build/provenance.json") == first
    paper.call("clean")
    assert not (paper.root / "_build").exists()
    assert "0 ran" in paper.call("render").err
    assert json.loads(paper.read("_build/provenance.json"))["runs"] == told["runs"]
