"""The banded edit distance against the plain dynamic programme."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prm.edit_distance import edit_distance

TEXTS = st.text(alphabet="ab\n", max_size=14)


def plain(first: str, second: str) -> int:
    table = [
        [row + column if row * column == 0 else 0 for column in range(len(second) + 1)] for row in range(len(first) + 1)
    ]
    for row in range(1, len(first) + 1):
        for column in range(1, len(second) + 1):
            table[row][column] = min(
                table[row - 1][column] + 1,
                table[row][column - 1] + 1,
                table[row - 1][column - 1] + (first[row - 1] != second[column - 1]),
            )
    return table[-1][-1]


@settings(max_examples=150)
@given(TEXTS, TEXTS, st.integers(0, 16))
def test_equals_the_plain_programme_up_to_the_limit(first, second, limit):
    assert edit_distance(first, second, limit) == min(plain(first, second), limit)


@pytest.mark.parametrize(("first", "second", "distance"), [("kitten", "sitting", 3), ("", "abc", 3), ("x", "x", 0)])
def test_known_distances(first, second, distance):
    assert edit_distance(first, second, 20) == distance
