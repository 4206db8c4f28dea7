"""Stacks from a profiler's call graph."""

from __future__ import annotations

from collections.abc import Iterator

Function = tuple[str, int, str]
"""File, line and name."""

Edge = tuple[int, int, float, float]
"""Primitive calls, calls, own seconds and cumulative seconds of one function from one caller."""

Entry = tuple[int, int, float, float, dict[Function, Edge]]
"""Primitive calls, calls, own seconds, cumulative seconds, callers."""

Stats = dict[Function, Entry]

_SMALLEST = 0.0005
_DEEPEST = 200
_MOST = 20_000


class CallGraph:
    """Who called whom for how long, as `cProfile` keeps it.

    It keeps no whole stacks, only edges from caller to callee. So a stack here is a likely one:
    where a function has two callers, the time of its own callees is divided between them in
    proportion to the time of the two edges. Totals of functions and of edges are right; which
    grandchild belongs to which grandparent is an estimate. Recursion is folded at the second visit
    of a function, and what is under 0.05 % of the whole is counted with its caller.

    Args:
        stats: Statistics in the form of `pstats`.
    """

    def __init__(self, stats: Stats) -> None:
        self._stats = stats
        self._callees: dict[Function, dict[Function, float]] = {function: {} for function in stats}
        self._roots: dict[Function, float] = {}
        for function, (_, _, _, cumulative, callers) in stats.items():
            for caller, (_, _, _, seconds) in callers.items():
                if caller in self._callees and caller != function:
                    self._callees[caller][function] = seconds
            if not any(caller in stats and caller != function for caller in callers):
                self._roots[function] = cumulative
        if stats and not self._roots:
            # All were called by one another: two functions of one name on one line, such as a
            # lambda within a lambda, are one function to a profiler.
            longest = max(stats, key=lambda function: stats[function][3])
            self._roots[longest] = stats[longest][3]

    def stacks(self) -> Iterator[tuple[tuple[Function, ...], float]]:
        """Yield each stack, outermost function first, with the seconds spent at its top."""
        least = _SMALLEST * sum(self._roots.values())
        left = _MOST
        pending: list[tuple[tuple[Function, ...], float]] = []
        pending += [((root,), seconds) for root, seconds in reversed(self._roots.items())]
        while pending and left:
            stack, seconds = pending.pop()
            children = self._children(stack, seconds) if len(stack) < _DEEPEST else {}
            kept = {callee: part for callee, part in children.items() if part > least}
            own = seconds - sum(kept.values())
            if own > 0:
                left -= 1
                yield stack, own
            pending += [((*stack, callee), part) for callee, part in kept.items()]

    def _children(self, stack: tuple[Function, ...], seconds: float) -> dict[Function, float]:
        function = stack[-1]
        cumulative = self._stats[function][3]
        if cumulative <= 0:
            return {}
        share = min(seconds / cumulative, 1.0)
        parts = {
            callee: part * share
            for callee, part in self._callees[function].items()
            if callee not in stack
        }
        # Recursion makes the edges sum up to more than there is: scale them to fit.
        whole = sum(parts.values())
        if whole > seconds:
            parts = {callee: part * seconds / whole for callee, part in parts.items()}
        return parts
