"""What ``paperbuild graph`` prints and writes."""

import json
import re
import xml.etree.ElementTree as ET


def drawn(project, *words):
    answer = project.call("graph", *words)
    assert answer.code == 0, answer.err
    return re.sub(r" +\d\.\d s\n", " N s\n", answer.out), answer.err


def test_the_terminal_shows_what_hangs_on_what_with_states_and_durations(project):
    project.call("run")
    project.write("acc-0.json", "by hand")
    text, said = drawn(project, "joined")
    rows = [
        f"\N{CIRCLED DIVISION SLASH} joined       {'cannot run':31} \N{BLACK RIGHT-POINTING SMALL TRIANGLE} N s",
        "└─ ! train \N{MULTIPLICATION SIGN}2  1 changed by hand, 1 up to date \N{BLACK RIGHT-POINTING SMALL TRIANGLE} N s",
    ]
    assert text.splitlines() == rows
    assert re.sub(r"\d\.\d s", "N s", said) == "1 of 3 up to date\nlongest chain: train → joined, N s\n"


def test_a_whole_project_is_drawn_documents_first(project):
    text, said = drawn(project)
    assert [line.split()[1 if line[0] in "○◌" else 2] for line in text.splitlines()] == ["paper.pdf", "paper.html", "joined", "train"]
    assert said == "0 of 5 up to date\n"


def test_cells_are_drawn_by_themselves_on_request(project):
    assert "train[seed=1]" in drawn(project, "--cells")[0]
    assert "train[seed=1]" not in drawn(project)[0]


def test_a_picture_is_written_and_named(project):
    assert drawn(project, "-o", "graph.svg")[0] == "graph.svg\n"
    assert ET.parse(project.root / "graph.svg").getroot().tag.endswith("svg")
    assert drawn(project, "--svg", "-")[0].startswith("<svg ")


def test_a_dot_file_names_nodes_and_edges(project):
    assert '"train" -> "joined"' in drawn(project, "--dot")[0]
    drawn(project, "-o", "graph.gv")
    assert project.read("graph.gv").startswith("digraph")


def test_the_answer_in_json_has_nodes_and_links(project):
    project.call("run", "train")
    found = json.loads(drawn(project, "--json")[0])
    nodes = {one["name"]: one for one in found["nodes"]}
    assert nodes["train"]["states"] == {"up to date": 2}
    assert nodes["train"]["actions"] == ["train[seed=0]", "train[seed=1]"]
    assert nodes["train"]["outputs"] == ["acc-0.json", "acc-1.json"]
    assert nodes["train"]["duration_s"] >= 0
    assert nodes["joined"]["duration_s"] is None
    assert found["critical_path"] == {"nodes": [], "duration_s": 0.0, "unknown": [name for name in nodes if name != "train"]}
    (link,) = found["links"]
    assert (link["user"], link["maker"], link["paths"]) == ("joined", "train", ["acc-0.json", "acc-1.json"])
    assert "inputs" in link["declared"]


def test_one_form_at_a_time_and_only_known_ones(project):
    assert "PB196" in project.call("graph", "--dot", "--svg", "g.svg").err
    assert "PB195" in project.call("graph", "-o", "graph.png").err
    assert project.call("graph", "-o", "graph.png").code == 2


def test_a_picture_that_cannot_be_written_is_an_error(project):
    answer = project.call("graph", "-o", "missing/graph.svg")
    assert (answer.code, "PB197" in answer.err) == (1, True)


def test_a_thousand_targets_are_summarised_unless_each_is_wanted(project):
    targets = "".join(f'[target.a{n}]\nrun = "true"\noutputs = ["a{n}"]\ninputs = []\n' for n in range(1000))
    project.write("paperbuild.toml", f"[paper]\nsource = 'paper.md'\nformats = ['html']\n{targets}")
    text, said = drawn(project)
    assert "a0 … a999 \N{MULTIPLICATION SIGN}1000" in text
    assert len(text.splitlines()) == 2
    assert said == "0 of 1001 up to date; 1001 drawn as 2, --cells draws each by itself\n"
    assert len(drawn(project, "--cells")[0].splitlines()) == 1001
