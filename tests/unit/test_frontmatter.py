"""The front matter: what it says, and where it is wrong."""

import pytest

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import BuildError
from paperbuild.paper import frontmatter
from paperbuild.paper.frontmatter import FrontMatter
from paperbuild.paper.source import SourceMap, scan


def read(text: str) -> FrontMatter:
    return frontmatter.read(scan(text), SourceMap.join([("paper.md", text)]))


def faults(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(BuildError) as caught:
        read(text)
    return caught.value.diagnostics


def test_the_entries_have_their_text_and_their_offset_in_the_paper() -> None:
    text = "---\ntitle: A title\nbibliography: [a.bib, 'b.bib']\ncsl: apa.csl\nlang: de-AT\nauthor:\n  - name: X\n---\n\nText.\n"
    found = read(text)
    assert [(item.text, text[item.offset :][:5]) for item in found.bibliography] == [("a.bib", "a.bib"), ("b.bib", "b.bib")]
    assert found.csl
    assert text.startswith("apa.csl", found.csl.offset)
    assert found.lang == "de-AT"
    assert {key: text[at : at + len(key)] for key, at in found.keys.items()} == {key: key for key in found.keys}


def test_a_paper_without_front_matter_has_none() -> None:
    for text in (
        "Text.\n",
        "---\n\nText.\n\n---\n",
        "---\nno mapping\n---\n",
        "---\n---\n\nText",
        "```\n\n---\na: [\n---\n```\n",
        "x\n---\na: [\n---\n",
    ):
        assert dict(read(text).keys) == {}


def test_the_later_of_two_blocks_wins() -> None:
    text = "---\nlang: en\ncsl: a.csl\n---\n\nText.\n\n---\nlang: fr\n...\n"
    assert (read(text).lang, read(text).csl is not None) == ("fr", True)


def test_empty_entries_tabs_and_windows_line_ends_are_no_faults() -> None:
    found = read("---\r\nbibliography:\r\ncsl: ~\r\nlang:\ten\r\n---\r\n")
    assert (found.bibliography, found.csl, found.lang) == ((), None, "en")


@pytest.mark.parametrize(
    ("yaml", "line", "column", "mend"),
    [
        ("title: [91]{val=train.acc} and more", 2, 12, "title: '[91]{val=train.acc} and more'"),
        ("a: b\ntitle: Foo: the bar", 3, 11, "title: 'Foo: the bar'"),
        ("title: @x", 2, 8, "title: '@x'"),
        ("title: 'it's'", 2, 12, "single quotes"),
        ("keywords: [a, b", 2, 16, "close the bracket"),
        ("a: b\nstray", 3, 6, "key: value"),
        ("a: b\n: c", 3, 1, "key: value"),
        ("? [a, b]\n: c", 2, 3, "key: value"),
        ('a: "x\\q"', 2, 7, "single quotes"),
    ],
)
def test_malformed_yaml_has_its_line_in_the_paper_and_the_mend(yaml: str, line: int, column: int, mend: str) -> None:
    (fault,) = faults(f"---\n{yaml}\n---\n\nText.\n")
    assert fault.code == "PB252"
    assert fault.span
    assert (fault.span.line, fault.span.column) == (line, column)
    assert mend in fault.help[0]


def test_every_block_is_read_before_the_faults_are_told() -> None:
    found = faults("---\na: 1\na: 2\nb: {c: 1, c: 2}\ncsl: [x]\n---\n\nText.\n\n---\nd: *x\n---\n")
    assert [(fault.code, fault.span.line if fault.span else 0) for fault in found] == [
        ("PB253", 3),
        ("PB253", 4),
        ("PB264", 5),
        ("PB252", 11),
    ]
    assert "first at paper.md:2:1" in found[0].notes[0]


def test_a_block_in_the_second_file_has_the_position_of_that_file() -> None:
    sources = SourceMap.join([("a.md", "---\ntitle: A\n---\n\nOne."), ("b.md", "---\ntitle: B: C\n---\n\nTwo.")])
    with pytest.raises(BuildError) as caught:
        frontmatter.read(scan(sources.text), sources)
    span = caught.value.diagnostics[0].span
    assert span
    assert (span.path, span.line, span.column) == ("b.md", 2, 9)
