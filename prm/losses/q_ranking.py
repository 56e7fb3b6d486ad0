"""Ranking the Q values of a solution's steps: later right steps highest, wrong steps below all by a margin.

    l = -1/n sum over i of log( exp(Q_ci) / (sum over j <= i of exp(Q_cj) + sum over w of exp(Q_w + zeta)) )

c1, c2, ... are the right steps in their order, w the wrong ones, and Q_c0 = 0 stands for the question, so that right
steps end above 0 and wrong ones below. n is the number of terms; without a wrong step the term i = 0 is no term.
Q = 2 s with s the raw score, so that the value that is used, tanh(s), is 2 sigmoid(Q) - 1. The mean is over solutions.
Source: PQM (Li and Li, ICLR 2025, arXiv 2410.11287, eq. 10), zeta = 4; n as in its released code.

Shape legend: S judged steps of one solution.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from lm.train import LossSum
from prm.losses.classes import is_right
from prm.losses.soft_bce import scores_and_labels
from prm.step_rows import StepRow


class QRanking:
    """The ranking loss of whole solutions."""

    outputs = 1
    on_outcomes = False

    def __init__(self, zeta: float, threshold: float | None = None) -> None:
        self._zeta = zeta
        self._threshold = threshold

    def rows(self, solutions: Sequence[StepRow], start: PreTrainedModel) -> list[StepRow]:
        """The solutions themselves. UserError for a label that is neither right nor wrong."""
        for row in solutions:
            self._right(row)
        return list(solutions)

    def __call__(self, model: PreTrainedModel, rows: list[StepRow]) -> LossSum[StepRow]:
        scores_N, _ = scores_and_labels(model, rows)
        parts = scores_N.split([len(row.known) for row in rows])
        losses = [
            q_ranking_loss(2 * scores_S, torch.tensor(self._right(row), device=scores_S.device), self._zeta)
            for row, scores_S in zip(rows, parts, strict=True)
        ]
        return LossSum(torch.stack(losses).sum(), len(rows))

    def _right(self, row: StepRow) -> list[bool]:
        return [is_right(label, self._threshold, row) for label in row.known]


def q_ranking_loss(q_S: torch.Tensor, right_S: torch.Tensor, zeta: float) -> torch.Tensor:
    """The loss of one solution, a scalar. At least one step is needed."""
    right = torch.cat([q_S.new_zeros(1), q_S[right_S]])
    wrong = q_S[~right_S]
    if not len(wrong):
        return (right.logcumsumexp(0) - right)[1:].mean()
    return (torch.logaddexp(right.logcumsumexp(0), (wrong + zeta).logsumexp(0)) - right).mean()
