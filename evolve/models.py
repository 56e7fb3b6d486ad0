"""Putting a policy and a process model together from their folders, inside the process that runs them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast

from evolve.kept_engine import kept_engine
from lm.folder import load_policy, load_tokenizer
from policy.config import EngineConfig, EngineName, PolicyConfig
from policy.engine import Engine
from policy.hf_engine import HfEngine
from policy.proposer import PolicyProposer, PromptEncoder
from policy.step_format import TextSteps
from policy.sync import judge_gap, logprob_gap
from prm.scorer import HfScorer
from tasks.errors import UserError


@dataclass
class Sampler:
    """A policy ready to be sampled.

    ``gap``: mean |difference| of the engine's and the trainer's log-probs on a probe batch, in nats.
    """

    engine: Engine
    tokenizer: PreTrainedTokenizerFast
    encode: PromptEncoder
    steps: TextSteps
    gap: float

    def proposer(self, config: PolicyConfig, temperature: float, top_p: float) -> PolicyProposer:
        """The policy as a search sees it."""
        return PolicyProposer(
            self.engine, self.encode, self.steps, temperature, top_p, max_tokens=config.max_solution_tokens
        )


def device_of(config: EngineConfig) -> str:
    """The device that ``auto`` stands for here; a missing GPU that was asked for is a UserError."""
    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if config.device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"engine.device={config.device}, but torch sees no GPU here; use engine.device=cpu or auto")
    return config.device


def load_sampler(policy: PolicyConfig, engine: EngineConfig, path: Path) -> Sampler:
    """The policy folder behind the configured engine. The model is kept for the next call of the same process.

    The engine starts with nothing kept and nothing counted. UserError if it does not compute the folder's policy.
    """
    torch.set_num_threads(1)
    device, version = device_of(engine), weights_version(path)
    made: Engine
    if engine.name is EngineName.HF:
        model, tokenizer, gap = _load(path, version, device, engine.dtype)
        made = HfEngine(model, tokenizer, engine.batch_rows, engine.cache_mb)
    else:
        tokenizer = load_tokenizer(path)
        made, gap = kept_engine(engine, device, path, version, tokenizer)
    encode = PromptEncoder(policy.prompt, tokenizer)
    return Sampler(made, tokenizer, encode, TextSteps(policy.steps, tokenizer), judge_gap(gap, str(path)))


def load_evaluator(engine: EngineConfig, path: Path, encode: PromptEncoder) -> HfScorer:
    """The process model of a folder, prompted as the policy is."""
    return HfScorer(path, encode, device_of(engine))


@lru_cache(maxsize=1)
def _load(path: Path, version: int, device: str, dtype: str) -> tuple:  # type: ignore[type-arg]
    model, tokenizer = load_policy(path, device, dtype), load_tokenizer(path)
    return model, tokenizer, logprob_gap(HfEngine(model, tokenizer), model, len(tokenizer))


def weights_version(path: Path) -> int:
    """Changes when the folder's weights are made anew, so that no stale model is ever sampled."""
    weights = path / "model.safetensors"
    return weights.stat().st_mtime_ns if weights.exists() else 0
