"""A learned outcome reward in the verifier's place: Bradley-Terry on pairs of a correct and a wrong solution.

    l = -log sigmoid(s_correct - s_wrong),   r = (s - mean(s)) / std(s)

with s the score of a whole solution; the loss is averaged over the pairs of a problem, then over problems, which is the
PPM's with a problem for a node and whole solutions for steps. Mean and deviation are of the solutions that the start
policy gave. Source: InstructGPT (arXiv 2203.02155, eq. 1), rewards normalised as by Ziegler et al. (arXiv 1909.08593).
The verifier tells correct from wrong in these pairs; training does not ask it again. Or a file of preferences does
(``arms.NAME.pairs``). The model may see the final step alone (DeepSeek-R1 judges helpfulness so, arXiv 2501.12948,
section 2.3.4), and judge some parts of a mix of tasks, while the verifier rewards the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel

from compare.arms.apart import judged_on
from compare.arms.companion import row_scores
from compare.arms.course import Course
from compare.companion_config import Reads, Rewards
from compare.config import ArmConfig
from compare.ledger import Ledger, Role
from lm.packing import packed_size
from lm.rows import TextRow
from lm.train import train
from policy.rl import Group, text_rows
from prm.model import new_scorer_from_policy
from prm.train import NodePairs, node_loss
from tasks.errors import UserError
from tasks.mix import part_of
from tasks.problem import Outcome, Problem, Split
from tasks.readers.formats import read_preferences
from tasks.seeding import derive_seed
from tasks.splits import content_hash, split_of

Rewarder = Callable[[Sequence[Group]], list[list[float | None]]]
"""By group and trajectory: what a whole solution is worth; None where the verifier says so."""

_SAMPLING, _TRAINING, _SCORING = "reward_pairs", "reward_training", "scoring"


def make_rewarder(course: Course) -> Rewarder | None:
    """Who stands in for the verifier; None where nobody does. A reward model is trained here, and charged."""
    if course.arm.rewards is not Rewards.REWARD_MODEL:
        return None
    seed = derive_seed(course.seed, "reward model")
    model, _ = new_scorer_from_policy(course.work.start, derive_seed(seed, "head"), course.policy.device)
    course.ledger.declare(Role.REWARD_MODEL, sum(parameter.numel() for parameter in model.parameters()))
    preferred = preferred_nodes(course, Path(course.arm.pairs)) if course.arm.pairs else []
    groups = _sample(course, preferred, seed)
    _train(course, model, preferred or _nodes(course, groups), seed)
    return Standardised(course, model, groups)


class Standardised:
    """The model's score of each solution, on a scale on which those of ``groups`` have mean 0 and deviation 1."""

    def __init__(self, course: Course, model: PreTrainedModel, groups: Sequence[Group]) -> None:
        self._course, self._model = course, model
        self._mean, self._size = 0.0, 1.0
        scores = [score for own in self(groups) for score in own if score is not None]
        self._mean, self._size = float(np.mean(scores)), float(np.std(scores)) + 1e-8
        course.extra["reward_model"] = {"mean": self._mean, "deviation": self._size, "solutions": len(scores)}

    def __call__(self, groups: Sequence[Group]) -> list[list[float | None]]:
        """Rewards without bounds. UserError if one is not finite."""
        is_asked = [judges(self._course.arm, group.problem) for group in groups]
        rows = [
            [row.ids for row in seen_rows(self._course, group)] if asked else []
            for group, asked in zip(groups, is_asked, strict=True)
        ]
        with self._course.phase(_SCORING):
            found = row_scores(self._model, [row for own in rows for row in own])
        self._course.ledger.add(_SCORING, Role.REWARD_MODEL, scored=sum(map(packed_size, rows)))
        if not all(map(math.isfinite, found.values())):
            raise UserError(
                f"arm {self._course.work.name}: the reward model gives a solution a reward that is not finite; "
                "lower reward_model.optimiser.learning_rate"
            )
        return [
            [(found[row] - self._mean) / self._size for row in own] if asked else [None] * len(group.trajectories)
            for group, own, asked in zip(groups, rows, is_asked, strict=True)
        ]


def judges(arm: ArmConfig, problem: Problem) -> bool:
    """Does the arm's reward model judge solutions of this problem?"""
    return not arm.reward_model_parts or part_of(problem) in arm.reward_model_parts


def seen_rows(course: Course, group: Group) -> list[TextRow]:
    """What the reward model sees of the group's trajectories, behind the problem."""
    if course.arm.reward_model_reads is Reads.SOLUTION:
        return text_rows(group, course.policy.encode)
    ends = (replace(one, nodes=one.nodes[-1:], steps=one.steps[-1:], qs=one.qs[-1:]) for one in group.trajectories)
    return text_rows(replace(group, trajectories=tuple(ends)), course.policy.encode)


def preferred_nodes(course: Course, path: Path) -> list[NodePairs]:
    """The preferences of a file (TRL's rows) on training problems, by problem; UserError for none.

    As everywhere, a problem whose text falls to another split is left alone; so is one that the task's own files judge
    on, and these are counted. A prompt gets the newline that problems of files end with.
    """
    found: dict[str, list[tuple[tuple[int, ...], tuple[int, ...]]]] = {}
    for pair in read_preferences(path, "trl"):
        prompt = pair.prompt if pair.prompt.endswith("\n") else pair.prompt + "\n"
        if split_of(prompt) is Split.TRAIN:
            before, end = course.policy.encode(prompt), course.policy.tokenizer.eos_token_id
            chosen, rejected = (
                (*before, *course.policy.tokenizer.encode(text, add_special_tokens=False), end)
                for text in (pair.chosen, pair.rejected)
            )
            found.setdefault(prompt, []).append((chosen, rejected))
    judged = judged_on(course.task, found)
    found = {prompt: sides for prompt, sides in found.items() if prompt not in judged}
    if not found:
        raise UserError(f"arms.{course.work.name}.pairs={path}: there is no preference on a training problem; add some")
    course.extra["pairs"] = {"set_aside": len(judged)}
    return [_node(content_hash(prompt), sides) for prompt, sides in found.items()]


def _node(name: str, sides: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> NodePairs:
    places: dict[tuple[int, ...], int] = {}
    pairs = tuple((places.setdefault(a, len(places)), places.setdefault(b, len(places))) for a, b in sides)
    return NodePairs(name, tuple(places), pairs)


def problem_pairs(group: Group, rows: Sequence[TextRow]) -> NodePairs | None:
    """Each correct solution of a problem against each wrong one, equal ones once; None if it has not one of each.

    What no verifier can read is wrong here.
    """
    is_right = {
        row.ids: one.verdict is not None and one.verdict.outcome is Outcome.CORRECT
        for row, one in zip(rows, group.trajectories, strict=True)
    }
    sides: dict[bool, list[int]] = {True: [], False: []}
    for index, right in enumerate(is_right.values()):
        sides[right].append(index)
    pairs = tuple(product(sides[True], sides[False]))
    return NodePairs(group.problem.id, tuple(is_right), pairs) if pairs else None


def _sample(course: Course, preferred: Sequence[NodePairs], seed: int) -> list[Group]:
    """Solutions of the start policy, as many as ``arm.reward_model`` of the budget pays for, training included.

    With preferences from a file they are for the scale alone: those of one update.
    """
    groups: list[Group] = []
    while not groups or (not preferred and _planned(course, groups) < course.allowance(course.arm.reward_model)):
        problems = _problems(course, is_first=not groups)
        with course.phase(_SAMPLING):
            drawn = course.policy.sample(problems, course.config.rl.group, derive_seed(seed, len(groups)))
        groups += course.judged([group for group in drawn if group.trajectories], _SAMPLING)
        if not groups:
            raise UserError(
                f"arm {course.work.name}: no problem leaves room for a solution; raise the policy's context"
            )
    return groups


def _problems(course: Course, is_first: bool) -> list[Problem]:
    """Those of the next training problems that the reward model judges.

    If the first ones are all of other parts of a mix, the stream is searched for as many as an update has, for about
    an epoch. UserError if there is none.
    """
    wanted, parts = course.config.rl.problems, course.arm.reward_model_parts
    taken = course.next_problems(wanted)
    found = {each.id: each for each in taken if judges(course.arm, each)}
    if found or not is_first:
        return list(found.values())
    if not any(judges(course.arm, each) for each in course.training):
        raise UserError(
            f"arm {course.work.name}: no training problem is of part(s) {', '.join(parts)}; raise problems, or give "
            "the part more weight"
        )
    drawn = len(taken)
    while len(found) < wanted and (not found or drawn < len(course.training)):  # an epoch may leave out its last few
        taken = course.next_problems(wanted)
        drawn += len(taken)
        found |= {each.id: each for each in taken if judges(course.arm, each)}
    return list(found.values())[:wanted]


def _planned(course: Course, groups: Sequence[Group]) -> float:
    """The share of the budget that is spent, training on the groups and scoring them included."""
    planned = Ledger(course.ledger.parameters)
    planned.merge(course.ledger)
    planned.add("planned", Role.REWARD_MODEL, trained=_trained(course, _nodes(course, groups)))
    planned.add("planned", Role.REWARD_MODEL, scored=sum(packed_size(_ids(course, group)) for group in groups))
    return planned.spent(course.config.budget)


def _train(course: Course, model: PreTrainedModel, nodes: Sequence[NodePairs], seed: int) -> None:
    if not nodes:
        raise UserError(
            f"arm {course.work.name}: no problem has both a correct and a wrong solution to make pairs of; raise "
            f"arms.{course.work.name}.reward_model or rl.group"
        )
    what = f"arm {course.work.name}, reward model"
    with course.phase(_TRAINING):
        train(model, nodes, node_loss, course.config.reward_model.optimiser, derive_seed(seed, "batches"), what)
    course.ledger.add(_TRAINING, Role.REWARD_MODEL, trained=_trained(course, nodes))


def _nodes(course: Course, groups: Sequence[Group]) -> list[NodePairs]:
    found = (problem_pairs(group, seen_rows(course, group)) for group in groups)
    return [node for node in found if node is not None]


def _trained(course: Course, nodes: Sequence[NodePairs]) -> int:
    """Tokens that training on the pairs computes."""
    return round(sum(packed_size(node.rows) for node in nodes) * course.config.reward_model.optimiser.epochs)


def _ids(course: Course, group: Group) -> list[tuple[int, ...]]:
    return [row.ids for row in seen_rows(course, group)]
