"""Tables from Parquet files, by the library that is an extra."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest

from paperbuild.errors import BuildError
from paperbuild.paper.results import load_table


def test_parquet_gives_the_shortest_text_of_its_floats() -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = arrow.table(
        {
            "single": arrow.array([0.1, 2.5e-3, None], arrow.float32()),
            "double": arrow.array([0.1, 1.0, 2.0], arrow.float64()),
            "count": arrow.array([1, 2, 3], arrow.int64()),
            "money": arrow.array([Decimal("1.10"), None, None], arrow.decimal128(5, 2)),
            "name": arrow.array(["x", "y", "z"]),
        }
    )
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    shown = load_table("t.parquet", sink.getvalue())
    assert [getattr(entry, "text", entry) for entry in shown.rows[0]] == ["0.1", "0.1", "1", "1.10", "x"]
    assert [getattr(entry, "text", entry) for entry in shown.rows[1]] == ["0.0025", "1.0", "2", None, "y"]


def test_a_damaged_parquet_file_is_a_diagnostic() -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(BuildError) as caught:
        load_table("t.parquet", b"PAR1 no")
    assert caught.value.diagnostics[0].code == "PB301"
