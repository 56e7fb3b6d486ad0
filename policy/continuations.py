"""Prefixes carried on to the end by the policy, and the ends judged: what Monte-Carlo values are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mcts.step import Continuation, ProposeRequest
from mcts.trajectory import Trajectory
from policy.engine import Engine, Sampling
from policy.proposer import PromptEncoder
from policy.rl import sampled_trajectory
from policy.step_format import TextSteps
from policy.writer import StepWriter, WriteRequest
from tasks.problem import Verifier


@dataclass(frozen=True, slots=True)
class Continuations:
    """Any engine and a verifier. ``sampling.max_tokens`` bounds what is sampled behind a prefix."""

    engine: Engine
    encode: PromptEncoder
    steps: TextSteps
    verifier: Verifier
    sampling: Sampling

    def complete(self, requests: Sequence[ProposeRequest]) -> list[list[Trajectory]]:
        """``count`` whole solutions of each request, in order: its prefix and a continuation, with a verdict.

        A continuation that a step without end, or with code that failed, has ended keeps that step.
        """
        asked = [
            WriteRequest(self.encode(r.problem.prompt), r.prefix, r.count, self.sampling, r.seed, r.max_steps)
            for r in requests
        ]
        answers = StepWriter(self.engine, self.steps).write(asked)
        return [
            [self._judged(request, request.prefix + one.with_flaw) for one in answer]
            for request, answer in zip(requests, answers, strict=True)
        ]

    def _judged(self, request: ProposeRequest, steps: Continuation) -> Trajectory:
        whole = sampled_trajectory(request.problem, steps)
        return replace(whole, verdict=self.verifier.verify(request.problem, whole.text))
