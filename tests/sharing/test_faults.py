"""An object store that fails, behind a proxy that cuts, spoils, delays and counts: a wrong byte is never taken, nobody waits long."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from paperbuild.engine.keys import name_of
from paperbuild.engine.trace import Record
from paperbuild.errors import BuildError
from paperbuild.sharing import downloads, patience, pieces, sending
from paperbuild.sharing.bundles import SMALL
from paperbuild.sharing.clearing import RemotePolicy, collect_remote
from paperbuild.sharing.exchange import push
from paperbuild.sharing.layout import blob_name, bundle_name
from tests.sharing.clones import Clone, key_of
from tests.sharing.conftest import OBJECT_STORES, Service
from tests.sharing.servers import CUT, LOST, TOP, Answer, Fault, Proxy, Request, Slow, Spoilt, error

CloneMaker = Callable[..., Clone]
PIECE = 1 << 16


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 64 KiB, and short pauses between tries."""
    for module in (pieces, downloads, sending):
        monkeypatch.setattr(module, "PIECE", PIECE)
    monkeypatch.setattr(patience, "PAUSES_S", (0.005, 0.01, 0.02))


@pytest.fixture(params=OBJECT_STORES)
def server(request: pytest.FixtureRequest) -> Service:
    found: Service = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def address(server: Service, bucket: str) -> str:
    return f"{server.scheme}://{bucket}/paper"


def result(number: int) -> bytes:
    """Return what the action ``cell-NUMBER`` made: too much to go with its record."""
    return b"result %d " % number * (SMALL // 8)


def published(clone: CloneMaker, address: str, count: int = 12) -> tuple[Clone, list[Record], bytes]:
    """Return who published results, these, and the content of the largest."""
    mine = clone(address)
    large = os.urandom(4 * PIECE + 5)
    records = [mine.made(f"cell-{n}", result(n)) for n in range(count)] + [mine.made("train", large)]
    for record in records:
        mine.shared.offer(record)
    assert mine.shared.settle(60) == 0
    return mine, records, large


def all_came(yours: Clone, records: list[Record], large: bytes) -> bool:
    found = yours.shared.find([record.key for record in records])
    contents = [yours.fetched(record)[0] for record in records]
    return {key_of("train"), *found} == {record.key for record in records} and contents[-1] == large and None not in contents


def every(nth: int, fault: Fault) -> Callable[[Request], Fault]:
    """Have every ``nth`` request fail; of 2, every other one for the same name, or chance would have some fail for ever."""
    count: Counter[tuple[str, str]] = Counter()

    def decide(request: Request) -> Fault:
        place = (request.method, request.path)
        count[place] += 1
        return fault if (count[place] if nth == 2 else request.number) % nth == (1 if nth == 2 else 0) else None

    return decide


# --- what passes


@pytest.mark.parametrize("nth", [2, 5, pytest.param(7, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "fault", [CUT, Answer(500, b"oops"), error(503, "SlowDown"), Spoilt(cut_after=3)], ids=["cut", "500", "503", "half"]
)
def test_whoever_reads_gets_all_through_a_server_that_fails_at_every_nth_request(
    clone: CloneMaker, proxy: Proxy, address: str, nth: int, fault: Fault
) -> None:
    mine, records, large = published(clone, address, 6)
    yours = clone(address, mine)
    proxy.fault = every(nth, fault)
    assert all_came(yours, records, large)
    assert yours.codes() == []


@pytest.mark.parametrize("nth", [2, 5, pytest.param(7, marks=pytest.mark.slow)])
@pytest.mark.parametrize("fault", [CUT, LOST, Answer(500)], ids=["cut", "lost", "500"])
def test_whoever_writes_gets_all_there_through_a_server_that_fails_at_every_nth_request(
    clone: CloneMaker, proxy: Proxy, address: str, nth: int, fault: Fault
) -> None:
    proxy.fault = every(nth, fault)
    mine, records, large = published(clone, address, 6)
    proxy.fault = lambda _: None
    assert all_came(clone(address, mine), records, large)


def test_one_body_that_was_altered_on_its_way_is_fetched_once_more(clone: CloneMaker, proxy: Proxy, address: str) -> None:
    mine, records, _ = published(clone, address, 1)
    yours = clone(address, mine)
    name, spoilt = blob_name(records[0].artifacts[0].digest), itertools.count()
    proxy.fault = lambda request: Spoilt(lambda body: body[::-1]) if name in request.path and not next(spoilt) else None
    assert yours.fetched(records[0]) == [result(0)]
    assert yours.codes() == []


# --- what does not


@pytest.mark.parametrize(
    "alter", [lambda body: body[:-1], lambda body: body + b"x", lambda body: bytes([body[0] ^ 1]) + body[1:], lambda body: b""],
    ids=["short", "long", "flipped", "empty"],
)  # fmt: skip
def test_a_wrong_byte_is_never_taken(clone: CloneMaker, proxy: Proxy, address: str, alter: Callable[[bytes], bytes]) -> None:
    mine, records, _ = published(clone, address, 1)
    yours = clone(address, mine)
    proxy.fault = lambda request: Spoilt(alter) if "/blobs/" in request.path and request.method == "GET" else None
    assert [yours.fetched(record) for record in records] == [[None], [None]]
    assert yours.codes() == ["PB614"]


@pytest.mark.parametrize("alter", [lambda body: body[:-1], lambda body: body.replace(b"train", b"drain")], ids=["short", "altered"])
def test_a_record_that_was_altered_on_its_way_is_not_taken(
    clone: CloneMaker, proxy: Proxy, address: str, alter: Callable[[bytes], bytes]
) -> None:
    mine, _, _ = published(clone, address, 0)
    yours = clone(address, mine)
    proxy.fault = lambda request: Spoilt(alter) if "/records/" in request.path else None
    assert yours.shared.find([key_of("train")]) == {}
    assert yours.codes() == ["PB611"]


def test_a_server_that_is_down_is_told_once_and_not_asked_again(clone: CloneMaker, proxy: Proxy, address: str) -> None:
    mine, records, _ = published(clone, address, 6)
    yours = clone(address, mine)
    proxy.fault = lambda _: CUT
    begun, asked = time.monotonic(), len(proxy.requests)
    assert yours.shared.find([record.key for record in records]) == {}
    assert yours.fetched(records[0]) == [None]
    yours.shared.offer(yours.made("more", b"x"))
    assert yours.shared.settle(60) == 1
    assert yours.codes() == ["PB602"]
    assert time.monotonic() - begun < 20
    asked, before = len(proxy.requests) - asked, len(proxy.requests)
    assert asked < 10
    assert yours.shared.find([records[0].key]) == {}
    assert len(proxy.requests) == before
    assert yours.codes() == []


def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_a_build_may(
    clone: CloneMaker, proxy: Proxy, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, records, _ = published(clone, address, 6)
    monkeypatch.setattr(patience, "BUDGET_S", 0.5)
    yours = clone(address, mine)
    over = threading.Event()
    proxy.fault = lambda request: Slow(0) if "/version" in request.path or over.wait(20) else None
    begun = time.monotonic()
    assert yours.shared.find([record.key for record in records]) == {}
    assert time.monotonic() - begun < 15
    assert yours.shared.find([records[0].key]) == {}
    assert time.monotonic() - begun < 15
    over.set()
    assert yours.codes() == ["PB617"]


def test_a_server_that_is_slow_and_answers_is_waited_for(clone: CloneMaker, proxy: Proxy, address: str) -> None:
    mine, records, large = published(clone, address, 6)
    yours = clone(address, mine)
    proxy.fault = lambda _: Slow(0.05)
    assert all_came(yours, records, large)


@pytest.mark.parametrize(
    ("answer", "code"), [(error(403, "AccessDenied"), "PB604"), (Answer(507, b"full"), "PB608")], ids=["denied", "full"]
)
def test_who_may_not_write_reads_all_the_same(clone: CloneMaker, proxy: Proxy, address: str, answer: Answer, code: str) -> None:
    mine, records, large = published(clone, address, 2)
    yours = clone(address, mine)
    proxy.fault = lambda request: answer if request.method == "PUT" else None
    own = yours.made("own", b"x")
    yours.shared.offer(own)
    assert yours.shared.settle(30) == 1
    assert all_came(yours, records, large)
    assert yours.codes() == [code]
    with pytest.raises(BuildError) as caught:
        push(yours.opened(), [own])
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == [code]


# --- what was interrupted


def test_a_download_that_was_interrupted_goes_on_where_it_was(clone: CloneMaker, proxy: Proxy, address: str) -> None:
    mine, records, large = published(clone, address, 0)
    yours = clone(address, mine)
    names = [blob_name(pieces_) for pieces_ in pieces.cut(mine.store.blobs.path(records[0].artifacts[0].digest))[1].digests]
    proxy.fault = lambda request: CUT if names[3] in request.path else None
    assert yours.fetched(records[0]) == [None]
    assert yours.codes() == ["PB602"] or yours.codes() == []
    proxy.fault = lambda _: None
    yours.begin_anew()
    before = len(proxy.requests)
    assert yours.fetched(records[0]) == [large]
    again = {name for name in names for request in proxy.requests[before:] if name in request.path}
    assert names[3] in again
    assert len(again) < len(names)
    assert list((Path(yours.store.root) / "partial").iterdir()) == []


def test_what_came_of_an_interrupted_download_is_checked_again(clone: CloneMaker, proxy: Proxy, address: str) -> None:
    mine, records, large = published(clone, address, 0)
    yours = clone(address, mine)
    digest = records[0].artifacts[0].digest
    names = [blob_name(pieces_) for pieces_ in pieces.cut(mine.store.blobs.path(digest))[1].digests]
    proxy.fault = lambda request: CUT if names[4] in request.path else None
    assert yours.fetched(records[0]) == [None]
    with (Path(yours.store.root) / "partial" / digest).open("r+b") as file:
        file.write(b"spoilt")
    proxy.fault = lambda _: None
    yours.begin_anew()
    assert yours.fetched(records[0]) == [large]


def test_a_connection_that_breaks_within_a_content_goes_on_where_it_was(
    clone: CloneMaker, proxy: Proxy, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (downloads, sending):
        monkeypatch.setattr(module, "PIECE", 32 << 20)
    mine = clone(address)
    data = os.urandom(4_000_000)
    record = mine.made("train", data)
    mine.shared.offer(record)
    mine.shared.settle(30)
    yours = clone(address, mine)
    proxy.fault = lambda request: Spoilt(cut_after=400_000) if "/blobs/" in request.path else None
    assert yours.fetched(record) == [data]


def test_an_upload_that_was_interrupted_goes_on_where_it_was(clone: CloneMaker, proxy: Proxy, address: str) -> None:
    mine = clone(address)
    large = os.urandom(8 * PIECE)
    record = mine.made("train", large)
    names = [blob_name(digest) for digest in pieces.cut(mine.store.blobs.path(record.artifacts[0].digest))[1].digests]
    proxy.fault = lambda request: CUT if names[5] in request.path or bundle_name(record.key) in request.path else None
    mine.shared.offer(record)
    mine.shared.settle(30)
    assert mine.shared.pending() == 1
    sent = {request.path for request in proxy.requests if request.method == "PUT"}
    proxy.fault = lambda _: None
    mine.begin_anew()
    before = len(proxy.requests)
    assert mine.shared.settle(30) == 0
    again = {request.path for request in proxy.requests[before:] if request.method == "PUT"}
    assert len([path for path in again & sent if "/blobs/" in path]) <= 1 + sending.PIECES_AT_ONCE
    assert len([path for path in again if "/blobs/" in path]) < len(names)
    assert clone(address, mine).fetched(record) == [large]


LEAVE = """
import sys
from pathlib import Path
from tests.sharing.clones import Clone
mine = Clone(Path(sys.argv[1]), sys.argv[2])
for number in range(6):
    mine.shared.offer(mine.made(f"cell-{number}", b"%d" % number))
print(mine.shared.settle(0.2))
mine.shared.close()
"""


def test_a_command_ends_while_uploads_are_under_way_and_a_later_one_goes_on(proxy: Proxy, address: str, tmp_path: Path) -> None:
    over = threading.Event()
    proxy.fault = lambda request: Slow(0) if request.method != "PUT" or over.wait(20) else None
    command = [sys.executable, "-c", LEAVE, str(tmp_path / "left"), address]
    ended = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": str(TOP)}, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "6\n", "")
    over.set()
    proxy.fault = lambda _: None
    later = Clone(tmp_path / "left", address)
    assert later.shared.settle(30) == 0
    names = {seen.name for seen in later.shared.link.transport.listed("records/")}
    assert names == {bundle_name(key_of(f"cell-{n}")) for n in range(6)}
    later.shared.close()


# --- what is asked


def test_nothing_is_ever_listed_but_by_who_collects(clone: CloneMaker, proxy: Proxy, address: str) -> None:
    mine, records, large = published(clone, address, 4)
    push(mine.shared, records)
    yours = clone(address, mine)
    assert all_came(yours, records, large)
    yours.pulled([record.key for record in records])
    assert len(proxy.requests) > 20
    assert [request for request in proxy.requests if request.is_listing] == []


def test_one_request_answers_a_key_and_one_brings_a_content(clone: CloneMaker, proxy: Proxy, address: str) -> None:
    mine, records, _ = published(clone, address, 10)
    yours = clone(address, mine)
    before = len(proxy.requests)
    yours.shared.find([record.key for record in records])
    assert len(proxy.requests) - before == len(records) + 1  # and the version of the layout
    before = len(proxy.requests)
    assert yours.fetched(records[0]) == [result(0)]
    assert len(proxy.requests) - before == 1


def test_small_contents_come_with_their_record(clone: CloneMaker, proxy: Proxy, address: str) -> None:
    mine = clone(address)
    records = [
        mine.made("small", b"x" * SMALL, b""),
        mine.made("larger", b"x" * (SMALL + 1)),
        mine.made("many", *(bytes([n]) * SMALL for n in range(6))),
    ]
    push(mine.shared, records)
    yours = clone(address, mine)
    yours.shared.find([record.key for record in records])
    before = len(proxy.requests)
    assert yours.fetched(records[0]) == [b"x" * SMALL, b""]
    assert len(proxy.requests) == before
    assert yours.fetched(records[1]) == [b"x" * (SMALL + 1)]
    assert len(proxy.requests) == before + 1
    assert yours.fetched(records[2]) == [bytes([n]) * SMALL for n in range(6)]
    assert len(proxy.requests) == before + 1 + 2  # four go with it


def test_a_list_that_was_altered_on_its_way_costs_nobody_a_content(clone: CloneMaker, proxy: Proxy, address: str) -> None:
    mine = clone(address)
    record = mine.made("tree", folder={f"file-{n}": result(n) for n in range(3)})
    push(mine.shared, [record])
    name, spoilt = blob_name(record.artifacts[0].digest), itertools.count()
    proxy.fault = lambda request: Spoilt(lambda body: body[:-9]) if name in request.path and not next(spoilt) else None
    late_ns = time.time_ns() + 10**15
    policy = RemotePolicy(late_ns, late_ns, frozenset([name_of(record.components)]))
    assert collect_remote(mine.shared, policy, dry_run=False).blobs == 0
    assert next(spoilt) > 1
