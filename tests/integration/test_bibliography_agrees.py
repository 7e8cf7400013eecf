"""Our scanner of bibliographies refuses exactly what pandoc refuses."""

import subprocess

import pypandoc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperbuild.paper.bibliography import lint_bib

COMMAND = [pypandoc.get_pandoc_path(), "-f", "biblatex", "-t", "csljson"]


def pandoc_reads(text: str) -> bool:
    return subprocess.run(COMMAND, input=text.encode(), capture_output=True, timeout=30, check=False).returncode == 0


def we_read(text: str) -> bool:
    return not any(fault.code == "PB570" for fault in lint_bib("refs.bib", text))


CASES = [
    "", "junk\n@a{k,t={x}}", "@a{k, t={x}, y=1}", "@a{k, t={x} y=1}", "@a{k, t {x}}", "@a{k, t={x}", "@a{k t={x}}", "@a{k, t={x},}",
    "@a{k}", "@a{k,}", "@a{, t={x}}", '@a{k, t="x {"} y"}', '@a{k, t="x { y"}', '@a{k, t={x} # "y" # jan}', "@string{x = y}",
    '@string{x "y"}', "@a(k, t={x})", "@comment{foo {bar}", "@comment{foo}", "@comment foo", '@preamble{"x"}', "@preamble{foo",
    "@a{k, t={x},, y=1}", "@a{k, t={x\\} y}}", "% @a{\n@a{k,t={x}}", "@a {k , t = {x} }", "@ a{k, t={x}}", "@a{a b, t={x}}",
    "@a{k, t t={x}}", "@a{k, t=}", "@a{k, t={x}, y}", "@a{k, t={x}, @a{l, t={y}}", "@a", "mail a@b.c", "@a{k, t={% x}}",
    "@a{k, % c\n t={x}}", "@a{k~l, t={x}}", "@a{\xfc, t={x}}", '@a{"k", t={x}}', '@a{k, t = "x" "y"}', "@a{k, t={x}}}", "@a{k(1), t={x}}",
    "@a{k#a, t={x}}", "@a{k:1/2-x_y.z+!', t=-5}", '@a{k, t="x\\"y"}',
]  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_a_text_passes_here_if_and_only_if_pandoc_reads_it(text: str) -> None:
    assert we_read(text) == pandoc_reads(text)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.sampled_from(["@article{", "k", ",", " t = ", "{x}", '"y"', "}", "{", '"', " # ", "% c\n", "\n", " ", "1", "year"]), max_size=12
    ).map("".join)
)
def test_any_text_passes_here_if_and_only_if_pandoc_reads_it(text: str) -> None:
    assert we_read("@a{k, t = {x}}\n" + text) == pandoc_reads("@a{k, t = {x}}\n" + text)
