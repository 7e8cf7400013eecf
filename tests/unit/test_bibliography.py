"""Bibliography files: their faults and their keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperbuild.diagnostics import Severity
from paperbuild.paper.bibliography import keys, lint_bib

GOOD = """\
% a comment with an @ and a {
@string{pub = "Addison-Wesley"}
@Comment{jabref-meta: databaseType:bibtex;}
@book{knuth1984,
  author = {Donald E. Knuth},
  title = "The {\\TeX}book" # { and more},
  publisher = pub,
  year = 1984, % comment
}
@online{web:1, ids = {web-one, web1}, title = {a@b.c \\} x}}
"""


def test_a_sound_bibliography_has_no_faults_and_all_its_keys() -> None:
    assert lint_bib("refs.bib", GOOD) == ()
    assert keys("refs.bib", GOOD) == ("knuth1984", "web:1", "web-one", "web1")


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("@book{k,\n  title = {The {TeX}book,\n  year = {1984},\n}\n", 2, 11, "brace is never closed, or"),
        ("@book{k,\n  title = {A,\n  year = {1984},\n}\n@book{l, title={B}}\n", 2, 11, "brace is never closed, or"),
        ("@book{k,\n  title = {A}\n  year = 1984\n}\n", 2, 14, "comma is missing after the value of title"),
        ("@book{k,\n  title {A}\n}\n", 2, 9, "no = after title"),
        ("@book{k,\n  title = {A},\n", 2, 15, "never closed"),
        ("@book{k, title = {A}\n", 1, 10, "never closed"),
        ("@book{\n  title = {A}}\n", 2, 9, "comma is missing after the key title"),
        ('@book{k,\n title = "A,\n}\n', 2, 10, "quotation mark is never closed"),
        ("@book{k,\n title = {A},\n@book{l, title={B}}\n", 3, 1, "begins inside the one before"),
        ("@book(k, title={A})", 1, 6, "without {"),
        ("mail a@b.c", 1, 9, "without {"),
        ("@book{k, title={A},, year=1}", 1, 20, "comma too many"),
    ],
)  # fmt: skip
def test_a_malformed_entry_has_its_line_and_column(text: str, line: int, column: int, message: str) -> None:
    fault = lint_bib("refs.bib", text)[0]
    assert fault.code == "PB570"
    assert message in fault.message
    assert fault.span
    assert (fault.span.line, fault.span.column) == (line, column)
    assert fault.help


def test_one_fault_does_not_hide_the_next_nor_the_other_keys() -> None:
    text = "@a{k1, t = {x}\n@b{k2, t {x}}\n@c{k3, t = {x}}\n"
    assert [fault.span.line for fault in lint_bib("r.bib", text) if fault.span] == [2, 2]
    assert keys("r.bib", text) == ("k3",)


def test_an_unclosed_brace_names_the_line_where_it_should_have_ended() -> None:
    (fault,) = lint_bib("r.bib", "@a{k1, t = {x\n\n@b{k2, t = {y}}\n")
    assert "before line 3" in fault.help[0]


def test_a_key_that_stands_twice_is_a_warning_at_the_second() -> None:
    (fault,) = lint_bib("r.bib", "@a{k, t={x}}\n@a{k, t={y}}\n")
    assert (fault.code, fault.severity, fault.span.line if fault.span else 0) == ("PB571", Severity.WARNING, 2)
    assert "r.bib:1" in fault.notes[0]


def test_json_and_yaml_bibliographies_have_positions_and_keys() -> None:
    assert lint_bib("r.json", '[{"id": "a"}]') == ()
    assert keys("r.json", '[{"id": "a"},\n  {"id": "b", "title": "id: c"}]') == ("a", "b")
    (fault,) = lint_bib("r.json", '[{"id": "a"},\n]')
    assert (fault.code, fault.span.line if fault.span else 0) == ("PB572", 2)
    assert "no CSL-JSON" in lint_bib("r.json", '{"a": 1}')[0].message
    assert lint_bib("r.yaml", "---\nreferences:\n- id: a\n---\n") == ()
    assert keys("r.yaml", "references:\n- id: a\n  title: x\n- title: y\n  id: 'b'\n") == ("a", "b")
    assert lint_bib("r.yaml", "references: [\n")[0].code == "PB572"


@given(
    st.lists(
        st.sampled_from(["@a{", "k", ",", " t = ", "{x}", '"y"', "}", "{", '"', "#", "%", "\n", "\\", "@", "(", "1"]), max_size=40
    ).map("".join)
)
def test_any_text_is_linted_without_raising(text: str) -> None:
    for fault in lint_bib("r.bib", text):
        assert fault.span is not None
    keys("r.bib", text)
