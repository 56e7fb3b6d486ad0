"""How far apart two texts are."""

from __future__ import annotations


def edit_distance(first: str, second: str, limit: int) -> int:
    """Levenshtein distance in characters, or ``limit`` if it is at least that.

    Only cells within ``limit`` of the diagonal are computed, and the work stops as soon as every one of a row has
    reached the limit: O(limit * length).
    """
    if abs(len(first) - len(second)) >= limit:
        return limit
    previous = {column: column for column in range(min(len(second), limit) + 1)}
    for row, letter in enumerate(first, start=1):
        current: dict[int, int] = {}
        for column in range(max(0, row - limit), min(len(second), row + limit) + 1):
            current[column] = min(
                previous.get(column, limit) + 1,
                current.get(column - 1, limit) + 1,
                previous.get(column - 1, limit) + (column == 0 or letter != second[column - 1]),
            )
        if min(current.values()) >= limit:
            return limit
        previous = current
    return min(previous[len(second)], limit)
