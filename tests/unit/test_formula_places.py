"""Where a fault in a formula stands in the paper, also where macros and values changed the formula on the way."""

from __future__ import annotations

import re

import pytest

from paperbuild.render.formula_places import place


def found(text: str, formula: str, part: str) -> str | None:
    math = tuple((match.start(1), match.end(1)) for match in re.finditer(r"\$\$?([^$]+)\$", text))
    where = place(text, math, formula, formula.index(part), len(part))
    return None if where is None else text[where[0] : where[0] + where[1]]


def test_a_part_of_a_formula_that_stands_there_as_it_is_is_found_in_the_formula() -> None:
    text = "One \\foo and $a + \\foo{x}$"
    assert place(text, ((14, 25),), "a + \\foo{x}", 4, 4) == (18, 4)


def test_what_a_macro_stands_for_is_found_at_the_macros_use() -> None:
    text = "\\newcommand{\\bad}{\\frob{x}}\n\nText $y$, and $a + \\bad + b$."
    assert found(text, "a + {\\frob{x}} + b", "\\frob") == "\\bad"


def test_a_command_beside_a_value_is_found_where_it_stands() -> None:
    text = "It is $p = \\val{train.acc:.2f} + \\frob q$."
    assert found(text, "p = {0.91} + \\frob q", "\\frob") == "\\frob"


@pytest.mark.parametrize("written", ["\\begin{align}\n  a &= b \\\\\n  c &= \\frob\n\\end{align}", "$$\n  a\n  + \\frob\n$$"])
def test_a_fault_in_a_formula_of_several_lines_is_found_in_its_line(written: str) -> None:
    text = f"Before.\n\n{written}\n"
    formula = re.sub(r"\s+", " ", written.strip("$"))
    where = place(text, ((text.index("$$") + 2, text.rindex("$$")),) if "$$" in text else (), formula, formula.index("\\frob"), 5)
    assert where == (text.index("\\frob"), 5)


def test_a_formula_that_stands_nowhere_has_no_place() -> None:
    assert place("Only $x$ here.", ((6, 7),), "\\alpha + \\frob{y}_k", 9, 5) is None
