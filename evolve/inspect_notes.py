"""What a run knows of its trees beside the trees: pairs with reasons, labels and scores, the tokens' texts."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from evolve.oracle_labels import step_labels
from evolve.run_trees import part_of
from evolve.saved_config import load_task_and_pairs
from evolve.token_lengths import token_lengths_of
from evolve.tree_scores import TreeScores
from mcts.tree import SearchTree
from prm.pairs import PairConfig, explain_pairs
from tasks.config import TaskConfig
from tasks.problem import StepOracle
from tasks.registry import build_task
from viewer.annotations import Annotations, PairNote, TokenLengths, no_lengths


class RunNotes:
    """Tells what is known of a tree of the run in ``root``; nothing, where there is no config."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lengths: dict[int, TokenLengths] = {}
        self._scores = TreeScores(root)

    def of(self, tree: SearchTree, round_number: int) -> Annotations:
        """All that can be told of a tree that this round's search grew."""
        if self._config is None:
            return Annotations()
        return Annotations(
            pairs=pair_notes(tree, self._config[1]),
            step_labels=self.step_labels(tree),
            scores=self._scores.of(tree, round_number),
            token_lengths=self._token_lengths(round_number),
        )

    def step_labels(self, tree: SearchTree) -> dict[int, bool]:
        """Is the step right, by node; empty where the task has no oracle."""
        return step_labels(tree, self._oracle) if self._oracle else {}

    def kept_pairs(self, tree: SearchTree) -> int:
        """How many preference pairs the tree gave."""
        return sum(not candidate.reason for candidate in explain_pairs(tree, self._config[1])) if self._config else 0

    @cached_property
    def _config(self) -> tuple[TaskConfig, PairConfig] | None:
        return load_task_and_pairs(self._root) if (self._root / "config.yaml").is_file() else None

    @cached_property
    def _oracle(self) -> StepOracle | None:
        return build_task(self._config[0]).oracle if self._config else None

    def _token_lengths(self, round_number: int) -> TokenLengths:
        if round_number not in self._lengths:
            folder = self._root / f"round_{round_number - 1}" / "policy"  # the policy that grew the round's trees
            if part_of(self._root) == "seed":
                folder = self._root / f"seed_{round_number}" / "cold_start"
            self._lengths[round_number] = token_lengths_of(folder) or no_lengths
        return self._lengths[round_number]


def pair_notes(tree: SearchTree, rules: PairConfig) -> list[PairNote]:
    """Every candidate for a preference pair, kept or not."""
    return [
        PairNote(str(c.kind), c.prefix, c.chosen, c.rejected, c.margin, str(c.reason or ""), c.child)
        for c in explain_pairs(tree, rules)
    ]
