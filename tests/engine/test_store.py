"""The store on the real disk: what is damaged, cut short, oddly named, or from another version."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paperbuild.engine.blobs import DamagedBlob
from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.filesystem import DiskFileSystem
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Artifact, Content, Record, dump_record, load_record
from paperbuild.engine.tree import Entry, listing, parse_listing
from paperbuild.errors import UsageError


@dataclass
class Kept:
    """A store, and a folder beside it for what goes in and comes out."""

    store: Store
    folder: Path

    def record(self, digest: str, **changes: object) -> Record:
        artifact = Artifact("o", "o", digest, 1)
        return Record("ab" * 32, "t", "t", (("input:a", "1"),), (Content("a", "1"),), (artifact,), 5, 0.1, **changes)  # type: ignore[arg-type] - by name

    def blob(self, digest: str) -> Path:
        return Path(self.store.blobs.path(digest))

    def damage(self, path: Path, data: bytes) -> None:
        path.chmod(0o644)
        path.write_bytes(data)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setattr("os.fsync", lambda handle: None)
    store = Store(DiskFileSystem(), str(tmp_path / "store"))
    store.prepare()
    return Kept(store, tmp_path)


def test_a_blob_is_kept_once_read_only_and_under_the_digest_of_its_content(kept: Kept):
    digest = kept.store.blobs.put_bytes(b"data")
    (kept.folder / "file").write_bytes(b"data")
    assert kept.store.blobs.put_file(str(kept.folder / "file")) == digest == digest_bytes(b"data")
    assert kept.store.blobs.read(digest) == b"data"
    assert kept.blob(digest).stat().st_mode & 0o777 == 0o444
    assert os.listdir(kept.folder / "store/incoming") == []


def test_a_damaged_blob_is_never_handed_out_and_goes(kept: Kept):
    digest = kept.store.blobs.put_bytes(b"data")
    artifact = Artifact("o", "o", digest, 4)
    kept.damage(kept.blob(digest), b"date")
    with pytest.raises(DamagedBlob):
        kept.store.blobs.take_out(artifact, str(kept.folder / "out"))
    assert not (kept.folder / "out").exists()
    assert not kept.store.blobs.has(artifact)
    assert kept.store.blobs.put_bytes(b"data") == digest
    kept.store.blobs.take_out(artifact, str(kept.folder / "out"))
    assert (kept.folder / "out").read_bytes() == b"data"


def test_a_copy_that_is_taken_out_can_be_written_without_harm_to_the_store(kept: Kept):
    digest = kept.store.blobs.put_bytes(b"data")
    kept.store.blobs.take_out(Artifact("o", "o", digest, 4, executable=True), str(kept.folder / "out"))
    assert os.access(kept.folder / "out", os.X_OK)
    (kept.folder / "out").write_bytes(b"changed")
    assert kept.store.blobs.read(digest) == b"data"


ODD = ("plain", "two\nlines", "back\\slash", "back\\nslash", " spaces  ", "émile", os.fsdecode(b"not-\xff-utf8"), "-dash", "#hash", "a b")


def model(folder: Path) -> None:
    for name in ODD:
        place = folder / "deep" / name
        place.mkdir(parents=True)
        (place / name).write_bytes(os.fsencode(name))
    (folder / "empty").mkdir()
    (folder / "run.sh").write_text("x")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("run.sh")
    (folder / "dangling").symlink_to("no\nwhere\udcff")
    (folder / "up").symlink_to("..")


def shape(folder: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_file():
            found[name] = (path.read_bytes(), os.access(path, os.X_OK))
        else:
            found[name] = "folder"
    return found


def test_a_folder_comes_out_as_it_went_in_whatever_its_names(kept: Kept):
    model(kept.folder / "model")
    digest = kept.store.blobs.put_folder(str(kept.folder / "model"))
    artifact = Artifact("m", "m/", digest, 0, is_folder=True)
    assert kept.store.blobs.has(artifact)
    kept.store.blobs.take_out(artifact, str(kept.folder / "out"))
    assert shape(kept.folder / "out") == shape(kept.folder / "model")
    assert kept.store.blobs.put_folder(str(kept.folder / "out")) == digest


def test_a_folder_that_lost_one_of_its_blobs_cannot_be_had(kept: Kept):
    (kept.folder / "model").mkdir()
    (kept.folder / "model/a").write_text("a")
    digest = kept.store.blobs.put_folder(str(kept.folder / "model"))
    artifact = Artifact("m", "m/", digest, 0, is_folder=True)
    kept.blob(digest_bytes(b"a")).unlink()
    assert not kept.store.blobs.has(artifact)
    with pytest.raises(DamagedBlob):
        kept.store.blobs.take_out(artifact, str(kept.folder / "out"))
    assert not (kept.folder / "out").exists()


def test_a_blob_that_is_no_list_is_no_folder(kept: Kept):
    artifact = Artifact("m", "m/", kept.store.blobs.put_bytes(b"file -"), 0, is_folder=True)
    with pytest.raises(DamagedBlob):
        kept.store.blobs.take_out(artifact, str(kept.folder / "out"))
    kept.damage(kept.blob(artifact.digest), b"")
    assert not kept.store.blobs.has(artifact)


@pytest.mark.parametrize(
    "lines",
    [
        "file d /etc/passwd\n", "file d ../x\n", "file d a/../../x\n", "device d x\n", "file x\n", "\n", "file d \n", "file d a//b\n",
        "file d ./a\n", "link d a\nfile d a/b\n", "file d a\nfile d a/b/c\n",
    ],
)  # fmt: skip
def test_a_list_that_would_write_outside_its_folder_is_no_list(lines: str):
    with pytest.raises(ValueError):  # noqa: PT011 - that it is refused is all there is to it
        parse_listing(lines.replace(" d ", f" {'d' * 64} ").encode())


@pytest.mark.parametrize("digest", ["../../../etc/passwd", "d", "D" * 64, "d" * 65, "-"])
def test_a_list_that_names_a_blob_by_no_digest_is_no_list(digest: str):
    parse_listing(f"file {'d' * 64} a\n".encode())
    with pytest.raises(ValueError):  # noqa: PT011 - that it is refused is all there is to it
        parse_listing(f"file {digest} a\n".encode())


names = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]) | st.sampled_from("\\\nn\udcff"), min_size=1, max_size=5
)


@given(st.lists(names.filter(lambda name: name not in {".", ".."}), unique=True, max_size=4))
def test_a_list_says_exactly_what_was_put_into_it(found: list[str]):
    entries = tuple(Entry("file", "d" * 64, name) for name in sorted(found))
    assert parse_listing(listing(entries)) == entries


def test_a_record_is_found_by_its_key_newest_first(kept: Kept):
    older, newer = kept.record("1"), kept.record("2", adopted=True)
    newer = Record(**{**{f: getattr(newer, f) for f in newer.__struct_fields__}, "finished_ns": 9})
    for record in (newer, older):
        kept.store.add(record)
    assert kept.store.records("ab" * 32) == (newer, older)
    assert kept.store.record(older.key, older.name) == older
    assert kept.store.record(older.key, "gone") is None
    assert kept.store.records("cd" * 32) == ()
    assert set(kept.store.all_records()) == {older, newer}


@pytest.mark.parametrize("part", [0, 1, 20, 90, 200, -1])
def test_half_a_record_is_no_record(kept: Kept, part: int):
    record = kept.record("1")
    kept.store.add(record)
    (path,) = (kept.folder / "store/records").rglob("*.json")
    path.write_bytes(path.read_bytes()[:part])
    assert kept.store.records(record.key) == ()
    assert list(kept.store.all_records()) == []


def test_a_record_with_one_changed_byte_is_no_record(kept: Kept):
    data = dump_record(kept.record("1"))
    assert load_record(data) == kept.record("1")
    assert not [n for n in range(len(data)) if load_record(data[:n] + bytes([data[n] ^ 1]) + data[n + 1 :]) is not None]


def test_a_record_under_another_key_is_not_taken_for_one_of_this(kept: Kept):
    kept.store.add(kept.record("1"))
    (path,) = (kept.folder / "store/records").rglob("*.json")
    other = kept.folder / "store/records/cd" / ("cd" * 32)
    other.mkdir(parents=True)
    path.rename(other / path.name)
    assert kept.store.records("cd" * 32) == ()


def test_stray_files_among_the_records_are_passed_over(kept: Kept):
    kept.store.add(kept.record("1"))
    for place in ("records/stray", "records/ab/stray", f"records/ab/{'ab' * 32}/stray"):
        (kept.folder / "store" / place).write_text("x")
    (kept.folder / "store/records/ab" / ("ab" * 32) / "folder").mkdir()
    assert len(kept.store.records("ab" * 32)) == len(list(kept.store.all_records())) == 1


def test_a_store_of_a_newer_version_is_left_alone(kept: Kept):
    (kept.folder / "store/version").write_text("2")
    with pytest.raises(UsageError) as caught:
        kept.store.prepare()
    assert caught.value.diagnostics[0].code == "PB402"


def test_what_died_on_its_way_in_is_swept_away_once_it_is_old(kept: Kept):
    incoming = kept.folder / "store/incoming"
    (incoming / "old").write_text("x")
    (incoming / "new").write_text("x")
    os.utime(incoming / "old", (1000, 1000))
    kept.store.incoming.sweep(2000 * 10**9)
    assert os.listdir(incoming) == ["new"]


def test_a_pipe_in_a_folder_is_refused_and_not_waited_for(kept: Kept):
    (kept.folder / "model").mkdir()
    os.mkfifo(kept.folder / "model/pipe")
    with pytest.raises(OSError, match="no regular file"):
        kept.store.blobs.put_folder(str(kept.folder / "model"))


def test_many_files_are_flushed_each_once_before_the_folders_that_hold_them_and_the_record(tmp_path: Path):
    flushed: list[str] = []

    class Noting(DiskFileSystem):
        def flush(self, path: str) -> None:
            flushed.append(path)

    store = Store(Noting(), str(tmp_path / "store"))
    store.prepare()
    flushed.clear()
    digest = store.blobs.put_files({f"f{n}": b"%d" % n for n in range(100)})
    store.add(Record("ab" * 32, "t", "t", (), (), (Artifact("o", "o", digest, 0, is_folder=True),), 5, 0.1))
    blobs = [path for path in flushed if "/blobs/" in path]
    files = [path for path in blobs if path.count("/") == max(path.count("/") for path in blobs)]
    assert len(set(files)) == len(files) == 101
    assert sorted(flushed[:101]) == sorted(files)
    assert {os.path.dirname(path) for path in files} == set(blobs) - set(files) == set(flushed[101 : len(blobs)])
    assert len(flushed) == len(blobs) + 2
