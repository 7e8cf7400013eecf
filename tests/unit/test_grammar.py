"""The grammar of references, rule by rule: what shows each of them, here or in the test that is named for it.

The rules are numbered 1 to 28, then come the slips that break a paper without them. ``SHOWN`` names for each rule the tests that show it;
what no other test shows is below.
"""

from __future__ import annotations

import ast
import contextlib
import json
import math
import resource
import sys
import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from paperbuild.errors import ManifestError
from paperbuild.paper.catalog import Catalog, CatalogTarget, Cell
from paperbuild.paper.expressions import Access
from paperbuild.paper.faults import ReferenceFault
from paperbuild.paper.locales import locale_of
from paperbuild.paper.manifest import parse_manifest
from paperbuild.paper.names import FUNCTIONS, KEYWORDS
from paperbuild.paper.plan import plan_of
from paperbuild.paper.reading import MOST_CHARACTERS, parse_expression
from paperbuild.paper.references import ResultCache, holds, parse, resolve

TESTS = Path(__file__).parents[1]

SHOWN: dict[str, tuple[str, ...]] = {
    "1 names, and - as minus": (
        "unit/test_references.py::test_what_is_missing_is_an_error_at_its_place_with_the_nearest_names",
        "unit/test_grammar.py::test_names_that_expressions_cannot_tell_apart_are_refused",
    ),
    "2 reserved names": (
        "unit/test_references.py::test_the_functions_are_the_names_that_no_target_may_have",
        "unit/test_grammar.py::test_a_word_of_the_language_is_no_name_of_a_target",
    ),
    "3 item access only, where the only method": (
        "unit/test_references.py::test_a_path_reaches_what_it_names",
        "unit/test_references.py::test_what_is_wrong_in_an_expression_is_pointed_at",
        "unit/test_grammar.py::test_nothing_reaches_into_python",
    ),
    "4 indexes, keys, the short form": (
        "unit/test_references.py::test_a_number_that_is_both_a_row_and_a_column_is_ambiguous",
        "unit/test_references.py::test_an_output_name_comes_before_a_key_of_that_name",
        "unit/test_references.py::test_the_short_form_is_an_error_once_two_outputs_have_the_key",
        "unit/test_grammar.py::test_a_number_is_an_index_of_a_list_and_a_key_of_a_mapping",
    ),
    "5 what is missing is an error": (
        "unit/test_references.py::test_what_is_missing_is_an_error_at_its_place_with_the_nearest_names",
        "unit/test_grammar.py::test_what_would_hide_something_missing_is_not_in_the_language",
    ),
    "6 Jinja2's parser, an evaluator of our own": (
        "unit/test_references.py::test_an_expression_has_the_value_that_it_should",
        "unit/test_references.py::test_any_text_resolves_or_is_a_fault_within_it_and_reads_only_what_it_announced",
        "unit/test_grammar.py::test_no_expression_takes_long_or_much_memory",
    ),
    "7 the fast path, memoised trees, dependencies": (
        "unit/test_references.py::test_plain_paths_never_reach_the_full_parser",
        "unit/test_references.py::test_the_short_way_for_plain_paths_gives_the_tree_of_the_full_parser",
        "unit/test_references.py::test_equal_texts_are_parsed_once",
        "unit/test_references.py::test_only_the_cells_that_are_chosen_are_needed",
    ),
    "8 parentheses around **, bounds": (
        "unit/test_references.py::test_what_is_wrong_in_an_expression_is_pointed_at",
        "unit/test_references.py::test_a_list_longer_than_a_hundred_thousand_is_refused",
        "unit/test_references.py::test_a_text_cannot_be_joined_beyond_a_hundred_thousand_characters",
        "unit/test_references.py::test_an_expression_of_more_than_two_thousand_characters_is_refused",
    ),
    "9 ~ joins, % is modulo, ASCII signs": (
        "unit/test_references.py::test_typographic_signs_are_answered_with_their_ascii_form",
        "unit/test_references.py::test_an_expression_has_the_value_that_it_should",
    ),
    "10 every filter is a function": ("unit/test_grammar.py::test_every_function_is_a_filter_and_gives_the_same",),
    "11 where the format starts, what it is": (
        "unit/test_references.py::test_the_format_starts_after_the_first_colon_outside_quotes_and_brackets",
        "unit/test_formats.py::test_what_is_no_format_is_an_error_that_says_how_to_write_one",
        "unit/test_formats.py::test_a_number_is_written_as_its_format_says",
    ),
    "12 percent, pp, units, significant digits": (
        "unit/test_formats.py::test_a_number_is_written_as_its_format_says",
        "unit/test_formats.py::test_what_looks_like_a_percentage_already_is_warned_about",
        "unit/test_formats.py::test_significant_digits_and_powers_agree_with_decimal",
    ),
    "13 powers of ten, probabilities, verbatim": (
        "unit/test_formats.py::test_a_superscript_is_a_piece_of_its_own",
        "unit/test_formats.py::test_in_math_a_number_is_tex",
        "unit/test_references.py::test_a_result_is_shown_verbatim_and_what_is_chosen_from_results_too",
        "unit/test_formats.py::test_what_does_not_fit_is_refused",
    ),
    "14 NaN, infinity, null, booleans, lists, negative zero": (
        "unit/test_formats.py::test_what_does_not_fit_is_refused",
        "unit/test_formats.py::test_a_zero_after_rounding_loses_its_sign",
    ),
    "15 rounding in decimal, once, half to even": (
        "unit/test_formats.py::test_fixed_formats_are_one_quantize_of_the_source_text",
        "unit/test_formats.py::test_a_computed_value_is_rounded_from_the_shortest_text_of_its_double",
        "unit/test_results.py::test_a_number_keeps_the_text_that_the_file_has_for_it",
    ),
    "16 n-1, and what unbound numbers accept": (
        "unit/test_references.py::test_mean_and_deviation_agree_with_the_standard_library",
        "unit/test_unbound.py::test_a_number_is_found_however_it_was_rounded",
    ),
    "17 where references may stand": (
        "integration/test_positions.py::test_every_reference_of_a_paper_has_the_position_of_its_own_expression",
        "integration/test_positions.py::test_a_slip_is_named_and_mended",
        "integration/test_values_everywhere.py::test_a_value_is_shown_wherever_text_is",
        "integration/test_values_everywhere.py::test_a_reference_where_none_can_be_is_never_lost",
    ),
    "18 none is lost": (
        "integration/test_positions.py::test_a_slip_is_named_and_mended",
        "integration/test_positions.py::test_a_paper_without_slips_has_no_faults_and_code_is_no_reference",
        "integration/test_values_everywhere.py::test_a_reference_where_none_can_be_is_never_lost",
    ),
    "19 quotes and white space": (
        "unit/test_source.py::test_a_reference_is_found_with_its_expression_and_its_literal",
        "unit/test_source.py::test_what_pandoc_prints_verbatim_is_a_malformed_candidate",
        "integration/test_positions.py::test_a_slip_is_named_and_mended",
    ),
    "20 pipe tables, and long attributes in tables": (
        "integration/test_positions.py::test_a_slip_is_named_and_mended",
        "integration/test_values_everywhere.py::test_long_attributes_do_not_change_the_columns_of_a_table",
    ),
    "21 headings have ids of their own": ("integration/test_positions.py::test_a_slip_is_named_and_mended",),
    "22 YAML quotes, decoded paths": (
        "unit/test_frontmatter.py::test_malformed_yaml_has_its_line_in_the_paper_and_the_mend",
        "unit/test_source.py::test_images_links_citations_and_labels_are_found",
    ),
    "23 the tagged parse": (
        "unit/test_source.py::test_the_tagged_copy_is_as_long_as_the_source_and_differs_in_the_keys_only",
        "integration/test_positions.py::test_whatever_the_text_each_reference_finds_its_candidate",
        "integration/test_values_everywhere.py::test_what_stands_twice_in_the_tree_is_told_once",
    ),
    "24 the literal's span": (
        "unit/test_source.py::test_a_reference_is_found_with_its_expression_and_its_literal",
        "integration/test_positions.py::test_a_slip_is_named_and_mended",
    ),
    "25 sync touches literals only": (
        "cli/test_sync_command.py::test_every_literal_is_written_in_its_own_shape_and_nothing_else_is_touched",
    ),
    "26 the old shape stays": (
        "unit/test_literals.py::test_a_new_value_keeps_the_old_shape_where_that_fits",
        "unit/test_literals.py::test_what_was_renewed_agrees_and_stays",
    ),
    "27 table cells are padded again": (
        "cli/test_sync_command.py::test_the_cells_of_a_table_are_padded_again",
        "cli/test_sync_command.py::test_a_value_for_which_a_table_has_no_room_is_refused_and_the_others_are_written",
    ),
    "28 the tree is compared before writing": (
        "integration/test_syncing.py::test_only_literals_change_and_they_say_what_they_are_to_say",
        "cli/test_sync_command.py::test_an_edit_that_changes_how_the_paper_is_read_is_refused",
        "cli/test_sync_command.py::test_a_file_that_changed_meanwhile_is_left_alone",
    ),
    "what breaks without them": (
        "integration/test_positions.py::test_a_slip_is_named_and_mended",
        "integration/test_values_everywhere.py::test_a_reference_where_none_can_be_is_never_lost",
        "integration/test_values_everywhere.py::test_what_looks_like_a_slip_and_is_read_well_is_shown",
    ),
}


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_rule_has_its_tests() -> None:
    numbers = [rule.split()[0] for rule in SHOWN]
    assert numbers == [*map(str, range(1, 29)), "what"]
    assert all(SHOWN.values())


@pytest.mark.parametrize("named", sorted({name for names in SHOWN.values() for name in names}))
def test_a_test_that_shows_a_rule_is_there(named: str) -> None:
    path, _, function = named.partition("::")
    assert function in functions_of(path)


RESULTS = {
    "acc": [0.9, 0.8, 0.95, 0.7, 0.9],
    "lr": [0.1, 0.1, 0.01, 0.01, 0.10],
    "good": [True, False, True, True, False],
    "names": ["a", "b", "a", "c", "b"],
    "n": 3,
    "one": 1,
    "zero": 0,
    "part": 1.5,
    "day": "2026-05-01",
    "list": [[1, 2], [3, 4]],
    "group": {"1": "text key", "2": 5},
    "mixed": [1, None, "x"],
    "nan": math.nan,
    "big": 12345,
}
CATALOG = Catalog({"t": CatalogTarget("t", (Cell("t", (), (("m", "m.json"),)),), (), "")})


def read(path: str) -> bytes:
    return json.dumps(RESULTS).encode()


def shown(text: str, language: str = "en") -> str:
    return resolve(parse(text), CATALOG, read, locale_of(language)).rendered.text


def tex(text: str, language: str = "en") -> str:
    return resolve(parse(text), CATALOG, read, locale_of(language)).rendered.tex


def fault(text: str, language: str = "en") -> tuple[str, str]:
    with pytest.raises(ReferenceFault) as caught:
        shown(text, language)
    return caught.value.code, text[caught.value.offset : caught.value.offset + caught.value.length]


# --- rules 1 to 5


def manifest(*targets: str) -> str:
    return "".join(f'[target.{name}]\nrun = "true"\noutputs = ["{n}.json"]\n' for n, name in enumerate(targets))


@pytest.mark.parametrize("name", sorted((KEYWORDS | FUNCTIONS) - {"True", "False", "None"}))
def test_a_word_of_the_language_is_no_name_of_a_target(name: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(manifest(f'"{name}"').encode())
    assert [found.code for found in caught.value.diagnostics] == ["PB107"]


def test_names_that_expressions_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(manifest("loss-plot", "loss_plot").encode())
    assert [found.code for found in caught.value.diagnostics] == ["PB108"]
    for name in ("a--b", "-a", "1a", "a-", "a b"):
        with pytest.raises(ManifestError) as caught:
            parse_manifest(manifest(f'"{name}"').encode())
        assert [found.code for found in caught.value.diagnostics] == ["PB106"]


@pytest.mark.parametrize(
    "text",
    [
        "t.__class__",
        "t.acc.__len__",
        "t.acc.append",
        "t.names.0.upper",
        "t['__class__']",
        "t.group.items",
        "t.group.keys",
        "''.__class__",
        "(1).real",
        "[].append",
        "t.acc.where",
    ],
)
def test_nothing_reaches_into_python(text: str) -> None:
    assert fault(text)[0] == "PB212"


@pytest.mark.parametrize(
    "text", ["t.names.0.upper()", "''.join(t.names)", "'{}'.format(1)", "(t.acc)(1)", "t.m.read()", "lambda: 1", "[x for x in t.acc]"]
)
def test_nothing_is_called_but_functions(text: str) -> None:
    assert fault(text)[0] in {"PB217", "PB210", "PB211", "PB220"}


def test_a_number_is_an_index_of_a_list_and_a_key_of_a_mapping() -> None:
    assert shown("t.list.1.0") == "3"
    assert shown("t.group.1") == "text key"
    assert shown("t.group['1']") == "text key"
    assert shown("t.m.group.2") == "5"
    assert fault("t.group.3")[0] == "PB212"


@pytest.mark.parametrize(
    "text",
    [
        "t.nothing|default(1)",
        "default(t.nothing, 1)",
        "t.nothing is defined",
        "t|attr('m')",
        "t.acc|map('round')",
        "t.acc|random",
        "t.acc|safe",
        "t.acc|tojson",
        "'%d'|format(1)",
        "t.acc|select",
        "range(3)",
        "dict(a=1)",
        "cycler(1)",
        "lipsum()",
    ],
)
def test_what_would_hide_something_missing_is_not_in_the_language(text: str) -> None:
    assert fault(text)[0] in {"PB217", "PB210", "PB212"}


@pytest.mark.parametrize(
    "text",
    [
        "t.nothing",
        "t.group.nothing",
        "t.acc.9",
        "1 if t.good.0",
        "1 if t.good.0 else t.nothing if t.good.1 else t.nothing",
        "best(t.acc, by=t.nothing)",
    ],
)
def test_what_is_missing_is_an_error_wherever_it_is_met(text: str) -> None:
    if text.startswith("1 if t.good.0 else"):
        assert shown(text) == "1"  # the branch that is not taken is not asked
    else:
        assert fault(text)[0] in {"PB212", "PB210"}


# --- rules 6 to 10


def test_every_function_is_a_filter_and_gives_the_same() -> None:
    calls = {
        "plural": "plural(t.n, 'run', 'runs')",
        "capital": "capital(t.day)",
        "words": "words(t.n)",
        "round": "round(t.part)",
        "abs": "abs(t.n)",
        "count": "count(t.good)",
        "ratio": "ratio(t.good):.1f",
        "percent": "percent(t.good):.1f",
        "listed": "listed(t.names)",
        "distinct": "first(distinct(t.names))",
    }
    for name in sorted(FUNCTIONS - {"where"}):
        call = calls.get(name, f"{name}(t.acc):.2f" if name != "len" else "len(t.acc)")
        expression, colon, spec = call.partition(":")
        inner, _, rest = expression.removeprefix("first(").removeprefix(f"{name}(").partition(")")
        first, comma, more = inner.partition(", ")
        filtered = f"{first}|{name}({more})" if comma else f"{first}|{name}"
        filtered = f"first({filtered})" if expression.startswith("first(distinct") else filtered
        assert rest in {"", ")"}
        assert shown(f"{filtered}{colon}{spec}") == shown(call), name


HOSTILE = (
    '"a" * 10**10',
    "9**9**9",
    "9**999**1",
    "10**1000 * 10**1000",
    "2**1000 ** 1",
    "1e308 * 10",
    "(" * 400,
    "[" * 400 + "]" * 400,
    "not " * 490 + "true",
    "-" * 1990 + "1",
    "~".join(["'aaaaaaaaaaaaaaaaaaaa'"] * 80),
    "t.acc[::-1]" * 100,
    "t.acc" + "[0]" * 600,
    "{'a': " * 300 + "1" + "}" * 300,
    "1 if true else " * 120 + "1",
    "x.y(z)" * 300,
    "'" + "\\x41" * 490 + "'",
    "'" + "a" * 1990 + "'",
    "1" * 1990,
    "1." + "0" * 1900 + "1",
    "1e" + "9" * 1900,
    "0x" + "f" * 1900,
    "mean(" * 300 + "t.acc" + ")" * 300,
    "t.acc|mean" + "|abs" * 450,
    "t.n < " * 300 + "1",
    "round(1e300, 300)",
    "round(t.part, 10**9)",
    "t.acc[:10**18:-10**18]",
    "t.acc[-10**30]",
    "listed(t.acc):.1000f",
    "1:.999999999999999999999f",
    "1e400:.1f",
    "1:" + "%Y" * 900,
    "t.day:" + "%B" * 900,
    "t.n:.1f " + "m" * 1900,
    "{{" * 200,
    "{% for x in range(10**9) %}",
    "''.__class__.__mro__[1].__subclasses__()",
    "t.__init__.__globals__",
    "self._TemplateReference__context",
    "namespace(a=1)",
    "t.acc|map(attribute='__class__')|list",
    "\\" * 1999,
    "#" * 1999,
    "\x00" * 1999,
    "\ud800",
    "\U0010ffff" * 500,
)
_PIECES = """
t t.acc t.n t.m.good m. acc 9**9 10**10 1e308 'aaaa' "b" ( ) [ ] { } , . : | ~ + - * / // % ** < == not and or if else in is mean
listed words count distinct plural percent max per=t.lr where __class__ __globals__ .0 [0] [::-1] [10**18] .1f .999f %B words
"""
PIECES = st.sampled_from(_PIECES.split())


NO_HANG_S = 20.0
"""What nothing here comes near (a second is the most), on any machine: how quick it is can be read in the benchmarks."""


def _measured(text: str) -> tuple[float, int]:
    """Return the seconds and the growth of the process, in MB, that parsing, resolving and asking a claim of ``text`` takes."""
    before, size = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for ask in (lambda: shown(text), lambda: holds(text, CATALOG, ResultCache(read)), lambda: shown(text, "de")):
        with contextlib.suppress(ReferenceFault):
            ask()
    return time.process_time() - before, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - size) // 1024


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_expression_takes_long_or_much_memory(text: str) -> None:
    assert len(text) <= MOST_CHARACTERS + 200
    seconds, megabytes = _measured(text)
    assert seconds < NO_HANG_S
    assert megabytes < 32


@settings(max_examples=150, deadline=None)
@given(
    st.lists(PIECES, max_size=40).map("".join)
    | st.lists(PIECES, max_size=40).map(" ".join)
    | st.tuples(PIECES, st.integers(1, 300)).map(lambda p: p[0] * p[1])
)
@example("9**9" * 400)
@example("t.acc[" * 300)
def test_whatever_is_written_is_a_value_or_a_fault_in_bounded_time(text: str) -> None:
    seconds, megabytes = _measured(text[: MOST_CHARACTERS + 10])
    assert seconds < NO_HANG_S
    assert megabytes < 32


LONG = tuple(round(n * 0.001, 3) for n in range(100_000))
LONG_CATALOG = Catalog(
    {
        "t": CatalogTarget("t", (Cell("t", (), (("m", "m.json"), ("table", "t.csv"))),), (), ""),
        "sweep": CatalogTarget("sweep", tuple(Cell(f"sweep[n={n}]", (("n", n),), (("m", "n.json"),)) for n in range(10_000)), ("n",)),
    }
)
LONG_FILES = {
    "m.json": json.dumps({"xs": LONG, "rows": [{"a": n} for n in range(1000)]}).encode(),
    "t.csv": ("a,b\n" + "".join(f"{n},{n}\n" for n in range(100_000))).encode(),
    "n.json": b'{"acc": 0.5}',
}


def flat(text: str, times: int) -> str:
    """Return an expression that computes ``text`` so often without being nested: depth has a bound of its own."""
    return f"max({', '.join([text] * times)}):f"


@pytest.fixture(scope="module")
def long_results() -> ResultCache:
    """The files, read: to read them once is their own matter, and nothing that is computed of them is kept."""
    results = ResultCache(LONG_FILES.__getitem__)
    for path in LONG_FILES:
        results.load(path)
    return results


@pytest.mark.parametrize(
    "text",
    [
        flat("mean(t.xs)", 160),
        flat("median(t.xs)", 140),
        flat("len(distinct(t.xs))", 90),
        flat("count(t.xs > 0)", 120),
        "count(" + " < ".join(["t.xs"] * 280) + ")",
        "count(" + " and ".join(["t.xs > 0"] * 60) + ")",
        " < ".join(["t.xs"] * 280),
        " and ".join(["t.xs < 0"] * 60),
        " or ".join(["1e9 in t.xs"] * 60),
        flat("t.table.a[5]", 140),
        flat("len(t.xs[::-1])", 110),
        flat("len(t.table[::-1])", 90),
        flat("mean(sweep.acc)", 110),
        flat("sum(mean(t.xs, per=t.xs))", 60),
        "listed(t.xs):.1000f",
        "listed(t.xs[:1000]):.1000f",
        flat("best(t.xs, by=t.xs)", 90),
        "t.xs|listed",
    ],
    ids=range(18),
)
def test_long_lists_in_long_expressions_take_no_longer_either(text: str, long_results: ResultCache) -> None:
    took: list[float] = []
    for ask in (lambda: resolve(parse(text), LONG_CATALOG, long_results), lambda: holds(text, LONG_CATALOG, long_results)):
        before, size = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with contextlib.suppress(ReferenceFault):
            ask()
        took.append(time.process_time() - before)
        assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - size) // 1024 < 64
    assert max(took) < NO_HANG_S


def test_plain_paths_are_parsed_without_the_parser_of_expressions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paperbuild.paper.parsing", None)  # which whatever else is written imports
    for n in range(1000):
        assert isinstance(parse_expression(f"t.plain.path.{n}"), Access)
    with pytest.raises(ImportError):
        parse_expression("t.plain.path + 1")


# --- counting, grouping, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("count(t.good)", "3"),
        ("count(t.acc > 0.85)", "3"),
        ("count(t.acc > 0.85 and t.good)", "2"),
        ("count(not t.good)", "2"),
        ("count(not (t.acc > 0.85 or t.names == 'c'))", "1"),
        ("count(0.75 < t.acc < 0.92)", "3"),
        ("ratio(t.acc > 0.85):.1f", "0.6"),
        ("ratio(t.n, 4):.2f", "0.75"),
        ("percent(t.acc > 0.85):.0f %", "60\u00a0%"),
        ("percent(t.n, 4):.1f %", "75.0\u00a0%"),
        ("percent(0.125):.1f", "12.5"),
        ("words(count(t.acc > 0.85), len(t.acc))", "three of five"),
        ("listed(t.names)", "a, b, a, c and b"),
        ("listed(distinct(t.names))", "a, b and c"),
        ("listed(t.names[:2])", "a and b"),
        ("listed(t.names[:1])", "a"),
        ("listed(distinct(t.lr))", "0.1 and 0.01"),
        ("listed(mean(t.acc, per=t.lr)):.1%", "86.7% and 82.5%"),
        ("listed(max(t.acc, per=t.lr))", "0.9 and 0.95"),
        ("listed(count(t.acc > 0.85, per=t.names))", "2, 1 and 0"),
        ("listed(len(t.acc, per=t.names)):words", "two, two and one"),
        ("best(distinct(t.lr), by=mean(t.acc, per=t.lr))", "0.1"),
        ("listed([t.big, t.big]):,d", "12,345 and 12,345"),
        ("listed([t.big, 1, 2]):,d", "12,345; 1 and 2"),
        ("capital(words(t.n)) ~ ' ' ~ plural(t.n, 'run', 'runs')", "Three runs"),
        ("plural(t.n, 'run', 'runs')", "runs"),
        ("plural(t.one, 'run', 'runs')", "run"),
        ("plural(t.zero, 'run', 'runs')", "runs"),
        ("plural(t.part, 'run', 'runs')", "runs"),
        ("t.n ~ ' ' ~ plural(t.n, 'run', 'runs')", "3 runs"),
    ],
)
def test_counting_grouping_and_words_read_as_prose_does(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("listed(t.names)", "de", "a, b, a, c und b"),
        ("listed(t.acc[:3]):.2f", "de", "0,90; 0,80 und 0,95"),
        ("listed(t.acc[:2]):.1%", "fr", "90,0\u202f% et 80,0\u202f%"),
        ("listed(t.names)", "zh", "a、b、a、c和b"),
        ("words(2, 3)", "de", "zwei von drei"),
        ("words(2, 3)", "fr", "deux sur trois"),
        ("t.n:words", "sv", "tre"),
        ("t.day:%-d. %B %Y", "de-AT", "1. Mai 2026"),
        ("t.day:%-d de %B de %Y", "pt-BR", "1 de maio de 2026"),
        ("t.day:%a %-d %b", "en", "Fri 1 May"),
        ("t.day:%a %-d %b", "da", "fre. 1 maj"),
        ("plural(0, 'essai', 'essais')", "fr", "essai"),
        ("plural(1.5, 'essai', 'essais')", "fr", "essai"),
        ("plural(2, 'essai', 'essais')", "fr", "essais"),
        ("plural(1, 'krok', 'kroki', 'kroków')", "pl", "krok"),
        ("plural(22, 'krok', 'kroki', 'kroków')", "pl", "kroki"),
        ("plural(12, 'krok', 'kroki', 'kroków')", "pl", "kroków"),
        ("plural(21, 'шаг', 'шага', 'шагов')", "ru", "шаг"),
        ("plural(13, 'шаг', 'шага', 'шагов')", "ru", "шагов"),
        ("plural(1.5, 'krok', 'kroki', 'kroków', 'kroku')", "pl", "kroku"),
        ("t.big:,.1f", "de-CH", "12\u2019345.0"),
        ("t.big:,.1f", "pt-PT", "12\u202f345,0"),
        ("t.big:,.1f", "es-MX", "12,345.0"),
        ("t.big:,.1f", "fi", "12\u202f345,0"),
        ("t.big:,.1f", "tlh", "12,345.0"),
    ],
)
def test_the_language_of_the_paper_decides_marks_and_words(text: str, language: str, expected: str) -> None:
    assert shown(text, language) == expected


@pytest.mark.parametrize(
    ("text", "language", "code", "part"),
    [
        ("words(2)", "fi", "PB221", "words(2)"),
        ("words(13)", "de", "PB221", "words(13)"),
        ("words(2, 3)", "pl", "PB221", "words(2, 3)"),
        ("t.day:%B", "fi", "PB221", "%B"),
        ("listed(t.names)", "tlh", "PB221", "listed(t.names)"),
        ("plural(2, 'krok', 'kroki')", "pl", "PB217", "plural(2, 'krok', 'kroki')"),
        ("plural(1.5, 'krok', 'kroki', 'kroków')", "pl", "PB217", "plural(1.5, 'krok', 'kroki', 'kroków')"),
        ("plural(2, 'run')", "en", "PB217", "plural(2, 'run')"),
        ("plural(2, 'run', 3)", "en", "PB217", "plural(2, 'run', 3)"),
        ("count(t.acc)", "en", "PB214", "count(t.acc)"),
        ("count(t.n)", "en", "PB214", "count(t.n)"),
        ("count(t.acc > 0.5 and t.n)", "en", "PB214", "t.acc > 0.5 and t.n"),
        ("count(t.acc > t.list)", "en", "PB214", "t.acc > t.list"),
        ("ratio(t.n, t.zero):f", "en", "PB216", "ratio(t.n, t.zero)"),
        ("percent(t.n, t.zero):f", "en", "PB216", "percent(t.n, t.zero)"),
        ("mean(t.acc, per=t.list):f", "en", "PB214", "mean(t.acc, per=t.list)"),
        ("mean(t.acc, per=t.n):f", "en", "PB214", "mean(t.acc, per=t.n)"),
        ("max(1, 2, per=t.lr)", "en", "PB217", "max(1, 2, per=t.lr)"),
        ("pm(t.acc, per=t.lr):f", "en", "PB217", "pm(t.acc, per=t.lr)"),
        ("mean(t.acc, per=t.lr):f", "en", "PB221", "f"),
        ("listed(t.acc) ~ '.'", "en", "PB214", "listed(t.acc)"),
        ("capital(t.n)", "en", "PB214", "capital(t.n)"),
        ("listed([])", "en", "PB216", "listed([])"),
        ("listed(t.mixed)", "en", "PB223", "listed(t.mixed)"),
        ("listed(mean(t.acc, per=t.lr))", "en", "PB222", "listed(mean(t.acc, per=t.lr))"),
        ("distinct(t.list)", "en", "PB214", "distinct(t.list)"),
        ("distinct([t.nan])", "en", "PB216", "distinct([t.nan])"),
    ],
)
def test_what_cannot_be_counted_or_said_is_refused_at_its_place(text: str, language: str, code: str, part: str) -> None:
    assert fault(text, language) == (code, part)


def test_in_math_a_list_has_words_between_its_numbers() -> None:
    assert tex("listed(t.acc[:3]):.2f") == r"0.90\text{, }0.80\text{ and }0.95"
    assert tex("listed(t.acc[:2]):.1%", "de") == r"90{,}0\,\%\text{ und }80{,}0\,\%"


def test_a_claim_may_count_and_group() -> None:
    assert holds("count(t.acc > 0.85) >= 3", CATALOG, ResultCache(read)).holds
    grouped = holds("mean(t.acc, per=t.lr) > 0.83", CATALOG, ResultCache(read))
    assert (grouped.holds, grouped.compared[0]) == (False, "it fails in 1 of 2")


# --- sweeps whose cells are listed


CELLS = """\
[target.train]
run = "train {model} {lr} {seed}"
outputs = ["{model}-{seed}.json"]
cells = [{ model = "small", lr = 0.1 }, { lr = 0.01, model = "large" }]
matrix = { seed = [0, 1] }
"""


def test_listed_cells_are_a_sweep_and_a_matrix_multiplies_them() -> None:
    plan = plan_of(parse_manifest(CELLS.encode()))
    assert [action.id for action in plan.actions] == [
        "train[model=small,lr=0.1,seed=0]",
        "train[model=small,lr=0.1,seed=1]",
        "train[model=large,lr=0.01,seed=0]",
        "train[model=large,lr=0.01,seed=1]",
    ]
    results = ResultCache(lambda path: json.dumps({"acc": len(path)}).encode())
    assert resolve(parse("train.where(model='large', seed=1).lr"), plan.catalog, results).rendered.text == "0.01"
    assert resolve(parse("len(train)"), plan.catalog, results).rendered.text == "4"
    assert resolve(parse("listed(distinct(train.model))"), plan.catalog, results).rendered.text == "small and large"


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("lr = 0.01, ", "", "PB119", 4),
        ("lr = 0.01", "lrr = 0.01", "PB119", 4),
        ('{ lr = 0.01, model = "large" }', '{ model = "small", lr = 0.1 }', "PB114", 4),
        ("seed = [0, 1]", "seed = [0], lr = [1]", "PB113", 4),
        ("matrix = {", "params = { lr = 1 }\nmatrix = {", "PB113", 4),
        ("lr = 0.1 }, {", "lr = [1] }, {", "PB105", 4),
        ('"{model}-{seed}.json"', '"{seed}.json"', "PB141", 3),
        ('{ model = "small", lr = 0.1 }', '{ model = "s/x", lr = 0.1 }', "PB123", 4),
        ("cells = [", "cells = [] #", "PB105", 4),
        ("[0, 1]", f"[0, 1], a = {[*range(400)]}, b = {[*range(300)]}", "PB115", 5),
    ],
)
def test_a_fault_in_listed_cells_is_told_at_its_place(old: str, new: str, code: str, line: int) -> None:
    assert CELLS.count(old) >= 1
    with pytest.raises(ManifestError) as caught:
        plan_of(parse_manifest(CELLS.replace(old, new, 1).encode()))
    found = caught.value.diagnostics
    assert {one.code for one in found} == {code}
    assert found[0].span is not None
    assert found[0].span.line == line


def test_a_profile_replaces_listed_cells_whole() -> None:
    text = CELLS + '\n[profile.quick.target.train]\ncells = [{ model = "tiny", lr = 1.0 }]\nmatrix = { seed = [7] }\n'
    assert [action.id for action in plan_of(parse_manifest(text.encode(), profile="quick")).actions] == ["train[model=tiny,lr=1.0,seed=7]"]
