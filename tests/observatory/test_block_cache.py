"""Packed blocks that were read lately stay in memory, up to a limit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from affectscope.observatory.block_cache import BlockCache
from affectscope.observatory.blocks import pack
from affectscope.observatory.database import Database
from affectscope.observatory.metric_tables import SCHEMA


def test_least_used_blocks_are_forgotten(tmp_path: Path) -> None:
    database = Database(tmp_path / "observatory.db", (SCHEMA,))
    matrix = np.arange(5 * 100, dtype=float).reshape(5, 100)
    for start in range(4):
        row = (1, 0, float(start), 0, pack(matrix + start))
        database.write(
            lambda connection, row=row: connection.execute(  # type: ignore[misc]
                "INSERT INTO metric_block VALUES (?, ?, ?, ?, ?)", row
            )
        ).result(10)
    cache = BlockCache(database, slice_size=4, most_bytes=2 * (200 + matrix.nbytes))

    for start in (0, 1, 0, 2, 3, 0):
        times, values = cache.read(1, 0, float(start), np.array([2, 0, 9]))
        assert times.tolist() == (matrix[0] + start).tolist()
        assert values[0].tolist() == (matrix[3] + start).tolist()
        assert values[1].tolist() == (matrix[1] + start).tolist()
        assert np.isnan(values[2]).all()
    assert cache.bytes <= 2 * (200 + matrix.nbytes)

    times, values = cache.read(7, 0, 0.0, np.array([1]))
    assert (len(times), values.shape) == (0, (1, 0))
    database.close()
