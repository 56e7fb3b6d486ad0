"""The optimiser loop against closed forms and AdamW written out in NumPy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lm.config import OptimiserConfig, Precision
from lm.logprobs import target_batch, target_logprobs
from lm.rows import TextRow
from lm.train import LossSum, learning_rate, plan_batches, train
from tasks.errors import UserError

CONFIG = OptimiserConfig(learning_rate=1e-2, epochs=1.0, batch_rows=4, micro_rows=4, precision=Precision.FP32)
ROWS = [TextRow(f"p{n}", (n + 3, n + 50), tuple(range(n, 2 * n + 1))) for n in range(1, 11)]


def cross_entropy(model, rows):
    logprobs = target_logprobs(model, *target_batch(rows, 0, "cpu"))
    return LossSum(-logprobs.sum(), float(logprobs.numel()))


def cross_entropy_in_float64(model, rows):
    total, count = torch.zeros((), dtype=torch.float64), 0
    for row in rows:
        logits = model(torch.tensor([row.prompt_ids + row.target_ids])).logits[0]
        start = len(row.prompt_ids)
        total = total - sum(logits[start + i - 1].log_softmax(-1)[token] for i, token in enumerate(row.target_ids))
        count += len(row.target_ids)
    return LossSum(total, float(count))


def weights(model) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def weight_bytes(model) -> bytes:
    return b"".join(value.numpy().tobytes() for value in weights(model).values())


def test_learning_rate_by_hand():
    config = OptimiserConfig(learning_rate=2.0, warmup=0.2, final_lr=0.1)
    found = [learning_rate(step, 10, config) for step in range(10)]
    cosine = [2.0 * (0.1 + 0.9 * (1 + math.cos(math.pi * i / 8)) / 2) for i in range(8)]
    assert found == pytest.approx([1.0, 2.0, *cosine], rel=1e-12)
    assert found[6] == pytest.approx(1.1)  # halfway: the mean of 2 and 0.2
    assert learning_rate(0, 1, config) == 2.0


@given(steps=st.integers(1, 300), warmup=st.floats(0, 0.9), final_lr=st.floats(0, 1), rate=st.floats(1e-6, 1))
def test_learning_rate_rises_then_falls(steps, warmup, final_lr, rate):
    config = OptimiserConfig(learning_rate=rate, warmup=warmup, final_lr=final_lr)
    found = np.array([learning_rate(step, steps, config) for step in range(steps)])
    peak = max(1, round(warmup * steps)) - 1
    assert found[peak] == pytest.approx(rate)
    assert (np.diff(found[: peak + 1]) > 0).all()
    assert (np.diff(found[peak + 1 :]) <= 1e-12).all()
    assert found[peak:].min() >= final_lr * rate * (1 - 1e-9)


@pytest.mark.parametrize(("epochs", "steps"), [(1.0, 3), (2.0, 6), (0.34, 1), (0.67, 2), (1.67, 5), (0.01, 1)])
def test_epochs_may_be_fractions(epochs, steps):
    batches = plan_batches([1] * 10, replace(CONFIG, epochs=epochs), 1)
    assert len(batches) == steps
    for start in range(0, steps - steps % 3, 3):  # every whole epoch holds every row once
        assert sorted(chain(*batches[start : start + 3])) == list(range(10))


def test_epochs_are_shuffled_anew():
    batches = plan_batches([1] * 40, replace(CONFIG, epochs=2.0), 1)
    assert batches[:10] != batches[10:]
    assert batches != plan_batches([1] * 40, replace(CONFIG, epochs=2.0), 2)


@dataclass(frozen=True)
class Pull:
    """A row that pulls the chosen weights down with a given force."""

    problem_id: str
    force: float
    length: int = 1


def pull(parameters):
    def loss(model, rows):
        return LossSum(sum(row.force for row in rows) * sum(p.sum() for p in parameters), float(len(rows)))

    return loss


def test_steps_equal_adamw_in_numpy(new_model):
    """Forces of 30 and 0.02 per weight: one step is clipped, one not; the matrix decays, the norm's vector does not."""
    model = new_model().double()
    model.requires_grad_(False)
    matrix, vector = model.model.layers[0].self_attn.q_proj.weight, model.model.norm.weight
    for parameter in (matrix, vector):
        parameter.requires_grad_(True)
    config = replace(CONFIG, batch_rows=1, weight_decay=0.1, clip=1.0, epochs=2.0, warmup=0.5)
    rows = [Pull("strong", 30.0), Pull("weak", 0.02)]
    found = {"matrix": matrix.detach().numpy().copy(), "vector": vector.detach().numpy().copy()}
    decay = {"matrix": 0.1, "vector": 0.0}
    size = sum(value.size for value in found.values())
    mean, square, norms = 0.0, 0.0, []
    plan = plan_batches([1, 1], config, 4)
    for step, (row,) in enumerate(plan):
        norms.append(rows[row].force * math.sqrt(size))
        gradient = rows[row].force * min(1.0, 1.0 / (norms[-1] + 1e-6))
        mean, square = 0.9 * mean + 0.1 * gradient, 0.95 * square + 0.05 * gradient**2
        rate = learning_rate(step, 4, config)
        moved = rate * (mean / (1 - 0.9 ** (step + 1))) / (math.sqrt(square / (1 - 0.95 ** (step + 1))) + 1e-8)
        found = {name: value * (1 - rate * decay[name]) - moved for name, value in found.items()}
    records = train(model, rows, pull([matrix, vector]), config, 4, "test")
    assert np.allclose(matrix.detach().numpy(), found["matrix"], rtol=0, atol=1e-9)
    assert np.allclose(vector.detach().numpy(), found["vector"], rtol=0, atol=1e-9)
    assert [record.gradient_norm for record in records] == pytest.approx(norms)  # before clipping
    assert max(norms) > 1 > min(norms)


def test_only_matrices_decay(new_model):
    """With no gradient at all, AdamW leaves nothing but the decay."""
    model, before = new_model(), weights(new_model())
    config = replace(CONFIG, weight_decay=0.5)
    train(model, ROWS, lambda model, rows: pull(list(model.parameters()))(model, [Pull("p", 0.0)]), config, 1, "test")
    share = math.prod(1 - learning_rate(step, 3, config) * 0.5 for step in range(3))
    vectors = 0
    for name, value in weights(model).items():
        vectors += value.dim() < 2
        assert torch.allclose(value, before[name] * (share if value.dim() >= 2 else 1.0), atol=1e-7), name
    assert vectors >= 2 * 2 + 1 + 3  # norms and biases


@pytest.mark.parametrize("micro_rows", [1, 3])
def test_accumulated_gradients_equal_one_big_batch(new_model, micro_rows):
    """Rows differ in length, so a mean of the parts' means would not do."""
    big, small = new_model().double(), new_model().double()
    config = replace(CONFIG, batch_rows=5, micro_rows=5)
    whole = train(big, ROWS, cross_entropy_in_float64, config, 3, "test")
    parts = train(small, ROWS, cross_entropy_in_float64, replace(config, micro_rows=micro_rows), 3, "test")
    for name, value in weights(big).items():
        assert torch.allclose(value, weights(small)[name], rtol=0, atol=1e-6), name
    for one, other in zip(whole, parts, strict=True):
        assert one.loss == pytest.approx(other.loss, abs=1e-9)
        assert one.gradient_norm == pytest.approx(other.gradient_norm, abs=1e-6)
        assert one.count == other.count


def test_records_tell_the_mean_loss_per_unit(new_model):
    model, heard = new_model(), []
    untouched = new_model()
    records = train(model, ROWS, cross_entropy, CONFIG, 3, "test", lambda record, steps: heard.append((record, steps)))
    first = [ROWS[index] for index in plan_batches([row.length for row in ROWS], CONFIG, 3)[0]]
    expected = cross_entropy(untouched, first)
    (expected.total / expected.count).backward()
    slopes = torch.cat([parameter.grad.flatten() for parameter in untouched.parameters()])
    assert records[0].count == expected.count == sum(len(row.target_ids) for row in first)
    assert records[0].loss == pytest.approx(float(expected.total.detach()) / expected.count, rel=1e-5)
    assert records[0].gradient_norm == pytest.approx(float(slopes.norm()), rel=1e-5)
    assert [record.step for record in records] == [1, 2, 3]
    assert [record.learning_rate for record in records] == [learning_rate(step, 3, CONFIG) for step in range(3)]
    assert heard == [(record, 3) for record in records]


def test_same_seed_same_bytes(new_model):
    def trained(seed: int) -> bytes:
        model = new_model()
        train(model, ROWS, cross_entropy, replace(CONFIG, epochs=2.0), seed, "test")
        return weight_bytes(model)

    first = trained(3)
    torch.rand(3)  # a global draw in between
    assert trained(3) == first
    assert trained(4) != first


def test_training_learns_and_leaves_evaluation_mode(new_model):
    model = new_model()
    records = train(model, ROWS, cross_entropy, replace(CONFIG, epochs=8.0, batch_rows=10), 3, "test")
    assert records[-1].loss < 0.5 * records[0].loss
    assert not model.training


def test_bfloat16_is_near_and_keeps_float32_weights(new_model):
    model = new_model()
    exact = train(new_model(), ROWS, cross_entropy, CONFIG, 3, "test")
    found = train(model, ROWS, cross_entropy, replace(CONFIG, precision=Precision.BF16), 3, "test")
    assert found[0].loss == pytest.approx(exact[0].loss, rel=0.02)
    assert found[0].loss != exact[0].loss
    assert {value.dtype for value in weights(model).values()} == {torch.float32}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_names_problem_and_step(new_model, value):
    model = new_model()
    config = replace(CONFIG, batch_rows=1, micro_rows=1)
    batches = plan_batches([row.length for row in ROWS], config, 3)
    step = next(number for number, batch in enumerate(batches, 1) if ROWS[batch[0]].problem_id == "p7")

    def loss(model, rows):
        found = cross_entropy(model, rows)
        return LossSum(found.total * (value if rows[0].problem_id == "p7" else 1.0), found.count)

    with pytest.raises(UserError, match=rf"cold start, step {step}: the loss is {value} \(problems p7 "):
        train(model, ROWS, loss, config, 3, "cold start")


def test_a_gradient_that_is_no_number_stops_before_the_weights_move(new_model):
    model, before = new_model(), weight_bytes(new_model())

    def loss(model, rows):
        weight = model.model.norm.weight
        return LossSum((weight - weight.detach()).sum().sqrt(), 1.0)  # 0, with an infinite slope

    with pytest.raises(UserError, match=r"test, step 1: the gradient norm is inf \(problems p"):
        train(model, ROWS, loss, replace(CONFIG, epochs=0.01), 3, "test")
    assert weight_bytes(model) == before


def test_nothing_to_train_on(new_model):
    with pytest.raises(UserError, match="cold start: there is nothing to train on"):
        train(new_model(), [], cross_entropy, CONFIG, 3, "cold start")
