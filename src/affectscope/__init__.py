"""Perceived emotion from face, voice, text and questionnaires, with its evidence and its certainty.

``affectscope.analyze("interview.mp4", purpose="research")`` answers a `Session`. Everything heavy
is imported on first use, so that ``import affectscope`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from affectscope.affect import Session
    from affectscope.session import analyze

__all__ = ["Session", "__version__", "analyze"]

_HOMES = {"analyze": "affectscope.session", "Session": "affectscope.affect"}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'affectscope' has no attribute {name!r}")
