"""The value of every step of a solution, from whichever kind of process model; without gradients.

Values lie in [-1, 1]: tanh of the raw score where there is a head, 2 sigmoid(x) - 1 of the log-odds x where the model
is the log-ratio of two policies (``prm.losses.implicit``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, repeat

from transformers import PreTrainedModel

from prm.implicit import logprobs
from prm.losses.implicit import text_row
from prm.model import score_rows
from prm.step_rows import StepRow

Values = list[list[float]]


def head_values(model: PreTrainedModel, rows: Sequence[StepRow]) -> Values:
    """For each solution the value of each of its steps, read at the step's last token; prefixes are shared."""
    scores = score_rows(model, [prefix for row in rows for prefix in row.prefixes()])
    return [[math.tanh(scores[prefix]) for prefix in row.prefixes()] for row in rows]


def log_ratio_values(
    model: PreTrainedModel, reference: PreTrainedModel, rows: Sequence[StepRow], beta: float
) -> Values:
    """The same of an implicit process model."""
    texts = [text_row(row) for row in rows]
    found = []
    for row, new, old in zip(rows, logprobs(model, texts), logprobs(reference, texts), strict=True):
        odds = list(accumulate(beta * (one - other) for one, other in zip(new, old, strict=True)))
        written = (len(step) - count for step, count in zip(row.steps, row.observed or repeat(0), strict=False))
        ends = accumulate(written)
        found.append([math.tanh(odds[end - 1] / 2) for end in ends])
    return found
