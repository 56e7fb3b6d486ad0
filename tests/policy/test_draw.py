"""Drawing: the numbers are SplitMix64's, the tokens follow the softmax."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from policy.draw import Manner, draw, uniforms
from policy.engine import Sampling

MASK = 2**64 - 1


def splitmix64(seed: int, count: int) -> list[int]:
    """The generator as Steele, Lea and Flood give it, on Python's own integers."""
    found, state = [], seed
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        found.append(z ^ (z >> 31))
    return found


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    scaled = np.exp((logits - logits.max()) / temperature)
    return scaled / scaled.sum()


def drawn(logits: np.ndarray, numbers: np.ndarray, temperature: float, top_p: float | None = None):
    rows = len(numbers)
    tokens_B, logprobs_B = draw(
        torch.tensor(logits, dtype=torch.float32).expand(rows, -1),
        torch.from_numpy(numbers),
        torch.full((rows,), temperature),
        None if top_p is None else torch.full((rows,), top_p),
    )
    return tokens_B.numpy(), logprobs_B.numpy()


def test_the_reference_gives_the_published_outputs():
    first = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]
    assert splitmix64(0, 4) == first
    assert [float(uniforms(np.array([0]), position)[0]) for position in range(4)] == [(z >> 11) / 2**53 for z in first]


@given(seeds=st.lists(st.integers(0, MASK), min_size=1, max_size=5), count=st.integers(1, 6))
def test_uniforms_are_splitmix64(seeds, count):
    expected = np.array([splitmix64(seed, count) for seed in seeds], dtype=np.uint64)
    for position in range(count):
        found = uniforms(np.array(seeds, dtype=np.uint64), position)
        assert found.tolist() == [int(z) / 2**53 for z in expected[:, position] >> np.uint64(11)]
        assert ((found >= 0) & (found < 1)).all()


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, None), (0.5, None), (2.0, None), (1.0, 0.8)])
def test_tokens_come_as_often_as_the_softmax_says(temperature, top_p):
    """Chi-square over 20,000 draws: 7 degrees of freedom pass 29.9 once in 10,000 seeds."""
    logits = np.array([0.3, -1.0, 2.0, 1.9, 0.0, -2.0, 1.0, 0.5])
    expected = softmax(logits, temperature)
    if top_p is not None:
        order = np.argsort(-expected)
        kept = order[: int(np.searchsorted(expected[order].cumsum(), top_p)) + 1]
        expected = np.where(np.isin(np.arange(8), kept), expected, 0.0)
        expected /= expected.sum()
    numbers = np.concatenate([uniforms(np.arange(4000), position) for position in range(5)])
    tokens, _ = drawn(logits, numbers, temperature, top_p)
    counts = np.bincount(tokens, minlength=8)
    possible = expected > 0
    assert counts[~possible].sum() == 0
    wanted = expected[possible] * len(numbers)
    assert ((counts[possible] - wanted) ** 2 / wanted).sum() < 29.9


@given(
    logits=st.lists(st.floats(-9, 9, width=32), min_size=2, max_size=9),
    number=st.floats(0, 1, exclude_max=True),
    temperature=st.floats(0.0625, 4, width=32),
)
def test_the_token_is_where_the_number_falls(logits, number, temperature):
    found, logprobs = drawn(np.array(logits), np.array([number]), temperature)
    probabilities = softmax(np.array(logits), temperature)
    below = probabilities[: found[0]].sum()
    assert below - 1e-5 <= number <= below + probabilities[found[0]] + 1e-5
    assert logprobs[0] == pytest.approx(np.log(softmax(np.array(logits))[found[0]]), abs=1e-4)  # at temperature 1


def test_temperature_0_is_the_most_likely_token_row_by_row():
    logits_BV = torch.tensor([[0.0, 3.0, 1.0], [2.0, 0.0, 1.9], [5.0, 0.0, 5.1]])
    numbers_B = torch.tensor([0.999, 0.999, 0.0], dtype=torch.float64)
    every, logprobs_B = draw(logits_BV, numbers_B, torch.zeros(3), None)
    assert every.tolist() == [1, 0, 2]
    assert torch.allclose(logprobs_B, logits_BV.log_softmax(-1).max(-1).values)
    mixed, _ = draw(logits_BV, numbers_B, torch.tensor([0.0, 1.0, 0.0]), None)
    assert mixed.tolist() == [1, 2, 2]  # only the second row is drawn


@given(
    logits=st.lists(st.floats(-6, 6, width=32), min_size=2, max_size=9, unique=True),
    number=st.floats(0, 1, exclude_max=True),
    top_p=st.integers(1, 100).map(lambda percent: percent / 100),
)
def test_only_the_nucleus_is_drawn(logits, number, top_p):
    (token,), _ = drawn(np.array(logits), np.array([number]), 1.0, top_p)
    probabilities = softmax(np.array(logits))
    ahead = probabilities > 1.001 * probabilities[token]  # float32 cannot tell nearer ones apart
    assert probabilities[ahead].sum() < top_p + 1e-5  # the mass above a token of the nucleus has not reached top_p


def test_top_p_1_keeps_every_token_and_differs_by_row():
    logits_BV = torch.tensor([[0.0, 1.0, 2.0]]).expand(2, -1)
    tokens_B, _ = draw(logits_BV, torch.tensor([0.01, 0.01]), torch.ones(2), torch.tensor([1.0, 0.5]))
    assert tokens_B.tolist() == [0, 2]


@pytest.mark.parametrize("top_p", [None, 0.9])
def test_the_largest_number_never_draws_an_impossible_token(top_p):
    """Rounded to float32 it is 1.0: the last token would be taken, whatever its probability."""
    logits = np.array([2.0, 1.0, 0.5, -np.inf])
    (token,), (logprob,) = drawn(logits, np.array([1 - 2.0**-53]), 1.0, top_p)
    assert token == 2
    assert np.isfinite(logprob)


def test_number_0_never_draws_an_impossible_token():
    (token,), _ = drawn(np.array([-np.inf, 1.0, 0.5]), np.array([0.0]), 1.0)
    assert token == 1


def test_no_temperature_is_temperature_1_to_the_last_bit():
    logits_BV = torch.randn(40, 17, generator=torch.Generator().manual_seed(5))
    numbers = torch.from_numpy(uniforms(np.arange(40), 3))
    for top_p_B in (None, torch.full((40,), 0.7)):
        plain = draw(logits_BV, numbers, None, top_p_B)
        for found, expected in zip(plain, draw(logits_BV, numbers, torch.ones(40), top_p_B), strict=True):
            assert torch.equal(found, expected)


def test_a_batchs_manner_leaves_out_what_no_row_asks_for():
    usual, cold, cut = Sampling(), Sampling(temperature=0.0), Sampling(top_p=0.5)
    manner = Manner.of([3, 2**64 - 1], [usual, usual], torch.device("cpu"))
    assert manner.temperature_B is None
    assert manner.top_p_B is None
    assert manner.seeds_B.tolist() == [3, 2**64 - 1]
    manner = Manner.of([1, 2, 3], [usual, cold, cut], torch.device("cpu"))
    assert manner.temperature_B.tolist() == [1.0, 0.0, 1.0]
    assert manner.top_p_B.tolist() == [1.0, 1.0, 0.5]
