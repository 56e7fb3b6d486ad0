from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.problem import Outcome, Problem
from tasks.suites.logic import ATOMS, LogicConfig, LogicTask
from tasks.suites.logic_draw import INTRODUCTIONS, LINKS, draw_problem, read_logic_problem
from tasks.suites.logic_formula import read_formula
from tasks.suites.logic_verifier import LogicOracle, LogicVerifier
from tasks.suites.propositional import check_proof

PROBLEM = Problem("x", "1 P>~Q\n2 P\n3 R|Q\n? R\n", "4 ~Q mp 1 2; 5 R ds 3 4")
RIGHT = ["4 ~Q mp 1 2", "#### 5 R ds 3 4"]


def models(premises: list[str], atoms: set[str]):
    """All worlds in which the premises are true."""
    formulas = [read_formula(text) for text in premises]
    for row in product((False, True), repeat=len(atoms)):
        world = dict(zip(sorted(atoms), row, strict=True))
        if all(formula.holds(world) for formula in formulas):
            yield world


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**9),
    links=st.integers(1, 4),
    distractors=st.integers(0, 2),
    rules=st.sets(st.sampled_from([*LINKS, *INTRODUCTIONS]), min_size=1).filter(lambda rules: rules & set(LINKS)),
)
def test_drawn_problems_by_truth_tables(seed, links, distractors, rules):
    drawn = draw_problem(ATOMS[:8], links, distractors, sorted(rules), np.random.default_rng(seed))
    premises, goal = read_logic_problem(drawn.prompt)
    assert premises == [str(premise) for premise in drawn.premises]
    assert len(set(premises)) == len(premises)
    atoms = {name for text in [*premises, goal] for name in read_formula(text).atoms()}
    worlds = list(models(premises, atoms))
    assert worlds, "the premises can all be true"
    assert all(read_formula(goal).holds(world) for world in worlds)
    assert check_proof(premises, goal, drawn.answer).ok
    assert (drawn.trap is None) == (links == 1)
    if drawn.trap is not None:
        report = check_proof(premises, goal, "; ".join(drawn.proof(True)))
        assert not report.ok
        labels = LogicOracle().step_labels(Problem("x", drawn.prompt, ""), drawn.proof(True))
        assert labels.count(False) == 1, "falling into the trap is one wrong step, and the others follow"
        assert len(drawn.proof(True)) < len(drawn.proof(False))


def test_every_rule_occurs_and_only_those_asked_for():
    for rules in (["mp"], ["mt", "|i"], ["ds", "&i", ">i"], [*LINKS, *INTRODUCTIONS]):
        used = set()
        for seed in range(60):
            drawn = draw_problem(ATOMS, 2, 1, rules, np.random.default_rng(seed))
            used |= {line.split()[2] for line in drawn.proof(False)} - {"hyp"}
        assert used == set(rules)


@pytest.mark.parametrize(
    ("steps", "labels"),
    [
        (RIGHT, [True, True]),
        ([step + "\n" for step in RIGHT], [True, True]),
        ([], []),
        (["#### 4 ~Q mp 1 2; 5 R ds 3 4"], [True]),
        (["#### 4 ~Q mp 1 2; 5 R ds 3 2"], [False]),
        # A slip is one wrong step; what follows from it is right.
        (["4 Q mp 1 2", "5 ~R ds 3 4", "#### 6 R ds 3 4"], [False, False, False]),
        (["4 ~Q mt 1 2", "#### 5 R ds 3 4"], [False, True]),
        (["4 ~Q mp 1 2", "5 ~Q r 4", "#### 6 R ds 3 5"], [True, True, True]),
        (["#### 4 ~Q mp 1 2"], [False]),  # right, and not the goal
        (["4 ~Q mp 1 2", "#### 5 R ds 3 4", "6 R r 5"], [True, True, False]),
        (["so ~Q", "5 ~Q mp 1 2", "#### 6 R ds 3 5"], [False, True, True]),
        (["4 S hyp", "5 ~Q mp 1 2", "#### 6 R ds 3 5"], [True, True, False]),  # inside a box
    ],
)
def test_known_labels(steps, labels):
    assert LogicOracle().step_labels(PROBLEM, steps) == labels
    assert LogicOracle().first_error(PROBLEM, steps) == (labels.index(False) if False in labels else -1)


@pytest.mark.parametrize(
    ("solution", "outcome", "note"),
    [
        ("\n".join(RIGHT), Outcome.CORRECT, ""),
        ("\n".join(RIGHT) + "\n", Outcome.CORRECT, ""),
        ("#### 4 R hyp", Outcome.WRONG, "outside every box"),
        ("4 ~Q mp 1 2\n5 R ds 3 4", Outcome.UNVERIFIABLE, "no last line"),
        ("\n".join([*RIGHT, "6 R r 5"]), Outcome.UNVERIFIABLE, "no last line"),
        ("#### R", Outcome.WRONG, "must start with its number"),
        ("4 R mp 1 2\n#### 5 R r 4", Outcome.WRONG, "line 4: R does not follow by mp"),
    ],
)
def test_known_verdicts(solution, outcome, note):
    verdict = LogicVerifier().verify(PROBLEM, solution)
    assert verdict.outcome is outcome
    assert note in verdict.note


def test_demonstrations_fall_into_the_believed_traps_at_the_configured_rate():
    task = LogicTask(LogicConfig(min_links=2, misconceived_facts=1.0, misconception_rate=0.6))
    shown = task.demonstrations(400)
    wrong = [d for d in shown if task.verifier.verify(d.problem, d.solution).reward == 0.0]
    assert abs(len(wrong) / 400 - 0.6) < 4 * (0.6 * 0.4 / 400) ** 0.5
    assert all(len(d.solution.split("\n")) < d.problem.meta["level"] for d in wrong)


@pytest.mark.parametrize("prompt", ["", "? P\n\n", "1 P\n? Q", "2 P\n? Q\n", "1 P\nQ\n", "1 P>\n? Q\n", "? \n"])
def test_another_text_is_no_logic_problem(prompt):
    with pytest.raises(ValueError, match=r"formula|not a logic problem"):
        read_logic_problem(prompt)
