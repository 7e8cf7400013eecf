"""Results that others made: nobody reruns what another has run, and only what is read comes here."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from paperbuild.engine.graph import Action, Graph
from paperbuild.engine.ports import NotSettled
from paperbuild.engine.present import PresentReader
from paperbuild.engine.queries import State, survey
from paperbuild.events import ActionStarted, Fetching, Noticed, Outcome
from tests.engine.elsewhere import Clone, Shelter
from tests.engine.world import ROOT, World, command, document


def pair(*actions: Action, **files: str) -> tuple[Clone, Clone]:
    """Two clones of a project that share results; the first has built it all."""
    shelter = Shelter()
    first, second = Clone(shelter), Clone(shelter)
    for clone in (first, second):
        clone.write(**files).targets(*actions)
    first.build().succeeded()
    return first, second


def list_of_away(clone: Clone) -> bytes | None:
    node = clone.fs.nodes.get(f"{ROOT}/.paperbuild/away")
    return None if node is None else node.data


def three() -> tuple[Clone, Clone]:
    """A model of which a summary is made, and a paper that shows the summary alone."""
    return pair(
        command("model", "cat data to model.bin", "model.bin", "data"),
        command("summary", "cat model.bin more to summary.txt", "summary.txt", "model.bin more"),
        document("paper", "summary.txt more", needs="summary"),
        data="d", more="m",
    )  # fmt: skip


def test_a_second_clone_runs_nothing_and_fetches_only_its_documents():
    _first, second = three()
    second.build().succeeded().ran_nothing()
    assert second.content("_build/paper") == "d+m|m"
    assert second.content("model.bin") is None
    assert second.content("summary.txt") is None
    assert second.fetched_texts() == ["d+m|m"]
    assert [event.action for event in second.events if isinstance(event, ActionStarted)] == []
    second.build().succeeded().ran_nothing()
    assert (second.remote.asked, second.remote.fetched) == ([], [])  # type: ignore[union-attr]


def test_a_document_that_is_rendered_anew_fetches_what_it_reads_in_one_go():
    actions = [command(f"t{n}", f"write o{n} text {n}", f"o{n}", "") for n in range(4)]
    _, second = pair(*actions)
    second.targets(*actions, document("paper", "o1 o2", needs="t1 t2"))
    second.build().succeeded().ran()
    assert second.content("_build/paper") == "text 1|text 2"
    assert sorted(second.fs.files(ROOT)) == ["_build/paper", "o1", "o2"]
    assert second.fetched_texts() == ["text 1", "text 2"]


def test_keys_of_one_batch_are_asked_for_at_once():
    _, second = pair(*(command(f"t{n}", f"write o{n} text {n}", f"o{n}", "") for n in range(20)))
    second.build().ran_nothing()
    assert [len(keys) for keys in second.remote.asked] == [20]  # type: ignore[union-attr]


def test_that_nobody_can_be_asked_is_told_before_anything_runs_for_it():
    """Who hears after three days of training that others had the result would have mended the address first."""
    _, second = pair(command("train", "cat data to model", "model", "data"), data="d")
    second.remote.is_down = True  # type: ignore[union-attr]
    second.build().succeeded().ran("train")
    kinds = [type(event) for event in second.events]
    assert kinds.index(Noticed) < kinds.index(ActionStarted)
    assert second.codes() == ["PB999"]  # once


def test_who_only_looks_while_nobody_can_be_asked_takes_nothing_for_lost():
    _, second = three()
    second.build().ran_nothing().succeeded()
    workshop, graph = second.workshop(), Graph(second.actions.values())
    reader = PresentReader(graph, survey(graph, ["model"], workshop), workshop)
    second.remote.is_down = True  # type: ignore[union-attr]
    assert second.content("model.bin") is None
    with pytest.raises(NotSettled):
        reader.require(["model.bin"])
    with pytest.raises(FileNotFoundError):
        reader.read("model.bin")
    assert second.situation("model").state is State.FRESH
    second.remote.is_down = False  # type: ignore[union-attr]
    reader.require(["model.bin"])
    assert reader.read("model.bin") == b"d"


def test_a_command_downstream_gets_its_inputs_and_nothing_else():
    _first, second = three()
    second.write(more="other").build().succeeded().ran("summary")
    assert second.content("summary.txt") == "d+other"
    assert second.content("_build/paper") == "d+other|other"
    assert second.content("model.bin") == "d"


def test_a_command_reads_an_output_away_that_it_does_not_declare():
    model = command("model", "cat data to model.bin", "model.bin", "data")
    other = command("other", "cat data to other.bin", "other.bin", "data")
    _, second = pair(model, other, data="d")
    second.targets(model, other, command("use", "cat model.bin to used", "used", "", needs="model"))
    second.build().succeeded()
    assert second.content("used") == "d"
    assert set(second.ran_now) == {"use"}
    watched = second.executor.watched
    assert len(second.ran_now) == (2 if watched else 1)
    assert (second.content("other.bin") is None) == watched  # where nobody can watch, everything is fetched
    second.build().ran_nothing()


def test_many_cells_that_nobody_declared_are_fetched_after_one_more_run():
    cells = [command(f"c[n={n}]", f"write o{n} {n}", f"o{n}", "") for n in range(30)]
    cells = [replace(cell, outputs=(replace(cell.outputs[0], name="out"),)) for cell in cells]
    _, second = pair(*cells)
    needs = " ".join(cell.id for cell in cells)
    second.targets(*cells, command("all", f"cat {' '.join(f'o{n}' for n in range(30))} to all.txt", "all.txt", "", needs=needs))
    second.build().succeeded()
    assert second.content("all.txt") == "+".join(str(n) for n in range(30))
    assert len(second.ran_now) == (2 if second.executor.watched else 1)


@pytest.mark.parametrize("line", ["list results to all.txt", "names results to all.txt"])
def test_a_listing_of_a_folder_with_outputs_away_sees_them(line: str):
    parts = [command(f"p{n}", f"write results/p{n} {n}", f"results/p{n}", "") for n in range(3)]
    _, second = pair(*parts)
    alone = World()
    for world in (second, alone):
        world.targets(*parts, command("all", line, "all.txt", "", needs="p0 p1 p2")).build().succeeded()
    assert second.content("all.txt") == alone.content("all.txt")
    assert alone.content("all.txt")


def test_a_glob_means_outputs_away_as_well():
    parts = [command(f"p{n}", f"write results/p{n} {n}", f"results/p{n}", "") for n in range(3)]
    use = command("all", "cat results/p0 results/p1 results/p2 to all.txt", "all.txt", "results/*")
    _first, second = pair(*parts, use)
    second.build().succeeded().ran_nothing()
    assert second.content("all.txt") is None
    second.targets(*parts, command("all", "cat results/p0 results/p1 to all.txt", "all.txt", "results/*"))
    second.build().succeeded().ran("all")
    assert second.content("all.txt") == "0+1"


def test_a_folder_away_is_whole_where_it_is_read():
    fold = command("fold", "fold data to ckpt/", "ckpt/", "data")
    use = command("use", "cat ckpt/a ckpt/sub/b to used", "used", "ckpt/")
    _first, second = pair(fold, use, data="d")
    second.build().succeeded().ran_nothing()
    assert not [path for path in second.fs.files(ROOT) if path.startswith("ckpt")]
    second.build().succeeded().ran_nothing()
    assert second.remote.asked == []  # type: ignore[union-attr]
    second.targets(fold, use, document("paper", "ckpt/sub/b", needs="fold")).build().succeeded().ran()
    assert second.content("_build/paper") == "b"
    assert second.content("ckpt/a") == "d"


def test_a_file_in_a_folder_away_was_only_asked_for():
    fold = command("fold", "fold data to ckpt/", "ckpt/", "data")
    ask = command("ask", "ask ckpt/a to asked", "asked", "", needs="fold")
    _, second = pair(fold, ask, data="d")
    second.build().succeeded().ran_nothing()


def test_what_nobody_declared_is_known_from_others():
    if not World.is_watched:
        return  # nobody sees it there
    one = command("one", "cat data to one.txt", "one.txt", "data")
    two = command("two", "cat one.txt to two.txt", "two.txt", "")
    _, second = pair(two, one, data="d")
    second.build("two").succeeded().ran_nothing()


def test_a_target_that_is_named_has_its_outputs_in_the_tree():
    _, second = three()
    second.build("model", placed=frozenset({"model"})).ran_nothing()
    assert second.content("model.bin") == "d"
    second = three()[1].build("model")
    assert second.content("model.bin") is None
    second.build("model").ran_nothing()  # by its ground
    assert second.content("model.bin") is None
    second.build("model", placed=frozenset({"model"})).ran_nothing()
    assert second.content("model.bin") == "d"


def test_the_list_of_what_is_away_can_be_lost():
    _, second = three()
    second.build()
    assert list_of_away(second)
    second.remove(".paperbuild/away").build().succeeded().ran_nothing()
    assert second.remote.asked == []  # type: ignore[union-attr]
    assert list_of_away(second)
    second.fs.nodes[f"{ROOT}/.paperbuild/away"].data = b"paperbuild-away 1 what\n"
    second.build().succeeded().ran_nothing()
    second.lose_index().build().succeeded().ran_nothing()


def test_an_output_that_somebody_removes_is_not_away():
    _, second = three()
    second.build("model", placed=frozenset({"model"}))
    second.remove("model.bin")
    assert second.situation("model").state is State.STORED
    second.build("model").ran_nothing()
    assert second.content("model.bin") == "d"  # what it holds is here


def test_what_somebody_puts_in_the_place_of_an_output_away_is_his():
    _, second = three()
    second.build()
    second.write(model_dot_bin="mine")
    second.build("model")
    assert second.codes() == ["PB420"]
    assert second.content("model.bin") == "mine"
    second.build("model", overwrite=True).succeeded()
    assert second.content("model.bin") is None


def test_questions_ask_nobody():
    _, second = three()
    assert second.situation("paper").state is State.WAITING
    second.build()
    second.remote.asked.clear()  # type: ignore[union-attr]
    second.remote.batches.clear()  # type: ignore[union-attr]
    for id_ in ("model", "summary", "paper"):
        assert second.situation(id_).state is State.FRESH
    assert (second.remote.asked, second.remote.batches) == ([], [])  # type: ignore[union-attr]


def test_without_its_remote_what_was_away_is_made_here():
    _, second = three()
    second.build()
    remote, second.remote = second.remote, None
    second.build().succeeded().ran("model", "summary")
    assert list_of_away(second) is None
    assert second.content("summary.txt") == "d+m"
    second.remote = remote
    second.build().succeeded().ran_nothing()


def test_a_remote_that_is_down_costs_a_warning():
    _, second = three()
    second.remote.is_down = True  # type: ignore[union-attr]
    second.build().succeeded().ran("model", "summary")
    assert second.codes() == ["PB999"]


def test_what_cannot_be_fetched_after_all_is_made_here():
    _, second = three()
    second.build()
    second.remote.is_down = True  # type: ignore[union-attr]
    second.write(more="other").build().succeeded().ran("model", "summary")
    assert second.content("summary.txt") == "d+other"
    assert second.content("_build/paper") == "d+other|other"
    assert all(second.report.outcomes[id_] is Outcome.RAN for id_ in second.report.outcomes)  # type: ignore[union-attr]
    second.remote.is_down = False  # type: ignore[union-attr]
    second.build().succeeded().ran_nothing()


def test_what_was_lost_elsewhere_is_made_here_and_asked_for_once():
    _first, second = three()
    second.shelter.blobs.clear()
    second.build().succeeded()
    assert second.content("_build/paper") == "d+m|m"
    second.build().succeeded().ran_nothing()


def test_what_is_made_again_is_another_and_all_who_used_it_are_looked_at_again():
    make = command("make", "chance to made", "made", "")
    use = command("use", "cat made to used", "used", "made")
    far = command("far", "cat used to far.txt", "far.txt", "used")
    last = command("last", "cat made more to last.txt", "last.txt", "made more")
    _, second = pair(make, use, far, last, more="m")
    second.build().succeeded().ran_nothing()
    second.shelter.blobs.clear()
    second.executor.ran += ["x"] * 7  # so that another number comes of it
    second.write(more="n").build(jobs=2).succeeded()
    made = second.content("made")
    assert made is not None
    assert second.content("last.txt") == f"{made}+n"
    assert second.content("used") == made
    assert second.content("far.txt") == made
    second.build().succeeded().ran_nothing()


def test_damage_on_the_way_is_no_result():
    _, second = three()
    for digest in second.shelter.blobs:
        second.shelter.blobs[digest] = b"wrong"
    second.build().succeeded()
    assert second.content("_build/paper") == "d+m|m"
    assert b"wrong" not in second.fs.files(ROOT).values()


def test_a_blob_that_is_damaged_here_comes_from_elsewhere():
    _, second = three()
    second.build(placed=frozenset({"model"}))
    blob = next(path for path, node in second.fs.nodes.items() if "/blobs/" in path and node.data == b"d")
    second.fs.nodes[blob].data = b"x"
    second.remove("model.bin").build(placed=frozenset({"model"})).succeeded().ran_nothing()
    assert second.content("model.bin") == "d"


def test_outputs_that_are_not_stored_do_not_come_from_elsewhere():
    big = command("big", "cat data to big.bin", "big.bin", "data", stored=False)
    first, second = pair(big, data="d")
    assert first.remote.offered == []  # type: ignore[union-attr]
    second.build().ran("big")


def test_what_was_adopted_is_not_offered():
    first = Clone(Shelter()).write(data="d", out="mine").targets(command("t", "cat data to out", "out", "data"))
    first.build(adopt=True).succeeded()
    assert first.remote.offered == []  # type: ignore[union-attr]


def test_what_a_clone_makes_others_have():
    first, second = three()
    second.write(more="other").build().ran("summary")
    first.write(more="other").build().succeeded().ran_nothing()
    assert first.content("_build/paper") == "d+other|other"


def test_what_nothing_declares_any_more_is_not_away_either():
    _, second = three()
    second.build()
    gone = second.actions.pop("model")
    second.target(command("summary", "cat more to summary.txt", "summary.txt", "more"))
    second.target(command("names", "names . to names.txt", "names.txt", ""))
    second.build().succeeded()
    assert "model.bin" not in (second.content("names.txt") or "")
    assert gone.outputs[0].path not in str(list_of_away(second))


def test_a_failing_run_leaves_what_was_away_as_it_was():
    _, second = three()
    second.build()
    second.target(command("model", "cat data to model.bin; fail", "model.bin", "data")).build(keep_going=True)
    assert second.outcome("model") is Outcome.FAILED
    assert second.content("model.bin") is None
    second.target(command("model", "cat data to model.bin", "model.bin", "data")).build().succeeded().ran_nothing()
    assert second.content("model.bin") is None


def test_verifying_fetches_what_it_compares():
    _, second = three()
    second.build()
    assert {verdict.verdict for verdict in second.verify("summary", "model").values()} == {"identical"}
    assert second.content("model.bin") == "d"


def test_fetching_is_told():
    _, second = three()
    second.build()
    second.write(more="other").build()
    told = [event for event in second.events if isinstance(event, Fetching)]
    assert [(event.done, event.total) for event in told] == [(0, 1), (1, 1)]
    assert told[0].size_bytes == 1


def test_a_build_that_is_killed_at_any_moment_of_fetching_can_go_on():
    for after in range(5, 400, 7):
        _, second = three()
        second.build()
        second.write(more="other")
        second.fs.dies_after = second.fs.changes + after
        try:
            second.build()
        except BaseException:  # the end of a process
            second.fs.revive()
            second.build().succeeded()
            assert second.content("_build/paper") == "d+other|other"
        else:
            second.fs.revive()
            break
    else:
        pytest.fail("it never came through")


def test_a_store_with_contents_elsewhere_is_sound_and_keeps_their_marks():
    from paperbuild.engine.auditing import audit
    from paperbuild.engine.collecting import Policy, collect, take_inventory

    _, second = three()
    second.build()
    store = second.workshop().store
    assert audit(store, second.fs).damages == ()
    inventory = take_inventory(store, second.fs)
    assert len(inventory.elsewhere) == 3
    everything = Policy(second.clock.now + 1, second.clock.now + 1)
    collect(store, second.fs, Policy(0, 0), inventory)
    assert len(take_inventory(store, second.fs).elsewhere) == 3
    collect(store, second.fs, everything, inventory)
    assert take_inventory(store, second.fs).elsewhere == {}
    second.build().succeeded().ran_nothing()  # it is asked for again


@pytest.mark.parametrize(
    "change",
    [
        {"path": "data"}, {"digest": "../../../data"}, {"digest": "0" * 63}, {"is_folder": True}, {"path": "../model.bin"},
        {"path": "/etc/passwd"},
    ],
)  # fmt: skip
def test_a_record_that_says_other_things_than_its_action_is_none(change: dict[str, object]):
    _, second = three()
    for records in second.shelter.records.values():
        if records[0].action == "model":
            records[0] = replace(records[0], artifacts=(replace(records[0].artifacts[0], **change),))
    second.build("model").succeeded().ran("model")
    assert second.content("data") == "d"


def test_commands_that_go_through_all_folders_do_not_run_once_for_each():
    if not World.is_watched:
        return
    parts = [command(f"p{n}", f"write f{n}/x {n}", f"f{n}/x", "") for n in range(12)]
    _, second = pair(*parts)
    statements = "; ".join(f"cat f{n}/x to out{n}" for n in range(12))
    second.targets(*parts, command("all", statements, " ".join(f"out{n}" for n in range(12)), "", needs=" ".join(p.id for p in parts)))
    second.build().succeeded()
    assert second.content("out11") == "11"
    assert len(second.ran_now) == 4


def test_a_link_leads_to_an_output_away():
    _, second = pair(command("model", "cat data to models/model.bin", "models/model.bin", "data"), data="d")
    second.fs.make_link("models", f"{ROOT}/current")
    second.fs.make_link("models/model.bin", f"{ROOT}/best")
    second.target(document("paper", "current/model.bin best", needs="model"))
    second.build().succeeded().ran()
    assert second.content("_build/paper") == "d|d"
    _, third = pair(command("model", "cat data to models/model.bin", "models/model.bin", "data"), data="d")
    third.fs.make_link("models/model.bin", f"{ROOT}/best")
    third.target(command("use", "cat best to used", "used", "best", needs="model"))
    third.build().succeeded()
    assert third.content("used") == "d"
    third.build().succeeded().ran_nothing()


def test_worlds_without_a_remote_know_no_away_outputs():
    world = World().write(data="d").targets(command("t", "cat data to out", "out", "data")).build()
    assert world.fs.nodes.get(f"{ROOT}/.paperbuild/away") is None
