"""Is it alive, is it ready, and how is it: three questions, three answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from affectscope import __version__
from affectscope.service.pool import WorkerPool
from affectscope.telemetry import Telemetry

Status = Literal["pass", "warn", "fail"]
MEDIA_TYPE = "application/health+json"
MEMORY_WARNING = 0.9
"""Share of the memory limit from which health is `warn`."""


@dataclass(frozen=True)
class Check:
    """One observed thing, as draft-inadarei-api-health-check describes it."""

    status: Status
    observed: object = None
    unit: str | None = None
    output: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the member of ``checks``."""
        fields = {
            "status": self.status,
            "observedValue": self.observed,
            "observedUnit": self.unit,
            "output": self.output,
        }
        return {name: value for name, value in fields.items() if value is not None}


class Health:
    """What a service knows of itself.

    Attributes:
        ready: Whether it has loaded what it needs.
        failure: Why it never will, where that is so.
    """

    def __init__(self, service: str, telemetry: Telemetry, pool: WorkerPool) -> None:
        self._service = service
        self._telemetry = telemetry
        self._pool = pool
        self._checks: dict[str, Callable[[], Check]] = {
            "ready": self._ready,
            "queue": self._queue,
        }
        self.ready = False
        self.failure: str | None = None

    def add(self, name: str, check: Callable[[], Check]) -> None:
        """Add a check; it must answer at once."""
        self._checks[name] = check

    def _ready(self) -> Check:
        if self.failure is not None:
            return Check("fail", output=self.failure)
        if not self.ready:
            return Check("warn", output="models are being loaded")
        return Check("pass")

    def _queue(self) -> Check:
        return Check("warn" if self._pool.full else "pass", self._pool.depth, "analyses")

    @staticmethod
    def _memory(process: dict[str, Any]) -> Check:
        used, limit = process["memory_bytes"], process["memory_limit_bytes"]
        if limit is not None and used > MEMORY_WARNING * limit:
            return Check("warn", used, "bytes", f"close to the limit of {limit} bytes")
        return Check("pass", used, "bytes")

    def report(self) -> tuple[Status, dict[str, Any]]:
        """Return the overall status, the worst of all checks, and the whole document."""
        process = self._telemetry.process_report()
        checks = {name: check() for name, check in self._checks.items()}
        checks["memory"] = self._memory(process)
        found = {check.status for check in checks.values()}
        status: Status = "fail" if "fail" in found else "warn" if "warn" in found else "pass"
        document = {
            "status": status,
            "service": self._service,
            "version": __version__,
            **process,
            "checks": {name: [check.to_dict()] for name, check in checks.items()},
        }
        return status, document
