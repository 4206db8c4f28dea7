"""What requests of a load carry, so that a run can be recognised in traces and logs."""

from __future__ import annotations

import random

AGENT = "affectscope-load"


def user_agent(run: str | None) -> str:
    """Return the `User-Agent` of a run's requests."""
    return f"{AGENT}/{run}" if run else AGENT


class TraceIds:
    """Gives requests their ``traceparent``: all are identified, few ask to be recorded.

    A load that had every request traced would measure the tracing.

    Args:
        every: Every n-th request has the flag ``sampled``; 0: none has it.
        seed: Of the ids; None for ids that are new each time.

    Source: https://www.w3.org/TR/trace-context/#traceparent-header
    """

    def __init__(self, every: int, seed: int | None = None) -> None:
        self._every = every
        self._count = 0
        self._bits = random.Random(seed).getrandbits  # noqa: S311 - an identity, no secret

    def next(self) -> str:
        """Return the header's value for the next request."""
        recorded = self._every > 0 and self._count % self._every == 0
        self._count += 1
        # Ids of zeros alone are invalid.
        trace, span = self._bits(128) | 1, self._bits(64) | 1
        return f"00-{trace:032x}-{span:016x}-{'01' if recorded else '00'}"
