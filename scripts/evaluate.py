"""Judge a run's policy on held-out problems: python -m scripts.evaluate run=outputs/mine [round=2] [problems=1000]

Greedy, the mean of k samples, their majority, and PPM-guided search, each with its 95 % interval.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evolve.evaluate_run import EvaluateConfig
from scripts.launch import launch


def run(config: EvaluateConfig, settings: dict[str, Any], folder: Path) -> None:
    """Judge and print the table."""
    from rich.console import Console

    from evolve.evaluate_run import evaluate_run
    from evolve.report_text import accuracy_table

    Console().print(accuracy_table(evaluate_run(config)))


if __name__ == "__main__":
    launch("evaluate", EvaluateConfig, run)
