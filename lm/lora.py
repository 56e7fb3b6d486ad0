"""LoRA (arXiv 2106.09685): the weights W stay; trained is a small product beside them, W + (alpha / rank) B A.

The adapters are those of the ``peft`` library (``pip install 'treeward[lora]'``). A begins at random, B at 0, so a
model begins as it was. There is no dropout here: what is trained must be the policy that was sampled.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from transformers import PreTrainedModel

from lm.config import LoraConfig
from tasks.errors import UserError

_ADAPTER = "default"
_SEED = 1


def with_adapters(model: PreTrainedModel, config: LoraConfig) -> None:
    """Give the linear layers of the model's backbone adapters, in place; nothing else is trained but a scalar head.

    UserError if peft is missing, or if the model has no layers of the names in ``targets``.
    """
    peft = _peft()
    layers = {name.rsplit(".", 1)[-1] for name, each in model.base_model.named_modules() if _is_linear(each)}
    if unknown := sorted(set(config.targets) - layers):
        raise UserError(
            f"lora.targets names {unknown[0]}, and the model's linear layers are {', '.join(sorted(layers))}"
        )
    wanted = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        target_modules=sorted(config.targets or layers),
        exclude_modules=["lm_head", "score"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        peft.inject_adapter_in_model(wanted, model, _ADAPTER)
    if isinstance(head := getattr(model, "score", None), torch.nn.Linear):
        head.requires_grad_(True)  # a new one knows nothing yet


def merged_weights(model: PreTrainedModel, whole: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, torch.Tensor]:
    """The parameters of a model with adapters, as those of one without. ``whole`` puts sharded tensors together."""
    found = {}
    for name, parameter in model.named_parameters():
        if ".lora_A." not in name and ".lora_B." not in name:
            found[name.replace(".base_layer.", ".")] = whole(parameter)
    for name, layer in model.named_modules():
        if hasattr(layer, "lora_A"):
            down, up = (whole(getattr(layer, side)[_ADAPTER].weight) for side in ("lora_A", "lora_B"))
            found[f"{name}.weight"] = found[f"{name}.weight"] + layer.scaling[_ADAPTER] * (up @ down)
    return found


def _is_linear(module: torch.nn.Module) -> bool:
    return isinstance(module, torch.nn.Linear)


def _peft() -> Any:
    try:
        return importlib.import_module("peft")
    except ImportError as error:
        raise UserError(
            "lora.rank above 0 needs the peft library; install it (pip install 'treeward[lora]')"
        ) from error
