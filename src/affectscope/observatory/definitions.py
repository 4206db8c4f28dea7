"""What is promised, what wakes people and what is drawn: `definitions.toml`, read and checked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from affectscope.errors import InvalidValue
from affectscope.observatory.alerts.templates import render
from affectscope.observatory.matchers import compiled
from affectscope.observatory.promql.parsing import parse
from affectscope.telemetry.metrics import SECONDS

SHIPPED = Path(__file__).with_name("definitions.toml")
WINDOW_SECONDS = 30 * 86_400.0
"""Length of an objective's window."""

UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

Severity = Literal["page", "ticket"]
Kind = Literal["availability", "latency"]
Variable = Literal["service", "window"]


def duration_seconds(text: str) -> float:
    """Return the length of a duration such as `5m`.

    Args:
        text: A whole number and one of s, m, h, d.

    Returns:
        Seconds.
    """
    return float(text[:-1]) * UNIT_SECONDS[text[-1]]


def substituted(expr: str, service: str = ".+", window: str = "5m") -> str:
    """Fill the variables of a chart's expression in.

    Args:
        expr: May hold `$service` and `$window`.
        service: A name, or a regular expression.
        window: A duration such as `5m`.
    """
    return expr.replace("$service", service).replace("$window", window)


def _parsed(expr: str) -> str:
    try:
        parse(substituted(expr))
    except InvalidValue as error:
        raise ValueError(error.detail) from error
    return expr.strip()


def _rendered(template: str) -> str:
    try:
        render(template, {}, 1.0)
    except InvalidValue as error:
        raise ValueError(error.detail) from error
    return template


PromQL = Annotated[str, AfterValidator(_parsed)]
Template = Annotated[str, Field(min_length=1), AfterValidator(_rendered)]
Duration = Annotated[str, Field(pattern=r"^[1-9]\d*[smhd]$")]
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_]\w*$")]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
AlertName = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WatchedService(_Strict):
    """A service that is scraped.

    Attributes:
        name: Value of the label `service`.
        title: For people.
        prefix: Of its own metrics.
        port: Its usual port.
        routes: Regular expression of the routes that objectives count.
    """

    name: Identifier
    title: str
    prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    port: Annotated[int, Field(ge=1, le=65535)]
    routes: str

    @field_validator("routes")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            compiled(value)
        except InvalidValue as error:
            raise ValueError(error.detail) from error
        return value


class Objective(_Strict):
    """A share of requests that shall be good within 30 days.

    Attributes:
        service: Whose requests.
        kind: Not failed, or in time.
        target: Share that shall be good; 0.95 at least, for a burn of 14.4 must be possible.
        minimum_requests: Within the long window of a burn rate; with fewer nobody is woken.
        threshold_seconds: Longest that a good request takes; one of the histogram's bounds.
    """

    service: Identifier
    kind: Kind
    target: Annotated[float, Field(ge=0.95, lt=1)]
    minimum_requests: Annotated[int, Field(ge=1)]
    threshold_seconds: float | None = None

    @model_validator(mode="after")
    def _threshold(self) -> Objective:
        if (self.kind == "latency") != (self.threshold_seconds is not None):
            raise ValueError("threshold_seconds belongs to objectives of kind latency, and to all")
        if self.threshold_seconds is not None and self.threshold_seconds not in SECONDS:
            raise ValueError(f"threshold_seconds is {self.threshold_seconds}; valid: {SECONDS}")
        return self

    @property
    def id(self) -> str:
        """Value of the label `objective`."""
        return f"{self.service}-{self.kind}"


class BurnRate(_Strict):
    """How fast a budget may burn, over a long window and a short one."""

    name: AlertName
    severity: Severity
    factor: Annotated[float, Field(gt=0)]
    long: Duration
    short: Duration
    every_seconds: Annotated[int, Field(ge=1)]


class Alert(_Strict):
    """A condition that wakes somebody.

    Attributes:
        name: Label `alertname`.
        severity: `page` wakes, `ticket` waits for the morning.
        expr: PromQL; each of its series is an alert.
        labels: Labels of these series beside `service`.
        for_seconds: How long it must hold before it fires.
        every_seconds: Pause between two evaluations.
        summary: Template, one line.
        description: Template: what it means, and what to do.
    """

    name: AlertName
    severity: Severity
    expr: PromQL
    labels: tuple[LabelName, ...] = ()
    for_seconds: Annotated[int, Field(ge=0)] = 0
    every_seconds: Annotated[int, Field(ge=1)]
    summary: Template
    description: Template


class Query(_Strict):
    """One query of a chart; `legend` names its series, with labels as `{{label}}`."""

    expr: PromQL
    legend: str


class Threshold(_Strict):
    """From this value on, a chart has this colour."""

    value: float
    color: Literal["green", "orange", "red"]


class Chart(_Strict):
    """One chart.

    Attributes:
        id: Of the chart, in addresses.
        title: For people.
        description: What is seen, in a sentence.
        unit: Of the values.
        kind: How it is drawn.
        queries: What is drawn.
        thresholds: Colours by value.
        services: Services that have such series; all if empty.
    """

    id: Identifier
    title: str
    description: str
    unit: Literal[
        "seconds", "requests/s", "items/s", "requests", "bytes", "percent", "ratio", "times", "up"
    ]
    kind: Literal["line", "area", "stat"]
    queries: Annotated[tuple[Query, ...], Field(min_length=1)]
    thresholds: tuple[Threshold, ...] = ()
    services: tuple[Identifier, ...] = ()


class Row(_Strict):
    """Charts side by side."""

    title: str
    charts: Annotated[tuple[Chart, ...], Field(min_length=1)]


class Dashboard(_Strict):
    """A page of charts; `variables` are those that its expressions use."""

    id: Identifier
    title: str
    variables: tuple[Variable, ...] = ()
    rows: Annotated[tuple[Row, ...], Field(min_length=1)]


class Notifications(_Strict):
    """How Alertmanager tells people; the observatory's own way is in its settings.

    Attributes:
        webhook: Address that gets every message.
        group_wait: How long it waits for more alerts of the same service.
        group_interval: How long it waits before it tells of a change.
        repeat_interval: After which it tells again of what goes on.
    """

    webhook: Annotated[str, Field(pattern=r"^https?://\S+$")]
    group_wait: Annotated[str, Field(pattern=r"^\d+[smhd]$")]
    group_interval: Duration
    repeat_interval: Duration


class Definitions(_Strict):
    """All that one file defines."""

    notifications: Notifications
    services: Annotated[tuple[WatchedService, ...], Field(min_length=1)]
    objectives: tuple[Objective, ...] = ()
    burn_rates: tuple[BurnRate, ...] = ()
    alerts: tuple[Alert, ...] = ()
    dashboards: tuple[Dashboard, ...] = ()

    @field_validator("services", "objectives", "burn_rates", "alerts", "dashboards")
    @classmethod
    def _each_once(cls, entries: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        names = [getattr(entry, "id", None) or entry.name for entry in entries]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{info.field_name} has {', '.join(twice)} more than once")
        return entries

    @model_validator(mode="after")
    def _refers_to_what_is_there(self) -> Definitions:
        names = {service.name for service in self.services}
        charts = [chart for board in self.dashboards for row in board.rows for chart in row.charts]
        ids = [chart.id for chart in charts]
        if len(set(ids)) != len(ids):
            twice = sorted({one for one in ids if ids.count(one) > 1})
            raise ValueError(f"charts {', '.join(twice)} stand there more than once")
        used = [objective.service for objective in self.objectives]
        used += [service for chart in charts for service in chart.services]
        for service in used:
            if service not in names:
                raise ValueError(f"service {service!r} is unknown; valid: {sorted(names)}")
        return self

    def service(self, name: str) -> WatchedService:
        """Return a service by its name, which must be there."""
        return next(service for service in self.services if service.name == name)


def load(path: Path = SHIPPED) -> Definitions:
    """Read a file of definitions.

    Args:
        path: A TOML file such as the shipped one.

    Returns:
        What it defines; every expression is PromQL, every template can be rendered.

    Raises:
        InvalidValue: It cannot be read, or something in it is wrong; the message says what.
    """
    try:
        return Definitions.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidValue(f"definitions {path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidValue(f"definitions {path}: {where}: {first['msg']}") from error
