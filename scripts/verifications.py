"""Write verifications of labelled steps: python -m scripts.verifications data=labels.jsonl run=outputs/demo

source=redo has the policy of a round do every step again; source=judge asks a language model behind an endpoint to
reason about it. The file holds the same solutions and labels; scripts.train_prm loss=generative learns from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evolve.verification_config import VerificationsConfig
from scripts.launch import launch


def run(config: VerificationsConfig, settings: dict[str, Any], folder: Path) -> None:
    """Write the file and print counts."""
    from rich.console import Console

    from evolve.verification_run import verification_table, write_verifications

    counts = write_verifications(config)
    console = Console()
    console.print(verification_table(counts, config))
    console.print(f"written: {config.out}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    launch("verifications", VerificationsConfig, run)
