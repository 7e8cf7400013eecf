"""Matching what surfaced with the source, and what happens where the two parses differ."""

from paperbuild.paper import positions, slips
from paperbuild.paper.positions import Surfaced
from paperbuild.paper.source import SourceMap, scan

TEXT = '---\ntitle: "[1]{val=z}"\n---\n\n[2]{val=a} `[3]{val=b}` [4]{val=a} $\\val{m:.1\\%}$ ![5]{val=lost}'


def test_each_code_leads_to_its_candidate_whatever_the_order() -> None:
    found = scan(TEXT)
    tagged = positions.tag(found)
    code = {found.candidates[index].key: code for code, index in tagged.codes.items()}
    order = [found.candidates[0].key, found.candidates[3].key, found.candidates[1].key]
    surfaced = [
        Surfaced.of({"kind": "value", "key": code[where], "text": text, "in": "body"}) for where, text in zip(order, "zaa", strict=True)
    ]
    references = [Surfaced("value", "val", text) for text in "zaa"]
    match = positions.match(tagged, [*surfaced, Surfaced.of({"node": "Code", "key": code[found.candidates[2].key]})], references)
    assert match.exact
    assert [c.key for c in match.places if c] == order
    assert [c.text for c, _ in match.lost] == ["m:.1%", "lost"]
    assert match.in_code == {found.candidates[2].key}


def test_where_the_parses_differ_only_unique_references_have_a_place() -> None:
    found = scan(TEXT)
    tagged = positions.tag(found)
    references = [Surfaced("value", "val", "z", "meta"), Surfaced("value", "val", "a"), Surfaced("math-value", "val", "m:.1\\%")]
    match = positions.match(tagged, [], references)
    assert not match.exact
    assert [c and c.text for c in match.places] == ["z", None, "m:.1%"]


def test_a_paper_is_suspected_only_where_a_live_candidate_is_missing() -> None:
    found = scan("[2]{val=a} `[3]{val=b}` $\\val{m:.1\\%}$")
    references = [Surfaced("value", "val", "a"), Surfaced("math-value", "val", "m:.1\\%")]
    assert not positions.suspects(found, references)
    assert positions.suspects(found, references[:1])


def test_a_claim_is_tagged_by_a_longer_code_than_a_value() -> None:
    tagged = positions.tag(scan("[x]{claim=a} [9]{val=b}"))
    assert sorted((len(code), word) for code, word in tagged.words.items()) == [(3, "val"), (5, "claim")]


def test_codes_avoid_the_letters_of_the_paper() -> None:
    tagged = positions.tag(scan("\u1401\u1402\u1403 [9]{val=b}"))
    assert not set(next(iter(tagged.codes))[0]) & {"\u1401", "\u1402", "\u1403"}


def test_slips_in_code_that_only_pandoc_knows_are_no_faults() -> None:
    found = scan("[9]{val=a-b}")
    tagged = positions.tag(found)
    assert slips.has_slips(found)
    match = positions.match(tagged, [Surfaced.of({"node": "Code", "key": next(iter(tagged.codes))})], [])
    assert slips.faults(found, SourceMap.join([("p.md", found.text)]), match) == ()


def test_an_attribute_of_code_is_a_fault_and_a_reference_in_its_text_is_none() -> None:
    found = scan("`x`{val=a} and `` `y`{val=b}``")
    tagged = positions.tag(found)
    match = positions.match(tagged, [Surfaced.of({"node": "Code", "key": code}) for code in tagged.codes], [])
    assert [(candidate.text, on) for candidate, on in match.lost] == [("a", "Code")]
