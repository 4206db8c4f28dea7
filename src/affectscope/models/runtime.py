"""Weights in memory, run by ONNX Runtime on the CPU."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from affectscope.errors import InvalidValue, ModelUnavailable
from affectscope.models.card import Card, card
from affectscope.models.policy import LicensePolicy

if TYPE_CHECKING:
    import onnxruntime


def open_session(path: Path, sha256: str) -> onnxruntime.InferenceSession:
    """Open a file of weights.

    Each run computes on one thread: parallel callers make better use of the cores than parallel
    operators do, and keep the slowest answers fast.

    Args:
        path: An ONNX file.
        sha256: What it has to be, as 64 hexadecimal digits; checked before the weights are used.

    Raises:
        ModelUnavailable: The file is missing, altered, or not readable as a model.
    """
    import onnxruntime

    _verify(path, sha256)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # An arena keeps the memory of the largest batch ever seen; inputs of all lengths come here.
    options.enable_cpu_mem_arena = False
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises many kinds, none of them public
        raise ModelUnavailable(f"{path.name} is not a readable model: {error}") from error


class Model:
    """A loaded model; `run` may be called from many threads at once.

    Args:
        card: The card of the weights, whose SHA-256 is checked before they are used.

    Raises:
        ModelUnavailable: A file is missing, altered, or not readable as a model.
    """

    def __init__(self, card: Card) -> None:
        self.card = card
        for file in card.files:
            _verify(card.path(file.file), file.sha256)
        self._session = open_session(card.path(card.file), card.sha256)
        self._outputs = [one.name for one in self._session.get_outputs()]

    def run(self, **inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Run the network.

        Args:
            inputs: Arrays by input name, as the card describes them.

        Returns:
            Arrays by output name, all finite.

        Raises:
            InvalidValue: The input leads to no finite output, as one that holds NaN does.
        """
        values = dict(zip(self._outputs, self._session.run(self._outputs, inputs), strict=True))
        for name, value in values.items():
            # What is not finite would pass softmax and every threshold as an answer like others.
            if not np.isfinite(value).all():
                raise InvalidValue(
                    f"{self.card.name} has no finite {name} for this input; it holds values that "
                    f"are not finite, or far outside what the model reads: {', '.join(inputs)}"
                )
        return values


def _verify(path: Path, digest: str) -> None:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelUnavailable(f"{path.name} cannot be read: {error.strerror}") from error
    if found != digest:
        raise ModelUnavailable(
            f"{path.name} is not the file that was shipped: SHA-256 {found[:12]}..., "
            f"expected {digest[:12]}...; install the package again"
        )


_loaded: dict[str, Model] = {}
_lock = threading.Lock()


def load(name: str, policy: LicensePolicy | None = None) -> Model:
    """Return a shipped model, loaded once a process.

    Args:
        name: Name of the model, as `affectscope.models.cards` lists them.
        policy: What licences allow; that of the environment where absent.

    Raises:
        InvalidValue: No such model.
        ModelNotPermitted: The policy excludes it.
        ModelUnavailable: Its files are missing or altered.
    """
    found = card(name)
    (policy or LicensePolicy.from_environment()).check(found)
    with _lock:
        if name not in _loaded:
            _loaded[name] = Model(found)
        return _loaded[name]
