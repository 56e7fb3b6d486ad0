"""Training a process model on labelled solutions, whatever the loss: labels are checked, a folder comes out.

The folder is an ordinary HF one (``*ForSequenceClassification``, or a causal language model for ``generative`` and for
``implicit``, whose reference stands beside it in ``reference/``) and has one file more, ``prm.json``: the loss, its
numbers, and what was found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lm.config import OptimiserConfig
from lm.folder import load_policy, load_tokenizer, save_model
from lm.train import StepRecord
from prm.answer_prompt import AnswerPrompt, refuse_seen_answers
from prm.generative.asking import MakeWrites
from prm.generative.config import ReasoningConfig
from prm.generative.training import WrittenJudgement, encoder_of
from prm.held_out import split
from prm.labels.oracle import MEASURING_ONLY
from prm.losses.base import PrmLoss
from prm.losses.config import LossName, LossSettings
from prm.losses.ready import make_loss
from prm.model import PromptIds, new_scorer_from_policy
from prm.record import RECORD
from prm.step_rows import StepEncoder, StepRow, ending_of, fit, problem_of
from prm.train_files import METRICS, TrainingFiles, metrics_text, weights_of
from prm.train_judgement import HeldOutJudgement
from prm.train_watched import Watch, WatchedTraining
from tasks.errors import UserError
from tasks.readers.care import examine, refuse_alike, refuse_shared
from tasks.readers.labelled import LabelledSolution
from tasks.seeding import derive_seed

REFERENCE = "reference"
_NEUTRAL = ("out", "under_way", "checkpoint_steps", "device")  # of the options: what no result depends on


@dataclass(frozen=True)
class StepTraining:
    """What is trained, from what, and how. ``answer_template``: how it is shown the answer; empty: not at all.

    ``patience``: see ``prm.train_watched.Watch``; ``validation`` is the share of the problems learned from that decides
    when it ends, never one of those held out. ``under_way``: a folder that the training is taken up from if it was
    killed, with a checkpoint every ``checkpoint_steps`` steps and at the end of each epoch.
    """

    loss: LossSettings
    base: Path
    out: Path
    optimiser: OptimiserConfig
    held_out: float = 0.1
    step_end: str = "\n"
    cut_long: bool = False
    seed: int = 0
    device: str = "cpu"
    reason: ReasoningConfig = field(default_factory=ReasoningConfig)
    answer_template: str = ""
    patience: int = 0
    validation: float = 0.1
    under_way: Path | None = None
    checkpoint_steps: int = 0


def train_on_labels(
    solutions: Sequence[LabelledSolution],
    asked: StepTraining,
    make_prompt_ids: Callable[[PreTrainedTokenizerFast], PromptIds],
    about: dict[str, Any] | None = None,
    on_step: Callable[[StepRecord, int], None] = lambda record, steps: None,
    make_writes: MakeWrites | None = None,
) -> dict[str, Any]:
    """Train, judge on held-out problems, write the folder; return what ``prm.json`` holds. ``about`` is put into it.

    ``make_writes``: the engine that ``loss=generative`` judges held-out steps with; without it they are not judged.
    UserError (DataError) for labels that cannot be learned from, ids of another tokenizer, and a loss not finite.
    """
    refuse_oracle(solutions)
    if not asked.answer_template:
        refuse_seen_answers(asked.base, "as the base of one that does not")
    loss = make_loss(asked.loss)
    seed = derive_seed(asked.seed, "head")
    if loss.outputs:
        model, tokenizer = new_scorer_from_policy(asked.base, seed, asked.device, loss.outputs)
    else:
        model, tokenizer = load_policy(asked.base, asked.device), load_tokenizer(asked.base)
    answer = AnswerPrompt(asked.answer_template) if asked.answer_template else None
    encode = encoder_of(asked.loss, make_prompt_ids(tokenizer), tokenizer, asked.step_end, answer)
    parts = _parts(solutions, asked, loss.on_outcomes, str((about or {}).get("data", "the labels")))
    fitting = [_fitting(part, encode, model, asked, loss) for part in parts]
    (learned, validation, held_out), lost = (rows for rows, _ in fitting), sum(cut for _, cut in fitting)
    rows = [*learned, *validation, *held_out]
    what = f"PRM training ({asked.loss.name})"
    lessons = loss.rows(learned, model)
    written = WrittenJudgement(tokenizer, make_writes, asked.reason, derive_seed(asked.seed, "judging"), rows)
    judged = HeldOutJudgement(asked.loss, asked.base, asked.device, held_out, written)
    files = TrainingFiles(asked.under_way, _all_that_counts(asked, about or {}))
    watch = Watch(
        asked.patience,
        _validation_rows(loss, validation, model, what),
        judged.after_epoch,
        files.checkpoint,
        asked.checkpoint_steps,
        files.write,
    )
    seed = derive_seed(asked.seed, "batches")
    training = WatchedTraining(model, lessons, loss, asked.optimiser, seed, what, watch)
    training.run(on_step)
    counts = {"solutions": len(rows), "labels": sum(len(row.known) for row in rows), "labels_cut": lost}
    counts |= {"training_rows": len(lessons), "learned": len(learned), "held_out": len(held_out)}
    found = {
        **(about or {}),
        **_as_asked(asked, loss.outputs),
        "rows": counts | {"validation": len(validation)},
        **_as_trained(training),
        "held_out": judged(model),
        **({"generative": written.record()} if asked.loss.name is LossName.GENERATIVE else {}),
    }
    metrics = metrics_text(training.course.epochs)
    save_model(model, tokenizer, asked.out, lambda folder: _add(folder, found, metrics, asked))
    files.remove()
    return found


def _as_asked(asked: StepTraining, outputs: int) -> dict[str, Any]:
    loss = {"loss": asdict(asked.loss), "outputs": outputs}
    return loss | {"answer_template": asked.answer_template, "seed": asked.seed}


def _as_trained(training: WatchedTraining) -> dict[str, Any]:
    course = training.course
    last = {"optimiser_steps": training.steps, "last_loss": round(course.last_loss, 6)}
    return last | {"epochs": len(course.epochs), "kept_epoch": course.kept or None}


def refuse_oracle(solutions: Sequence[LabelledSolution]) -> None:
    """UserError for labels that a task's oracle gave: they are for measuring."""
    for solution in solutions:
        if solution.meta.get(MEASURING_ONLY) or solution.meta.get("method") == "oracle":
            raise UserError(
                f"the labels of problem {problem_of(solution)} are an oracle's, which are for measuring only; label "
                "the same solutions by another method"
            )


def _parts(
    solutions: Sequence[LabelledSolution], asked: StepTraining, on_outcomes: bool, name: str
) -> list[list[LabelledSolution]]:
    """Solutions to learn from, those of which it is told when to end, and held-out ones. DataError for unfit ones."""
    learned, held_out = split(solutions, asked.held_out, asked.seed)
    validation: list[LabelledSolution] = []
    if asked.patience:
        learned, validation = split(learned, asked.validation, asked.seed)
        if not validation:
            raise UserError(
                f"validation={asked.validation:g} of the problems of {name} is none; raise it, or patience=0"
            )
    refuse_shared({"the problems learned from": learned, "validation": validation, "the held-out problems": held_out})
    taught = [replace(one, labels=(ending_of(one),), steps=one.steps[-1:], token_ids=()) for one in learned]
    refuse_alike(examine(taught if on_outcomes else learned), name)
    return [learned, validation, held_out]


def _fitting(
    part: Sequence[LabelledSolution], encode: StepEncoder, model: PreTrainedModel, asked: StepTraining, loss: PrmLoss
) -> tuple[list[StepRow], int]:
    """The solutions that the model can read, as rows, and how many labels are left out."""
    rows = [encode(solution) for solution in part]
    return fit(rows, model.config.max_position_embeddings, asked.cut_long, loss.on_outcomes)


def _validation_rows(loss: PrmLoss, rows: list[StepRow], start: PreTrainedModel, what: str) -> list[Any]:
    try:
        return loss.rows(rows, start) if rows else []
    except UserError as error:
        raise UserError(f"{what}, the validation problems: {error}; or raise validation, or use patience=0") from error


def _all_that_counts(asked: StepTraining, about: dict[str, Any]) -> dict[str, Any]:
    """What the weights depend on, for a checkpoint to be known by."""
    options = {name: value for name, value in asdict(asked).items() if name not in _NEUTRAL}
    return {"options": options, "about": about, "base": weights_of(asked.base)}


def _add(folder: Path, found: dict[str, Any], metrics: str, asked: StepTraining) -> None:
    if asked.loss.name is LossName.IMPLICIT:
        load_policy(asked.base).save_pretrained(folder / REFERENCE)
    (folder / METRICS).write_text(metrics, encoding="utf-8")
    (folder / RECORD).write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
