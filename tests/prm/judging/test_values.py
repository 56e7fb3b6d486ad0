"""Scores against values of prefixes: by hand, and the noise of K continuations against a simulation."""

from __future__ import annotations

import numpy as np
import pytest

from prm.judging.scored import ScoredSolution
from prm.judging.values import value_fidelity
from tasks.readers.labelled import LabelledSolution


def scored(scores, labels):
    return ScoredSolution(LabelledSolution("p", tuple(map(str, range(len(scores)))), tuple(labels)), tuple(scores))


def test_by_hand():
    # predicted 0.5, 0.75, 0.25, 1; measured 0.5, 0.5, 0, 1; the last step has no value
    found = value_fidelity([scored([0.0, 0.5], [0, 0]), scored([-0.5, 1.0, 0.3], [-1, 1, None])], 5)
    assert found.steps == 4
    assert found.bias == pytest.approx((0 + 0.25 + 0.25 + 0) / 4)
    assert found.noise == pytest.approx((0.25 + 0.25 + 0 + 0) / 4 / 4)
    assert found.variance == 0.0  # np.var([0, .25, .25, 0]) = 0.015625 is less than the noise
    assert found.rank_within == pytest.approx(1)  # the first solution's values are equal and tell no order
    exact = value_fidelity([scored([0.0, 0.5], [0, 0]), scored([-0.5, 1.0], [-1, 1])], None)
    assert (exact.noise, exact.variance) == (0.0, pytest.approx(0.015625))


def test_the_noise_is_taken_off_without_bias():
    rng = np.random.default_rng(2)
    truth = rng.uniform(0, 1, 20_000)
    predicted = np.clip(truth + rng.normal(0.0, 0.05, 20_000), 0, 1)
    measured = rng.binomial(16, truth) / 16
    found = value_fidelity([scored((2 * predicted - 1).tolist(), (2 * measured - 1).tolist())], 16)
    own = float((predicted - truth).var())
    assert float((predicted - measured).var()) > 4 * own  # mostly the measurement's
    assert found.variance == pytest.approx(own, rel=0.15)
    assert found.noise == pytest.approx(float((truth * (1 - truth)).mean() / 16), rel=0.05)
    assert found.rank is not None
    assert 0.9 < found.rank < 1


def test_constant_scores_know_no_order():
    found = value_fidelity([scored([0.1, 0.1], [-1, 1])], None)
    assert (found.rank, found.rank_within) == (None, 0.0)


def test_what_cannot_be_told_is_refused():
    with pytest.raises(ValueError, match="at least 2 continuations"):
        value_fidelity([scored([0.1], [1])], 1)
    with pytest.raises(ValueError, match="no judged step"):
        value_fidelity([scored([0.1], [None])], None)
