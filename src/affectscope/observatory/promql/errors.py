"""What a query can be refused for."""

from __future__ import annotations

from typing import Literal

from affectscope.errors import InvalidValue


class QueryError(InvalidValue):
    """A query that cannot be parsed or evaluated.

    Args:
        detail: One sentence for who wrote the query.
        kind: `bad_data` for a query that is wrong in itself, `execution` for one that fails on the
            samples that it meets; Prometheus' `errorType`.
    """

    def __init__(self, detail: str, kind: Literal["bad_data", "execution"] = "bad_data") -> None:
        super().__init__(detail)
        self.kind = kind
