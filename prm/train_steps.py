"""Training a process model on labelled solutions, whatever the loss: labels are checked, a folder comes out.

The folder is an ordinary HF one (``*ForSequenceClassification``, or a causal language model for ``implicit``, with its
reference beside it in ``reference/``) and has one file more, ``prm.json``: the loss, its numbers, and what was found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lm.config import OptimiserConfig
from lm.folder import load_policy, load_tokenizer, save_model
from lm.train import StepRecord, train
from prm.held_out import judge_ends, judge_steps, split
from prm.labels.oracle import MEASURING_ONLY
from prm.losses.config import LossSettings
from prm.losses.ready import make_loss
from prm.model import PromptIds, new_scorer_from_policy
from prm.step_rows import StepEncoder, StepRow, fit, problem_of
from prm.step_values import Values, head_values, log_ratio_values
from tasks.errors import UserError
from tasks.readers.labelled import LabelledSolution
from tasks.seeding import derive_seed

RECORD = "prm.json"
REFERENCE = "reference"


@dataclass(frozen=True)
class StepTraining:
    """What is trained, from what, and how."""

    loss: LossSettings
    base: Path
    out: Path
    optimiser: OptimiserConfig
    held_out: float = 0.1
    step_end: str = "\n"
    cut_long: bool = False
    seed: int = 0
    device: str = "cpu"


def train_on_labels(
    solutions: Sequence[LabelledSolution],
    asked: StepTraining,
    make_prompt_ids: Callable[[PreTrainedTokenizerFast], PromptIds],
    about: dict[str, Any] | None = None,
    on_step: Callable[[StepRecord, int], None] = lambda record, steps: None,
) -> dict[str, Any]:
    """Train, judge on held-out problems, write the folder; return what ``prm.json`` holds. ``about`` is put into it.

    UserError (DataError) for labels that cannot be learned from, ids of another tokenizer, and a loss not finite.
    """
    refuse_oracle(solutions)
    loss = make_loss(asked.loss)
    seed = derive_seed(asked.seed, "head")
    if loss.outputs:
        model, tokenizer = new_scorer_from_policy(asked.base, seed, asked.device, loss.outputs)
    else:
        model, tokenizer = load_policy(asked.base, asked.device), load_tokenizer(asked.base)
    encode = StepEncoder(make_prompt_ids(tokenizer), tokenizer, asked.step_end)
    read = [encode(solution) for solution in solutions]
    rows, lost = fit(read, model.config.max_position_embeddings, asked.cut_long, loss.on_outcomes)
    learned, held_out = split(rows, asked.held_out, asked.seed)
    refuse_one_class(learned, loss.on_outcomes)
    what = f"PRM training ({asked.loss.name})"
    lessons = loss.rows(learned, model)
    records = train(model, lessons, loss, asked.optimiser, derive_seed(asked.seed, "batches"), what, on_step)
    found = {
        **(about or {}),
        "loss": asdict(asked.loss),
        "outputs": loss.outputs,
        "seed": asked.seed,
        "rows": {"solutions": len(rows), "labels": sum(len(row.known) for row in rows), "labels_cut": lost}
        | {"training_rows": len(lessons), "learned": len(learned), "held_out": len(held_out)},
        "optimiser_steps": len(records),
        "last_loss": round(records[-1].loss, 6),
        "held_out": _judgement(_values(model, held_out, asked), held_out),
    }
    save_model(model, tokenizer, asked.out, lambda folder: _add(folder, found, loss.outputs, asked))
    return found


def refuse_oracle(solutions: Sequence[LabelledSolution]) -> None:
    """UserError for labels that a task's oracle gave: they are for measuring."""
    for solution in solutions:
        if solution.meta.get(MEASURING_ONLY) or solution.meta.get("method") == "oracle":
            raise UserError(
                f"the labels of problem {problem_of(solution)} are an oracle's, which are for measuring only; label "
                "the same solutions by another method"
            )


def refuse_one_class(rows: Sequence[StepRow], on_outcomes: bool) -> None:
    """UserError for labels that are all alike: whatever a model learns from them, it is not to judge."""
    found = [[row.ending] if on_outcomes else row.labels for row in rows]
    labels = {label for own in found for label in own if label is not None}
    if not labels:
        raise UserError("the data holds no label to train on; label more problems, or lower held_out")
    if len(labels) == 1:
        raise UserError(
            f"every label to train on is {labels.pop():g}, so there is nothing to tell apart; label more solutions, "
            "right and wrong ones"
        )


def _values(model: PreTrainedModel, rows: list[StepRow], asked: StepTraining) -> Values:
    if not rows:
        return []
    if make_loss(asked.loss).outputs:
        return head_values(model, rows)
    return log_ratio_values(model, load_policy(asked.base, asked.device), rows, asked.loss.beta)


def _judgement(values: Values, rows: list[StepRow]) -> dict[str, Any]:
    found = {"steps": judge_steps(values, rows), "ends": judge_ends(values, rows)}
    return {
        name: {key: round(value, 6) if isinstance(value, float) else value for key, value in asdict(one).items()}
        for name, one in found.items()
    }


def _add(folder: Path, found: dict[str, Any], outputs: int, asked: StepTraining) -> None:
    if not outputs:
        load_policy(asked.base).save_pretrained(folder / REFERENCE)
    (folder / RECORD).write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
