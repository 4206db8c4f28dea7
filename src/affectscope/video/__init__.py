"""Faces in videos and images: found, followed, and judged expression by expression.

`render` and `contact_sheet` draw what was found; they are imported on first use, because they bring
an encoder along that nobody else needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from affectscope.video.analyzer import VideoAnalyzer
from affectscope.video.crop import crop_faces
from affectscope.video.detector import FaceDetector
from affectscope.video.expression import ExpressionModel
from affectscope.video.faces import Face
from affectscope.video.tracker import FaceTracker

if TYPE_CHECKING:
    from affectscope.video.rendering import render
    from affectscope.video.sheet import contact_sheet

__all__ = [
    "ExpressionModel",
    "Face",
    "FaceDetector",
    "FaceTracker",
    "VideoAnalyzer",
    "contact_sheet",
    "crop_faces",
    "render",
]

_HOMES = {"contact_sheet": "sheet", "render": "rendering"}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"affectscope.video.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'affectscope.video' has no attribute {name!r}")
