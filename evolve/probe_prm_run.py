"""Probing a process model: what it can be fooled by (docs/prm.md, Robustness)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evolve.probe_prm_attack import attacking
from evolve.probe_prm_config import ProbePrmConfig, check_probe
from evolve.probe_prm_report import write_probe
from evolve.probe_prm_rewriting import rewriting


def probe_prm(config: ProbePrmConfig) -> tuple[dict[str, Any], Path]:
    """Probe, write the files, and return what stands in ``probe.json``, and their folder. UserError for bad options."""
    check_probe(config)
    out = Path(config.out)
    found: dict[str, Any] = {"prm": config.prm, "data": config.data, "format": str(config.format)}
    if config.data:
        found |= rewriting(config)
    if config.run:
        found["attack"] = attacking(config, out)
    write_probe(found, out)
    return found, out
