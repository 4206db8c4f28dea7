"""What is to be expected of a face that was seen a few times."""

from __future__ import annotations

import math

import numpy as np
import pytest

from affectscope.video.faces import Face
from affectscope.video.motion import Motion, motion_of


def face(x: float, y: float = 0.0, width: float = 100.0, height: float = 100.0) -> Face:
    return Face((x, y, width, height), np.zeros((6, 2)), 0.9)


def seen(speed: float = 0.0, growth: float = 0.0, step: float = 0.1, frames: int = 20) -> Motion:
    """A face seen for some frames; it moves by pixels, and grows by logarithms, a second."""
    motion = motion_of(face(0))
    for k in range(1, frames):
        width = 100 * math.exp(growth * step * k)
        centre = 50 + speed * step * k
        motion = motion.ahead(step).corrected(
            face(centre - width / 2, 50 - width / 2, width, width)
        )
    return motion


@pytest.mark.parametrize("step", [1 / 60, 0.2])
def test_it_learns_the_speed_whatever_the_frame_rate(step: float) -> None:
    motion = seen(speed=100, step=step, frames=round(2 / step) + 1)

    assert motion.ahead(0.3).x.at == pytest.approx(50 + 230, abs=5)
    assert motion.ahead(0.3).y.at == pytest.approx(50, abs=1)


def test_it_learns_the_growth() -> None:
    motion = seen(growth=0.5)

    assert motion.ahead(0.4).width == pytest.approx(100 * math.exp(0.5 * 2.3), rel=0.05)


def test_it_does_not_run_away() -> None:
    motion = seen(speed=200)

    far = motion.ahead(60)
    assert far.x.at - motion.x.at < 200
    assert far.x.spread < 150**2


def test_it_is_less_sure_the_longer_it_does_not_look() -> None:
    motion = seen()

    spreads = [motion.ahead(seconds).x.spread for seconds in (0.0, 0.1, 0.4, 0.9, 1.5)]
    assert spreads == sorted(spreads)
    assert spreads[0] < 6**2 < 30**2 < spreads[-1]


def test_a_box_keeps_its_shape() -> None:
    motion = motion_of(face(10, 20, 40, 60))

    assert motion.ahead(1.0).box == pytest.approx((10, 20, 40, 60))


def test_a_face_fits_worse_the_farther_away_or_the_more_different_in_size() -> None:
    motion = seen().ahead(0.1)

    places = [motion.misfit(face(x)) for x in (0, 10, 30, 60)]
    sizes = [motion.misfit(face(-d, -d, 100 + 2 * d, 100 + 2 * d)) for d in (0, 10, 30, 60)]
    assert places == sorted(places)
    assert sizes == sorted(sizes)
    assert places[0] == pytest.approx(sizes[0])


def test_large_and_small_faces_are_measured_by_themselves() -> None:
    small, large = motion_of(face(0, 0, 20, 20)), motion_of(face(0, 0, 200, 200))

    assert small.ahead(0.2).misfit(face(5, 0, 20, 20)) == pytest.approx(
        large.ahead(0.2).misfit(face(50, 0, 200, 200))
    )


def test_a_box_without_width_is_no_defect() -> None:
    motion = motion_of(face(5, 5, 0, 0)).ahead(0.1).corrected(face(5, 5, 0, 0))

    assert motion.x.at == pytest.approx(5)
