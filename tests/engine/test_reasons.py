"""Reasons: facts that are the same for whoever decides, tells, keeps and explains them, and one sentence for each."""

from __future__ import annotations

from typing import get_args

import pytest

from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.graph import Action
from paperbuild.engine.index import Execution
from paperbuild.engine.queries import State
from paperbuild.engine.reasons import A_FOLDER, Kind, Reason
from paperbuild.phrases import listed
from tests.engine.world import World, command, document

KINDS = [kind for group in get_args(Kind) for kind in get_args(group)]
OLD, NEW = "a" * 64, "b" * 64


def seen(line: str, outputs: str = "out", **more: str) -> Action:
    """A command that declares nothing, and is watched."""
    return command("t", line, outputs, None, **more)  # type: ignore[arg-type]  # texts only


def reasons(world: World, id_: str = "t") -> list[str]:
    return [reason.text for reason in world.situation(id_).reasons]


def execution(world: World, id_: str = "t") -> Execution:
    found = world.index.last_execution(id_)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_sentence(kind: Kind):
    assert Reason(kind, "x", OLD, NEW).text


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (Reason("file", "a", OLD, NEW), "a changed"),
        (Reason("file", "a", OLD, None), "a is gone"),
        (Reason("file", "a", OLD, A_FOLDER), "a is a folder now"),
        (Reason("folder", "d/", OLD, NEW, ("x",), ("y", "z"), ("w",)), "in d, w changed, x appeared and y and z are gone"),
        (Reason("folder", "d/", OLD, None), "the folder d is gone"),
        (Reason("listing", ".", OLD, NEW), "the files in . changed"),
        (Reason("listing", "d", OLD, NEW, tuple("abcde")), "in d, a, b, c and 2 more appeared"),
        (Reason("modules", ".", OLD, NEW, ("json.py",)), "json.py appeared, which Python would import now"),
        (Reason("modules", "src", OLD, NEW, (), ("own.py",)), "src/own.py, which Python could import, is gone"),
        (Reason("modules", "src", OLD, NEW), "the Python modules in src changed"),
        (Reason("status", "a", "file 1", "file 12"), "the size of a changed from 1 to 12 bytes"),
        (Reason("status", "a", "file 1 x", "file 1"), "a cannot be executed now"),
        (Reason("status", "a", "file 1", "folder"), "a is a folder now"),
        (Reason("status", "a", "file 1", None), "a is gone"),
        (Reason("link", "a", "b", "c"), "the link a leads to c, not to b"),
        (Reason("link", "a", "b", None), "a is no link any more"),
        (Reason("program", "dot", None, "system"), "the program dot is found now"),
        (Reason("program", "dot", "system", None), "the program dot is not found any more"),
        (Reason("program", "python3", "environment 3.11.9", "environment 3.12.1"),
         "the program python3 changed from the environment's 3.11.9 to the environment's 3.12.1"),
        (Reason("program", "dot", "system", NEW), "the program dot is not the system's any more"),
        (Reason("program", "dot", OLD, NEW), "the program dot changed"),
        (Reason("package", "numpy", f"1.2 {OLD[:16]}", f"1.3 {NEW[:16]}"), "the package numpy changed from 1.2 to 1.3"),
        (Reason("package", "numpy", f"1.2 {OLD[:16]}", f"1.2 {NEW[:16]}"), "the files of the package numpy 1.2 changed"),
        (Reason("package", "numpy", f"1.2 {OLD[:16]}", None), "the package numpy was removed"),
        (Reason("package", "numpy", "absent", "present"), "the package numpy was installed"),
        (Reason("package", "numpy", OLD[:16], NEW[:16]), "the package numpy changed"),
        (Reason("maker", "citation_styles", "1", "2"), "citation styles changed from 1 to 2"),
        (Reason("cells", "", OLD, NEW, (), (), ("train[seed=0]",)), "of the cells of what it needs, train[seed=0] changed"),
        (Reason("refresh", after="always"), "it is refreshed each time"),
        (Reason("refresh", after="asked"), "it was asked for again"),
        (Reason("lost", "", OLD, "damaged"), "the store's copy of its output is damaged"),
    ],
)  # fmt: skip
def test_what_is_known_is_said(reason: Reason, sentence: str):
    assert reason.text == sentence


def test_lists_are_as_in_prose():
    assert [listed(names) for names in ((), ("a",), ("a", "b"), ("a", "b", "c"), tuple("abcd"))] == [
        "", "a", "a and b", "a, b and c", "a, b, c and 1 more"
    ]  # fmt: skip


def test_a_changed_file_is_told_with_its_old_and_new_digest():
    world = World().write(a="1").targets(command("t", "cat a to out", "out", "a")).build().write(a="2")
    (reason,) = world.situation("t").reasons
    assert (reason.subject, reason.before, reason.after) == ("a", digest_bytes(b"1"), digest_bytes(b"2"))


def test_a_declared_input_that_was_read_is_told_once():
    world = World().write(a="1", b="1").targets(command("t", "cat a b to out", "out", "a b")).build()
    assert reasons(world.write(a="2", b="2")) == ["a changed", "b changed"]


def test_all_that_changed_is_told_and_not_only_what_changed_the_key():
    world = World(watched=True).write(a="1").targets(seen("cat a to out")).build()
    world.targets(seen("cat a to out; true")).write(a="2")
    assert reasons(world) == ["the command changed", "a changed"]


def test_a_listing_tells_which_names_came_and_which_went():
    world = World(watched=True).write(data__a="1", data__b="1").targets(seen("names data to out")).build()
    world.write(data__c="1").remove("data/a")
    assert reasons(world) == ["in data, c appeared and a is gone"]
    world.build().ran("t")
    assert [reason.text for reason in execution(world).reasons] == ["in data, c appeared and a is gone"]


def test_without_its_index_a_build_knows_less_of_a_listing_and_decides_the_same():
    world = World(watched=True).write(data__a="1").targets(seen("names data to out")).build().lose_index().write(data__b="1")
    assert reasons(world) == ["the files in data changed"]
    world.build().ran("t")
    assert reasons(world.write(data__c="1")) == ["in data, c appeared"]


def test_names_are_known_again_once_a_result_was_reused():
    world = World(watched=True).write(data__a="1").targets(seen("names data to out")).build().lose_index().build().ran_nothing()
    assert reasons(world.write(data__b="1")) == ["in data, b appeared"]


def test_a_folder_tells_which_files_in_it_changed():
    world = World().write(data__a="1", data__b="1").targets(command("t", "list data to out", "out", "data/")).build()
    assert "in data, a changed, c appeared and b is gone" in reasons(world.write(data__a="2", data__c="1").remove("data/b"))


def test_cells_of_what_is_needed_are_told_by_name():
    def cells(*seeds: str) -> list[Action]:
        return [command(f"train[seed={n}]", f"write m{n} {n}", f"m{n}", params={"seed": n}) for n in seeds]

    def joined(*seeds: str) -> Action:
        return command("joined", "true; write j 1", "j", needs=" ".join(f"train[seed={n}]" for n in seeds))

    world = World().targets(*cells("0", "1"), joined("0", "1")).build().targets(*cells("1", "2"), joined("1", "2")).build("train[seed=2]")
    assert reasons(world, "joined")[0] == "of the cells of what it needs, train[seed=2] appeared and train[seed=0] is gone"


def test_a_program_that_is_another_one_is_told():
    world = World(watched=True)
    world.environment.programs["dot"] = "system"
    world.targets(seen("use dot; write out 1")).build()
    world.environment.programs["dot"] = "environment 3"
    assert reasons(world) == ["the program dot changed from the system's to the environment's 3"]
    del world.environment.programs["dot"]
    assert reasons(world) == ["the program dot is not found any more"]


def test_a_package_is_told_with_its_versions():
    world = World(watched=False)
    world.environment.versions["numpy"] = "1.2 0123456789abcdef"
    world.targets(command("t", "write a 1", "a")).build()
    world.environment.versions["numpy"] = "1.3 fedcba9876543210"
    assert reasons(world) == ["the package numpy changed from 1.2 to 1.3"]


def test_what_nobody_observed_is_run_again_where_it_can_be_observed():
    world = World(watched=False).write(a="1").targets(command("t", "cat a to out", "out", "a")).build()
    world.executor.watched = True
    assert reasons(world) == ["nothing observed its last run, and the next one will be observed"]


def test_a_result_that_the_store_lost_is_no_first_time():
    world = World().write(a="1").targets(command("t", "cat a to out", "out", "a")).build()
    world.remove(".paperbuild/records/")
    situation = world.situation("t")
    assert [reason.kind for reason in situation.reasons] == ["gone"]
    assert situation.state is State.STALE


def test_what_waits_tells_what_else_changed_besides():
    world = World().write(a="1", paper="x")
    world.targets(command("t", "cat a to b", "b", "a"), document("doc", "b paper", inputs="paper", needs="t")).build()
    assert reasons(world.write(a="2", paper="y"), "doc") == ["t comes first, and is not up to date", "paper changed"]
    assert world.situation("doc").state is State.WAITING


def test_an_output_that_is_about_to_be_made_anew_is_no_reason_yet():
    world = World().write(a="1")
    world.targets(command("t", "cat a to b", "b", "a"), command("u", "cat b to c", "c", "b", needs="t")).build()
    assert reasons(world.write(a="2").remove("b"), "u") == ["t comes first, and is not up to date"]


# --- history


def test_why_something_ran_is_kept_with_when_how_long_and_how_it_ended():
    world = World().write(a="1").targets(command("t", "cat a to out", "out", "a")).build().write(a="2").build()
    last = execution(world)
    assert (last.reasons[0].text, last.end, last.status, last.duration_s) == ("a changed", "made", 0, 1.5)
    assert last.finished_ns <= world.clock.now


def test_a_reused_result_leaves_the_history_as_it_is():
    world = World().write(a="1").targets(command("t", "cat a to out", "out", "a")).build().write(a="2").build().write(a="1").build()
    world.ran_nothing()
    assert execution(world).reasons[0].text == "a changed"


def test_a_failed_run_is_kept_with_its_status_and_its_log():
    world = World().targets(command("t", "fail", "out")).build()
    last = execution(world)
    assert (last.end, last.status, last.log != "", last.reasons[0].kind) == ("failed", 1, True, "never")


def test_a_document_that_failed_is_known_to_have_failed():
    world = World().targets(document("doc", "missing")).build()
    assert execution(world, "doc").end == "failed"
    assert execution(world, "doc").status is None
    assert world.situation("doc").state is State.FAILED


def test_history_is_lost_with_the_index_and_nothing_else():
    world = World().write(a="1").targets(command("t", "cat a to out", "out", "a")).build().lose_index().build().ran_nothing()
    assert world.index.last_execution("t") is None


def test_what_changed_is_told_since_the_result_that_was_used_last_though_it_is_not_the_newest():
    world = World(watched=True).target(seen("cat a to out")).write(a="1").build().write(a="2").build().write(a="1").build().ran_nothing()
    world.write(a="3")
    (reason,) = world.situation("t").reasons
    assert (reason.text, reason.before) == ("a changed", digest_bytes(b"1"))


def test_a_result_that_was_asked_for_anew_stays_though_the_clock_was_set_back_meanwhile():
    world = World(watched=True).target(seen("chance to out")).build()
    world.clock.now -= 3_600_000_000_000
    world.again = frozenset({"t"})
    newer = world.build().ran("t").content("out")
    world.again = frozenset()
    assert world.build().ran_nothing().content("out") == newer
    assert world.remove("out").build().ran_nothing().content("out") == newer


def test_the_index_keeps_the_newest_inventories():
    index = World().index
    for n in range(500):
        index.note_inventory(f"{n}", lambda n=n: {f"name-{n}": ""})  # type: ignore[misc]  # n is bound now
    index.flush()
    assert index.inventory("0") is None
    assert index.inventory("499") == {"name-499": ""}
