"""Models on disk: ordinary HF folders, safetensors only, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError, safe_open
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging as transformers_logging

from lm.distributed import agreed, rank
from tasks.durable import atomic_dir
from tasks.errors import DataError, UserError

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()

# What the readers raise at JSON that is whole but says something else, and at any damaged folder.
_MISSHAPEN = (StrictDataclassError, TypeError, AttributeError)
_UNREADABLE = (SafetensorError, OSError, ValueError, RuntimeError, KeyError, *_MISSHAPEN)
_NEW_HEAD = frozenset({"score.weight"})  # a policy's folder has no scalar head yet


def save_model(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    path: Path,
    add: Callable[[Path], None] = lambda folder: None,
) -> None:
    """Write model and tokenizer to ``path``; a killed process leaves the old folder or none.

    ``add`` may write more files into the folder before it is there under its name.
    Of several ranks 0 writes, and the others have a link to what it wrote: transformers saves on no other rank.
    """
    if not rank():
        with atomic_dir(path) as folder:
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            add(folder)
    written = agreed(path.absolute())
    if rank():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(written)


def load_tokenizer(path: Path | str) -> PreTrainedTokenizerFast:
    """The tokenizer of a local folder; nothing is ever downloaded. It must have an end token."""
    tokenizer = _load(AutoTokenizer, path)
    if not tokenizer.encode("0", add_special_tokens=False):  # transformers makes an empty one up if the file is gone
        raise DataError(f"{path}: the tokenizer has no vocabulary (tokenizer.json is missing or empty); copy it here")
    if tokenizer.eos_token_id is None:
        raise UserError(f"{path}: the tokenizer has no end-of-text token; use a model folder whose tokenizer has one")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    return tokenizer


def load_policy(path: Path | str, device: str = "cpu", dtype: str = "float32") -> PreTrainedModel:
    """A causal language model from a local HF folder, in evaluation mode."""
    return _load_model(AutoModelForCausalLM, path, device, dtype, frozenset())


def load_scorer(path: Path | str, device: str = "cpu", dtype: str = "float32", labels: int = 1) -> PreTrainedModel:
    """A reward model: ``*ForSequenceClassification``, by default with one label (scalar), in evaluation mode."""
    return _load_model(AutoModelForSequenceClassification, path, device, dtype, _NEW_HEAD, num_labels=labels)


def load_backbone(path: Path | str, device: str = "cpu", dtype: str = "float32") -> PreTrainedModel:
    """A decoder without whatever head its folder has, in evaluation mode."""
    return _load_model(AutoModel, path, device, dtype, frozenset())


def load_weights(path: Path | str, names: Sequence[str], device: str = "cpu") -> dict[str, torch.Tensor]:
    """Single weights (float32) of a folder by name, those of a head that transformers does not know. DataError."""
    found: dict[str, torch.Tensor] = {}
    for file in sorted(Path(path).glob("*.safetensors")):
        try:
            with safe_open(file, framework="pt", device=device) as weights:
                found |= {name: weights.get_tensor(name).float() for name in names if name in weights.keys()}  # noqa: SIM118
        except _UNREADABLE as error:
            raise DataError(f"{file}: the weights cannot be read ({_first_line(error)})") from error
    if missing := [name for name in names if name not in found]:
        raise DataError(f"{path}: the model folder lacks the weight {missing[0]}; is it the model that was named?")
    return found


def _load_model(
    factory: Any, path: Path | str, device: str, dtype: str, may_miss: frozenset[str], **options: Any
) -> PreTrainedModel:
    model, found = _load(
        factory, path, dtype=getattr(torch, dtype), use_safetensors=True, output_loading_info=True, **options
    )
    if missing := sorted(set(found["missing_keys"]) - may_miss):  # transformers would draw them at random
        raise DataError(f"{path}: the model folder lacks {len(missing)} of its weights ({missing[0]}); copy it again")
    assert isinstance(model, PreTrainedModel)
    model.to(device)  # type: ignore[arg-type]
    model.eval()
    return model


def _load(factory: Any, path: Path | str, **options: Any) -> Any:
    if not (Path(path) / "config.json").is_file() and not (Path(path) / "tokenizer_config.json").is_file():
        raise UserError(f"{path}: no model folder here (config.json is missing); name a Hugging Face folder")
    try:
        return factory.from_pretrained(str(path), local_files_only=True, trust_remote_code=False, **options)
    except _UNREADABLE as error:
        raise DataError(f"{path}: the model folder cannot be read ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
