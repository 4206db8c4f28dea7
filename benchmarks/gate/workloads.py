"""The work behind each name of the catalogue."""

from __future__ import annotations

from typing import Final

from benchmarks.gate import service_workloads, telemetry_workloads
from benchmarks.gate.work import Make

MAKERS: Final[dict[str, Make]] = {
    "telemetry.metrics": telemetry_workloads.requests("metrics"),
    "telemetry.logged": telemetry_workloads.requests("logged"),
    "telemetry.recorded": telemetry_workloads.requests("recorded"),
    "telemetry.spans": telemetry_workloads.spans,
    "telemetry.exposition": telemetry_workloads.exposition,
    "survey.score": service_workloads.survey_score,
    "survey.request": service_workloads.survey_request,
    "gateway.relay": service_workloads.gateway_relay,
    "chat.analyze": service_workloads.analysis("chat"),
    "speech.analyze": service_workloads.analysis("speech"),
    "video.analyze": service_workloads.analysis("video"),
    "chat.startup": service_workloads.startup("chat"),
}
