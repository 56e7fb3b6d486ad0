"""Accuracy against tokens: a curve per method, and all methods at the same number of generated tokens.

Between two of its budgets a method's accuracy is taken on the straight line over mean generated tokens. That line is no
guess: giving the lower budget to a share of the problems, drawn by lot, and the higher one to the rest costs and solves
just so much. Nothing is said beyond a method's smallest and largest budget (5 % count as equal), so a search that runs
out of new things to try, and stops spending, ends there; greedy, which has one budget, stays what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evolve.methods import LABELS, WITHOUT_PPM, Method
from evolve.statistics import paired_bootstrap, wilson

# Shapes: B budgets, P problems.
_EQUAL = 0.05


@dataclass(frozen=True, slots=True)
class Curve:
    """A method's results; ``generated`` and ``scored`` are tokens."""

    method: Method
    budgets: tuple[int, ...]
    right_BP: np.ndarray
    generated_BP: np.ndarray
    scored_BP: np.ndarray

    @property
    def tokens_B(self) -> np.ndarray:
        """Mean generated tokens per problem."""
        return np.asarray(self.generated_BP.mean(axis=1))

    def at(self, tokens: float) -> np.ndarray | None:
        """Each problem's chance to be right at that mean number of tokens, [P]; None outside the curve."""
        order = np.argsort(self.tokens_B, kind="stable")
        known, right_BP = self.tokens_B[order], self.right_BP[order]
        if tokens < known[0] * (1 - _EQUAL) or (tokens > known[-1] * (1 + _EQUAL) and len(known) > 1):
            return None
        tokens = float(np.clip(tokens, known[0], known[-1]))
        above = int(np.searchsorted(known, tokens))
        if known[above] == tokens:
            return np.asarray(right_BP[above])
        share = (tokens - known[above - 1]) / (known[above] - known[above - 1])
        return np.asarray((1 - share) * right_BP[above - 1] + share * right_BP[above])


def read_curves(records: Sequence[dict[str, Any]], methods: Sequence[Method]) -> list[Curve]:
    """The curves of ``evolve.baselines`` records."""
    curves = []
    for method in methods:
        budgets = tuple(int(budget) for budget in records[0]["found"][str(method)])
        rows = [[record["found"][str(method)][str(budget)] for record in records] for budget in budgets]
        table = np.array(rows, dtype=np.float64)  # [B, P, 3]
        curves.append(Curve(method, budgets, table[:, :, 0], table[:, :, 1], table[:, :, 2]))
    return curves


def ladder(curve: Curve) -> dict[str, Any]:
    """A method's accuracy and cost at each budget, with 95 % Wilson intervals over problems."""
    rows = []
    for index, budget in enumerate(curve.budgets):
        rows.append(
            {
                "budget": budget,
                **_accuracy(curve.right_BP[index]),
                "generated_tokens": round(float(curve.generated_BP[index].mean()), 3),
                "scored_tokens": round(float(curve.scored_BP[index].mean()), 3),
            }
        )
    return {
        "method": str(curve.method),
        "label": LABELS[curve.method],
        "uses_ppm": curve.method not in WITHOUT_PPM,
        "is_ceiling": curve.method is Method.PASS_AT_N,
        "budgets": rows,
    }


def at_equal_tokens(curves: Sequence[Curve], seed: int) -> dict[str, Any] | None:
    """All methods at the tokens that the first method with several budgets spends at each, and against that method.

    ``difference`` is in accuracy, its 95 % interval a paired bootstrap over problems. None without such a method.
    """
    ladders = [curve for curve in curves if len(curve.budgets) > 1 and curve.method is not Method.PASS_AT_N]
    if not ladders:
        return None
    reference = ladders[0]
    targets = []
    for tokens in sorted(reference.tokens_B.tolist()):
        base_P = reference.at(tokens)
        assert base_P is not None
        rows = {}
        for curve in curves:
            right_P = curve.at(tokens)
            if right_P is None:
                continue
            row = rows[str(curve.method)] = _accuracy(right_P)
            if curve is not reference:
                row["difference"] = round(float((right_P - base_P).mean()), 6)
                row["difference_interval"] = paired_bootstrap(right_P - base_P, seed)
        targets.append({"tokens": round(tokens, 3), "methods": rows})
    return {"reference": str(reference.method), "targets": targets}


def last_difference(equal: dict[str, Any], method: str) -> tuple[float, dict[str, Any]] | None:
    """Tokens and row of the last of the targets at which a method is compared with the reference, if there is one."""
    for target in reversed(equal["targets"]):
        row = target["methods"].get(method, {})
        if "difference" in row:
            return target["tokens"], row
    return None


def _accuracy(right_P: np.ndarray) -> dict[str, Any]:
    return {"accuracy": round(float(right_P.mean()), 6), "interval": wilson(float(right_P.sum()), len(right_P))}
