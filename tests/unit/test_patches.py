"""The list of notes of a page, when some of them are written anew."""

import pytest

from paperbuild.render.patches import Notes, Patched, Rewritten


def note(n, words):
    return f'<li id="fn{n}"><p>{words}</p></li>'


def listed(*words):
    items = "\n".join(note(n, word) for n, word in enumerate(words, 1))
    return Notes.of(f'<section class="footnotes">\n<hr />\n<ol>\n{items}\n</ol>\n</section>')


def test_notes_of_a_section_take_the_places_of_those_that_it_had():
    patched = Patched(section=2, notes=(note(2, "B"),), first_note=2, note_count=3)
    assert listed("a", "b", "c").having(patched) == listed("a", "B", "c")


def test_a_note_more_moves_those_behind_it():
    behind = Rewritten(5, (), (note(4, "c"),), 4)
    patched = Patched(section=2, notes=(note(2, "b"), note(3, "new")), first_note=2, others=(behind,), note_count=4)
    assert listed("a", "b", "c").having(patched) == listed("a", "b", "new", "c")


def test_a_note_less_moves_them_back_and_sections_before_may_be_others_as_well():
    others = (Rewritten(1, (), (note(1, "A"),), 1), Rewritten(5, (), (note(2, "c"),), 2))
    patched = Patched(section=2, notes=(), first_note=2, others=others, note_count=2)
    assert listed("a", "b", "c").having(patched) == listed("A", "c")


@pytest.mark.parametrize(
    "patched",
    [
        Patched(section=2, notes=(note(3, "b"),), first_note=2, note_count=3),
        Patched(section=2, notes=(note(2, "b"), note(3, "new")), first_note=2, note_count=4),
        Patched(section=2, notes=(note(2, "b"),), first_note=2, others=(Rewritten(5, (), (note(3, "c"), note(4, "d")), 3),), note_count=3),
    ],
)
def test_notes_that_do_not_fit_are_refused(patched):
    with pytest.raises(IndexError):
        listed("a", "b", "c").having(patched)


def test_notes_that_were_not_touched_are_the_same_list():
    notes = listed("a", "b")
    assert notes.having(Patched(section=2, first_note=2, note_count=2)) is notes
