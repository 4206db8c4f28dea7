"""Dates and clock times as chat programs write them."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from enum import StrEnum

DATE = r"(?P<a>\d{1,4})(?P<mark>[./-]) ?(?P<b>\d{1,2})[./-] ?(?P<c>\d{1,4})\.?"
"""Three numbers in any order."""

CLOCK = (
    r"(?:(?P<before>上午|下午|午前|午後|오전|오후)\s?)?"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d{1,6})?)?"
    r"(?:\s?(?P<half>[AaPp]\.?\s?[Mm]\b\.?|[صم](?=\W|$)))?"
)
"""A time of day by a clock of 24 or of 12 hours."""

_AFTERNOON = ("p", "م", "下", "午後", "오후")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_NUMERIC = re.compile(rf"\s*{DATE}(?:[,،]?\s*(?:T|at|um|à)?\s*{CLOCK})?\s*")
_NAMED = re.compile(
    r"\s*(?:[A-Za-z]{3,9},?\s+)?(?:(?P<d1>\d{1,2})(?:st|nd|rd|th)?[ -](?P<m1>[A-Za-z]{3,9})\.?"
    r"|(?P<m2>[A-Za-z]{3,9})\.? (?P<d2>\d{1,2})(?:st|nd|rd|th)?),?[ -](?P<year>\d{4}|\d{2})"
    rf"(?:,?\s*(?:at)?\s*{CLOCK})?\s*"
)
_ELAPSED = re.compile(r"\s*(\d{1,4}):([0-5]\d):([0-5]\d(?:[.,]\d{1,9})?)\s*")


class Order(StrEnum):
    """Order of the numbers of a date."""

    DAY_FIRST = "the day is first"
    MONTH_FIRST = "the month is first"
    YEAR_FIRST = "the year is first"


class DateOrder:
    """Decides from all dates of a file which of their numbers is the day.

    The order with the fewest dates that do not exist wins, then the one in which time runs
    backwards least often. Where both are as good, a date with dots or a clock of 24 hours has the
    day first, as nearly everywhere; one with slashes and a clock of 12 hours has the month first.
    """

    def __init__(self) -> None:
        self._impossible = dict.fromkeys(Order, 0)
        self._backward = dict.fromkeys(Order, 0)
        self._last: dict[Order, datetime] = {}
        self._dates = 0
        self._american = 0

    def note(self, found: re.Match[str]) -> None:
        """Take one match of `DATE` and `CLOCK`."""
        self._dates += 1
        self._american += found["mark"] == "/" and found["half"] is not None
        for order in Order:
            moment = date_of(found, order)
            if moment is None:
                self._impossible[order] += 1
                continue
            self._backward[order] += order in self._last and moment < self._last[order]
            self._last[order] = moment

    @property
    def _rank(self) -> dict[Order, tuple[int, int]]:
        return {order: (self._impossible[order], self._backward[order]) for order in Order}

    @property
    def order(self) -> Order:
        """The order of the file."""
        american = self._american * 2 > self._dates
        preferred = Order.MONTH_FIRST if american else Order.DAY_FIRST
        rank = self._rank
        return min(Order, key=lambda order: (rank[order], order != preferred, order))

    @property
    def assumed(self) -> bool:
        """Whether no date told."""
        best = self._rank[self.order]
        return self._dates > 0 and sum(rank == best for rank in self._rank.values()) > 1


def date_of(found: re.Match[str], order: Order) -> datetime | None:
    """Return the date of a match of `DATE` and `CLOCK`, or None where there is no such date.

    Args:
        found: Has the groups of both.
        order: Of the numbers.
    """
    first, second, third = found["a"], found["b"], found["c"]
    if order is Order.YEAR_FIRST:
        year, month, day = first, second, third
    elif order is Order.MONTH_FIRST:
        month, day, year = first, second, third
    else:
        day, month, year = first, second, third
    lengths = (4,) if order is Order.YEAR_FIRST else (2, 4)
    if len(year) not in lengths or len(day) > 2 or len(month) > 2:
        return None
    return _moment(int(year), int(month), int(day), found)


def _moment(year: int, month: int, day: int, found: re.Match[str]) -> datetime | None:
    hour = int(found["hour"] or 0)
    half = found["half"] or found["before"]
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * half.lower().startswith(_AFTERNOON)
    try:
        return datetime(
            year + 2000 * (year < 100),
            month,
            day,
            hour,
            int(found["minute"] or 0),
            int(found["second"] or 0),
        )
    except ValueError:
        return None


class TimeColumn:
    """Reads the times of a table: note all of them, then read each.

    Seconds, counted from wherever they are; seconds or milliseconds since 1970; elapsed time such
    as ``0:01:02.5``; ISO 8601; dates as numbers or with an English month.
    """

    def __init__(self) -> None:
        self._order = DateOrder()
        self._least = math.inf

    def note(self, cell: str) -> None:
        """Take the next cell."""
        seconds = _number(cell)
        if seconds is not None:
            self._least = min(self._least, seconds)
        elif _iso(cell) is None and (found := _NUMERIC.fullmatch(cell)):
            self._order.note(found)

    @property
    def epoch(self) -> float | None:
        """How many of its units a second has where times count from 1970, else None."""
        if not math.isfinite(self._least) or self._least < 1e8:
            return None
        return 1.0 if self._least < 1e11 else 1e3 if self._least < 1e14 else 1e6

    @property
    def assumed_order(self) -> Order | None:
        """The order of the dates where none of them told it."""
        return self._order.order if self._order.assumed else None

    def read(self, cell: str) -> float | datetime | None:
        """Return seconds, a date, or None for an empty cell.

        Raises:
            ValueError: It is no time.
        """
        if not cell.strip():
            return None
        seconds = _number(cell)
        if seconds is not None:
            if self.epoch is None:
                return seconds
            return datetime(1970, 1, 1) + timedelta(seconds=seconds / self.epoch)
        if (moment := _iso(cell)) is not None:
            return moment
        if elapsed := _ELAPSED.fullmatch(cell):
            hours, minutes, rest = elapsed.groups()
            return int(hours) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))
        if found := _NUMERIC.fullmatch(cell):
            moment = date_of(found, self._order.order)
        elif found := _NAMED.fullmatch(cell):
            name = (found["m1"] or found["m2"])[:3].lower()
            month = _MONTHS.index(name) + 1 if name in _MONTHS else 0
            moment = _moment(int(found["year"]), month, int(found["d1"] or found["d2"]), found)
        if moment is None:
            raise ValueError(cell)
        return moment


def _number(cell: str) -> float | None:
    try:
        seconds = float(cell)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _iso(cell: str) -> datetime | None:
    try:
        return datetime.fromisoformat(cell.strip())
    except ValueError:
        return None
