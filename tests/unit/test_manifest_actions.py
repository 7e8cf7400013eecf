from pathlib import Path
from textwrap import dedent

import pytest

from paperbuild.engine.graph import Action, Command, Graph, Output, Step, Tolerance, Variable
from paperbuild.paper.command_words import mentioned_paths
from paperbuild.paper.documents import document_actions
from paperbuild.paper.functions import FUNCTIONS
from paperbuild.paper.manifest import default_manifest, parse_manifest
from paperbuild.paper.names import FUNCTIONS as RESERVED
from paperbuild.paper.plan import Plan, dump_plan, load_plan, plan_of
from paperbuild.paper.schema import json_schema


def expanded(text: str, profile: str | None = None) -> Plan:
    return plan_of(parse_manifest(dedent(text).encode(), profile=profile))


def action(text: str, id_: str = "t", **environment: str) -> Action:
    return expanded(text).graph((), environment).actions[id_]


SWEEP = """
    [target.train]
    run = "python train.py --lr {lr} --seed {seed} --name {name} --out build/{seed}/{lr}"
    outputs = { model = "build/{seed}/{lr}/model.npz", metrics = "build/{seed}/{lr}/metrics.json" }
    inputs = ["train.py", "data/{name}.csv", "data/{seed}/", "src/*.py"]
    params = { name = "small" }
    matrix = { lr = [0.1, 0.01], seed = [0, 1] }

    [target.curves]
    run = "python curves.py"
    needs = ["train"]
    outputs = ["figures/curves.svg"]
"""


def test_a_matrix_becomes_one_action_per_cell_the_last_axis_fastest() -> None:
    assert [found.id for found in expanded(SWEEP).actions] == [
        "train[lr=0.1,seed=0]",
        "train[lr=0.1,seed=1]",
        "train[lr=0.01,seed=0]",
        "train[lr=0.01,seed=1]",
        "curves",
    ]


def test_a_cell_has_its_own_command_paths_and_parameters() -> None:
    cell = action(SWEEP, "train[lr=0.01,seed=1]")
    assert cell.target == "train"
    assert cell.recipe == Command("python train.py --lr 0.01 --seed 1 --name small --out build/1/0.01")
    assert cell.outputs == (Output("model", "build/1/0.01/model.npz"), Output("metrics", "build/1/0.01/metrics.json"))
    assert cell.inputs == ("train.py", "data/small.csv", "data/1/", "src/*.py")
    assert cell.params == (("name", "small"), ("lr", 0.01), ("seed", 1))
    assert cell.span is not None
    assert (cell.span.line, cell.span.column) == (2, 9)


def test_a_target_that_needs_a_sweep_needs_all_its_cells() -> None:
    assert action(SWEEP, "curves").needs == tuple(found.id for found in expanded(SWEEP).actions[:4])


def test_the_catalog_has_the_cells_and_the_axes() -> None:
    catalog = expanded(SWEEP).catalog
    train = catalog.targets["train"]
    assert train.axes == ("lr", "seed")
    assert [cell.action for cell in train.cells] == [found.id for found in expanded(SWEEP).actions[:4]]
    assert train.cells[0].params == (("name", "small"), ("lr", 0.1), ("seed", 0))
    assert train.cells[0].outputs[1] == ("metrics", "build/0/0.1/metrics.json")
    assert train.command.startswith("python train.py --lr {lr}")
    assert catalog.targets["curves"].axes == ()
    found = catalog.maker("figures/curves.svg")
    assert found is not None
    assert (found[0].name, found[2]) == ("curves", "curves")


def test_the_actions_make_a_graph() -> None:
    graph = Graph([*expanded(SWEEP).actions, *document_actions(default_manifest("paper.md").documents[0], ["curves"])])
    assert graph.edges["paper.pdf"] == {"curves"}
    assert len(graph.edges["curves"]) == 4


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ('["a b", "c,d=1", "e]"]', ['t[x="a b"]', 't[x="c,d=1"]', 't[x="e]"]']),
        ('[true, 1, 1.5, "a/b", ""]', ["t[x=true]", "t[x=1]", "t[x=1.5]", "t[x=a/b]", 't[x=""]']),
        ('["\\"", "\\n", "ü"]', ['t[x="\\""]', 't[x="\\n"]', "t[x=ü]"]),
    ],
)
def test_ids_show_values_and_quote_those_that_could_mislead(values: str, ids: list[str]) -> None:
    cells = [
        f'[target.t{n}]\nrun = "x {{x}}"\noutputs = ["o{n}"]\nmatrix = {{ x = [{value}] }}\n'
        for n, value in enumerate(values[1:-1].split(", "))
    ]
    found = [found.id.replace(f"t{n}[", "t[") for n, found in enumerate(expanded("".join(cells)).actions)]
    assert found == ids


def test_variables_count_and_secrets_do_not() -> None:
    text = '[target.t]\nrun = "x"\noutputs = ["o"]\nenv = { A = 1 }\nsecrets = ["KEY", "UNSET"]'
    assert action(text, KEY="hush", OTHER="x").variables == (Variable("A", "1", "1"), Variable("KEY", "hush", None))


def test_an_input_that_two_patterns_give_is_there_once() -> None:
    assert action('[target.t]\nrun = "x"\noutputs = ["o"]\ninputs = ["a.csv", "./a.csv", "b/../a.csv"]').inputs == ("a.csv",)


def test_an_output_that_is_a_folder_keeps_its_slash() -> None:
    made = action('[target.t]\nrun = "x"\noutputs = { c = { path = "./ckpt//all/", store = false } }')
    assert made.outputs == (Output("c", "ckpt/all/", stored=False),)
    assert made.outputs[0].is_folder


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("1e-6", Tolerance(relative=1e-6, pixels=1e-6)),
        ("0", Tolerance()),
        ("2", Tolerance(relative=2, pixels=1)),
        ("{ absolute = 1e-9 }", Tolerance(absolute=1e-9)),
        ("{ relative = 0.1, pixels = 0.5 }", Tolerance(relative=0.1, pixels=0.5)),
    ],
)
def test_a_tolerance_is_a_number_for_all_kinds_or_says_which(said: str, meant: Tolerance) -> None:
    made = action(f'[target.t]\nrun = "x"\noutputs = {{ m = {{ path = "m.json", tolerance = {said} }}, n = "n.json" }}')
    assert [output.tolerance for output in made.outputs] == [meant, None]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("python train.py --data data/x.csv", ("python", "train.py", "data/x.csv")),
        ("./run.sh <in.txt >out.txt 2>&1", ("run.sh", "in.txt", "2")),
        ("a.sh | tee -a log.txt | b.sh 2> err.txt", ("a.sh", "tee", "b.sh", "2")),
        ("x --config=conf/a.toml MODE=b.txt", ("x", "conf/a.toml", "MODE=b.txt", "b.txt")),
        ("x a.csv,b.csv", ("x", "a.csv,b.csv", "a.csv", "b.csv")),
        ("PYTHONPATH=src:lib x", ("PYTHONPATH=src:lib", "src:lib", "src", "lib", "x")),
        ("python -m pkg.train", ("python", "pkg.train", "pkg/train.py", "pkg/train/__init__.py", "pkg/train/__main__.py")),
        (
            "bash -c 'python a.py; cat \"b c.txt\"'",
            ("bash", 'python a.py; cat "b c.txt"', "python", "a.py", "cat", "b c.txt", "b", "c.txt"),
        ),
        ("x /usr/share/y ~/z ../w . -v $HOME/q && y", ("x", "y")),
        ("cat it's.txt unclosed", ("cat", "it", "s.txt", "unclosed")),
        ("x dir/", ("x", "dir")),
        ("python <<'END'\nprint(open('a.csv'))\nEND", ("python", "END", "print", "open", "a.csv")),
    ],
)
def test_words_of_a_command_that_could_be_files_are_mentioned(line: str, words: tuple[str, ...]) -> None:
    assert mentioned_paths(line) == words


def test_a_folder_that_others_write_to_is_mentioned_as_a_folder() -> None:
    found = expanded("""
        [target.a]
        run = "a.py --out out"
        outputs = ["out/a.json"]
        matrix = { unused = [1] }
        [target.b]
        run = "b.py out out/a.json out/*.json"
        outputs = ["sum/b.json"]
        [target.c]
        run = "c.py sum/*.json sum"
        outputs = ["sum/c.json"]
    """)
    words = {made.target: made.mentioned for made in found.actions}
    assert words == {"a": ("a.py",), "b": ("b.py", "out/", "out/a.json", "out/*.json"), "c": ("c.py",)}
    assert Graph(found.actions).edges["b"] == {"a[unused=1]"}


def test_two_targets_that_name_one_folder_for_their_results_do_not_wait_for_each_other() -> None:
    text = "".join(
        f'[target.{name}]\nrun = "{name} --out build; rm -f build/*.tmp build/*.json"\noutputs = ["build/{name}.json"]\n' for name in "ab"
    )
    assert not any(Graph(expanded(text).actions).edges.values())


def test_a_document_becomes_one_action_per_format() -> None:
    (document,) = parse_manifest(b'[paper]\nsource = ["a.md", "b.md"]\ntoc = true\n').documents
    pdf, html = document_actions(document, ["x", "y", "x"])
    assert (pdf.id, pdf.target, html.id) == ("a.pdf", "a", "a.html")
    assert pdf.recipe == Step("document", (("format", "pdf"), ("sources", "a.md\nb.md"), ("template", "article"), ("toc", True)))
    assert pdf.outputs == (Output("pdf", "_build/a.pdf"),)
    assert (pdf.inputs, pdf.needs) == (("a.md", "b.md"), ("x", "y"))
    assert [made.id for made in document_actions(document, formats=["html"])] == ["a.html"]


def test_what_differs_in_a_document_differs_in_its_recipe() -> None:
    def recipe(keys: str) -> object:
        (document,) = parse_manifest(b"[paper]\n" + keys.encode()).documents
        return document_actions(document)[0].recipe

    variants = ['source = "p.md"', 'source = "p.md"\ntemplate = "b"', 'source = "p.md"\ncolumns = 2', 'source = ["p.md", "q.md"]']
    assert len({repr(recipe(keys)) for keys in variants}) == len(variants)


def test_the_functions_of_expressions_are_reserved() -> None:
    assert set(FUNCTIONS) | {"where"} == RESERVED


def test_the_schema_for_editors_is_current() -> None:
    written = Path(__file__).parents[2] / "docs" / "paperbuild.schema.json"
    assert written.read_bytes() == json_schema(), "run: python -m paperbuild.paper.schema > docs/paperbuild.schema.json"


WITH_ALL = """
    [paper]
    source = "paper.md"
    [environment]
    python = ".venv"
    [target.a]
    run = "cat {n} > a-{n}"
    outputs = ["a-{n}"]
    matrix = { n = [1, 2.5, "x", true] }
    env = { MODE = "fast" }
    secrets = ["TOKEN"]
    resources = { cpu = 0.5, time = "1h" }
    refresh = "7d"
    [target.b]
    run = "sum a-* _build/paper.pdf"
    needs = ["a"]
    outputs = { total = "b", folder = "c/" }
"""


def test_a_plan_that_was_kept_is_the_same_plan():
    made = expanded(WITH_ALL)
    manifest = dedent(WITH_ALL).encode()
    kept = load_plan(dump_plan(made, manifest, ""), manifest, "")
    assert kept == made
    assert kept.catalog == made.catalog
    document = document_actions(made.documents[0])
    assert kept.graph(document, {}).edges == Graph([*made.actions, *document]).edges
    assert "paper.pdf" in kept.graph(document, {}).edges["b"]


def test_a_plan_of_another_manifest_or_profile_or_a_damaged_one_is_none():
    manifest = dedent(WITH_ALL).encode()
    kept = dump_plan(expanded(WITH_ALL), manifest, "")
    assert load_plan(kept, manifest + b" ", "") is None
    assert load_plan(kept, manifest, "quick") is None
    damaged = [kept[:n] for n in range(0, len(kept), 11)]
    damaged += [kept[:n] + bytes([kept[n] ^ 1]) + kept[n + 1 :] for n in range(0, len(kept), 11)]
    assert all(load_plan(data, manifest, "") is None for data in damaged)


def test_a_plan_holds_no_secret():
    made = expanded(WITH_ALL)
    assert action(WITH_ALL, "a[n=1]", TOKEN="hush").variables == (Variable("MODE", "fast", "fast"), Variable("TOKEN", "hush", None))
    assert action(WITH_ALL, "a[n=1]").variables == (Variable("MODE", "fast", "fast"),)
    assert b"hush" not in dump_plan(made, b"", "")
