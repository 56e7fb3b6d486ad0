"""What a comparison needs to run on the ranks of ``torchrun`` (``evolve.ranks``)."""

from __future__ import annotations

from compare.config import CompareConfig
from evolve.executor import Executor
from evolve.ranks import refuse_one_gpu
from policy.config import EngineName
from tasks.errors import UserError


def check_ranks(config: CompareConfig) -> None:
    """Refuse settings that cannot work on several ranks."""
    if config.engine.name is not EngineName.HF:
        raise UserError(f"torchrun wants engine=hf, which samples on every rank, got engine={config.engine.name}")
    refuse_one_gpu("engine.device", config.engine.device)
    if config.executor is not Executor.PROCESSES:
        raise UserError("torchrun and executor=ray are two ways to use many GPUs; choose one")
