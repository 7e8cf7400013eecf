"""The index is disposable: damaged, old, locked away or full, it costs time and nothing else."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from paperbuild.engine.index import COARSE_STEP_NS, FINE_STEP_NS, Index, Run
from paperbuild.engine.ports import Stat

WHEN = 1_700_000_000_123_456_789
STAT = Stat(is_folder=False, size=3, mtime_ns=WHEN, ctime_ns=WHEN, inode=5, device=1)
RUN = Run("key", "record", WHEN, 1.5, True, "log", ("a", "b c"))


def filled(path: Path) -> Path:
    index = Index(str(path))
    index.note_digest("/a", STAT, WHEN + FINE_STEP_NS + 1, "d" * 64)
    index.note_run("t", RUN)
    index.own({"out": "e" * 64})
    index.note_recovered()
    index.close()
    return path


def test_what_is_noted_is_known_afterwards(tmp_path: Path):
    index = Index(str(filled(tmp_path / "index")))
    assert index.digest("/a", STAT) == "d" * 64
    assert index.last_run("t") == RUN
    assert index.last_run("other") is None
    assert index.owned() == {"out": "e" * 64}
    assert not index.is_new
    index.disown("out")
    assert index.owned() == {}
    index.close()


@pytest.mark.parametrize("field", ["size", "mtime_ns", "ctime_ns", "inode", "device"])
def test_a_digest_counts_only_for_exactly_this_status(field: str):
    index = Index(":memory:")
    index.note_digest("/a", STAT, WHEN + 10**10, "d")
    assert index.digest("/a", replace(STAT, **{field: getattr(STAT, field) + 1})) is None
    assert index.digest("/a", STAT) == "d"


@pytest.mark.parametrize(
    ("mtime", "ctime", "hashed", "trusted"),
    [
        (WHEN, WHEN, WHEN + FINE_STEP_NS, False),
        (WHEN, WHEN, WHEN + FINE_STEP_NS + 1, True),
        (WHEN, WHEN + 50, WHEN + FINE_STEP_NS + 1, False),
        (WHEN + 10**12, WHEN, WHEN + FINE_STEP_NS + 1, False),  # from the future
        (10**18, 10**18, 10**18 + FINE_STEP_NS + 1, False),  # whole seconds: a clock that counts nothing finer
        (10**18, 10**18, 10**18 + COARSE_STEP_NS + 1, True),
        (10**18, WHEN, WHEN + FINE_STEP_NS + 1, True),  # its time was set by hand; when it was changed is fine enough
    ],
)
def test_a_digest_counts_only_where_the_file_was_older_than_a_step_of_the_clock(mtime: int, ctime: int, hashed: int, trusted: bool):
    index = Index(":memory:")
    stat = replace(STAT, mtime_ns=mtime, ctime_ns=ctime)
    index.note_digest("/a", stat, hashed, "d")
    assert index.digest("/a", stat) == ("d" if trusted else None)


def test_a_name_that_is_not_utf8_is_a_path_like_any_other(tmp_path: Path):
    index = Index(str(tmp_path / "index"))
    for path in ("/\udcff", "/a\nb", "/a\\b"):
        index.note_digest(path, STAT, WHEN + 10**10, path.encode(errors="surrogateescape").hex())
    index.flush()
    assert index.digest("/\udcff", STAT) == "2fff"
    assert index.digest("/a\nb", STAT) == b"/a\nb".hex()
    index.close()


@pytest.mark.parametrize("damage", ["text", "cut", "zeroes in the middle", "empty", "older", "newer", "tables gone"])
def test_an_index_that_cannot_be_used_is_made_anew(tmp_path: Path, damage: str):
    path = filled(tmp_path / "index")
    data = path.read_bytes()
    match damage:
        case "text":
            path.write_bytes(b"this is no database, and was never one\n" * 100)
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "zeroes in the middle":
            path.write_bytes(data[:4096] + bytes(len(data) - 4096))
        case "empty":
            path.write_bytes(b"")
        case _:
            statement = {"older": "pragma user_version=1", "newer": "pragma user_version=99", "tables gone": "drop table owned"}[damage]
            database = sqlite3.connect(path)
            database.execute(statement)
            database.close()
    index = Index(str(path))
    assert index.digest("/a", STAT) is None
    assert index.last_run("t") is None
    assert index.owned() == {}
    index.own({"x": "y"})
    index.close()
    again = Index(str(path))
    assert again.is_new  # nobody found out yet what we published before
    again.close()


def test_rows_that_make_no_sense_are_no_digest(tmp_path: Path):
    path = filled(tmp_path / "index")
    database = sqlite3.connect(path)
    database.execute("update digests set digest=null, hashed_ns='soon'")
    database.commit()
    database.close()
    index = Index(str(path))
    assert index.digest("/a", STAT) is None
    index.close()


@pytest.mark.parametrize("change", ["digest='0' || substr(digest, 2)", "mtime_ns=mtime_ns + 1", "hashed_ns=hashed_ns + 1"])
def test_a_row_that_a_disk_has_changed_is_no_digest(tmp_path: Path, change: str):
    path = filled(tmp_path / "index")
    database = sqlite3.connect(path)
    database.execute(f"update digests set {change}")
    database.commit()
    database.close()
    index = Index(str(path))
    assert index.digest("/a", STAT) is None
    index.close()


def test_an_index_that_breaks_while_it_is_used_goes_on_in_memory_and_is_gone_for_the_next_build(tmp_path: Path):
    path = tmp_path / "index"
    index = Index(str(path))
    index.note_recovered()
    index._database.execute("drop table owned")
    index._database.execute("drop table runs")
    index.own({"x": "y"})
    index.note_run("t", RUN)
    assert index.owned() == {"x": "y"}
    assert index.last_run("t") == RUN
    index.close()
    after = Index(str(path))
    assert after.is_new
    after.close()


def test_a_folder_that_is_not_there_makes_an_index_in_memory(tmp_path: Path):
    index = Index(str(tmp_path / "no" / "index"))
    index.note_run("t", RUN)
    assert index.last_run("t") == RUN
    index.close()


def test_a_question_changes_no_byte(tmp_path: Path):
    path = filled(tmp_path / "index")
    before = {name: ((tmp_path / name).read_bytes(), os.stat(tmp_path / name).st_mtime_ns) for name in os.listdir(tmp_path)}
    index = Index(str(path), reading_only=True)
    assert index.last_run("t") == RUN
    assert not index.is_new
    index.own({"x": "y"})
    index.note_digest("/b", STAT, WHEN + 10**10, "f")
    assert index.owned() == {"out": "e" * 64, "x": "y"}
    index.close()
    after = {name: ((tmp_path / name).read_bytes(), os.stat(tmp_path / name).st_mtime_ns) for name in os.listdir(tmp_path)}
    assert after == before


def test_a_question_sees_what_a_build_that_still_runs_has_written(tmp_path: Path):
    building = Index(str(tmp_path / "index"))
    building.note_run("t", RUN)
    asking = Index(str(tmp_path / "index"), reading_only=True)
    assert asking.last_run("t") == RUN
    asking.close()
    building.close()


@pytest.mark.parametrize("content", [None, b"", b"no database " * 400])
def test_a_question_about_no_index_or_a_broken_one_finds_nothing_and_leaves_it(tmp_path: Path, content: bytes | None):
    path = tmp_path / "index"
    if content is not None:
        path.write_bytes(content)
    index = Index(str(path), reading_only=True)
    assert index.is_new
    assert index.owned() == {}
    index.close()
    assert (path.read_bytes() if path.exists() else None) == content


def test_the_files_that_actions_left_are_those_of_their_last_runs(tmp_path: Path):
    index = Index(str(tmp_path / "index.sqlite"))
    run = Run("k", "r", 1, 1.0, succeeded=True, log="", reads=(), strays=())
    index.note_run("a", replace(run, strays=("old", "both")))
    assert index.strays() == {"old": "a", "both": "a"}
    index.note_run("b", replace(run, strays=("both",)))
    index.note_run("a", replace(run, strays=("new",)))
    index.note_run("c", replace(run, strays=("gone",)))
    index.note_run("c", run)
    assert index.strays() == {"both": "b", "new": "a"}
    index.close()
    assert Index(str(tmp_path / "index.sqlite")).strays() == {"both": "b", "new": "a"}


def test_many_threads_may_use_one_index(tmp_path: Path):
    index = Index(str(tmp_path / "index"))
    faults: list[BaseException] = []

    def work(n: int) -> None:
        try:
            for k in range(25):
                index.note_digest(f"/{n}/{k}", STAT, WHEN + 10**10, f"{n}{k}")
                index.own({f"{n}/{k}": "d"})
                index.note_run(f"t{n}", replace(RUN, record=str(k)))
                assert index.digest(f"/{n}/{k}", STAT) == f"{n}{k}"
                assert (index.last_run(f"t{n}") or RUN).record == str(k)
                if k % 7 == 0:
                    index.flush()
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(index.owned()) == 100
    index.close()


def test_two_processes_may_make_one_index_at_once(tmp_path: Path):
    first, second = Index(str(tmp_path / "index")), Index(str(tmp_path / "index"))
    first.own({"a": "1"})
    second.own({"b": "2"})
    assert first.owned() == {"a": "1", "b": "2"}
    first.close()
    second.close()


def test_opening_takes_no_longer_where_much_is_known_and_a_table_is_empty(tmp_path: Path):
    index = Index(str(tmp_path / "index"))
    for n in range(2000):
        index.note_run(f"t{n}", RUN)
        index.note_digest(f"/{n}", STAT, WHEN + 10**10, "d")
    index.close()
    begin = time.process_time()
    Index(str(tmp_path / "index")).close()
    assert time.process_time() - begin < 10  # all combinations of the rows would take minutes
