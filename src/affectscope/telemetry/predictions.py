"""What models answer, counted so that a drift of their answers can be seen."""

from __future__ import annotations

import threading
from typing import Final

from affectscope.telemetry.instruments import Counters, Histograms

ABSTAINED: Final = "abstained"
"""Label of answers that a model did not give."""

_LABELS_LIMIT: Final = 200
_OVERFLOW: Final = "overflow"
_CONFIDENCES: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class Predictions:
    """How often each category was predicted, and with what confidence.

    Args:
        service: Value of the `service` label.
    """

    def __init__(self, service: str) -> None:
        shared = {"service": service}
        self._labels = Counters(
            "affectscope_predictions",
            "Predicted categories; `abstained` where the model gave none.",
            ("modality", "label"),
            shared,
        )
        self._confidence = Histograms(
            "affectscope_prediction_confidence",
            "Confidence of predictions.",
            _CONFIDENCES,
            ("modality",),
            shared,
        )
        self.families = (self._labels, self._confidence)
        self._lock = threading.Lock()

    def note(self, modality: str, label: str | None, confidence: float | None) -> None:
        """Count one answer of a model.

        Args:
            modality: What was judged.
            label: The category; None where the model abstained.
            confidence: 0 to 1; None where there is none.
        """
        with self._lock:
            known = (modality, label) in self._labels.series
            if not known and len(self._labels.series) >= _LABELS_LIMIT:
                label = _OVERFLOW
            self._labels.of(modality, ABSTAINED if label is None else label).value += 1
            if confidence is not None:
                self._confidence.of(modality).observe(confidence)
