"""Clones that share results: through a folder, and through servers of S3, Azure and Google."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paperbuild.sharing import downloads, pieces, sending, small
from paperbuild.sharing.bundles import PURPOSE, Signed, dump_bundle, signed
from paperbuild.sharing.layout import blob_name, bundle_name, pieces_name
from tests.sharing.clones import Clone, key_of
from tests.sharing.conftest import OBJECT_STORES, address_of
from tests.sharing.servers import web_server

CloneMaker = Callable[..., Clone]


@pytest.fixture(params=["file", *OBJECT_STORES])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param != "file":
        return address_of(request, request.param)
    (tmp_path / "remote").mkdir()
    return f"file://{tmp_path}/remote"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "remote").mkdir()
    return tmp_path / "remote"


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> int:
    """Pieces of 64 KiB, so that a larger content is quickly had."""
    for module in (pieces, downloads, sending):
        monkeypatch.setattr(module, "PIECE", 1 << 16)
    return 1 << 16


def test_what_one_offers_another_finds_and_fetches(clone: CloneMaker, address: str) -> None:
    mine = clone(address)
    record = mine.made("train", b"model", b"", folder={"a/b": b"1", "c": b"2"})
    mine.shared.offer(record)
    assert mine.shared.settle(30) == 0
    yours = clone(address, mine)
    assert yours.shared.find([record.key, key_of("other")]) == {record.key: (mine.vouched(record),)}
    listing = mine.store.blobs.read(record.artifacts[2].digest)
    assert yours.fetched(record) == [b"model", b"", listing]
    assert yours.codes() == []


def test_of_several_records_the_newest_comes_first_and_each_once(clone: CloneMaker, address: str) -> None:
    mine = clone(address)
    old, new = mine.made("train", b"old"), mine.made("train", b"new")
    for record in (new, old, new):
        mine.shared.offer(record)
    assert mine.shared.settle(30) == 0
    assert clone(address, mine).shared.find([old.key])[old.key] == (mine.vouched(new), mine.vouched(old))


def test_who_is_not_trusted_is_not_believed(clone: CloneMaker, address: str) -> None:
    mine = clone(address)
    record = mine.made("train", b"model")
    mine.shared.offer(record)
    mine.shared.settle(30)
    yours = clone(address)
    assert yours.shared.find([record.key]) == {}
    (notice,) = yours.shared.notices()
    assert notice.code == "PB610"
    assert mine.signer.public in notice.notes
    yours.shared.find([record.key])
    assert yours.shared.notices() == ()


def test_of_a_stranger_is_told_beside_somebody_who_is_trusted_only_once_he_was_missed(clone: CloneMaker, folder: Path) -> None:
    """A key that was withdrawn stays below what it signed, and nobody reads what is told with each build for ever."""
    stranger, mine = clone(f"file://{folder}"), clone(f"file://{folder}")
    record = mine.made("train", b"model")
    for one, made in ((stranger, stranger.made("train", b"another")), (mine, record)):
        one.shared.offer(made)
        one.shared.settle(30)
    yours = clone(f"file://{folder}", mine)
    assert list(yours.shared.find([record.key])) == [record.key]
    assert yours.codes() == []
    yours.shared.offer(yours.made("train", b"a third"))  # what mine made did not hold
    (notice,) = yours.shared.notices()
    assert notice.code == "PB610"
    assert stranger.signer.public in notice.notes


def test_who_is_interrupted_waits_for_no_transfer(
    clone: CloneMaker, folder: Path, small_pieces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = clone(f"file://{folder}")
    record = mine.made("train", os.urandom(9 * small_pieces), *(os.urandom(40_000 + n) for n in range(1, 9)))
    mine.shared.offer(record)
    mine.shared.settle(30)
    yours = clone(f"file://{folder}", mine)
    yours.shared.find([record.key])
    begun, go_on = threading.Semaphore(0), threading.Event()
    stream = yours.shared.link.transport.stream

    def slowly(name: str, offset: int) -> Iterator[bytes] | None:
        found = stream(name, offset)
        if found is not None:
            begun.release()
            go_on.wait(30)
        return found

    monkeypatch.setattr(yours.shared.link.transport, "stream", slowly)
    came: list[frozenset[str]] = []
    wanted = {artifact.digest: f"{folder.parent}/{n}" for n, artifact in enumerate(record.artifacts)}
    fetching = threading.Thread(target=lambda: came.append(yours.shared.fetch(wanted)))
    fetching.start()
    assert all(begun.acquire(timeout=30) for _ in range(4))  # so many begin at once
    yours.shared.halt()
    go_on.set()
    fetching.join(30)
    assert came == [frozenset()]
    assert not any(os.path.exists(path) for path in wanted.values())
    assert yours.shared.fetch(wanted) == wanted.keys()


def test_a_larger_content_goes_and_comes_in_pieces(clone: CloneMaker, address: str, small_pieces: int) -> None:
    mine = clone(address)
    data = os.urandom(5 * small_pieces + 17)
    record = mine.made("train", data, data[:small_pieces])
    mine.shared.offer(record)
    assert mine.shared.settle(30) == 0
    assert mine.shared.link.transport.look(pieces_name(record.artifacts[0].digest)) is not None
    assert mine.shared.link.transport.look(blob_name(record.artifacts[0].digest)) is None
    assert clone(address, mine).fetched(record) == [data, data[:small_pieces]]


def test_what_cannot_be_had_leaves_nothing_where_it_should_stand(clone: CloneMaker, address: str) -> None:
    mine = clone(address)
    assert mine.fetched(mine.made("train", b"never uploaded")) == [None]
    assert mine.codes() == []


def test_names_that_are_no_digests_are_not_asked_for(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    (folder / "secret").write_text("x")
    assert mine.shared.find(["../secret", "x" * 64]) == {}
    assert mine.shared.fetch({"../../secret": str(folder / "got")}) == frozenset()


def test_a_spoilt_content_is_refused_and_replaced_by_who_makes_it_again(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    record = mine.made("train", b"model")
    mine.shared.offer(record)
    mine.shared.settle(30)
    (folder / blob_name(record.artifacts[0].digest)).write_bytes(b"m0del")
    yours = clone(f"file://{folder}", mine)
    assert yours.fetched(record) == [None]
    assert yours.codes() == ["PB614"]
    again = yours.made("train", b"model")
    yours.shared.offer(again)
    yours.shared.settle(30)
    assert (folder / blob_name(record.artifacts[0].digest)).read_bytes() == b"model"


def test_a_spoilt_piece_is_refused(clone: CloneMaker, folder: Path, small_pieces: int) -> None:
    mine = clone(f"file://{folder}")
    data = os.urandom(3 * small_pieces)
    record = mine.made("train", data)
    mine.shared.offer(record)
    mine.shared.settle(30)
    for path in (folder / "blobs").rglob("*"):
        if path.is_file():
            path.write_bytes(bytes(small_pieces))
            break
    yours = clone(f"file://{folder}", mine)
    assert yours.fetched(record) == [None]
    assert yours.codes() == ["PB614"]


# --- what stands there and is not believed


def _place(folder: Path, key: str, data: bytes) -> None:
    path = folder / bundle_name(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _refusals(mine: Clone, folder: Path, kind: str) -> bytes:
    other = mine.made("other", b"x")
    record = mine.made("train", b"model")
    entry = signed(record, mine.signer)
    match kind:
        case "unsigned":
            return dump_bundle([Signed("", b"", entry.data)])
        case "forged":
            return dump_bundle([Signed(entry.signer, mine.signer.sign(PURPOSE, b"else"), entry.data)])
        case "damaged":
            return dump_bundle([entry])[:-5]
        case "rubbish":
            return b"<html>Please log in</html>"
        case "later":
            data = entry.data.replace(b"paperbuild-record 2", b"paperbuild-record 9")
            return dump_bundle([Signed(entry.signer, mine.signer.sign(PURPOSE, data), data)])
        case "later bundle":
            return dump_bundle([entry]).replace(b"bundle 1", b"bundle 9")
        case "stray":
            return dump_bundle([signed(other, mine.signer)])
        case _:
            raise AssertionError(kind)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("unsigned", "PB610"), ("forged", "PB611"), ("damaged", "PB611"), ("rubbish", "PB611"), ("later", "PB612"),
        ("later bundle", "PB612"), ("stray", "PB613"),
    ],
)  # fmt: skip
def test_what_is_refused_is_as_if_it_were_not_there_and_told_once(clone: CloneMaker, folder: Path, kind: str, code: str) -> None:
    mine = clone(f"file://{folder}")
    _place(folder, key_of("train"), _refusals(mine, folder, kind))
    for _ in range(2):
        assert mine.shared.find([key_of("train")]) == {}
    (notice,) = mine.shared.notices()
    assert (notice.code, notice.severity) == (code, "warning")


def test_a_sound_record_beside_a_refused_one_is_found(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    good, bad = mine.made("train", b"model"), mine.made("train", b"worse")
    _place(folder, good.key, dump_bundle([Signed("", b"", signed(bad, mine.signer).data), signed(good, mine.signer)]))
    assert mine.shared.find([good.key]) == {good.key: (mine.vouched(good),)}
    assert mine.codes() == ["PB610"]


def test_a_damaged_bundle_is_replaced_and_one_of_a_later_version_is_left(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    record = mine.made("train", b"model")
    _place(folder, record.key, b"damaged")
    mine.shared.offer(record)
    assert mine.shared.settle(30) == 0
    assert mine.shared.find([record.key]) == {record.key: (mine.vouched(record),)}
    later = dump_bundle([]).replace(b"bundle 1", b"bundle 2")
    _place(folder, record.key, later)
    mine.shared.offer(mine.made("train", b"another"))
    assert mine.shared.settle(30) == 1
    assert (folder / bundle_name(record.key)).read_bytes() == later


def test_a_record_from_the_future_is_taken_and_told(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    soon, later = mine.made("soon", b"1", later_s=200), mine.made("later", b"2", later_s=4000)
    for record in (soon, later):
        mine.shared.offer(record)
    mine.shared.settle(30)
    assert set(mine.shared.find([soon.key, later.key])) == {soon.key, later.key}
    (notice,) = mine.shared.notices()
    assert notice.code == "PB615"
    assert "later" in notice.message


def test_a_store_that_a_later_version_laid_out_is_left_alone(clone: CloneMaker, folder: Path) -> None:
    (folder / "version").write_text("2")
    mine = clone(f"file://{folder}")
    record = mine.made("train", b"model")
    mine.shared.offer(record)
    assert mine.shared.find([record.key]) == {}
    assert mine.shared.settle(30) == 1
    assert mine.codes() == ["PB609"]
    assert {path.name for path in folder.iterdir()} == {"version"}


def test_a_content_beside_a_record_is_what_its_digest_says_or_is_not_taken(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    record = mine.made("train", b"model")
    _place(folder, record.key, dump_bundle([signed(record, mine.signer, [b"m0del"])]))
    assert mine.shared.find([record.key]) == {record.key: (mine.vouched(record),)}
    assert mine.fetched(record) == [None]
    mine.shared.offer(record)  # it is there already, and what goes with it is no matter
    assert mine.shared.settle(30) == 0
    assert mine.fetched(record) == [b"model"]


def test_of_small_contents_that_nobody_wants_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "MOST_KEPT", 10)
    kept = small.Small()
    kept.keep({"a": b"1234", "b": b"5678"})
    kept.keep({"c": b"90ab", "b": b"5678"})
    assert [kept.write(name, str(tmp_path / name)) for name in "abc"] == [False, True, True]
    assert (tmp_path / "c").read_bytes() == b"90ab"
    assert not kept.write("c", str(tmp_path / "again"))
    kept.keep({"d": b"1"})
    assert not kept.write("d", str(tmp_path / "no/folder"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c"]


# --- namespaces


def test_who_has_a_namespace_writes_there_and_reads_above_as_well(clone: CloneMaker, address: str) -> None:
    main = clone(address)
    shared = main.made("data", b"shared" * 20_000)
    main.shared.offer(shared)
    main.shared.settle(30)
    pull = clone(address, main, namespace="pr-7")
    own, same = pull.made("train", b"own"), pull.made("data-2", b"shared" * 20_000)
    for record in (own, same):
        pull.shared.offer(record)
    assert pull.shared.settle(30) == 0
    assert set(pull.shared.find([own.key, shared.key])) == {own.key, shared.key}
    assert pull.fetched(own) == [b"own"]
    assert pull.fetched(shared) == [b"shared" * 20_000]
    assert main.shared.find([own.key]) == {}
    names = {seen.name for seen in main.shared.link.transport.listed("")}
    assert f"namespaces/pr-7/{bundle_name(own.key)}" in names
    assert f"namespaces/pr-7/{blob_name(shared.artifacts[0].digest)}" not in names  # it lies above already


# --- uploads


def test_what_could_not_go_is_remembered_and_goes_with_a_later_command(clone: CloneMaker, tmp_path: Path) -> None:
    address = f"file://{tmp_path}/not-mounted"
    mine = clone(address)
    records = [mine.made(f"cell-{n}", b"%d" % n) for n in range(5)]
    for record in records:
        mine.shared.offer(record)
    assert mine.shared.settle(30) == 5
    assert mine.codes() == ["PB603"]
    (tmp_path / "not-mounted").mkdir()
    mine.begin_anew()
    assert mine.shared.pending() == 5
    assert mine.shared.settle(30) == 0
    assert set(clone(address, mine).shared.find([record.key for record in records])) == {record.key for record in records}


def test_what_is_gone_meanwhile_is_not_waited_for(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    kept, gone = mine.made("kept", b"1"), mine.made("gone", b"2")
    lacking = mine.made("lacking", b"3")
    (Path(mine.store.root) / "outgoing").mkdir()
    for record in (kept, gone, lacking):
        (Path(mine.store.root) / f"outgoing/{record.key}-{record.name}").touch()
    (Path(mine.store.root) / "outgoing/..-x").touch()
    mine.store.forget(gone)
    os.unlink(mine.store.blobs.path(lacking.artifacts[0].digest))
    assert mine.shared.settle(30) == 0
    assert set(mine.shared.find([kept.key, gone.key, lacking.key])) == {kept.key}


def test_who_has_no_key_offers_nothing(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}", signs=False)
    mine.shared.offer(mine.made("train", b"model"))
    assert mine.shared.settle(30) == 0
    assert list(folder.iterdir()) == []


def test_what_another_process_sends_is_not_sent_twice(clone: CloneMaker, folder: Path) -> None:
    mine = clone(f"file://{folder}")
    record = mine.made("train", b"model")
    name = f"{record.key}-{record.name}"
    hold = mine.desk.lock.attempt(f"{mine.store.locks}/outgoing-{name}")
    assert hold is not None
    mine.shared.offer(record)
    assert mine.shared.settle(30) == 1
    assert mine.shared.find([record.key]) == {}
    hold.release()
    mine.begin_anew()
    assert mine.shared.settle(30) == 0


def test_waiting_for_uploads_is_bounded(clone: CloneMaker, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = clone(f"file://{folder}")
    put = mine.shared.link.transport.put
    slow = threading.Event()
    monkeypatch.setattr(mine.shared.link.transport, "put", lambda *given: (slow.wait(60), put(*given))[1])
    mine.shared.offer(mine.made("train", b"model"))
    assert mine.shared.settle(0.05) == 1
    slow.set()
    assert mine.shared.settle(30) == 0
    assert mine.shared.underway().bytes_sent == len(b"model")


# --- what can only be read


def test_what_a_web_server_hands_out_is_taken_and_nothing_is_sent(clone: CloneMaker, folder: Path, small_pieces: int) -> None:
    mine = clone(f"file://{folder}")
    data = os.urandom(3 * small_pieces)
    record = mine.made("train", b"model", data)
    mine.shared.offer(record)
    mine.shared.settle(30)
    with web_server(folder) as port:
        yours = clone(f"http://127.0.0.1:{port}", mine)
        assert yours.shared.find([record.key]) == {record.key: (mine.vouched(record),)}
        assert yours.fetched(record) == [b"model", data]
        yours.shared.offer(yours.made("other", b"x"))
        assert yours.shared.settle(30) == 0
        assert yours.codes() == []
        yours.shared.close()
