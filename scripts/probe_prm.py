"""What can a process model be fooled by? python -m scripts.probe_prm prm=FOLDER data=labels.jsonl run=outputs/demo

Labelled solutions are rewritten so that they stay as right or wrong as they were (other words, steps cut and merged,
padding, length), and scored again. With run= searches by the policy of that run look for wrong solutions that score
highly, which are written as labelled rows; retrain=true trains the model on them too, and attacks it once more. Tables
here and below out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evolve.probe_prm_config import ProbePrmConfig
from scripts.launch import launch
from scripts.telling import tell


def run(config: ProbePrmConfig, settings: dict[str, Any], folder: Path) -> None:
    """Probe and print what was found."""
    from evolve.probe_prm_report import console_tables, sentences
    from evolve.probe_prm_run import probe_prm

    found, written = probe_prm(config)
    files = f"{written}/probe.json, probe.md, probe.html"
    tell(sentences(found), console_tables(found), [files], columns=200)


if __name__ == "__main__":
    launch("probe_prm", ProbePrmConfig, run)
