"""What a load test may be asked to do: its modes, their parameters, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeGuard, get_args

from affectscope.errors import InvalidValue, MissingField
from affectscope.gateway.backends import BACKENDS

MOST_ITERATIONS = 1000
TYPES = ("all", *(backend.name for backend in BACKENDS))
Mode = Literal["closed", "constant", "ramp", "soak", "search"]
MODES: tuple[Mode, ...] = get_args(Mode)
Arrivals = Literal["constant", "poisson"]
ARRIVALS: tuple[Arrivals, ...] = get_args(Arrivals)

_HOUR = 3600.0
ABSENT = object()
"""Stands for a value that is not given; null is given, and wrong."""


@dataclass(frozen=True)
class Number:
    """A parameter that is a number.

    Attributes:
        low: Least valid value.
        high: Greatest valid value.
        default: What holds where none is given; None where one must be given.
        text: What it means, with its unit.
        whole: Whether only whole numbers are valid.
    """

    low: float
    high: float
    default: float | None
    text: str
    whole: bool = False

    def read(self, name: str, given: object) -> float:
        """Return the value.

        Raises:
            MissingField: None is given, and there is no default.
            InvalidValue: It is no number, or out of range.
        """
        if given is ABSENT:
            if self.default is None:
                raise MissingField(f"{name} is missing; valid: {self.valid}", field=name)
            return self.default
        if not _is_number(given) or not self.low <= given <= self.high:
            raise InvalidValue(f"{name} is {given!r:.60}; valid: {self.valid}", field=name)
        if self.whole and given != int(given):
            raise InvalidValue(f"{name} is {given!r:.60}; valid: {self.valid}", field=name)
        return int(given) if self.whole else float(given)

    @property
    def valid(self) -> str:
        """What is valid, in words."""
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.low:g} to {self.high:g}"


def _is_number(value: object) -> TypeGuard[float]:
    # In Python, true and false are numbers.
    return isinstance(value, int | float) and not isinstance(value, bool)


_RATE = Number(0.01, 10_000, None, "Requests a second, of all services together.")
_COMMON = {
    "max_concurrency": Number(
        1, 1000, 256, "Requests under way at once; an arrival beyond waits.", whole=True
    ),
    "timeout": Number(0.1, 600, 30, "Seconds after which a request is given up."),
    "trace_every": Number(
        0, 1_000_000, 100, "Every n-th request asks to be traced; 0: none.", whole=True
    ),
    "seed": Number(0, 2**31 - 1, 1, "Of Poisson arrivals and of trace ids.", whole=True),
}
PARAMETERS: dict[Mode, dict[str, Number]] = {
    "closed": {
        "iterations": Number(1, MOST_ITERATIONS, 5, "Requests to each service.", whole=True)
    },
    "constant": {
        "rate": _RATE,
        "duration": Number(1, _HOUR, 30, "Seconds."),
        **_COMMON,
    },
    "ramp": {
        "start_rate": Number(0, 10_000, 0, "Requests a second at the beginning."),
        "end_rate": Number(0.01, 10_000, None, "Requests a second at the end."),
        "duration": Number(1, _HOUR, 60, "Seconds."),
        **_COMMON,
    },
    "soak": {
        "rate": _RATE,
        "duration": Number(4, 24 * _HOUR, _HOUR, "Seconds."),
        **_COMMON,
    },
    "search": {
        "start_rate": Number(0.01, 10_000, 1, "Rate of the first trial, requests a second."),
        "max_rate": Number(0.01, 10_000, 1000, "Highest rate that is tried."),
        "trial_seconds": Number(0.5, 600, 10, "Least length of one trial."),
        "duration": Number(1, _HOUR, 300, "Seconds in which the search must end."),
        **_COMMON,
    },
}
"""Numbers that each mode takes, beside `mode`, `test_type` and, where requests arrive at a rate,
`arrivals`; `search` takes an `objective` too."""

OBJECTIVE = {
    "percentile": Number(50, 99.99, 99, "Percentile of the corrected times."),
    "seconds": Number(0.0001, 600, 0.5, "Most that it may be."),
    "error_ratio": Number(0, 1, 0.01, "Greatest share of requests that fail."),
}


@dataclass(frozen=True)
class Plan:
    """A load test that is asked for, every value of it valid.

    Attributes:
        mode: How requests arrive.
        test_type: Which services; `all` in turn.
        numbers: The parameters of the mode by name.
        arrivals: Whether requests arrive evenly or at random (a Poisson process).
        objective: What a search holds the services to.
    """

    mode: Mode
    test_type: str = "all"
    numbers: Mapping[str, float] = field(default_factory=dict)
    arrivals: Arrivals = "constant"
    objective: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return self.numbers[name]

    def document(self) -> dict[str, Any]:
        """Return the plan in the form in which it is asked for, with all defaults filled in."""
        whole = asdict(self)
        document = {"mode": self.mode, "test_type": self.test_type, **whole["numbers"]}
        if self.mode != "closed":
            document["arrivals"] = self.arrivals
        if self.mode == "search":
            document["objective"] = whole["objective"]
        return document


def parse_plan(document: Mapping[str, object]) -> Plan:
    """Read the body of ``POST /load-test``.

    Raises:
        InvalidValue: A value that is out of range, or a field that the mode does not have.
        MissingField: The mode needs a value that is not there.
    """
    mode = _choice(document, "mode", MODES, "closed")
    kind = _choice(document, "test_type", TYPES, "all")
    known = PARAMETERS[mode]
    names = ["test_type", *known]
    if mode != "closed":
        names.append("arrivals")
    if mode == "search":
        names.append("objective")
    _only(document, ("mode", *names), f"unknown field {{}} of mode {mode}")
    numbers = {
        name: number.read(name, document.get(name, ABSENT)) for name, number in known.items()
    }
    plan = Plan(
        mode,
        kind,
        numbers,
        _choice(document, "arrivals", ARRIVALS, "constant"),
        _objective(document) if mode == "search" else {},
    )
    if mode == "search" and plan["start_rate"] > plan["max_rate"]:
        raise InvalidValue(
            f"start_rate is {plan['start_rate']:g}; valid: up to max_rate, {plan['max_rate']:g}",
            field="start_rate",
        )
    return plan


def _objective(document: Mapping[str, object]) -> dict[str, float]:
    given = document.get("objective", {})
    if not isinstance(given, Mapping):
        raise InvalidValue(
            f"objective is {given!r:.60}; valid: an object with {', '.join(OBJECTIVE)}",
            field="objective",
        )
    _only(given, tuple(OBJECTIVE), "unknown field {} of objective")
    return {
        name: number.read(f"objective.{name}", given.get(name, ABSENT))
        for name, number in OBJECTIVE.items()
    }


def _only(document: Mapping[str, object], names: tuple[str, ...], complaint: str) -> None:
    for name in document:
        if name not in names:
            shown = complaint.format(f"{name!r:.60}")
            raise InvalidValue(f"{shown}; valid: {', '.join(names)}", field=name)


def _choice(document: Mapping[str, object], name: str, valid: tuple[Any, ...], other: str) -> Any:
    given = document.get(name, other)
    if not isinstance(given, str) or given not in valid:
        raise InvalidValue(f"{name} is {given!r:.60}; valid: {', '.join(valid)}", field=name)
    return given
