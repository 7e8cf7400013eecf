"""Data tables as the paper asks for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperbuild.diagnostics import Severity, Span
from paperbuild.paper.data import TABLE_ATTRIBUTES, Number, Table
from paperbuild.paper.delimited import read_delimited
from paperbuild.paper.formats import ENGLISH, GERMAN
from paperbuild.render.tables import MISSING, Place, shown_table

TABLE = Table(("model", "acc", "n"), (("ours", Number(0.912, "0.912"), Number(1000, "1000")), ("base", Number(0.85, "0.85"), None)))
SWEEP = read_delimited(
    "t.csv",
    """dataset,model,acc,acc_std,loss,n
Birds,base,0.851,0.012,0.31,1000
Birds,ours,0.914,0.003,0.2,12000
Birds,big,0.9139,0.1,0.21,
Cats,base,0.751,0.012,1e-5,10
Cats,ours,0.7,0.003,0.2,120
""",
    ",",
)


def cell_text(cell):
    mark = {"": "", "best": "*", "second": "_"}[cell.mark]
    span = f" {cell.across}x{cell.down}" if (cell.across, cell.down) != (1, 1) else ""
    return mark + (cell.markdown or "".join(piece.text for piece in cell.pieces)).replace("\N{NO-BREAK SPACE}", " ") + span


def shown(attributes, table=TABLE, locale=ENGLISH):
    def place(key, offset, length):
        text = attributes[key][offset : offset + length] if offset >= 0 else key
        return Span("paper.md", 3, 9, 1, f"{key}/{text}")

    bound, faults = shown_table("t.csv", table, attributes, locale, Place(Span("paper.md", 3, 6), place))
    rows = [[cell_text(cell) for cell in row] for group in bound.table.groups for row in group.rows]
    return bound.table, rows, faults


def heads(table):
    return [[cell_text(cell) for cell in row] for row in table.head]


def places(faults):
    return [(fault.code, fault.span.text) for fault in faults]


def test_without_attributes_the_file_is_shown_as_it_is():
    table, rows, faults = shown({})
    assert heads(table) == [["model", "acc", "n"]]
    assert table.align == ("left", "right", "right")
    assert table.decimal == "2. 3."
    assert rows == [["ours", "0.912", "1000"], ["base", "0.85", MISSING]]
    assert faults == []


def test_columns_are_chosen_ordered_renamed_and_formatted():
    table, rows, faults = shown({"columns": "n, model,acc", "header": "acc:Accuracy, top-1,n:N", "format": "n:,d,acc:.1%"})
    assert heads(table) == [["N", "model", "Accuracy, top-1"]]
    assert rows == [["1,000", "ours", "91.2%"], [MISSING, "base", "85.0%"]]
    assert faults == []


def test_a_name_with_a_comma_or_a_colon_stands_between_quotes():
    table = Table(("a, b", "c:d"), ((Number(1, "1"), Number(0.25, "0.25")),))
    bound, rows, faults = shown({"columns": "'c:d','a, b'", "header": "'a, b':Both,'c:d':Ratio", "format": "'c:d':.1f"}, table)
    assert (heads(bound), rows, faults) == ([["Ratio", "Both"]], [["0.2", "1"]], [])


def test_numbers_are_written_in_the_language_of_the_paper():
    table, rows, _ = shown({"columns": "acc,n", "format": "acc:.1f"}, locale=GERMAN)
    assert rows == [["0,9", "1000"], ["0,8", MISSING]]
    assert table.decimal == "1, 2."  # a column without a format keeps the points of the file


def test_an_unknown_column_is_told_with_the_nearest_wherever_it_is_named():
    _, _, faults = shown({"columns": "modle,acc", "header": "ac:A", "format": "nn:d", "sort": "-acx", "best": "x:max", "group": "mdl"})
    assert sorted(places(faults)) == [
        ("PB280", "best/x"),
        ("PB280", "columns/modle"),
        ("PB280", "format/nn"),
        ("PB280", "group/mdl"),
        ("PB280", "header/ac"),
        ("PB280", "sort/acx"),
    ]
    assert next(fault.help for fault in faults if fault.span.text == "columns/modle") == ("did you mean model?",)


def test_an_attribute_that_is_almost_one_is_told():
    _, _, faults = shown({"colums": "acc", "width": "50%", "data-x": "1"})
    assert places(faults) == [("PB282", "colums/colums")]
    assert faults[0].help == ("did you mean columns?",)


def test_a_format_that_is_none_is_told_at_the_format():
    _, _, faults = shown({"format": "acc:.1q"})
    assert places(faults) == [("PB220", "format/.1q")]


def test_a_value_that_does_not_fit_is_told_once_with_its_row():
    table = Table(("x",), ((Number(1.5, "1.5"),), (Number(float("nan"), "nan"),), (Number(float("nan"), "nan"),)))
    _, _, faults = shown({"format": "x:.1f"}, table)
    assert len(faults) == 1
    assert places(faults) == [("PB221", "format/.1f")]
    assert faults[0].notes[0] == "row 2 of the column x of t.csv"


def test_percent_on_what_is_percent_already_is_a_warning():
    _, _, faults = shown({"format": "n:.0%"}, SWEEP)
    assert [(fault.code, fault.severity, fault.notes[0]) for fault in faults] == [
        ("PB224", Severity.WARNING, "row 1 of the column n of t.csv")
    ]


def test_rows_are_chosen_by_a_condition_and_sorted_with_missing_entries_last():
    _, rows, faults = shown({"columns": "model,n", "where": "acc > 0.7 and dataset == 'Birds'", "sort": "-n"}, SWEEP)
    assert (rows, faults) == ([["ours", "12000"], ["base", "1000"], ["big", MISSING]], [])
    _, rows, _ = shown({"columns": "model,n", "sort": "model,-acc"}, SWEEP)
    assert [row[0] for row in rows] == ["base", "base", "big", "ours", "ours"]
    _, rows, _ = shown({"columns": "model", "sort": "n", "limit": "2"}, SWEEP)
    assert rows == [["base"], ["ours"]]


@pytest.mark.parametrize(
    ("condition", "models"),
    [
        ("row['acc'] >= max(table.acc)", ["ours"]),
        ("n is none", ["big"]),
        ("model in ['big', 'huge']", ["big"]),
        ("not (acc < 0.9)", ["ours", "big"]),
    ],
)
def test_conditions_have_the_language_of_references(condition, models):
    _, rows, faults = shown({"columns": "model", "where": condition}, SWEEP)
    assert ([row[0] for row in rows], faults) == (models, [])


@pytest.mark.parametrize(
    ("condition", "code", "at"),
    [
        ("accc > 1", "PB280", "accc"),
        ("acc >", "PB210", ""),
        ("n > 5", "PB214", "n > 5"),
        ("acc", "PB225", "acc"),
        ("mean > 1", "PB217", "mean"),
    ],
)
def test_a_condition_that_means_nothing_is_told_at_its_part(condition, code, at):
    _, rows, faults = shown({"where": condition}, SWEEP)
    assert [fault.code for fault in faults] == [code]
    assert faults[0].span.text.startswith(f"where/{at}")
    assert len(rows) == 5


def test_a_condition_that_no_row_satisfies_is_a_warning():
    _, rows, faults = shown({"where": "model == 'none'"}, SWEEP)
    assert (rows, [(fault.code, fault.severity) for fault in faults]) == ([], [("PB284", Severity.WARNING)])


def test_numbers_that_look_alike_rank_alike():
    _, rows, faults = shown({"columns": "model,acc,loss", "format": "acc:.1%", "best": "acc:max,loss:min", "second": "acc"}, SWEEP)
    assert faults == []
    assert rows == [
        ["base", "_85.1%", "0.31"],
        ["ours", "*91.4%", "0.2"],
        ["big", "*91.4%", "0.21"],
        ["base", "75.1%", "*1e-5"],
        ["ours", "70.0%", "0.2"],
    ]


def test_the_best_needs_a_direction_and_numbers():
    _, _, faults = shown({"best": "acc,model:max,loss:mim"}, SWEEP)
    assert places(faults) == [("PB282", "best/,"), ("PB282", "best/mim"), ("PB283", "best/model")]


def test_groups_stand_in_the_order_of_the_file_each_with_its_own_best():
    table, rows, faults = shown({"group": "dataset", "columns": "model,acc", "sort": "acc", "best": "acc:max", "limit": "2"}, SWEEP)
    assert faults == []
    assert [cell_text(group.heading) for group in table.groups] == ["Birds", "Cats"]
    assert rows == [["base", "0.851"], ["big", "*0.9139"], ["ours", "0.7"], ["base", "*0.751"]]
    table, _, _ = shown({"group": "dataset", "sort": "-dataset"}, SWEEP)
    assert [cell_text(group.heading) for group in table.groups] == ["Cats", "Birds"]


def test_merged_groups_are_a_cell_beside_their_rows():
    table, rows, faults = shown({"group": "dataset:merged", "columns": "model,acc", "header": "dataset:Data"}, SWEEP)
    assert faults == []
    assert heads(table) == [["Data", "model", "acc"]]
    assert rows[0] == ["Birds 1x3", "base", "0.851"]
    assert rows[3] == ["Cats 1x2", "base", "0.751"]
    assert table.decimal == "3."


def test_columns_share_a_heading():
    table, _, faults = shown({"columns": "model,acc,loss,n", "spanner": "Quality:acc,loss"}, SWEEP)
    assert faults == []
    assert heads(table) == [["model 1x2", "Quality 2x1", "n 1x2"], ["acc", "loss"]]


def test_columns_below_one_heading_must_be_shown_as_neighbours():
    _, _, faults = shown({"columns": "acc,model,loss", "spanner": "Quality:acc,loss; Size:n; A:los;B"}, SWEEP)
    assert places(faults) == [("PB283", "spanner/acc"), ("PB283", "spanner/n"), ("PB280", "spanner/los"), ("PB282", "spanner/")]
    assert faults[0].help == ('write columns="acc,loss,model"',)


def test_uncertainties_stand_behind_their_means():
    table, rows, faults = shown({"format": "acc±acc_std:.1%", "best": "acc:max", "where": "dataset == 'Birds'"}, SWEEP)
    assert faults == []
    assert heads(table) == [["dataset", "model", "acc", "loss", "n"]]
    assert [row[2] for row in rows] == ["85.1 ± 1.2 %", "*91.4 ± 0.3 %", "*91.4 ± 10.0 %"]
    assert [row[0] for row in shown({"format": "acc+-acc_std", "columns": "acc"}, SWEEP)[1]][:2] == ["0.851 ± 0.012", "0.914 ± 0.003"]
    assert places(shown({"format": "acc±std:.1%"}, SWEEP)[2]) == [("PB280", "format/std")]


def test_a_table_can_be_turned():
    table, rows, faults = shown({"transpose": "true", "columns": "model,acc,n", "format": "acc:.2f", "where": "dataset == 'Cats'"}, SWEEP)
    assert faults == []
    assert heads(table) == [["model", "base", "ours"]]
    assert rows == [["acc", "0.75", "0.70"], ["n", "10", "120"]]
    assert (table.row_heads, table.align) == (1, ("left", "right", "right"))
    assert places(shown({"transpose": "yes", "group": "model"}, SWEEP)[2]) == [("PB283", "group/model")]


def test_digits_alignment_and_missing_entries():
    table, rows, faults = shown({"columns": "loss,n", "digits": "1", "align": "n:center", "missing": "n/a", "where": "n is none"}, SWEEP)
    assert (table.align, table.decimal, rows, faults) == (("right", "center"), "1.", [["0.2", "n/a"]], [])
    _, _, faults = shown({"digits": "x", "limit": "0", "align": "n:centre", "transpose": "perhaps"}, SWEEP)
    assert [fault.code for fault in faults] == ["PB282"] * 4
    assert faults[0].help == ("did you mean center?",)


def test_what_a_cell_is_sorted_by_goes_along_where_it_is_not_its_text():
    table, _, _ = shown({"columns": "model,acc,n", "format": "acc:.1%"}, SWEEP)
    assert [cell.value for cell in table.groups[0].rows[2]] == [None, "0.9139", ""]


def test_markdown_is_read_in_headings_and_where_it_is_asked_for():
    table = Table(("m",), (("$R^2$ [@a]",), ("*b*",)))
    bound, rows, _ = shown({"markdown": "m", "header": "m:Model *A*"}, table)
    assert (bound.head[0][0].markdown, [cell.markdown for group in bound.groups for (cell,) in group.rows]) == (
        "Model *A*",
        ["$R^2$ [@a]", "*b*"],
    )
    assert shown({}, table)[0].groups[0].rows[1][0].pieces[0].text == "*b*"
    assert rows == [["$R^2$ [@a]"], ["*b*"]]


@given(
    st.dictionaries(
        st.sampled_from(TABLE_ATTRIBUTES), st.text(max_size=30) | st.sampled_from(["acc", "model:max", "-n,acc", "true", "A:acc,n"])
    )
)
def test_no_attributes_break_it(attributes):
    bound, rows, faults = shown(attributes)
    if not faults:
        covered = sum(cell.across for cell in bound.head[0])
        assert covered == len(bound.align)
        assert all(len(row) <= covered for row in rows)
