"""The engine that a process keeps from one job to the next: starting it takes seconds, new weights a moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast

from evolve.kept_scorer import close_scorer
from lm.folder import load_policy
from lm.vllm_start import VllmSettings
from policy.completions import Tokens
from policy.config import EngineConfig, EngineName
from policy.openai_engine import OpenAiEngine
from policy.stops import end_tokens
from policy.sync import logprob_gap
from policy.vllm_engine import VllmEngine
from tasks.errors import UserError

_SAME_NATS = 1e-3  # the same float32 weights are closer than this


@dataclass
class _Kept:
    """``shape``: all that a change of weights leaves as it is. ``weights``: the folder served, and its version."""

    shape: Any
    engine: VllmEngine | OpenAiEngine
    weights: tuple[Path, int] | None = None
    gap: float = 0.0


_kept: _Kept | None = None


def kept_engine(
    config: EngineConfig, device: str, path: Path, version: int, tokenizer: PreTrainedTokenizerFast
) -> tuple[VllmEngine | OpenAiEngine, float]:
    """The engine with the folder's weights, and its gap to the trainer (``policy.sync``), in nats.

    A running one of the same shape takes the weights over; any other is closed first: one engine a process. A server's
    weights cannot be changed from here, they are only compared.
    """
    global _kept
    shape = _shape(config, device, path)
    if _kept is not None and _kept.shape != shape:
        close_engine()
    if _kept is None or _kept.weights != (path, version):
        model = load_policy(path, device, config.dtype)
        if _kept is None:
            _kept = _Kept(shape, _start(config, device, path, Tokens(len(tokenizer), end_tokens(model, tokenizer))))
        elif isinstance(_kept.engine, VllmEngine):
            _kept.weights = None  # until the new ones are known to have arrived
            _kept.engine.load_weights(path)
        _kept.gap = logprob_gap(_kept.engine, model, len(tokenizer))
        if config.name is EngineName.OPENAI:
            _refuse_other_round(_kept, config, path, len(tokenizer))
        _kept.weights = (path, version)
    _kept.engine.forget()
    return _kept.engine, _kept.gap


def close_engine() -> None:
    """Give the memory of a kept engine back."""
    global _kept
    if _kept is not None:
        _kept.engine.close()
        _kept = None


def make_room(device: str) -> None:
    """Before a training: a GPU's memory is wanted whole, so engines on it are closed. Elsewhere they may stay."""
    if device != "cpu":
        close_engine()
        close_scorer()
        torch.cuda.empty_cache()


def _refuse_other_round(kept: _Kept, config: EngineConfig, path: Path, vocabulary: int) -> None:
    """UserError if the server computes the policy of another round of the run rather than that of ``path``.

    One round moves a policy by little, often by less than ``policy.sync`` stops at.
    """
    if kept.gap < _SAME_NATS:
        return
    for other in sorted(path.parent.parent.glob("round_*/policy")):
        if other != path and logprob_gap(kept.engine, load_policy(other, "cpu"), vocabulary) < kept.gap:
            raise UserError(
                f"{config.server.base_url} serves {other}; let it serve {path}, then start the same command again to "
                "resume"
            )


def _start(config: EngineConfig, device: str, path: Path, tokens: Tokens) -> VllmEngine | OpenAiEngine:
    if config.name is EngineName.OPENAI:
        return OpenAiEngine(config.server, config.timeout_s, tokens)
    settings = VllmSettings(path, device, config.dtype, config.batch_rows, config.cache_mb, config.timeout_s)
    return VllmEngine(settings, tokens.ends)


def _shape(config: EngineConfig, device: str, path: Path) -> Any:
    if config.name is EngineName.OPENAI:
        return config
    files = [path / name for name in ("config.json", "tokenizer.json")]
    return config, device, [file.read_bytes() if file.is_file() else b"" for file in files]
