"""Training the PPM on preference pairs.

Shape legend: S distinct continuations of all nodes in a batch, P pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel

from lm.config import OptimiserConfig
from lm.folder import save_model
from lm.packing import packed_size
from lm.train import LossSum, StepRecord, train
from prm.loss import pairwise_loss
from prm.model import PromptIds, last_token_scores, new_scorer_from_policy
from prm.pairs import PreferencePair
from tasks.errors import UserError
from tasks.seeding import derive_seed


@dataclass(frozen=True, slots=True)
class NodePairs:
    """All pairs of one node as a training row: each distinct continuation once, and pairs of indices into them.

    ``rows`` hold token ids from the prompt to the end of the step that is judged; ``pairs`` are (chosen, rejected).
    """

    problem_id: str
    rows: tuple[tuple[int, ...], ...]
    pairs: tuple[tuple[int, int], ...]

    @property
    def length(self) -> int:
        """Tokens of the longest continuation."""
        return max(map(len, self.rows))

    @property
    def tokens(self) -> int:
        """Tokens that are computed for the node: what its continuations share once."""
        return packed_size(self.rows)


def pair_rows(pair: PreferencePair, prompt_ids: PromptIds) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What the PPM reads for the chosen and for the rejected side: prompt, prefix and step, ids as sampled."""
    before = (*prompt_ids(pair.prompt), *pair.prefix)
    return before + pair.chosen, before + pair.rejected


def group_by_node(pairs: Sequence[PreferencePair], prompt_ids: PromptIds) -> list[NodePairs]:
    """One training row per node, in the order in which the nodes first occur."""
    groups: dict[tuple[object, ...], list[PreferencePair]] = {}
    for pair in pairs:
        groups.setdefault(pair.group, []).append(pair)
    result = []
    for members in groups.values():
        index: dict[tuple[int, ...], int] = {}
        sides = [[index.setdefault(row, len(index)) for row in pair_rows(pair, prompt_ids)] for pair in members]
        result.append(NodePairs(members[0].problem_id, tuple(index), tuple((up, down) for up, down in sides)))
    return result


def node_loss(model: PreTrainedModel, nodes: list[NodePairs]) -> LossSum[NodePairs]:
    """The pairwise loss summed over nodes; the unit that the step averages over is the node.

    What siblings share, and nodes of one problem, is computed once (``lm.packing``).
    """
    rows = [row for node in nodes for row in node.rows]
    scores_S = last_token_scores(model, rows)
    chosen, rejected, owners, offset = [], [], [], 0
    for number, node in enumerate(nodes):
        chosen += [offset + up for up, _ in node.pairs]
        rejected += [offset + down for _, down in node.pairs]
        owners += [number] * len(node.pairs)
        offset += len(node.rows)
    mean = pairwise_loss(scores_S[chosen], scores_S[rejected], torch.tensor(owners, device=scores_S.device))
    return LossSum(mean * len(nodes), len(nodes))


def train_ppm(
    pairs: Sequence[PreferencePair],
    policy_path: Path | str,
    out_path: Path,
    config: OptimiserConfig,
    seed: int,
    prompt_ids: PromptIds,
    device: str = "cpu",
    on_step: Callable[[StepRecord, int], None] = lambda record, steps: None,
) -> list[StepRecord]:
    """Train a new PPM on the backbone of ``policy_path`` and write it, whole, to ``out_path``.

    ``config.batch_rows`` and ``micro_rows`` count nodes. UserError for no pairs, for token ids that the policy does
    not have, and for a loss that is not finite.
    """
    if not pairs:
        raise UserError(
            "PPM training: the trees gave no preference pairs; raise search.rollouts or search.width, "
            "or lower pairs.min_margin or pairs.min_edit_distance"
        )
    model, tokenizer = new_scorer_from_policy(policy_path, derive_seed(seed, "head"), device)
    nodes = group_by_node(pairs, prompt_ids)
    _require_known_ids(model, nodes, policy_path)
    records = train(model, nodes, node_loss, config, derive_seed(seed, "batches"), "PPM training", on_step)
    save_model(model, tokenizer, out_path)
    return records


def _require_known_ids(model: PreTrainedModel, nodes: list[NodePairs], policy_path: Path | str) -> None:
    embeddings = model.get_input_embeddings()
    assert isinstance(embeddings, torch.nn.Embedding)
    for node in nodes:
        largest = max(max(row) for row in node.rows)
        if largest >= embeddings.num_embeddings:
            raise UserError(
                f"{policy_path}: the policy has {embeddings.num_embeddings} token ids, but a pair of problem "
                f"{node.problem_id} holds id {largest}; train on pairs that were sampled with this policy's tokenizer"
            )
