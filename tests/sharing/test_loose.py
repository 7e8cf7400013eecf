"""Loose contents by way of a shared store: a folder, and moto's S3 server."""

import hashlib
from pathlib import Path

import pytest

from paperbuild.errors import BuildError
from paperbuild.sharing.loose import LooseStore
from paperbuild.sharing.places import parse_place
from paperbuild.sharing.surveying import layered


@pytest.fixture(params=["file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LooseStore:
    if request.param == "file":
        (tmp_path / "there").mkdir()
        return LooseStore(parse_place(f"file://{tmp_path}/there"), "cluster", str(tmp_path))
    return LooseStore(parse_place(f"s3://{request.getfixturevalue('bucket')}/paper"), "cluster", str(tmp_path))


def test_contents_come_as_they_went(store: LooseStore, tmp_path: Path) -> None:
    wanted = {}
    for n in range(20):
        (tmp_path / f"in-{n}").write_bytes(b"x" * n * 10_000)
        wanted[hashlib.sha256((tmp_path / f"in-{n}").read_bytes()).hexdigest()] = n
    store.send({digest: str(tmp_path / f"in-{n}") for digest, n in wanted.items()})
    store.fetch({digest: str(tmp_path / f"out-{n}") for digest, n in wanted.items()})
    assert all((tmp_path / f"out-{n}").read_bytes() == (tmp_path / f"in-{n}").read_bytes() for n in range(20))


def test_a_large_content_goes_in_pieces(store: LooseStore, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"0123456789abcdef" * (40 << 16))
    digest = hashlib.sha256((tmp_path / "large").read_bytes()).hexdigest()
    store.send({digest: str(tmp_path / "large")})
    store.fetch({digest: str(tmp_path / "again")})
    assert (tmp_path / "again").read_bytes() == (tmp_path / "large").read_bytes()


def test_a_name_is_written_once_read_and_removed(store: LooseStore) -> None:
    name = "parcels/ab/begun"
    assert store.read(name) is None
    assert [store.write(name, b"one"), store.write(name, b"two")] == [True, False]
    assert store.read(name) == b"one"
    store.remove([name, "parcels/ab/nothing"])
    assert store.read(name) is None


def test_what_is_not_there_is_an_error(store: LooseStore, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="what a command elsewhere needs cannot be read in"):
        store.fetch({"0" * 64: str(tmp_path / "out")})
    with pytest.raises(BuildError, match="what a command elsewhere needs cannot be written in"):
        store.send({"0" * 64: str(tmp_path / "none")})


def test_the_collector_knows_parcels_that_were_left_and_takes_nothing_else_for_one() -> None:
    cargo = "ab" * 32
    assert layered(f"parcels/{cargo}/cargo") == ("", f"parcels/{cargo}/cargo")
    assert layered(f"namespaces/pr-1/parcels/{cargo}/haul") == ("namespaces/pr-1/", f"parcels/{cargo}/haul")
    assert layered("parcels/mine/notes.txt") is None
