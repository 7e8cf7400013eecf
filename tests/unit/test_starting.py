import json

import pytest

from paperbuild.paper.manifest import parse_manifest
from paperbuild.paper.plan import plan_of
from paperbuild.starting.latex import fitted, whole, with_parts
from paperbuild.starting.manifest_text import written
from paperbuild.starting.naming_scripts import writers
from paperbuild.starting.project import Start, new_project, title_of
from paperbuild.starting.proposal import Found, Making
from paperbuild.starting.repository import Repository, papers, runs, shown


def maker(script, text, path, files=()):
    found = writers(Repository(frozenset({script, *files}), {script: text}), (path,))
    return [(claim.folder, claim.writes, claim.line) for claim in found.get(path, ())]


# --- which script writes a file


@pytest.mark.parametrize(
    ("script", "text", "path", "found"),
    [
        ("a.py", "plt.savefig('figures/x.png')", "figures/x.png", [("", True, 1)]),
        ("code/a.py", "\nplt.savefig('../figures/x.png')", "figures/x.png", [("code", True, 2)]),
        ("code/a.py", "plt.savefig('figures/x.png')", "figures/x.png", [("", True, 1)]),
        ("a.py", "OUT = 'figures/x.png'", "figures/x.png", [("", True, 1)]),
        ("a.py", "name = 'figures/x.png'", "figures/x.png", [("", False, 1)]),
        ("a.py", "image = imread('figures/x.png')", "figures/x.png", []),
        ("a.py", "# savefig('figures/x.png')", "figures/x.png", []),
        ("a.py", "pd.read_csv('data/x.csv')", "data/x.csv", []),
        ("a.py", "frame.to_csv('data/x.csv')", "data/x.csv", [("", True, 1)]),
        ("a.py", "json.dump(x, open('out/x.json', 'w'))", "out/x.json", [("", True, 1)]),
        ("a.py", "fig.savefig(os.path.join(folder, 'x.png'))", "figures/x.png", [("", True, 1)]),
        ("a.py", "fig.savefig(f'figures/{name}.png')", "figures/loss.png", [("", True, 1)]),
        ("a.py", "fig.savefig(f'figures/fig_{name}.png')", "figures/fig_loss.png", [("", True, 1)]),
        ("a.py", "fig.savefig(f'{name}.png')", "figures/loss.png", []),
        ("a.R", 'ggsave("figures/x.pdf", p)', "figures/x.pdf", [("", True, 1)]),
        ("a.R", 'write.csv(d, "results/x.csv")', "results/x.csv", [("", True, 1)]),
        ("a.jl", 'CSV.write("results/x.csv", d)', "results/x.csv", [("", True, 1)]),
        ("a.sh", "sort in.csv > results/x.csv", "results/x.csv", [("", True, 1)]),
        ("a.sh", "cat results/x.csv", "results/x.csv", []),
        ("tests/a.py", "plt.savefig('figures/x.png')", "figures/x.png", []),
        ("test_a.py", "plt.savefig('figures/x.png')", "figures/x.png", []),
    ],
)
def test_a_script_that_names_a_file_where_it_writes_is_its_maker(script, text, path, found):
    assert maker(script, text, path) == found


def test_the_script_that_writes_comes_before_one_that_only_names(tmp_path):
    texts = {"a.py": "x = 'f.png'", "b.py": "savefig('f.png')"}
    assert [claim.script for claim in writers(Repository(frozenset(texts), texts), ("f.png",))["f.png"]] == ["b.py", "a.py"]


@pytest.mark.parametrize(
    ("script", "text", "folder", "command"),
    [
        ("a b.py", "", "", "python 'a b.py'"),
        ("code/a.R", "", "code", "cd code && Rscript a.R"),
        ("run.sh", "#!/usr/bin/env bash\n", "", "bash run.sh"),
        ("run.sh", "#!/bin/sh\n", "", "sh run.sh"),
        ("x/a.jl", "", "", "julia x/a.jl"),
    ],
)
def test_a_script_is_run_by_what_runs_its_language(script, text, folder, command):
    assert runs(script, text, folder) == command


# --- which document is the paper


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ({"README.md": "![x](y.png)"}, ()),
        ({"notes.md": "words"}, ("notes.md",)),
        ({"notes.md": "words", "text.md": "![x](y.png)"}, ("text.md",)),
        ({"notes.md": "---\ntitle: x\n---\n", "text.md": "![x](y.png)"}, ("notes.md", "text.md")),
        ({"notes.md": "---\ntitle: x\n---\n", "paper.md": "![x](y.png)"}, ("paper.md",)),
        ({"a/paper.md": "![x](y.png)", "b/paper.md": "![x](y.png)"}, ("a/paper.md", "b/paper.md")),
        ({"main.tex": "\\documentclass{article}", "part.tex": "words"}, ("main.tex",)),
        ({"main.tex": "\\documentclass{article}", "notes.md": "words"}, ("main.tex",)),
        ({"main.tex": "\\documentclass{article}", "paper.md": "![x](y.png)"}, ("paper.md",)),
        ({"docs/guide.md": "![x](y.png)", "CHANGELOG.md": "---\na: b\n---\n"}, ()),
    ],
)
def test_the_paper_is_found_or_the_choice_is_told(texts, found):
    assert papers(Repository(frozenset(texts), texts)) == found


def test_what_a_document_shows_is_told_with_its_lines():
    text = (
        "# A\n\n![one](../figures/a%20b.png)\n![web](https://example.org/x.png)\n`![code](no.png)`\n![up](../../out.png)\n![two](t.csv)\n"
    )
    assert [(one.path, one.line) for one in shown(text, "paper/main.md")] == [("figures/a b.png", 3), ("paper/t.csv", 7)]


# --- LaTeX


def test_files_that_latex_inputs_are_put_in():
    texts = {
        "p/main.tex": "A \\input{sec/one} \\include{two.tex} % \\input{no}\n\\input{gone}",
        "p/sec/one.tex": "1",
        "p/two.tex": "\\input{main}",
    }
    assert whole("p/main.tex", texts).startswith("A 1 ")
    assert "\\input{gone}" in whole("p/main.tex", texts)


def test_pictures_without_a_suffix_get_that_of_their_file():
    markdown = "![a [b] c](loss){#fig:x} ![d](../out/e) ![f](gone)"
    known = ("figures/loss.pdf", "out/e.svg")
    assert fitted(markdown, "\\graphicspath{{../figures/}}", "text/main.tex", known) == (
        "![a [b] c](../figures/loss.pdf){#fig:x} ![d](../out/e.svg) ![f](gone)"
    )


@pytest.mark.parametrize(
    ("latex", "parts"),
    [
        (
            "a \\subfigure[One {x]} b.]{%\n\\graphic{p}} c",
            "a \\begin{subfigure}{W}%\n\\graphic{p}\\caption{One {x]} b.}\\end{subfigure} c",
        ),
        ("\\subfloat{p}\\subfloat[q] {r}", "\\begin{subfigure}{W}p\\end{subfigure}\\begin{subfigure}{W}r\\caption{q}\\end{subfigure}"),
        ("\\begin{subfigure}{1cm}p\\end{subfigure} \\subfigures{x} \\subfigure", None),
        ("\\subfigure[open", None),
    ],
)
def test_parts_of_figures_become_environments(latex, parts):
    assert with_parts(latex).replace("0.45\\textwidth", "W") == (latex if parts is None else parts)


# --- the manifest


def making(command, *outputs, inputs=(), known="k"):
    return Making(command, outputs, inputs, known, "c", "i")


def test_a_manifest_says_hostile_names_and_commands_to_the_letter():
    command = "awk '{ print \"a\\b\" }' in > 'o u t.txt' # {x} \t é"
    made = written(("paper.md",), Found((making(command, "o u t.txt"), making("x", "a/mean.csv"), making("y", "b/mean.json"))))
    actions = {action.target: action for action in plan_of(parse_manifest(made.text.encode())).actions}
    assert actions["o_u_t"].recipe.line == command
    assert set(actions) == {"o_u_t", "mean-target", "mean-target-2"}
    assert made.outputs["o_u_t"] == ("o u t.txt",)


def test_what_the_manifest_cannot_say_becomes_a_comment():
    found = Found((making("x", "_build/x.csv"), making("y", "a.csv"), making("z", "a.csv"), making("w", "paper.md")))
    text = written(("paper.md",), found).text
    assert [action.target for action in plan_of(parse_manifest(text.encode())).actions] == ["a"]
    assert "# Left out: _build/x.csv: k, but it cannot be a target here.\n" in text


def test_outputs_whose_names_would_be_the_same_are_named_by_their_whole_names():
    text = written(("paper.md",), Found((making("x", "fit.csv", "fit.json"),))).text
    assert 'outputs = { fit_csv = "fit.csv", fit_json = "fit.json" }' in text


def test_targets_that_would_wait_for_each_other_are_not_both_proposed():
    found = Found((making("x", "a.csv", inputs=("b.csv",)), making("y", "b.csv", inputs=("a.csv",))))
    assert len(plan_of(parse_manifest(written(("paper.md",), found).text.encode())).actions) == 1


# --- a new project


@pytest.mark.parametrize("template", ["article", "twocolumn", "preprint", "joss", "report"])
def test_a_new_project_has_a_manifest_that_is_understood(template):
    files = new_project(Start("A", "B", 2026, template, "MIT"))
    plan = plan_of(parse_manifest(files["paperbuild.toml"].encode()))
    assert plan.documents[0].template == template
    assert [action.target for action in plan.actions] == ["walk"]
    assert not any("<<" in text or "<%" in text for text in files.values())
    assert json.loads(files[".paperbuild.schema.json"])["title"] == "paperbuild.toml"


@pytest.mark.parametrize(("name", "title"), [("my-paper", "My paper"), ("x_y  z", "X y z"), ("", "A paper"), ("Über-uns", "Über uns")])
def test_the_title_is_made_of_the_folders_name(name, title):
    assert title_of(name) == title
