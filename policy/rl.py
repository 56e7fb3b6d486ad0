"""Learning on policy: sample, have it judged, credit the tokens, take a step.

What judges (verifier, process model, oracle) is the caller's: this room knows only rewards, step scores and credit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from transformers import PreTrainedModel

from lm.distributed import spread
from lm.packing import packed_size
from lm.rows import TextRow
from lm.train import Stepper, StepRecord, plan_batches, rate_at
from mcts.step import Step, joined, observed
from mcts.trajectory import Trajectory
from policy.credit.base import Array, Member
from policy.engine import Engine, Sampling
from policy.grpo import CreditedGroup, CreditedRow, GrpoLoss, with_old, with_reference
from policy.proposer import PromptEncoder
from policy.rl_config import EqualGroups, RlConfig
from policy.step_format import TextSteps
from policy.writer import StepWriter, WriteRequest
from tasks.errors import UserError
from tasks.problem import Outcome, Problem, Verifier
from tasks.seeding import derive_seed

_Score = Callable[[PreTrainedModel, Sequence[CreditedRow]], list[CreditedRow]]


@dataclass(frozen=True, slots=True)
class Group:
    """The trajectories of one problem in one update. ``is_tree``: their ``nodes`` are those of one search tree."""

    problem: Problem
    trajectories: tuple[Trajectory, ...]
    is_tree: bool = False


def sample_groups(
    engine: Engine,
    encode: PromptEncoder,
    steps: TextSteps,
    problems: Sequence[Problem],
    count: int,
    max_tokens: int,
    seed: int,
    temperature: float = 1.0,
) -> list[Group]:
    """``count`` whole solutions of each problem, drawn independently; not judged yet. Temperature 0: the likeliest.

    One that a step without end, or with code that failed, has ended keeps that step: it is what it failed by. A problem
    whose prompt fills the policy's context has none.
    """
    sampling = Sampling(temperature=temperature, max_tokens=max_tokens)
    requests = [WriteRequest(encode(p.prompt), (), count, sampling, derive_seed(seed, p.id)) for p in problems]
    return [
        Group(problem, tuple(sampled_trajectory(problem, one.with_flaw) for one in answer if one.with_flaw))
        for problem, answer in zip(problems, spread(requests, StepWriter(engine, steps).write), strict=True)
    ]


def sampled_trajectory(problem: Problem, steps: tuple[Step, ...]) -> Trajectory:
    """Steps that stand in no tree: numbered from 1, without Qs (0), not judged yet."""
    return Trajectory(problem.id, tuple(range(1, len(steps) + 1)), steps, (0.0,) * len(steps))


def judged(groups: Sequence[Group], verifier: Verifier) -> list[Group]:
    """The groups with a verdict on every trajectory that has none yet."""
    return spread(groups, lambda some: [_judged(group, verifier) for group in some])


def _judged(group: Group, verifier: Verifier) -> Group:
    verdicts = [one.verdict or verifier.verify(group.problem, one.text) for one in group.trajectories]
    judged = (replace(one, verdict=each) for one, each in zip(group.trajectories, verdicts, strict=True))
    return replace(group, trajectories=tuple(judged))


def without_errors(groups: Sequence[Group]) -> list[Group]:
    """The groups without what the verifier failed on: whether that is right or wrong nobody knows.

    What it could read but not judge (``unverifiable``) stays, with the reward that the verifier gives it: else a policy
    would be free to write nonsense.
    """
    return [
        replace(
            group,
            trajectories=tuple(
                one for one in group.trajectories if one.verdict is None or one.verdict.outcome is not Outcome.ERROR
            ),
        )
        for group in groups
    ]


def require_finite(groups: Sequence[Group], what: str) -> None:
    """UserError if a trajectory was sampled with a log-prob that is not a number: ``what`` has diverged."""
    for group in groups:
        if not all(isfinite(logprob) for one in group.trajectories for step in one.steps for logprob in step.logprobs):
            raise UserError(
                f"{what} has diverged: problem {group.problem.id} is answered with log-probs that are not finite; "
                "lower the learning rate"
            )


def step_ends(trajectory: Trajectory) -> tuple[int, ...]:
    """Cumulative counts of the steps' sampled tokens."""
    ends, total = [], 0
    for step in trajectory.steps:
        total += len(step.token_ids)
        ends.append(total)
    return tuple(ends)


def members(
    group: Group,
    step_scores: Sequence[tuple[float, ...]] | None = None,
    token_scores: Sequence[tuple[float, ...]] | None = None,
    rewards: Sequence[float | None] | None = None,
) -> list[Member]:
    """The group as a credit sees it: per trajectory one score per step and per token, where there are any.

    ``rewards``: what stands in for the verifier's. ValueError for a trajectory that it is asked about and that has no
    verdict, or that the verifier failed on: neither is a reward of 0 (``without_errors``).
    """
    count = len(group.trajectories)
    return [
        Member(
            reward=_verified(one) if reward is None else reward,
            step_ends=step_ends(one),
            step_scores=steps,
            token_scores=tokens,
            path=(0, *one.nodes) if group.is_tree else (),
        )
        for one, steps, tokens, reward in zip(
            group.trajectories,
            step_scores or [()] * count,
            token_scores or [()] * count,
            rewards or [None] * count,
            strict=True,
        )
    ]


def _verified(one: Trajectory) -> float:
    if one.verdict is None or one.verdict.outcome is Outcome.ERROR:
        raise ValueError(f"problem {one.problem_id}: a solution without a verdict has no reward; leave it out")
    return one.verdict.reward


def text_rows(group: Group, encode: PromptEncoder) -> list[TextRow]:
    """The group's trajectories behind their prompt: token ids as sampled, and between them what was observed."""
    prompt = encode(group.problem.prompt)
    return [text_row(group.problem.id, prompt, one) for one in group.trajectories]


def text_row(problem_id: str, prompt_ids: tuple[int, ...], one: Trajectory) -> TextRow:
    """A trajectory behind its prompt. What code printed is read, not learned."""
    return TextRow(problem_id, prompt_ids, joined(one.steps), observed(one.steps))


def credited(group: Group, advantages: Sequence[Array], encode: PromptEncoder) -> CreditedGroup:
    """The group as the loss sees it: token ids as sampled, with the log-probs they were sampled by."""
    rows = [
        CreditedRow(row, advantages_T.tolist(), engine=[logprob for step in one.steps for logprob in step.logprobs])
        for row, one, advantages_T in zip(text_rows(group, encode), group.trajectories, advantages, strict=True)
    ]
    return CreditedGroup(group.problem.id, tuple(rows))


@dataclass(frozen=True, slots=True)
class Learned:
    """What an update did: ``metrics`` under TRL's names, tokens ``trained`` on and ``scored`` without a gradient."""

    metrics: dict[str, float]
    trained: int = 0
    scored: int = 0


class Learner:
    """A policy's optimiser and loss, kept from update to update. ``reference``: needed if ``grpo.beta`` is not 0."""

    def __init__(
        self,
        model: PreTrainedModel,
        config: RlConfig,
        max_solution_tokens: int,
        what: str,
        reference: PreTrainedModel | None = None,
    ) -> None:
        self._model = model
        self._config = config
        self._reference = reference
        self._loss = GrpoLoss(config.grpo, max_solution_tokens)
        self.stepper = Stepper(model, config.optimiser, what)

    def learn(self, groups: Sequence[CreditedGroup], progress: float, seed: int) -> Learned:
        """One update. ``progress``: the share of the training that is over, in [0, 1], by which the rate is scheduled.

        Without a group that teaches anything nothing is changed.
        """
        taught = [group for group in groups if group.teaches or self._config.equal_groups is EqualGroups.KEEP]
        if not any(group.teaches for group in taught):
            return Learned({})
        batches = plan_batches([group.length for group in taught], self._config.optimiser, seed)
        size, scored = sum(map(group_tokens, taught)), 0
        if len(batches) > 1 and taught[0].rows[0].old is None:
            taught, scored = _rescored(self._model, taught, with_old), size
        if self._config.grpo.beta:
            assert self._reference is not None, "a KL penalty needs the reference policy"
            taught, scored = _rescored(self._reference, taught, with_reference), scored + size
        rate = rate_at(progress, self._config.optimiser)
        records, trained = [], 0
        for batch in batches:
            part = [taught[index] for index in batch]
            records.append(self.stepper.step(part, self._loss, rate))
            trained += sum(map(group_tokens, part))
        return Learned(_metrics(records) | self._loss.metrics(), trained, scored)


def group_tokens(group: CreditedGroup) -> int:
    """Tokens that training on the group computes: what its trajectories share, the prompt above all, once."""
    return packed_size([row.row.ids for row in group.rows])


def _rescored(model: PreTrainedModel, groups: Sequence[CreditedGroup], score: _Score) -> list[CreditedGroup]:
    rows = iter(spread([row for group in groups for row in group.rows], lambda some: score(model, some)))
    return [replace(group, rows=tuple(next(rows) for _ in group.rows)) for group in groups]


def _metrics(records: Sequence[StepRecord]) -> dict[str, float]:
    return {
        "loss": sum(record.loss for record in records) / len(records),
        "grad_norm": max(record.gradient_norm for record in records),
        "learning_rate": records[-1].learning_rate,
    }
