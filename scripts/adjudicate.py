"""Compare a PRM that sees the answer with one that does not: python -m scripts.adjudicate aware=A blind=B data=FILE

Both score the steps of data=FILE (labelled solutions) or of every node of a run's trees (run=outputs/demo round=2). The
scores and their difference are stored, with run=... beside the trees, where show_tree shows them; a report tells what
the difference finds: first errors, steps that only look right, wrong reference answers. aware is a folder of
scripts.train_prm with sees_answer=true. docs/prm.md tells more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evolve.adjudicate_config import AdjudicateConfig
from scripts.launch import launch
from scripts.telling import tell


def run(config: AdjudicateConfig, settings: dict[str, Any], folder: Path) -> None:
    """Score, judge and print the tables."""
    from evolve.adjudicate import adjudicate
    from evolve.adjudicate_report import sentences, tables
    from evolve.judging_pages import for_console

    found, written = adjudicate(config)
    tell(sentences(found), for_console(tables(found)), map(str, written), columns=200)


if __name__ == "__main__":
    launch("adjudicate", AdjudicateConfig, run)
