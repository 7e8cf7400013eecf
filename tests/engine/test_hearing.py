"""What others published counts for whoever asks what a build would do; nothing is fetched or written for that."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from paperbuild.engine.graph import Graph
from paperbuild.engine.hearing import hear
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.outlook import Fate, outlook
from paperbuild.engine.queries import State
from tests.engine.elsewhere import Clone
from tests.engine.test_remote import pair, three
from tests.engine.world import command, document


def foretold(clone: Clone, **options: bool) -> Mapping[str, Fate]:
    """Return what a build of ``clone`` would do; to tell that changes nothing, and fetches nothing."""
    assert clone.remote is not None
    before = dict(clone.fs.nodes)
    clone.remote.asked.clear()
    clone.remote.batches.clear()
    found = outlook(Graph(clone.actions.values()), tuple(clone.actions), clone.workshop(), BuildOptions(**options))  # type: ignore[arg-type]
    assert clone.fs.nodes == before
    assert clone.remote.batches == []
    return {one.action.id: one.fate for one in found.prospects}


def keys_asked(clone: Clone) -> list[int]:
    assert clone.remote is not None
    return [len(keys) for keys in clone.remote.asked]


def test_a_clone_that_has_nothing_is_told_that_a_whole_chain_comes_from_elsewhere():
    _first, second = three()
    assert foretold(second) == dict.fromkeys(("model", "summary", "paper"), Fate.ELSEWHERE)
    assert keys_asked(second) == [1, 1, 1]
    second.build().succeeded().ran_nothing()
    assert foretold(second) == dict.fromkeys(("model", "summary", "paper"), Fate.REUSED)
    assert keys_asked(second) == []


def test_actions_that_can_be_asked_for_at_once_are():
    _first, second = pair(*(command(f"t{n}", f"write o{n} text {n}", f"o{n}", "") for n in range(5)))
    assert set(foretold(second).values()) == {Fate.ELSEWHERE}
    assert keys_asked(second) == [5]


def test_what_nobody_has_run_runs_and_what_waits_for_it_may():
    _first, second = three()
    second.write(more="n")
    assert foretold(second) == {"model": Fate.ELSEWHERE, "summary": Fate.RUNS, "paper": Fate.MAY_RUN}


def test_what_a_colleague_ran_after_the_same_edit_comes_from_there_though_there_are_older_results_here():
    first, second = three()
    second.build()
    first.write(more="n").build().succeeded()
    second.write(more="n")
    assert foretold(second)["summary"] is Fate.ELSEWHERE
    assert foretold(second)["model"] is Fate.REUSED
    second.build().succeeded().ran_nothing()


def test_what_reads_a_folder_of_which_only_the_name_is_known_may_run():
    _first, second = pair(
        command("tree", "fold data to tree/", "tree/", "data"), command("reads", "cat tree/a tree/sub/b to out", "out", "tree/"),
        document("paper", "out", needs="reads"), data="d",
    )  # fmt: skip
    assert foretold(second) == {"tree": Fate.ELSEWHERE, "reads": Fate.MAY_RUN, "paper": Fate.MAY_RUN}


def test_where_nobody_answers_it_is_as_if_nobody_had_anything():
    _first, second = three()
    assert second.remote is not None
    second.remote.is_down = True
    assert foretold(second) == {"model": Fate.RUNS, "summary": Fate.MAY_RUN, "paper": Fate.MAY_RUN}
    assert keys_asked(second) == [1]


def test_a_record_that_is_not_of_this_action_does_not_count():
    _first, second = pair(command("train", "cat a to model", "model", "a"), a="1")
    for key, records in second.shelter.records.items():
        moved = [replace(artifact, path="elsewhere") for artifact in records[0].artifacts]
        second.shelter.records[key] = [replace(records[0], artifacts=tuple(moved))]
    assert foretold(second) == {"train": Fate.RUNS}


def test_a_heavy_target_that_is_held_is_not_where_its_result_lies_elsewhere():
    _first, second = pair(replace(command("train", "cat a to model", "model", "a"), heavy=True), a="1")
    assert foretold(second, no_heavy=True) == {"train": Fate.ELSEWHERE}
    second.write(a="2")
    assert foretold(second, no_heavy=True) == {"train": Fate.HELD}


def test_a_file_that_stands_at_an_output_is_looked_at_before_what_lies_elsewhere():
    _first, second = three()
    second.write(**{"summary.txt": "mine"})
    assert foretold(second)["summary"] is Fate.REFUSED


def test_how_things_stand_counts_what_lies_elsewhere_and_says_which():
    _first, second = three()
    heard = hear(Graph(second.actions.values()), tuple(second.actions), second.workshop())
    assert {one.action.id: one.state for one in heard.situations} == {
        "model": State.FRESH, "summary": State.FRESH, "paper": State.STORED,
    }  # fmt: skip
    assert all(heard.is_from_elsewhere(one) for one in heard.situations)
    second.remote = None
    alone = hear(Graph(second.actions.values()), tuple(second.actions), second.workshop())
    assert not any(alone.is_from_elsewhere(one) for one in alone.situations)
