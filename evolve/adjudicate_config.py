"""What ``scripts.adjudicate`` is asked, and whether two folders are a pair of adjudicators. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evolve.prm_judging import DataForm
from prm.answer_prompt import answer_prompt_of
from prm.record import read_record
from tasks.durable import sha256_file
from tasks.errors import UserError


@dataclass
class AdjudicateConfig:
    """Which two process models score the steps of what."""

    aware: str = "outputs/prm_aware"  # a folder of scripts.train_prm with sees_answer=true
    blind: str = "outputs/prm_blind"  # the same training without, or another process model that sees no answer
    data: str = ""  # a file of labelled solutions with their reference answers; or run
    format: DataForm = DataForm.OWN  # of data
    run: str = ""  # a run folder, or its name: every node of a round's trees is scored; or data
    round: int | None = None  # run: whose trees; none: those of the last finished round
    held_out: bool = True  # run: the figures are of the trees of held-out problems; false: of those learned from
    problems: int | None = None  # run: the first so many of either kind; none: all
    resamples: int = 400  # draws for intervals
    seed: int = 0  # of the draws, and of which wrong answers are planted
    out: str = ""  # folder of adjudicate.json, .md, .html; empty: outputs/adjudicate/AWARE-BLIND-WHAT
    device: str = "auto"  # auto, cpu, cuda
    workers: int = 1  # processes that score; never changes a result
    progress: bool = True  # show bars (plain lines where there is no terminal)


_ALIKE = ("base", "data", "sha256", "form", "template", "loss", "seed")
_MAY_DIFFER = (
    "sees_answer",
    "answer_template",
    "out",
    "overwrite",
    "workers",
    "device",
    "progress",
    "checkpoint_steps",
    "judged_on",
)


def check_adjudicate(config: AdjudicateConfig) -> None:
    """Refuse options, and folders, that cannot work. UserError."""
    if bool(config.data) == bool(config.run):
        raise UserError("name what is adjudicated, either data=FILE (labelled solutions) or run=FOLDER (its trees)")
    if config.data and not Path(config.data).is_file():
        raise UserError(f"data={config.data}: there is no such file; name a file of labelled solutions")
    if config.format is DataForm.SAMPLED:
        raise UserError("format=sampled has no labels and no reference answers; use another format")
    if config.problems is not None and config.problems < 1:
        raise UserError(f"problems must be null or at least 1, got {config.problems}")
    if config.resamples < 20:
        raise UserError(f"resamples must be at least 20, got {config.resamples}")
    for name in ("aware", "blind"):
        folder = Path(getattr(config, name))
        if not (folder / "config.json").is_file():
            raise UserError(f"{name}={folder}: no model folder here; name a folder of scripts.train_prm")
    if answer_prompt_of(config.aware) is None:
        raise UserError(f"aware={config.aware} does not see the reference answer; train it with sees_answer=true")
    if answer_prompt_of(config.blind) is not None:
        raise UserError(f"blind={config.blind} sees the reference answer; train it with sees_answer=false")
    _refuse_two_tokenizers(config)


def differences(config: AdjudicateConfig) -> list[str]:
    """What tells the two apart besides the answer, a sentence each: then their difference is not the answer's alone."""
    aware, blind = read_record(config.aware) or {}, read_record(config.blind)
    if blind is None:
        return [
            "the blind one is no folder of scripts.train_prm: the two differ in more than in the sight of the answer"
        ]
    mine, theirs = aware.get("options") or {}, blind.get("options") or {}
    other = [name for name in _ALIKE if aware.get(name) != blind.get(name)]
    told = {*_ALIKE, *_MAY_DIFFER}
    other += sorted(name for name in {*mine, *theirs} - told if mine.get(name) != theirs.get(name))
    if not other:
        return []
    return [f"the two were trained differently ({', '.join(other)}), and not only in the sight of the answer"]


def _refuse_two_tokenizers(config: AdjudicateConfig) -> None:
    files = [Path(folder) / "tokenizer.json" for folder in (config.aware, config.blind)]
    if all(file.is_file() for file in files) and len({sha256_file(file) for file in files}) > 1:
        raise UserError(
            f"aware={config.aware} and blind={config.blind} have different tokenizers, so they do not read the same "
            "steps; train both from the same base"
        )
