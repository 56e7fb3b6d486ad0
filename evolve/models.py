"""Putting a policy and a process model together from their folders, inside the process that runs them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast

from evolve.config import ScorerName
from evolve.kept_engine import kept_engine
from evolve.kept_scorer import kept_scorer
from lm.folder import load_policy, load_tokenizer
from policy.code_steps import make_steps
from policy.config import EngineConfig, EngineName, PolicyConfig
from policy.engine import StreamingEngine
from policy.hf_engine import HfEngine
from policy.proposer import PolicyProposer, PromptEncoder
from policy.step_format import TextSteps
from policy.sync import judge_gap, logprob_gap
from prm.scorer import HfScorer, Scorer
from prm.vllm_scorer import VllmScorer
from tasks.errors import UserError


@dataclass
class Sampler:
    """A policy ready to be sampled.

    ``gap``: mean |difference| of the engine's and the trainer's log-probs on a probe batch, in nats.
    """

    engine: StreamingEngine
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
    made: StreamingEngine
    if engine.name is EngineName.HF:
        model, tokenizer, gap = _load(path, version, device, engine.dtype)
        made = HfEngine(model, tokenizer, engine.batch_rows, engine.cache_mb)
    else:
        tokenizer = load_tokenizer(path)
        made, gap = _kept(engine, device, path, version, tokenizer)
    encode = PromptEncoder(policy.prompt, tokenizer)
    return Sampler(
        made, tokenizer, encode, make_steps(policy.steps, tokenizer), judge_gap(gap, str(path), _mend(engine))
    )


def load_evaluator(scorer: ScorerName, engine: EngineConfig, path: Path, encode: PromptEncoder) -> Scorer:
    """The process model of a folder, prompted as the policy is. It starts with nothing kept and nothing counted."""
    device = device_of(engine)
    if scorer is ScorerName.HF:
        return HfScorer(path, encode, device)
    return VllmScorer(kept_scorer(engine, device, path, weights_version(path)), encode)


def _kept(
    engine: EngineConfig, device: str, path: Path, version: int, tokenizer: PreTrainedTokenizerFast
) -> tuple[StreamingEngine, float]:
    try:
        return kept_engine(engine, device, path, version, tokenizer)
    except UserError as error:
        if engine.name is EngineName.OPENAI and str(path) not in str(error):
            raise UserError(f"{error} (it is to serve {path})") from error
        raise


def _mend(engine: EngineConfig) -> str:
    """What helps against an engine that does not compute the policy."""
    if engine.name is EngineName.OPENAI:
        return f"let {engine.server.base_url} serve this folder, then start the same command again to resume"
    return "use engine=hf"


@lru_cache(maxsize=1)
def _load(path: Path, version: int, device: str, dtype: str) -> tuple:  # type: ignore[type-arg]
    model, tokenizer = load_policy(path, device, dtype), load_tokenizer(path)
    return model, tokenizer, logprob_gap(HfEngine(model, tokenizer), model, len(tokenizer))


def weights_version(path: Path) -> int:
    """Changes when the folder's weights are made anew, so that no stale model is ever sampled."""
    weights = path / "model.safetensors"
    return weights.stat().st_mtime_ns if weights.exists() else 0
