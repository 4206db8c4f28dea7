"""Figures of a face from its points."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from affectscope.video.behaviour import behaviour
from affectscope.video.detector import borrowed_detector
from affectscope.video.finder import search
from affectscope.video.mesh import POINTS

LOOKING_AHEAD = {
    10: (0, -90, 0), 152: (0, 90, 0),
    33: (-45, -30, 0), 133: (-15, -30, 0), 263: (45, -30, 0), 362: (15, -30, 0),
    160: (-37, -35, 0), 158: (-23, -35, 0), 153: (-23, -25, 0), 144: (-37, -25, 0),
    387: (37, -35, 0), 385: (23, -35, 0), 380: (23, -25, 0), 373: (37, -25, 0),
    468: (-30, -31.86, 0), 473: (30, -31.86, 0),
    13: (0, 44, 0), 14: (0, 44, 0), 78: (-18, 44, 0), 308: (18, 44, 0),
    61: (-20, 44, 0), 291: (20, 44, 0), 0: (0, 38, 0), 17: (0, 50, 0),
    **{n: (x, -52, 0) for n, x in zip((70, 63, 105, 66, 107), (-48, -40, -32, -22, -12), strict=True)},
    **{n: (x, -52, 0) for n, x in zip((300, 293, 334, 296, 336), (48, 40, 32, 22, 12), strict=True)},
}  # fmt: skip
"""A face of 90 units between the outer corners of its eyes, by numbers of the mesh."""


def face(**moved: tuple[float, float, float]) -> np.ndarray:
    """Build the points of a face that looks ahead; ``p13=(0, 5, 0)`` moves a point."""
    points = np.zeros((POINTS, 3), np.float32)
    for number, place in LOOKING_AHEAD.items():
        points[number] = place
    for name, shift in moved.items():
        points[int(name[1:])] += np.array(shift, np.float32)
    return points


def turned(points: np.ndarray, axis: int, degrees: float) -> np.ndarray:
    """Turn points about x (0), y (1) or z (2), by the right-hand rule in x right, y down."""
    angle = math.radians(degrees)
    rotation = cv2.Rodrigues(np.eye(3)[axis] * angle)[0]
    return np.asarray(points @ rotation.T, np.float32)


class TestPose:
    """Where the head points."""

    def test_ahead(self) -> None:
        found = behaviour(face())

        assert found["head_yaw_deg"] == pytest.approx(0, abs=1e-3)
        assert found["head_roll_deg"] == pytest.approx(0, abs=1e-3)

    @pytest.mark.parametrize("degrees", [-40, -10, 25, 60])
    def test_each_angle_for_itself(self, degrees: float) -> None:
        rest = behaviour(face())

        for name, axis, sign in (
            ("head_yaw_deg", 1, -1), ("head_pitch_deg", 0, -1), ("head_roll_deg", 2, 1)
        ):  # fmt: skip
            found = behaviour(turned(face(), axis, degrees))
            assert found[name] - rest[name] == pytest.approx(sign * degrees, abs=0.01)

    def test_figures_of_the_face_do_not_depend_on_the_head(self) -> None:
        rest = behaviour(face(p14=(0, 9, 0)))
        found = behaviour(turned(turned(face(p14=(0, 9, 0)), 1, 35), 2, -20))

        for name in ("mouth_opening", "smile", "brow_raise", "brow_lower", "left_eye_openness"):
            assert found[name] == pytest.approx(rest[name], abs=1e-4)


class TestEyes:
    """Openness and gaze."""

    def test_openness_is_height_over_width(self) -> None:
        found = behaviour(face())

        assert found["right_eye_openness"] == pytest.approx(10 / 30)
        assert found["left_eye_openness"] == pytest.approx(10 / 30)
        assert found["blink"] == 0

    def test_gaze_follows_the_irises(self) -> None:
        ahead = behaviour(face())
        left = behaviour(face(p468=(5, 0, 0), p473=(5, 0, 0)))
        up = behaviour(face(p468=(0, -3, 0), p473=(0, -3, 0)))

        assert ahead["gaze_yaw_deg"] == pytest.approx(0, abs=0.01)
        assert left["gaze_yaw_deg"] == pytest.approx(math.degrees(math.asin(5 / 12.6)), abs=0.01)
        assert up["gaze_pitch_deg"] > ahead["gaze_pitch_deg"] + 10

    def test_closed_eyes_blink_and_look_nowhere(self) -> None:
        shut = {f"p{n}": (0.0, 4.5, 0.0) for n in (160, 158, 387, 385)}
        shut |= {f"p{n}": (0.0, -4.5, 0.0) for n in (153, 144, 380, 373)}

        found = behaviour(face(**shut))

        assert found["blink"] == 1
        assert "gaze_yaw_deg" not in found

    def test_a_wink_is_no_blink(self) -> None:
        shut = {f"p{n}": (0.0, 4.5, 0.0) for n in (160, 158)}
        shut |= {f"p{n}": (0.0, -4.5, 0.0) for n in (153, 144)}

        found = behaviour(face(**shut))

        assert found["blink"] == 0
        assert "gaze_yaw_deg" in found


class TestMouthAndBrows:
    """Each figure moves with what it is named after."""

    def test_mouth(self) -> None:
        opened = behaviour(face(p14=(0, 18, 0)))
        smiling = behaviour(face(p61=(-4, -6, 0), p291=(4, -6, 0)))

        assert behaviour(face())["mouth_opening"] == 0
        assert opened["mouth_opening"] == pytest.approx(0.5)
        assert smiling["smile"] == pytest.approx(6 / 48)
        assert behaviour(face())["smile"] == pytest.approx(0, abs=1e-6)

    def test_brows(self) -> None:
        rest = behaviour(face())
        raised = behaviour(
            face(
                **{
                    f"p{n}": (0, -9, 0)
                    for n in (*(70, 63, 105, 66, 107), *(300, 293, 334, 296, 336))
                }
            )
        )
        lowered = behaviour(face(**{f"p{n}": (0, 6, 0) for n in (66, 107, 296, 336)}))

        assert raised["brow_raise"] - rest["brow_raise"] == pytest.approx(0.1)
        assert lowered["brow_lower"] > rest["brow_lower"]


def test_a_smile_in_a_real_picture(portrait: np.ndarray) -> None:
    with borrowed_detector() as detector:
        [one] = search(detector, portrait)
        points = detector.mesh.fit(portrait, one)

    assert points is not None
    found = behaviour(points)
    assert found["smile"] > 0.03
    assert found["blink"] == 0
    assert abs(found["head_yaw_deg"]) < 30
    assert all(math.isfinite(value) for value in found.values())
