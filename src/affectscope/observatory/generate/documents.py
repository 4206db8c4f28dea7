"""`docs/metrics.md`: every metric, read from the registries themselves; objectives and alerts."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric

from affectscope.observatory.alerts.objectives import rules
from affectscope.observatory.app import Observatory
from affectscope.observatory.definitions import Definitions
from affectscope.observatory.settings import ObservatorySettings
from affectscope.telemetry import Telemetry

_HEAD = """\
# Metrics

Written by `make definitions`; change the definitions or the code instead.

Every service answers `/metrics` in Prometheus' text format, and in OpenMetrics with exemplars where
`Accept` asks for it. Histograms have the series `_bucket` (with the label `le`), `_count` and `_sum`.
"""
_SCRAPED = """\
## Made by the scraper

| Metric | Type | Labels | Meaning |
|---|---|---|---|
| `up` | gauge | `job`, `instance`, `service` | 1 where the last scrape was answered, else 0 |
| `scrape_duration_seconds` | gauge | `job`, `instance`, `service` | How long the last scrape took |
"""


@dataclass(frozen=True, slots=True)
class MetricLine:
    """One metric of one service, as it is documented."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


def metrics_of(registry: CollectorRegistry) -> list[MetricLine]:
    """Return the metrics of a registry.

    Args:
        registry: Each of its metrics must have a sample, for that has the labels.
    """
    return [_line(metric) for metric in registry.collect()]


def registries(definitions: Definitions) -> Iterator[tuple[str, CollectorRegistry]]:
    """Make each service's registry, with a sample of everything.

    Gives names and registries, the observatory's twice.

    Args:
        definitions: Name the services.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        # A container with a limit, so that the metrics of that are there.
        for path, text in (("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "1\n")):
            (root / path).parent.mkdir(parents=True)
            (root / path).write_text(text)
        for service in definitions.services:
            telemetry = Telemetry(service.name, service.prefix, "1", [], root=root)
            telemetry.queue(lambda: 0.0, 1)
            yield service.name, _filled(telemetry)
        # What the observatory has of its own; the rest came above, as in a container.
        settings = ObservatorySettings(
            folder=root / "observatory", alert_webhooks=("http://127.0.0.1:9095/",)
        )
        observatory = Observatory(settings)
        try:
            yield "observatory", _filled(observatory.telemetry)
        finally:
            observatory.database.close()


def metrics_document(definitions: Definitions) -> str:
    """Return `docs/metrics.md`.

    Args:
        definitions: Hold services, objectives and alerts.
    """
    found: dict[str, set[MetricLine]] = {}
    for name, registry in registries(definitions):
        found.setdefault(name, set()).update(metrics_of(registry))
    shared = set.intersection(*found.values())
    parts = [_HEAD, "## Of every service\n", _table(shared)]
    for service in definitions.services:
        parts += [f"## {service.title}\n", _table(found[service.name] - shared)]
    parts += [_SCRAPED, _objectives(definitions), _alerts(definitions)]
    return "\n".join(parts)


def _filled(telemetry: Telemetry) -> CollectorRegistry:
    families = (telemetry.requests, telemetry.predictions, telemetry.live)
    for family in (one for group in families for one in group.families):
        family.of(*("" for _ in family.labels))
    telemetry.model_loaded("", "")
    return telemetry.registry


def _line(metric: Metric) -> MetricLine:
    name = metric.name + ("_total" if metric.type == "counter" else "")
    labels = {label for sample in metric.samples for label in sample.labels} - {"le"}
    return MetricLine(name, metric.type, tuple(sorted(labels)), metric.documentation)


def _table(lines: Iterable[MetricLine]) -> str:
    rows = ["| Metric | Type | Labels | Meaning |", "|---|---|---|---|"]
    for line in sorted(lines, key=lambda line: line.name):
        labels = ", ".join(f"`{label}`" for label in line.labels)
        rows.append(f"| `{line.name}` | {line.kind} | {labels} | {_cell(line.help)} |")
    return "\n".join([*rows, ""])


def _objectives(definitions: Definitions) -> str:
    rows = [
        "## Objectives\n",
        "Over 30 days. What a good request is, and what wakes whom, is told in "
        "[alerts.md](alerts.md).\n",
        "| Objective | Service | Target | A request is good if |",
        "|---|---|---|---|",
    ]
    for objective in definitions.objectives:
        good = (
            "it is not answered with 5xx"
            if objective.threshold_seconds is None
            else f"it takes at most {objective.threshold_seconds:g} s"
        )
        rows.append(
            f"| `{objective.id}` | {objective.service} | {objective.target * 100:g} % | {good} |"
        )
    return "\n".join([*rows, ""])


def _alerts(definitions: Definitions) -> str:
    rows = [
        "## Alerts\n",
        "Those of the objectives, `AvailabilityBurns…` and `LatencyBurns…`, are listed once.\n",
        "| Alert | Severity | For | Labels | Summary |",
        "|---|---|---|---|---|",
    ]
    labels = {alert.name: alert.labels for alert in definitions.alerts}
    seen = set()
    for rule in rules(definitions):
        if rule.name in seen:
            continue
        seen.add(rule.name)
        names = ", ".join(f"`{name}`" for name in ("service", *labels.get(rule.name, rule.labels)))
        held = f"{rule.for_seconds:g} s" if rule.for_seconds else "at once"
        summary = re.sub(r"\{\{ \$(?:labels\.)?(\w+)[^}]*\}\}", r"{\1}", rule.summary)
        # One line stands for the objectives of all services.
        summary = re.sub(r"longer than [\d.]+ s", "longer than the objective allows", summary)
        rows.append(f"| `{rule.name}` | {rule.severity} | {held} | {names} | {_cell(summary)} |")
    return "\n".join([*rows, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
