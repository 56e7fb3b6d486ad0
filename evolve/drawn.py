"""The first n of a problem's whole solutions, and what each method chooses from them."""

from __future__ import annotations

from dataclasses import dataclass

from evolve.methods import BEST_OF_N, Method
from mcts.tree import SearchTree
from mcts.votes import Aggregation, AnswerKey, node_score, vote
from mcts.whole import WholeSolutions
from tasks.answers import solution_key


@dataclass(frozen=True, slots=True)
class Drawn:
    """``ends``: the last nodes of those that ended, in the order of sampling; ``nodes``: all nodes on their ways."""

    tree: SearchTree
    ends: list[int]
    nodes: list[int]

    @classmethod
    def first(cls, search: WholeSolutions, count: int) -> Drawn:
        """The first ``count`` solutions of a search that is done."""
        tree = search.tree
        drawn = [end for end in search.ends[:count] if end is not None]
        nodes = sorted({node for end in drawn for node in tree.path(end)})
        return cls(tree, [end for end in drawn if tree.step(end).is_final], nodes)

    def choose(self, method: Method, weigh_by: Aggregation, key: AnswerKey = solution_key) -> list[str]:
        """The method's answer, of which there may be none; for pass@N all solutions. The first one wins a tie.

        ``key``: what votes count solutions by.
        """
        texts = [self.tree.trajectory(end).text for end in self.ends]
        if method is Method.PASS_AT_N or not texts:
            return texts
        if method is Method.MAJORITY:
            chosen = vote(texts, key=key)
        elif method is Method.WEIGHTED:
            chosen = vote(texts, self._scores(weigh_by), key)
        else:
            scores = self._scores(BEST_OF_N[method])
            chosen = texts[scores.index(max(scores))]
        return [] if chosen is None else [chosen]

    def _scores(self, aggregation: Aggregation) -> list[float]:
        return [node_score(self.tree, end, aggregation) for end in self.ends]
