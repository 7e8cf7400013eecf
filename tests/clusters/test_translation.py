"""What paths at one end of a parcel's way are called at the other."""

from paperbuild.clusters.translation import Translation, groups_back, pairs_between, seen_back, watch_there
from paperbuild.engine.jobs import Permission, Seen, Sighting, Watch
from paperbuild.engine.ports import Surroundings

HERE = {"project": "/home/me/paper", "home": "/home/me", "environment": "/home/me/paper/.venv", "ours": "/opt/paperbuild"}
THERE = {"project": "/tmp/x/paper", "home": "/home/you", "environment": "/usr/local/venv", "ours": "/usr/lib/paperbuild"}
FORTH = Translation(pairs_between(HERE, THERE))
BACK = Translation(pairs_between(THERE, HERE))


def test_the_longest_place_that_fits_counts():
    assert FORTH.path("/home/me/paper/.venv/bin/python") == "/usr/local/venv/bin/python"
    assert FORTH.path("/home/me/paper/a.txt") == "/tmp/x/paper/a.txt"
    assert FORTH.path("/home/me/paper-2/a.txt") == "/home/you/paper-2/a.txt"
    assert FORTH.path("/data/set.csv") == "/data/set.csv"
    assert FORTH.path("/home/me/paper/") == "/tmp/x/paper/"


def test_lists_of_paths_in_variables_are_moved_one_by_one():
    assert FORTH.value("/home/me/paper/.venv/bin:/usr/bin:/home/me/bin") == "/usr/local/venv/bin:/usr/bin:/home/you/bin"
    assert FORTH.value("a:b") == "a:b"


def test_what_was_seen_there_is_told_as_if_it_had_been_seen_here():
    sent = ("file", 3, 1, 2, 3, 4, False)
    there = ("file", 3, 9, 9, 9, 9, False)
    folder = ("folder", 0, 9, 9, 9, 9, True)
    sightings = (Sighting("/tmp/x/paper/a", 1, there), Sighting("/tmp/x/paper/sub", 4, folder), Sighting("/data/b", 1, there))
    groups = {"/usr/local/venv/lib/python3.12/site-packages/": "/home/me/paper/.venv/lib/python3.12/site-packages/"}
    seen = Seen(sightings, tuple((prefix, ("numpy",)) for prefix in groups), touched="/tmp/x/paper/c")
    told = seen_back(seen, BACK, groups, {"/home/me/paper/a": sent}.get)
    assert [(one.path, one.state) for one in told.sightings] == [
        ("/home/me/paper/a", sent),
        ("/home/me/paper/sub", ("folder", 0, 0, 0, 0, 0, False)),
        ("/data/b", there),
    ]
    assert told.groups == (("/home/me/paper/.venv/lib/python3.12/site-packages/", ("numpy",)),)
    assert told.touched == "/home/me/paper/c"


def test_libraries_of_pythons_that_lie_elsewhere_are_paired_in_their_order():
    here = ("/usr/lib/python3/dist-packages/", "/usr/bin/")
    there = ("/home/me/env/lib/python3.12/site-packages/", "/usr/bin/")
    assert groups_back(here, there, BACK) == {here[0]: there[0], "/usr/bin/": "/usr/bin/"}


def test_a_strict_command_may_do_there_what_it_may_do_here_and_look_at_what_surrounds_it_there():
    watch = Watch(
        "/home/me/paper/", ("/etc/",), (), ("/home/me/paper/out/b",), Permission(("/home/me/paper/in",), ("/home/me/paper/out/a",))
    )
    moved = watch_there(watch, FORTH, Surroundings(("/etc/", "/usr/local/venv/"), ("/usr/bin/",), ("/tmp/",)), ("/tmp/x/paper/unsent",))
    assert moved.kept == "/tmp/x/paper/"
    assert moved.unsettled == ("/tmp/x/paper/out/b", "/tmp/x/paper/unsent")
    assert moved.permission == Permission(("/tmp/x/paper/in", "/etc/", "/usr/local/venv/", "/usr/bin/"), ("/tmp/x/paper/out/a", "/tmp/"))
