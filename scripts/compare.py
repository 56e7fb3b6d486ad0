"""Outcome or process? Compare arms at equal cost: python -m scripts.compare arm=grpo_outcome,grpo_ppm seeds=5 name=mine

Each arm goes on from the same cold starts with the same budget (budget.tokens, budget.flops or budget.seconds). A
comparison that exists is taken up where it stopped, with more arms or seeds if there are more now.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compare.config import CompareConfig
from scripts.launch import launch


def run(config: CompareConfig, settings: dict[str, Any], folder: Path) -> None:
    """Carry out one comparison; print its table and what it shows."""
    from rich.console import Console

    from compare.console import print_results
    from compare.run import compare

    print_results(compare(config, settings, folder), folder, Console())


if __name__ == "__main__":
    launch("compare", CompareConfig, run)
