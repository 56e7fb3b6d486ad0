"""Judge a run's policy on held-out problems: python -m scripts.evaluate run=outputs/mine [round=2] [problems=1000]

Without more, a quick table: greedy, the mean of k samples, their majority, and PPM-guided search, each with its 95 %
interval. With methods=[all], or some of them, at budgets=[1,2,4,8,16]: best-of-N, votes, beam search, DVTS and MCTS at
equal generated tokens, with curves, in a report below the run's evaluations folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evolve.evaluate_run import EvaluateConfig
from scripts.launch import launch
from scripts.telling import wide_console


def run(config: EvaluateConfig, settings: dict[str, Any], folder: Path) -> None:
    """Judge and print the table."""
    from rich.console import Console

    from evolve.compare_run import compare_methods, findings
    from evolve.curves_text import methods_table
    from evolve.evaluate_run import evaluate_run, introduction, sandbox_of
    from evolve.report_text import accuracy_table
    from evolve.sandboxing import told

    console = Console()
    console.print(introduction(config), highlight=False)
    if (tier := sandbox_of(config)) is not None:
        console.print(told(tier), highlight=False)
    if not config.methods:
        console.print(accuracy_table(evaluate_run(config)))
        return
    summary, written = compare_methods(config)
    console = wide_console(100)
    console.print(methods_table(summary, console.width))
    console.print(findings(summary)[0], highlight=False)
    console.print("All budgets, intervals and curves:", f"{written}/report.html", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    launch("evaluate", EvaluateConfig, run)
