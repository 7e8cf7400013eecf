"""References: names and access, expressions, sweeps, what may be read, and claims. Rules 1 to 16 of the grammar."""

from __future__ import annotations

import json
import math
import re
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from paperbuild.errors import BuildError
from paperbuild.paper import functions
from paperbuild.paper.catalog import Catalog, CatalogTarget, Cell
from paperbuild.paper.evaluation import Source
from paperbuild.paper.formats import GERMAN
from paperbuild.paper.names import FUNCTIONS
from paperbuild.paper.parsing import parse_full
from paperbuild.paper.reading import parse_expression
from paperbuild.paper.references import ReferenceFault, Resolved, ResultCache, holds, parse, parse_claim, paths, resolve, targets

NBSP, MINUS = "\u00a0", "\u2212"


def plain(name: str, params: tuple[tuple[str, str | int | float | bool], ...] = (), **outputs: str) -> CatalogTarget:
    named = tuple((output.replace("_", "-"), path) for output, path in outputs.items())
    return CatalogTarget(name, (Cell(name, params, named),), (), "")


CELLS = tuple(
    Cell(
        f"train[lr={lr},seed={seed}]",
        (("lr", lr), ("seed", seed), ("fast", True)),
        (("model", f"b/{lr}-{seed}.npz"), ("metrics", f"b/{lr}-{seed}.json")),
    )
    for lr in (0.1, 0.01)
    for seed in (0, 1, 2)
)
CATALOG = Catalog(
    {
        "train": CatalogTarget("train", CELLS, ("lr", "seed")),
        "ours": plain("ours", (("depth", 3),), main="ours.json"),
        "two": plain("two", first="two-a.json", second="two-b.json"),
        "loss-plot": plain("loss-plot", stats="stats.json", loss_table="loss.csv", figure="figures/loss.svg", folder="runs/"),
    }
)
OURS = {
    "acc": 0.9135,
    "name": "forest",
    "runs": [{"a": 1, "b": None}, {"a": 2, "b": 3}],
    "hist": {"1": 5, "items": 7},
    "val-acc": 0.5,
    "lr=0.1": 0.25,
    "items": "an item",
    "nan": math.nan,
    "null": None,
    "yes": True,
    "xs": [3, 1, 2],
    "day": "2024-05-03",
    "quoted": "0.5",
    "big": 10**400,
    "mixed": [1, None],
}
FILES: dict[str, bytes] = {
    "ours.json": json.dumps(OURS).replace("0.25", "0.250").encode(),
    "two-a.json": b'{"acc": 0.1, "only": 1}',
    "two-b.json": b'{"acc": 0.2, "first": 9}',
    "stats.json": b'{"final": -0.30}',
    "loss.csv": b"step,loss,0\n1,0.50,a\n2,0.25,b\n",
}
for cell_number, cell in enumerate(CELLS):
    FILES[cell.outputs[1][1]] = json.dumps({"acc": round(0.90 + cell_number / 100, 2), "curve": {"loss": [3, 2, cell_number]}}).encode()


def res(text: str) -> Resolved:
    """Resolve ``text``, making sure that only what was announced is read."""
    reference = parse(text)
    announced = paths(reference, CATALOG)
    read: list[str] = []

    def reader(path: str) -> bytes:
        read.append(path)
        return FILES[path]

    resolved = resolve(reference, CATALOG, reader)
    assert set(read) <= set(announced)
    assert {source.output for source in resolved.sources} <= set(read)
    assert {source.action for source in resolved.sources} <= set(targets(reference, CATALOG))
    return resolved


def shown(text: str) -> str:
    return res(text).rendered.text


def fault(text: str) -> tuple[ReferenceFault, str]:
    """Return the fault of resolving ``text`` and the stretch of the text that it points at."""
    with pytest.raises(ReferenceFault) as caught:
        res(text)
    found = caught.value
    assert 0 <= found.offset <= max(0, len(text) - 1)
    return found, text[found.offset : found.offset + found.length]


# --- names and access


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ours.acc", "0.9135"),
        ("ours.main.acc", "0.9135"),
        ('ours["acc"]', "0.9135"),
        (" ours . acc ", "0.9135"),
        ("ours.runs.1.a", "2"),
        ("ours.runs[-1].a", "2"),
        ("ours.runs.a.1", "2"),
        ("ours.hist.1", "5"),
        ("ours.hist.items", "7"),
        ("ours.items", "an item"),
        ('ours["val-acc"]', "0.5"),
        ('ours["lr=0.1"]', "0.250"),
        ("ours.xs[1:][0]", "1"),
        ("ours.xs[::-1].0", "2"),
        ("ours.params.depth", "3"),
        ("loss_plot.final", f"{MINUS}0.30"),
        ("loss_plot.loss_table.loss.0", "0.50"),
        ("loss_plot.loss_table.1.loss", "0.25"),
        ("loss_plot.loss.1", "0.25"),
        ('loss_plot.loss_table["0"].1', "b"),
        ("len(loss_plot.loss_table[:1])", "1"),
        ("two.only", "1"),
        ("two.first.acc", "0.1"),
        ("two.second.first", "9"),
    ],
)
def test_a_path_reaches_what_it_names(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_an_output_name_comes_before_a_key_of_that_name() -> None:
    found, _ = fault("two.first")
    assert (found.code, "group" in found.message) == ("PB223", True)


def test_the_short_form_is_an_error_once_two_outputs_have_the_key() -> None:
    found, part = fault("two.acc")
    assert (found.code, part) == ("PB213", "acc")
    assert found.help == ("say which one: two.first.acc or two.second.acc",)


def test_a_number_that_is_both_a_row_and_a_column_is_ambiguous() -> None:
    found, part = fault("loss_plot.loss_table.0")
    assert (found.code, part) == ("PB213", "0")


@pytest.mark.parametrize(
    ("text", "code", "part", "helps"),
    [
        ("our.acc", "PB211", "our", "did you mean ours?"),
        ("loss-plot.final", "PB211", "loss", "write loss_plot for the target loss-plot"),
        ("ours.acc + loss-plot.final", "PB211", "loss", "write loss_plot for the target loss-plot"),
        ("ours.val-acc", "PB211", "acc", '["val-acc"] for a key'),
        ("ours.acuracy", "PB212", "acuracy", None),
        ("ours.accc", "PB212", "accc", "did you mean acc?"),
        ("ours.runs.5", "PB212", "5", "the last 1"),
        ("ours.runs.c", "PB212", "c", None),
        ("ours.acc.x", "PB212", "x", None),
        ("ours.xs.x", "PB212", "x", "index"),
        ("ours.hist.itemz", "PB212", "itemz", "did you mean items?"),
        ("ours.__class__", "PB212", "__class__", None),
        ("ours.acc.real", "PB212", "real", None),
        ("ours.xs.append", "PB212", "append", None),
        ("loss_plot.loss_table.los", "PB212", "los", "did you mean loss?"),
        ("loss_plot.loss_table.9", "PB212", "9", "the last 1"),
        ("loss_plot.figure.x", "PB219", "figure", "values are read from"),
        ("loss_plot.folder.x", "PB219", "folder", "values are read from"),
        ("ours", "PB223", "ours", "write ours."),
        ("train", "PB223", "train", "write train."),
        ("ours.params.dept", "PB212", "dept", "did you mean depth?"),
        ("ours.xs[1.5]", "PB214", "1.5", None),
        ("ours.xs[::0]", "PB214", "::0", None),
        ("ours[0:1]", "PB212", "0:1", None),
    ],
)
def test_what_is_missing_is_an_error_at_its_place_with_the_nearest_names(text: str, code: str, part: str, helps: str | None) -> None:
    found, where = fault(text)
    assert (found.code, where) == (code, part)
    assert helps is None or any(helps in line for line in found.help), found.help


def test_an_empty_manifest_says_how_to_declare_a_target() -> None:
    with pytest.raises(ReferenceFault) as caught:
        targets(parse("train.acc"), Catalog({}))
    assert "[target.train]" in caught.value.help[0]


def test_an_output_that_is_not_there_says_what_builds_it() -> None:
    def nothing(path: str) -> bytes:
        raise FileNotFoundError(path)

    with pytest.raises(ReferenceFault) as caught:
        resolve(parse("ours.acc"), CATALOG, nothing)
    assert caught.value.code == "PB219"
    assert "paperbuild run ours" in caught.value.help[0]


def test_a_malformed_result_file_is_an_error_in_that_file() -> None:
    with pytest.raises(BuildError) as caught:
        resolve(parse("ours.acc"), CATALOG, lambda path: b"{")
    assert caught.value.diagnostics[0].span is not None
    assert caught.value.diagnostics[0].span.path == "ours.json"


# --- expressions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("7 // 2", "3"),
        ("7 % 4", "3"),
        ("2**(3**2)", "512"),
        ("(-2)**2", "4"),
        ("2**-1:.1f", "0.5"),
        ("-ours.xs.0", f"{MINUS}3"),
        ("ours.acc * 100:.1f %", f"91.4{NBSP}%"),
        ("ours.name ~ ' no. ' ~ 3 ~ ', ' ~ ours.acc", "forest no. 3, 0.9135"),
        ("'it is ' ~ round(2.675, 2)", "it is 2.68"),
        ("'a' 'b'", "ab"),
        ("'a:b'", "a:b"),
        ("{'a': 1}['a']", "1"),
        ("'big' if ours.acc > 0.9 else 'small'", "big"),
        ("'none' if ours.null is none else 'some'", "none"),
        ("'text' if ours.name is text and ours.acc is number else 'other'", "text"),
        ("'no' if ours.name is not text or not ours.yes else 'yes'", "yes"),
        ("'in' if 'forest' in [ours.name] and 2 not in ours.runs.b else 'out'", "in"),
        ("'a' if 0 < ours.acc < 1 else 'b'", "a"),
        ("ours.hist[('1')]", "5"),
        ("'say \\'so\\''", "say 'so'"),
        ("0.5:.2f", "0.50"),
        ("1_000:,d", "1,000"),
    ],
)
def test_an_expression_has_the_value_that_it_should(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("", "PB210", ""),
        (":.1f", "PB210", ":"),
        ("ours.acc ours", "PB210", "ours"),
        ("ours.acc = 1", "PB210", "="),
        ("ours.acc, 1", "PB210", ","),
        ("(ours.acc", "PB210", "c"),
        ("ours.acc)", "PB210", ")"),
        ("'abc", "PB210", "'"),
        ("ours.acc $ 1", "PB210", "$"),
        ("'\\d'", "PB210", "\\d"),
        ("ours.acc \u2212 1", "PB210", "\u2212"),
        ("ours.acc \u2013 1", "PB210", "\u2013"),
        ("ours[\u201cacc\u201d]", "PB210", "\u201c"),
        ("2**3**2", "PB210", "2**3**2"),
        ("1 + -2**2", "PB210", "-2**2"),
        ("ours.runs[0, 1]", "PB210", "[0, 1]"),
        ("'a' if ours.yes", "PB210", "'a' if ours.yes"),
        ("ours.acc is defined", "PB210", "defined"),
        ("ours.acc is divisibleby 3", "PB210", "divisibleby"),
        ("{1: 2}[1]", "PB210", "1"),
        ("max(*ours.xs)", "PB210", "("),
        ("best(ours.xs, by=ours.xs, by=ours.xs)", "PB210", "ours.xs"),
        ("default(ours.acc, 1)", "PB217", "default"),
        ("ours.acc|tojson", "PB217", "tojson"),
        ("meen(ours.xs)", "PB217", "meen"),
        ("mean", "PB217", "mean"),
        ("mean + 1", "PB217", "mean"),
        ("mean()", "PB217", "mean()"),
        ("mean(ours.xs, 2)", "PB217", "mean(ours.xs, 2)"),
        ("mean(ours.xs, by=1)", "PB217", "mean(ours.xs, by=1)"),
        ("best(ours.xs, lowest=1)", "PB217", "best(ours.xs, lowest=1)"),
        ("ours.xs.index(1)", "PB217", "ours.xs.index(1)"),
        ("round(2.5, ours.acc):f", "PB217", "round(2.5, ours.acc)"),
        ('"a" * 10**10', "PB214", '"a"'),
        ("ours.name + 1", "PB214", "ours.name"),
        ("ours.xs + ours.xs", "PB214", "ours.xs"),
        ("ours.yes + 1", "PB214", "ours.yes"),
        ("1 + pm(ours.xs):f", "PB214", "pm(ours.xs)"),
        ("ours.name % 3", "PB214", "ours.name"),
        ("'x' if ours.acc else 'y'", "PB214", "ours.acc"),
        ("ours.name > 1", "PB214", "ours.name > 1"),
        ("ours.yes > ours.yes", "PB214", "ours.yes > ours.yes"),
        ("ours.null == 1", "PB214", "ours.null == 1"),
        ("len(ours.acc)", "PB214", "len(ours.acc)"),
        ("mean(ours.name):f", "PB214", "mean(ours.name)"),
        ("mean(ours.mixed):f", "PB214", "mean(ours.mixed)"),
        ("mean(loss_plot.loss_table):f", "PB214", "mean(loss_plot.loss_table)"),
        ("'a' ~ ours.yes", "PB214", "ours.yes"),
        ("'a' ~ ours.acc * 2", "PB222", "ours.acc * 2"),
        ("2**1001", "PB215", "2**1001"),
        ("1/0:f", "PB216", "1/0"),
        ("1 + 9**999", "PB216", "9**999"),
        ("10.0**999", "PB216", "10.0**999"),
        ("(-8)**0.5:f", "PB216", "(-8)**0.5"),
        ("ours.nan + 1", "PB216", "ours.nan"),
        ("ours.big + 1", "PB216", "ours.big"),
        ("std([1]):f", "PB216", "std([1])"),
        ("mean([]):f", "PB216", "mean([])"),
        ("1e999:f", "PB221", "f"),
        ("ours.acc * 2", "PB222", "ours.acc * 2"),
        ("ours.xs", "PB223", "ours.xs"),
        ("ours.yes", "PB223", "ours.yes"),
        ("ours.null:.1f", "PB221", ".1f"),
        ("ours.nan:.1f", "PB221", ".1f"),
        ("ours.acc: .1", "PB220", ".1"),
        ("ours.acc:", "PB220", ":"),
    ],
)
def test_what_is_wrong_in_an_expression_is_pointed_at(text: str, code: str, part: str) -> None:
    found, where = fault(text)
    assert (found.code, where) == (code, part), found.message


@pytest.mark.parametrize(("text", "ascii_form"), [("ours.acc \u2212 1", "-"), ("ours[\u2018acc\u2019]", "'"), ("ours.acc \u2265 1", ">=")])
def test_typographic_signs_are_answered_with_their_ascii_form(text: str, ascii_form: str) -> None:
    assert fault(text)[0].help == (f"write {ascii_form}",)


def test_typographic_signs_are_fine_inside_a_text() -> None:
    assert shown("'5 \u2212 3, \u201cso\u201d'") == "5 \u2212 3, \u201cso\u201d"


def test_an_expression_of_more_than_two_thousand_characters_is_refused() -> None:
    assert fault("1+" * 1000 + "1")[0].code == "PB215"


@pytest.mark.parametrize("text", ["(" * 900 + "1" + ")" * 900, "-" * 1900 + "1", "not " * 400 + "true", "+".join(["1"] * 900), "[" * 999])
def test_a_deeply_nested_expression_is_refused_without_a_crash(text: str) -> None:
    assert fault(text)[0].code in ("PB210", "PB215")


def test_a_list_longer_than_a_hundred_thousand_is_refused() -> None:
    data = json.dumps({"acc": [0] * 100_001}).encode()
    with pytest.raises(ReferenceFault) as caught:
        resolve(parse("mean(ours.acc):f"), CATALOG, lambda path: data)
    assert caught.value.code == "PB215"


def test_a_text_cannot_be_joined_beyond_a_hundred_thousand_characters() -> None:
    data = json.dumps({"acc": "x" * 60_000}).encode()
    with pytest.raises(ReferenceFault) as caught:
        resolve(parse("ours.acc ~ ours.acc"), CATALOG, lambda path: data)
    assert caught.value.code == "PB215"


def test_the_format_starts_after_the_first_colon_outside_quotes_and_brackets() -> None:
    assert shown("ours.day:%d:%m") == "03:05"
    assert shown("{'a': 1}['a']:.1f") == "1.0"
    assert shown("ours.xs[0:1].0:.1f") == "3.0"
    assert shown("':'") == ":"
    reference = parse("ours.acc :  .1f ms ")
    assert reference.spec is not None
    assert (reference.spec.text, reference.spec_offset) == (".1f ms", 12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"ours.acc:.1\%", "91.4%"),
        (r"ours.acc * 100:.1f \%", f"91.4{NBSP}%"),
        (r"ours.xs\|max", "3"),
        (r"7 \% 4", "3"),
        (r"'\\' ~ 'a'", "\\a"),
    ],
)
def test_the_signs_that_math_has_to_escape_mean_what_they_stand_for(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_an_escaped_sign_moves_no_position() -> None:
    assert fault(r"ours.xs\|meen")[1] == "meen"


def test_a_result_is_shown_verbatim_and_what_is_chosen_from_results_too() -> None:
    assert shown('ours["lr=0.1"]') == "0.250"
    assert shown("max(loss_plot.loss)") == "0.50"
    assert shown("first(loss_plot.loss)") == "0.50"


# --- functions


def test_the_functions_are_the_names_that_no_target_may_have() -> None:
    assert frozenset(functions.FUNCTIONS) | {"where"} == FUNCTIONS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mean(ours.xs):.2f", "2.00"),
        ("ours.xs|mean:.2f", "2.00"),
        ("std([2, 4, 4, 4, 5, 5, 7, 9]):.4f", "2.1381"),
        ("sem([2, 4, 4, 4, 5, 5, 7, 9]):.4f", "0.7559"),
        ("pm([1, 2, 3]):.1f", f"2.0{NBSP}±{NBSP}1.0"),
        ("ci95([1, 2, 3]):.3f", f"2.000{NBSP}±{NBSP}2.484"),
        ("min(ours.xs)", "1"),
        ("max(1, 3, 2)", "3"),
        ("max(ours.xs.0, 2.5):.1f", "3.0"),
        ("best(ours.xs)", "3"),
        ("best(ours.xs, lowest=true)", "1"),
        ("best(['a', 'b', 'c'], by=ours.xs)", "a"),
        ("best(['a', 'b', 'c'], by=ours.xs, lowest=true)", "b"),
        ("sum(ours.xs)", "6"),
        ("sum([0.1, 0.2, 0.3]):.20f", "0.60000000000000000000"),
        ("sum([])", "0"),
        ("median(ours.xs)", "2"),
        ("median([1, 2]):.1f", "1.5"),
        ("len(ours.xs)", "3"),
        ("len(ours.name)", "6"),
        ("len(train)", "6"),
        ("len(train.where(lr=0.1))", "3"),
        ("first(ours.xs) + last(ours.xs)", "5"),
        ("abs(-2)", "2"),
        ("round(2.5)", "2"),
        ("round(3.5)", "4"),
        ("round(-0.4)", "0"),
        ("ours.acc|round(2):.3f", "0.910"),
    ],
)
def test_a_function_computes_what_its_name_says(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    # Student's t, 97.5 %, as printed in statistical tables.
    [(1, 12.706205), (2, 4.302653), (3, 3.182446), (4, 2.776445), (9, 2.262157), (30, 2.042272), (120, 1.979930), (1000, 1.962339)],
)
def test_students_t_is_that_of_the_tables(freedom: int, quantile: float) -> None:
    assert functions.student_t_975(freedom) == pytest.approx(quantile, abs=6e-7)


def test_students_t_does_not_jump_where_its_method_changes() -> None:
    steps = [functions.student_t_975(n) for n in (199, 200, 201, 202)]
    assert steps == sorted(steps, reverse=True)
    assert steps[1] - steps[2] == pytest.approx(steps[2] - steps[3], rel=0.02)


# --- sweeps


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mean(train.acc):.3f", "0.925"),
        ("mean(train.metrics.acc):.3f", "0.925"),
        ("mean(train.where(lr=0.1).acc):.2f", "0.91"),
        ("pm(train.where(lr=0.1).acc):.1%", f"91.0{NBSP}±{NBSP}1.0{NBSP}%"),
        ("train.acc.0", "0.9"),
        ("train.where(lr=0.1, seed=2).acc", "0.92"),
        ("train.where(lr=0.1).where(seed=2).acc", "0.92"),
        ("train.where(seed=ours.xs.1 - 1).acc.1", "0.93"),
        ("train.where(fast=true).acc.5", "0.95"),
        ("train.curve.loss.2.2", "2"),
        ("last(last(train.curve.loss))", "5"),
        ("len(train.lr)", "6"),
        ("train.lr.5", "0.01"),
        ("train.params.lr.5", "0.01"),
        ("train.where(lr=0.1, seed=2).lr", "0.1"),
        ("best(train.lr, by=train.acc)", "0.01"),
        ("best(train.seed, by=train.acc, lowest=true)", "0"),
        ("mean(train.where(lr=0.1, seed=2).acc):.2f", "0.92"),
    ],
)
def test_a_sweep_is_the_list_of_its_cells(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("train.acc:.1%", "PB221", ".1%"),
        ("train.where(lr=0.5).acc", "PB218", "train.where(lr=0.5)"),
        ("train.where(lr='0.1').acc", "PB218", "train.where(lr='0.1')"),
        ("train.where(fast=1).acc", "PB218", "train.where(fast=1)"),
        ("train.where(rate=0.1).acc", "PB218", "train.where(rate=0.1)"),
        ("train.where().acc", "PB218", "train.where()"),
        ("train.where(0.1).acc", "PB218", "(0.1)"),
        ("train.acc.where(lr=0.1)", "PB218", "train.acc.where(lr=0.1)"),
        ("ours.where(depth=3).acc", "PB218", "ours.where(depth=3)"),
        ("train.0.acc", "PB212", "0"),
        ("train.acccc", "PB212", "acccc"),
        ("train.curve.los", "PB212", "los"),
    ],
)
def test_what_is_wrong_about_a_sweep_is_pointed_at(text: str, code: str, part: str) -> None:
    found, where = fault(text)
    assert (found.code, where) == (code, part), found.message


@pytest.mark.parametrize(
    ("text", "message", "mend"),
    [
        ("train.where(lr='0.1').acc", "no cell of train has lr = '0.1'", ("write lr=0.1",)),
        ("train.where(fast='true').acc", "no cell of train has fast = 'true'", ("write fast=true",)),
        ("train.where(lr=0.5).acc", "no cell of train has lr = 0.5", ()),
    ],
)
def test_a_parameter_of_the_other_kind_is_told_with_what_to_write(text: str, message: str, mend: tuple[str, ...]) -> None:
    found, _ = fault(text)
    assert (found.message, found.help) == (message, mend)


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("train.acc", "or choose one of the 6 cells: train.where(lr=…, seed=…).…"),
        ("train.acc:.1%", "or choose one of the 6 cells: train.where(lr=…, seed=…).…"),
        ("train.where(lr=0.1).acc", "or choose one of the 3 cells: train.where(lr=0.1).where(seed=…).…"),
        ("train.where(seed=1).metrics.acc", "or choose one of the 2 cells: train.where(seed=1).where(lr=…).…"),
    ],
)
def test_a_sweep_where_one_value_is_needed_says_what_would_choose_a_cell(text: str, mend: str) -> None:
    assert fault(text)[0].help[-1] == mend


def test_a_list_that_is_no_sweep_has_no_cells_to_choose_from() -> None:
    assert not any("cells" in line for text in ("ours.xs", "train.where(lr=0.1, seed=0).curve.loss") for line in fault(text)[0].help)


def test_only_the_cells_that_are_chosen_are_needed() -> None:
    reference = parse("train.where(lr=0.1, seed=2).acc + ours.acc:.1f")
    assert targets(reference, CATALOG) == ("train[lr=0.1,seed=2]", "ours")
    assert paths(reference, CATALOG) == ("b/0.1-2.json", "ours.json")


def test_where_only_results_can_tell_every_cell_may_be_needed() -> None:
    assert len(targets(parse("train.where(seed=ours.xs.1).acc.0"), CATALOG)) == 7


def test_both_branches_of_a_condition_may_be_needed() -> None:
    assert targets(parse("ours.acc if two.only > 1 else loss_plot.final"), CATALOG) == ("ours", "two", "loss-plot")


def test_parameters_and_the_number_of_cells_need_no_results() -> None:
    assert targets(parse("len(train) + train.lr.0 + ours.params.depth:f"), CATALOG) == ()


def test_an_output_that_is_named_is_the_only_one_that_is_needed() -> None:
    assert paths(parse("two.first.acc"), CATALOG) == ("two-a.json",)
    assert paths(parse("two.only"), CATALOG) == ("two-a.json", "two-b.json")
    assert paths(parse("two['first'].acc"), CATALOG) == ("two-a.json",)
    assert paths(parse("two[ours.name]"), CATALOG) == ("two-a.json", "two-b.json", "ours.json")


def test_a_value_says_where_it_was_read() -> None:
    assert res("ours.runs.1.a + ours.runs.1.a").sources == (Source("ours", "ours.json", "runs.1.a"),)
    assert res("mean(train.where(lr=0.1).acc):f").sources == tuple(
        Source(f"train[lr=0.1,seed={seed}]", f"b/0.1-{seed}.json", "acc") for seed in range(3)
    )
    assert res("two.second.first").sources == (Source("two", "two-b.json", "first"),)


def test_a_value_is_also_given_in_full() -> None:
    assert res("ours.acc:.1%").value == "0.9135"
    assert res("1/3:.1f").value == "0.3333333333333333"
    assert res("pm([1, 2, 3]):.1f").value == "2.0 ± 1.0"


def test_a_value_is_written_in_the_language_of_the_paper() -> None:
    assert resolve(parse("ours.acc:.1%"), CATALOG, FILES.__getitem__, GERMAN).rendered.text == f"91,4{NBSP}%"


def test_a_percentage_of_a_percentage_is_a_warning_at_its_format() -> None:
    (warning,) = res("ours.acc * 100:.1%").warnings
    assert (warning.code, warning.offset, warning.length) == ("PB224", 15, 3)
    assert "use .1f %" in warning.help[0]


# --- claims


@pytest.mark.parametrize(
    ("text", "expected", "compared"),
    [
        ("ours.acc > mean(train.acc)", False, ("ours.acc = 0.9135", "mean(train.acc) = 0.9249999999999999")),
        ("ours.acc >= 0.9135", True, ("ours.acc = 0.9135",)),
        ("ours.name == 'forest'", True, ("ours.name = forest",)),
        ("0.9 < ours.acc < 0.95 and not ours.acc == 1", True, ("ours.acc = 0.9135",)),
        ("two.only != 1", False, ("two.only = 1",)),
        ("(ours.acc - two.only) < -0.01", True, ("(ours.acc - two.only) = -0.08650000000000002",)),
        ("ours.yes", True, ()),
        ("2 in ours.xs", True, ("ours.xs = a list of 3",)),
    ],
)
def test_a_claim_holds_or_not_and_says_on_what(text: str, expected: bool, compared: tuple[str, ...]) -> None:
    claim = holds(text, CATALOG, FILES.__getitem__)
    assert claim.holds is expected
    assert bool(claim) is expected
    assert claim.compared == compared
    assert claim.sources


@pytest.mark.parametrize(
    ("text", "expected", "compared"),
    [
        ("train.acc >= 0.9", True, ()),
        ("0.89 < train.where(lr=0.1).acc < 0.93", True, ()),
        ("ours.xs < 3", False, ("it fails in 1 of 3", "element 0: ours.xs = 3")),
        ("train.acc > 0.9", False, ("it fails in 1 of 6", "train[lr=0.1,seed=0]: train.acc = 0.9")),
        (
            "train.where(lr=0.01).acc < train.where(lr=0.1).acc",
            False,
            (
                "it fails in 3 of 3",
                "train[lr=0.01,seed=0]: train.where(lr=0.01).acc = 0.93, train.where(lr=0.1).acc = 0.9",
                "train[lr=0.01,seed=1]: train.where(lr=0.01).acc = 0.94, train.where(lr=0.1).acc = 0.91",
                "train[lr=0.01,seed=2]: train.where(lr=0.01).acc = 0.95, train.where(lr=0.1).acc = 0.92",
            ),
        ),
        ("loss_plot.loss_table.step > ours.acc and train.acc != 2", True, ()),
    ],
)
def test_a_claim_about_a_list_is_about_each_of_its_elements(text: str, expected: bool, compared: tuple[str, ...]) -> None:
    claim = holds(text, CATALOG, FILES.__getitem__)
    assert (claim.holds, claim.compared) == (expected, compared)


@pytest.mark.parametrize(("text", "code"), [("train.acc > ours.xs", "PB214"), ("ours.xs[5:] > 1", "PB216")])
def test_lists_that_cannot_be_compared_element_by_element_are_a_fault(text: str, code: str) -> None:
    with pytest.raises(ReferenceFault) as caught:
        holds(text, CATALOG, FILES.__getitem__)
    assert caught.value.code == code


def test_only_a_claim_compares_lists() -> None:
    assert fault("'yes' if train.acc > 0.5 else 'no'")[0].code == "PB214"


@pytest.mark.parametrize(("text", "offset"), [("ours.acc > 1:.1f", 12), ("ours.acc", 0), ("'x'", 0)])
def test_a_claim_is_a_comparison_without_a_format(text: str, offset: int) -> None:
    with pytest.raises(ReferenceFault) as caught:
        holds(text, CATALOG, FILES.__getitem__)
    assert (caught.value.code, caught.value.offset) == ("PB225", offset)


def test_what_a_claim_needs_is_known_before_it_is_read() -> None:
    assert targets(parse_claim("ours.acc > two.only"), CATALOG) == ("ours", "two")


# --- speed and safety


def test_plain_paths_never_reach_the_full_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paperbuild.paper.parsing", None)  # importing it would now fail
    for index in range(1000):
        parse(f"ours.plain{index}.path.{index}:.1%")
    with pytest.raises(ImportError):
        parse("ours.not + plain + ever + seen")


def test_a_thousand_references_to_a_file_parse_it_once() -> None:
    reads: list[str] = []

    def read(path: str) -> bytes:
        reads.append(path)
        return FILES[path]

    results = ResultCache(read)
    for _ in range(1000):
        resolve(parse("ours.acc:.1%"), CATALOG, results)
    assert reads == ["ours.json"]


def test_equal_texts_are_parsed_once() -> None:
    assert parse("ours.acc + 1:.1f").expression is parse("ours.acc + 1:.2f").expression


@settings(deadline=None)
@given(st.from_regex(re.compile(r"[a-z_][a-z0-9_]{0,3}(\.([a-z_][a-z0-9_]{0,3}|0|[1-9][0-9]{0,2})){0,4}", re.ASCII), fullmatch=True))
@example("a.0.10.b")
@example("a.if.not.1")
def test_the_short_way_for_plain_paths_gives_the_tree_of_the_full_parser(text: str) -> None:
    try:
        full = parse_full(text)
    except ReferenceFault:
        with pytest.raises(ReferenceFault):
            parse_expression(text)
        return
    assert parse_expression(text) == full


VOCABULARY = (
    "ours train two loss_plot loss-plot acc xs runs nan big name null yes curve lr seed where mean std pm best max len round by lowest "
    "( ) [ ] { } . , : ; = == != < <= > >= + - * / // % ** ~ | and or not in is if else none number true 'a' \"b\" 0 1 2 0.5 1e999 10**10 "
    "ours.acc train.acc .where( .1% .2f \u2212 \u201c \\ # }} {{ %} is"
)
WORDS = st.sampled_from(VOCABULARY.split())


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, max_size=9).map(" ".join) | st.lists(WORDS, max_size=9).map("".join) | st.text(max_size=12))
@example("0.")
@example("a.1e5")
@example("'\ud800'")
@example("\x00")
@example("é.x")
def test_any_text_resolves_or_is_a_fault_within_it_and_reads_only_what_it_announced(text: str) -> None:
    read: list[str] = []

    def reader(path: str) -> bytes:
        read.append(path)
        return FILES[path]

    found: ReferenceFault | None = None
    announced: tuple[str, ...] = ()
    try:
        reference = parse(text)
        announced = paths(reference, CATALOG)
        resolved = resolve(reference, CATALOG, reader)
        resolved.rendered.text.encode()
    except ReferenceFault as caught:
        found = caught
    assert set(read) <= set(announced)
    if found is not None:
        assert re.fullmatch(r"PB2[12]\d", found.code)
        assert 0 <= found.offset <= len(text)
        assert found.length >= 1
        assert found.offset + found.length <= max(1, len(text)) + 1


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_mean_and_deviation_agree_with_the_standard_library(numbers: list[float]) -> None:
    import statistics

    data = json.dumps({"acc": numbers}).encode()
    mean = resolve(parse("mean(ours.acc):.3f"), CATALOG, lambda path: data).value
    deviation = resolve(parse("std(ours.acc):.3f"), CATALOG, lambda path: data).value
    assert float(mean) == pytest.approx(statistics.fmean(numbers), rel=1e-12, abs=1e-12)
    assert float(deviation) == pytest.approx(statistics.stdev(numbers), rel=1e-9, abs=1e-9)
