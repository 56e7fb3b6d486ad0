"""Every way to label by every loss, judged alike, in one table: python -m scripts.prm_bench [run=outputs/demo]

A run on chains, labels of its trees at equal cost, process models of all of them, and what each is worth: first-error
F1, calibration, fidelity to values by brute force, best of N, and search. A bench that exists is taken up where it
stopped. docs/prm.md says what the columns mean.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evolve.workbench.config import BenchConfig
from scripts.launch import launch
from scripts.telling import wide_console


def run(config: BenchConfig, settings: dict[str, Any], folder: Path) -> None:
    """Carry out the bench and print its table."""
    from evolve.judging_pages import for_console
    from evolve.workbench.bench import prm_bench
    from evolve.workbench.report import short_tables
    from evolve.workbench.sentences import sentences

    summary = prm_bench(config, settings, folder)
    console = wide_console(180)
    for table in for_console(short_tables(summary)):
        console.print(table)
    for sentence in sentences(summary):
        console.print(f"- {sentence}", highlight=False, markup=False)
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    console.print(f"\nreport: {shown}/REPORT.md, {shown}/report.html", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    launch("prm_bench", BenchConfig, run)
