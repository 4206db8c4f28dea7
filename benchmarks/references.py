"""Fixed work that tells how fast a machine is, so that what is told beside it carries to others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Final

import numpy as np

_TEXT: Final = json.dumps({f"key-{number}": [number, str(number)] for number in range(200)})
_RANDOM: Final = np.random.default_rng(0)
_PICTURE: Final = _RANDOM.standard_normal((512, 512))
_SOUND: Final = _RANDOM.standard_normal(2**15)


def python() -> int:
    """What interpreted code does all day: calls, dictionaries, strings; about 10 ms."""
    total = 0
    for number in range(48):
        document = json.loads(_TEXT)
        for key, (value, text) in document.items():
            total += value * len(text) + hash(key) % 2
        words = sorted(document, key=lambda one: one[::-1])
        total += len("".join(word.upper() for word in words))
        for step in range(2000):
            total = (total * 31 + step + number) % 1_000_003
        hashlib.sha256(_TEXT.encode()).digest()
    return total


def arrays() -> float:
    """What signal processing does: transforms, elementwise functions, sorting; about 10 ms.

    Nothing that a library spreads over threads: how many of them run depends on the neighbours.
    """
    spectrum = np.abs(np.fft.rfft2(_PICTURE))
    total = 0.0
    for _ in range(4):
        spectrum = np.tanh(np.log1p(spectrum))
        total += float(np.abs(np.fft.rfft(_SOUND)).sum())
        total += float(np.sort(spectrum, axis=None)[::7].sum())
    return total


REFERENCES: Final[dict[str, Callable[[], object]]] = {"python": python, "arrays": arrays}
"""By name."""
