"""From objectives to PromQL: ratios, burn rates, and the rules that watch them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from affectscope.observatory.definitions import (
    BurnRate,
    Chart,
    Dashboard,
    Definitions,
    Kind,
    Objective,
    Query,
    Row,
    Severity,
    Threshold,
)

RATIO = "affectscope:objective_bad_ratio:rate"
REQUESTS = "affectscope:objective_requests:increase"
_BURN_COLOURS = (
    Threshold(value=0, color="green"),
    Threshold(value=1, color="orange"),
    Threshold(value=6, color="red"),
)
_BURN_NAMES: dict[Kind, str] = {"availability": "AvailabilityBurns", "latency": "LatencyBurns"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert as it is evaluated.

    Attributes:
        name: Label `alertname`.
        severity: Label `severity`.
        expr: PromQL without recorded series: what the observatory evaluates.
        recorded_expr: The same over recorded series: what Prometheus evaluates.
        labels: Labels beside those of the expression's series.
        for_seconds: How long it must hold before it fires.
        every_seconds: Pause between two evaluations.
        summary: Template.
        description: Template.
    """

    name: str
    severity: Severity
    expr: str
    recorded_expr: str
    labels: Mapping[str, str] = field(default_factory=dict)
    for_seconds: float = 0.0
    every_seconds: float = 15.0
    summary: str = ""
    description: str = ""

    @property
    def key(self) -> str:
        """What tells this rule from all others, also after a restart."""
        return "|".join((self.name, *(f"{k}={v}" for k, v in sorted(self.labels.items()))))


@dataclass(frozen=True, slots=True)
class Recording:
    """A series that Prometheus records so that alerts need not compute it each time."""

    record: str
    expr: str
    labels: Mapping[str, str]
    every_seconds: float


class ObjectiveQueries:
    """The PromQL of one objective.

    Args:
        definitions: Hold the service of the objective.
        objective: One of them.
    """

    def __init__(self, definitions: Definitions, objective: Objective) -> None:
        service = definitions.service(objective.service)
        self._objective = objective
        if objective.kind == "availability":
            metric = "http_server_request_duration_seconds"
            self._total = f'{metric}_count{{service="{service.name}",http_route=~"{service.routes}"'
            self._part = self._total + ',http_response_status_code=~"5.."'
        else:
            metric = f"{service.prefix}_processing_seconds"
            labels = f'{{service="{service.name}",endpoint=~"{service.routes}"'
            assert objective.threshold_seconds is not None
            self._total = f"{metric}_count{labels}"
            self._part = f'{metric}_bucket{labels},le="{float(objective.threshold_seconds)}"'

    def requests(self, window: str) -> str:
        """Return the query for how many requests there were within a window such as `1h`."""
        return f"sum by (service) (increase({self._total}}}[{window}]))"

    def bad(self, window: str) -> str:
        """Return the query for how many of them were bad."""
        part = f"sum by (service) (increase({self._part}}}[{window}]))"
        if self._objective.kind == "availability":
            # A status that was never answered has no series.
            return f"({part} or 0 * {self.requests(window)})"
        return f"({self.requests(window)} - {part})"

    def bad_ratio(self, window: str) -> str:
        """Return the query for the share of the bad ones; NaN where there were no requests."""
        total = f"sum by (service) (rate({self._total}}}[{window}]))"
        part = f"sum by (service) (rate({self._part}}}[{window}]))"
        if self._objective.kind == "availability":
            return f"({part} or 0 * {total}) / {total}"
        return f"1 - {part} / {total}"


def windows(definitions: Definitions) -> dict[str, float]:
    """Return the windows of all burn rates, with the shortest pause between evaluations of each."""
    found: dict[str, float] = {}
    for burn in definitions.burn_rates:
        for window in (burn.short, burn.long):
            found[window] = min(burn.every_seconds, found.get(window, burn.every_seconds))
    return found


def recordings(definitions: Definitions) -> list[Recording]:
    """Return what Prometheus records: ratio and requests of each objective by window."""
    result = []
    long = {burn.long for burn in definitions.burn_rates}
    for objective in definitions.objectives:
        queries = ObjectiveQueries(definitions, objective)
        labels = {"objective": objective.id}
        for window, every in windows(definitions).items():
            result.append(Recording(RATIO + window, queries.bad_ratio(window), labels, every))
            if window in long:
                result.append(Recording(REQUESTS + window, queries.requests(window), labels, every))
    return result


def rules(definitions: Definitions) -> list[Rule]:
    """Return all alerts: those that are written out, and those of the objectives."""
    result = [
        Rule(
            alert.name,
            alert.severity,
            alert.expr,
            alert.expr,
            {},
            alert.for_seconds,
            alert.every_seconds,
            alert.summary,
            alert.description,
        )
        for alert in definitions.alerts
    ]
    for objective in definitions.objectives:
        queries = ObjectiveQueries(definitions, objective)
        result += [_burn_rule(objective, queries, burn) for burn in definitions.burn_rates]
    return result


def dashboards(definitions: Definitions) -> tuple[Dashboard, ...]:
    """Return all dashboards: those that are written out, and one of the objectives."""
    if not definitions.objectives:
        return definitions.dashboards
    rows = []
    for kind, title in (("availability", "Availability"), ("latency", "Latency")):
        queries = tuple(
            Query(
                expr=f"({ObjectiveQueries(definitions, objective).bad_ratio('$window')}) "
                f"/ {1 - objective.target:.6g}",
                legend=objective.service,
            )
            for objective in definitions.objectives
            if objective.kind == kind
        )
        if queries:
            chart = Chart(
                id=f"burn-{kind}",
                title=f"{title}: how fast the budget burns",
                description="At 1 the budget of 30 days lasts exactly 30 days.",
                unit="times",
                kind="line",
                queries=queries,
                thresholds=_BURN_COLOURS,
            )
            rows.append(Row(title=title, charts=(chart,)))
    board = Dashboard(id="objectives", title="Objectives", variables=("window",), rows=tuple(rows))
    return (*definitions.dashboards, board)


def _burn_rule(objective: Objective, queries: ObjectiveQueries, burn: BurnRate) -> Rule:
    bound = f"{burn.factor * (1 - objective.target):.6g}"
    only = f'{{objective="{objective.id}"}}'

    def joined(ratio_long: str, requests: str, ratio_short: str) -> str:
        return (
            f"{ratio_long} > {bound}\n"
            f"and {requests} >= {objective.minimum_requests}\n"
            f"and {ratio_short} > {bound}"
        )

    if objective.kind == "availability":
        what = "fails"
    else:
        what = f"takes longer than {objective.threshold_seconds:g} s for"
    return Rule(
        name=_BURN_NAMES[objective.kind] + burn.name,
        severity=burn.severity,
        expr=joined(
            queries.bad_ratio(burn.long), queries.requests(burn.long), queries.bad_ratio(burn.short)
        ),
        recorded_expr=joined(
            f"{RATIO}{burn.long}{only}",
            f"{REQUESTS}{burn.long}{only}",
            f"{RATIO}{burn.short}{only}",
        ),
        labels={"objective": objective.id},
        every_seconds=burn.every_seconds,
        summary=f"{{{{ $labels.service }}}} {what} {{{{ $value | humanizePercentage }}}} of its "
        "requests",
        description=f"Within {burn.long}. The objective allows {1 - objective.target:.2g} of all "
        f"requests in 30 days; at {burn.factor:g} times that its budget is gone after "
        f"{30 / burn.factor:.3g} days.",
    )
