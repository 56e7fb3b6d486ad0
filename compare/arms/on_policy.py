"""Reinforcement learning: sample, score, credit, update. The arms that do so differ in scores and credit alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compare.arms.advisers import Advisers
from compare.arms.audit import Audit
from compare.arms.course import Course
from compare.arms.pool import Pool, from_start
from compare.arms.remedies_pairs import live_trees
from compare.arms.reward_grader import part_metrics
from compare.config import ArmConfig
from lm.folder import load_policy
from policy.credit.base import Array, Member, rewards
from policy.credit.registry import assign, needs
from policy.grpo_metrics import length_metrics, reward_metrics
from policy.rl import Group, Learner, credited, members
from policy.rl_config import EqualGroups, RlConfig
from tasks.errors import UserError
from tasks.problem import Problem
from tasks.seeding import derive_seed

_MOST_DRAWS = 4  # of problems for one update, with equal_groups=resample


@dataclass(frozen=True, slots=True)
class Batch:
    """The groups of an update, each with what its trajectories were judged to be worth, and the credit for that."""

    groups: list[Group]
    members: list[list[Member]]
    advantages: list[list[Array]]

    def __add__(self, other: Batch) -> Batch:
        return Batch(self.groups + other.groups, self.members + other.members, self.advantages + other.advantages)


def on_policy(course: Course) -> None:
    """Update after update, until the budget is spent."""
    rl = settings(course)
    advisers, audit = Advisers(course), Audit(course)
    reference = load_policy(course.work.start, course.policy.device) if rl.grpo.beta else None
    learner = Learner(
        course.policy.model, rl, course.config.policy.max_solution_tokens, f"arm {course.work.name}", reference
    )
    course.checkpoint.add_tensors("policy", learner.stepper)
    if not course.take_up():
        warm_up(course, rl, advisers)
        course.train_from_here()
    while course.goes_on():
        seed = derive_seed(course.seed, "update", course.updates)
        batch = gather(course, rl, advisers, seed)
        ready = [
            credited(group, advantages, course.policy.encode)
            for group, advantages in zip(batch.groups, batch.advantages, strict=True)
        ]
        if course.pool:
            ready = from_start(ready)
        with course.phase("training"):
            learned = learner.learn(ready, course.progress, derive_seed(seed, "batches"))
        course.ledger.add("training", trained=learned.trained, scored=learned.scored)
        course.policy.changed()
        beside = advisers.learn(batch.groups, batch.members, derive_seed(seed, "beside"))
        found = audit.look(batch.groups, batch.members, batch.advantages, learned.metrics.get("kl"))
        outcomes = reward_metrics([[one.verdict.reward for one in g.trajectories if one.verdict] for g in batch.groups])
        parts = part_metrics(batch.groups) if course.grader else {}
        every = [one for group in batch.groups for one in group.trajectories]
        lengths = length_metrics([len(one.token_ids) for one in every], [one.is_final for one in every])
        course.record(**learned.metrics, **beside, **outcomes, **parts, **lengths, **found)
    audit.finish(advisers.members)


def settings(course: Course) -> RlConfig:
    """The updates' options, with what the arm changes of them."""
    rl, arm = course.config.rl, course.arm
    if arm.learning_rate is not None:
        rl = replace(rl, optimiser=replace(rl.optimiser, learning_rate=arm.learning_rate))
    return rl if arm.beta is None else replace(rl, grpo=replace(rl.grpo, beta=arm.beta))


def warm_up(course: Course, rl: RlConfig, advisers: Advisers) -> None:
    """Let the model of tokens learn what the start policy's solutions are worth, before anybody follows it."""
    until, update = course.spent + course.allowance(course.arm.warmup) - course.allowance(0), 0
    while course.spent < until:
        seed = derive_seed(course.seed, "warm-up", update)
        batch = gather(course, rl, advisers, seed)
        advisers.learn(batch.groups, batch.members, derive_seed(seed, "beside"))
        update += 1


def gather(course: Course, rl: RlConfig, advisers: Advisers, seed: int) -> Batch:
    """Sample and credit the groups of an update; with ``resample`` until enough of them teach something."""
    batch = _draw(course, rl, advisers, rl.problems, derive_seed(seed, 0))
    for draw in range(1, _MOST_DRAWS):
        missing = rl.problems - sum(map(_teaches, batch.advantages))
        if rl.equal_groups is not EqualGroups.RESAMPLE or not missing:
            break
        batch += _draw(course, rl, advisers, missing, derive_seed(seed, draw))
    return batch


def _teaches(advantages: Sequence[Array]) -> bool:
    return any(bool(advantages_T.any()) for advantages_T in advantages)


def _draw(course: Course, rl: RlConfig, advisers: Advisers, count: int, seed: int) -> Batch:
    if course.pool:
        return _from_pool(course, course.pool, advisers, count, seed)
    problems = course.next_problems(count)
    if course.arm.tree:
        groups = _trees(course, problems, seed)
    else:
        with course.phase("sampling"):
            groups = course.policy.sample(problems, rl.group, seed)
    groups = [group for group in course.judged(groups, "sampling") if group.trajectories]
    if not groups:
        raise UserError(f"arm {course.work.name}: no problem leaves room for a solution; raise the policy's context")
    return _credit(course, groups, lambda some: advisers.members(some, seed))


def _credit(course: Course, groups: Sequence[Group], judge: Callable[[list[Group]], list[list[Member]]]) -> Batch:
    """The groups with their credit. Whether one too easy or too hard teaches anything is not even asked."""
    taught = [group for group in groups if _in_range(course.arm, group)]
    idle = [group for group in groups if not _in_range(course.arm, group)]
    found, unseen = judge(taught) if taught else [], [members(group) for group in idle]
    nothing = [[np.zeros(one.tokens) for one in own] for own in unseen]
    return Batch([*taught, *idle], [*found, *unseen], [*assign(found, course.arm.credit), *nothing])


def _in_range(arm: ArmConfig, group: Group) -> bool:
    return arm.least_accuracy <= float(rewards(members(group)).mean()) <= arm.most_accuracy


def _from_pool(course: Course, pool: Pool, advisers: Advisers, count: int, seed: int) -> Batch:
    """Groups that every arm gets; what a model of tokens says of them changes while it learns."""
    groups = pool.take(count)
    if "token_scores" in needs(course.arm.credit):
        return _credit(course, groups, lambda some: advisers.members(some, seed))
    return _credit(course, groups, lambda some: pool.once(some, lambda new: advisers.members(new, seed)))


def _trees(course: Course, problems: Sequence[Problem], seed: int) -> list[Group]:
    """One search tree a problem; its leaves are the group."""
    course.trees = live_trees(course, problems, course.config.tree, seed, "sampling")
    return [Group(tree.problem, tuple(tree.trajectories()), is_tree=True) for tree in course.trees]
