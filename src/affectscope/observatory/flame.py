"""Collapsed stacks: how they are checked, added up, and drawn as a tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from affectscope.errors import InvalidValue

Stacks = dict[str, int]
"""Weight of each stack; its frames are joined by `;`, the outermost first."""

MOST_STACKS = 20_000
_DEEPEST = 300
_HEAVIEST = 2**53
"""Above this, a number is not the same in every reader of JSON."""

OTHER = "(other)"


def parse(text: str) -> Stacks:
    """Return the stacks of a text.

    Args:
        text: Lines of `outer;inner 12`; empty lines count for nothing.

    Raises:
        InvalidValue: A line has no weight, or the weight is no positive whole number.
    """
    stacks: Stacks = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        stack, _, weight = line.rstrip().rpartition(" ")
        if not stack or not (weight.isascii() and weight.isdecimal() and len(weight) < 17):
            raise InvalidValue(
                f"stacks has in line {number} {line!r:.80}; valid: 'outer;inner 12'", field="stacks"
            )
        stacks[stack] = min(stacks.get(stack, 0) + int(weight), _HEAVIEST)
    return stacks


def write(stacks: Mapping[str, int]) -> str:
    """Return stacks as text."""
    return "".join(f"{stack} {weight}\n" for stack, weight in stacks.items())


def add(total: Stacks, more: Mapping[str, int]) -> None:
    """Add stacks to others."""
    for stack, weight in more.items():
        total[stack] = total.get(stack, 0) + weight


def heaviest(stacks: Stacks, most: int = MOST_STACKS) -> Stacks:
    """Return the heaviest stacks; the others count together as `(other)`."""
    if len(stacks) <= most:
        return stacks
    ranked = sorted(stacks.items(), key=lambda item: -item[1])
    kept = dict(ranked[: most - 1])
    add(kept, {OTHER: sum(weight for _, weight in ranked[most - 1 :])})
    return kept


def tree(stacks: Mapping[str, int], name: str = "all") -> dict[str, Any]:
    """Return stacks as a tree.

    Returns:
        `name`, `value` (weight of the frame with all that it called) and `children`, the heaviest
        first.
    """
    root: dict[str, Any] = {"name": name, "value": 0, "children": {}}
    for stack, weight in stacks.items():
        node = root
        node["value"] += weight
        for frame in stack.split(";", _DEEPEST):
            node = node["children"].setdefault(frame, {"name": frame, "value": 0, "children": {}})
            node["value"] += weight
    waiting = [root]
    while waiting:
        node = waiting.pop()
        children: Iterable[dict[str, Any]] = node["children"].values()
        node["children"] = sorted(children, key=lambda child: -child["value"])
        waiting += node["children"]
    return root
