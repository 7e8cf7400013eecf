"""Where two contents of one output differ, and whether that is within its tolerance."""

from __future__ import annotations

import gzip
import io
import json
import math
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from paperbuild.engine.graph import Tolerance
from paperbuild.provenance.differences import Comparison, Difference, compare, compare_files
from paperbuild.render.pages import pages
from paperbuild.render.typst import Typesetter


def draw(data: bytes) -> Iterator[bytes] | None:
    return pages(data, Typesetter())


def compared(name: str, recorded: str | bytes, rerun: str | bytes, **tolerance: float) -> Comparison:
    old, new = (data.encode() if isinstance(data, str) else data for data in (recorded, rerun))
    return compare(name, old, new, Tolerance(**tolerance) if tolerance else None, draw)


def first(found: Comparison) -> tuple[str, str, str]:
    one = found.differences[0]
    return one.where, one.recorded, one.rerun


class TestValues:
    def test_the_first_key_that_differs_is_told_with_both_values(self):
        found = compared("m.json", '{"acc": {"mean": 0.90, "sd": 1}}', '{"acc": {"mean": 0.91, "sd": 1}}')
        assert (found.agreement, found.count) == ("different", 1)
        assert first(found) == ("acc.mean", "0.90", "0.91")

    def test_places_in_lists_and_missing_keys_are_told(self):
        found = compared("m.json", '{"a": [1, 2], "b": 1}', '{"a": [1, 3, 4], "c": null}')
        assert [difference.where for difference in found.differences] == ["a[1]", "a", "b", "c"]
        assert found.differences[2:] == (Difference("b", "1", ""), Difference("c", "", "null"))

    def test_a_row_and_a_column_are_told(self):
        found = compared("t.csv", "step,loss\n1,0.5\n2,0.25\n", "step,loss\n1,0.5\n2,0.26\n")
        assert first(found) == ("row 2, column loss", "0.25", "0.26")

    def test_other_columns_and_another_number_of_rows_are_told(self):
        assert first(compared("t.csv", "a,b\n1,2\n", "a,c\n1,2\n")) == ("the columns", "a, b", "a, c")
        assert first(compared("t.csv", "a\n1\n", "a\n1\n2\n")) == ("the number of rows", "1", "2")

    def test_only_the_first_few_are_told_and_all_are_counted(self):
        found = compared("m.json", json.dumps(list(range(100))), json.dumps([n + 1 for n in range(100)]))
        assert (len(found.differences), found.count) == (5, 100)

    def test_numbers_within_the_tolerance_agree_and_the_largest_gap_is_told(self):
        found = compared("m.json", '{"a": 1.0, "b": 100}', '{"a": 1.0000001, "b": 100.00001}', relative=1e-6)
        assert found.agreement == "within tolerance"
        assert found.note == "2 numbers differ, by 1e-05 at most"
        assert compared("m.json", '{"a": 1.0}', '{"a": 1.1}', relative=1e-6).agreement == "different"

    def test_zero_needs_an_absolute_tolerance(self):
        assert compared("m.json", "0.0", "1e-17", relative=0.5).agreement == "different"
        assert compared("m.json", "0.0", "1e-17", absolute=1e-12).agreement == "within tolerance"

    def test_beyond_the_tolerance_only_what_is_beyond_is_told(self):
        found = compared("m.json", '{"a": 1.0, "b": 2.0}', '{"a": 1.0000001, "b": 3.0}', relative=1e-6)
        assert (first(found), found.count, found.note) == (("b", "2.0", "3.0"), 1, "1 more within tolerance")

    @pytest.mark.parametrize(("old", "new"), [('"a"', '"b"'), ("true", "false"), ("1", '"1"'), ("1", "true"), ("1", "null")])
    def test_what_is_no_number_must_be_equal(self, old: str, new: str):
        assert compared("m.json", old, new, relative=1e9, absolute=1e9).agreement == "different"

    def test_values_that_are_not_a_number_agree_with_themselves_alone(self):
        assert compared("m.json", "[NaN, Infinity]", "[NaN,Infinity]", relative=0.1).agreement == "within tolerance"
        assert compared("m.json", "NaN", "1", relative=0.1).agreement == "different"
        assert compared("m.json", "Infinity", "-Infinity", relative=0.9).agreement == "different"

    def test_equal_values_that_are_written_otherwise_are_a_difference_without_a_tolerance_alone(self):
        found = compared("m.json", '{"a": 1, "b": 2}\n', '{"b": 2, "a": 1}\n')
        assert (found.agreement, found.note) == ("different", "the values are the same, written in another way")
        assert found.differences[0].where == "line 1"
        assert compared("m.json", '{"a": 1, "b": 2}', '{"b": 2, "a": 1.0}', relative=0.0).agreement == "within tolerance"

    def test_a_malformed_result_is_compared_as_text(self):
        assert first(compared("m.json", '{"a": 1,\n', '{"a": 2,\n')) == ("line 1", '{"a": 1,', '{"a": 2,')

    def test_yaml_and_toml_have_keys_too(self):
        assert first(compared("m.yaml", "a: {b: 1}\n", "a: {b: 2}\n")) == ("a.b", "1", "2")
        assert first(compared("m.toml", "[a]\nb = 1\n", "[a]\nb = 2\n")) == ("a.b", "1", "2")

    @given(st.floats(), st.floats(), st.floats(0, 1), st.floats(0, 1))
    def test_tolerance_is_symmetric_and_reflexive(self, a: float, b: float, relative: float, absolute: float):
        old, new = (json.dumps({"x": value}) for value in (a, b))
        there = compared("m.json", old, new, relative=relative, absolute=absolute).agreement
        assert there == compared("m.json", new, old, relative=relative, absolute=absolute).agreement
        assert (there == "identical") == (old == new)
        if math.isfinite(a) and math.isfinite(b) and abs(a - b) <= absolute:
            assert there != "different"


class TestArrays:
    def saved(self, array: Any, *, archive: bool = False) -> bytes:
        out = io.BytesIO()
        if archive:
            np.savez(out, **array)
        else:
            np.save(out, array)
        return out.getvalue()

    @pytest.mark.parametrize("kind", ["<f8", ">f4", "<f2", "<i8", ">u2", "|b1", "|i1", "<c16", "<U3"])
    @pytest.mark.parametrize("order", ["C", "F"])
    def test_the_first_element_that_differs_is_told(self, kind: str, order: str):
        old = np.zeros((2, 3, 4), dtype=kind, order=order)
        new = old.copy(order="K")
        new[1, 2, 3] = 1
        found = compared("a.npy", self.saved(old), self.saved(new))
        assert found.differences[0].where == "element [1, 2, 3]"
        assert found.count == 1

    def test_elements_have_tolerance_and_shapes_do_not(self):
        old = self.saved(np.ones(3))
        assert compared("a.npy", old, self.saved(np.ones(3) * (1 + 1e-9)), relative=1e-6).agreement == "within tolerance"
        assert first(compared("a.npy", old, self.saved(np.ones((3, 1))), relative=1)) == ("the shape", "[3]", "[3, 1]")

    def test_an_archive_of_arrays_is_looked_into(self):
        old, new = (self.saved({"w": np.zeros(3), "b": np.array([value])}, archive=True) for value in (1.0, 2.0))
        assert first(compared("a.npz", old, new)) == ("b.npy: element [0]", "1.0", "2.0")

    def test_not_a_number_agrees_with_itself_and_infinity_with_nothing_else(self):
        old = np.array([np.nan, np.inf, 1.0])
        assert compared("a.npy", self.saved(old), self.saved(old * [1, 1, 1 + 1e-9]), relative=1e-6).agreement == "within tolerance"
        found = compared("a.npy", self.saved(old), self.saved(np.array([np.nan, 1e308, 1.0])), relative=0.5)
        assert (first(found), found.count) == (("element [1]", "inf", "1e+308"), 1)

    def test_a_single_number_and_rows_of_several_types_are_compared(self):
        assert first(compared("a.npy", self.saved(np.float64(1)), self.saved(np.float64(2)))) == ("the number", "1.0", "2.0")
        old = np.array([(1, 2.0), (3, 4.0)], dtype=[("a", "<i4"), ("b", "<f8")])
        new = old.copy()
        new["b"][1] = 5
        assert first(compared("a.npy", self.saved(old), self.saved(new))) == ("element [1]", "(3, 4.0)", "(3, 5.0)")

    def test_arrays_of_objects_and_cut_off_files_are_bytes(self):
        old = b"\x93NUMPY\1\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(127) + b"\n\0a"
        assert compared("a.npy", old, old.replace(b"a", b"b")).differences[0].where.startswith(("byte", "line"))
        old = self.saved(np.zeros(9))
        assert compared("a.npy", old, old[:-8]).differences[0].where.startswith("byte")


class TestContainers:
    def zipped(self, day: int, **files: str) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, text in files.items():
                archive.writestr(zipfile.ZipInfo(name, (2020, 1, day, 0, 0, 0)), text)
        return out.getvalue()

    def test_an_archive_that_differs_by_its_time_stamps_alone_is_said_to(self):
        found = compared("a.zip", self.zipped(1, a="x"), self.zipped(2, a="x"))
        assert (found.agreement, found.note) == ("different", "the files in it are the same")
        assert compared("a.zip", self.zipped(1, a="x"), self.zipped(2, a="x"), relative=0.0).agreement == "within tolerance"

    def test_what_is_compressed_is_looked_into(self):
        old, new = (gzip.compress(text, mtime=1) for text in (b"a\nb\n", b"a\nc\n"))
        assert first(compared("t.txt.gz", old, new)) == ("line 2", "b", "c")
        assert "time stamp" in compared("t.gz", gzip.compress(b"a", mtime=1), gzip.compress(b"a", mtime=2)).note

    def test_in_a_folder_the_first_file_that_differs_is_told(self):
        found = compare_files({"a": b"1", "b": b"1", "d": b"1"}, {"a": b"1", "b": b"2", "c": b"1"}, None, draw)
        assert found.differences[:3] == (Difference("b: line 1", "1", "2"), Difference("c", "", "a file"), Difference("d", "a file", ""))
        assert compare_files({"a": b"1"}, {"a": b"1"}, None, draw).agreement == "identical"

    def test_the_tolerance_of_a_folder_is_that_of_its_files(self):
        found = compare_files({"m.json": b"1.0", "t": b"a"}, {"m.json": b"1.01", "t": b"a"}, Tolerance(relative=0.1), draw)
        assert found.agreement == "within tolerance"


class TestPictures:
    def png(self, *boxes: tuple[int, int, int, int], ink: int = 0, size: tuple[int, int] = (100, 50)) -> bytes:
        picture = Image.new("L", size, 255)
        for box in boxes:
            ImageDraw.Draw(picture).rectangle(box, fill=ink)
        out = io.BytesIO()
        picture.save(out, "PNG")
        return out.getvalue()

    def test_the_box_and_the_share_of_pixels_are_told(self):
        found = compared("f.png", self.png(), self.png((10, 20, 19, 29)))
        assert found.differences[0].where == "page 1, pixels 10,20 to 20,30: 2.00% of the pixels look different"

    def test_a_share_of_pixels_may_look_different(self):
        old, new = self.png(), self.png((10, 20, 19, 29))
        assert compared("f.png", old, new, pixels=0.02).agreement == "within tolerance"
        assert compared("f.png", old, new, pixels=0.019).agreement == "different"

    def test_what_nobody_sees_is_within_any_tolerance_and_different_without(self):
        old, new = self.png(), self.png((10, 20, 19, 29), ink=240)
        assert compared("f.png", old, new, pixels=0.0).agreement == "within tolerance"
        assert "by less than one sees" in compared("f.png", old, new).differences[0].where

    def test_another_size_is_within_no_tolerance(self):
        found = compared("f.png", self.png(), self.png(size=(99, 50)), pixels=1.0)
        assert (found.agreement, first(found)[0]) == ("different", "page 1: 100 x 50 pixels became 99 x 50")

    def svg(self, x: int, said: str = "") -> str:
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96">\n<!-- {said} -->\n'
            f'<rect x="{x}" y="48" width="24" height="24"/>\n</svg>\n'
        )

    def test_an_svg_is_drawn_and_read(self):
        found = compared("f.svg", self.svg(24), self.svg(48))
        assert found.differences[0].where.startswith("page 1, pixels 25,50 to 75,75: ")
        assert found.differences[1].where == "line 3"

    def test_an_svg_that_looks_the_same_is_said_to(self):
        found = compared("f.svg", self.svg(24, "2024-01-01T10:00:00"), self.svg(24, "2024-02-01T11:00:00"))
        assert found.note == "drawn, they are the same picture; only dates and times differ"
        assert compared("f.svg", self.svg(24, "a"), self.svg(24, "b"), pixels=0.0).agreement == "within tolerance"

    def pdf(self, *texts: str) -> bytes:
        import typst

        return typst.compile("\n#pagebreak()\n".join(texts).encode(), timestamp=0)

    def test_a_pdf_is_compared_page_by_page(self):
        found = compared("d.pdf", self.pdf("one", "two"), self.pdf("one", "three"))
        assert found.differences[0].where.startswith("page 2, pixels ")
        found = compared("d.pdf", self.pdf("one"), self.pdf("one", "two"))
        assert found.differences[0].where == "page 2: it is there in the rerun only"
        found = compared("d.pdf", self.pdf("one"), self.pdf("one").replace(b"%PDF-1.7", b"%PDF-1.6"))
        assert found.note == "drawn, they are the same picture"


class TestText:
    def test_the_first_line_that_differs_is_told(self):
        found = compared("log.txt", "a\nb\nc\n", "a\nx\nc\n")
        assert (first(found), found.count) == (("line 2", "b", "x"), 1)

    def test_a_long_line_is_shown_around_what_differs(self):
        where, old, new = first(compared("page.html", "x" * 500 + "a" + "y" * 500, "x" * 500 + "b" + "y" * 500))
        assert where == "line 1, column 501"
        assert (old[0], len(old), old.count("a")) == ("…", 122, 1)
        assert new == old.replace("a", "b")

    def test_a_text_that_ends_sooner_is_told(self):
        assert first(compared("t.txt", "a\nb", "a")) == ("line 2", "b", "the end")

    def test_numbers_in_a_text_have_tolerance_and_words_do_not(self):
        assert compared("t.tex", "loss & 0.10001 \\\\", "loss & 0.10002 \\\\", relative=1e-3).agreement == "within tolerance"
        assert compared("t.tex", "loss & 0.10001 \\\\", "gain & 0.10001 \\\\", relative=1e-3).agreement == "different"

    def test_dates_are_known(self):
        assert compared("t.txt", "at 2024-01-01 10:00:00\n", "at 2024-01-02 10:00:01\n").note == "only dates and times differ"
        assert compared("t.txt", "at 2024-01-01\nx\n", "at 2024-01-02\ny\n").note == ""

    def test_other_bytes_are_told_by_their_place(self):
        assert first(compared("w.bin", b"\0\xff\1\2", b"\0\xff\3\2")) == ("byte 2", "01 02", "03 02")
        found = compared("w.bin", b"\0\xff", b"\0\xff\3")
        assert (first(found), found.note) == (("byte 2", "the end", "03"), "2 bytes became 3")


@given(st.binary(), st.binary(), st.sampled_from(["a.json", "a.csv", "a.npy", "a.txt", "a.bin", "a.yaml"]), st.booleans())
def test_whatever_the_bytes_equal_ones_are_identical_and_others_are_not(old: bytes, new: bytes, name: str, tolerant: bool):
    found = compare(name, old, new, Tolerance(relative=0.1) if tolerant else None, lambda _: None)
    assert (found.agreement == "identical") == (old == new)
    if old != new and not tolerant:
        assert found.agreement == "different"
        assert found.differences
