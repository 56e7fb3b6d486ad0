"""Run one arm alone: python -m scripts.train arm=grpo_outcome budget.tokens=2e6 name=mine

It is a comparison of one arm with its own cold start; another seed is another seed=N. On several GPUs:
torchrun --nproc-per-node 8 -m scripts.train arm=grpo_outcome ... (docs/training.md).
"""

from __future__ import annotations

from compare.config import CompareConfig
from scripts.compare import run
from scripts.launch import launch

if __name__ == "__main__":
    launch("train", CompareConfig, run, about=__doc__)
