"""The preference loss of the PPM.

Shape legend: P pairs.
"""

from __future__ import annotations

import torch
from torch.nn.functional import logsigmoid


def pairwise_loss(chosen_P: torch.Tensor, rejected_P: torch.Tensor, nodes_P: torch.Tensor) -> torch.Tensor:
    """``-log sigmoid(s_chosen - s_rejected)``, averaged over the pairs of a node, then over the nodes; a scalar.

    ``chosen_P`` and ``rejected_P`` are raw scores (before tanh); ``nodes_P`` holds an integer per pair, equal for
    the pairs of one node, so a pair weighs 1 / (pairs of its node) and a node with four pairs no more than a node
    with one. Source: rStar-Math (arXiv 2501.04519, section 3.3), in the form of InstructGPT (arXiv 2203.02155,
    eq. 1). At least one pair is needed.
    """
    if not chosen_P.shape == rejected_P.shape == nodes_P.shape or chosen_P.dim() != 1 or not len(chosen_P):
        shapes = f"{tuple(chosen_P.shape)}, {tuple(rejected_P.shape)}, {tuple(nodes_P.shape)}"
        raise ValueError(f"pairwise_loss needs three vectors of one positive length, got shapes {shapes}")
    _, index_P, sizes_N = nodes_P.unique(return_inverse=True, return_counts=True)
    weights_P = 1.0 / sizes_N.to(chosen_P.dtype)[index_P]
    losses_P: torch.Tensor = -logsigmoid(chosen_P - rejected_P)
    mean: torch.Tensor = (weights_P * losses_P).sum() / len(sizes_N)
    return mean
