"""Step-level beam search: of all candidates of a depth the PPM's best are gone on with.

Snell et al. 2024, *Scaling LLM test-time compute optimally*, section 5.2; search-and-learn's ``beam_search`` with
``filter_duplicates`` and ``sort_completed``: n candidates are sampled for the first step and the best n / M kept; from
these n are sampled again, and so on. A candidate that ends a solution is set aside and takes no place from the others.
With n <= M one step is kept per depth: greedy search by the PPM.
"""

from __future__ import annotations

from mcts.waves import WaveConfig, WaveSearch, shares
from tasks.problem import Problem


class BeamSearch(WaveSearch):
    """Ends when no path is open. Equal candidates after the same step count once."""

    def __init__(self, problem: Problem, config: WaveConfig, seed: int) -> None:
        super().__init__(problem, config, seed)
        self._begin([(0, config.candidates)])

    def _go_on(self, families: list[range]) -> list[tuple[int, int]]:
        nodes = [node for family in families for node in family if self._is_open(node)]
        kept = sorted(nodes, key=lambda node: (-self._score_of(node), node))[: self.config.kept]
        counts = shares(self.config.candidates, len(kept)) if kept else []
        return [(node, count) for node, count in zip(kept, counts, strict=True) if count]
