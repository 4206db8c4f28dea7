"""Blocks of samples: a growing matrix in memory, and its packed form in the database.

Neighbouring values of a series differ little: counters often not at all. So a packed block holds
each value as its bits XOR those of the value before (Pelkonen et al., "Gorilla: a fast, scalable,
in-memory time series database", VLDB 2015, section 4.1), bytes of equal weight side by side, zlib
over all. All of it is a few numpy operations, where a bit stream would be a loop over samples.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BYTES = 8
"""Bytes of one float64."""


def pack(matrix: Floats) -> bytes:
    """Pack a matrix.

    Args:
        matrix: Shape (series, times).

    Returns:
        Bytes that `unpack` turns into the same matrix, bit for bit.
    """
    bits = np.ascontiguousarray(matrix, dtype="<f8").view("<u8").copy()
    bits[:, 1:] ^= bits[:, :-1].copy()
    planes = bits.view(np.uint8).reshape(*bits.shape, _BYTES).transpose(2, 0, 1)
    return zlib.compress(planes.tobytes(), 1)


def unpack(data: bytes, series: int) -> Floats:
    """Unpack what `pack` made.

    Args:
        data: Packed bytes.
        series: Number of rows of the matrix.

    Returns:
        The matrix, shape (series, times).

    Raises:
        ValueError: Bytes that `pack` did not make.
    """
    try:
        raw = np.frombuffer(zlib.decompress(data), np.uint8)
    except zlib.error as error:
        raise ValueError(f"damaged block: {error}") from error
    planes = raw.reshape(_BYTES, series, -1)
    bits = np.ascontiguousarray(planes.transpose(1, 2, 0)).view("<u8")[:, :, 0]
    return np.bitwise_xor.accumulate(bits, axis=1).view("<f8")


def pack_frame(row: Floats) -> bytes:
    """Pack the values of all series at one time; shape (series,)."""
    return zlib.compress(np.ascontiguousarray(row, dtype="<f8").tobytes(), 1)


def unpack_frame(data: bytes) -> Floats:
    """Unpack what `pack_frame` made."""
    return np.frombuffer(zlib.decompress(data), "<f8")


class Tail:
    """The newest samples of one target at one level: rows are times, columns are series.

    Args:
        start: Where the block of time begins, in seconds since the epoch.
    """

    def __init__(self, start: float) -> None:
        self.start = start
        self.width = 0
        self._count = 0
        self._times: Floats = np.empty(0)
        self._values: Floats = np.empty((0, 0))

    def append(self, time: float, row: Floats) -> None:
        """Add the values of all series at a time later than the last; columns may become more."""
        self.width = max(self.width, len(row))
        if self._count == len(self._times) or self.width > self._values.shape[1]:
            self._grow()
        self._times[self._count] = time
        self._values[self._count, : len(row)] = row
        self._count += 1

    def _grow(self) -> None:
        rows, width = self._values.shape
        if self._count == rows:
            rows = max(16, 2 * rows)
        if self.width > width:
            width = self.width + self.width // 8
        times = np.empty(rows)
        values = np.full((rows, width), np.nan)
        times[: self._count] = self._times[: self._count]
        values[: self._count, : self._values.shape[1]] = self._values[: self._count]
        self._times, self._values = times, values

    def __len__(self) -> int:
        return self._count

    @property
    def times(self) -> Floats:
        """Times in seconds since the epoch, ascending; shape (times,)."""
        return self._times[: self._count]

    def columns(self, columns: NDArray[np.intp]) -> Floats:
        """Return the values of some series, shape (series, times); NaN where there is none."""
        known = columns < self.width
        if known.all():
            return self._values[: self._count, columns].T
        values = np.full((len(columns), self._count), np.nan)
        values[known] = self._values[: self._count, columns[known]].T
        return values

    def rows_after(self, time: float) -> list[tuple[float, Floats]]:
        """Return times later than a time, with the values of all series at each."""
        first = int(np.searchsorted(self.times, time, side="right"))
        return [
            (float(self._times[row]), self._values[row, : self.width])
            for row in range(first, self._count)
        ]
