"""Samples come out of a block as they went in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from affectscope.observatory.blocks import Tail, pack, pack_frame, unpack, unpack_frame

MATRICES = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 5), st.integers(1, 20)),
    elements=st.floats(allow_nan=True, allow_infinity=True, width=64),
)


@given(MATRICES)
def test_packing_changes_no_bit(matrix: np.ndarray) -> None:
    assert unpack(pack(matrix), len(matrix)).tobytes() == matrix.tobytes()
    assert unpack_frame(pack_frame(matrix[0])).tobytes() == matrix[0].tobytes()


def test_counters_that_rest_take_little() -> None:
    matrix = np.full((33, 180), 12345.678)

    assert len(pack(matrix)) < matrix.nbytes / 50


def test_damage_is_noticed() -> None:
    with pytest.raises(ValueError, match="damaged block"):
        unpack(b"nothing", 2)


class TestTail:
    def test_columns_may_become_more(self) -> None:
        tail = Tail(0.0)
        for time in range(40):
            tail.append(float(time), np.arange(1.0 + time))

        assert len(tail) == 40
        assert tail.times.tolist() == list(range(40))
        values = tail.columns(np.array([3, 0, 39, 100]))
        assert values.shape == (4, 40)
        assert np.isnan(values[0, :3]).all()
        assert (values[0, 3:] == 3).all()
        assert (values[1] == 0).all()
        assert np.isnan(values[2, :39]).all()
        assert np.isnan(values[3]).all()

    def test_rows_after_a_time(self) -> None:
        tail = Tail(0.0)
        for time in (1.0, 2.0, 3.0):
            tail.append(time, np.array([time]))

        assert [(time, row.tolist()) for time, row in tail.rows_after(1.0)] == [
            (2.0, [2.0]),
            (3.0, [3.0]),
        ]
