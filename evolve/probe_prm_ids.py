"""The job that gives rewritten steps their token ids, where a process model reads solutions as they were sampled."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from lm.folder import load_tokenizer
from policy.config import PromptConfig
from policy.proposer import PromptEncoder
from prm.answer_prompt import answer_prompt_of
from prm.probing.perturbed import Perturbed
from prm.step_rows import StepEncoder
from tasks.errors import DataError
from tasks.readers.labelled import LabelledSolution


def with_ids_job(
    report: Callable[..., None], path: Path, template: str, pairs: Sequence[tuple[LabelledSolution, Perturbed]]
) -> list[LabelledSolution | None]:
    """Each rewritten solution with its ids; None for one that it cannot read: too long, or not spelled by ids."""
    tokenizer = load_tokenizer(path)
    prompt_ids = PromptEncoder(PromptConfig(template), tokenizer)
    encode = StepEncoder(prompt_ids, tokenizer, answer=answer_prompt_of(path))
    context = json.loads((path / "config.json").read_text(encoding="utf-8")).get("max_position_embeddings", 2**31)
    found: list[LabelledSolution | None] = []
    for original, perturbed in pairs:
        solution = perturbed.with_ids(original, tokenizer)
        try:
            is_read = encode(solution).length <= context
        except DataError:
            is_read = False
        found.append(solution if is_read else None)
    report(len(pairs), len(pairs))
    return found
