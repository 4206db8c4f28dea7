"""What a reader of a run must know before believing its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from affectscope.gateway.load.figures import Figures
from affectscope.gateway.load.histograms import count_above, times

LATE_SECONDS = 0.01
"""A request that the generator itself sends later than this is late."""

LATE_SHARE = 0.01
"""Share of late requests from which on the generator did not keep up."""

BEHIND = 0.95
"""Share of the scheduled rate below which the services did not keep up."""

_FEW = 1000

Flag = dict[str, str]
"""`code` for programs, `text` for people."""


def generator(figures: Figures, cpu_seconds: float, seconds: float) -> dict[str, Any]:
    """Return how well the generator did its own work.

    Args:
        figures: Of the run.
        cpu_seconds: Processor time that it took.
        seconds: That the run took.
    """
    lag = figures.lag
    count = lag.get_total_count()
    share = count_above(lag, LATE_SECONDS) / count if count else 0.0
    return {
        "kept_up": share <= LATE_SHARE,
        "late_share": share,
        "late": times(lag),
        "waited_for_a_place": figures.waited,
        "cpu_percent": 100 * cpu_seconds / seconds if seconds else 0.0,
    }


def flags(
    summary: Mapping[str, Any], made: Mapping[str, Any], places: int, *, stopped: bool
) -> list[Flag]:
    """Return what to know of a run whose requests arrived at a rate.

    Args:
        summary: Figures of all services together.
        made: What `generator` returned.
        places: Requests that may be under way at once.
        stopped: Whether it ended before its time.
    """
    found = []
    if stopped:
        found.append(
            _flag("stopped", "the run was stopped; the figures are of the part until then")
        )
    if not made["kept_up"]:
        found.append(
            _flag(
                "generator-late",
                f"the generator itself sent {made['late_share']:.1%} of the requests over "
                f"{LATE_SECONDS * 1000:g} ms late (p99 {made['late']['p99_seconds'] * 1000:.1f} ms): "
                "the times hold its lateness, and the services may stand more than it offered",
            )
        )
    if made["waited_for_a_place"]:
        found.append(
            _flag(
                "places-taken",
                f"{made['waited_for_a_place']} requests were sent late, because {places} others were "
                "not answered yet; corrected times hold that wait, raw times leave it out",
            )
        )
    if summary["achieved_rate"] < BEHIND * summary["scheduled_rate"]:
        found.append(
            _flag(
                "behind",
                f"{summary['achieved_rate']:.4g} requests a second succeeded of "
                f"{summary['scheduled_rate']:.4g} that were meant to start",
            )
        )
    if summary["censored"]:
        found.append(
            _flag(
                "censored",
                f"{summary['censored']} requests were given up or never sent; their times are what "
                "they had waited so far, so that high percentiles are lower bounds",
            )
        )
    judged = summary["succeeded"] + summary["censored"]
    if judged < _FEW:
        found.append(
            _flag("few-requests", f"of {judged} requests, {judged / 100:.1f} lie beyond the p99")
        )
    return found


def _flag(code: str, text: str) -> Flag:
    return {"code": code, "text": text}
