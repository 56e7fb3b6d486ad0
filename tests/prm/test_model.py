"""The PPM: its head, its last-token score, its folder."""

from __future__ import annotations

import pytest
import torch

from lm.folder import load_policy, load_tokenizer, save_model
from prm.model import last_token_scores, load_ppm, new_scorer_from_policy, score_rows
from tasks.errors import DataError

ROWS = [(5,), (7, 8, 9), (4, 4, 4, 4, 12, 6), (20, 21)]


def test_backbone_is_the_policys_and_head_is_the_seeds(policy_path):
    state = torch.random.get_rng_state()
    model, tokenizer = new_scorer_from_policy(policy_path, 3)
    again, _ = new_scorer_from_policy(policy_path, 3)
    other, _ = new_scorer_from_policy(policy_path, 4)
    assert torch.equal(state, torch.random.get_rng_state())  # nobody else's random numbers moved
    policy = load_policy(policy_path)
    for name, weight in policy.base_model.state_dict().items():
        assert torch.equal(weight, model.base_model.state_dict()[name]), name
    assert torch.equal(model.score.weight, again.score.weight)
    assert not torch.equal(model.score.weight, other.score.weight)
    assert 0.005 < float(model.score.weight.detach().std()) < 0.05
    assert model.config.pad_token_id == tokenizer.pad_token_id


@torch.no_grad()
def test_equals_hf_forward(policy_path):
    model, tokenizer = new_scorer_from_policy(policy_path, 3)
    together = last_token_scores(model, ROWS)
    for row, found in zip(ROWS, together, strict=True):
        assert float(found) == pytest.approx(float(model(torch.tensor([row])).logits[0, 0]), abs=1e-5)
    longest = max(map(len, ROWS))
    padded = torch.tensor([[*row, *[tokenizer.pad_token_id] * (longest - len(row))] for row in ROWS])
    mask = padded != tokenizer.pad_token_id
    assert torch.allclose(model(padded, attention_mask=mask).logits[:, 0], together, atol=1e-5)


def test_a_row_may_end_in_the_padding_id(policy_path):
    """Many tokenizers pad with the end-of-text id; HF's forward would then read the token before it."""
    model, tokenizer = new_scorer_from_policy(policy_path, 3)
    model.config.pad_token_id = tokenizer.eos_token_id
    row = (7, 8, tokenizer.eos_token_id)
    with torch.no_grad():
        hidden = model.base_model(torch.tensor([row])).last_hidden_state
        expected = float(model.score(hidden)[0, -1, 0])
        hf = float(model(torch.tensor([[*row, tokenizer.eos_token_id]])).logits[0, 0])
    assert score_rows(model, [row, (5, 5, 5, 5, 5)], 99)[row] == pytest.approx(expected, abs=1e-6)
    assert abs(hf - expected) > 1e-4  # the difference that this test guards against is there


def test_saved_and_loaded_scores_are_equal(policy_path, tmp_path):
    model, tokenizer = new_scorer_from_policy(policy_path, 3)
    save_model(model, tokenizer, tmp_path / "ppm")
    loaded = load_ppm(tmp_path / "ppm")
    assert loaded.config.pad_token_id == tokenizer.pad_token_id
    assert torch.equal(last_token_scores(model, ROWS), last_token_scores(loaded, ROWS))
    assert load_tokenizer(tmp_path / "ppm").get_vocab() == tokenizer.get_vocab()


def test_a_policy_folder_is_no_ppm(policy_path):
    with pytest.raises(DataError, match="this one is Qwen2ForCausalLM"):
        load_ppm(policy_path)


def test_an_empty_row_is_refused(policy_path):
    model, _ = new_scorer_from_policy(policy_path, 3)
    with pytest.raises(ValueError, match="at least one token"):
        last_token_scores(model, [(1,), ()])
