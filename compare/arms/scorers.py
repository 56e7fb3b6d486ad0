"""Who values the steps of an arm's trajectories. Each costs what it costs, in the phase ``scoring``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from compare.arms.course import Course
from compare.arms.remedies import GuardedPpm, StepScores
from compare.config import Scores
from evolve.search_stage import refuse_verifier_errors
from lm.distributed import spread
from mcts.step import ProposeRequest, Step, joined
from policy.continuations import Continuations
from policy.engine import Sampling
from policy.rl import Group
from prm.labels.monte_carlo import soft_value
from prm.labels.oracle import oracle_values
from tasks.problem import Outcome, Problem
from tasks.seeding import derive_seed

Scorer = Callable[[Sequence[Group], int], StepScores]
"""The groups of an update, and its seed."""

_PHASE = "scoring"


def make_scorer(course: Course) -> Scorer | None:
    """The scorer that the arm's options name; None where its credit needs no step scores."""
    match course.arm.scores:
        case Scores.PPM:
            return GuardedPpm(course)
        case Scores.MONTE_CARLO:
            return monte_carlo_scorer(course)
        case Scores.ORACLE:
            return oracle_scorer(course)
        case Scores.TREE:
            return tree_scorer
    return None


def tree_scorer(groups: Sequence[Group], seed: int) -> StepScores:
    """The Q of each step's node in the tree that it was sampled in."""
    return [[one.qs for one in group.trajectories] for group in groups]


def oracle_scorer(course: Course) -> Scorer:
    """1 for a right step, -1 for a wrong one."""
    oracle = course.task.oracle
    assert oracle is not None, "an arm that needs an oracle is refused where there is none"

    def score(groups: Sequence[Group], seed: int) -> StepScores:
        return [[oracle_values(oracle, group.problem, one.steps) for one in group.trajectories] for group in groups]

    return score


def monte_carlo_scorer(course: Course) -> Scorer:
    """2 p - 1, p being the share of ``arm.continuations`` from after the step that end in a correct answer (VinePPO).

    After the last step there is nothing to continue: it gets the outcome itself.
    """

    def score(groups: Sequence[Group], seed: int) -> StepScores:
        asked: dict[tuple[int, ...], tuple[Problem, tuple[Step, ...]]] = {}
        for group in groups:
            prompt = course.policy.encode(group.problem.prompt)
            for one in group.trajectories:
                for end in range(1, len(one.steps)):
                    before = one.steps[:end]
                    asked.setdefault(prompt + joined(before), (group.problem, before))
        values = _continued(course, asked, seed)
        return [[_values(course, group, values, index) for index in range(len(group.trajectories))] for group in groups]

    return score


def _continued(
    course: Course, asked: dict[tuple[int, ...], tuple[Problem, tuple[Step, ...]]], seed: int
) -> dict[tuple[int, ...], float]:
    """The value of each prefix, by its token ids, prompt included."""
    policy, count = course.policy, course.arm.continuations
    sampling = Sampling(max_tokens=course.config.policy.max_solution_tokens)
    continuations = Continuations(policy.engine, policy.encode, policy.steps, course.verifier, sampling)
    requests = [
        ProposeRequest(index, problem, before, count, None, derive_seed(seed, "continue", index))
        for index, (problem, before) in enumerate(asked.values())
    ]

    def outcomes(some: Sequence[ProposeRequest]) -> list[Counter[Outcome]]:
        return [
            Counter(each.verdict.outcome for each in answer if each.verdict) for answer in continuations.complete(some)
        ]

    with course.phase(_PHASE):
        counted = spread(requests, outcomes)
    refuse_verifier_errors(sum(counted, start=Counter[Outcome]()))
    # 0: nobody knows
    values = {ids: soft_value(verdicts) or 0.0 for ids, verdicts in zip(asked, counted, strict=True)}
    course.ledger.add(_PHASE, verifier_calls=count * len(asked))
    return values


def _values(course: Course, group: Group, values: dict[tuple[int, ...], float], index: int) -> tuple[float, ...]:
    one, prompt = group.trajectories[index], course.policy.encode(group.problem.prompt)
    inner = [values[prompt + joined(one.steps[:end])] for end in range(1, len(one.steps))]
    assert one.verdict is not None, "groups are judged before they are scored"
    return (*inner, 2 * one.verdict.reward - 1)
