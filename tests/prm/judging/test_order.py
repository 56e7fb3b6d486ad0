"""Pairs of siblings, the AUC of first errors, and rank correlation: by hand and by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm.judging.intervals import by_problem, over_problems
from prm.judging.order import SiblingPair, first_error_auc, pair_share, rank_correlation, sibling_pairs, until_error
from prm.judging.scored import ScoredSolution
from tasks.readers.labelled import LabelledSolution


def scored(steps, labels, scores, prompt="p"):
    return ScoredSolution(LabelledSolution(prompt, tuple(steps), tuple(labels)), tuple(scores))


SESSION = [  # as a PRM800K session gives it: a path, and what was not chosen
    scored("ab", (1, 1), (0.5, 0.9)),
    scored("x", (-1,), (0.7,)),
    scored("ac", (None, -1), (0.5, 0.1)),
    scored("ad", (None, 0), (0.5, 0.9)),
    scored("xb", (-1, -1), (0.7, 0.0)),  # after another step: no sibling of the others at depth 2
    scored("a", (1,), (0.5,), "q"),  # another problem
]


def test_siblings_by_hand():
    pairs = sibling_pairs(SESSION)
    expected = [
        SiblingPair(0.5, 0.7, 1),  # a above x: lost
        SiblingPair(0.9, 0.1, 2),  # b above c
        SiblingPair(0.9, 0.9, 2),  # b above d: a tie is not preferred
        SiblingPair(0.9, 0.1, 2),  # d above c
    ]
    assert sorted(map(repr, pairs)) == sorted(map(repr, expected))
    assert pair_share(pairs) == 0.5
    assert len(sibling_pairs(SESSION, margin=1.0)) == 2
    assert pair_share([]) is None


def test_the_auc_looks_no_further_than_the_first_error():
    rows = until_error(
        [
            scored("abc", (1, -1, 1), (0.8, 0.3, -5.0)),
            scored("abc", (0, None, 1), (0.3, -9.0, 0.9)),
            scored("a", (-1,), (0.85,)),
        ]
    )
    assert rows.tolist() == [[0.8, 1], [0.3, 0], [0.3, 1], [0.9, 1], [0.85, 0]]
    # right 0.8, 0.3, 0.9 against wrong 0.3, 0.85: (1 + 0.5 + 1) + (0 + 0 + 1) of 6
    assert first_error_auc(rows) == pytest.approx(3.5 / 6)
    assert first_error_auc(rows[:1]) is None


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=12))
def test_ranks_against_their_definition(pairs):
    a, b = zip(*pairs, strict=True)

    def ranks(values):  # the mean place among equals
        ordered = sorted(values)
        return [np.mean([place for place, each in enumerate(ordered) if each == value]) for value in values]

    found = rank_correlation(a, b)
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(np.corrcoef(ranks(a), ranks(b))[0, 1])


def test_rank_correlation_by_hand():
    assert rank_correlation([1, 2, 3, 4], [1, 100, 200, 1000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]) == pytest.approx(1 - 6 * 4 / (5 * 24))
    with pytest.raises(ValueError, match="do not fit"):
        rank_correlation([1, 2], [1, 2, 3])


def test_problems_are_drawn_not_rows():
    """Four problems: every choice of four is a draw, and the interval is that of their means."""
    rows = [np.full((5, 1), value) for value in (0.0, 1.0, 2.0, 9.0)]
    draws = [np.mean(each) for each in itertools.product((0.0, 1.0, 2.0, 9.0), repeat=4)]
    expected = np.quantile(draws, (0.025, 0.975), method="inverted_cdf")
    assert over_problems(rows, lambda found: float(found.mean()), 0, 4000) == pytest.approx(expected)
    assert over_problems(rows[:1], lambda found: 0.0, 0) is None
    assert over_problems(rows, lambda found: None, 0) is None
    assert over_problems(rows, lambda f: float(f.mean()), 1, 50) == over_problems(
        rows, lambda f: float(f.mean()), 1, 50
    )


def test_problems_are_told_apart_by_their_words():
    rows = [scored("a", (1,), (0.5,), prompt) for prompt in ("One  problem\n", "two", "one problem")]
    assert [len(each) for each in by_problem(rows)] == [2, 1]
