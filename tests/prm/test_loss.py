"""The pairwise loss against an independent NumPy version and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prm.loss import pairwise_loss


def numpy_loss(chosen: np.ndarray, rejected: np.ndarray, nodes: list[int]) -> float:
    per_node: dict[int, list[float]] = {}
    for up, down, node in zip(chosen, rejected, nodes, strict=True):
        per_node.setdefault(node, []).append(float(np.logaddexp(0.0, -(up - down))))
    return float(np.mean([np.mean(values) for values in per_node.values()]))


CASES = st.lists(
    st.tuples(st.floats(-8, 8, width=32), st.floats(-8, 8, width=32), st.integers(0, 4)), min_size=1, max_size=12
)


@settings(max_examples=60)
@given(CASES)
def test_equals_numpy_in_both_precisions(case):
    chosen, rejected = (np.array([row[i] for row in case]) for i in (0, 1))
    nodes = [row[2] for row in case]
    expected = numpy_loss(chosen, rejected, nodes)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        found = pairwise_loss(
            torch.tensor(chosen, dtype=dtype), torch.tensor(rejected, dtype=dtype), torch.tensor(nodes)
        )
        assert float(found) == pytest.approx(expected, rel=tolerance, abs=tolerance)


def test_a_node_of_four_pairs_weighs_as_much_as_a_node_of_one():
    gaps = torch.tensor([1.0, 1.0, 1.0, 1.0, -3.0], dtype=torch.float64)
    found = pairwise_loss(gaps, torch.zeros_like(gaps), torch.tensor([7, 7, 7, 7, 2]))
    assert float(found) == pytest.approx((np.log1p(np.exp(-1.0)) + np.log1p(np.exp(3.0))) / 2, abs=1e-12)


def test_gradient_equals_finite_differences():
    rng = np.random.default_rng(3)
    chosen, rejected, nodes = rng.normal(size=6), rng.normal(size=6), [0, 0, 1, 2, 2, 2]
    tensors = [torch.tensor(values, requires_grad=True) for values in (chosen, rejected)]
    pairwise_loss(tensors[0], tensors[1], torch.tensor(nodes)).backward()
    for which, tensor in enumerate(tensors):
        for index in range(6):
            shift = np.zeros(6)
            shift[index] = 1e-5
            sides = [
                numpy_loss(
                    *((values + sign * shift * (part == which)) for part, values in enumerate((chosen, rejected))),
                    nodes,
                )
                for sign in (1, -1)
            ]
            assert float(tensor.grad[index]) == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-8)


def test_stays_finite_with_gradient_where_a_naive_sigmoid_underflows():
    chosen = torch.tensor([-300.0], requires_grad=True)
    loss = pairwise_loss(chosen, torch.tensor([300.0]), torch.tensor([0]))
    loss.backward()
    assert float(loss.detach()) == 600.0
    assert float(chosen.grad[0]) == -1.0


@pytest.mark.parametrize("shapes", [((0,), (0,), (0,)), ((2,), (1,), (2,)), ((2, 1), (2, 1), (2, 1))])
def test_refuses_shapes_that_would_broadcast(shapes):
    with pytest.raises(ValueError, match="three vectors of one positive length"):
        pairwise_loss(*(torch.zeros(shape) for shape in shapes))
