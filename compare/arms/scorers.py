"""Who values the steps of an arm's trajectories. Each costs what it costs, in the phase ``scoring``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from compare.arms.course import Course
from compare.config import Scores
from compare.ledger import Role
from lm.packing import packed_size
from mcts.step import ScoreRequest
from mcts.trajectory import solution_text
from policy.engine import GenerateRequest, Sampling
from policy.proposer import joined
from policy.rl import Group
from prm.scorer import HfScorer
from tasks.problem import Outcome, Problem
from tasks.seeding import derive_seed

StepScores = list[list[tuple[float, ...]]]
"""By group and trajectory: one value in [-1, 1] per step."""

Scorer = Callable[[Sequence[Group], int], StepScores]
"""The groups of an update, and its seed."""

_PHASE = "scoring"


def make_scorer(course: Course) -> Scorer | None:
    """The scorer that the arm's options name; None where its credit needs no step scores."""
    match course.arm.scores:
        case Scores.PPM:
            return ppm_scorer(course)
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
        return [
            [
                tuple(
                    1.0 if right else -1.0 for right in oracle.step_labels(group.problem, [s.text for s in one.steps])
                )
                for one in group.trajectories
            ]
            for group in groups
        ]

    return score


def ppm_scorer(course: Course) -> Scorer:
    """The PPM that was trained on the arm's own trees; it stays as it is."""
    assert course.work.trees is not None, "the trees are grown before the arm begins"
    model = HfScorer(course.work.trees.folder / "ppm", course.policy.encode, course.policy.device)

    def score(groups: Sequence[Group], seed: int) -> StepScores:
        requests = [
            ScoreRequest(0, group.problem, one.steps[: end + 1])
            for group in groups
            for one in group.trajectories
            for end in range(len(one.steps))
        ]
        with course.phase(_PHASE):
            values = iter(model.score(requests))
        course.ledger.add(_PHASE, Role.PPM, scored=sum(_tokens(course, group) for group in groups))
        return [[tuple(next(values) for _ in one.steps) for one in group.trajectories] for group in groups]

    return score


def _tokens(course: Course, group: Group) -> int:
    prompt = course.policy.encode(group.problem.prompt)
    return packed_size([prompt + one.token_ids for one in group.trajectories])


def monte_carlo_scorer(course: Course) -> Scorer:
    """2 p - 1, p being the share of ``arm.continuations`` from after the step that end in a correct answer (VinePPO).

    After the last step there is nothing to continue: it gets the outcome itself.
    """

    def score(groups: Sequence[Group], seed: int) -> StepScores:
        asked: dict[tuple[int, ...], tuple[Problem, str]] = {}
        for group in groups:
            prompt = course.policy.encode(group.problem.prompt)
            for one in group.trajectories:
                for end in range(1, len(one.steps)):
                    before = one.steps[:end]
                    asked.setdefault(prompt + joined(before), (group.problem, solution_text(before)))
        values = _continued(course, asked, seed)
        return [[_values(course, group, values, index) for index in range(len(group.trajectories))] for group in groups]

    return score


def _continued(
    course: Course, asked: dict[tuple[int, ...], tuple[Problem, str]], seed: int
) -> dict[tuple[int, ...], float]:
    """The value of each prefix, by its token ids, prompt included."""
    policy, count = course.policy, course.arm.continuations
    limit = course.config.policy.max_solution_tokens
    requests = [
        GenerateRequest(ids, count, Sampling(max_tokens=limit), derive_seed(seed, "continue", index))
        for index, ids in enumerate(asked)
    ]
    with course.phase(_PHASE):
        answers = policy.engine.generate(requests)
        values = {}
        for (ids, (problem, before)), answer in zip(asked.items(), answers, strict=True):
            texts = [before + solution_text(policy.steps.split(one)) for one in answer]
            verdicts = [course.task.verifier.verify(problem, text).outcome for text in texts]
            values[ids] = 2 * sum(found is Outcome.CORRECT for found in verdicts) / count - 1
    course.ledger.add(_PHASE, verifier_calls=count * len(asked))
    return values


def _values(course: Course, group: Group, values: dict[tuple[int, ...], float], index: int) -> tuple[float, ...]:
    one, prompt = group.trajectories[index], course.policy.encode(group.problem.prompt)
    inner = [values[prompt + joined(one.steps[:end])] for end in range(1, len(one.steps))]
    return (*inner, 2 * (one.verdict.reward if one.verdict else 0.0) - 1)
