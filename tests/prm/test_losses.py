"""Each loss against an independent NumPy version, in both precisions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from prm.losses.classes import class_of, outcome_of
from prm.losses.config import LossName, LossSettings
from prm.losses.cross_entropy import cross_entropy_losses
from prm.losses.mse import mse_losses
from prm.losses.pairwise import Pairwise, siblings
from prm.losses.q_ranking import q_ranking_loss
from prm.losses.ready import LOSSES, make_loss
from prm.losses.soft_bce import soft_bce_losses
from prm.model import CLASS_VALUES, new_scorer_from_policy, raw_scores, score_rows
from prm.step_rows import StepRow
from tasks.errors import UserError

PRECISIONS = [(torch.float64, 1e-12), (torch.float32, 1e-6)]
RNG = np.random.default_rng(5)


def row(*labels, problem="p", steps=None, reward=None) -> StepRow:
    ids = steps or [(5 + at, 9) for at in range(len(labels))]
    return StepRow(problem, (3, 4), tuple(map(tuple, ids)), tuple(labels), reward)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
def test_soft_bce(dtype, tolerance):
    scores, labels = RNG.normal(size=40).astype(np.float32), RNG.uniform(-1, 1, size=40).astype(np.float32)
    p, q = (1 + labels.astype(float)) / 2, 1 / (1 + np.exp(-2 * scores.astype(float)))
    expected = -(p * np.log(q) + (1 - p) * np.log(1 - q))
    found = soft_bce_losses(torch.tensor(scores, dtype=dtype), torch.tensor(labels, dtype=dtype))
    assert found.tolist() == pytest.approx(expected.tolist(), rel=tolerance, abs=tolerance)
    assert np.tanh(scores) == pytest.approx(2 * q - 1, abs=1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
def test_mse(dtype, tolerance):
    scores, labels = RNG.normal(size=40).astype(np.float32), RNG.uniform(-1, 1, size=40).astype(np.float32)
    up, down = np.exp(scores.astype(float)), np.exp(-scores.astype(float))
    expected = ((up - down) / (up + down) - labels) ** 2
    found = mse_losses(torch.tensor(scores, dtype=dtype), torch.tensor(labels, dtype=dtype))
    assert found.tolist() == pytest.approx(expected.tolist(), rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
def test_cross_entropy(classes, dtype, tolerance):
    logits, targets = RNG.normal(size=(30, classes)).astype(np.float32), RNG.integers(0, classes, size=30)
    shares = np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum(1, keepdims=True)
    expected = [-np.log(shares[n, target]) for n, target in enumerate(targets)]
    found = cross_entropy_losses(torch.tensor(logits, dtype=dtype), torch.tensor(targets))
    assert found.tolist() == pytest.approx(expected, rel=tolerance, abs=tolerance)


def numpy_q_ranking(q, right, zeta):
    """Term by term, as the paper's equation 10 has it; Q of the question is 0."""
    wrong = sum(np.exp(value + zeta) for value, good in zip(q, right, strict=True) if not good)
    chain, terms = [0.0], []
    if wrong:
        terms.append(-np.log(1 / (1 + wrong)))
    for value, good in zip(q, right, strict=True):
        if good:
            chain.append(value)
            terms.append(-np.log(np.exp(value) / (np.exp(chain).sum() + wrong)))
    return float(np.mean(terms))


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
def test_q_ranking(dtype, tolerance):
    for _ in range(40):
        size = int(RNG.integers(1, 7))
        q, right = RNG.normal(size=size).astype(np.float32), RNG.random(size) < 0.6
        expected = numpy_q_ranking(q.astype(float), right, 4.0)
        found = q_ranking_loss(torch.tensor(q, dtype=dtype), torch.tensor(right), 4.0)
        assert float(found) == pytest.approx(expected, rel=tolerance, abs=tolerance)


def test_q_ranking_by_hand_and_its_gradient():
    q = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    loss = q_ranking_loss(q, torch.tensor([True, False]), 4.0)
    wrong = np.exp(2.0)
    assert float(loss.detach()) == pytest.approx((np.log(1 + wrong) + np.log(1 + np.e + wrong) - 1) / 2, abs=1e-12)
    loss.backward()
    assert q.grad[0] < 0 < q.grad[1], "the right step is pushed up and the wrong one down"
    for right in ([True, True], [False, False]):  # one kind alone stays finite
        q.grad = None
        q_ranking_loss(q, torch.tensor(right), 4.0).backward()
        assert torch.isfinite(q.grad).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_the_value_of_classes_is_the_expected_label(classes):
    logits = torch.tensor(RNG.normal(size=(20, classes)) * 3, dtype=torch.float32)
    expected = (logits.double().softmax(1) * torch.tensor(CLASS_VALUES[classes])).sum(1)
    assert raw_scores(logits).tanh().tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    sure = torch.zeros(2, classes)
    sure[0, 0] = sure[1, -1] = 60.0  # tanh would round such values to -1 and 1, and lose their order
    far = 30.0 if classes == 2 else (60 + np.log(2 / 3)) / 2
    assert raw_scores(sure).tolist() == pytest.approx([-far, far], abs=1e-4)


def test_classes_are_never_cast():
    assert [class_of(label, 3, None, row(0.0)) for label in (-1.0, 0.0, 1.0)] == [0, 1, 2]
    assert [class_of(label, 2, 0.2, row(0.0)) for label in (-1.0, 0.2, 0.3)] == [0, 0, 1]
    with pytest.raises(UserError, match=r"problem p: a label is 0\.25, and the loss takes 1 and -1; set threshold=0"):
        class_of(0.25, 2, None, row(0.25))
    with pytest.raises(UserError, match="a label is 0, and"):
        class_of(0.0, 2, None, row(0.0))


def test_the_verdict_says_how_a_solution_ended_and_else_the_last_label():
    assert outcome_of(row(-1.0, 1.0), None) is True
    assert outcome_of(row(1.0, None, reward=0.0), None) is False
    with pytest.raises(UserError, match="nothing says how a solution ended"):
        outcome_of(row(1.0, None), None)


@pytest.mark.parametrize("name", [LossName.SOFT_BCE, LossName.MSE, LossName.CROSS_ENTROPY, LossName.Q_RANKING])
@torch.no_grad()
def test_the_sum_over_rows_reads_each_judged_step_at_its_own_last_token(name, policy_path):
    """From the scores of HF's own forward; a label off by one step would give another sum."""
    loss = make_loss(LossSettings(name))
    model, _ = new_scorer_from_policy(policy_path, 1, outputs=loss.outputs)
    model.score.weight.mul_(30)
    rows = [row(1.0, None, -1.0), row(-1.0, 1.0, problem="q", steps=[(7,), (8, 8, 8)])]
    outputs = [[model(torch.tensor([prefix])).logits[0] for prefix in one.judged_prefixes()] for one in rows]
    labels = [one.known for one in rows]
    flat = torch.stack([each for own in outputs for each in own])
    flat_labels = np.array([label for own in labels for label in own])
    match name:
        case LossName.SOFT_BCE:
            expected, count = np.logaddexp(0, -2 * flat[:, 0].numpy() * flat_labels).sum(), 4
        case LossName.MSE:
            expected, count = ((np.tanh(flat[:, 0].numpy()) - flat_labels) ** 2).sum(), 4
        case LossName.CROSS_ENTROPY:
            gap = (flat[:, 1] - flat[:, 0]).numpy()
            expected, count = np.logaddexp(0, -gap * flat_labels).sum(), 4
        case _:
            q = [[2 * float(each[0]) for each in own] for own in outputs]
            expected = sum(numpy_q_ranking(a, [x > 0 for x in b], 4.0) for a, b in zip(q, labels, strict=True))
            count = 2
    found = loss(model, loss.rows(rows, model))
    assert (float(found.total), found.count) == (pytest.approx(float(expected), abs=2e-5), count)


def test_siblings_share_their_prefix_and_equal_steps_are_one():
    rows = [
        row(1.0, -1.0, steps=[(5,), (6,)]),
        row(0.5, 1.0, steps=[(5,), (7,)]),
        row(-1.0, steps=[(8,)]),
        row(-1.0, steps=[(5,)], problem="other"),
    ]
    found = siblings(rows)
    assert found[("p", (3, 4))] == {(3, 4, 5): 0.75, (3, 4, 8): -1.0}
    assert found[("p", (3, 4, 5))] == {(3, 4, 5, 6): -1.0, (3, 4, 5, 7): 1.0}
    nodes = Pairwise(0.5, 2).rows(rows, None)
    assert [(node.problem_id, node.rows, node.pairs) for node in nodes] == [
        ("p", ((3, 4, 5), (3, 4, 8)), ((0, 1),)),
        ("p", ((3, 4, 5, 7), (3, 4, 5, 6)), ((0, 1),)),
    ]


def test_pairs_are_of_the_highest_against_the_lowest_and_far_enough_apart():
    labels = {10: 1.0, 11: 0.9, 12: 0.8, 13: 0.6, 14: -0.5}
    rows = [row(label, steps=[(token,)]) for token, label in labels.items()]
    (node,) = Pairwise(0.5, 2).rows(rows, None)
    assert [(node.rows[up][-1], node.rows[down][-1]) for up, down in node.pairs] == [(10, 14), (11, 14)]
    with pytest.raises(UserError, match="no two labelled steps follow the same prefix"):
        Pairwise(1.9, 2).rows(rows, None)


def test_every_loss_is_ready_and_bad_numbers_are_refused():
    assert set(LOSSES) == set(LossName)
    for change in ({"zeta": -1.0}, {"beta": 0.0}, {"threshold": 1.0}, {"min_margin": 0.0}, {"per_side": 0}):
        with pytest.raises(UserError, match=f"{next(iter(change))} must be"):
            LossSettings(LossName.MSE, **change)


def test_a_class_without_labels_and_a_head_of_another_size_are_refused(policy_path, tmp_path):
    with pytest.raises(UserError, match="no label of the data is neutral"):
        make_loss(LossSettings(LossName.CROSS_ENTROPY_3)).rows([row(1.0, -1.0)], None)
    model, tokenizer = new_scorer_from_policy(policy_path, 1, outputs=2)
    model.save_pretrained(tmp_path / "two")
    tokenizer.save_pretrained(tmp_path / "two")
    with pytest.raises(UserError, match="its head has 2 outputs, and 1 are to be trained"):
        new_scorer_from_policy(tmp_path / "two", 1)
    again, _ = new_scorer_from_policy(tmp_path / "two", 2, outputs=2)
    assert score_rows(again, [(5, 6)]) == score_rows(model, [(5, 6)])
