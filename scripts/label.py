"""Label the steps of a run's solutions: python -m scripts.label run=outputs/demo round=2 method=monte_carlo_soft

Methods: Monte-Carlo hard and soft, binary search for the first error, tree Q, weighted value, a language model as a
judge, the consensus of Monte-Carlo and judge, labels that people gave, and the task's oracle (for measuring only).
docs/prm.md says what each label means and what the options are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evolve.label_config import LabelConfig
from scripts.launch import launch


def run(config: LabelConfig, settings: dict[str, Any], folder: Path) -> None:
    """Label, write the file and print counts and costs."""
    from rich.console import Console

    from evolve.label_run import label_run, label_table

    done = label_run(config)
    console = Console()
    console.print(label_table(done, config))
    console.print(f"written: {config.out}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    launch("label", LabelConfig, run)
