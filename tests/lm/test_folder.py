"""Model folders: whole or not at all, and one sentence for whatever is wrong with one."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lm.folder import load_policy, load_scorer, load_tokenizer, save_model
from tasks.errors import DataError, UserError

IDS = torch.tensor([[5, 9, 200, 31]])


@pytest.fixture
def folder(new_model, tokenizer, tmp_path) -> Path:
    save_model(new_model(), tokenizer, tmp_path / "model")
    return tmp_path / "model"


def refusal(load, path: Path) -> str:
    with pytest.raises(UserError) as caught:
        load(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@torch.no_grad()
def test_a_saved_model_comes_back_equal(folder, new_model, tokenizer):
    model, loaded = new_model(), load_policy(folder)
    assert torch.equal(loaded(IDS).logits, model(IDS).logits)
    assert not loaded.training
    assert loaded.dtype == torch.float32
    assert load_policy(folder, dtype="bfloat16").dtype == torch.bfloat16
    assert load_tokenizer(folder).get_vocab() == tokenizer.get_vocab()


def test_only_safetensors_and_json_are_written(folder):
    names = sorted(path.name for path in folder.iterdir())
    assert "model.safetensors" in names
    assert all(name.endswith((".safetensors", ".json")) for name in names)


@torch.no_grad()
def test_a_policy_becomes_a_scorer_with_one_label(folder, new_model):
    scorer = load_scorer(folder)
    assert scorer(IDS).logits.shape == (1, 1)
    for name, weight in new_model().base_model.state_dict().items():
        assert torch.equal(weight, scorer.base_model.state_dict()[name])


def test_saving_again_replaces_the_folder(folder, new_model, tokenizer):
    (folder / "left.txt").write_text("from before")
    save_model(new_model(6), tokenizer, folder)
    assert not (folder / "left.txt").exists()
    assert torch.equal(load_policy(folder).model.norm.weight, new_model(6).model.norm.weight)


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("already_there", [True, False])
def test_a_save_that_fails_midway_leaves_nothing_half_written(
    new_model, tokenizer, tmp_path, monkeypatch, already_there
):
    target = tmp_path / "model"
    if already_there:
        save_model(new_model(1), tokenizer, target)
    before = {path.name: path.read_bytes() for path in target.glob("*")}
    monkeypatch.setattr(type(tokenizer), "save_pretrained", full_disk)  # the weights are written by then
    with pytest.raises(UserError, match=r"cannot write .*model: the disk is full"):
        save_model(new_model(2), tokenizer, target)
    assert {path.name: path.read_bytes() for path in target.glob("*")} == before
    assert list(tmp_path.iterdir()) == ([target] if already_there else [])


@pytest.mark.parametrize("load", [load_policy, load_scorer, load_tokenizer])
@pytest.mark.parametrize("there", [True, False])
def test_no_model_folder(load, there, tmp_path):
    if there:
        (tmp_path / "empty").mkdir()
    assert "config.json is missing" in refusal(load, tmp_path / "empty")


@pytest.mark.parametrize("kept", [0, 7, 5000])
def test_truncated_weights(folder, kept):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    assert "cannot be read" in refusal(load_policy, folder)


def test_missing_config(folder):
    (folder / "config.json").unlink()
    assert "config.json" in refusal(load_policy, folder)


def test_pickled_weights_are_not_opened(folder, new_model):
    (folder / "model.safetensors").unlink()
    torch.save(new_model().state_dict(), folder / "pytorch_model.bin")
    assert "model.safetensors" in refusal(load_policy, folder)


@pytest.mark.parametrize("load", [load_policy, load_scorer])
@pytest.mark.parametrize("text", ["{garbage", "[]", "null", "{}", "\xff", '{"model_type": "no such"}'])
def test_garbage_config(folder, load, text):
    (folder / "config.json").write_bytes(text.encode("latin-1"))
    assert isinstance(refusal(load, folder), str)


def test_config_of_the_wrong_type(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": "wide"}))
    assert "hidden_size" in refusal(load_policy, folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("text", ["{garbage", "[]", "null", "\xff"])
def test_garbage_tokenizer(folder, name, text):
    (folder / name).write_bytes(text.encode("latin-1"))
    assert "cannot be read" in refusal(load_tokenizer, folder)


def test_a_tokenizer_that_is_gone_is_not_made_up(folder):
    """transformers answers with an empty tokenizer, to which every text is no tokens at all."""
    (folder / "tokenizer.json").unlink()
    assert "no vocabulary" in refusal(load_tokenizer, folder)


def test_a_tokenizer_without_an_end(folder):
    for name in ("tokenizer_config.json", "config.json"):
        held = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(held | {"eos_token": None, "eos_token_id": None}))
    assert "no end-of-text token" in refusal(load_tokenizer, folder)


@pytest.mark.parametrize("load", [load_policy, load_scorer])
def test_weights_that_are_gone_are_not_drawn_at_random(folder, load):
    weights = load_file(folder / "model.safetensors")
    gone = next(name for name in weights if "up_proj" in name)
    del weights[gone]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataError, match="lacks 1 of its weights"):
        load(folder)
    assert gone.removeprefix("model.") in refusal(load, folder)


def test_weights_of_another_shape(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 64}))
    assert "cannot be read" in refusal(load_policy, folder)
