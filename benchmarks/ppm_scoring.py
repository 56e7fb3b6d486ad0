"""Rows that share prefixes, packed (``lm.packing``), against one padded row per path: PPM scoring and training.

``python -m benchmarks.ppm_scoring`` (about two minutes). The lab's tiny model, one thread, float32. The arms take
turns, each repeat gives one ratio, and seconds are the process's own, for the machine may do other things. Every node
of a tree is a row. A case's *token ratio* is the tokens of all rows over the tokens packed: what sharing can save. One
row per path gets the batch size that suits it (2,048 tokens; with 16,384 it was a fifth to a half slower), packing
scoring's default. The largest difference is of a score, or of the whole gradient relative to its size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import process_time

import numpy as np
import torch
from transformers import PreTrainedModel, Qwen2ForSequenceClassification

from benchmarks.report import Row, measured, write_report
from lm.config import TokenizerKind
from lm.packing import pack, packed_batches
from lm.rows import in_order_batches
from lm.tiny import tiny_config
from lm.tokenizer import build_tokenizer
from lm.tree_attention import last_hidden_padded
from prm.model import BATCH_TOKENS, last_token_scores, scalar_head, score_rows

REPEATS = 7
SIZE = 128
VOCABULARY = 256
PATH_BATCH = 2048
TOLERANCE = 1e-5

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """Rows to score, or to train on; ``speed_up`` is a budget beside the share of the token ratio."""

    name: str
    rows: list[Ids]
    trains: bool = False
    speed_up: float | None = None


class Grower:
    """Random token ids in the shapes of search trees; steps vary by a third around ``step`` tokens."""

    def __init__(self, step: int, seed: int) -> None:
        self._step = step
        self._rng = np.random.default_rng(seed)

    def ids(self, count: int) -> Ids:
        return tuple(self._rng.integers(1, VOCABULARY, count).tolist())

    def child(self, row: Ids) -> Ids:
        return row + self.ids(int(self._rng.integers(self._step * 2 // 3, self._step * 4 // 3 + 1)))

    def tree(self, prompt: int, depth: int, keep: int) -> list[Ids]:
        """Every node of a tree of width 4 in which ``keep`` nodes of each depth have children."""
        level, rows = [self.ids(prompt)], []
        for _ in range(depth):
            children = [self.child(row) for row in level for _ in range(4)]
            rows += children
            level = [children[index] for index in self._rng.permutation(len(children))[:keep]]
        return rows

    def siblings(self, nodes: int, prompt: int, depth: int) -> list[Ids]:
        """2 to 4 children of one node, at a depth below ``depth``, of each of ``nodes`` problems."""
        rows = []
        for _ in range(nodes):
            prefix = self.ids(prompt)
            for _ in range(int(self._rng.integers(depth))):
                prefix = self.child(prefix)
            rows += [self.child(prefix) for _ in range(int(self._rng.integers(2, 5)))]
        return rows


def cases() -> list[Case]:
    """Trees as the lab grows them, with longer steps, and large; then the two small regimes of a run."""
    lab, long, large = Grower(6, 0), Grower(16, 1), Grower(30, 2)
    tree = lab.tree(26, 6, 8)
    return [
        Case("score a lab tree", tree, speed_up=4),
        Case("score a tree of longer steps", long.tree(60, 8, 10), speed_up=4),
        Case("score a large tree", large.tree(100, 10, 12), speed_up=4),
        Case("score a wave (children of 100 nodes)", lab.siblings(100, 26, 6)),
        Case("score a wave of longer steps", long.siblings(100, 60, 8)),
        Case("train on a lab tree", tree, trains=True),
        Case("train on a tree of longer steps", long.tree(60, 8, 10), trains=True),
        Case("train on 16 nodes (a PPM step)", lab.siblings(16, 26, 6), trains=True),
        Case("train on 16 nodes of longer steps", long.siblings(16, 60, 8), trains=True),
    ]


def lab_ppm() -> PreTrainedModel:
    """A PPM of the lab's size (128 wide, 2 layers), its scores far from 0."""
    config = tiny_config(SIZE, build_tokenizer(TokenizerKind.CHARACTERS, [], 0), 1024)
    config.num_labels = 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Qwen2ForSequenceClassification(config)
    assert isinstance(model, PreTrainedModel)
    model.eval()
    return model


def path_scores(model: PreTrainedModel, rows: Sequence[Ids]) -> torch.Tensor:
    """What ``last_token_scores`` gives, from one padded row per path."""
    scores: torch.Tensor = scalar_head(model)(last_hidden_padded(model, rows))[:, 0]
    return scores


def path_batches(rows: list[Ids]) -> list[list[int]]:
    """Batches of rows of like length."""
    return in_order_batches([len(row) for row in rows], PATH_BATCH)


@torch.no_grad()
def scores_by_path(model: PreTrainedModel, rows: list[Ids]) -> torch.Tensor:
    """Score every row by its own path."""
    scores = torch.empty(len(rows))
    for indices in path_batches(rows):
        scores[indices] = path_scores(model, [rows[index] for index in indices])
    return scores


def scores_packed(model: PreTrainedModel, rows: list[Ids]) -> torch.Tensor:
    """Score every row as the search does."""
    scores = score_rows(model, rows)
    return torch.tensor([scores[row] for row in rows])


def gradient(
    model: PreTrainedModel,
    rows: list[Ids],
    batches: list[list[int]],
    scores_of: Callable[[PreTrainedModel, Sequence[Ids]], torch.Tensor],
) -> torch.Tensor:
    """The gradient, flat, of a logistic loss that wants every other row high and the rest low."""
    model.zero_grad()
    for indices in batches:
        signs = torch.tensor([1.0 if index % 2 else -1.0 for index in indices])
        torch.nn.functional.softplus(signs * scores_of(model, [rows[index] for index in indices])).sum().backward()
    return torch.cat([one.grad.flatten() for one in model.parameters() if one.grad is not None])


def arms_of(case: Case, model: PreTrainedModel) -> tuple[Callable[[], torch.Tensor], Callable[[], torch.Tensor]]:
    """One row per path, and packed."""
    rows = case.rows
    if not case.trains:
        return lambda: scores_by_path(model, rows), lambda: scores_packed(model, rows)
    return (
        lambda: gradient(model, rows, path_batches(rows), path_scores),
        lambda: gradient(model, rows, packed_batches(rows, BATCH_TOKENS), last_token_scores),
    )


def seconds(arm: Callable[[], torch.Tensor]) -> float:
    """CPU seconds of one run."""
    started = process_time()
    arm()
    return process_time() - started


def rows_of(case: Case, model: PreTrainedModel) -> list[Row]:
    """Compare what the arms give, which also warms them up, then take turns."""
    by_path, packed = arms_of(case, model)
    expected = by_path()
    difference = float(
        (packed() - expected).norm() / expected.norm() if case.trains else (packed() - expected).abs().max()
    )
    if not difference <= TOLERANCE:
        raise SystemExit(f"{case.name}: the arms differ by {difference:.1e}: the comparison is void")
    times = [(seconds(by_path), seconds(packed)) for _ in range(REPEATS)]
    ratio = sum(map(len, case.rows)) / len(pack(case.rows).ids_N)
    speed_ups = [slow / fast for slow, fast in times]
    return [
        measured(f"{case.name}: speed-up", speed_ups, at_least=case.speed_up),
        measured(f"{case.name}: token ratio", [ratio]),
        measured(f"{case.name}: speed-up / token ratio", [one / ratio for one in speed_ups], at_least=0.7),
        measured(f"{case.name}: packed, ms", [1000 * fast for _, fast in times]),
        measured(f"{case.name}: largest difference", [difference], at_most=TOLERANCE),
    ]


def main() -> None:
    """Measure, write, print."""
    torch.set_num_threads(1)
    model = lab_ppm()
    write_report("ppm_scoring", [row for case in cases() for row in rows_of(case, model)])


if __name__ == "__main__":
    main()
