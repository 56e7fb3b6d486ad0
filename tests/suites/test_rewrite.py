from __future__ import annotations

import numpy as np
import pytest

from tasks.problem import Outcome, Problem, Split
from tasks.suites.rewrite import RewriteConfig, RewriteOracle, RewriteTask, RewriteVerifier
from tasks.suites.rewrite_constraints import KINDS, Constraint, read_constraint
from tasks.suites.rewrite_text import (
    FILLERS,
    NOUNS,
    QUALITIES,
    VERBS,
    content,
    draw_constraint,
    draw_text,
    read_rewrite_problem,
)

TEXT = "The red fox, very shy, met a hen."
PROBLEM = Problem("x", f"{TEXT}\nno comma; end ok; capitals\n", "THE RED FOX VERY SHY MET A HEN. OK")
RIGHT = ["The red fox very shy met a hen.", "The red fox very shy met a hen. ok", f"#### {PROBLEM.answer}"]


def test_no_word_hides_in_another():
    words = [*NOUNS, *QUALITIES, *VERBS, *FILLERS, "the", "and", "with", "bye", "done"]
    assert len(set(words)) == len(words)
    for noun in NOUNS:
        assert [word for word in words if noun in word] == [noun]


@pytest.mark.parametrize("seed", range(200))
def test_every_constraint_is_broken_first_and_met_for_good(seed):
    rng = np.random.default_rng(seed)
    text, filler = draw_text(rng)
    constraints = [draw_constraint(kind, text, filler, rng) for kind in KINDS if kind != "capitals"]
    met = text
    for index, constraint in enumerate(constraints):
        assert read_constraint(str(constraint)) == constraint
        assert not constraint.holds(text)
        met = constraint.meet(met)
        assert all(one.holds(met) for one in constraints[: index + 1])
        rest = iter(content(met))
        assert all(word in rest for word in content(text))
    assert not Constraint("capitals").holds(met)
    assert Constraint("capitals").holds(Constraint("capitals").meet(met))


def test_all_kinds_occur_and_case_only_once():
    problems = RewriteTask(RewriteConfig(max_constraints=6)).problems(Split.TRAIN, 300)
    sets = [{one.kind for one in read_rewrite_problem(problem.prompt).constraints} for problem in problems]
    assert set().union(*sets) == set(KINDS)
    assert not any({"small", "capitals"} <= kinds for kinds in sets)


@pytest.mark.parametrize(
    ("solution", "outcome", "note"),
    [
        ("\n".join(RIGHT), Outcome.CORRECT, ""),
        (RIGHT[-1], Outcome.CORRECT, ""),
        ("#### A RED AND SHY FOX: VERY SHY, NO; IT MET HEN OK", Outcome.WRONG, "no comma"),
        ("#### THE RED FOX WAS SHY AND MET HEN OK", Outcome.CORRECT, ""),
        ("#### The red fox very shy met a hen. ok", Outcome.WRONG, "does not hold: capitals"),
        ("#### THE RED FOX VERY SHY MET A HEN.", Outcome.WRONG, "does not hold: end ok"),
        ("#### THE FOX VERY SHY MET A HEN. OK", Outcome.WRONG, "does not hold: content"),
        ("#### THE HEN SHY MET RED FOX OK", Outcome.WRONG, "content"),  # another order
        ("#### THEREDFOXSHYMETHEN OK", Outcome.WRONG, "content"),
        ("#### " + "RED FOX SHY MET HEN " * 5 + "OK", Outcome.WRONG, "content"),  # too long
        (RIGHT[0], Outcome.UNVERIFIABLE, "no final line"),
        (f"{RIGHT[-1]}\n#### no", Outcome.WRONG, "content"),  # what is stated last counts
    ],
)
def test_known_verdicts(solution, outcome, note):
    verdict = RewriteVerifier().verify(PROBLEM, solution)
    assert verdict.outcome is outcome
    assert verdict.reward == float(outcome is Outcome.CORRECT)
    assert note in verdict.note
    assert outcome is Outcome.UNVERIFIABLE or set(verdict.parts) == {"no comma", "end ok", "capitals", "content"}


@pytest.mark.parametrize(
    ("steps", "labels"),
    [
        (RIGHT, [True] * 3),
        ([step + "\n" for step in RIGHT], [True] * 3),
        ([], []),
        ([RIGHT[-1]], [True]),  # all at once
        ([TEXT, *RIGHT[1:]], [False, True, True]),
        ([RIGHT[0], RIGHT[0], "#### " + RIGHT[0].upper()], [True, False, True]),  # a slip is one wrong step
        ([RIGHT[0], RIGHT[1].replace("fox ", ""), RIGHT[2].replace("FOX ", "")], [True, False, True]),
        ([RIGHT[0], TEXT + " ok", RIGHT[2]], [True, False, True]),  # breaks what the line before followed
        ([RIGHT[0], f"#### {RIGHT[1]}"], [True, False]),
        ([*RIGHT, RIGHT[0]], [True, True, True, False]),
        ([*RIGHT[:2], PROBLEM.answer, RIGHT[2]], [True] * 4),
        ([*RIGHT[:2], PROBLEM.answer, PROBLEM.answer, RIGHT[2]], [True, True, True, False, True]),
        (["", RIGHT[-1]], [False, True]),
    ],
)
def test_known_labels(steps, labels):
    assert RewriteOracle().step_labels(PROBLEM, steps) == labels
    assert RewriteOracle().first_error(PROBLEM, steps) == (labels.index(False) if False in labels else -1)


@pytest.mark.parametrize(
    "prompt",
    ["", "a\n", "a\nb\n", "a\nno comma", "a\nno\n", "a\ncapitals x\n", "\ncapitals\n", "a\nend O\n", "a\nno  x\n"],
)
def test_another_text_is_no_rewrite_problem(prompt):
    with pytest.raises(ValueError, match=r"not a rewrite problem|not a constraint"):
        read_rewrite_problem(prompt)
