"""Searches at equal generated tokens, whatever guided them, beside greedy decoding, majority vote and pass@N."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evolve.curves import Curve, read_curves
from evolve.methods import Method
from evolve.statistics import problem_bootstrap, wilson

UNGUIDED = (Method.GREEDY, Method.MAJORITY, Method.PASS_AT_N)


def equal_tokens(
    unguided: Sequence[Mapping[str, Any]], guided: Mapping[str, Sequence[Mapping[str, Any]]], seed: int
) -> dict[str, Any]:
    """Accuracies at the number of tokens that every guided search reaches.

    ``guided``: records by the name of what guided, all of the same problems in the same order. ``lines``: greedy,
    majority vote and pass@N; ``searches``: by name. Each has ``accuracy`` with its Wilson interval, and all but the
    vote the ``difference`` to it with a paired interval over problems; None where a method does not reach so far.
    """
    searches = {name: read_curves([*map(dict, own)], [Method.MCTS])[0] for name, own in guided.items()}
    tokens = min(float(curve.tokens_B.max()) for curve in searches.values())
    lines = {str(curve.method): curve for curve in read_curves([*map(dict, unguided)], UNGUIDED)}
    vote_P = lines[Method.MAJORITY].at(tokens)
    return {
        "tokens": round(tokens, 3),
        "lines": {name: _row(curve, tokens, vote_P, seed) for name, curve in lines.items()},
        "searches": {name: _row(curve, tokens, vote_P, seed) for name, curve in searches.items()},
    }


def _row(curve: Curve, tokens: float, vote_P: np.ndarray | None, seed: int) -> dict[str, Any] | None:
    right_P = curve.at(tokens)
    if right_P is None:
        return None
    mean = float(right_P.mean())
    row: dict[str, Any] = {"accuracy": round(mean, 6), "interval": wilson(float(right_P.sum()), len(right_P))}
    if vote_P is not None and curve.method is not Method.MAJORITY:
        found = problem_bootstrap(right_P - vote_P, seed)
        row |= {"difference": found.mean, "difference_interval": found.interval}
    scored = np.interp(tokens, curve.tokens_B, curve.scored_BP.mean(axis=1))
    return row | {"scored_tokens": round(float(scored), 1)}
