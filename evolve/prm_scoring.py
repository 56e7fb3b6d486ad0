"""Scores of many solutions by one process model, in worker processes: this one never loads torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from evolve.progress import stage_progress
from evolve.workers import Job, WorkerPool
from prm.judging.label_file import LabelFile
from prm.judging.scored import Prm, SolutionPrm, score_solutions
from tasks.errors import DataError, UserError
from tasks.readers.formats import read_labelled
from tasks.readers.labelled import LabelledSolution

Scores = tuple[float, ...]

_AT_ONCE = 16  # solutions a job
_PLAIN = "{prompt}"


@dataclass(frozen=True, slots=True)
class PrmAsked:
    """Which model scores, and how. ``template``: empty for that of the run which the folder stands in."""

    path: Path
    kind: str = "own"
    template: str = ""
    device: str = "auto"
    workers: int = 0
    progress: bool = True


def score_file_rows(asked: PrmAsked, solutions: Sequence[LabelledSolution]) -> list[Scores | None]:
    """The scores of each solution's steps, in order; None for one that a file of labels does not know."""
    if asked.path.is_file():
        return score_solutions(LabelFile(read_labelled(asked.path, "own")), solutions)
    starts = range(0, len(solutions), _AT_ONCE)
    model = {
        "path": asked.path,
        "kind": asked.kind,
        "template": asked.template or template_of(asked.path),
        "device": asked.device,
    }
    jobs = [
        Job(f"solutions {at + 1} on", score_job, {**model, "solutions": list(solutions[at : at + _AT_ONCE])})
        for at in starts
    ]
    with (
        WorkerPool(asked.workers) as pool,
        stage_progress("scoring", len(solutions), asked.progress, unit="solutions") as bar,
    ):
        return [scores for outcome in pool.run(jobs, bar.follow, in_order=True) for scores in outcome.value]


def score_job(
    report: Callable[..., None],
    path: Path,
    kind: str,
    template: str,
    device: str,
    solutions: Sequence[LabelledSolution],
) -> list[Scores | None]:
    """A job: the scores of some solutions."""
    from evolve.models import weights_version

    found = score_solutions(_opened(path, weights_version(path), kind, template, device), solutions)
    report(len(solutions), len(solutions))
    return found


def template_of(path: Path) -> str:
    """How the run that the folder stands in (nearest first) prompts its policy; the prompt alone outside of a run.

    DataError for a run's config that cannot be read.
    """
    for parent in path.resolve().parents:
        file = parent / "config.yaml"
        if file.is_file() and (parent / "run.json").is_file():
            try:
                saved: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
                return str(saved["policy"]["prompt"]["template"])
            except (OSError, yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError) as error:
                raise DataError(f"{file}: it does not say how the policy was prompted; set template") from error
    return _PLAIN


@lru_cache(maxsize=1)
def _opened(path: Path, version: int, kind: str, template: str, device: str) -> Prm | SolutionPrm:
    """Once a process, and again where the weights (``version``) are new."""
    import torch

    from evolve.models import device_of
    from policy.config import EngineConfig, PromptConfig
    from policy.proposer import PromptEncoder
    from prm.public.ready import open_step_prm

    if _PLAIN not in template:
        raise UserError(f"template must hold {_PLAIN}, got {template!r:.60}")
    torch.set_num_threads(1)
    where = device_of(EngineConfig(device=device))
    return open_step_prm(kind, path, lambda tokenizer: PromptEncoder(PromptConfig(template), tokenizer), where)
