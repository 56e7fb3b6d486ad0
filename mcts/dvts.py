"""Diverse verifier tree search: many independent searches that each go on with the PPM's best step.

Beeching et al. 2024, *Scaling test-time compute with open models* (search-and-learn's ``dvts``): n / M subtrees grow
from the root. Each samples M candidates, goes on with the one that the PPM scores highest, and ends when that one ends
a solution. Beam search may put all its candidates below one mistake of the PPM; here a mistake costs one subtree.
"""

from __future__ import annotations

from mcts.waves import WaveConfig, WaveSearch, shares
from tasks.problem import Problem


class DiverseTreeSearch(WaveSearch):
    """Subtrees share nothing but the root: steps that two of them sample are two nodes."""

    def __init__(self, problem: Problem, config: WaveConfig, seed: int) -> None:
        super().__init__(problem, config, seed)
        self._counts = shares(config.candidates, config.kept)  # by subtree that is still under way
        self._begin([(0, count) for count in self._counts])

    def _go_on(self, families: list[range]) -> list[tuple[int, int]]:
        wave = []
        for family, count in zip(families, self._counts, strict=True):
            nodes = [node for node in family if node not in self.tree.dead_ends]
            if not nodes:
                continue
            best = max(nodes, key=lambda node: (self._score_of(node), -node))
            if self._is_open(best):
                wave.append((best, count))
        self._counts = [count for _, count in wave]
        return wave
