"""For what Pythons need not tell more, once they have asked: nothing that counts may be among it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from paperbuild.engine.tracing import calls, sightings
from paperbuild.engine.tracing.notices import Notices
from paperbuild.engine.tracing.permission import Closed
from paperbuild.engine.tracing.sightings import ALL_BELOW, ALL_BUT_SITES, FILES_IN, HOOK, Sightings

LIBRARY, SITE = "/env/lib/python3.11", "/env/lib/python3.11/site-packages"


def watch(kept: str = "/project/", dropped: str = "/env/", *more: str) -> Sightings:
    return Sightings(kept.encode(), (dropped.encode(),), tuple(path.encode() for path in (f"{SITE}/", *more)))


def answer(to: Sightings, folder: str) -> int:
    return to.told(b"S\x02" + folder.encode(), 1)


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        (f"{SITE}/numpy", ALL_BELOW),
        (f"{SITE}/numpy/linalg", ALL_BELOW),
        (f"{LIBRARY}/json", ALL_BELOW),
        (LIBRARY, ALL_BUT_SITES),
        ("/env/lib", FILES_IN),
        (SITE, 0),
        ("/project", 0),
        ("/project/package", 0),
        ("/data/package", 0),
        ("env/lib", 0),
        ("", 0),
        (f"{SITE}/numpy-2.0.dist-info", 0),
        (f"{SITE}/numpy-2.0.dist-info/licenses", 0),
        (f"{SITE}/numpy/../../../../../project", 0),
        (f"{LIBRARY}/json/..", 0),
        (f"{SITE}//numpy", 0),
        (f"{SITE}/", 0),
    ],
)
def test_only_folders_of_which_nothing_more_would_be_noted_are_spared(folder: str, expected: int):
    assert answer(watch(), folder) == expected


def test_a_package_counts_as_used_by_the_question_alone():
    to = watch()
    answer(to, f"{SITE}/numpy/linalg")
    assert to.groups[f"{SITE}/".encode()] == {b"numpy"}


def test_an_environment_in_the_project_is_spared_by_package_and_its_other_folders_are_not():
    to = Sightings(b"/", (b"/env/",), (f"{SITE}/".encode(),))
    assert answer(to, f"{SITE}/numpy") == ALL_BELOW
    assert answer(to, LIBRARY) == 0


def test_a_project_in_an_environment_is_not_spared_nor_is_the_folder_around_it():
    to = watch("/env/lib/python3.11/json/project/")
    assert answer(to, f"{LIBRARY}/json/project") == answer(to, f"{LIBRARY}/json/project/sub") == 0
    assert answer(to, f"{LIBRARY}/json") == 0, "who asks for the project is a file in it"
    assert answer(to, LIBRARY) == FILES_IN
    assert answer(to, f"{LIBRARY}/re") == ALL_BELOW


def test_what_is_told_apart_in_a_folder_or_beside_its_bytecode_keeps_it_from_being_spared():
    assert answer(watch("/project/", "/env/", f"{LIBRARY}/json/hook"), f"{LIBRARY}/json") == 0
    assert answer(watch("/project/", "/env/", f"{LIBRARY}/json/__pycache__/"), f"{LIBRARY}/json") == 0
    assert answer(watch("/project/", "/env/", f"{LIBRARY}/json/deep/hook"), f"{LIBRARY}/json") == FILES_IN


def test_whoever_is_held_to_something_is_not_spared():
    shape = next(shape for shape in calls.SHAPES if shape.name == "newfstatat")
    question = HOOK + b"S\x02" + f"{SITE}/numpy".encode()
    for closed, expected in ((None, ALL_BELOW), (Closed((b"/project/",), ()), 0)):
        notices = Notices(watch(), None, closed)
        notices._note(1, shape, [0] * 6, question)
        assert notices._refusal == expected


def test_the_hook_and_the_supervisor_mean_the_same():
    hook = (Path(sightings.__file__).parent / "hook" / "sitecustomize.py").read_text()
    assert f"_ALL_BELOW, _ALL_BUT_SITES, _FILES_IN = {ALL_BELOW}, {ALL_BUT_SITES}, {FILES_IN} " in hook
    assert re.findall(r"^_SPARED = (\w+)", hook, re.MULTILINE) == [f"0x{calls.SPARED_FLAGS:X}"]
    assert calls.SPARED_FLAGS & ~calls.SPARED_BITS == 0
