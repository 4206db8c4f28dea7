"""Packed blocks of samples that were read lately, so that alerts read the disk once."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from affectscope.observatory.blocks import Floats, unpack
from affectscope.observatory.database import Database

_Key = tuple[int, int, float, int]


class BlockCache:
    """Reads packed blocks and keeps those used last.

    Args:
        database: Has the table `metric_block`.
        slice_size: Series in one row of it.
        most_bytes: Memory for unpacked blocks.
    """

    def __init__(self, database: Database, slice_size: int, most_bytes: int) -> None:
        self._database = database
        self._slice = slice_size
        self._most = most_bytes
        self._lock = threading.Lock()
        self._blocks: OrderedDict[_Key, Floats | None] = OrderedDict()
        self.bytes = 0
        """Of the blocks in memory."""

    def read(
        self, target: int, level: int, start: float, columns: NDArray[np.intp]
    ) -> tuple[Floats, Floats]:
        """Return some series of one block.

        Args:
            target: Number of the target.
            level: Number of the level.
            start: Where the block begins.
            columns: Columns of the series.

        Returns:
            Times, shape (times,), and values, shape (columns, times); NaN where the block does not
            have a series; both empty when there is no such block.
        """
        slices = columns // self._slice
        matrices = {
            int(number): self._slice_of((target, level, start, int(number)))
            for number in np.unique(slices)
        }
        times = next((matrix[0] for matrix in matrices.values() if matrix is not None), None)
        if times is None:
            return np.empty(0), np.empty((len(columns), 0))
        values = np.full((len(columns), len(times)), np.nan)
        for number, matrix in matrices.items():
            if matrix is not None:
                wanted = np.flatnonzero(slices == number)
                values[wanted] = matrix[1 + columns[wanted] % self._slice]
        return times, values

    def _slice_of(self, key: _Key) -> Floats | None:
        with self._lock:
            if key in self._blocks:
                self._blocks.move_to_end(key)
                return self._blocks[key]
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT data FROM metric_block"
                " WHERE target = ? AND level = ? AND start = ? AND slice = ?",
                key,
            ).fetchone()
        matrix = None if row is None else unpack(row[0], self._slice + 1)
        with self._lock:
            if key not in self._blocks:
                self._blocks[key] = matrix
                self.bytes += _size(matrix)
            while self.bytes > self._most:
                _, oldest = self._blocks.popitem(last=False)
                self.bytes -= _size(oldest)
        return matrix


def _size(matrix: Floats | None) -> int:
    return 200 + (0 if matrix is None else matrix.nbytes)
