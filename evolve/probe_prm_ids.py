"""The job that gives rewritten steps their token ids, where a process model reads solutions as they were sampled."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from lm.folder import load_tokenizer
from policy.config import PromptConfig
from policy.proposer import PromptEncoder
from prm.answer_prompt import answer_prompt_of
from prm.generative.form import TrainedForm
from prm.generative.rows import VerificationEncoder
from prm.probing.perturbed import Perturbed
from prm.record import read_record, step_end_of
from prm.step_rows import StepEncoder, StepRow
from tasks.errors import DataError
from tasks.readers.labelled import LabelledSolution


def with_ids_job(
    report: Callable[..., None], path: Path, template: str, pairs: Sequence[tuple[LabelledSolution, Perturbed]]
) -> list[LabelledSolution | None]:
    """Each rewritten solution with its ids; None for one that it cannot read: too long, or not spelled by ids."""
    tokenizer = load_tokenizer(path)
    row_of = _reader(path, PromptEncoder(PromptConfig(template), tokenizer), tokenizer)
    context = json.loads((path / "config.json").read_text(encoding="utf-8")).get("max_position_embeddings", 2**31)
    found: list[LabelledSolution | None] = []
    for original, perturbed in pairs:
        solution = perturbed.with_ids(original, tokenizer)
        try:
            is_read = row_of(solution).length <= context
        except DataError:
            is_read = False
        found.append(solution if is_read else None)
    report(len(pairs), len(pairs))
    return found


def _reader(
    path: Path, prompt_ids: PromptEncoder, tokenizer: PreTrainedTokenizerFast
) -> Callable[[LabelledSolution], StepRow]:
    """The rows that the model reads; those of a generative one leave room for the shortest verification and verdict."""
    told = (read_record(path) or {}).get("generative")
    if told is None:
        return StepEncoder(prompt_ids, tokenizer, step_end_of(path), answer_prompt_of(path))
    right, wrong = (str(word) for word in told["verdicts"])
    form = TrainedForm(tokenizer, (right, wrong))
    return VerificationEncoder(prompt_ids, tokenizer, step_end_of(path), answer_prompt_of(path), form=form).questions_of
