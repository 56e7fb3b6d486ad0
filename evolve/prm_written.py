"""Process models that write before they judge: trained folders, prompted ones, and what answers behind an endpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from evolve.prm_engine import EngineWrites
from evolve.prm_scoring import JUDGE
from prm.generative.config import GENERATIVE, ReasoningConfig
from prm.generative.endpoint import EndpointReasoner, endpoint_reasoner
from prm.generative.folder import GenerativePrm
from prm.generative.prompted import PromptedPrm
from prm.labels.config import EndpointConfig
from prm.model import PromptIds


def open_writing(
    kind: str,
    path: Path,
    make_prompt_ids: Callable[[PreTrainedTokenizerFast], PromptIds],
    device: str,
    reason: tuple[Any, ...],
    judge: tuple[Any, ...],
    seed: int,
) -> GenerativePrm | PromptedPrm | EndpointReasoner:
    """The model of the kind. ``reason`` and ``judge`` are the fields of their configs, which can be told apart."""
    asked = ReasoningConfig(*reason)
    if kind == JUDGE:
        return endpoint_reasoner(EndpointConfig(*judge), asked, seed)
    if kind == GENERATIVE:
        return GenerativePrm(path, make_prompt_ids, EngineWrites, asked, seed, device)
    return PromptedPrm(path, EngineWrites, asked, seed, device)
