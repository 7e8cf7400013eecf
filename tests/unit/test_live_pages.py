"""A page taken apart into blocks, and a picture put into one."""

import json

from hypothesis import given
from hypothesis import strategies as st

from paperbuild.live.epochs import Page
from paperbuild.live.landing import with_picture
from paperbuild.live.pages import split

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
OLD = "data:image/svg+xml;base64,AAAA"


def around(body):
    return f'<html><head></head><body><main><article><div class="body">\n{body}</div>\n</article></main></body></html>'


WORDS = st.sampled_from(["word", "a &lt; b", "&amp;", ""])
INLINE = st.sampled_from(['<b title="a > b">x</b>', "<br>", '<img src="data:,x">', "<!-- <p> -->", "<wbr>", "<code>&lt;div&gt;</code>"])
BLOCKS = st.recursive(
    st.tuples(WORDS, INLINE, WORDS).map(lambda parts: f"<p>{''.join(parts)}</p>"),
    lambda inner: st.lists(inner, max_size=3).map(lambda parts: f'<div class="x">{"".join(parts)}</div>'),
    max_leaves=6,
)
ALONE = st.sampled_from(["<hr />", "<hr>", "<figure>\n<p>x</p>\n</figure>", "<script>if (a < b) { '</div>' }</script>"])


@given(st.lists(st.one_of(BLOCKS, ALONE), min_size=1, max_size=6))
def test_each_element_of_the_body_is_a_block(elements):
    html = around("\n".join(elements) + "\n")
    page = split(html)
    assert page.text == html
    assert [block.strip() for block in page.blocks] == elements
    assert page.tail.startswith("</div>\n</article>")


def test_a_page_without_our_body_has_no_blocks_and_loses_nothing():
    for html in ("<html><body><p>x</p></body></html>", "", around("<p>never closed"), around("</p><p>x</p>")):
        page = split(html)
        assert page.blocks == ()
        assert page.text == html


def test_an_empty_body_has_no_blocks():
    assert split(around("")).blocks == ()


def shown(*blocks, entries=((1, "figures/a.svg"),)):
    data = json.dumps([{"index": index, "output": output} for index, output in entries])
    return Page("", blocks, f'<script type="application/json" id="provenance">{data}</script>')


def test_a_new_picture_takes_the_place_of_the_old_one_wherever_it_is_shown():
    figure = f'<figure id="f" data-pb="1"><img src="{OLD}" alt="1"></figure>'
    inline = f'<p>x <img src="{OLD}" data-pb="2"></p>'
    page = with_picture(shown(figure, inline, entries=((1, "a.svg"), (2, "a.svg"))), "a.svg", SVG)
    assert OLD not in page.text
    assert page.text.count("data:image/svg+xml;base64,PHN2") == 2
    assert 'alt="1"' in page.blocks[0]


def test_only_the_part_of_a_figure_that_shows_it_is_changed():
    figure = "".join(f'<figure data-pb="{n}"><img src="{OLD}" alt="{n}"></figure>' for n in (1, 2))
    page = with_picture(shown(figure, entries=((1, "a.svg"), (2, "b.svg"))), "b.svg", SVG)
    assert page.blocks[0].index(OLD) < page.blocks[0].index("PHN2")


def test_a_picture_that_the_page_shows_in_another_form_is_left_to_rendering():
    figure = '<figure data-pb="1"><img src="data:image/png;base64,AAAA"></figure>'
    before = shown(figure)
    assert with_picture(before, "figures/a.svg", SVG) == before
    assert with_picture(before, "figures/a.svg", b"%PDF-1.7") == before
    assert with_picture(before, "figures/other.svg", SVG) == before


def test_a_value_bound_to_the_same_output_is_no_picture():
    before = shown('<p><span class="pb-value" data-pb="1">x</span> <img src="' + OLD + '"></p>')
    assert with_picture(before, "figures/a.svg", SVG) == before
