"""Templates: found in the project first, filled strictly, options checked."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperbuild.diagnostics import Severity, Span
from paperbuild.errors import BuildError
from paperbuild.render.packaged import packaged_folder
from paperbuild.render.templates import Template, TemplateFinder, typst_string, typst_value


class MemoryReader:
    """A reader over a dict that remembers what was asked for."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files = dict(files or {})
        self.asked: list[str] = []

    def require(self, paths: object) -> None:
        pass

    def read(self, path: str) -> bytes:
        self.asked.append(path)
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    def exists(self, path: str) -> bool:
        return path in self.files


def article(files: Mapping[str, bytes] | None = None) -> Template:
    return TemplateFinder().find("article", MemoryReader(files))


def test_five_templates_come_with_paperbuild() -> None:
    assert TemplateFinder(packaged_folder()).names() == ("article", "joss", "preprint", "report", "twocolumn")


@pytest.mark.parametrize("name", TemplateFinder().names())
def test_every_file_that_a_packaged_template_names_exists(name: str) -> None:
    template = TemplateFinder().find(name, MemoryReader())
    files = template.settings.files
    for file in (files.typst, files.page, files.matplotlib, files.layout, *files.libraries, *files.styles, *files.scripts, *files.fonts):
        assert template.file(file), file
    assert not files.csl or b"<style" in template.file(files.csl)
    for font in template.settings.webfont:
        assert template.file(font.file).startswith(b"wOF2")


@pytest.mark.parametrize("name", TemplateFinder().names())
def test_a_packaged_template_knows_how_wide_its_columns_and_its_text_are(name: str) -> None:
    settings = TemplateFinder().find(name, MemoryReader()).settings
    columns = str(settings.options["columns"])
    assert settings.name == name
    assert settings.column_width[columns] <= settings.text_width[columns]


def test_a_file_in_the_project_wins_over_the_packaged_one_and_the_rest_stays() -> None:
    template = article({"templates/article/page.css": b"/* mine */"})
    assert template.file("page.css") == b"/* mine */"
    assert b"#let typeset" in template.file("article.typ")


def test_a_miss_in_the_project_is_read_too_so_that_adding_the_file_counts() -> None:
    reader = MemoryReader()
    TemplateFinder().find("article", reader).file("page.css")
    assert reader.asked == ["templates/article/template.toml", "templates/article/page.css"]


def test_a_template_takes_what_it_lacks_from_its_base() -> None:
    settings = b'name = "lab"\nbase = "article"\n[options]\ncolumns = 2\n'
    template = TemplateFinder().find("lab", MemoryReader({"templates/lab/template.toml": settings}))
    assert dict(template.options({})[0])["columns"] == 2
    assert dict(template.options({})[0])["paper"] == "a4"
    assert b"#let typeset" in template.file("article.typ")


def test_a_list_of_a_template_may_add_to_that_of_its_base() -> None:
    settings = b'name = "lab"\nbase = "article"\n[files]\nstyles = ["...", "lab.css"]\nscripts = ["lab.js"]\n'
    files = TemplateFinder().find("lab", MemoryReader({"templates/lab/template.toml": settings})).settings.files
    assert files.styles == (*article().settings.files.styles, "lab.css")
    assert files.scripts == ("lab.js",)


def test_an_unknown_template_is_an_error_that_offers_the_nearest() -> None:
    with pytest.raises(BuildError) as caught:
        TemplateFinder().find("artikle", MemoryReader(), Span("paperbuild.toml", 2, 12))
    (fault,) = caught.value.diagnostics
    assert fault.code == "PB501"
    assert fault.span == Span("paperbuild.toml", 2, 12)
    assert fault.help == ("did you mean article?", "available: article, joss, preprint, report, twocolumn")


@pytest.mark.parametrize("name", ["", "..", "../article", "a/b", ".hidden", "a b"])
def test_a_template_name_cannot_leave_its_folder(name: str) -> None:
    with pytest.raises(BuildError, match="is no name of a template"):
        TemplateFinder().find(name, MemoryReader())


@pytest.mark.parametrize("settings", [b"name = ", b"\xff", b'name = "x"\nunknown = 1', b"name = 3", b'name = "lab"\nbase = "lab"'])
def test_broken_settings_are_an_error_of_the_template(settings: bytes) -> None:
    with pytest.raises(BuildError) as caught:
        TemplateFinder().find("lab", MemoryReader({"templates/lab/template.toml": settings}))
    assert caught.value.diagnostics[0].code == "PB502"


def test_a_file_that_is_nowhere_is_an_error() -> None:
    with pytest.raises(BuildError) as caught:
        article().file("nothing.typ")
    assert caught.value.diagnostics[0].code == "PB503"


def test_options_are_complete_and_the_given_ones_win() -> None:
    options, faults = article().options({"columns": 2, "font-size": 11})
    assert not faults
    assert dict(options)["columns"] == 2
    assert dict(options)["font-size"] == 11.0
    assert dict(options)["number-sections"] is True


def test_an_option_of_the_wrong_type_or_choice_is_an_error_and_an_unknown_one_a_warning() -> None:
    _, faults = article().options({"columns": "two", "paper": "a3", "colums": 2, "toc": 1})
    assert [(fault.code, fault.severity) for fault in faults] == [
        ("PB505", Severity.ERROR),
        ("PB505", Severity.ERROR),
        ("PB505", Severity.WARNING),
        ("PB505", Severity.ERROR),
    ]
    assert faults[2].help == ("did you mean columns?",)


def test_a_number_of_columns_that_the_template_lacks_is_refused() -> None:
    _, (fault,) = article().options({"columns": 3})
    assert fault.message == "columns = 3: choose one of 1, 2"


def test_a_template_that_wants_an_unknown_name_fails_with_its_file() -> None:
    with pytest.raises(BuildError) as caught:
        article({"templates/article/page.html.j2": b"{{ nothing }}"}).fill("page.html.j2", {})
    (fault,) = caught.value.diagnostics
    assert fault.code == "PB504"
    assert fault.span is not None
    assert fault.span.path == "templates/article/page.html.j2"


def test_a_template_with_a_syntax_error_fails_with_its_line() -> None:
    with pytest.raises(BuildError) as caught:
        article({"templates/article/page.html.j2": b"a\n{% if %}\n"}).fill("page.html.j2", {})
    assert caught.value.diagnostics[0].span == Span("templates/article/page.html.j2", 2, 1)


def test_html_is_escaped_and_typst_is_not() -> None:
    template = article({"templates/article/a.html.j2": b"{{ x }}", "templates/article/a.typ.j2": b"<< x >>{{ x }}"})
    assert template.fill("a.html.j2", {"x": "<b>"}) == "&lt;b&gt;"
    assert template.fill("a.typ.j2", {"x": "<b>"}) == "<b>{{ x }}"


def test_figures_fill_the_column_that_they_are_made_for() -> None:
    template = article()
    assert "figure.figsize: 5, 3.00" in template.matplotlibrc()
    assert "figure.figsize: 3.33, 2.00" in template.matplotlibrc(columns=2)
    assert template.matplotlibrc(columns=7) == template.text("matplotlibrc")
    assert "#: text-width 6.9" in template.matplotlibrc(columns=2)


def test_a_templates_figures_are_drawn_as_its_bases_are_but_for_what_it_says() -> None:
    style = TemplateFinder().find("twocolumn", MemoryReader()).matplotlibrc()
    assert "figure.figsize: 3.5, 2.10" in style
    assert "#: text-width 7.16" in style
    assert "#: font TeX Gyre Termes" in style
    assert "\nfont.size: 8\n" in style
    assert "svg.hashsalt: paperbuild" in style
    keys = [line.split(":")[0] for line in style.splitlines() if line and not line.startswith("#")]
    assert len(keys) == len(set(keys))


def test_the_digest_of_the_packaged_templates_is_stable() -> None:
    finder = TemplateFinder()
    assert finder.digest() == finder.digest()
    assert len(finder.digest()) == 64


@given(st.text())
def test_a_typst_string_has_no_raw_quote_backslash_or_control_character_inside(text: str) -> None:
    inside = typst_string(text)[1:-1]
    assert not any(ord(c) < 32 for c in inside)
    assert '"' not in inside.replace("\\\\", "").replace('\\"', "")


def test_values_become_typst_literals() -> None:
    assert [typst_value(value) for value in (True, False, 2, 1.5, 'a"b')] == ["true", "false", "2", "1.5", '"a\\"b"']
