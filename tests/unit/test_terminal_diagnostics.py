import re

from hypothesis import given
from hypothesis import strategies as st

from paperbuild.diagnostics import Diagnostic, Severity, Span
from paperbuild.terminal.diagnostics import excerpt, merged, render, render_plain
from paperbuild.terminal.screen import text_width

FIGURE = Diagnostic(
    code="PB203",
    message="figures/rocs.svg is in no target's outputs and is no file",
    span=Span("paper.md", 42, 8, 16, "![ROC](figures/rocs.svg){#fig:roc}"),
    needed_by=("paper.pdf",),
    help=("did you mean figures/roc.svg (target roc)?",),
)


def test_a_diagnostic_shows_what_where_why_and_how_to_mend_it():
    assert render_plain([FIGURE]) == (
        "error[PB203]: figures/rocs.svg is in no target's outputs and is no file\n"
        "  --> paper.md:42:8\n"
        "   |\n"
        "42 | ![ROC](figures/rocs.svg){#fig:roc}\n"
        "   |        ^^^^^^^^^^^^^^^^\n"
        "   = needed by: paper.pdf\n"
        "   = help: did you mean figures/roc.svg (target roc)?\n"
    )


def test_two_diagnostics_have_an_empty_line_between_and_none_after():
    text = render_plain([FIGURE, Diagnostic("PB180", "no project here", severity=Severity.WARNING)])
    assert text.endswith("(target roc)?\n\nwarning[PB180]: no project here\n")


def test_no_diagnostics_are_no_text():
    assert render_plain([]) == ""


def test_a_place_without_its_line_has_no_excerpt():
    assert render_plain([Diagnostic("PB301", "no such key", Span("results/a.json", 3, 2))]) == (
        "error[PB301]: no such key\n --> results/a.json:3:2\n"
    )


def test_a_whole_file_is_named_without_a_line():
    assert "--> paper.md\n" in render_plain([Diagnostic("PB207", "the paper is empty", Span("paper.md", 0, 0))])


def test_the_end_of_a_log_is_shown_indented_after_the_notes_and_before_the_help():
    diagnostic = Diagnostic(
        "PB401",
        "train failed",
        notes=("the end of its log:",),
        detail=("Traceback:", "  x\x1b[31mred\x1b[0m", "\x1b[2Jcleared"),
        help=("mend it",),
    )
    assert render_plain([diagnostic]) == (
        "error[PB401]: train failed\n"
        "  = note: the end of its log:\n"
        "      Traceback:\n        xred\n      \\e[2Jcleared\n"
        "  = help: mend it\n"
    )


def test_a_note_of_several_lines_is_aligned():
    assert "  = note: a\n          b\n" in render_plain([Diagnostic("PB100", "m", notes=("a\nb",))])


def test_what_two_documents_need_is_shown_once_and_names_both():
    other = Diagnostic(FIGURE.code, FIGURE.message, FIGURE.span, needed_by=("paper.html", "paper.pdf"), help=FIGURE.help)
    assert [d.needed_by for d in merged([FIGURE, other, FIGURE])] == [("paper.pdf", "paper.html")]


def test_carets_stand_under_wide_and_combining_characters():
    shown, offset, carets = excerpt(Span("p", 1, 4, 2, "日本 e\u0301x!"), 80)
    assert (shown, offset, carets) == ("日本 e\u0301x!", 5, 1)
    assert excerpt(Span("p", 1, 1, 2, "日本"), 80) == ("日本", 0, 4)


def test_a_span_that_starts_in_a_combining_mark_points_at_its_character():
    assert excerpt(Span("p", 1, 2, 1, "e\u0301x"), 80)[1:] == (0, 1)


def test_tabs_are_shown_as_spaces_and_carets_follow():
    assert excerpt(Span("p", 1, 4, 1, "\ta\tb"), 80) == ("    a   b", 8, 1)


def test_a_position_after_the_end_of_the_line_gets_one_caret_there():
    assert excerpt(Span("p", 1, 9, 3, "abc"), 80) == ("abc", 3, 1)


def test_a_long_line_is_cut_around_the_span():
    line = "a" * 500 + "HERE" + "b" * 500
    shown, offset, carets = excerpt(Span("p", 1, 501, 4, line), 60)
    assert len(shown) <= 60
    assert shown[0] == shown[-1] == "…"
    assert shown[offset : offset + carets] == "HERE"


def test_a_long_line_is_cut_at_its_end_only_where_the_span_is_at_its_start():
    shown, offset, _ = excerpt(Span("p", 1, 1, 4, "HERE" + "b" * 500), 60)
    assert shown.startswith("HEREb")
    assert offset == 0


def test_nothing_in_a_diagnostic_can_drive_the_terminal():
    evil = "\x1b]0;title\x07\x9b31m\u202eabc\ud800"
    diagnostic = Diagnostic("PB1", evil, Span(evil, 1, 2, 3, evil), needed_by=(evil,), notes=(evil,), help=(evil,), detail=(evil,))
    text = render_plain([diagnostic])
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800]", text)
    assert "\\e]0;title\\x07\\x9b31m\\u202eabc\\ud800" in text


def test_colours_add_nothing_but_colours():
    colored = render([FIGURE], color=True, width=100)
    assert "\x1b[1;31merror[PB203]\x1b[0m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render_plain([FIGURE])


@given(st.text(max_size=120), st.integers(0, 140), st.integers(1, 140), st.integers(24, 90))
def test_an_excerpt_always_fits_and_its_carets_stand_below_it(line, column, length, width):
    shown, offset, carets = excerpt(Span("p", 1, column, length, line), width)
    assert text_width(shown) <= width
    assert carets >= 1
    assert offset + carets <= width + 1
