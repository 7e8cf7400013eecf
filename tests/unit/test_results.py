"""Result files become read-only data that remember how numbers were written; every fault stands at its line and column."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperbuild.diagnostics import Diagnostic, Span
from paperbuild.errors import BuildError
from paperbuild.paper.data import Number, Table, Value
from paperbuild.paper.results import ResultCache, is_data, is_table, load, load_table


def fault(path: str, data: str | bytes, *, table: bool = False) -> Diagnostic:
    raw = data if isinstance(data, bytes) else data.encode()
    with pytest.raises(BuildError) as caught:
        (load_table if table else load)(path, raw)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.span is not None
    assert diagnostic.span.path == path
    return diagnostic


def at(diagnostic: Diagnostic) -> tuple[str, int, int]:
    assert diagnostic.span is not None
    return diagnostic.code, diagnostic.span.line, diagnostic.span.column


def mapping(value: Value) -> Mapping[str, Value]:
    assert isinstance(value, Mapping)
    return value


@pytest.mark.parametrize(
    ("path", "data"),
    [("r.json", '{"acc": 0.30}'), ("r.yaml", "acc: 0.30\n"), ("r.yml", "acc: 0.30\n"), ("r.toml", "acc = 0.30\n")],
)
def test_a_number_keeps_the_text_that_the_file_has_for_it(path: str, data: str) -> None:
    assert mapping(load(path, data.encode()))["acc"] == Number(0.3, "0.30")


def test_the_extension_decides_whatever_its_case() -> None:
    assert mapping(load("R.JSON", b'{"a": 1}'))["a"] == Number(1, "1")
    assert is_data("out/m.Json")
    assert not is_data("out/model.npz")
    assert is_table("t.parquet")
    assert not is_table("roc.svg")


def test_data_is_read_only() -> None:
    value = load("r.json", b'{"runs": [{"a": [1, 2]}]}')
    assert value == {"runs": ({"a": (Number(1, "1"), Number(2, "2"))},)}
    with pytest.raises(TypeError):
        mapping(value)["x"] = None  # type: ignore[index] # that it cannot be done is what is tested


def test_nan_and_infinity_are_kept_so_that_printing_can_refuse_them() -> None:
    value = mapping(load("r.json", b'{"a": NaN, "b": -Infinity, "c": 1e400}'))
    assert isinstance(value["a"], Number)
    assert math.isnan(value["a"].value)
    assert value["b"] == Number(-math.inf, "-Infinity")
    assert value["c"] == Number(math.inf, "1e400")


def test_an_integer_of_a_hundred_thousand_digits_is_read_without_delay() -> None:
    digits = "3" * 100_000
    assert mapping(load("r.json", f'{{"pi": {digits}}}'.encode()))["pi"] == Number(math.inf, digits)


def test_a_key_twice_in_a_json_object_is_an_error_at_the_second() -> None:
    found = fault("r.json", '{"a": {"x": 1},\n "b": [{"x": 1,\n  "\\u0078" : 2}]}')
    assert at(found) == ("PB303", 3, 3)
    assert "'x'" in found.message
    assert "line 2" in found.message


def test_the_same_key_in_different_json_objects_is_fine() -> None:
    assert load("r.json", b'[{"x": "x:"}, {"x": {"x": 1}}]') == ({"x": "x:"}, {"x": {"x": Number(1, "1")}})


@pytest.mark.parametrize(
    ("path", "data", "place"),
    [
        ("r.json", '{"a": 1,\n "b": }', ("PB301", 2, 7)),
        ("r.json", "", ("PB301", 1, 1)),
        ("r.json", b'{\n"a": "\xe9"}', ("PB302", 2, 7)),
        ("r.json", "[" * 100_000, ("PB301", 1, 1)),
        ("r.toml", "a = 1\nb = = 2\n", ("PB301", 2, 5)),
        ("r.toml", "a = 1\na = 2\n", ("PB301", 2, 6)),
        ("r.toml", "a = '''x", ("PB301", 1, 9)),
        ("r.yaml", "a: 1\nb: c: d\n", ("PB301", 2, 5)),
        ("r.yaml", "a: 1\nb:\n  x: 1\n  x: 2\n", ("PB303", 4, 3)),
        ("r.yaml", "a: &a [*a]\n", ("PB301", 1, 4)),
        ("r.yaml", "a: \x07\n", ("PB301", 1, 4)),
        ("r.yaml", "? [1, 2]\n: 3\n", ("PB301", 1, 3)),
        ("r.yaml", "a: !!binary aGk=\n", ("PB301", 1, 4)),
        ("r.yaml", "a: 2024-13-45\n", ("PB301", 1, 4)),
        ("r.csv", "a,b\n1,2\n3,4,5\n", ("PB304", 3, 1)),
        ("r.csv", "a,b\n1,2\n3\n", ("PB304", 3, 1)),
        ("r.csv", 'a,b\n"x\ny",1\n2\n', ("PB304", 4, 1)),
        ("r.csv", 'a,b\n1,"2\n', ("PB301", 2, 1)),
        ("r.csv", "a,b,a\n1,2,3\n", ("PB303", 1, 1)),
        ("r.csv", "", ("PB304", 1, 1)),
        ("r.tsv", "a\tb\n1,2\n", ("PB304", 2, 1)),
    ],
)
def test_a_malformed_file_is_an_error_at_its_own_line_and_column(path: str, data: str | bytes, place: tuple[str, int, int]) -> None:
    assert at(fault(path, data)) == place


def test_yaml_reads_the_scalars_of_its_core_schema() -> None:
    text = "i: 0x1F\nu: 1_000\nf: .5\nn: .nan\nm: -.inf\nz: ~\nyes: yes\nt: true\nd: 2024-05-01\ns: '0.30'\nw: 2024-05-01T12:30:00\n"
    value = mapping(load("r.yaml", text.encode()))
    assert value["i"] == Number(31, "0x1F")
    assert value["u"] == Number(1000, "1_000")
    assert value["f"] == Number(0.5, ".5")
    assert isinstance(value["n"], Number)
    assert math.isnan(value["n"].value)
    assert value["m"] == Number(-math.inf, "-.inf")
    assert value["z"] is None
    assert value["yes"] == "yes"
    assert value["t"] is True
    assert value["d"] == dt.date(2024, 5, 1)
    assert value["s"] == "0.30"
    assert value["w"] == dt.datetime(2024, 5, 1, 12, 30)  # noqa: DTZ001 - the file has no zone


def test_yaml_keys_are_the_strings_that_the_file_has() -> None:
    assert set(mapping(load("r.yaml", b"1: a\n0.10: b\nno: c\n"))) == {"1", "0.10", "no"}


def test_yaml_merges_mappings_and_own_keys_win() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  z: 3\n"
    merged = mapping(mapping(load("r.yaml", text.encode()))["c"])
    assert {key: number.value for key, number in merged.items() if isinstance(number, Number)} == {"x": 1, "y": 1, "z": 3}


def test_yaml_aliases_cannot_multiply() -> None:
    lines = ["a0: &a0 [1, 1]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    assert len(mapping(load("r.yaml", "\n".join(lines).encode()))) == 30


def test_an_empty_yaml_file_has_no_values() -> None:
    assert load("r.yaml", b"") == {}


def test_csv_numbers_are_numbers_and_codes_are_texts() -> None:
    table = load("r.csv", '\ufeffid, value\n007,0.30\n"a, b",\n\n-1,nan\n+.5,1e3\n1.,"1,5"\n'.encode())
    assert isinstance(table, Table)
    assert table.columns == ("id", "value")
    assert table.column("id") == ("007", "a, b", Number(-1, "-1"), Number(0.5, "+.5"), Number(1.0, "1."))
    last = table.column("value")
    assert last[:2] == (Number(0.3, "0.30"), None)
    assert last[3:] == (Number(1000.0, "1e3"), "1,5")
    assert table.row(0) == {"id": "007", "value": Number(0.3, "0.30")}


def test_csv_rows_end_at_line_ends_only() -> None:
    table = load("r.csv", "a,b\r\nx\u2028y\x0cz,1\r\n".encode())
    assert isinstance(table, Table)
    assert table.rows == (("x\u2028y\x0cz", Number(1, "1")),)


@pytest.mark.parametrize("data", ['[{"m": "x", "acc": 0.30}, {"m": "y"}]', '{"m": ["x", "y"], "acc": [0.30, null]}'])
def test_a_table_in_json_is_a_list_of_objects_or_an_object_of_lists(data: str) -> None:
    assert load_table("t.json", data.encode()) == Table(("m", "acc"), (("x", Number(0.3, "0.30")), ("y", None)))


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("t.jsonl", '{"name": "x", "acc": 0.30}\n\n{"name": "y"}\n'),
        ("t.json", '{"x": {"acc": 0.30}, "y": {}}'),
        ("t.yaml", "x: {acc: 0.30}\ny: {}\n"),
        ("t.yml", "- {name: x, acc: 0.30}\n- {name: y}\n"),
    ],
)
def test_a_table_may_be_objects_by_line_by_name_or_in_yaml(path: str, data: str) -> None:
    assert load_table(path, data.encode()) == Table(("name", "acc"), (("x", Number(0.3, "0.30")), ("y", None)))


def test_rows_by_name_whose_objects_have_a_name_keep_both() -> None:
    assert load_table("t.json", b'{"x": {"name": "X", "key": 1}}').columns == ("row", "name", "key")


def test_a_fault_in_a_line_of_json_is_told_at_its_place() -> None:
    found = fault("t.jsonl", '{"a": 1}\n{"a": 1, "b": }\n')
    assert found.span is not None
    assert (found.code, found.span.line, found.span.column) == ("PB301", 2, 15)
    assert found.span.text == '{"a": 1, "b": }'


@pytest.mark.parametrize(
    ("data", "code"),
    [('{"a": [1], "b": [1, 2]}', "PB304"), ("3", "PB306"), ("[]", "PB306"), ('[{"a": [1]}]', "PB306"), ("[1, 2]", "PB306")],
)
def test_json_that_is_no_table_is_an_error(data: str, code: str) -> None:
    assert fault("t.json", data, table=True).code == code


def test_parquet_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    found = fault("t.parquet", b"PAR1", table=True)
    assert found.code == "PB305"
    assert "paperbuild[parquet]" in found.help[0]


def test_a_result_file_is_read_and_parsed_once_also_when_it_is_malformed() -> None:
    reads: list[str] = []
    files = {"good.json": b'{"a": 1}', "bad.json": b"{"}

    def read(path: str) -> bytes:
        reads.append(path)
        return files[path]

    results = ResultCache(read)
    assert results.load("good.json") is results.load("good.json")
    for _ in range(2):
        with pytest.raises(BuildError):
            results.load("bad.json")
    assert reads == ["good.json", "bad.json"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(JSON_VALUES)
def test_json_means_what_the_standard_library_says(value: object) -> None:
    def same(ours: Value, theirs: object) -> bool:
        if isinstance(ours, Number):
            return ours.value == theirs
        if isinstance(ours, tuple):
            return isinstance(theirs, list) and len(ours) == len(theirs) and all(map(same, ours, theirs))
        if isinstance(ours, Mapping):
            return isinstance(theirs, dict) and ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in theirs)
        return ours is theirs or ours == theirs

    assert same(load("r.json", json.dumps(value).encode()), value)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["r.json", "r.yaml", "r.toml", "r.csv", "r.tsv"]),
    st.binary(max_size=40) | st.text("{}[]:,'\"-&*! a1.\n", max_size=30).map(str.encode),
)
def test_arbitrary_bytes_are_data_or_a_diagnostic_in_the_file(path: str, data: bytes) -> None:
    places: tuple[Span | None, ...] = ()
    try:
        load(path, data)
    except BuildError as error:
        places = tuple(diagnostic.span for diagnostic in error.diagnostics)
    assert all(span is not None and span.path == path for span in places)
