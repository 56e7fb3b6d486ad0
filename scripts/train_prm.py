"""Train a process model on labelled steps: python -m scripts.train_prm data=labels.jsonl loss=soft_bce out=outputs/prm

Losses: soft_bce, mse, cross_entropy, cross_entropy_3, q_ranking, pairwise; on outcomes alone outcome_bce,
outcome_ranking and implicit; on a file of scripts.verifications generative. base=FOLDER is the policy it starts from,
the one that sampled the solutions. docs/prm.md has the formulas.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evolve.train_prm_config import TrainPrmConfig
from scripts.launch import launch


def run(config: TrainPrmConfig, settings: dict[str, Any], folder: Path) -> None:
    """Train and print how held-out steps are judged."""
    from rich.console import Console

    from evolve.ranks import follow, is_follower
    from evolve.train_prm_run import engine_of, held_out_table, train_prm

    if is_follower():
        return follow(engine_of(config))
    found = train_prm(config)
    console = Console()
    console.print(held_out_table(found))
    if found["rows"]["labels_cut"]:
        console.print(f"labels beyond the model's context, left out: {found['rows']['labels_cut']:,}", highlight=False)
    console.print(f"written: {config.out}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    launch("train_prm", TrainPrmConfig, run)
