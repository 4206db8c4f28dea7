"""The cheapest way to pair the rows of a table with its columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def assign(costs: NDArray[np.float64], limit: float) -> list[tuple[int, int]]:
    """Pair rows with columns so that the sum of the costs is least.

    Each row is paired with one column at most and the other way round; a row that stays alone costs
    `limit`, a column nothing. Rows are added one by one, each along the cheapest path on which
    others change their columns (Jonker and Volgenant 1987), which takes cubic time at most.

    Args:
        costs: float [rows, columns]; inf where a pair is impossible.
        limit: Finite.

    Returns:
        Pairs of row and column, by rows.
    """
    rows, columns = costs.shape
    # A row may always take a column of no worth, which stands for staying alone.
    table = np.hstack([costs, np.full((rows, rows), limit)])
    owners = np.full(columns + rows, -1)
    held = np.full(rows, -1)
    prices = np.zeros(rows)
    rebates = np.zeros(columns + rows)
    for new in range(rows):
        reach = np.full(columns + rows, np.inf)
        through = np.full(columns + rows, -1)
        settled = np.zeros(columns + rows, bool)
        row, so_far = new, 0.0
        while True:
            offers = so_far + table[row] - prices[row] - rebates
            better = ~settled & (offers < reach)
            reach[better], through[better] = offers[better], row
            column = int(np.argmin(np.where(settled, np.inf, reach)))
            settled[column], so_far = True, float(reach[column])
            if owners[column] < 0:
                break
            row = int(owners[column])
        prices[new] += so_far
        for other in np.flatnonzero(settled):
            if owners[other] >= 0:
                prices[owners[other]] += so_far - reach[other]
            rebates[other] -= so_far - reach[other]
        while True:
            row = int(through[column])
            owners[column], held[row], column = row, column, int(held[row])
            if row == new:
                break
    return [(row, int(column)) for row, column in enumerate(held) if column < columns]
