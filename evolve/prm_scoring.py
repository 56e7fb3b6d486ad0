"""Scores of many solutions by one process model, in worker processes: this one never loads torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from evolve.progress import stage_progress
from evolve.workers import Job, WorkerPool
from prm.generative.config import GENERATIVE, PROMPTED, ReasoningConfig
from prm.judging.label_file import LabelFile
from prm.judging.scored import Prm, SolutionPrm, score_solutions
from prm.labels.config import EndpointConfig
from prm.record import read_record
from tasks.errors import DataError, UserError
from tasks.readers.formats import read_labelled
from tasks.readers.labelled import LabelledSolution

Scores = tuple[float, ...]

_AT_ONCE = 16  # solutions a job
_PLAIN = "{prompt}"
JUDGE = "judge"  # in a model's place: what answers behind an endpoint


@dataclass(frozen=True, slots=True)
class PrmAsked:
    """Which model scores, and how. ``template``: empty for that of the run which the folder stands in.

    ``reason``, ``judge``, ``seed``: of models that write before they judge.
    """

    path: Path
    kind: str = "own"
    template: str = ""
    device: str = "auto"
    workers: int = 0
    progress: bool = True
    reason: ReasoningConfig = field(default_factory=ReasoningConfig)
    judge: EndpointConfig = field(default_factory=EndpointConfig)
    seed: int = 0


def score_file_rows(
    asked: PrmAsked, solutions: Sequence[LabelledSolution], spent: Counter[str] | None = None
) -> list[Scores | None]:
    """The scores of each solution's steps, in order; None for one that a file of labels does not know.

    ``spent``: what models that write before they judge took for it is added there
    (``prm.generative.asking.JudgingCounts``).
    """
    if asked.path.is_file():
        return score_solutions(LabelFile(read_labelled(asked.path, "own")), solutions)
    starts = range(0, len(solutions), _AT_ONCE)
    model = {
        "path": asked.path,
        "kind": asked.kind,
        "template": asked.template or template_of(asked.path),
        "device": asked.device,
        "reason": asked.reason,
        "judge": asked.judge,
        "seed": asked.seed,
    }
    jobs = [
        Job(f"solutions {at + 1} on", score_job, {**model, "solutions": list(solutions[at : at + _AT_ONCE])})
        for at in starts
    ]
    with (
        WorkerPool(asked.workers) as pool,
        stage_progress("scoring", len(solutions), asked.progress, unit="solutions") as bar,
    ):
        found: list[Scores | None] = []
        for outcome in pool.run(jobs, bar.follow, in_order=True):
            scores, counts = outcome.value
            found += scores
            if spent is not None:
                spent.update(counts)
        return found


def score_job(
    report: Callable[..., None],
    path: Path,
    kind: str,
    template: str,
    device: str,
    solutions: Sequence[LabelledSolution],
    reason: ReasoningConfig,
    judge: EndpointConfig,
    seed: int,
) -> tuple[list[Scores | None], dict[str, int]]:
    """A job: the scores of some solutions, and what they took."""
    from evolve.models import weights_version

    prm = _opened(path, weights_version(path), kind, template, device, astuple(reason), astuple(judge), seed)
    before = _counts(prm)
    found = score_solutions(prm, solutions)
    report(len(solutions), len(solutions))
    return found, {name: count - before[name] for name, count in _counts(prm).items()}


def _counts(prm: Prm | SolutionPrm) -> dict[str, int]:
    """What a model that writes has taken so far; nothing for any other."""
    counts = getattr(prm, "counts", None)
    return {} if counts is None else asdict(counts)


def template_of(path: Path) -> str:
    """How a model's prompts were put, as its record says; else as the run prompts that it stands in (nearest first).

    The prompt alone outside of a run. DataError for a record, or a run's config, that cannot be read.
    """
    if template := (read_record(path) or {}).get("template"):
        return str(template)
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
def _opened(path: Path, version: int, kind: str, template: str, device: str, *written: Any) -> Prm | SolutionPrm:
    """Once a process, and again where the weights (``version``) are new."""
    import torch
    from transformers import PreTrainedTokenizerFast

    from evolve.models import device_of
    from policy.config import EngineConfig, PromptConfig
    from policy.proposer import PromptEncoder
    from prm.public.ready import open_step_prm

    if _PLAIN not in template:
        raise UserError(f"template must hold {_PLAIN}, got {template!r:.60}")
    torch.set_num_threads(1)
    where = device_of(EngineConfig(device=device))

    def encoder(tokenizer: PreTrainedTokenizerFast) -> PromptEncoder:
        return PromptEncoder(PromptConfig(template), tokenizer)

    if kind in (GENERATIVE, PROMPTED, JUDGE):
        from evolve.prm_written import open_writing

        return open_writing(kind, path, encoder, where, *written)
    return open_step_prm(kind, path, encoder, where)
