"""Where the elements at the top of some HTML begin."""

import pytest

from paperbuild.render.elements import apart, beginnings


@pytest.mark.parametrize(
    "elements",
    [
        ["<p>x</p>\n"],
        ["<p>a > b</p>\n", '<figure title="</p>">\n<img src="x">\n</figure>\n'],
        ["<hr />\n", "<script>if (a < b) { '</div>' }</script>\n", "<div><div></div></div>\n"],
        ["<!-- a comment of --><p>x</p>"],
    ],
)
def test_html_is_taken_apart_into_its_elements(elements):
    html = "".join(elements)
    found = apart(html)
    if html.startswith("<!--"):
        assert found is None  # it begins with something else
    else:
        assert list(found) == elements


@pytest.mark.parametrize("html", ["", "words", "words <p>x</p>", "<p>x", "<p>x</p></div>"])
def test_what_is_not_made_of_elements_is_not_taken_apart(html):
    assert apart(html) is None


def test_elements_end_where_what_is_around_them_is_closed():
    html = '<div class="body">\n<p>x</p>\n<p>y</p>\n</div>\n<p>behind</p>'
    starts, end = beginnings(html, len('<div class="body">'))
    assert [html[at : at + 4] for at in starts] == ["<p>x", "<p>y"]
    assert html[end:].startswith("</div>")
