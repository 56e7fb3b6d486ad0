"""Training the PPM: rows, loss, and a toy preference that it must learn."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import lm.tree_attention
from lm.config import OptimiserConfig, Precision
from lm.folder import load_tokenizer
from prm.accuracy import pair_accuracy
from prm.model import load_ppm, new_scorer_from_policy
from prm.pairs import PairKind, PreferencePair
from prm.train import group_by_node, node_loss, train_ppm
from tasks.errors import UserError

CONFIG = OptimiserConfig(learning_rate=3e-3, epochs=6, batch_rows=16, micro_rows=16, precision=Precision.FP32)


def prompt_ids(prompt: str) -> tuple[int, ...]:
    return tuple(3 + int(letter) for letter in prompt)


def pair(number: int, chosen, rejected, **values) -> PreferencePair:
    made = PreferencePair(
        f"p{number}", 0, PairKind.SAME_PREFIX, str(number % 10), (20, 21), tuple(chosen), tuple(rejected), "c", "r",
        1.0, 1, 1, 2, 0,
    )  # fmt: skip
    return dataclasses.replace(made, **values)


def toy_pairs(count: int, seed: int) -> list[PreferencePair]:
    """The step that ends in the prompt's own digit is better than one that ends in another digit."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        right, noise = 3 + number % 10, rng.integers(15, 30, size=2).tolist()
        wrong = 3 + (number + int(rng.integers(1, 10))) % 10
        kind = PairKind.FINAL_STEP if number % 3 == 0 else PairKind.SAME_PREFIX
        made.append(pair(number, [*noise, right], [*noise, wrong], kind=kind, depth=1 + number % 2))
    return made


def test_rows_hold_each_continuation_once_with_the_ids_as_sampled():
    pairs = [pair(1, up, down) for up in ([5], [6, 6]) for down in ([7], [8])]
    (node,) = group_by_node(pairs, prompt_ids)
    assert node.rows == ((4, 20, 21, 5), (4, 20, 21, 7), (4, 20, 21, 8), (4, 20, 21, 6, 6))
    assert node.pairs == ((0, 1), (0, 2), (3, 1), (3, 2))
    assert (node.length, node.problem_id) == (5, "p1")


@pytest.mark.parametrize("other", [{"problem_id": "q"}, {"tree": 1}, {"kind": PairKind.FINAL_STEP}, {"node_group": 4}])
def test_pairs_of_other_nodes_kinds_trees_and_problems_are_other_rows(other):
    assert len(group_by_node([pair(1, [5], [7]), pair(1, [5], [7], **other)], prompt_ids)) == 2
    assert len(group_by_node([pair(1, [5], [7]), pair(1, [6], [7])], prompt_ids)) == 1


def test_node_loss_is_the_sum_over_nodes_of_the_mean_over_pairs(policy_path):
    model, _ = new_scorer_from_policy(policy_path, 1)
    with torch.no_grad():
        model.score.weight.mul_(30)
    pairs = [pair(1, up, down) for up in ([5], [6, 6]) for down in ([7], [8])] + [pair(2, [9], [10])]
    nodes = group_by_node(pairs, prompt_ids)
    with torch.no_grad():
        found = node_loss(model, nodes)
        expected = []
        for node in nodes:
            scores = [float(model(torch.tensor([row])).logits[0, 0]) for row in node.rows]
            expected.append(np.mean([np.logaddexp(0, scores[down] - scores[up]) for up, down in node.pairs]))
    assert float(found.total) == pytest.approx(sum(expected), abs=1e-5)
    assert found.count == 2
    assert abs(expected[0] - np.log(2)) > 0.01


def test_gradients_are_those_of_one_row_per_path(policy_path, monkeypatch):
    """Siblings share their prefix, nodes of one prompt its beginning: computing that once changes no gradient."""
    model, _ = new_scorer_from_policy(policy_path, 1)
    pairs = [pair(number % 5, [number, 6, 6], [number, 7], node_group=number) for number in range(8, 16)]
    nodes, gradients = group_by_node(pairs, prompt_ids), []
    for packs in (True, False):
        monkeypatch.setattr(lm.tree_attention, "can_pack", lambda model, longest, packs=packs: packs)
        model.zero_grad()
        node_loss(model, nodes).total.backward()
        gradients.append(torch.cat([one.grad.flatten() for one in model.parameters()]))
    assert float((gradients[0] - gradients[1]).norm()) < 1e-5 * float(gradients[1].norm())


def test_learns_a_toy_preference_and_keeps_it_on_disk(policy_path, tmp_path):
    held_out = toy_pairs(200, seed=2)
    records = train_ppm(toy_pairs(800, seed=1), policy_path, tmp_path / "ppm", CONFIG, 7, prompt_ids)
    model = load_ppm(tmp_path / "ppm")
    accuracy = pair_accuracy(model, held_out, prompt_ids)
    before = pair_accuracy(new_scorer_from_policy(policy_path, 7)[0], held_out, prompt_ids)
    assert before.share < 0.7
    assert accuracy.share >= 0.95
    assert records[0].loss == pytest.approx(np.log(2), abs=0.05)
    assert records[-1].loss < 0.2
    assert load_tokenizer(tmp_path / "ppm").pad_token_id == model.config.pad_token_id


def test_same_seed_same_bytes_other_seed_other_bytes(policy_path, tmp_path):
    config = dataclasses.replace(CONFIG, epochs=1)
    weights = []
    for index, seed in enumerate((7, 7, 8)):
        train_ppm(toy_pairs(32, 1), policy_path, tmp_path / str(index), config, seed, prompt_ids)
        weights.append((tmp_path / str(index) / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]


def test_the_seed_decides_the_head(policy_path, tmp_path):
    config = dataclasses.replace(CONFIG, epochs=1, learning_rate=0.0)
    heads = []
    for seed in (7, 8):
        train_ppm(toy_pairs(4, 1), policy_path, tmp_path / str(seed), config, seed, prompt_ids)
        heads.append(load_ppm(tmp_path / str(seed)).score.weight)
    assert not torch.equal(heads[0], heads[1])


def test_accuracy_counts_by_kind_and_depth_and_a_tie_is_a_miss(policy_path):
    model, _ = new_scorer_from_policy(policy_path, 1)
    rows = [pair(1, [5], [7]), pair(1, [7], [5], kind=PairKind.FINAL_STEP, depth=3)]
    found = pair_accuracy(model, rows, prompt_ids)  # one is a hit exactly if the other is not
    assert (found.share, found.pairs) == (0.5, 2)
    assert {share for share, _ in found.by_kind.values()} == {0.0, 1.0}
    assert list(found.by_kind) == [PairKind.FINAL_STEP, PairKind.SAME_PREFIX]
    assert list(found.by_depth) == [1, 3]
    assert found.by_depth[3] == found.by_kind[PairKind.FINAL_STEP]
    with torch.no_grad():
        model.score.weight.zero_()
    assert pair_accuracy(model, rows, prompt_ids).share == 0.0
    with pytest.raises(ValueError, match="no pairs"):
        pair_accuracy(model, [], prompt_ids)


def test_no_pairs_is_one_sentence_with_the_mend(policy_path, tmp_path):
    with pytest.raises(UserError, match=r"raise search\.rollouts .* lower pairs\.min_margin"):
        train_ppm([], policy_path, tmp_path / "ppm", CONFIG, 7, prompt_ids)
    assert not (tmp_path / "ppm").exists()


def test_ids_of_another_tokenizer_are_refused(policy_path, tmp_path):
    with pytest.raises(UserError, match="problem p1 holds id 4000"):
        train_ppm([pair(1, [4000], [7])], policy_path, tmp_path / "ppm", CONFIG, 7, prompt_ids)


def test_a_loss_that_is_not_finite_stops_and_writes_nothing(policy_path, tmp_path):
    config = dataclasses.replace(CONFIG, learning_rate=1e30, warmup=0.0, weight_decay=0.0)
    with pytest.raises(UserError, match=r"PPM training, step \d+: the loss is"):
        train_ppm(toy_pairs(64, 1), policy_path, tmp_path / "ppm", config, 7, prompt_ids)
    assert not (tmp_path / "ppm").exists()
