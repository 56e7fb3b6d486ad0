"""The programs that a recipe may call: what their options are, how they are checked, and where they write."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

OVERWRITE = "overwrite=true"


@dataclass(frozen=True, slots=True)
class Program:
    """``schema`` and ``check`` are ``module:name``, imported when asked for; no ``check``: none without its files.
    No ``schema``: a program with options of the form --NAME=VALUE, which it checks itself when it is run.

    ``place``: the option that says where a stage writes, with its {folder} below outputs. ``always``: options that
    every stage of the program gets; ``tiny``: those of the tiny size, before what the recipe adds. ``resumes``: started
    again it goes on where it stopped, and takes ``overwrite=true`` to begin anew; the others write whole or not at all.
    """

    schema: str = ""
    check: str = ""
    place: str = ""
    always: tuple[str, ...] = ()
    tiny: tuple[str, ...] = ()
    resumes: bool = False


_QUICK = (
    "workers=0",
    "policy.tiny.size=32",
    "policy.cold_start.demonstrations=160",
    "policy.cold_start.optimiser.learning_rate=0.01",
    "policy.cold_start.optimiser.batch_rows=16",
    "policy.cold_start.optimiser.micro_rows=16",
    "ppm.optimiser.epochs=1",
    "ppm.pairs.min_margin=0.1",
    "search.rollouts=4",
    "search.width=3",
    "search.group=8",
    "search.slots=8",
)
_QUICK_RUN = (
    *_QUICK,
    "policy.optimiser.epochs=1",
    "search.problems=8",
    "search.held_out=4",
    "evaluation.problems=4",
    "evaluation.group=4",
    "evaluation.samples=2",
    "evaluation.search.rollouts=2",
    "evaluation.search.width=2",
)
_QUICK_COMPARISON = (
    *_QUICK,
    "seeds=1",
    "budget.flops=null",
    "budget.tokens=30000",
    "problems=40",
    "rl.problems=6",
    "rl.group=4",
    "judging.problems=12",
    "judging.points=2",
    "judging.best_of=0",
)


def _run(schema: str, check: str, tiny: tuple[str, ...]) -> Program:
    """A program that keeps a run folder."""
    return Program(schema, check, "name={folder}", ("wandb.mode=disabled",), tiny, resumes=True)


PROGRAMS = {
    "evolve": _run("evolve.config:EvolveConfig", "evolve.config:check", _QUICK_RUN),
    "compare": _run("compare.config:CompareConfig", "compare.config:check", _QUICK_COMPARISON),
    "train": _run("compare.config:CompareConfig", "compare.config:check", _QUICK_COMPARISON),
    "evaluate": Program("evolve.evaluate_run:EvaluateConfig"),
    "label": Program(
        "evolve.label_config:LabelConfig", "evolve.label_config:check_label", "out=outputs/{folder}.jsonl", (OVERWRITE,)
    ),
    "train_prm": Program(
        "evolve.train_prm_config:TrainPrmConfig",
        "evolve.train_prm_config:loss_settings",
        "out=outputs/{folder}",
        (OVERWRITE,),
    ),
    "convert_labels": Program(place="--out=outputs/{folder}.jsonl"),
    "eval_prm": Program("evolve.prm_judging:EvalPrmConfig", place="out=outputs/{folder}"),
}


def imported(place: str) -> Any:
    """What stands at ``module:name``."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
