"""Predicted categories are counted within bounds."""

from __future__ import annotations

from affectscope.telemetry import Predictions, Telemetry


def shown(telemetry: Telemetry) -> str:
    return telemetry.exposition(None)[0].decode()


def test_categories_and_confidences_are_counted() -> None:
    telemetry = Telemetry("chat", "chat", "1", [])
    telemetry.predictions.note("text", "joy", 0.83)
    telemetry.predictions.note("text", "joy", 0.2)
    telemetry.predictions.note("text", None, None)

    text = shown(telemetry)
    name = "affectscope_predictions_total"
    assert f'{name}{{label="joy",modality="text",service="chat"}} 2.0' in text
    assert f'{name}{{label="abstained",modality="text",service="chat"}} 1.0' in text
    name = "affectscope_prediction_confidence_bucket"
    assert f'{name}{{le="0.2",modality="text",service="chat"}} 1.0' in text
    assert f'{name}{{le="0.9",modality="text",service="chat"}} 2.0' in text


def test_labels_without_end_share_one_series() -> None:
    predictions = Predictions("chat")
    for number in range(1000):
        predictions.note("text", f"label-{number}", 0.5)

    labels, confidence = predictions.families
    assert len(labels.series) == 201
    assert labels.of("text", "overflow").value == 800
    assert sum(confidence.of("text").counts) == 1000
