"""Outcome or process? Compare arms at equal cost: python -m scripts.compare arm=grpo_outcome,grpo_ppm seeds=5 name=mine

Each arm goes on from the same cold starts with the same budget (budget.tokens, budget.flops or budget.seconds). A
comparison that exists is taken up where it stopped, with more arms or seeds if there are more now. Exit code 1: an arm
failed in some seed; the others are done, and the same command tries it again. dry_run=true prints the config and an
estimate, and stops.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from compare.config import CompareConfig
from scripts.launch import launch


def run(config: CompareConfig, settings: dict[str, Any], folder: Path) -> None:
    """Carry out one comparison; print its table and what it shows. Exit code 1 if an arm failed in some seed."""
    from rich.console import Console

    if config.dry_run:
        from compare.estimate import print_estimate

        return print_estimate(config, settings, Console())
    from compare.console import print_results
    from compare.run import compare
    from evolve.ranks import follow, is_follower
    from evolve.sandboxing import active_tier, told

    if is_follower():
        return follow(config.engine)
    if (tier := active_tier(config.policy.steps)) is not None:
        Console().print(told(tier), highlight=False)
    results = compare(config, settings, folder)
    print_results(results, folder, Console())
    if any("failed" in seed for arm in results["arms"].values() for seed in arm["seeds"].values()):
        sys.exit(1)


if __name__ == "__main__":
    launch("compare", CompareConfig, run)
