"""What an optimiser works on in a model's place, where that is not the model itself; the model follows, step by step.

Many ranks: a copy of the model that is sharded over them (FSDP2, ``torch.distributed.fsdp.fully_shard``): each keeps
its part of the weights, gradients and optimiser state, and layers are put together while they compute. The model stays
whole on every rank, for whatever samples, scores and saves it.
LoRA: a copy with adapters; the model's weights are those with the adapters merged in.
So engines, scorers and files always see an ordinary model, and know of neither.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel

from lm.config import LoraConfig
from lm.distributed import mesh
from lm.lora import merged_weights, with_adapters

Work = Callable[[PreTrainedModel], tuple[torch.Tensor, float]]
"""A loss and its count, computed by a model."""


class WorkingCopy:
    """``parameters`` are what is trained, by name: whole tensors, or each rank's shards of them."""

    def __init__(self, model: PreTrainedModel, lora: LoraConfig) -> None:
        self._model = model
        self._lora = lora
        self._mesh = mesh()
        self._worked = model if self._mesh is None and not lora.rank else copy.deepcopy(model)
        if lora.rank:
            with_adapters(self._worked, lora)
        self._root = _Root(self._worked)
        if self._mesh is not None:
            for module in self._worked.modules():
                if type(module).__name__ in _layer_names(model):
                    fully_shard(module, mesh=self._mesh)
            fully_shard(self._root, mesh=self._mesh)
        self.parameters = {
            name: parameter for name, parameter in self._worked.named_parameters() if parameter.requires_grad
        }

    def loss(self, work: Work) -> tuple[torch.Tensor, float]:
        """What ``work`` says of the copy; gradients flow. On all ranks, as often on each."""
        return cast(tuple[torch.Tensor, float], self._root(work))

    def idle(self) -> tuple[torch.Tensor, float]:
        """A loss of nothing, for a rank that has nothing to do while others compute theirs: sharding needs them all."""
        return self.loss(_nothing)

    @contextmanager
    def training(self, gradient_checkpointing: bool) -> Iterator[None]:
        """Within, the copy is in training mode. Checkpointing: activations are computed again instead of kept."""
        self._worked.train()
        if gradient_checkpointing:
            self._worked.gradient_checkpointing_enable({"use_reentrant": False})
        try:
            yield
        finally:
            if gradient_checkpointing:
                self._worked.gradient_checkpointing_disable()
            self._worked.eval()

    @torch.no_grad()
    def publish(self) -> None:
        """Give the model the weights that the copy has now."""
        if self._worked is self._model:
            return
        found = merged_weights(self._worked, whole) if self._lora.rank else self._weights()
        for name, parameter in self._model.named_parameters():
            parameter.copy_(found[name])

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: whole(parameter) for name, parameter in self._worked.named_parameters()}

    def sharded(self, value: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """A whole tensor as ``like`` is kept: this rank's part of it, or all of it."""
        if not isinstance(like, DTensor):
            return value.to(like.device)
        return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor put together from all ranks' parts."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


class _Root(torch.nn.Module):
    """What sharding hooks into: losses call a model's parts one by one, and never its ``forward``."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, work: Work) -> tuple[torch.Tensor, float]:
        return work(self.model)


def _layer_names(model: PreTrainedModel) -> frozenset[str]:
    """The classes of a model's layers, as transformers names them for whoever splits models."""
    return frozenset(model._no_split_modules or ())


def _nothing(model: PreTrainedModel) -> tuple[torch.Tensor, float]:
    """0, by way of every parameter: all ranks' gradients must be there to be added."""
    ids = torch.zeros(1, 1, dtype=torch.long, device=model.device)
    total = model.base_model(input_ids=ids, use_cache=False).last_hidden_state.float().sum() * 0
    for child in model.children():  # the head
        if child is not model.base_model:
            total = total + sum(parameter.float().sum() * 0 for parameter in child.parameters())
    return total, 0.0
