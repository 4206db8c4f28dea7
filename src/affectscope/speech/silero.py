"""How likely somebody speaks: Silero's voice activity detector, run by ONNX Runtime.

`silero_vad.onnx` is the file ``silero_vad_16k_sequence.onnx`` of the package silero-vad 6.2.3,
unchanged (MIT, Silero Team, https://github.com/snakers4/silero-vad). It judges many chunks in one
call, gives bit for bit what Silero's own model gives chunk by chunk, and lets go of the
interpreter's lock meanwhile. The package itself needs torch to be imported.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from affectscope.models import open_session

if TYPE_CHECKING:
    import onnxruntime

CHUNK = 512
"""Samples that are judged at once: 32 ms at 16 kHz."""

CONTEXT = 64
"""Samples before a chunk that are looked at with it."""

MOST_CHUNKS = 512
"""Chunks of one call, 16 s: what bounds its memory."""

_WEIGHTS = Path(__file__).with_name("silero_vad.onnx")
_SHA256 = "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85"


@cache
def session() -> onnxruntime.InferenceSession:
    """Return the network, loaded once a process.

    Raises:
        ModelUnavailable: The file is missing or altered.
    """
    return open_session(_WEIGHTS, _SHA256)


class SileroDetector:
    """Judges one signal chunk after chunk, each by what came before."""

    def __init__(self) -> None:
        self._session = session()
        self._context = np.zeros(CONTEXT, np.float32)
        self._hidden = self._cell = np.zeros((1, 1, 128), np.float32)

    def probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how likely there is speech in each chunk.

        Args:
            samples: Mono float32 [512 n] in [-1, 1] at 16 kHz, all finite; goes on where the call
                before ended.

        Returns:
            float32 [n] in [0, 1].
        """
        found = [np.zeros(0, np.float32)]
        for first in range(0, len(samples), MOST_CHUNKS * CHUNK):
            part = np.concatenate([self._context, samples[first : first + MOST_CHUNKS * CHUNK]])
            self._context = part[-CONTEXT:]
            chunks = np.lib.stride_tricks.sliding_window_view(part, CONTEXT + CHUNK)[::CHUNK]
            odds, self._hidden, self._cell = self._session.run(
                ["speech_probs", "hn", "cn"],
                {"input": chunks, "h": self._hidden, "c": self._cell},
            )
            found.append(odds)
        return np.concatenate(found)
