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
from evolve.statistics import holm, problem_bootstrap, wilson

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

    ``difference`` is in accuracy, its 95 % interval a paired bootstrap over problems. At the most tokens of each method
    (pass@N apart, which is no method) ``p_holm`` is ``p`` raised for there being several. None without such a method.
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
                found = problem_bootstrap(right_P - base_P, seed)
                row["difference"], row["difference_interval"] = found.mean, found.interval
                row["p"] = round(found.p, 6)
        targets.append({"tokens": round(tokens, 3), "methods": rows})
    equal = {"reference": str(reference.method), "targets": targets}
    lasts = [last_difference(equal, str(curve.method)) for curve in curves if curve.method is not Method.PASS_AT_N]
    claimed = [last[1] for last in lasts if last is not None]
    for row, p in zip(claimed, holm([row["p"] for row in claimed]), strict=True):
        row["p_holm"] = round(p, 6)
    return equal


def declines(curves: Sequence[Curve], seed: int) -> list[dict[str, Any]]:
    """The methods that solve less at their largest budget than at a smaller one, of which the best is named.

    ``p`` is raised for the choice of that budget (Bonferroni), ``p_holm`` for the number of such methods too.
    """
    found: list[dict[str, Any]] = []
    for curve in curves:
        accuracy_B = curve.right_BP.mean(axis=1)
        best = int(accuracy_B.argmax())
        if accuracy_B[-1] == accuracy_B[best]:
            continue
        change = problem_bootstrap(curve.right_BP[-1] - curve.right_BP[best], seed)
        found.append(
            {
                "method": str(curve.method),
                "budgets": [curve.budgets[best], curve.budgets[-1]],
                "accuracies": [round(float(accuracy_B[best]), 6), round(float(accuracy_B[-1]), 6)],
                "difference": change.mean,
                "difference_interval": change.interval,
                "p": min(1.0, round(change.p * (len(curve.budgets) - 1), 6)),
            }
        )
    for row, p in zip(found, holm([row["p"] for row in found]), strict=True):
        row["p_holm"] = round(p, 6)
    return found


def last_difference(equal: dict[str, Any], method: str) -> tuple[float, dict[str, Any]] | None:
    """Tokens and row of the last of the targets at which a method is compared with the reference, if there is one."""
    for target in reversed(equal["targets"]):
        row = target["methods"].get(method, {})
        if "difference" in row:
            return target["tokens"], row
    return None


def _accuracy(right_P: np.ndarray) -> dict[str, Any]:
    return {"accuracy": round(float(right_P.mean()), 6), "interval": wilson(float(right_P.sum()), len(right_P))}
