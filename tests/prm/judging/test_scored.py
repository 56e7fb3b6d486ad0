"""Models and label files as what is judged."""

from __future__ import annotations

import pytest

from prm.judging.label_file import LabelFile
from prm.judging.scored import ScoredSolution, probability, score_solutions
from tasks.errors import UserError
from tasks.readers.labelled import LabelledSolution


def solution(*labels, prompt="p"):
    return LabelledSolution(prompt, tuple(map(str, range(len(labels)))), labels)


class Lengths:
    def __init__(self, given=None):
        self.given = given

    def scores(self, prompt, steps):
        return [0.1 * len(steps)] * len(steps) if self.given is None else self.given


def test_a_model_scores_step_by_step():
    assert score_solutions(Lengths(), [solution(1, -1), solution(1)]) == [(0.2, 0.2), (0.1,)]


@pytest.mark.parametrize(
    ("given", "sentence"), [([0.1], "gives 1 scores for 2 steps"), ([0.1, float("nan")], "scores step 1 of 'p' as nan")]
)
def test_scores_that_do_not_fit_are_refused(given, sentence):
    with pytest.raises(UserError, match=sentence):
        score_solutions(Lengths(given), [solution(1, -1)])


def test_labels_stand_for_scores():
    file = LabelFile([solution(0.5, -1.0, None), solution(1.0, None, -1.0, prompt="q"), solution(0.2, prompt="r")])
    asked = [
        solution(1, -1, None),  # after an error what comes is as wrong
        solution(1, 1, 1, prompt="q"),  # not known at step 1
        solution(1, prompt="r"),
        solution(1, prompt="s"),
    ]
    assert score_solutions(file, asked) == [(0.5, -1.0, -1.0), None, (0.2,), None]


def test_scores_fit_their_steps():
    with pytest.raises(ValueError, match="2 scores do not fit 1 steps"):
        ScoredSolution(solution(1), (0.1, 0.2))
    assert ScoredSolution(solution(1, None), (0.1, 0.2)).judged == [(0.1, 1)]
    assert probability(-0.5) == 0.25
