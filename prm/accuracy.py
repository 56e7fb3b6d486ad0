"""Pair accuracy: how often a PPM prefers the chosen side (rStar-Math's measure of a PPM)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from transformers import PreTrainedModel

from prm.model import BATCH_TOKENS, PromptIds, score_rows
from prm.pairs import PairKind, PreferencePair
from prm.train import pair_rows

K = TypeVar("K", PairKind, int)


@dataclass(frozen=True, slots=True)
class PairAccuracy:
    """Shares in [0, 1] of the pairs with s_chosen > s_rejected; a tie counts as not preferred.

    ``by_kind`` and ``by_depth`` (depth of the chosen step, from 1) hold (share, number of pairs), sorted by key.
    """

    share: float
    pairs: int
    by_kind: dict[PairKind, tuple[float, int]]
    by_depth: dict[int, tuple[float, int]]


def pair_accuracy(
    model: PreTrainedModel, pairs: Sequence[PreferencePair], prompt_ids: PromptIds, batch_tokens: int = BATCH_TOKENS
) -> PairAccuracy:
    """Measure ``model`` on ``pairs``, best taken from problems it was not trained on. ValueError without pairs."""
    if not pairs:
        raise ValueError("pair accuracy of no pairs is undefined")
    sides = [pair_rows(pair, prompt_ids) for pair in pairs]
    scores = score_rows(model, [row for side in sides for row in side], batch_tokens)
    hits = [scores[chosen] > scores[rejected] for chosen, rejected in sides]
    return PairAccuracy(
        share=sum(hits) / len(hits),
        pairs=len(hits),
        by_kind=_shares(pairs, hits, lambda pair: pair.kind),
        by_depth=_shares(pairs, hits, lambda pair: pair.depth),
    )


def _shares(
    pairs: Sequence[PreferencePair], hits: list[bool], key: Callable[[PreferencePair], K]
) -> dict[K, tuple[float, int]]:
    by_key: dict[K, list[bool]] = {}
    for pair, hit in zip(pairs, hits, strict=True):
        by_key.setdefault(key(pair), []).append(hit)
    return {name: (sum(found) / len(found), len(found)) for name, found in sorted(by_key.items())}
