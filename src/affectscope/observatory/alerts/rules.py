"""Evaluates the alerts: inactive, pending, firing, and back.

Recording rules are not evaluated: the rules here hold the expressions of recorded series written
out (`Rule.expr`), and ask for the cheap conditions first.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from promql_parser import BinaryExpr

from affectscope.observatory.alerts.objectives import Rule
from affectscope.observatory.alerts.store import Acknowledgement, ActiveAlert, AlertStore
from affectscope.observatory.alerts.templates import render
from affectscope.observatory.promql import QueryError, Sample
from affectscope.observatory.promql.parsing import parse
from affectscope.telemetry import get_logger

_log = get_logger()

MOST_ALERTS = 200
"""Of one rule: more is a defect of its expression."""

GRACE_SECONDS = 30.0
"""After a start nothing is over yet: services may not have been scraped."""

RuleState = Literal["inactive", "pending", "firing", "error"]


class Answers(Protocol):
    """What the rules ask: the PromQL engine."""

    def instant(self, query: str, at: float) -> list[Sample] | float:
        """Answer a query at a time in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """A rule and what became of its last evaluation; `error` is "" where it went well."""

    rule: Rule
    state: RuleState
    error: str


@dataclass(slots=True)
class _Watched:
    rule: Rule
    conditions: tuple[str, ...]
    due: float = -math.inf
    error: str = ""


class RuleEvaluator:
    """Evaluates rules when they are due; all methods block, and may come from several threads.

    Args:
        engine: Answers PromQL.
        rules: What is evaluated.
        store: Keeps what fires over restarts.
        now: Seconds since the epoch, at the start.
    """

    def __init__(
        self, engine: Answers, rules: Sequence[Rule], store: AlertStore, now: float
    ) -> None:
        self._engine = engine
        self._store = store
        self._rules = [_Watched(rule, conditions(rule.expr)) for rule in rules]
        self._lock = threading.Lock()
        self._settled = now + GRACE_SECONDS
        known = {rule.key for rule in rules}
        before = store.firing()
        self._active = {alert.fingerprint: alert for alert in before if alert.rule in known}
        # Rules that are gone take their alerts with them.
        self._ended = [alert for alert in before if alert.rule not in known]
        if self._ended:
            store.end(self._ended, now)

    def evaluate(self, now: float) -> list[ActiveAlert]:
        """Evaluate what is due.

        Args:
            now: Seconds since the epoch.

        Returns:
            Alerts that fired and are over.
        """
        ended, self._ended = self._ended, []
        changed: list[ActiveAlert] = []
        for watched in self._rules:
            # A clock that was set back must not stop the rules.
            if watched.due - watched.rule.every_seconds <= now < watched.due:
                continue
            watched.due = now + watched.rule.every_seconds
            try:
                found = self._alerts(watched, now)
                error = ""
            except Exception as problem:
                # One bad rule must not stop the others; what it said last stays.
                error = f"{type(problem).__name__}: {problem}"[:500]
                if not watched.error:
                    _log.error("a rule cannot be evaluated", rule=watched.rule.key, reason=error)
                watched.error = error
                continue
            watched.error = error
            over, new = self._settle(watched.rule, found, now)
            ended += over
            changed += new
        if changed:
            self._store.save(changed).add_done_callback(_log_failure)
        if ended:
            self._store.end(ended, now).add_done_callback(_log_failure)
        return ended

    def alerts(self) -> list[ActiveAlert]:
        """Return what is pending or firing, what began last first."""
        with self._lock:
            return sorted(self._active.values(), key=lambda alert: -alert.since)

    def statuses(self) -> list[RuleStatus]:
        """Return every rule with its state."""
        with self._lock:
            states: dict[str, RuleState] = {}
            for alert in self._active.values():
                if states.get(alert.rule) != "firing":
                    states[alert.rule] = alert.state
        return [
            RuleStatus(
                watched.rule,
                "error" if watched.error else states.get(watched.rule.key, "inactive"),
                watched.error,
            )
            for watched in self._rules
        ]

    def acknowledge(self, fingerprint: str, taken: Acknowledgement) -> bool:
        """Take an alert on; says whether it is there."""
        with self._lock:
            alert = self._active.get(fingerprint)
            if alert is None:
                return False
            self._active[fingerprint] = replace(alert, acknowledged=taken)
        self._store.acknowledge(fingerprint, taken).result()
        return True

    def notified(self, fingerprints: Iterable[str], at: float) -> None:
        """Note that alerts are being sent, so that they are not sent again at once."""
        with self._lock:
            for fingerprint in fingerprints:
                alert = self._active.get(fingerprint)
                if alert is not None:
                    self._active[fingerprint] = replace(alert, notified=at)

    def _alerts(self, watched: _Watched, now: float) -> dict[str, ActiveAlert]:
        rule = watched.rule
        for condition in watched.conditions:
            if self._engine.instant(condition, now) == []:
                return {}
        samples = self._engine.instant(rule.expr, now)
        if isinstance(samples, float):
            raise QueryError("the expression gives a number; an alert needs a vector")
        if len(samples) > MOST_ALERTS:
            raise QueryError(f"the expression gives {len(samples)} series; at most {MOST_ALERTS}")
        found = {}
        for sample in samples:
            labels = {
                **{name: value for name, value in sample.labels.items() if name != "__name__"},
                **rule.labels,
                "severity": rule.severity,
                "alertname": rule.name,
            }
            mark = fingerprint(labels)
            found[mark] = ActiveAlert(
                fingerprint=mark,
                rule=rule.key,
                name=rule.name,
                severity=rule.severity,
                labels=labels,
                state="pending",
                since=now,
                value=sample.value,
                peak=sample.value,
                summary=render(rule.summary, labels, sample.value),
                description=render(rule.description, labels, sample.value),
            )
        return found

    def _settle(
        self, rule: Rule, found: Mapping[str, ActiveAlert], now: float
    ) -> tuple[list[ActiveAlert], list[ActiveAlert]]:
        """Compare what holds with what held; return what is over, and what must be kept."""
        over, changed = [], []
        with self._lock:
            before = {mark: alert for mark, alert in self._active.items() if alert.rule == rule.key}
            for mark, old in before.items():
                if mark in found or (old.state == "firing" and now < self._settled):
                    continue
                del self._active[mark]
                if old.state == "firing":
                    over.append(old)
            for mark, new in found.items():
                alert = _carried(before.get(mark), new, rule, now)
                self._active[mark] = alert
                if alert.state == "firing" and _news(before.get(mark), alert):
                    changed.append(alert)
        return over, changed


def _carried(old: ActiveAlert | None, new: ActiveAlert, rule: Rule, now: float) -> ActiveAlert:
    """Return how an alert goes on that holds now."""
    since = min(old.since, now) if old is not None else now
    if old is not None and old.state == "firing":
        return replace(
            new,
            state="firing",
            since=since,
            peak=max(old.peak, new.value),
            notified=old.notified,
            acknowledged=old.acknowledged,
        )
    if now - since >= rule.for_seconds:
        acknowledged = old.acknowledged if old is not None else None
        return replace(new, state="firing", since=now, acknowledged=acknowledged)
    return replace(new, since=since, acknowledged=old.acknowledged if old is not None else None)


def _news(old: ActiveAlert | None, alert: ActiveAlert) -> bool:
    return old is None or old.state != "firing" or alert.peak > old.peak


def _log_failure(write: Future[None]) -> None:
    """Say that a write failed; people are told of the alerts all the same."""
    error = write.exception()
    if error is not None:
        _log.error("alerts cannot be kept", reason=f"{type(error).__name__}: {error}"[:300])


def conditions(expr: str) -> tuple[str, ...]:
    """Return the conditions that follow the first at the top of an expression, the last first.

    If one of them has no series, the whole has none, and need not be evaluated.

    Args:
        expr: PromQL.

    Returns:
        PromQL of each; none where the expression is not joined by `and`.

    Raises:
        QueryError: It is not PromQL.
    """
    node = parse(expr)
    found = []
    while isinstance(node, BinaryExpr) and str(node.op) == "and":
        found.append(node.rhs.prettify())
        node = node.lhs
    return tuple(found)


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return the fingerprint that Alertmanager gives to an alert with these labels.

    Source: github.com/prometheus/common, model/signature.go: FNV-1a of 64 bits over names and
    values in the order of names, each ended by the byte 255.
    """
    value = 14_695_981_039_346_656_037
    for name, text in sorted(labels.items()):
        for byte in (*name.encode(), 255, *text.encode(), 255):
            value = (value ^ byte) * 1_099_511_628_211 % 2**64
    return f"{value:016x}"
