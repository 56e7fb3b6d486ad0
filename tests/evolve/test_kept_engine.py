"""Which engine a process keeps between jobs, with scripted engines in the real ones' places."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest

import evolve.kept_engine
from evolve.kept_engine import close_engine, kept_engine, make_room
from evolve.models import load_sampler, weights_version
from lm.config import TokenizerKind
from lm.folder import load_policy, load_tokenizer, save_model
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer
from policy.config import EngineConfig, EngineName, PolicyConfig
from policy.engine import EngineCounts, GenerateRequest, Sampling
from policy.hf_engine import HfEngine
from policy.sync import STOP_NATS, logprob_gap
from tasks.errors import UserError

VLLM = EngineConfig(name=EngineName.VLLM, device="cpu")


class ScriptedVllm(HfEngine):
    """transformers in vLLM's place; ``is_deaf``: new weights do not arrive, and nobody says so."""

    started: ClassVar[list[ScriptedVllm]] = []
    is_deaf = False

    def __init__(self, settings, ends):
        super().__init__(load_policy(settings.path), load_tokenizer(settings.path))
        self.is_closed = False
        self.loads = 0
        self.started.append(self)

    def load_weights(self, folder):
        self.loads += 1
        if not self.is_deaf:
            self._model.load_state_dict(load_policy(folder).state_dict())
        self.forget()

    def forget(self):
        super().forget()
        self.counts = EngineCounts()

    def close(self):
        self.is_closed = True


@pytest.fixture(autouse=True)
def started(monkeypatch):
    monkeypatch.setattr(evolve.kept_engine, "VllmEngine", ScriptedVllm)
    monkeypatch.setattr(ScriptedVllm, "started", [])
    yield ScriptedVllm.started
    close_engine()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two policies of one architecture and one of another."""
    root = tmp_path_factory.mktemp("policies")
    tokenizer = build_tokenizer(TokenizerKind.CHARACTERS, [], 0)
    for seed, name, size in ((1, "first", 32), (2, "second", 32), (3, "wide", 64)):
        save_model(new_tiny_model(tiny_config(size, tokenizer, 96), seed), tokenizer, root / name)
    return root / "first", root / "second", root / "wide"


def kept(config, path):
    return kept_engine(config, "cpu", path, weights_version(path), load_tokenizer(path))


def test_it_is_started_once_and_takes_new_weights_over(folders, started):
    first, second, _ = folders
    engine, gap = kept(VLLM, first)
    assert gap < 1e-5
    assert engine.counts.generated == 0  # the probe is not counted
    assert kept(replace(VLLM), first) == (engine, gap)
    again, gap = kept(VLLM, second)
    assert again is engine
    assert gap < 1e-5
    assert (len(started), engine.loads) == (1, 1)


def test_another_architecture_or_setting_starts_another_after_closing_the_first(folders, started):
    first, _, wide = folders
    kept(VLLM, first)
    kept(VLLM, wide)
    kept(replace(VLLM, batch_rows=7), wide)
    assert [engine.is_closed for engine in started] == [True, True, False]


def test_stale_weights_stop_the_run_every_time(folders, monkeypatch):
    first, second, _ = folders
    load_sampler(PolicyConfig(), VLLM, first)
    monkeypatch.setattr(ScriptedVllm, "is_deaf", True)
    for _ in range(2):
        with pytest.raises(UserError, match=r"second: its log-probs are .* nats off"):
            load_sampler(PolicyConfig(), VLLM, second)


def test_room_for_training_is_made_on_a_gpu_only(folders, started):
    kept(VLLM, folders[0])
    make_room("cpu")
    assert not started[0].is_closed
    make_room("cuda")
    assert started[0].is_closed


def test_the_hf_engine_samples_weights_that_were_made_anew(tmp_path):
    tokenizer = build_tokenizer(TokenizerKind.CHARACTERS, [], 0)
    request = GenerateRequest((40, 41, 42), 4, Sampling(max_tokens=12), 1)
    found = []
    for seed in (1, 2):
        model = new_tiny_model(tiny_config(32, tokenizer, 96), seed).eval()
        save_model(model, tokenizer, tmp_path / "policy")
        sampler = load_sampler(PolicyConfig(), EngineConfig(device="cpu"), tmp_path / "policy")
        assert sampler.gap < 1e-5
        assert logprob_gap(sampler.engine, model, len(tokenizer)) < 1e-5
        found.append(sampler.engine.generate([request]))
    assert found[0] != found[1]
    assert logprob_gap(sampler.engine, new_tiny_model(model.config, 1), len(tokenizer)) > STOP_NATS
