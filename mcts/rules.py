"""Selection rules: which child of an expanded node a rollout goes to.

N is ``visits`` (pseudo-visits included), Q = value_sum / visits, N_parent is taken as at least 1. Ties go to the lowest
index. Children lie in the order in which they were sampled, so the lowest unvisited child is a fair draw from the
policy, and no rule needs randomness of its own.

Roots of small counts are looked up: they are the numbers that ``sqrt`` gives, so the table changes no tree. Beyond
that, slices, ``zip``, a comprehension or lists in place of the arrays were no faster with eight children.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log, sqrt

from mcts.config import Rule
from mcts.tree import SearchTree

RuleFunction = Callable[[SearchTree, int, float, float | None], int]

_TABLED = 4096  # only a few nodes, near the root, are visited more often
_ROOTS = [sqrt(n) for n in range(_TABLED)]
_LOG_ROOTS = [sqrt(log(n or 1)) for n in range(_TABLED)]


def uct(tree: SearchTree, parent: int, c: float, first_play: float | None) -> int:
    """Argmax of ``Q + c sqrt(ln N_parent / N)`` (UCB1 on trees; rStar-Math 3.2).

    An unvisited child comes first (``first_play=None``), or plays with Q = ``first_play`` and N = 1.
    """
    visits, value_sum, roots = tree.visits, tree.value_sum, _ROOTS
    first, total = tree.first_child[parent], visits[parent]
    explore = c * (_LOG_ROOTS[total] if total < _TABLED else sqrt(log(total)))
    best, best_child = -inf, first
    for child in range(first, first + tree.child_count[parent]):
        n = visits[child]
        if n:
            value = value_sum[child] / n + explore / (roots[n] if n < _TABLED else sqrt(n))
        elif first_play is None:
            return child
        else:
            value = first_play + explore
        if value > best:
            best, best_child = value, child
    return best_child


def puct(tree: SearchTree, parent: int, c: float, first_play: float | None) -> int:
    """Argmax of ``Q + c P sqrt(N_parent) / (1 + N)`` (AlphaZero). P is the share of the candidates that were this step.

    An unvisited child comes first (``first_play=None``), or plays with Q = ``first_play``.
    """
    visits, value_sum, prior = tree.visits, tree.value_sum, tree.prior
    first = tree.first_child[parent]
    explore = c * sqrt(visits[parent] or 1)
    best, best_child = -inf, first
    for child in range(first, first + tree.child_count[parent]):
        n = visits[child]
        if n:
            q = value_sum[child] / n
        elif first_play is None:
            return child
        else:
            q = first_play
        value = q + explore * prior[child] / (1 + n)
        if value > best:
            best, best_child = value, child
    return best_child


def rstar_released(tree: SearchTree, parent: int, c: float, first_play: float | None) -> int:
    """UCT as in rStar-Math's released code: an unvisited child scores 0, whatever ``first_play`` says.

    A failing child that was visited once (Q = -1) outranks its unvisited siblings from N_parent = 2 on, so good
    siblings may never be tried. Kept as an ablation.
    """
    visits, value_sum, roots = tree.visits, tree.value_sum, _ROOTS
    first, total = tree.first_child[parent], visits[parent]
    explore = c * (_LOG_ROOTS[total] if total < _TABLED else sqrt(log(total)))
    best, best_child = -inf, first
    for child in range(first, first + tree.child_count[parent]):
        n = visits[child]
        value = value_sum[child] / n + explore / (roots[n] if n < _TABLED else sqrt(n)) if n else 0.0
        if value > best:
            best, best_child = value, child
    return best_child


RULES: dict[Rule, RuleFunction] = {Rule.UCT: uct, Rule.PUCT: puct, Rule.RSTAR_RELEASED: rstar_released}
