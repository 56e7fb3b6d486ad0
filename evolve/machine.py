"""What this machine can run: each thing that a run needs or can use, whether it is here, and what to do if not.

Needs nothing but Python, so that it can say what else is missing.
"""

from __future__ import annotations

import netrc
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from evolve.config import WandbConfig
from evolve.ray_start import installed_ray, refuse_ray
from lm.vllm_version import installed_vllm, refuse_vllm
from tasks.errors import UserError

# The same ranges as in pyproject.toml; a test compares them.
REQUIRED = {
    "torch": ">=2.11",
    "transformers": ">=5.16.1,<5.20",
    "tokenizers": ">=0.22",
    "safetensors": ">=0.6",
    "numpy": ">=1.26",
    "networkx": ">=3.3",
    "hydra-core": ">=1.3.6",
    "rich": ">=13.9",
    "wandb": ">=0.24",
    "pyyaml": ">=6.0",
    "httpx": ">=0.28",
    "sympy": ">=1.13",
}
MEMORY_GB = 3.0  # the lab's three processes peak at about 2
DISK_GB = 1.0  # a demo run leaves less than 0.1
_INSTALL = "run make setup"


class State(StrEnum):
    """``optional``: not here, and the lab does without it."""

    OK = "ok"
    MISSING = "missing"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the answer. ``advice`` is empty where there is nothing to do."""

    part: str
    found: str
    state: State
    advice: str = ""


def examine(outputs: Path) -> Iterator[Finding]:
    """Every finding, in the order in which people read them. ``outputs``: where runs would be written."""
    yield _need("Python", sys.version.split()[0], sys.version_info >= (3, 11), "install Python 3.11 or newer")
    yield _torch()
    yield _libraries()
    yield _gpu()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield _need("cores", str(cores), True, "")
    memory = memory_gb()
    yield _need("memory", f"{memory:.1f} GB", memory >= MEMORY_GB, f"the lab wants {MEMORY_GB:.0f} GB; use workers=1")
    yield _disk(outputs)
    yield _vllm()
    yield _ray()
    yield _wandb()


def satisfies(version: str, wanted: str) -> bool:
    """Does a version lie in a range such as ``>=5.16,<5.20``? Only the numbers count, not what follows them."""
    have = _numbers(version)
    clauses = [re.fullmatch(r"(>=|<)([\d.]+)", clause) for clause in wanted.split(",")]
    return all(c and (have >= _numbers(c[2]) if c[1] == ">=" else have < _numbers(c[2])) for c in clauses)


def memory_gb() -> float:
    """Memory that this process may use, in GB: the machine's, or its container's if that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else ""
    return min(total, int(text) if text.isdecimal() else total) / 1e9


def _need(part: str, found: str, is_there: bool, advice: str) -> Finding:
    return Finding(part, found, State.OK if is_there else State.MISSING, "" if is_there else advice)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def _torch() -> Finding:
    version = _version("torch")
    if version is None:
        return Finding("torch", "not installed", State.MISSING, _INSTALL)
    try:
        import torch  # only a real import shows that its libraries load
    except (ImportError, OSError) as error:
        return Finding("torch", f"{version} does not load: {_first_line(error)}", State.MISSING, _INSTALL)
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU"
    return _need("torch", f"{version}, {build} build", satisfies(version, REQUIRED["torch"]), _INSTALL)


def _libraries() -> Finding:
    wrong = [
        f"{name} {version or 'not installed'} (wanted {wanted})"
        for name, wanted in REQUIRED.items()
        if name != "torch" and not ((version := _version(name)) and satisfies(version, wanted))
    ]
    found = ", ".join(wrong) or f"transformers {_version('transformers')} and {len(REQUIRED) - 2} more"
    return _need("libraries", found, not wrong, _INSTALL)


def _gpu() -> Finding:
    seen = _torch_gpus()
    if seen:
        return Finding("GPU", "; ".join(seen), State.OK)
    present = _driver_gpus()
    if present:
        advice = "this torch cannot use it: install a CUDA build of torch that fits the driver"
        return Finding("GPU", "; ".join(present), State.OPTIONAL, advice)
    return Finding("GPU", "none", State.OPTIONAL, "the lab runs on the CPU; real weights want a GPU")


def _torch_gpus() -> list[str]:
    try:
        import torch
    except (ImportError, OSError):
        return []
    if not torch.cuda.is_available():
        return []
    cards = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return [f"{card.name}, {card.total_memory / 1e9:.0f} GB" for card in cards]


def _driver_gpus() -> list[str]:
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=3)
    except (OSError, subprocess.SubprocessError):
        return []
    return answer.stdout.strip().splitlines()


def _disk(outputs: Path) -> Finding:
    folder = next(path for path in (outputs.absolute(), *outputs.absolute().parents) if path.is_dir())
    if not os.access(folder, os.W_OK):
        return Finding("disk", f"{folder} cannot be written to", State.MISSING, "work in a folder of your own")
    free = shutil.disk_usage(folder).free / 1e9
    return _need("disk", f"{free:.0f} GB free for {outputs}/", free >= DISK_GB, f"make room for {DISK_GB:.0f} GB")


def _vllm() -> Finding:
    version = installed_vllm()
    try:
        refuse_vllm(version)
    except UserError as error:
        return Finding("vllm", version or "not installed", State.OPTIONAL, f"only engine=vllm needs it: {error}")
    return Finding("vllm", str(version), State.OK)


def _ray() -> Finding:
    version = installed_ray()
    try:
        refuse_ray(version)
    except UserError as error:
        return Finding("ray", version or "not installed", State.OPTIONAL, f"only executor=ray needs it: {error}")
    return Finding("ray", str(version), State.OK)


def _wandb() -> Finding:
    if _version("wandb") is None:
        return Finding("wandb", "not installed", State.OPTIONAL, "metrics.jsonl is written anyway")
    key = "yes" if _has_wandb_key() else "no"
    return Finding("wandb", f"wandb.mode={WandbConfig().mode}, API key: {key}", State.OK)


def _has_wandb_key() -> bool:
    """Is there a key? It is looked for, never shown."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return "api.wandb.ai" in netrc.netrc(os.environ.get("NETRC") or Path.home() / ".netrc").hosts
    except (OSError, netrc.NetrcParseError):
        return False


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
