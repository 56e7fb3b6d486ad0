"""The ways to spend tokens on a problem that are compared at equal cost. Free of torch, as the main process is."""

from __future__ import annotations

from dataclasses import dataclass

from evolve.work import EvaluationWork
from mcts.votes import Aggregation
from tasks.errors import UserError
from tasks.options import Option


class Method(Option):
    """How a policy is made to answer. None sees the verifier or the answer, but for pass_at_n.

    A method's *budget* is the number behind its name below.
    """

    ALL = "all"  # every method that the round can be judged by
    GREEDY = "greedy"  # the most likely solution; no budget
    MAJORITY = "majority"  # the most common answer of N solutions
    WEIGHTED = "weighted"  # the same, each vote weighted by the PPM's score of its solution
    BEST_OF_N_LAST = "best_of_n_last"  # of N solutions the one whose last step the PPM scores highest
    BEST_OF_N_MIN = "best_of_n_min"  # ... whose weakest step it scores highest
    BEST_OF_N_PRODUCT = "best_of_n_product"  # ... whose product over steps is highest
    BEST_OF_N_MEAN = "best_of_n_mean"  # ... whose mean over steps is highest
    BEAM = "beam"  # step-level beam search, N candidates per depth
    DVTS = "dvts"  # diverse verifier tree search, N candidates per depth; its highest-scored solution
    DVTS_WEIGHTED = "dvts_weighted"  # the same trees, but a weighted vote over their solutions
    MCTS = "mcts"  # PPM-guided MCTS, N rollouts
    PASS_AT_N = "pass_at_n"  # is any of N solutions right? It takes the answer to know: the ceiling, not a method


BEST_OF_N = {
    Method.BEST_OF_N_LAST: Aggregation.LAST,
    Method.BEST_OF_N_MIN: Aggregation.MIN,
    Method.BEST_OF_N_PRODUCT: Aggregation.PRODUCT,
    Method.BEST_OF_N_MEAN: Aggregation.MEAN,
}
SAMPLED = frozenset({Method.MAJORITY, Method.WEIGHTED, Method.PASS_AT_N, *BEST_OF_N})
"""Methods that choose from whole solutions. All choose from the same ones, which are sampled once."""
SEARCHES = {
    Method.BEAM: (Method.BEAM,),
    Method.DVTS: (Method.DVTS, Method.DVTS_WEIGHTED),
    Method.MCTS: (Method.MCTS,),
}
"""Kinds of search, and the methods that its trees answer."""
WITHOUT_PPM = (Method.GREEDY, Method.MAJORITY, Method.PASS_AT_N)
LABELS = {
    Method.GREEDY: "greedy",
    Method.MAJORITY: "majority vote",
    Method.WEIGHTED: "weighted vote (PPM)",
    Method.BEST_OF_N_LAST: "best-of-N, last step",
    Method.BEST_OF_N_MIN: "best-of-N, weakest step",
    Method.BEST_OF_N_PRODUCT: "best-of-N, product",
    Method.BEST_OF_N_MEAN: "best-of-N, mean",
    Method.BEAM: "beam search",
    Method.DVTS: "DVTS",
    Method.DVTS_WEIGHTED: "DVTS, weighted vote",
    Method.MCTS: "MCTS (PPM)",
    Method.PASS_AT_N: "pass@N (ceiling)",
}


@dataclass(frozen=True)
class MethodWork(EvaluationWork):
    """For every group of a comparison. ``beam_width``: candidates per kept step of beam search and DVTS."""

    methods: tuple[Method, ...]
    budgets: tuple[int, ...]
    beam_width: int


def units(work: MethodWork) -> int:
    """How much there is to do per problem, in solutions' worth."""
    searches = sum(any(method in work.methods for method in named) for named in SEARCHES.values())
    sampled = max(work.budgets) if SAMPLED & set(work.methods) else 0
    return (Method.GREEDY in work.methods) + sampled + searches * sum(work.budgets)


def choose_methods(asked: list[Method], has_ppm: bool, place: str) -> tuple[Method, ...]:
    """The asked methods in the order of ``Method``, each once. UserError for one that needs a PPM where none is."""
    known = [method for method in Method if method is not Method.ALL and (has_ppm or method in WITHOUT_PPM)]
    if Method.ALL in asked:
        return tuple(known)
    for method in asked:
        if method not in known:
            raise UserError(
                f"methods: {method} needs a PPM, and {place} has none; use {', '.join(WITHOUT_PPM)}, or a later round"
            )
    return tuple(method for method in known if method in asked)


def check_budgets(budgets: list[int]) -> tuple[int, ...]:
    """The budgets in ascending order, each once. UserError for an empty list or one that is not 1 to 65,535."""
    if not budgets:
        raise UserError("budgets must not be empty; the default is budgets=[1,2,4,8,16]")
    for budget in budgets:
        if not 1 <= budget <= 65535:
            raise UserError(f"budgets must lie between 1 and 65535, got {budget}")
    return tuple(sorted(set(budgets)))
