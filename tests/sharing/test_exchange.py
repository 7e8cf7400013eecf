"""What ``cache push``, ``verify --remote`` and ``gc --remote`` do, on a folder and on servers of S3, Azure and Google."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from paperbuild.engine.keys import name_of
from paperbuild.engine.trace import Record
from paperbuild.errors import BuildError
from paperbuild.sharing import clearing, downloads, pieces, sending
from paperbuild.sharing.bundles import SMALL, Signed, dump_bundle, load_bundle
from paperbuild.sharing.clearing import RemotePlan, RemotePolicy, collect_remote
from paperbuild.sharing.exchange import Pushed, push
from paperbuild.sharing.layout import blob_name, bundle_name, pieces_name
from paperbuild.sharing.link import Link
from paperbuild.sharing.sending import Progress
from paperbuild.sharing.surveying import verify_remote
from tests.sharing.clones import Clone
from tests.sharing.conftest import OBJECT_STORES, address_of
from tests.sharing.servers import web_server

CloneMaker = Callable[..., Clone]
PIECE = 1 << 16
DAY_NS = 24 * 3600 * 10**9


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (pieces, downloads, sending):
        monkeypatch.setattr(module, "PIECE", PIECE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "remote").mkdir()
    return tmp_path / "remote"


@pytest.fixture(params=["file", *OBJECT_STORES])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param != "file":
        return address_of(request, request.param)
    (tmp_path / "remote").mkdir()
    return f"file://{tmp_path}/remote"


def several(mine: Clone) -> list[Record]:
    return [
        mine.made("train", os.urandom(3 * PIECE + 1), b"small"),
        mine.made("plots", folder={"a.png": b"a", "b/c.png": b"bc", "d.png": b"a"}),
        mine.made("cell-1", b""),
    ]


def size_of(mine: Clone, records: list[Record]) -> int:
    return sum(os.stat(mine.store.blobs.path(digest)).st_size for digest in {d for record in records for d in mine.store.blobs.of(record)})


# --- push and pull


def test_what_is_pushed_can_be_pulled_in_full(clone: CloneMaker, address: str) -> None:
    mine = clone(address)
    records = several(mine)
    told: list[Progress] = []
    assert push(mine.shared, records, told.append) == Pushed(3, 0, 0, size_of(mine, records))
    assert [(one.done, one.total) for one in told] == [(1, 3), (2, 3), (3, 3)]
    yours = clone(address, mine)
    assert yours.pulled([record.key for record in records]) == (3, frozenset())
    for record in records:
        assert yours.store.records(record.key) == (mine.vouched(record),)
        assert all(yours.store.blobs.has(artifact) for artifact in record.artifacts)
    assert yours.store.blobs.read(records[0].artifacts[0].digest) == mine.store.blobs.read(records[0].artifacts[0].digest)


def test_what_is_there_already_is_not_sent_again(clone: CloneMaker, address: str) -> None:
    mine = clone(address)
    records = several(mine)
    push(mine.shared, records)
    mine.begin_anew()
    assert push(mine.shared, records) == Pushed(0, 3, 0, 0)


def test_what_somebody_removed_there_is_sent_again_though_its_record_is_there(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    records = several(mine)
    whole = push(mine.shared, records)
    for digest in mine.store.blobs.of(records[0]):
        for name in (blob_name(digest), pieces_name(digest)):
            (folder / name).unlink(missing_ok=True)
    mine.begin_anew()
    again = push(mine.shared, records)
    assert (again.sent, again.there) == (1, whole.sent - 1)
    mine.begin_anew()
    assert push(mine.shared, records) == Pushed(0, 3, 0, 0)
    yours = clone(f"file://{folder}", mine)
    assert yours.pulled([record.key for record in records]) == (3, frozenset())


def test_what_another_one_pushed_is_vouched_for_again_without_its_contents(clone: CloneMaker, address: str) -> None:
    mine = clone(address)
    records = several(mine)
    push(mine.shared, records)
    yours = clone(address, mine)
    yours.pulled([record.key for record in records])
    pushed = push(yours.shared, records)
    assert (pushed.sent, pushed.there) == (3, 0)
    theirs = clone(address, yours)
    assert set(theirs.shared.find([record.key for record in records])) == {record.key for record in records}


def test_what_lacks_contents_is_not_pushed_and_not_pulled(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    whole, cut, spoilt = mine.made("whole", bytes(SMALL + 1)), mine.made("cut", b"22"), mine.made("spoilt", b"333")
    os.unlink(mine.store.blobs.path(cut.artifacts[0].digest))
    os.chmod(mine.store.blobs.path(spoilt.artifacts[0].digest), 0o644)
    Path(mine.store.blobs.path(spoilt.artifacts[0].digest)).write_bytes(b"334")
    pushed = push(mine.shared, [whole, cut, spoilt])
    assert (pushed.sent, pushed.lacking) == (1, 2)
    os.unlink(folder / blob_name(whole.artifacts[0].digest))
    yours = clone(f"file://{folder}", mine)
    assert yours.pulled([whole.key, cut.key]) == (1, {whole.artifacts[0].digest})


def test_a_push_takes_what_it_sends_off_the_list_of_what_has_yet_to_go(clone: CloneMaker, tmp_path: Path) -> None:
    mine = clone(f"file://{tmp_path}/later")
    records = several(mine)
    for record in records:
        mine.shared.offer(record)
    assert mine.shared.settle(30) == 3
    (tmp_path / "later").mkdir()
    mine.begin_anew()
    push(mine.shared, records)
    assert mine.shared.pending() == 0


def test_who_has_no_key_cannot_push(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}", signs=False)
    with pytest.raises(BuildError) as caught:
        push(mine.shared, [mine.made("train", b"x")])
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["PB605"]


def test_what_can_only_be_read_says_so_to_who_pushes_collects_or_verifies(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    record = mine.made("train", b"x")
    push(mine.shared, [record])
    with web_server(folder) as port:
        yours = clone(f"http://127.0.0.1:{port}", mine)
        acts = [
            (lambda: push(yours.shared, [record]), "PB607"),
            (lambda: collect_remote(yours.shared, RemotePolicy(0, 0), dry_run=False), "PB607"),
            (lambda: collect_remote(yours.shared, RemotePolicy(0, 0), dry_run=True), "PB619"),
            (lambda: verify_remote(yours.shared), "PB619"),
        ]
        for act, code in acts:
            with pytest.raises(BuildError) as caught:
                act()
            assert [diagnostic.code for diagnostic in caught.value.diagnostics] == [code]
        survey = verify_remote(yours.shared, [record.key])
        assert (survey.records, survey.blobs, survey.damages) == (1, 1, ())
        yours.shared.close()


# --- verify


def test_a_store_that_is_sound_is_said_to_be_so(clone: CloneMaker, address: str) -> None:
    mine = clone(address)
    records = several(mine)
    push(mine.shared, records)
    pull_request = clone(address, mine, namespace="pr-1", key=mine.private)
    push(pull_request.shared, [pull_request.made("own", b"own")])
    push(clone(address).shared, [])
    survey = verify_remote(mine.shared)
    assert (survey.records, survey.damages, survey.untrusted, survey.later) == (4, (), 0, 0)
    assert survey.blobs == len({digest for record in records for digest in mine.store.blobs.of(record)}) + 1
    assert survey.bytes == size_of(mine, records) + len(b"own")


def test_whatever_is_damaged_is_found_with_who_made_it(clone: CloneMaker, folder: Path) -> None:
    mine, other = clone(f"file://{folder}"), clone(f"file://{folder}")
    records = [*several(mine), mine.made("cell-2", b"two"), mine.made("cell-3", b"three")]
    push(mine.shared, records)
    push(other.shared, [other.made("theirs", b"x")])
    large, flipped, gone = records[0].artifacts[0].digest, records[3].artifacts[0].digest, records[4].artifacts[0].digest
    piece = pieces.cut(mine.store.blobs.path(large))[1].digests[2]
    os.unlink(folder / blob_name(piece))
    (folder / blob_name(flipped)).write_bytes(b"tvo")
    os.unlink(folder / blob_name(gone))
    (folder / bundle_name(records[2].key)).write_bytes(b"rubbish")
    survey = verify_remote(mine.shared)
    assert survey.untrusted == 1
    assert {(damage.name, damage.actions) for damage in survey.damages} == {
        (blob_name(large), ("train",)),
        (blob_name(flipped), ("cell-2",)),
        (blob_name(gone), ("cell-3",)),
        (bundle_name(records[2].key), ()),
    }
    assert verify_remote(mine.shared, [records[1].key]).damages == ()


# --- gc


def age(folder: Path, days: float, *names: str) -> None:
    """Make these, or all there is, so old."""
    then = time.time() - days * 86400
    for path in [folder / name for name in names] or [path for path in folder.rglob("*") if path.is_file()]:
        os.utime(path, (then, then))


def policy(days: float, *named: Record) -> RemotePolicy:
    now_ns = time.time_ns()
    return RemotePolicy(now_ns - round(days * DAY_NS), now_ns - DAY_NS, frozenset(name_of(r.components) for r in named))


def contents(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.parent.name != "locks"} - {"version"}


def test_what_is_old_and_not_named_goes_with_what_only_it_needs(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    train, plots, cell = several(mine)
    shared = mine.made("shares", b"small")
    push(mine.shared, [train, plots, cell, shared])
    age(folder, 100)
    age(folder, 2, bundle_name(shared.key))
    before = contents(folder)
    plan = collect_remote(mine.shared, policy(90, plots), dry_run=True)
    assert contents(folder) == before
    assert (plan.records, plan.actions) == (2, (("cell-1", 1), ("train", 1)))
    assert collect_remote(mine.shared, policy(90, plots), dry_run=False) == plan
    left = contents(folder)
    needed = {bundle_name(record.key) for record in (plots, shared)}
    assert left == needed | {blob_name(digest) for record in (plots, shared) for digest in mine.store.blobs.of(record)}
    assert pieces_name(train.artifacts[0].digest) in before
    assert plan.left == sum((folder / name).stat().st_size for name in left)
    yours = clone(f"file://{folder}", mine)
    assert yours.pulled([plots.key, shared.key]) == (2, frozenset())
    assert verify_remote(mine.shared).damages == ()


def test_the_pieces_of_what_stays_stay(clone: CloneMaker, address: str) -> None:
    mine = clone(address)
    records = several(mine)
    push(mine.shared, records)
    late_ns = time.time_ns() + 100 * DAY_NS
    late = RemotePolicy(late_ns, late_ns, policy(0, *records).named)
    plan = collect_remote(mine.shared, late, dry_run=False)
    assert (plan.records, plan.blobs) == (0, 0)
    assert verify_remote(mine.shared).damages == ()


def test_everything_goes_where_nothing_is_named(clone: CloneMaker, address: str) -> None:
    mine = clone(address)
    push(mine.shared, several(mine))
    future = time.time_ns() + DAY_NS
    plan = collect_remote(mine.shared, RemotePolicy(future, future), dry_run=False)
    assert (plan.records, plan.left) == (3, 0)
    assert [seen.name for seen in mine.shared.link.transport.listed("")] == ["version"]
    assert collect_remote(mine.shared, RemotePolicy(future, future), dry_run=False) == RemotePlan(0, 0, 0, 0, ())


def test_what_is_young_stays_whatever_is_asked_for(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    push(mine.shared, several(mine))
    (folder / "blobs/ab").mkdir(exist_ok=True)
    (folder / blob_name("ab" * 32)).write_bytes(b"of somebody who is publishing")
    before = contents(folder)
    plan = collect_remote(mine.shared, policy(0), dry_run=False)
    assert (plan.records, plan.blobs) == (0, 0)
    assert contents(folder) == before


def test_what_writers_that_died_left_on_its_way_goes_when_it_is_old(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    push(mine.shared, several(mine))
    for name in ("old", "young"):
        (folder / "incoming" / name).write_bytes(b"half of")
    age(folder, 2, "incoming/old")
    assert collect_remote(mine.shared, policy(90), dry_run=False).blobs == 1
    assert [path.name for path in (folder / "incoming").iterdir()] == ["young"]


def test_what_a_namespace_needs_stays_above(clone: CloneMaker, folder: Path) -> None:
    main = clone(f"file://{folder}")
    above = main.made("data", b"shared" * 20_000)
    push(main.shared, [above])
    pull_request = clone(f"file://{folder}", main, namespace="pr-7", key=main.private)
    same = pull_request.made("same", b"shared" * 20_000)
    push(pull_request.shared, [same])
    age(folder, 100)
    age(folder, 2, f"namespaces/pr-7/{bundle_name(same.key)}")
    assert collect_remote(main.shared, policy(90), dry_run=False).actions == (("data", 1),)
    assert verify_remote(main.shared).damages == ()
    assert clone(f"file://{folder}", main, namespace="pr-7").pulled([same.key]) == (1, frozenset())
    age(folder, 100)
    collect_remote(main.shared, policy(90), dry_run=False)
    assert contents(folder) == set()


def test_records_of_a_later_version_stop_the_collector(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    record = mine.made("train", b"x")
    push(mine.shared, [record])
    path = folder / bundle_name(record.key)
    (entry,) = load_bundle(path.read_bytes())
    later = dump_bundle([Signed(entry.signer, entry.signature, entry.data.replace(b"record 2", b"record 3"))])
    for data in (later, dump_bundle([entry]).replace(b"bundle 1", b"bundle 2")):
        path.write_bytes(data)
        before = contents(folder)
        with pytest.raises(BuildError) as caught:
            collect_remote(mine.shared, RemotePolicy(2**62, 2**62), dry_run=False)
        assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["PB619"]
        assert contents(folder) == before


def test_what_is_published_while_old_results_go_keeps_what_it_needs(
    clone: CloneMaker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, yours = clone(f"file://{folder}"), clone(f"file://{folder}")
    old = mine.made("old", b"same")
    push(mine.shared, [old])
    age(folder, 100)
    new = yours.made("new", b"same")
    delete = clearing._delete

    def publish_first(link: Link, names: list[str]) -> None:
        if bundle_name(old.key) in names:
            push(yours.shared, [new])
        delete(link, names)

    monkeypatch.setattr(clearing, "_delete", publish_first)
    assert collect_remote(mine.shared, policy(90), dry_run=False).actions == (("old", 1),)
    assert clone(f"file://{folder}", yours).fetched(new) == [b"same"]
