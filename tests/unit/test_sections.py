"""Where a paper can be cut so that each part is read alike alone and among the others."""

import pytest

from paperbuild.paper.sections import boundaries, split

HEADER = "---\ntitle: T\n---\n"


def cut(body):
    return split(HEADER + body, len(HEADER))


def test_sections_make_up_the_text_again():
    found = cut("\nWords.\n\n# One {#sec:one}\n\nMore.\n\n## Two\n\nAnd more.\n")
    assert found.header + "".join(section.text for section in found.sections) == HEADER + (
        "\nWords.\n\n# One {#sec:one}\n\nMore.\n\n## Two\n\nAnd more.\n"
    )
    assert [section.heading for section in found.sections] == ["", "# One {#sec:one}", "## Two"]
    assert [section.letters for section in found.sections] == ["", "One", "Two"]


def test_what_only_looks_like_a_heading_is_no_boundary():
    inside = (
        "``` python\n\n# code\n\n```\n",
        "::: note\n\n# in a division\n\n:::\n",
        "words\n# behind no blank line\n",
        "- item\n\n  # in a list\n",
        "#hashtag\n",
        "    # indented code\n",
    )
    for text in inside:
        assert boundaries(f"{text}\n# One\n\nwords\n", 0) == [len(text) + 1], text


OPEN = (
    "<!-- in two\n\nparagraphs -->\n",
    "<!--> words -->\n",
    "```\nnever closed\n",
    "``` {not attributes}\n\n```\n",
    "- ```\n  in a list\n  ```\n",
    "~~~\nother\n```\n",
    "<!-- half a comment\n",
    "-->\n",
    "<div>\n\nwords\n\n</div>\n",
    "<a title='\n\n'>x</a>\n",
    "::: note\nnever closed\n",
    ":::\n",
    "---\nkey: value\n---\n",
    "...\n",
    "  a   b\n --- ---\n  1   2\n",
    "Heading\n---\n",
    "Heading\n===\n",
    "\\foo{never closed\n\n",
    "\\begin{x}\n\n",
    "[never closed\n",
    "closed]\n",
    "`code\n",
)


@pytest.mark.parametrize("text", OPEN)
def test_a_text_in_which_something_may_be_open_has_no_sections(text):
    assert cut(f"\n# One\n\n{text}\n# Two\n\nwords\n") is None


CLOSED = (
    "<!-- a remark [\n`that` nobody sees -->\n",
    "``` {.python .target #plot outputs=a.svg}\n# code <div> [ {\n```\n",
    "``` python\n\n\n```\n",
    "$x<y$ and $$a_{[} < b$$ and `<div>` `[`\n",
    '::: {.theorem #thm:x title="A [name]"}\nWords.\n:::\n',
    "---\n",
    "***\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n",
    "+---+\n| a |\n+---+\n",
    "<https://example.org/x> and <a.b@example.org>\n",
    "\\textbf{closed} and \\[ and \\`\n",
    "[a [nested](x) link]{.mark} and ![image](x.svg){#fig:x width=3%}\n",
    "    ```\n    in a list\n    ```\n",
    "$\\begin{pmatrix} a \\end{pmatrix}$\n",
)


@pytest.mark.parametrize("text", CLOSED)
def test_what_is_closed_does_not_hinder(text):
    found = cut(f"\n# One\n\n{text}\n# Two\n\nwords\n")
    assert found is not None
    assert found.sections[1].is_plain


@pytest.mark.parametrize("text", ["(@) An example.", "\\newcommand{\\foo}{x}", "\\appendix", "\\begin{equation}\nx\n\\end{equation}"])
def test_what_has_an_effect_elsewhere_is_closed_and_not_plain(text):
    found = cut(f"\n# One\n\n{text}\n\n# Two\n\nwords\n")
    assert not found.sections[1].is_plain
    assert found.sections[2].is_plain


BODY = (
    "\n\\newcommand{\\foo}{x}\n\n# One\n\nA [name] and a note.[^a]\n\n# Two\n\nWords.[^b]\n\n[^b]: In its place.\n\n"
    "# Three\n\n[name]: x\n\n"
    "[^a]: Elsewhere,\nlong.\n\n"
    "    Two paragraphs.\n\nEnd.\n"
)


def edited(before, after):
    found = cut(BODY)
    changed = found.changed(HEADER + BODY.replace(before, after))
    return found, changed


def test_a_section_is_read_between_what_has_an_effect_on_it():
    found, (index, section) = edited("and a note", "and one note")
    assert index == 1
    before, after = found.around(index, section)
    assert before == "\\newcommand{\\foo}{x}"
    assert after == "[name]: x\n\n[^a]: Elsewhere,\nlong.\n\n    Two paragraphs."


def test_marks_stand_for_those_who_ask_for_the_notes_of_a_section():
    found, (index, section) = edited("End.", "The end.")
    assert found.around(index, section) == ("\\newcommand{\\foo}{x}", "[^a]")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[name]: x", "[name]: y"),
        ("Elsewhere", "Anywhere"),
        ("# Two", "# 2"),
        ("Words.[^b]", "Words.[^c]"),
        ("Words.", "Words [half."),
        ("Words.", "\\newcommand{\\bar}{y}"),
        ("Words.", "[new]: y"),
        ("In its place", "In its place]"),
    ],
)
def test_an_edit_with_an_effect_elsewhere_is_not_read_alone(before, after):
    found, changed = edited(before, after)
    assert changed is None or found.around(*changed) is None


def test_two_sections_that_changed_or_another_front_matter_are_more_than_one_change():
    assert edited(".", ",")[1] is None
    assert cut(BODY).changed(HEADER.replace("T", "U") + BODY) is None
    assert edited("# Two", "# New\n\n# Two")[1] is None
    assert edited("Words.[^b]\n\n", "Words.[^b]\n\n# New\n\n")[1] is None
    assert edited("\n# Two", "# Two")[1] is None


def test_a_heading_of_another_section_is_read_along_where_it_is_named():
    found, (index, section) = edited("Words.", "See [Three].")
    assert found.around(index, section)[1].startswith("# Three\n\n")
