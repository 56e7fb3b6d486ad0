"""Models on disk: ordinary HF folders, safetensors only, written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging as transformers_logging

from tasks.durable import atomic_dir
from tasks.errors import DataError, UserError

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()


def save_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, path: Path) -> None:
    """Write model and tokenizer to ``path``; a killed process leaves the old folder or none."""
    with atomic_dir(path) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def load_tokenizer(path: Path | str) -> PreTrainedTokenizerFast:
    """The tokenizer of a local folder; nothing is ever downloaded. It must have an end token."""
    tokenizer = _load(AutoTokenizer, path)
    if tokenizer.eos_token_id is None:
        raise UserError(f"{path}: the tokenizer has no end-of-text token; use a model folder whose tokenizer has one")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    return tokenizer


def load_policy(path: Path | str, device: str = "cpu", dtype: str = "float32") -> PreTrainedModel:
    """A causal language model from a local HF folder, in evaluation mode."""
    return _place(_load(AutoModelForCausalLM, path, dtype=getattr(torch, dtype)), device)


def load_scorer(path: Path | str, device: str = "cpu", dtype: str = "float32") -> PreTrainedModel:
    """A scalar reward model: ``*ForSequenceClassification`` with one label, in evaluation mode."""
    model = _load(AutoModelForSequenceClassification, path, dtype=getattr(torch, dtype), num_labels=1)
    return _place(model, device)


def _place(model: Any, device: str) -> PreTrainedModel:
    assert isinstance(model, PreTrainedModel)
    model.to(device)  # type: ignore[arg-type]
    model.eval()
    return model


def _load(factory: Any, path: Path | str, **options: Any) -> Any:
    if not (Path(path) / "config.json").is_file() and not (Path(path) / "tokenizer_config.json").is_file():
        raise UserError(f"{path}: no model folder here (config.json is missing); name a Hugging Face folder")
    if factory is not AutoTokenizer:
        options["use_safetensors"] = True
    try:
        return factory.from_pretrained(str(path), local_files_only=True, trust_remote_code=False, **options)
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError) as error:
        raise DataError(f"{path}: the model folder cannot be read ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
