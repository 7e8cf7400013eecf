"""Bundles: what is in them, and which of it is believed."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperbuild.engine.trace import Artifact, Record, dump_record
from paperbuild.sharing.bundles import (
    MOST_RECORDS,
    PURPOSE,
    BundleError,
    Fault,
    Refusal,
    Signed,
    believed,
    dump_bundle,
    is_output,
    load_bundle,
    merged,
    signed,
)
from paperbuild.sharing.signing import Signer, Trust, new_private_key

MINE, OTHER = Signer(new_private_key()), Signer(new_private_key())
TRUST = Trust([MINE.public])
KEY = "ab" * 32
DIGEST = "cd" * 32


def record(**changes: object) -> Record:
    artifact = Artifact("o", "build/o", DIGEST, 1)
    plain = Record(KEY, "train", "train", (), (), (artifact,), 5, 0.1)
    return msgspec.structs.replace(plain, **changes)


def artifact(**changes: object) -> Artifact:
    return msgspec.structs.replace(Artifact("o", "build/o", DIGEST, 1), **changes)


def fault(entry: Signed, key: str = KEY) -> Fault | None:
    found = believed(entry, key, TRUST)
    return found.fault if isinstance(found, Refusal) else None


entries = st.builds(
    Signed,
    st.sampled_from(["", MINE.public, OTHER.public]),
    st.binary(min_size=1, max_size=64),
    st.binary(max_size=200),
    st.lists(st.binary(max_size=20), max_size=3).map(tuple),
).map(lambda entry: entry if entry.signer else Signed("", b"", entry.data))


@given(st.lists(entries, max_size=5))
def test_a_bundle_says_exactly_what_was_put_into_it(found: list[Signed]) -> None:
    assert load_bundle(dump_bundle(found)) == tuple(found)


@given(st.lists(entries, max_size=3), st.data())
def test_a_changed_byte_or_a_missing_end_is_noticed(found: list[Signed], data: st.DataObject) -> None:
    whole = dump_bundle(found)
    place = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[place] ^= data.draw(st.integers(1, 255))
    for spoilt in (bytes(flipped), whole[:place]):
        with pytest.raises(BundleError):
            load_bundle(spoilt)


@given(st.binary(max_size=300))
def test_anything_at_all_is_read_or_refused(body: bytes) -> None:
    whole = b"paperbuild-bundle 1 " + hashlib.sha256(body).hexdigest().encode() + b"\n" + body
    try:
        found = load_bundle(whole)
    except BundleError:
        return
    assert load_bundle(dump_bundle(found)) == found


def test_a_bundle_of_a_later_version_is_not_called_damaged() -> None:
    with pytest.raises(BundleError) as caught:
        load_bundle(dump_bundle([]).replace(b"bundle 1", b"bundle 2"))
    assert caught.value.fault is Fault.LATER


def test_what_a_trusted_key_signed_is_believed() -> None:
    found = believed(signed(record(), MINE), KEY, TRUST)
    assert found == record(origin=MINE.public)
    assert signed(found, MINE) == signed(record(), MINE)  # whom it came from is no part of what is signed


def test_what_is_not_signed_by_a_trusted_key_is_refused() -> None:
    assert fault(signed(record(), OTHER)) is Fault.UNKNOWN
    assert fault(Signed("", b"", dump_record(record()))) is Fault.UNSIGNED
    assert fault(Signed(MINE.public, b"", dump_record(record()))) is Fault.UNSIGNED


def test_a_signature_of_something_else_is_refused() -> None:
    other = record(duration_s=0.2)
    assert fault(Signed(MINE.public, MINE.sign(PURPOSE, dump_record(other)), dump_record(record()))) is Fault.FORGED
    assert fault(Signed(MINE.public, OTHER.sign(PURPOSE, dump_record(record())), dump_record(record()))) is Fault.FORGED
    assert fault(Signed(MINE.public, MINE.sign("another purpose", dump_record(record())), dump_record(record()))) is Fault.FORGED


def test_a_record_of_another_key_is_refused() -> None:
    assert fault(signed(record(), MINE), "ef" * 32) is Fault.STRAY


def test_a_record_of_a_later_version_is_told_from_a_damaged_one() -> None:
    later = dump_record(record()).replace(b"paperbuild-record 2", b"paperbuild-record 3")
    assert fault(Signed(MINE.public, MINE.sign(PURPOSE, later), later)) is Fault.LATER
    cut = dump_record(record())[:-3]
    assert fault(Signed(MINE.public, MINE.sign(PURPOSE, cut), cut)) is Fault.DAMAGED


@pytest.mark.parametrize(
    "artifacts",
    [
        artifact(path="/etc/passwd"), artifact(path="../x"), artifact(path="a/../../x"), artifact(path=""), artifact(path="a//b"),
        artifact(path="./a"), artifact(path=".git/hooks/post-commit"), artifact(path=".paperbuild/journal/x"), artifact(path="a\\..\\b"),
        artifact(path="a\0b"), artifact(path="/"), artifact(digest="../../../etc/passwd"), artifact(digest="ab"), artifact(digest=""),
        artifact(digest=DIGEST.upper()), artifact(digest="x", stored=False),
    ],
    ids=lambda found: f"{found.path!r}-{found.digest[:6]}",
)  # fmt: skip
def test_a_record_that_would_reach_beyond_the_project_is_refused_whoever_signed_it(artifacts: Artifact) -> None:
    assert fault(signed(record(artifacts=(artifacts,)), MINE)) is Fault.UNSOUND


def test_strays_that_lead_out_of_the_project_are_refused() -> None:
    assert fault(signed(record(strays=("../x",)), MINE)) is Fault.UNSOUND


def test_usual_outputs_are_taken() -> None:
    usual = (artifact(path="_build/paper.pdf"), artifact(path="build/run 1/ö.csv"), artifact(path="d/", is_folder=True))
    assert fault(signed(record(artifacts=(*usual, artifact(stored=False), artifact(stored=False, digest=""))), MINE)) is None


@given(st.text(alphabet="ab./\\", max_size=12))
def test_no_output_leads_out_of_the_project(path: str) -> None:
    import posixpath

    if is_output(path):
        assert not posixpath.isabs(path)
        assert posixpath.normpath(path).split("/")[0] != ".."


def test_a_bundle_keeps_the_newest() -> None:
    present: tuple[Signed, ...] = ()
    for number in range(MOST_RECORDS + 4):
        present = merged(present, signed(record(finished_ns=number, artifacts=(artifact(digest=f"{number:064x}"),)), MINE), TRUST)
    times = [found.finished_ns for entry in present if isinstance(found := believed(entry, KEY, TRUST), Record)]
    assert times == list(range(MOST_RECORDS + 3, 3, -1))


def test_one_record_of_one_signer_stands_once_and_of_two_twice() -> None:
    once = merged((), signed(record(), MINE), TRUST)
    assert merged(once, signed(record(finished_ns=9), MINE), TRUST) == (signed(record(finished_ns=9), MINE),)
    assert len(merged(once, signed(record(), OTHER), TRUST)) == 2


def test_who_is_not_trusted_pushes_nobody_out() -> None:
    present: tuple[Signed, ...] = (signed(record(), MINE),)
    flood = [signed(record(finished_ns=10**18, artifacts=(artifact(digest=f"{n:064x}"),)), OTHER) for n in range(MOST_RECORDS)]
    for entry in flood[:-1]:
        present = (entry, *present)
    new = signed(record(finished_ns=6, artifacts=(artifact(digest="ee" * 32),)), MINE)
    kept = merged((*present, flood[-1]), new, TRUST)
    assert len(kept) == MOST_RECORDS
    assert {new, signed(record(), MINE)} <= set(kept)


def test_what_cannot_be_read_here_is_kept() -> None:
    later = Signed(OTHER.public, b"x", dump_record(record()).replace(b"record 2", b"record 3"))
    assert later in merged((later,), signed(record(), MINE), TRUST)
