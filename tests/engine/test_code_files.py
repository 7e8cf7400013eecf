"""Programs that stand in a source: where they are put, and which line of the source a log means."""

import pytest

from paperbuild.engine.code_files import as_in_source, code_file, fault_span, put
from paperbuild.engine.graph import Code
from tests.engine.memory import Clock, MemoryFileSystem

CODE = Code("x = 1\n  y = x.no()", "docs/paper.md", 41, 4)
PATH = "/state/given/plot/code/paper.md"


def test_a_program_stands_at_the_lines_that_it_has_in_its_source():
    fs = MemoryFileSystem(Clock())
    fs.make_folder("/state/given/plot/code")
    fs.write("/state/given/plot/code/old.md", b"of a paper that was renamed")
    assert put(CODE, "/state/given/plot", fs) == PATH == code_file("/state/given/plot", CODE)
    assert fs.read(PATH).decode().split("\n")[40:42] == ["x = 1", "  y = x.no()"]
    assert fs.names("/state/given/plot/code") == ("paper.md",)


@pytest.mark.parametrize(
    "told",
    [
        f'Traceback (most recent call last):\n  File "{PATH}", line 41, in <module>\n  File "{PATH}", line 42, in f\nAttributeError: no',
        f"{PATH}: line 42: nothing: command not found",
        f"{PATH}: 42: nothing: not found",
        f"{PATH}:42:3: unexpected symbol",
        f"at {PATH}#41\nat {PATH}#42\nError in f(x) : enough",
    ],
)
def test_the_line_that_is_told_last_is_where_the_fault_stands(told):
    span = fault_span(told, PATH, CODE)
    assert (span.path, span.line, span.column, span.length) == ("docs/paper.md", 42, 7, 10)
    assert span.text == "      y = x.no()"
    assert PATH not in as_in_source(told, PATH, CODE)


@pytest.mark.parametrize("told", ["", "line 42", f'File "{PATH}", line 7, in <module>', f'File "{PATH}", line 4200, in <module>'])
def test_what_names_no_line_of_the_program_has_no_place(told):
    assert fault_span(told, PATH, CODE) is None
