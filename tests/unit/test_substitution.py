import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperbuild.engine.graph import Scalar
from paperbuild.paper.substitution import SubstitutionFault, parse, text_of


def line(text: str, **params: Scalar) -> str:
    template, faults = parse(text, params, in_shell=True)
    assert faults == ()
    substituted, wrong = template.command(params)
    assert wrong == ()
    return substituted


def fault(text: str, *names: str) -> SubstitutionFault:
    _, faults = parse(text, names, in_shell=True)
    assert len(faults) == 1
    return faults[0]


def test_a_parameter_is_put_in_quoted_for_the_shell() -> None:
    assert line("x --name {name} {lr}", name="it's a b", lr=0.1) == """x --name 'it'"'"'s a b' 0.1"""


def test_a_value_cannot_start_a_second_command() -> None:
    assert shlex.split(line("echo {a}", a="x; rm -rf $HOME `id`")) == ["echo", "x; rm -rf $HOME `id`"]


def test_doubled_braces_are_braces() -> None:
    assert line("awk '{{print $1}}' ${{HOME}} {{{{") == "awk '{print $1}' ${HOME} {{"
    assert line("{{{a}}}", a=1) == "{1}"


def test_an_empty_value_is_still_a_word() -> None:
    assert line("x {a}", a="") == "x ''"


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false"), (1, "1"), (0.1, "0.1"), (1e-05, "1e-05"), ("a b", "a b")])
def test_values_have_one_spelling(value: Scalar, text: str) -> None:
    assert text_of(value) == text


def test_an_unknown_parameter_is_named_with_the_nearest() -> None:
    found = fault("train --seed {sed}", "seed", "lr")
    assert (found.code, found.offset, found.length) == ("PB121", 13, 5)
    assert found.help == ("did you mean seed?", "for {sed} itself, write {{sed}}")


@pytest.mark.parametrize(
    ("text", "offset", "length", "mend"),
    [
        ("awk '{print $1}' f", 5, 10, "{{print $1}}"),
        ("find . -exec rm {} +", 16, 2, "{{}}"),
        ("f() { echo; }", 4, 9, "{{ echo; }}"),
        ("echo {a b {c} d}", 5, 11, "{{a b {{c}} d}}"),
        ("echo }", 5, 1, "}}"),
        ("echo { x", 5, 1, "{{"),
    ],
)
def test_braces_of_the_shell_are_a_fault_that_says_how_to_double_them(text: str, offset: int, length: int, mend: str) -> None:
    found = fault(text)
    assert (found.code, found.offset, found.length) == ("PB120", offset, length)
    assert found.help[-1].endswith(f"double it: {mend}")


def test_a_variable_of_the_shell_is_a_fault_that_keeps_its_dollar() -> None:
    assert fault("echo ${HOME}").help == ("for ${HOME} itself, write ${{HOME}}",)
    assert fault("echo ${1:-x}").help == ("for a brace of the shell's own, double it: ${{1:-x}}",)


def test_a_format_in_braces_is_a_fault_that_says_there_is_none() -> None:
    assert "format" in fault("x {lr:.2f}", "lr").help[0]


def test_all_faults_of_a_text_are_found() -> None:
    _, faults = parse("{a} {b} {{c}} } {d e}", ["a"])
    assert [found.offset for found in faults] == [4, 14, 16]


@pytest.mark.parametrize("text", ["x '{a}'", 'x "{a}"', 'x "$(y "{a}")"', "x 'b c {a} d'"])
def test_a_value_that_needs_quotes_inside_quotes_is_a_fault(text: str) -> None:
    template, _ = parse(text, ["a"], in_shell=True)
    assert [found.code for found in template.command({"a": "b c"})[1]] == ["PB122"]
    assert template.command({"a": "bc"})[1] == ()


@pytest.mark.parametrize("text", ["x 'a' {a}", 'x "$(y {a})"', "x \\' {a}", "# don't\nx {a}", "x 'it'\\''s' {a}", "(x '(' {a})"])
def test_outside_quotes_any_value_can_stand(text: str) -> None:
    template, _ = parse(text, ["a"], in_shell=True)
    assert template.command({"a": "b c"})[1] == ()


@given(st.text("{}ab \n", max_size=12))
def test_parsing_never_fails_and_points_into_the_text(text: str) -> None:
    _, faults = parse(text, ["a"], in_shell=True)
    for found in faults:
        assert 0 <= found.offset < found.offset + found.length <= len(text)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12))
def test_doubling_the_braces_of_any_text_gives_the_text(text: str) -> None:
    template, faults = parse(text.replace("{", "{{").replace("}", "}}"), [])
    assert faults == ()
    assert template.plain({}) == text
