"""Verifying: what is recorded is made once more, from what its record names, and comes out again or not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from paperbuild.engine.graph import Action, Tolerance
from paperbuild.engine.queries import State
from paperbuild.engine.trace import Listing, Status
from paperbuild.provenance.verdicts import Verdict
from tests.engine.world import COPIES, ROOT, World, command, document


def tolerant(action: Action, **tolerance: float) -> Action:
    return replace(action, outputs=tuple(replace(output, tolerance=Tolerance(**tolerance)) for output in action.outputs))


def words(verdicts: dict[str, Verdict]) -> dict[str, str]:
    return {id_: verdict.verdict for id_, verdict in verdicts.items()}


def built(*actions: Action, **files: str) -> World:
    return World().write(**files).targets(*actions).build().succeeded()


def test_what_comes_out_again_is_identical():
    world = built(command("t", "cat a to out", "out", "a"), document("d", "out", needs="t"), a="1")
    assert words(world.verify()) == {"t": "identical", "d": "identical"}
    assert world.ran_now == ["t"]


def test_nothing_in_the_project_is_touched_and_no_copy_stays():
    world = built(command("t", "cat a to out", "out", "a"), command("f", "fold out to model", "model/", "out"), a="1")
    before = world.fs.files(ROOT)
    inodes = {path: node.inode for path, node in world.fs.nodes.items() if path.startswith(ROOT) and "/.paperbuild/" not in path}
    world.verify()
    assert world.fs.files(ROOT) == before
    assert {path: world.fs.nodes[path].inode for path in inodes} == inodes
    assert [path for path in world.fs.nodes if path.startswith(f"{COPIES}/")] == []


def test_the_copy_stays_where_that_is_asked_for():
    world = built(command("t", "cat a to out", "out", "a"), a="1")
    kept = world.verify(keeps=True)["t"].kept
    assert world.fs.files(kept) == {"a": b"1", "out": b"1"}


def test_each_target_is_rerun_from_what_the_others_have_recorded():
    chain = [command(f"t{n}", f"cat t{n - 1} to t{n}", f"t{n}", f"t{n - 1}") for n in range(1, 4)]
    world = built(command("t0", "write t0 x", "t0"), *chain)
    assert words(world.verify("t2")) == {"t2": "identical"}
    assert world.ran_now == ["t2"]


def test_what_differs_is_told_with_its_place_and_run_once_more():
    world = built(command("t", "chance to m.json", "m.json"))
    verdict = world.verify()["t"]
    assert verdict.verdict == "different"
    assert verdict.outputs[0].agreement == "different"
    assert verdict.outputs[0].differences[0].where == "the whole"
    assert (verdict.cause, len(world.ran_now)) == ("it comes out differently each time", 2)
    world.verify(once=True)
    assert len(world.ran_now) == 1


def test_what_is_made_otherwise_now_but_always_the_same_is_said_to_depend_on_something_unobserved():
    world = built(command("t", "outside to out", "out"))
    world.executor.outside = "tomorrow"
    verdict = world.verify()["t"]
    assert (verdict.verdict, len(world.ran_now)) == ("different", 2)
    assert verdict.cause.startswith("it came out the same twice")


def test_what_depends_on_a_condition_that_was_varied_is_said_to():
    world = built(command("t", "mask to out", "out"))
    verdict = world.verify()["t"]
    assert verdict.verdict == "different"
    assert "umask" in verdict.cause
    assert "umask" in verdict.varied


def test_an_output_that_names_its_folder_is_said_to():
    world = built(command("t", "where to out", "out"))
    verdict = world.verify()["t"]
    assert (verdict.verdict, verdict.cause) == ("different", "out names the folder in which it was made")
    assert len(world.ran_now) == 1


def test_a_number_within_its_tolerance_is_said_to_be():
    world = built(tolerant(command("t", "chance to m.json", "m.json"), absolute=1e9))
    verdict = world.verify()["t"]
    assert (verdict.verdict, len(world.ran_now)) == ("within tolerance", 1)
    assert "1 number differs" in verdict.outputs[0].note


def test_a_tolerance_is_in_no_key():
    target = command("t", "cat a to out", "out", "a")
    world = built(target, a="1")
    world.targets(tolerant(target, relative=0.5)).build().ran_nothing()


def test_what_is_stale_or_was_never_built_is_not_rerun():
    world = built(command("t", "cat a to out", "out", "a"), a="1").write(a="2")
    world.target(command("n", "write new 1", "new"))
    verdicts = world.verify()
    assert words(verdicts) == {"t": "not rerun", "n": "not rerun"}
    assert "a changed" in verdicts["t"].reasons[0]
    assert "never been built" in verdicts["n"].reasons[0]


def test_what_is_heavy_or_refreshed_is_rerun_when_it_is_named():
    heavy = replace(command("h", "write h 1", "h"), heavy=True)
    world = built(heavy, command("r", "write r 1", "r", refresh_s=1e12))
    verdicts = world.verify()
    assert words(verdicts) == {"h": "not rerun", "r": "not rerun"}
    assert "heavy" in verdicts["h"].reasons[0]
    assert words(world.verify("h", "r")) == {"h": "identical", "r": "identical"}


def test_an_output_that_is_not_stored_is_compared_in_its_place():
    world = built(command("t", "cat a to out", "out", "a", stored=False), command("c", "chance to big", "big", stored=False), a="1")
    assert words(world.verify()) == {"t": "identical", "c": "different"}


def test_a_folder_is_compared_file_by_file():
    world = built(command("t", "fold a to model; chance to model/c", "model/", "a"), a="1")
    verdict = world.verify()["t"]
    assert verdict.outputs[0].differences[0].where.startswith("c: line 1")


def test_a_lost_blob_is_no_difference():
    world = built(command("t", "chance to out", "out"))
    record = world.record("t")
    verdicts = {}
    world.fs.nodes[world.workshop().store.blobs.path(record.artifacts[0].digest)].data = b"damaged"
    verdicts = world.verify()
    assert words(verdicts) == {"t": "not rerun"}
    assert "store lost" in verdicts["t"].reasons[0]


def test_a_sweep_sees_the_index_of_its_cells():
    cells = [command(f"cell[{n}]", f"write r/{n} {n}", f"r/{n}", params={"n": str(n)}) for n in range(3)]
    world = built(*cells, command("sum", "cat r/0 r/1 r/2 to total", "total", needs=" ".join(cell.id for cell in cells)))
    assert set(words(world.verify()).values()) == {"identical"}


class TestWatched:
    """What a watcher sees of a rerun has to be in the record."""

    @pytest.fixture
    def world(self) -> World:
        return World(watched=True)

    def undeclared(self, line: str, outputs: str = "out") -> Action:
        return command("t", line, outputs, None)

    LINES = (
        "cat a b to out",
        "cat data/x to out; names data to n",
        "ask config to out",
        "ask a to out; cat b to n",
        "names data to out",
        "list data to out",
        "use convert; write out 1",
        "cat first to out; ask config to n",
        "cat data/x data/y to out; use convert; ask nothing to n",
    )

    def prepared(self, world: World, line: str) -> World:
        world.environment.programs["convert"] = "version 1"
        first = command("first", "cat a to first", "first", "a")
        outputs = "out n" if " n" in line else "out"
        return world.write(a="1", b="2", data__x="3", data__y="4").targets(first, self.undeclared(line, outputs)).build().succeeded()

    @pytest.mark.parametrize("line", LINES)
    def test_what_was_observed_is_enough_to_make_it_again(self, world: World, line: str):
        verdict = self.prepared(world, line).verify("t")["t"]
        assert (verdict.verdict, verdict.reasons) == ("identical", ())

    @pytest.mark.parametrize("line", LINES)
    def test_without_any_one_item_of_its_trace_it_does_not_pass(self, world: World, line: str):
        self.prepared(world, line)
        whole = world.record("t")
        assert whole.items
        store = world.workshop().store
        for left_out in whole.items:
            store.forget(world.record("t"))
            cut = replace(whole, items=tuple(item for item in whole.items if item != left_out))
            store.add(cut)
            world.index.note_run("t", replace(world.index.last_run("t"), record=cut.name))
            verdict = world.verify("t")["t"]
            assert verdict.verdict in {"different", "incomplete"}, left_out
            assert any("which its record does not name" in reason for reason in verdict.reasons), left_out

    def test_what_it_lacked_is_named(self, world: World):
        world.write(a="1", b="2").targets(self.undeclared("cat a b to out")).build()
        whole = world.record("t")
        world.workshop().store.forget(whole)
        cut = replace(whole, items=whole.items[:1])
        world.workshop().store.add(cut)
        verdict = world.verify()["t"]
        assert verdict.verdict == "different"
        assert verdict.reasons[0] == "it looked for b, which its record does not name"
        assert verdict.reasons[1] == "t failed with exit status 1"

    def test_a_file_that_was_only_asked_for_has_no_content_in_the_copy(self, world: World):
        world.write(config="secret").targets(self.undeclared("ask config to out")).build()
        kept = world.verify(keeps=True)["t"].kept
        assert world.fs.files(kept)["config"] == bytes(6)

    def test_names_of_a_folder_are_there_without_their_content(self, world: World):
        world.write(data__x="content", data__y="content").targets(self.undeclared("names data to out; cat data/x to n", "out n")).build()
        kept = world.verify(keeps=True)["t"].kept
        files = world.fs.files(kept)
        assert (files["data/x"], files["data/y"]) == (b"content", b"")


FILES = ("a", "b", "data/x", "data/y", "data/deep/z", "lib/m")
FOLDERS = ("data", "data/deep", "lib", ".")


@st.composite
def statements(draw: st.DrawFn, there: list[str]) -> str:
    known = sorted({*there, "first"})
    kind = draw(st.sampled_from(["cat", "ask", "names", "list", "use"]))
    if kind == "cat":
        return f"cat {' '.join(draw(st.lists(st.sampled_from(known), min_size=1, max_size=3)))} to OUT"
    if kind == "ask":
        return f"ask {draw(st.sampled_from((*FILES, *FOLDERS[:3], 'first', 'nothing', 'no/folder')))} to OUT"
    if kind == "use":
        return f"use {draw(st.sampled_from(['convert', 'gone']))}; write OUT 1"
    return f"{kind} {draw(st.sampled_from(FOLDERS[:3] if kind == 'list' else FOLDERS))} to OUT"


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_whatever_a_command_does_its_trace_is_enough_and_no_item_too_many(data: st.DataObject):
    there = sorted(data.draw(st.sets(st.sampled_from(FILES), min_size=1)))
    lines = data.draw(st.lists(statements(there), min_size=1, max_size=4))
    line = "; ".join(one.replace("OUT", f"out{n}") for n, one in enumerate(lines))
    world = World(watched=True)
    world.environment.programs["convert"] = "version 1"
    for path in there:
        world.put(path, f"content of {path}")
    outputs = " ".join(f"out{n}" for n in range(len(lines)))
    world.targets(command("first", "write first 1", "first"), command("t", line, outputs, None)).build().succeeded()
    verdict = world.verify("t")["t"]
    assert (verdict.verdict, verdict.reasons) == ("identical", ())
    whole = world.record("t")
    listed = {item.path for item in whole.items if isinstance(item, Listing)}
    for item in whole.items:
        if isinstance(item, Status) and item.path in listed:
            continue  # the listing says it
        world.workshop().store.forget(world.record("t"))
        cut = replace(whole, items=tuple(other for other in whole.items if other != item))
        world.workshop().store.add(cut)
        world.index.note_run("t", replace(world.index.last_run("t"), record=cut.name))
        assert world.verify("t")["t"].verdict in {"different", "incomplete"}, item


class TestAdopted:
    """A result that was taken over is settled, or stays what it is."""

    def adopted(self, action: Action, output: str, **files: str) -> World:
        world = World().write(**files).targets(action)
        world.put(action.outputs[0].path, output)
        world.build(adopt=True).ran()
        assert world.situation(action.id).state is State.ADOPTED
        return world

    def test_it_becomes_an_ordinary_result_where_it_comes_out(self):
        world = self.adopted(command("t", "cat a to out", "out", "a"), "1", a="1")
        verdict = world.verify()["t"]
        assert (verdict.verdict, verdict.is_adopted) == ("adopted", False)
        assert world.situation("t").state is State.FRESH
        record = world.record("t")
        assert not record.adopted
        assert verdict.record == record.name
        assert words(world.verify()) == {"t": "identical"}
        world.build().ran_nothing()
        world.write(a="2").build().ran("t")

    def test_it_stays_adopted_where_it_comes_out_otherwise(self):
        world = self.adopted(command("t", "cat a to out", "out", "a"), "by hand", a="1")
        verdict = world.verify()["t"]
        assert (verdict.verdict, verdict.is_adopted) == ("different", True)
        assert world.situation("t").state is State.ADOPTED

    def test_within_its_tolerance_what_was_adopted_stays_the_result(self):
        world = self.adopted(tolerant(command("t", "cat a to m.json", "m.json", "a"), relative=0.1), "1.01", a="1.0")
        assert world.verify()["t"].verdict == "adopted"
        assert world.content("m.json") == "1.01"
        assert world.situation("t").state is State.FRESH
        world.build().ran_nothing()


class TestAdoptedAndWatched:
    @pytest.fixture
    def world(self) -> World:
        return World(watched=True)

    def adopted(self, world: World, line: str, output: str) -> World:
        world.targets(command("t", line, "out", None)).put("out", output).build(adopt=True).ran()
        return world

    def test_what_it_looks_for_and_the_project_has_it_is_given(self, world: World):
        world.write(a="1", lib__b="2", lib__c="3")
        self.adopted(world, "cat a lib/b to out; names lib to out", "b c")
        assert world.verify()["t"].verdict == "adopted"
        assert world.situation("t").state is State.FRESH
        world.write(lib__d="4").build().ran("t")

    def test_the_adopted_record_holds_no_longer_once_it_is_settled(self, world: World):
        world.write(a="1")
        self.adopted(world, "cat a to out", "1").verify()
        world.write(a="2").build().ran("t")
        assert world.content("out") == "2"

    def test_what_its_last_watched_run_had_read_is_there_at_once(self, world: World):
        world.write(a="1", b="2").targets(command("t", "cat a b to out", "out", None)).build()
        world.targets(command("t", "cat a b to out; true", "out", None)).build(adopt=True).ran()
        assert world.situation("t").state is State.ADOPTED
        assert world.verify()["t"].verdict == "adopted"
        assert world.ran_now == ["t"]


def test_verdicts_say_when_and_under_what_conditions():
    world = built(command("t", "cat a to out", "out", "a"), document("d", "a"), a="1")
    verdicts = world.verify()
    assert verdicts["t"].varied == ("folder", "order of files", "home", "user", "temporary folder", "umask", "processors")
    assert verdicts["d"].varied == ("folder", "order of files")
    assert verdicts["t"].verified.startswith("2023-11-")
    assert (verdicts["t"].key, verdicts["t"].record) == (world.record("t").key, world.record("t").name)


def test_a_document_that_reads_what_its_record_does_not_name_does_not_pass():
    world = built(document("d", "a b ?c"), a="1", b="2")
    whole = world.record("d")
    store = world.workshop().store
    for left_out in whole.items:
        store.forget(world.record("d"))
        cut = replace(whole, items=tuple(item for item in whole.items if item != left_out))
        store.add(cut)
        world.index.note_run("d", replace(world.index.last_run("d"), record=cut.name))
        assert world.verify()["d"].verdict in {"different", "incomplete"}, left_out
