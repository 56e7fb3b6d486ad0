"""``docs/config_prm.md``: the options of the programs that label, train, judge and probe process models."""

from __future__ import annotations

from evolve.config_docs import programs_markdown
from evolve.label_config import LabelConfig
from evolve.prm_judging import EvalPrmConfig
from evolve.probe_prm_config import ProbePrmConfig
from evolve.train_prm_config import TrainPrmConfig

_HEAD = """# Options of the programs for process models

Made by `make docs` from the dataclasses in `evolve/label_config.py` and the like; do not edit. [prm.md](prm.md) says
what the programs do. Every option goes on the command line under its dotted name:

    python -m scripts.train_prm data=labels.jsonl loss=soft_bce optimiser.epochs=4 out=outputs/prm
"""


def prm_markdown() -> str:
    """The page."""
    programs = {
        "scripts.label": LabelConfig(),
        "scripts.train_prm": TrainPrmConfig(),
        "scripts.eval_prm": EvalPrmConfig(),
        "scripts.probe_prm": ProbePrmConfig(),
    }
    return programs_markdown(_HEAD, programs)
