"""Do the engine and the trainer compute the same policy? Asked after every change of an engine's weights.

An engine that reads other numbers than the trainer makes training off-policy without anyone noticing; a wrong head, a
stale cache and a wrong position encoding all show as a gap between the log-probs of the two.
"""

from __future__ import annotations

import warnings
from statistics import fmean

import numpy as np
from transformers import PreTrainedModel

from lm.logprobs import score_rows
from lm.rows import TextRow
from policy.engine import Engine, GenerateRequest, Sampling
from tasks.errors import UserError

WARN_NATS, STOP_NATS = 0.05, 0.2
_PROMPTS, _PROMPT_TOKENS, _ANSWER_TOKENS = 8, 48, 16


def probe_requests(vocabulary: int, context: int) -> list[GenerateRequest]:
    """The probe batch: random token ids, the same for every policy with this ``vocabulary`` and ``context``.

    Half of the prompts begin alike, over more than one block of a prefix cache, and all come again at the next probe:
    so keys and values that outlived their weights are noticed.
    """
    rng = np.random.default_rng((vocabulary, context, 1))
    length = min(_PROMPT_TOKENS, max(1, context - _ANSWER_TOKENS))
    prompts = rng.integers(vocabulary, size=(_PROMPTS, length))
    prompts[1::2, : length * 3 // 4] = prompts[0, : length * 3 // 4]
    sampling = Sampling(max_tokens=min(_ANSWER_TOKENS, max(1, context - length)))
    return [GenerateRequest(tuple(ids), 2, sampling, seed) for seed, ids in enumerate(prompts.tolist())]


def logprob_gap(engine: Engine, model: PreTrainedModel, vocabulary: int) -> float:
    """Mean |engine - trainer| of the log-probs of the tokens that the engine samples on the probe batch, in nats.

    ``vocabulary``: token ids below it are used. Infinite when either has log-probs that are not finite.
    """
    requests = probe_requests(vocabulary, int(model.config.max_position_embeddings))
    answers = engine.generate(requests)
    rows: list[TextRow] = []
    sampled: list[float] = []
    for request, answer in zip(requests, answers, strict=True):
        for generation in answer:
            rows.append(TextRow("probe", request.prompt_ids, generation.token_ids))
            sampled.extend(generation.logprobs)
    trained = [value for row in score_rows(model, rows, 0) for value in row]
    gap = fmean(abs(one - other) for one, other in zip(sampled, trained, strict=True))
    return gap if np.isfinite(gap) else float("inf")


def judge_gap(gap: float, what: str, mend: str = "use engine=hf") -> float:
    """Warn at ``WARN_NATS``, UserError at ``STOP_NATS``; returns the gap. ``what`` names the weights."""
    if gap >= STOP_NATS:
        raise UserError(
            f"the engine does not compute the policy of {what}: its log-probs are {gap:.3g} nats off on average, and "
            f"{STOP_NATS} is the most; {mend}"
        )
    if gap >= WARN_NATS:
        warnings.warn(f"the engine's log-probs of {what} are {gap:.3g} nats off on average", stacklevel=2)
    return gap
