"""Reinforcement learning: sample, score, credit, update. The arms that do so differ in scores and credit alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from compare.arms.audit import Audit
from compare.arms.course import Course
from compare.arms.scorers import Scorer, make_scorer
from evolve.search_stage import run_searches
from lm.folder import load_policy
from mcts.search import Search
from policy.credit.base import Array
from policy.credit.registry import assign
from policy.grpo_metrics import reward_metrics
from policy.proposer import PolicyProposer
from policy.rl import Group, Learner, credited, members
from policy.rl_config import EqualGroups, RlConfig
from tasks.errors import UserError
from tasks.problem import Problem
from tasks.seeding import derive_seed

_MOST_DRAWS = 4  # of problems for one update, with equal_groups=resample


@dataclass(frozen=True, slots=True)
class Batch:
    """The groups of an update, each with its trajectories' step scores (or None) and advantages."""

    groups: list[Group]
    scores: list[list[tuple[float, ...]] | None]
    advantages: list[list[Array]]

    def __add__(self, other: Batch) -> Batch:
        return Batch(self.groups + other.groups, self.scores + other.scores, self.advantages + other.advantages)


def on_policy(course: Course) -> None:
    """Update after update, until the budget is spent."""
    rl = settings(course)
    score, audit = make_scorer(course), Audit(course)
    reference = load_policy(course.work.start, course.policy.device) if rl.grpo.beta else None
    learner = Learner(
        course.policy.model, rl, course.config.policy.max_solution_tokens, f"arm {course.work.name}", reference
    )
    course.train_from_here()
    while course.goes_on():
        seed = derive_seed(course.seed, "update", course.updates)
        batch = gather(course, rl, score, seed)
        ready = [
            credited(group, advantages, course.policy.encode)
            for group, advantages in zip(batch.groups, batch.advantages, strict=True)
        ]
        with course.phase("training"):
            learned = learner.learn(ready, course.progress, derive_seed(seed, "batches"))
        course.ledger.add("training", trained=learned.trained, scored=learned.scored)
        course.policy.changed()
        found = audit.look(batch.groups, batch.scores, batch.advantages, learned.metrics.get("kl"))
        rewards = reward_metrics([[one.verdict.reward for one in g.trajectories if one.verdict] for g in batch.groups])
        course.record(**learned.metrics, **rewards, **found)
    audit.finish()


def settings(course: Course) -> RlConfig:
    """The updates' options, with what the arm changes of them."""
    rl, arm = course.config.rl, course.arm
    if arm.learning_rate is not None:
        rl = replace(rl, optimiser=replace(rl.optimiser, learning_rate=arm.learning_rate))
    return rl if arm.beta is None else replace(rl, grpo=replace(rl.grpo, beta=arm.beta))


def gather(course: Course, rl: RlConfig, score: Scorer | None, seed: int) -> Batch:
    """Sample and credit the groups of an update; with ``resample`` until enough of them teach something."""
    batch = _draw(course, rl, score, rl.problems, derive_seed(seed, 0))
    for draw in range(1, _MOST_DRAWS):
        missing = rl.problems - sum(map(_teaches, batch.advantages))
        if rl.equal_groups is not EqualGroups.RESAMPLE or not missing:
            break
        batch += _draw(course, rl, score, missing, derive_seed(seed, draw))
    return batch


def _teaches(advantages: Sequence[Array]) -> bool:
    return any(bool(advantages_T.any()) for advantages_T in advantages)


def _draw(course: Course, rl: RlConfig, score: Scorer | None, count: int, seed: int) -> Batch:
    problems = course.next_problems(count)
    with course.phase("sampling"):
        groups = _trees(course, problems, seed) if course.arm.tree else course.policy.sample(problems, rl.group, seed)
    groups = [group for group in course.judged(groups, "sampling") if group.trajectories]
    if not groups:
        raise UserError(f"arm {course.work.name}: no problem leaves room for a solution; raise the policy's context")
    scores: list[list[tuple[float, ...]] | None] = [*score(groups, seed)] if score else [None] * len(groups)
    found = [members(group, own) for group, own in zip(groups, scores, strict=True)]
    return Batch(groups, scores, assign(found, course.arm.credit))


def _trees(course: Course, problems: Sequence[Problem], seed: int) -> list[Group]:
    """One search tree a problem; its leaves are the group."""
    policy, config = course.policy, course.config.tree
    proposer = PolicyProposer(
        policy.engine, policy.encode, policy.steps, config.temperature, config.top_p,
        course.config.policy.max_solution_tokens,
    )  # fmt: skip
    searches = [Search(problem, config, seed, course.task.verifier) for problem in problems]
    run_searches(config.driver, searches, proposer, None, slots=config.slots)
    calls = sum(search.stats.verdicts.total() for search in searches)
    course.ledger.add("sampling", verifier_calls=calls)
    return [Group(search.tree.problem, tuple(search.tree.trajectories()), is_tree=True) for search in searches]
