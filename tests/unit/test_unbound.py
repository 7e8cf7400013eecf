"""Numbers in the prose that equal a result and are not bound to it: precision before recall, on ten papers written for it."""

import json
import re
import sys
from pathlib import Path

import pytest

from paperbuild.paper import references
from paperbuild.paper.agreement import Results
from paperbuild.paper.catalog import Catalog, CatalogTarget, Cell
from paperbuild.paper.formats import ENGLISH, locale_of
from paperbuild.paper.references import ResultCache
from paperbuild.paper.source import SourceMap, scan
from paperbuild.paper.unbound import unbound

PAPERS = sorted(path for path in (Path(__file__).parents[1] / "papers" / "unbound").glob("*.md") if path.stem != "README")
_HEAD = re.compile(r"<!--\n(?P<results>.*?)-->\n", re.DOTALL)
_PLANTED = re.compile("«(.*?)»", re.DOTALL)


def results_of(contents, locale=ENGLISH):
    """Return targets by name with what they wrote; a list below ``name[axis]`` is a sweep over that axis."""
    targets, files = {}, {}
    for key, content in contents.items():
        name, _, axis = key.rstrip("]").partition("[")
        cells = []
        for n, one in enumerate(content if axis else [content]):
            path = f"build/{name}-{n}.json"
            files[path] = json.dumps(one).encode()
            cells.append(Cell(f"{name}[{axis}={n}]" if axis else name, ((axis, n),) if axis else (), (("main", path),)))
        targets[name] = CatalogTarget(name, tuple(cells), (axis,) if axis else ())
    return Results(Catalog(targets), ResultCache(files.__getitem__), locale)


def found_in(text, results, silenced=()):
    """Return the findings, by the line and column where they begin."""
    sources = SourceMap.join([("paper.md", text)])
    return {(f.span.line, f.span.column): f for f in unbound(scan(text), sources, results, silenced)}


def places(text):
    """Return the text without its marks, and where in it the planted numbers begin."""
    planted, pieces, at, length = {}, [], 0, 0
    for match in _PLANTED.finditer(text):
        pieces += (text[at : match.start()], match[1])
        length += match.start() - at
        planted[length] = match[1]
        length += len(match[1])
        at = match.end()
    plain = "".join((*pieces, text[at:]))

    def place(offset):
        return plain.count("\n", 0, offset) + 1, offset - plain.rfind("\n", 0, offset)

    return plain, {place(offset): number for offset, number in planted.items()}


def judged(path):
    """Return of one paper how many numbers were planted, which of them were found, and what else was."""
    source = path.read_text(encoding="utf-8")
    head = _HEAD.match(source)
    text, planted = places(source[head.end() :])
    locale = locale_of("de" if "\nlang: de\n" in text else "en")
    found = found_in(text, results_of(json.loads(head["results"]), locale))
    right = [planted[place] for place in found if place in planted]
    wrong = [finding.message for place, finding in found.items() if place not in planted]
    missed = [number for place, number in planted.items() if place not in found]
    return len(planted), right, wrong, missed


def test_unbound_numbers_are_found_and_others_left_alone(capsys):
    planted = right = wrong = 0
    lines = [""]
    for path in PAPERS:
        count, hits, errors, missed = judged(path)
        planted, right, wrong = planted + count, right + len(hits), wrong + len(errors)
        lines.append(f"  {path.stem:12} {len(hits):3} of {count:3} found, wrong: {errors or 'none'}, missed: {missed or 'none'}")
    precision, recall = right / (right + wrong), right / planted
    lines.append(f"  precision {precision:.3f}, recall {recall:.3f} on {planted} planted numbers in {len(PAPERS)} papers\n")
    with capsys.disabled():
        sys.stdout.write("\n".join(lines))
    assert len(PAPERS) >= 10
    assert planted >= 80
    assert precision >= 0.9
    assert recall >= 0.6


RESULTS = {
    "train": {"accuracy": 0.91234, "loss": 0.41, "n-test": 12345, "losses": [0.5113, 0.4721, 0.4477], "gap": -3.217},
    "runs[seed]": [{"score_f1": 0.8111}, {"score_f1": 0.8333}],
}


@pytest.mark.parametrize(
    ("text", "binding"),
    [
        ("An accuracy of 91.2 % is good.", "[91.2 %]{val=train.accuracy:.1%}"),
        ("An accuracy of 91.23% is good.", "[91.23%]{val=train.accuracy:.2%}"),
        ("An accuracy of 0.912 is good.", "[0.912]{val=train.accuracy:.3f}"),
        ("We get 0.91234.", "[0.91234]{val=train.accuracy}"),
        ("On 12,345 birds.", '[12,345]{val="train[\'n-test\']:,d"}'),
        ("The gap is \u22123.22.", "[\u22123.22]{val=train.gap:.2f}"),
        ("Scores: mean F1 0.8222.", "[0.8222]{val=mean(runs.score_f1):.4f}"),
        ("The last loss is 0.448.", "[0.448]{val=train.losses.2:.3f}"),
        ("| loss | 0.41 |\n|--|--|\n| a | b |", "[0.41]{val=train.loss}"),
        ("---\ntitle: An accuracy of 91.2 %\n---\n", "[91.2 %]{val=train.accuracy:.1%}"),
        ("A note.[^a]\n\n[^a]: With accuracy 0.912.", "[0.912]{val=train.accuracy:.3f}"),
        ("![Loss, at last 0.448.](a.png)", "[0.448]{val=train.losses.2:.3f}"),
    ],
)  # fmt: skip
def test_a_copied_number_is_reported_with_the_binding_to_paste(text, binding):
    results = results_of(RESULTS)
    (finding,) = found_in(text, results).values()
    assert (finding.code, finding.help[0]) == ("PB233", f"bind it: {binding}")
    literal, _, expression = binding.removeprefix("[").partition("]{val=")
    assert references.resolve(references.parse(expression.removesuffix("}").strip('"')), results.catalog, results.cache)
    span = finding.span
    assert text.splitlines()[span.line - 1][span.column - 1 :][: span.length] == literal


@pytest.mark.parametrize(
    "text",
    [
        "An accuracy of [91.2 %]{val=train.accuracy:.1%}.",
        "An accuracy of [91.2 %]{.literal} elsewhere.",
        "An accuracy of [0.90]{val=train.accuracy:.1%} and $0.912$ and `0.912`.",
        "An accuracy [above 0.912]{claim='train.accuracy > 0.5'}.",
        "As [@smith, p. 0.91234] and @smith [p. 12345] say of accuracy.",
        "See <https://a.b/0.91234> and [there](a/0.91234), accuracy-0.91234, v0.91234, 0.91234.1 and doi:10.1234/0.91234.",
        "![Accuracy](a.png){width=91.2% accuracy=0.91234}",
        "<!-- accuracy 0.91234 --> <b data-accuracy='0.91234'>x</b>",
        "```\naccuracy 0.91234\n```",
        "---\nlang: en\naccuracy: 0.91234\n---\n",
        "Loss in Section 0.41, Table 0.41 and version 0.41.",
        "A loss of 0.5 and an accuracy of 1.",
        "Accuracy 9,1234 and 0.9124.",
    ],
)
def test_what_is_bound_or_no_result_is_left_alone(text):
    assert found_in(text, results_of(RESULTS)) == {}


def test_the_manifest_silences_a_number():
    text = "Accuracies of 91.2 % and 91.23 % elsewhere."
    assert len(found_in(text, results_of(RESULTS))) == 2
    assert list(found_in(text, results_of(RESULTS), ("91.2%", "91.23\u00a0%"))) == []


@pytest.mark.parametrize(("value", "shown"), [(2.675, "2.68"), (2.675, "2.67"), (0.125, "0.12"), (0.125, "0.13")])
def test_a_number_is_found_however_it_was_rounded(value, shown):
    assert len(found_in(f"A distance of {shown} m.", results_of({"t": {"distance": value}}))) == int(shown in {"2.68", "0.12"})
