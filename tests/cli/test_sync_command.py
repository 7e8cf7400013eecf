"""``paperbuild sync``: literals and nothing else. Rules 25 to 28 of the grammar."""
# ruff: noqa: RUF001 - minus signs are what is written

import json
import os
import stat

import pytest

from paperbuild.cli.sync import Change, write
from paperbuild.errors import BuildError

MANIFEST = """\
[paper]
source = ["paper.md", "more.md"]
formats = ["html"]

[target.t]
run = "cp source.json out.json"
inputs = ["source.json"]
outputs = ["out.json"]
"""
VALUES = {"a": 0.912, "b": -3, "c": 12345, "p": 0.00001, "words": "x | y", "big": 123456789}
PAPER = """\
---
title: 'Of [11]{val=t.b} things'
abstract: |
  An abstract with [0.1]{val=t.a:.1f}.
---

In text [91.1 %]{val=t.a:.1%}, **[**91.1**\\ \\%]{val=t.a:.1%}**, $x = \\val[0.1]{t.a:.2f}$, []{val=t.c:,d} and[^n] [is]{claim="t.a > 0"}.

[^n]: A note: [−2]{val=t.b}.

![A caption of [1]{val=t.c}.](out.svg)

| a | b |
|---|--:|
| [x]{val=t.words} | [1]{val=t.b} |

`[1]{val=t.a}` and <!-- [1]{val=t.a} -->.
"""


@pytest.fixture
def built(project):
    project.write("paperbuild.toml", MANIFEST).write("source.json", json.dumps(VALUES)).write("paper.md", "# One\n").write(
        "more.md", "Two.\n"
    )
    project.write("out.svg", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    assert project.call("run", "-q").code == 0
    return project


def test_every_literal_is_written_in_its_own_shape_and_nothing_else_is_touched(built):
    built.write("paper.md", PAPER)
    answer = built.call("sync")
    assert answer.code == 0
    assert answer.err == "10 literals rewritten\n"
    expected = PAPER
    for old, new in [
        ("Of [11]", "Of [−3]"), ("[0.1]{val=t.a:.1f}", "[0.9]{val=t.a:.1f}"), ("[91.1 %]", "[91.2 %]"), ("[**91.1**", "[**91.2**"),
        (r"\val[0.1]", r"\val[0.91]"), ("[]{val=t.c:,d}", "[12,345]{val=t.c:,d}"), ("[−2]", "[−3]"), ("of [1]", "of [12345]"),
        ("[x]{val=t.words} | [1]", "[x \\| y]{val=t.words} | [−3]"),
    ]:  # fmt: skip
        assert expected.count(old) == 1
        expected = expected.replace(old, new)
    assert built.read("paper.md") == expected
    assert built.call("check").code == 0
    again = built.call("sync")
    assert (again.code, again.out, again.err) == (0, "", "no literal was rewritten\n")


def test_the_difference_is_shown_first(built):
    built.write("paper.md", "One.\n\nIt is [0.1]{val=t.a:.1f}.\n")
    answer = built.call("sync")
    assert answer.out == ("--- paper.md\n+++ paper.md\n@@ -2,2 +2,2 @@\n\n-It is [0.1]{val=t.a:.1f}.\n+It is [0.9]{val=t.a:.1f}.\n")


def test_check_writes_nothing_and_fails(built):
    text = "It is [0.1]{val=t.a:.1f}.\n"
    built.write("paper.md", text)
    answer = built.call("sync", "--check")
    assert answer.code == 1
    assert "error[PB231]: the literal 0.1 is out of date: the value is 0.9\n --> paper.md:1:8" in answer.err
    assert built.read("paper.md") == text
    built.call("sync")
    assert built.call("sync", "--check").code == 0


def test_each_file_of_a_paper_is_rewritten(built):
    built.write("paper.md", "It is [0.1]{val=t.a:.1f}.\n").write("more.md", "And [1]{val=t.c} and [2]{val=t.b}.\n")
    told = json.loads(built.call("sync", "--json").out)
    assert [(file["path"], file["literals"]) for file in told["files"]] == [("paper.md", 1), ("more.md", 2)]
    assert told["written"]
    assert built.read("paper.md") == "It is [0.9]{val=t.a:.1f}.\n"
    assert built.read("more.md") == "And [12345]{val=t.c} and [−3]{val=t.b}.\n"


def test_mode_line_ends_byte_order_mark_and_links_stay(built):
    path = built.root / "text" / "paper.md"
    path.parent.mkdir()
    path.write_bytes(b"\xef\xbb\xbfIt is [0.1]{val=t.a:.1f}.\r\nAnd no line end")
    path.chmod(0o640)
    (built.root / "paper.md").unlink()
    (built.root / "paper.md").symlink_to("text/paper.md")
    assert built.call("sync").code == 0
    assert path.read_bytes() == b"\xef\xbb\xbfIt is [0.9]{val=t.a:.1f}.\r\nAnd no line end"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert (built.root / "paper.md").is_symlink()
    assert os.listdir(path.parent) == ["paper.md"]


GRID = """\
+-----------------------+-------+
| a                     | b     |
+=======================+=======+
| [1]{val=t.c}          | x     |
+-----------------------+-------+
"""
SIMPLE = """\
a                  b
-----------------  ------
[1]{val=t.c}       x
y                  z

Behind [1]{val=t.b} it.
"""
MULTILINE = """\
---------------------------
a                  b
-----------------  --------
[1]{val=t.c}       x

[22222]{val=t.b}   [1]{val=t.c}
---------------------------
"""


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (GRID, GRID.replace("[1]{val=t.c}          |", "[12345]{val=t.c}      |")),
        (SIMPLE, SIMPLE.replace("[1]{val=t.c}       x", "[12345]{val=t.c}   x").replace("[1]{val=t.b}", "[−3]{val=t.b}")),
        (
            MULTILINE,
            MULTILINE.replace("[1]{val=t.c}       x", "[12345]{val=t.c}   x")
            .replace("[22222]{val=t.b}   ", "[−3]{val=t.b}      ")
            .replace("[1]{val=t.c}\n", "[12345]{val=t.c}\n"),
        ),
    ],
    ids=["grid", "simple", "multiline"],
)
def test_the_cells_of_a_table_are_padded_again(built, table, expected):
    built.write("paper.md", f"Text.\n\n{table}\nMore.\n")
    answer = built.call("sync")
    assert answer.code == 0, answer.err
    assert built.read("paper.md") == f"Text.\n\n{expected}\nMore.\n"


def test_a_value_for_which_a_table_has_no_room_is_refused_and_the_others_are_written(built):
    table = "+------------------+\n| [1]{val=t.big}   |\n+------------------+\n"
    built.write("paper.md", f"It is [0.1]{{val=t.a:.1f}}.\n\n{table}")
    answer = built.call("sync")
    assert answer.code == 1
    assert "error[PB234]: 123456789 cannot be written here: its table's column is too narrow\n --> paper.md:4:4" in answer.err
    assert built.read("paper.md") == f"It is [0.9]{{val=t.a:.1f}}.\n\n{table}"


def test_an_edit_that_changes_how_the_paper_is_read_is_refused(built):
    # A plain scalar of YAML: a colon and a space in it would make a mapping.
    built.write("source.json", json.dumps({**VALUES, "words": "a: b"})).call("run", "-q")
    text = "---\ntitle: Of [x]{val=t.words} things\n---\n\nIt is [0.1]{val=t.a:.1f} and [2]{val=t.b}.\n"
    built.write("paper.md", text)
    answer = built.call("sync")
    assert answer.code == 1
    assert "error[PB234]: a: b cannot be written here: the paper would be read differently\n --> paper.md:2:12" in answer.err
    assert built.read("paper.md") == text.replace("[0.1]", "[0.9]").replace("[2]", "[−3]")


QUOTED = r"""---
title: 'It''s [x]{val=t.words} and [0.1]{val=t.a:.1f}'
subtitle: "Of \"[x]{val=t.words}\" and [2 \\%]{val=t.b} things"
abstract: |
  Here [it''s "x"]{val=t.words} is.
keywords: ['[x]{val=t.words}', "[x]{val=t.words}"]
---

Text.
"""


def test_a_literal_in_quotes_of_the_front_matter_is_written_as_yaml_has_it(built):
    built.write("source.json", json.dumps({**VALUES, "words": 'it\'s "5"'})).call("run", "-q")
    built.write("paper.md", QUOTED)
    answer = built.call("sync")
    assert answer.code == 0, answer.err
    assert built.read("paper.md") == (
        QUOTED.replace("It''s [x]", """It''s [it\\''s \\"5\\"]""")
        .replace('Of \\"[x]', 'Of \\"[it\\\\\'s \\\\\\"5\\\\\\"]')
        .replace("[2 \\\\%]", "[−3]")
        .replace("[0.1]", "[0.9]")
        .replace("""[it''s "x"]""", """[it\\'s \\"5\\"]""")
        .replace("""'[x]{""", """'[it\\''s \\"5\\"]{""")
        .replace(""""[x]{""", '"[it\\\\\'s \\\\\\"5\\\\\\"]{')
    )
    assert built.call("sync", "--check").code == 0
    assert built.call("render", "-q").code == 0
    assert built.call("check").code == 0


def test_values_of_results_that_are_out_of_date_are_written_with_a_warning(built):
    built.write("source.json", json.dumps({**VALUES, "a": 0.5})).write("paper.md", "It is [0.1]{val=t.a:.1f}.\n")
    answer = built.call("sync")
    assert answer.code == 0
    assert "warning[PB232]: t is out of date" in answer.err
    assert built.read("paper.md") == "It is [0.9]{val=t.a:.1f}.\n"


def test_a_reference_that_cannot_be_resolved_is_left_alone(built):
    built.write("paper.md", "It is [0.1]{val=t.a:.1f} and [7]{val=t.nothing}.\n")
    assert built.call("sync").code == 0
    assert built.read("paper.md") == "It is [0.9]{val=t.a:.1f} and [7]{val=t.nothing}.\n"


def test_render_never_edits_the_source(built):
    text = "It is [0.1]{val=t.a:.1f}.\n"
    built.write("paper.md", text)
    assert built.call("render", "-q").code == 0
    assert built.read("paper.md") == text


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path):
    path = tmp_path / "paper.md"
    path.write_bytes(b"somebody else's")
    with pytest.raises(BuildError) as caught:
        write(str(path), Change("paper.md", b"as it was read", b"as it would be", 1))
    assert caught.value.diagnostics[0].code == "PB235"
    assert path.read_bytes() == b"somebody else's"
    assert os.listdir(tmp_path) == ["paper.md"]


def test_references_in_code_are_no_references_even_where_the_scan_is_not_sure(built):
    # Indented below a list it is a paragraph, below a paragraph it is code: pandoc has the last word.
    text = "Text.\n\n    [1]{val=t.c}\n\nAnd [0.1]{val=t.a:.1f}.\n\n~~~\n[1]{val=t.c}\n~~~\n"
    built.write("paper.md", text)
    assert built.call("sync").code == 0
    assert built.read("paper.md") == text.replace("[0.1]", "[0.9]")
