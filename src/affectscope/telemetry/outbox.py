"""What waits to be sent, with an upper limit."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Outbox(Generic[Item]):
    """A bounded queue that drops what does not fit and counts it; putting never waits.

    Args:
        limit: Most items that wait.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[Item] = deque()
        self._lock = threading.Lock()
        self.dropped = 0
        """Items that did not fit, or were given up."""

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> None:
        """Add an item, or count it as dropped where there is no room."""
        if len(self._items) < self._limit:
            self._items.append(item)
        else:
            self.give_up(1)

    def take(self, most: int) -> list[Item]:
        """Remove and return the oldest items, at most that many."""
        items: list[Item] = []
        while self._items and len(items) < most:
            items.append(self._items.popleft())
        return items

    def give_up(self, count: int) -> None:
        """Count items that were taken and could not be delivered."""
        with self._lock:
            self.dropped += count
