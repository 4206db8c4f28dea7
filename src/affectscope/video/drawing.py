"""Faces drawn into pictures: where they are, who, and what the expression resembles."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from affectscope.affect import Box, Segment, to_core
from affectscope.errors import InvalidValue

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

GREY: Colour = (180, 180, 180)
"""Of what was not judged."""

COLOURS: dict[str, Colour] = {
    "neutral": (235, 235, 235),
    "happiness": (255, 214, 10),
    "surprise": (240, 130, 240),
    "sadness": (70, 150, 255),
    "anger": (255, 75, 60),
    "disgust": (110, 205, 70),
    "fear": (175, 130, 255),
}
"""Red, green, blue of each label of `core-7`, as which others are drawn too."""

PICTURES = (".jpg", ".jpeg", ".png")
"""Endings of pictures that are written."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_HEIGHT = 22.0
"""Pixels of a capital letter at scale 1."""

_LEAST_LETTER, _MOST_LETTER = 7.0, 22.0
"""Pixels of a capital letter: still read, and not in the way."""


def caption(segment: Segment) -> str:
    """Return what to say of a segment in short: ``happiness 0.81``, or why there is nothing."""
    affect = segment.affect
    if affect is None:
        return segment.abstained or "not judged"
    return f"{affect.label} {affect.confidence:.2f}"


def colour_of(segment: Segment) -> Colour:
    """Return the colour of the label that a segment resembles; grey where it was not judged."""
    if segment.affect is None:
        return GREY
    core = to_core(segment.affect.vocabulary, segment.affect.scores)
    return COLOURS[max(core, key=core.__getitem__)]


def draw_face(image: Image, name: str, segment: Segment, box: Box) -> None:
    """Draw the box of a face and its caption into a picture.

    Args:
        image: uint8 [height, width, 3], red, green, blue; changed.
        name: Whose face it is.
        segment: What is said of it.
        box: Where it is.
    """
    height, width = image.shape[:2]
    colour = colour_of(segment)
    line = max(2, round(min(height, width) / 250))
    corner = (round(box.x), round(box.y))
    end = (round(box.x + box.width), round(box.y + box.height))
    cv2.rectangle(image, corner, end, (0, 0, 0), line + 2, cv2.LINE_AA)
    cv2.rectangle(image, corner, end, colour, line, cv2.LINE_AA)
    lines = (name, caption(segment))
    letter = min(_MOST_LETTER, max(_LEAST_LETTER, min(height, width) / 45))
    widest = max(text_width(one, letter) for one in lines)
    # Captions of faces side by side stay apart as far as they can be read.
    letter = max(_LEAST_LETTER, min(letter, letter * 1.05 * box.width / widest))
    widest = max(text_width(one, letter) for one in lines)
    step = round(letter * 1.7)
    tall = 2 * step + 2
    top = corner[1] - tall - line
    if top < 0:
        top = end[1] + line
    top = max(0, min(top, height - tall))
    left = max(0, min(corner[0], width - widest - 4))
    shade = image[top : top + tall, left : left + widest + 6]
    shade[:] = shade // 4
    for index, one in enumerate(lines):
        write_text(image, one, (left + 3, top + step * (index + 1) - 3), letter, colour)


def text_width(text: str, letter: float) -> int:
    """Return how many pixels a text is wide whose capital letters are so many pixels high."""
    return int(cv2.getTextSize(text, _FONT, letter / _FONT_HEIGHT, _weight(letter))[0][0])


def write_text(
    image: Image, text: str, place: tuple[int, int], letter: float, colour: Colour
) -> None:
    """Write a line of text into a picture; its foot begins at `place`, x and y in pixels."""
    scale = letter / _FONT_HEIGHT
    cv2.putText(image, text, place, _FONT, scale, colour, _weight(letter), cv2.LINE_AA)


def _weight(letter: float) -> int:
    return 1 if letter < 14 else 2


def check_picture(path: Path) -> None:
    """Raise `InvalidValue` where no picture of that name can be written."""
    if path.suffix.lower() not in PICTURES:
        raise InvalidValue(
            f"cannot write a picture as {path.suffix.lower() or path.name!r}; "
            f"valid: {', '.join(PICTURES)}"
        )


def write_picture(path: Path, image: Image) -> None:
    """Write a picture, uint8 [height, width, 3], red, green, blue.

    Raises:
        InvalidValue: Another ending than one of `PICTURES`.
    """
    check_picture(path)
    done, data = cv2.imencode(path.suffix.lower(), image[:, :, ::-1])
    assert done
    path.write_bytes(data.tobytes())
