"""How the affect of a long phrase goes: windows that overlap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import Affect, Window
from affectscope.speech.activity import Speech
from affectscope.speech.logmel import RATE

WINDOW_SECONDS = 3.0
"""Length of a window: that of the shortest clips that the voice model learnt from."""

STEP_SECONDS = 1.5
"""From one window to the next, or a little more. The windows together are no longer than those by
which the phrase as a whole is judged, so the work at most doubles."""

LONG_SECONDS = 6.0
"""A shorter phrase has no windows: it says with one affect what they could say."""

Judge = Callable[[NDArray[np.float32]], tuple[Affect | None, str | None]]
"""Turns samples into an affect, or the reason why there is none."""


def windows(phrase: Speech, judge: Judge) -> tuple[Window, ...]:
    """Judge a long phrase window by window; the first begins and the last ends with it.

    Args:
        phrase: What was spoken.
        judge: Judges the samples of one window, float32 [48000].
    """
    length = len(phrase.samples) / RATE
    if length < LONG_SECONDS:
        return ()
    count = int((length - WINDOW_SECONDS) / STEP_SECONDS) + 1
    size = round(WINDOW_SECONDS * RATE)
    found = []
    for at in np.linspace(0, len(phrase.samples) - size, count).astype(int):
        affect, reason = judge(phrase.samples[at : at + size])
        start = phrase.start + int(at) / RATE
        found.append(
            Window(start=start, end=start + WINDOW_SECONDS, affect=affect, abstained=reason)
        )
    return tuple(found)
