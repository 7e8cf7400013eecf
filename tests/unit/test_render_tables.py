"""Data tables as the paper asks for them."""

from hypothesis import given
from hypothesis import strategies as st

from paperbuild.diagnostics import Span
from paperbuild.paper.data import Number, Table
from paperbuild.paper.formats import ENGLISH, GERMAN
from paperbuild.render.tables import MISSING, Place, shown_table

TABLE = Table(("model", "acc", "n"), (("ours", Number(0.912, "0.912"), Number(1000, "1000")), ("base", Number(0.85, "0.85"), None)))
PLACE = Place(Span("paper.md", 3, 6), lambda name, part: Span("paper.md", 3, 9, 1, f"{name}/{part}"))


def shown(attributes, table=TABLE, locale=ENGLISH):
    bound, faults = shown_table("t.csv", table, attributes, locale, PLACE)
    rows = [["".join(piece.text for piece in cell) for cell in row] for row in bound.rows]
    return bound, rows, faults


def test_without_attributes_the_file_is_shown_as_it_is():
    bound, rows, faults = shown({})
    assert bound.columns == ("model", "acc", "n")
    assert bound.align == ("left", "right", "right")
    assert rows == [["ours", "0.912", "1000"], ["base", "0.85", MISSING]]
    assert faults == []


def test_columns_are_chosen_ordered_renamed_and_formatted():
    bound, rows, faults = shown({"columns": "n, model,acc", "header": "acc:Accuracy, top-1,n:N", "format": "n:,d,acc:.1%"})
    assert bound.columns == ("N", "model", "Accuracy, top-1")
    assert rows == [["1,000", "ours", "91.2%"], [MISSING, "base", "85.0%"]]
    assert faults == []


def test_numbers_are_written_in_the_language_of_the_paper():
    _, rows, _ = shown({"columns": "acc", "format": "acc:.1f"}, locale=GERMAN)
    assert rows == [["0,9"], ["0,8"]]


def test_an_unknown_column_is_told_with_the_nearest_wherever_it_is_named():
    _, _, faults = shown({"columns": "modle,acc", "header": "ac:A", "format": "nn:d"})
    assert [(d.code, d.span.text) for d in faults] == [("PB280", "columns/modle"), ("PB280", "header/ac"), ("PB280", "format/nn")]
    assert faults[0].help == ("did you mean model?",)


def test_a_format_that_is_none_is_told_at_the_format():
    _, _, faults = shown({"format": "acc:.1q"})
    assert [(d.code, d.span.text) for d in faults] == [("PB220", "format/.1q")]


def test_a_value_that_does_not_fit_is_told_once_with_its_row():
    table = Table(("x",), ((Number(1.5, "1.5"),), (Number(float("nan"), "nan"),), (Number(float("nan"), "nan"),)))
    _, _, faults = shown({"format": "x:.1f"}, table)
    assert len(faults) == 1
    assert faults[0].notes[0] == "row 2 of the column x of t.csv"


@given(st.dictionaries(st.sampled_from(["columns", "header", "format"]), st.text(max_size=30)))
def test_no_attributes_break_it(attributes):
    bound, rows, _ = shown(attributes)
    assert all(len(row) == len(bound.columns) == len(bound.align) for row in rows)
