"""How the affect of a long phrase goes: windows that overlap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import Affect, Window
from affectscope.speech.activity import Speech
from affectscope.speech.logmel import HOP, RATE
from affectscope.speech.logmel import WINDOW as FRAME

WINDOW_SECONDS = 3.0
"""Length of a window: that of the shortest clips that the voice model learnt from."""

STEP_SECONDS = 1.5
"""From one window to the next, or a little more. The windows together are no longer than those by
which the phrase as a whole is judged, so the work at most doubles."""

LONG_SECONDS = 6.0
"""A shorter phrase has no windows: it says with one affect what they could say."""

Judge = Callable[[NDArray[np.float32]], tuple[Affect | None, str | None]]
"""Turns log-mel energies [frames, 64] into an affect, or the reason why there is none."""


def windows(phrase: Speech, mels: NDArray[np.float32], judge: Judge) -> tuple[Window, ...]:
    """Judge a long phrase window by window; the first begins and the last ends with it.

    Args:
        phrase: What was spoken.
        mels: Log-mel energies of all of it, float32 [frames, 64].
        judge: Judges those of one window, float32 [298, 64].
    """
    length = len(phrase.samples) / RATE
    if length < LONG_SECONDS:
        return ()
    count = int((length - WINDOW_SECONDS) / STEP_SECONDS) + 1
    size = 1 + (round(WINDOW_SECONDS * RATE) - FRAME) // HOP
    found = []
    for at in np.linspace(0, len(mels) - size, count).astype(int):
        affect, reason = judge(mels[at : at + size])
        start = phrase.start + int(at) * HOP / RATE
        found.append(
            Window(start=start, end=start + WINDOW_SECONDS, affect=affect, abstained=reason)
        )
    return tuple(found)
