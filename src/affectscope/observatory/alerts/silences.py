"""Silences: alerts that nobody wants to hear of for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from affectscope.errors import InvalidValue
from affectscope.observatory.matchers import Matcher

PATTERN = "re:"
"""Begins a matcher that is a regular expression."""

MOST_MATCHERS = 20
MOST_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts whose labels match all `matchers` are not sent between `start` and `end`.

    Attributes:
        id: Number; 0 while it has none.
        matchers: By label: the whole value, or `re:` and a regular expression that must match
            all of it.
        start: Seconds since the epoch.
        end: Seconds since the epoch.
        by: Who wants it.
        comment: Why.
    """

    id: int
    matchers: Mapping[str, str]
    start: float
    end: float
    by: str
    comment: str

    def holds(self, labels: Mapping[str, str], at: float) -> bool:
        """Say whether an alert with these labels is silent at a time."""
        return self.start <= at < self.end and all(
            _matcher(name, value).matches(labels) for name, value in self.matchers.items()
        )


def check(matchers: Mapping[str, str]) -> None:
    """Refuse matchers that match nothing, or could take for ever to.

    Raises:
        InvalidValue: None at all, too many, too long, or not a regular expression after `re:`.
    """
    if not 1 <= len(matchers) <= MOST_MATCHERS:
        raise InvalidValue(f"matchers has {len(matchers)} entries; valid: 1 to {MOST_MATCHERS}")
    for name, value in matchers.items():
        if not name or max(len(name), len(value)) > MOST_CHARACTERS:
            raise InvalidValue(
                f"matcher {name[:40]!r}: names and values have 1 to {MOST_CHARACTERS} characters"
            )
        _matcher(name, value)


@lru_cache(512)
def _matcher(name: str, value: str) -> Matcher:
    if value.startswith(PATTERN):
        return Matcher(name, "=~", value.removeprefix(PATTERN))
    return Matcher(name, "=", value)
