"""Judge a process reward model: python -m scripts.eval_prm prm=FOLDER data=FILE format=processbench

First-error F1, pair accuracy, calibration and rank correlation on labelled steps, or with format=sampled best-of-N
between the majority's vote and the oracle; all with intervals, in a table here and below out. prm may be a file of
labels, so that label methods are judged alike; without prm the data alone is looked at, which checks its labels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evolve.prm_judging import EvalPrmConfig
from scripts.launch import launch
from scripts.telling import tell


def run(config: EvalPrmConfig, settings: dict[str, Any], folder: Path) -> None:
    """Judge and print the tables."""
    from evolve.prm_judging import judge_prm
    from evolve.prm_report import console_tables, sentences

    found, written = judge_prm(config)
    files = f"{written}/eval.json, eval.md, eval.html"
    tell(sentences(found), console_tables(found), [files], columns=120)


if __name__ == "__main__":
    launch("eval_prm", EvalPrmConfig, run)
