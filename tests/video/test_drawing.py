"""Captions say in short what is resembled or why nothing is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affectscope.affect import VOCABULARIES, Affect, Box, Segment, affect_from
from affectscope.errors import InvalidValue
from affectscope.media import read_frames
from affectscope.video.drawing import (
    COLOURS,
    GREY,
    caption,
    colour_of,
    draw_face,
    text_width,
    write_picture,
)


def segment(affect: Affect | None) -> Segment:
    return Segment(start=0, end=1, affect=affect, abstained=None if affect else "low-confidence")


class TestCaption:
    def test_label_and_confidence(self) -> None:
        affect = affect_from("ferplus-8", [0.05, 0.81, 0.14, 0, 0, 0, 0, 0])

        assert caption(segment(affect)) == "happiness 0.81"

    def test_why_it_abstained(self) -> None:
        assert caption(segment(None)) == "low-confidence"


class TestColour:
    @pytest.mark.parametrize("label", COLOURS)
    def test_each_label_of_the_core_has_its_own(self, label: str) -> None:
        names = list(COLOURS)
        affect = affect_from("core-7", [float(one == label) for one in names])

        assert colour_of(segment(affect)) == COLOURS[label]

    def test_other_vocabularies_are_drawn_as_the_core(self) -> None:
        contempt = affect_from("ferplus-8", [0, 0, 0, 0, 0, 0, 0, 1])

        assert colour_of(segment(contempt)) in COLOURS.values()
        assert VOCABULARIES["core-7"].labels == tuple(COLOURS)

    def test_who_was_not_judged_is_grey(self) -> None:
        assert colour_of(segment(None)) == GREY


class TestFace:
    @pytest.mark.parametrize(
        "box",
        [
            Box(x=100, y=80, width=60, height=60),
            Box(x=-30, y=-30, width=60, height=60),
            Box(x=290, y=210, width=60, height=60),
            Box(x=0, y=0, width=320, height=240),
            Box(x=100, y=80, width=4, height=4),
            Box(x=900, y=900, width=50, height=50),
        ],
    )
    def test_captions_stay_within_the_picture(self, box: Box) -> None:
        image = np.full((240, 320, 3), 200, np.uint8)

        draw_face(image, "face-1", segment(None), box)

        dark = (image.max(-1) < 80).sum()
        assert dark > text_width("low-confidence", 7.0) * 10

    def test_a_picture_smaller_than_its_caption_is_drawn_into_all_the_same(self) -> None:
        image = np.full((12, 12, 3), 200, np.uint8)

        draw_face(image, "face-1", segment(None), Box(x=2, y=2, width=8, height=8))

        assert (image != 200).any()


class TestPicture:
    @pytest.mark.parametrize("name", ["a.png", "b.JPG", "c.jpeg"])
    def test_it_can_be_read_again(self, tmp_path: Path, name: str) -> None:
        image = np.zeros((40, 60, 3), np.uint8)
        image[:, :] = (250, 120, 10)
        write_picture(tmp_path / name, image)

        with read_frames(tmp_path / name) as reader:
            assert next(reader).image[20, 30] == pytest.approx(np.array([250, 120, 10]), abs=4)

    def test_another_ending_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidValue, match=r"'\.gif'; valid: \.jpg"):
            write_picture(tmp_path / "a.gif", np.zeros((4, 4, 3), np.uint8))
