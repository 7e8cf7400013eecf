"""Whether a job that waits would find what it was sent for."""

from __future__ import annotations

from pathlib import Path

from paperbuild.clusters.footing import Footing, mark_of


def test_a_file_that_is_another_one_twice_in_a_row_has_moved_and_one_that_is_being_written_has_not(tmp_path: Path) -> None:
    script, other = tmp_path / "a.py", tmp_path / "b.py"
    script.write_text("1")
    footing = Footing([str(script), str(other)])
    assert footing.moved(mark_of) == ""
    script.write_text("12")
    assert footing.moved(mark_of) == ""
    script.write_text("123")
    assert footing.moved(mark_of) == ""
    assert footing.moved(mark_of) == str(script)


def test_a_file_that_is_gone_for_a_moment_has_not_moved_and_one_that_came_has(tmp_path: Path) -> None:
    script, other = tmp_path / "a.py", tmp_path / "b.py"
    script.write_text("1")
    footing = Footing([str(script), str(other)])
    script.unlink()
    assert footing.moved(mark_of) == footing.moved(mark_of) == ""
    other.write_text("x")
    assert [footing.moved(mark_of) for _ in range(2)] == ["", str(other)]
