"""One number or vector per target token, with what rows share computed once.

Shape legend: N learned tokens of all rows, one row after the other; H width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from lm.packing import pack, packed_batches
from lm.rows import TextRow, pad
from lm.tree_attention import can_pack, packed_hidden

_BATCH_TOKENS = 4096  # read at once without gradients


def hidden_before(model: PreTrainedModel, rows: Sequence[TextRow]) -> torch.Tensor:
    """The last hidden state [N, H] at what stands before each learned token: all that is known when it is drawn.

    Gradients flow. A model that cannot be packed gets one padded row per trajectory. ValueError without a target
    token and for a target without a prompt.
    """
    if not rows or not all(row.prompt_ids and row.learned for row in rows):
        raise ValueError("what stands before a target token is asked of rows with a prompt and a target")
    ids = [row.ids for row in rows]
    if can_pack(model, max(map(len, ids))):
        packed = pack(ids, model.device)
        places_N = np.concatenate(
            [path[row.learned_places() - 1] for path, row in zip(packed.paths, rows, strict=True)]
        )
        return packed_hidden(model, packed)[torch.from_numpy(places_N).to(model.device)]
    batch = pad(ids, 0, model.device)  # any id would do: a causal model never looks at what follows a row
    hidden_BTH = model.base_model(input_ids=batch.ids_BT, use_cache=False).last_hidden_state
    return torch.cat(
        [hidden[torch.from_numpy(row.learned_places() - 1)] for hidden, row in zip(hidden_BTH, rows, strict=True)]
    )


@torch.no_grad()
def read_tokens(rows: Sequence[TextRow], read: Callable[[list[TextRow]], torch.Tensor]) -> list[list[float]]:
    """For each row, the values that ``read`` ([N], of a batch of rows) gives its learned tokens; without gradients."""
    result: list[list[float]] = [[] for _ in rows]
    for indices in packed_batches([row.ids for row in rows], _BATCH_TOKENS):
        part = [rows[index] for index in indices]
        values = read(part).split([row.learned for row in part])
        for index, one in zip(indices, values, strict=True):
            result[index] = one.tolist()
    return result
