"""Monte-Carlo labels against counts made in NumPy."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from prm.labels.base import Unlabelled
from prm.labels.monte_carlo import MonteCarlo, hard_value, soft_value
from tasks.problem import Outcome, Problem, Verdict


def chance(names: str) -> float:
    return 0.0 if names != names.lower() else 0.5


@pytest.mark.parametrize("count", [1, 5])
def test_labels_are_what_numpy_counts(solution, scripted, verdicts, count):
    right, wrong, _ = verdicts
    solutions = [solution("ababab", right), solution("abBaAb", wrong), solution("abBbab", wrong)]
    kept = []

    class Watched(scripted):
        def complete(self, requests):
            answers = super().complete(requests)
            kept.extend(zip(requests, answers, strict=True))
            return answers

    soft = MonteCarlo(Watched(chance), count, 3, hard=False).label(solutions)
    ends = {request.prefix: np.array([one.verdict.reward for one in answer]) for request, answer in kept}
    hard = MonteCarlo(Watched(chance), count, 3, hard=True).label(solutions)
    for one, mine, certain in zip(solutions, soft, hard, strict=True):
        expected = [2 * ends[one.steps[:end]].mean() - 1 for end in range(1, 6)] + [2 * one.reward - 1]
        np.testing.assert_allclose(mine.labels, expected, atol=1e-12)
        np.testing.assert_array_equal(certain.labels, np.where(np.array(expected) > -1, 1.0, -1.0))
    assert soft[1].labels[2:] == (-1,) * 4, "nothing right follows an error"


def test_equal_prefixes_are_continued_once_and_paid_by_the_first(solution, scripted, verdicts):
    policy = scripted(chance)
    labeller = MonteCarlo(policy, 4, 0, hard=False)
    first, second = labeller.label([solution("aba", verdicts[0]), solution("abb", verdicts[1])])
    assert policy.asked == {"a": 4, "ab": 4}
    assert (first.meta["cost"], second.meta["cost"]) == ({"continuations": 8, "verifier_calls": 8}, {})
    assert labeller.costs.spent() == {"continuations": 8, "verifier_calls": 8}
    assert first.labels[:2] == second.labels[:2]
    assert (first.labels[2], second.labels[2]) == (1, -1)


def test_labels_of_a_prefix_do_not_depend_on_who_else_is_labelled(solution, scripted, verdicts):
    ours, other = solution("abab", verdicts[0]), solution("bbaa", verdicts[1], "q")
    alone = MonteCarlo(scripted(chance), 3, 7, hard=False).label([ours])[0]
    beside = MonteCarlo(scripted(chance), 3, 7, hard=False).label([other, ours])[1]
    assert (alone.labels, alone.token_ids) == (beside.labels, beside.token_ids)


def test_provenance_and_token_ids_are_kept(solution, scripted, verdicts):
    (found,) = MonteCarlo(scripted(chance), 2, 0, hard=True).label([solution("ab", verdicts[0])])
    assert found.token_ids == ((ord("a"),), (ord("b"),))
    assert found.steps == ("a\n", "b\n")
    assert (found.prompt, found.answer) == ("prompt of p", "42")
    assert found.meta | {"cost": None} == {
        "problem_id": "p",
        "method": "monte_carlo_hard",
        "source": "",
        "nodes": [1, 2],
        "reward": 1.0,
        "cost": None,
        "continuations": 2,
    }


def test_what_the_verifier_failed_on_is_nobodys_error(solution, scripted, verdicts):
    assert soft_value(Counter({Outcome.CORRECT: 1, Outcome.WRONG: 2, Outcome.ERROR: 5})) == pytest.approx(-1 / 3)
    assert soft_value(Counter({Outcome.ERROR: 5})) is hard_value(Counter({Outcome.ERROR: 5})) is None
    assert hard_value(Counter({Outcome.UNVERIFIABLE: 1})) == -1
    labeller = MonteCarlo(scripted(chance, always=verdicts[2]), 2, 0, hard=True)
    assert labeller.label([solution("aba", verdicts[0])])[0].labels == (None, None, 1)


def test_partial_rewards_stay_partial_in_soft_labels(solution, scripted):
    half = solution("ab", Verdict(Outcome.WRONG, 0.5))
    assert MonteCarlo(scripted(chance), 1, 0, hard=False).label([half])[0].labels[-1] == 0
    assert MonteCarlo(scripted(chance), 1, 0, hard=True).label([half])[0].labels[-1] == -1


def test_only_whole_solutions_with_a_verdict(solution, scripted, verdicts):
    for verdict in (None, verdicts[2]):
        with pytest.raises(ValueError, match="whole solutions with a verdict"):
            solution("ab", verdict)
    one = solution("ab", verdicts[0])
    bare = type(one.steps[0])("a")
    path = type(one.trajectory)("p", (1, 2), (bare, bare), (0.0, 0.0), verdicts[0])
    with pytest.raises(ValueError, match="without token ids"):
        MonteCarlo(scripted(chance), 1, 0, hard=True).label([Unlabelled(Problem("p", "", ""), path)])
