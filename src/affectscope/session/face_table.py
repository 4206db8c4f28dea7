"""Faces as tables for statistics: one row per frame and face, or one per measured value.

The columns that users of OpenFace 2 and of py-feat know have their names and units (OpenFace:
"Output Format" of its wiki; py-feat: the columns of its class `Fex`); the rest has ours.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from itertools import repeat

from affectscope.affect import Segment, Session, Track, vocabulary

_TIME = ("frame", "face_id", "timestamp", "approx_time", "end", "track", "input")
_RECTANGLE = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight")
_FACE = ("confidence", "success", *_RECTANGLE, "FaceScore")
_EXPRESSION = ("label", "label_confidence", "valence", "arousal", "abstained", "quality")

EXPRESSIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""The expressions that always have a column, in the order of py-feat; a vocabulary may add more."""

MEASURES = (
    "head_pitch_deg",
    "head_yaw_deg",
    "head_roll_deg",
    "gaze_yaw_deg",
    "gaze_pitch_deg",
    "left_eye_openness",
    "right_eye_openness",
    "blink",
    "mouth_opening",
    "smile",
    "brow_raise",
    "brow_lower",
)
"""Measures of `Segment` that always have a column; whatever else was measured follows them."""


_RADIANS = math.pi / 180
_ANGLES = {
    "pose_Rx": ("head_pitch_deg", -_RADIANS),
    "pose_Ry": ("head_yaw_deg", -_RADIANS),
    "pose_Rz": ("head_roll_deg", _RADIANS),
    "gaze_angle_x": ("gaze_yaw_deg", _RADIANS),
    "gaze_angle_y": ("gaze_pitch_deg", -_RADIANS),
    "Pitch": ("head_pitch_deg", 1.0),
    "Roll": ("head_roll_deg", 1.0),
    "Yaw": ("head_yaw_deg", 1.0),
}
"""Columns of others: which measure they are, and times what. OpenFace speaks in radians, about axes
to the right of the picture, down and away from the camera: a head that rises or turns to the right of
the picture has negative angles, eyes that look to the right or down have positive ones."""

_SCORE = "detection_confidence"
_POOR = "too-"
"""How the reasons to abstain begin that lie in the picture of a face."""

LONG_COLUMNS = ("frame", "timestamp", "face_id", "track", "variable", "value")
"""Columns of the long table."""


def face_columns(session: Session) -> tuple[str, ...]:
    """Return the columns of the wide table of a session."""
    tracks = _face_tracks(session)
    labels = [
        label
        for name in dict.fromkeys(track.vocabulary for track in tracks if track.vocabulary)
        for label in vocabulary(name).labels
    ]
    measured = {name for track in tracks for one in track.segments for name in one.measures}
    further = sorted(measured - {*MEASURES, _SCORE})
    return (
        *_TIME,
        *_FACE,
        *_ANGLES,
        *dict.fromkeys((*EXPRESSIONS, *labels)),
        *_EXPRESSION,
        *MEASURES,
        *further,
    )


def face_rows(session: Session, source: str | None = None) -> Iterator[dict[str, object]]:
    """Yield one row per frame and face, in order of time, with the keys of `face_columns`.

    What was not measured is None. A data frame is ``pandas.DataFrame(face_rows(session))``.

    - ``frame``: number of the frame among those looked at, from 0; ``face_id``: number of the
      track, from 1; ``timestamp`` and ``end``: seconds of the session's clock; ``approx_time``:
      the same as text, ``MM:SS``; ``input``: `source`.
    - ``confidence`` and ``FaceScore``: of the detection, 0 to 1; ``success``: 1, or 0 where the
      picture of the face is too poor to be judged; ``FaceRect...``: pixels.
    - ``pose_R...`` and ``gaze_angle_...``: radians, with the signs of OpenFace; ``Pitch``,
      ``Roll``, ``Yaw``: degrees, with the signs of our measures.
    - expressions: probabilities, 0 to 1; ``label`` and ``label_confidence``: the likeliest one and
      its probability; ``abstained``: why there is none.

    Args:
        session: Whose faces.
        source: Name of the file, where one is to stand in each row.
    """
    columns = face_columns(session)
    for number, track, segment in _in_order(session):
        known = {**_known(segment), "face_id": number, "track": track.id, "input": source}
        yield {column: known.get(column) for column in columns}


def face_values(session: Session) -> Iterator[dict[str, object]]:
    """Yield one row per frame, face and measured value, with the keys of `LONG_COLUMNS`.

    Only what is a number and was measured: box, probabilities of expressions, valence, arousal,
    and all measures by their own names.
    """
    for number, track, segment in _in_order(session):
        values: dict[str, float] = {}
        if segment.box is not None:
            values |= segment.box.model_dump()
        if segment.affect is not None:
            values |= segment.affect.scores
            values |= {"valence": segment.affect.valence, "arousal": segment.affect.arousal}
        values |= segment.measures
        for variable, value in values.items():
            row = (segment.frame, segment.start, number, track.id, variable, value)
            yield dict(zip(LONG_COLUMNS, row, strict=True))


def _face_tracks(session: Session) -> list[Track]:
    return [track for track in session.tracks if track.modality == "face"]


def _in_order(session: Session) -> Iterator[tuple[int, Track, Segment]]:
    """Yield the number and the track of each face with each of its segments, frame by frame."""
    numbered = enumerate(_face_tracks(session), 1)
    rows = [zip(repeat(number), repeat(track), track.segments) for number, track in numbered]
    return heapq.merge(*rows, key=lambda row: (row[2].start, row[0]))


def _known(segment: Segment) -> dict[str, object]:
    """Return what a segment holds, by the columns of the wide table."""
    affect, box = segment.affect, segment.box
    poor = segment.abstained is not None and segment.abstained.startswith(_POOR)
    known: dict[str, object] = {**segment.measures}
    for column, (measure, factor) in _ANGLES.items():
        if measure in segment.measures:
            known[column] = factor * segment.measures[measure]
    if box is not None:
        rectangle = (box.x, box.y, box.width, box.height)
        known |= zip(_RECTANGLE, rectangle, strict=True)
    if affect is not None:
        known |= affect.scores
        known |= {
            "label": affect.label,
            "label_confidence": affect.confidence,
            "valence": affect.valence,
            "arousal": affect.arousal,
        }
    minutes, seconds = divmod(int(segment.start), 60)
    score = segment.measures.get(_SCORE)
    return known | {
        "frame": segment.frame,
        "timestamp": segment.start,
        "approx_time": f"{minutes:02d}:{seconds:02d}",
        "end": segment.end,
        "confidence": score,
        "success": 0 if poor else 1,
        "FaceScore": score,
        "abstained": segment.abstained,
        "quality": " ".join(segment.quality),
    }
