"""Putting a policy and a process model together from their folders, inside the process that runs them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast

from lm.folder import load_policy, load_tokenizer
from policy.config import EngineConfig, PolicyConfig
from policy.hf_engine import HfEngine
from policy.proposer import PolicyProposer, PromptEncoder
from policy.step_format import TextSteps
from prm.scorer import HfScorer
from tasks.errors import UserError


@dataclass
class Sampler:
    """A policy ready to be sampled."""

    engine: HfEngine
    tokenizer: PreTrainedTokenizerFast
    encode: PromptEncoder
    steps: TextSteps

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
    """The policy folder behind the configured engine. The model is kept for the next call of the same process."""
    torch.set_num_threads(1)
    model, tokenizer = _load(path, _version(path), device_of(engine), engine.dtype)
    encode = PromptEncoder(policy.prompt, tokenizer)
    return Sampler(HfEngine(model, tokenizer, engine.batch_rows), tokenizer, encode, TextSteps(policy.steps, tokenizer))


def load_evaluator(engine: EngineConfig, path: Path, encode: PromptEncoder) -> HfScorer:
    """The process model of a folder, prompted as the policy is."""
    return HfScorer(path, encode, device_of(engine))


@lru_cache(maxsize=1)
def _load(path: Path, version: int, device: str, dtype: str) -> tuple:  # type: ignore[type-arg]
    return load_policy(path, device, dtype), load_tokenizer(path)


def _version(path: Path) -> int:
    """Changes when the folder's weights are made anew, so that no stale model is ever sampled."""
    weights = path / "model.safetensors"
    return weights.stat().st_mtime_ns if weights.exists() else 0
