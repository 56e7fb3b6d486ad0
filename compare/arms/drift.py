"""How far a policy has come from its cold start, and how odd its solutions look to that: beside the training.

    kl = mean of exp(r - p) - (r - p) - 1,   surprise = mean of -r        over the tokens of some of the groups

with p the log-prob that a token was sampled by and r the cold start's, in nats. The first is the k3 estimate of
KL(policy || cold start) (Schulman 2020, *Approximating KL divergence*), as the loss takes it where ``beta`` is set. The
second tells readable solutions from such as the cold start would never write: the log of its perplexity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from transformers import PreTrainedModel

from compare.arms.course import Course
from lm.folder import load_policy
from lm.logprobs import shared_logprobs
from lm.per_token import read_tokens
from policy.rl import Group, text_rows

_GROUPS = 12  # of an update are looked at: some hundred trajectories


class Drift:
    """Reads what the policy sampled with the cold start's eyes."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._start: PreTrainedModel | None = None

    def look(self, groups: Sequence[Group]) -> dict[str, float]:
        """``hack/kl`` and ``hack/surprise``; charged to nobody (phase ``audit``)."""
        start = self._start = self._start or load_policy(self._course.work.start, self._course.policy.device)
        some = groups[:_GROUPS]
        rows = [row for group in some for row in text_rows(group, self._course.policy.encode)]
        steps = [step for group in some for one in group.trajectories for step in one.steps]
        sampled_N = np.array([logprob for step in steps for logprob in step.logprobs])
        start_N = np.concatenate(read_tokens(rows, lambda part: shared_logprobs(start, part)[0]))
        self._course.ledger.add("audit", scored=sum(row.length for row in rows))
        return drift(sampled_N, start_N)


def drift(sampled_N: np.ndarray, start_N: np.ndarray) -> dict[str, float]:
    """The two figures from log-probs [N] of the same tokens."""
    ratio_N = start_N - sampled_N
    return {
        "hack/kl": float(np.mean(np.exp(ratio_N) - ratio_N - 1)),
        "hack/surprise": float(-np.mean(start_N)),
    }
