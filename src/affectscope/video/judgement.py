"""What is seen in the faces of one frame, each for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affectscope.video.behaviour import behaviour
from affectscope.video.crop import crop_faces
from affectscope.video.expression import ExpressionModel
from affectscope.video.faces import Face
from affectscope.video.quality import judge_face


@dataclass(frozen=True, eq=False)
class Judgement:
    """What is seen in one face.

    Attributes:
        probabilities: float32 [8] over `ferplus-8`; None where the face is not judged.
        abstained: Why it is not.
        flags: What is wrong with it.
        measures: Figures by name, as `behaviour` says, and ``detection_confidence``.
    """

    probabilities: NDArray[np.float32] | None
    abstained: str | None
    flags: tuple[str, ...]
    measures: dict[str, float]


def judge(
    image: NDArray[np.uint8], faces: Sequence[Face], model: ExpressionModel | None
) -> list[Judgement]:
    """Judge faces.

    Args:
        image: uint8 [height, width, 3], red, green, blue.
        faces: Found in it, with their meshes.
        model: None where the licence policy excludes it; then nothing is judged, but measured.

    Returns:
        One judgement for each face, in the order given.

    Raises:
        ModelUnavailable: The weights are missing or altered.
    """
    if not faces:
        return []
    crops = crop_faces(image, faces)
    height, width = image.shape[:2]
    found, measures = [], []
    for face, crop in zip(faces, crops, strict=True):
        measured = {} if face.mesh is None else behaviour(face.mesh)
        yaw = measured.get("head_yaw_deg", 0.0)
        found.append(judge_face(face, crop, width, height, yaw, face.apart))
        measures.append({"detection_confidence": face.score, **measured})
    reasons = [one.abstain if model is not None else "model-not-permitted" for one in found]
    wanted = [index for index, reason in enumerate(reasons) if reason is None]
    shares: dict[int, NDArray[np.float32]] = {}
    if model is not None and wanted:
        shares = dict(zip(wanted, model.predict(crops[wanted]), strict=True))
    return [
        Judgement(shares.get(index), reasons[index], found[index].flags, measures[index])
        for index in range(len(faces))
    ]
