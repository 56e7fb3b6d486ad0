"""Run self-evolution rounds: python -m scripts.evolve name=mine task=chain rounds=3 search.rollouts=32

A run that exists is taken up where it stopped; dry_run=true prints the config and an estimate, and stops.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from evolve.config import EvolveConfig
from scripts.launch import launch


def run(config: EvolveConfig, settings: dict[str, Any], folder: Path) -> None:
    """Carry out one run and print its table."""
    from rich.console import Console

    console = Console()
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    if config.dry_run:
        from evolve.estimate import print_estimate

        return print_estimate(config, settings, console)
    from evolve.report_text import findings, rich_table
    from evolve.run import evolve, is_finished, unserved
    from evolve.sandboxing import active_tier, told

    if (tier := active_tier(config.policy.steps)) is not None:
        console.print(told(tier), highlight=False)
    if config.progress and is_finished(config, folder):
        print(f"{shown} is finished already; checking its files", file=sys.stderr)
    if note := unserved(config, folder):
        console.print(note, highlight=False)
    summary = evolve(config, settings, folder)
    console.print(rich_table(summary))
    for sentence in findings(summary):
        console.print(f"- {sentence}", highlight=False)
    console.print(f"\nreport: {shown}/REPORT.md, {shown}/report.html", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    launch("evolve", EvolveConfig, run)
