"""The lexical scan: what it finds, where, and that no text harms it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperbuild.errors import BuildError
from paperbuild.paper import positions
from paperbuild.paper.source import Candidate, SourceMap, decode, decode_text, names_in, needed_names, needed_paths, scan

MARKS = [
    "`", "``", "```", "~~~", "$", "$$", "[", "]", "]{", "{", "}", "|", "#", "!", "\\", "<!--", "-->", '"', "'", "*", "@key", "(", ")",
    "val=", "claim=", "\\val", "\\val{", "\\ref{a}",
    "word", "9", "<span", "<img", "\xe9", "\u1401", "\n", "\n\n", "\r\n", "    ", "\t", " ", "---\n",
]  # fmt: skip
TEXTS = st.lists(st.one_of(st.sampled_from(MARKS), st.text(max_size=4)), max_size=40).map("".join)


def only(text: str) -> Candidate:
    (candidate,) = scan(text).candidates
    return candidate


@given(TEXTS)
def test_the_scan_never_raises_and_every_offset_points_at_what_it_says(text: str) -> None:
    found = scan(text)
    for candidate in found.candidates:
        assert text.startswith(candidate.word, candidate.key)
        assert candidate.value < 0 or text.startswith(candidate.raw, candidate.value)
        assert text[candidate.brace] in "{\\<"
        if candidate.literal:
            start, end = candidate.literal
            assert text[start - 1] == "["
            assert text[end] == "]"
        for offset in range(len(candidate.text) + 1):
            at, length = candidate.locate(offset, 2)
            assert 0 <= at < at + length <= len(text) + 1
    for destination in found.destinations:
        assert text.startswith(destination.raw, destination.offset)
    for mention in found.mentions:
        assert text.startswith(mention.name, mention.offset)


@given(TEXTS)
def test_the_tagged_copy_is_as_long_as_the_source_and_differs_in_the_keys_only(text: str) -> None:
    found = scan(text)
    tagged = positions.tag(found)
    assert len(tagged.text) == len(text)
    assert len(tagged.codes) == len(found.candidates)
    assert not any(code in text for code in tagged.codes)
    undone = tagged.text
    for code, word in tagged.words.items():
        assert undone.count(code) == 1
        undone = undone.replace(code, word)
    assert undone == text


@pytest.mark.parametrize(
    ("text", "expression", "literal"),
    [
        ("[9]{val=a.b}", "a.b", "9"),
        ('[91.2 %]{.x #i val="pm(runs.acc):.1%"}', "pm(runs.acc):.1%", "91.2 %"),
        ("[]{val='a[\"k\"]'}", 'a["k"]', ""),
        ('[9]{val="a\n  b"}', "a b", "9"),
        (r'[9]{val="a \| b"}', "a | b", "9"),
        ('[9]{val="a &gt; b"}', "a > b", "9"),
        ("[9]{val=a&gt;b}", "a&gt;b", "9"),
        ("[x `]` y]{val=a}", "a", "x `]` y"),
        ("[x $[0,1)$ y]{val=a}", "a", "x $[0,1)$ y"),
        (r"[\[9\]]{val=a}", "a", r"\[9\]"),
        ("[x [ y]{val=a}", "a", " y"),
        (r"$\val{a:.1\%}$", "a:.1%", None),
        (r"$\val[0.{3}]{a}$", "a", "0.{3}"),
        ('<span class="c" val="a > b">9</span>', "a > b", None),
    ],
)
def test_a_reference_is_found_with_its_expression_and_its_literal(text: str, expression: str, literal: str | None) -> None:
    candidate = only(text)
    assert candidate.text == expression
    assert not candidate.malformed
    assert (text[slice(*candidate.literal)] if candidate.literal else None) == literal


@pytest.mark.parametrize("text", ["[9]{val=a b}", '[9]{val = "a"}', "[9]{val=\u201ca b\u201d}", '[9]{val="a b}', r"$\val a$", "[9]{val=a"])
def test_what_pandoc_prints_verbatim_is_a_malformed_candidate(text: str) -> None:
    assert only(text).malformed


@pytest.mark.parametrize("text", ["{value=1}", "[9]{data-val=a}", r"\value{a}", "[9]{VAL=a}", "eval=a", "[9]{interval=a}", "\\val@x{a}"])
def test_other_words_are_no_candidates(text: str) -> None:
    assert scan(text).candidates == ()


@pytest.mark.parametrize(
    "text",
    [
        "`[9]{val=a}`", "`` ` [9]{val=a}``", "```\n[9]{val=a}\n```", "~~~~\n~~~\n[9]{val=a}\n~~~~", "    [9]{val=a}", "x\n\n\t[9]{val=a}",
        "<!-- [9]{val=a}\n\n-->",
        "> ```\n> [9]{val=a}\n> ```", "- ```\n  [9]{val=a}\n  ```", "---\n# [9]{val=a}\na: b\n---\n", r"`\val{a}`",
    ],
)  # fmt: skip
def test_references_in_code_and_comments_are_exempt(text: str) -> None:
    assert only(text).exempt
    assert needed_names(scan(text)) == ()


@pytest.mark.parametrize(
    "text",
    [
        "`[9]{val=a}", "``x` [9]{val=a}", "```\n[9]{val=a}", "x\n    [9]{val=a}", "<!-- [9]{val=a}", r"\`[9]{val=a}`",
        "`a\n\nb` [9]{val=a}",
        "- x\n\n    [9]{val=a}", "```a``` [9]{val=a}", "1. x\n\n   y\n\n    [9]{val=a}",
    ],
)  # fmt: skip
def test_what_only_looks_like_code_is_not_exempt(text: str) -> None:
    assert not only(text).exempt
    assert needed_names(scan(text)) == ("a",)


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("train.acc:.1%", ("train",)),
        ("mean(runs.acc) - base.acc:.1f pp", ("runs", "base")),
        ("train.where(lr=0.1, seed=s.x).acc", ("train", "s")),
        ("runs.acc | mean:.2f", ("runs",)),
        ('t["a:b"].c:%H:%M', ("t",)),
        ("a.x if b.y > 0 and not c else d[0]:.0f ms", ("a", "b", "c", "d")),
        ("ours.acc == theirs.acc", ("ours", "theirs")),
        ("1e5 + x2.y", ("x2",)),
    ],
)
def test_the_names_of_an_expression_are_its_targets(expression: str, names: tuple[str, ...]) -> None:
    assert names_in(expression) == names


def test_the_offset_of_a_fault_in_an_expression_is_an_offset_in_the_source() -> None:
    text = 'x [9]{val="a &gt; \\| b.c\n    + wrong.name"}'
    candidate = only(text)
    assert candidate.text == "a > | b.c + wrong.name"
    at, length = candidate.locate(candidate.text.index("wrong"), 5)
    assert text[at : at + length] == "wrong"
    assert text[candidate.locate(0)[0]] == "a"


def test_images_links_citations_and_labels_are_found() -> None:
    text = (
        '![A [b](c.html)](fig%20a.svg "T"){#fig:a} ![B][ref] ![ref] [l](<x y.html>) ![d](my file.png) `![no](n.png)` ![](https://x.org/a.png)\n'
        '\n![e](b(1).png) \\includegraphics[width=1cm]{t.pdf} <img src="h.png"> [@knuth1984; @fig:roc.svg] @{odd} x@y.z \\ref{eq:x,eq:y}\n'
        "\n[ref]: r.png\n"
    )
    found = scan(text)
    assert needed_paths(found) == ("fig a.svg", "my file.png", "b(1).png", "t.pdf", "h.png", "r.png")
    assert [d.path for d in found.destinations if not d.is_image] == ["c.html", "x y.html"]
    assert [m.name for m in found.mentions if m.kind == "citation"] == ["knuth1984", "fig:roc.svg", "odd"]
    assert [m.name for m in found.mentions if m.kind == "ref"] == ["eq:x", "eq:y"]
    assert [m.name for m in found.mentions_of("fig:a", "label")] == ["fig:a"]
    assert found.destinations_of("fig a.svg")[0].offset == text.index("fig%20a")


def test_several_files_are_one_text_and_every_offset_leads_back() -> None:
    sources = SourceMap.join([("a.md", "one\ntwo"), ("b.md", "drei\r\nvier"), ("c.md", "")])
    assert sources.text == "one\ntwo\n\ndrei\r\nvier\n\n"
    span = sources.span(sources.text.index("vier") + 1, 99)
    assert (span.path, span.line, span.column, span.length, span.text) == ("b.md", 2, 2, 3, "vier")
    assert sources.span(5).path == "a.md"


def test_a_paper_that_is_not_utf8_is_shown_with_the_byte_and_the_mend() -> None:
    with pytest.raises(BuildError) as caught:
        decode("paper.md", b"# Titre\n\nR\xc3\xa9sum\xe9 final\n")
    (fault,) = caught.value.diagnostics
    assert fault.code == "PB250"
    assert "0xe9" in fault.message
    assert fault.span
    assert (fault.span.line, fault.span.column) == (3, 6)
    assert fault.span.text.startswith("R\u00e9sum")
    assert "iconv -f latin1 -t utf-8 paper.md" in fault.help[0]


@pytest.mark.parametrize(
    ("data", "code", "word"),
    [
        (b"", "PB251", "empty"), (b" \n\t\n", "PB251", "empty"), (b"\xef\xbb\xbf\n", "PB251", "empty"),
        ("x".encode("utf-16"), "PB250", "utf-16"),
        (b"a \x93b\x94", "PB250", "cp1252"), (b"%PDF-1.7\n\xe2\xe3", "PB250", "no text"), (b"a\0b", "PB250", "NUL"),
    ],
)  # fmt: skip
def test_what_is_no_paper_is_refused_with_its_reason(data: bytes, code: str, word: str) -> None:
    with pytest.raises(BuildError) as caught:
        decode("paper.md", data)
    (fault,) = caught.value.diagnostics
    assert fault.code == code
    assert word in fault.message + " ".join(fault.help)


def test_a_byte_order_mark_is_no_text_and_line_ends_stay() -> None:
    assert decode("paper.md", b"\xef\xbb\xbfa\r\nb") == "a\r\nb"
    assert decode_text("refs.bib", b"") == ""


@pytest.mark.parametrize(
    "piece", ["`", "` ``", "$a", "[", "]{val=", '{val="', "\\val{", "<!--", "```\n", "[a](", "<span '", "---\n", "{val=a}[", '"\\']
)
def test_constructs_that_never_close_cost_no_more_than_those_that_do(piece: str) -> None:
    text = piece * (8_000 // len(piece))  # cubic would take minutes, quadratic seconds
    assert scan(text).text == text
