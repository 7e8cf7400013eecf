"""The page: self-contained, closed to the network, data escaped."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from paperbuild.render.page import contents, embedded_json, render_page
from paperbuild.render.parts import Affiliation, Author, Heading, Parts, Provenance
from paperbuild.render.templates import Template, TemplateFinder


class NoFiles:
    """A project without templates."""

    def require(self, paths: object) -> None:
        pass

    def read(self, path: str) -> bytes:
        raise FileNotFoundError(path)

    def exists(self, path: str) -> bool:
        return False


def article() -> Template:
    return TemplateFinder().find("article", NoFiles())


def parts(**changes: object) -> Parts:
    template = article()
    fields: dict[str, object] = {
        "format": "html",
        "title": "A <em>title</em>",
        "plain_title": "A title",
        "body": '<h1 id="a">One</h1><p>Text <span class="pb-value" data-pb="0">91 %</span></p>',
        "authors": (Author("Ada", "Ada", ("x",), "0000-0002-1825-0097", "ada@example.org", corresponding=True),),
        "affiliations": (Affiliation("x", "There"),),
        "options": template.options({})[0],
        "provenance": (Provenance(0, "value", "91 %", "train", "python train.py", (("lr", "0.1"),), "m.json", "ab" * 32, "train.acc:.0%"),),
    }
    return Parts(**{**fields, **changes})  # type: ignore[arg-type]  # tests name fields of Parts


def page(**changes: object) -> str:
    return render_page(parts(**changes), article(), {}).decode()


class Addresses(HTMLParser):
    """Collects every address that a browser would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"src", "srcset", "data", "poster"} or (tag == "link" and name == "href"):
                self.found.append(value or "")


def test_a_page_loads_nothing_from_anywhere() -> None:
    text = page()
    parser = Addresses()
    parser.feed(text)
    assert all(address.startswith("data:") for address in parser.found)
    assert all(address.startswith("data:") for address in re.findall(r"url\(([^)]*)\)", text))
    assert "@import" not in text


def test_the_policy_forbids_the_network_and_allows_exactly_our_script() -> None:
    text = page()
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])  # type: ignore[index]  # asserts itself
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]  # type: ignore[index]  # asserts itself
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy
    assert "http" not in policy


def test_equal_parts_make_equal_pages() -> None:
    assert page() == page()


def test_data_is_escaped_wherever_it_is_shown() -> None:
    evil = '"><script>alert(1)</script>'
    text = page(
        plain_title=evil,
        plain_description=evil,
        keywords=(evil,),
        lang=evil,
        authors=(Author("A", evil, (), evil, evil, corresponding=True),),
        provenance=(Provenance(0, "value", evil, evil, evil, ((evil, evil),), evil, evil, evil),),
    )
    assert "alert(1)</script>" not in text
    assert "<script>alert" not in text


def test_provenance_stands_in_the_page_as_data() -> None:
    found = re.search(r'id="provenance"[^>]*>(.*?)</script>', page(), re.DOTALL)
    assert found is not None
    (entry,) = json.loads(found[1])
    assert entry["expression"] == "train.acc:.0%"
    assert entry["params"] == [["lr", "0.1"]]


def test_a_page_without_bound_numbers_carries_no_provenance() -> None:
    assert 'id="provenance"' not in page(provenance=())


def test_the_math_font_is_embedded_only_where_there_are_formulas() -> None:
    assert 'font-family: "Paper Math"; font-weight' not in page()
    assert 'font-family: "Paper Math"; font-weight' in page(abstract="<p><math><mi>x</mi></math></p>")


def test_the_contents_have_no_links_notes_or_ids_inside_their_links() -> None:
    heading = Heading(1, "1", "a", 'One <a href="#r" id="z">link</a><a href="#fn1" role="doc-noteref"><sup>1</sup></a>')
    deep = Heading(4, "", "d", "Deep")
    nameless = Heading(1, "", "", "No id")
    assert [entry.text for entry in contents((heading, deep, nameless))] == ["One link"]


def test_contents_are_shown_from_three_headings_on() -> None:
    headings = tuple(Heading(1, str(n), f"h{n}", f"Heading {n}") for n in range(1, 4))
    assert '<nav class="contents"' not in page(outline=headings[:2])
    assert '<a href="#h3"><span class="secno">3</span> <span>Heading 3</span></a>' in page(outline=headings)


def test_the_page_speaks_the_language_of_the_paper() -> None:
    assert ">Zusammenfassung</a></h2>" in page(lang="de-AT", abstract="<p>Kurz.</p>")
    assert ">Abstract</a></h2>" in page(lang="xx", abstract="<p>Short.</p>")


@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_embedded_json_means_the_same_and_cannot_end_its_element(value: object) -> None:
    text = embedded_json(value)
    assert json.loads(text) == value
    assert "<" not in text


def test_a_template_with_facts_of_the_publication_tells_those_that_are_known() -> None:
    template = TemplateFinder().find("joss", NoFiles())
    plain = render_page(parts(options=template.options({})[0]), template, {}).decode()
    assert 'class="publication"' not in plain
    given_options = {"doi": "10.21105/joss.1", "repository": "https://example.org/<x>", "archive": "10.5281/zenodo.1", "editor": "E. D."}
    page = render_page(parts(options=template.options(given_options)[0]), template, {}).decode()
    assert '<dt>DOI</dt><dd><a href="https://doi.org/10.21105/joss.1">10.21105/joss.1</a></dd>' in page
    assert '<a href="https://example.org/&lt;x&gt;">example.org/&lt;x&gt;</a>' in page
    assert '<a href="https://doi.org/10.5281/zenodo.1">' in page
    assert "<dt>Editor</dt><dd>E. D.</dd>" in page
    assert "<dt>Review</dt>" not in page


def test_a_preprint_says_what_it_is_and_whether_its_notes_stand_in_the_margin() -> None:
    template = TemplateFinder().find("preprint", NoFiles())
    page = render_page(parts(options=template.options({})[0], date="May 2026"), template, {}).decode()
    assert '<p class="status">Preprint</p><span>May 2026</span>' in page
    assert page.count("May 2026") == 1
    assert '<html lang="en" data-notes="margin"' in page
    assert (
        'data-notes="margin"'
        not in render_page(parts(options=template.options({"margin-notes": False})[0]), template, {}).decode().split("<style>")[0]
    )
