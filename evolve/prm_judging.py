"""Judging a process reward model, or a way of labelling, on a file: ``python -m scripts.eval_prm``."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evolve.prm_choice import choice_figures
from evolve.prm_figures import step_figures
from evolve.prm_report import write_report
from evolve.prm_scoring import JUDGE, PrmAsked, score_file_rows
from mcts.votes import Aggregation
from prm.generative.config import ReasoningConfig
from prm.judging.first_error import best_threshold, divided, kinds, usable
from prm.judging.scored import ScoredSolution
from prm.labels.config import EndpointConfig
from tasks.errors import UserError
from tasks.options import Option
from tasks.readers.care import LabelCare, examine, refuse_shared, refuse_unfit
from tasks.readers.formats import read_labelled
from tasks.readers.labelled import LabelledSolution
from tasks.readers.sampled import read_sampled

RECORDED = "recorded"


class DataForm(Option):
    """What the rows of the judged data look like."""

    OWN = "own"  # what scripts.label writes
    PROCESSBENCH = "processbench"  # first errors
    PRM800K = "prm800k"  # ratings of steps, several after the same steps
    MATH_SHEPHERD = "math_shepherd"  # + and - at the ends of steps
    TRL_STEPWISE = "trl_stepwise"  # true and false
    SAMPLED = "sampled"  # several solutions a problem with their verdicts, to choose from; no step is labelled


@dataclass
class EvalPrmConfig:
    """What is judged, on what."""

    prm: str = ""  # a model folder, or a file of labels (.jsonl); recorded: the scores in format=sampled;
    # judge: what answers at judge.base_url; empty: none
    kind: str = "own"  # of the folder: own, generative, prompted, qwen2.5_math_prm, math_shepherd, rlhflow, skywork
    reason: ReasoningConfig = field(default_factory=ReasoningConfig)
    judge: EndpointConfig = field(default_factory=EndpointConfig)
    template: str = ""  # how a prompt was put to the model; empty: as its run did, else the prompt alone
    device: str = "auto"  # auto, cpu, cuda
    data: str = ""  # the file of judged rows
    format: DataForm = DataForm.OWN
    trained_on: str = ""  # a file of labels that no judged problem may be in
    trained_on_format: DataForm = DataForm.OWN
    threshold: float | None = None  # a score below it says "wrong"; none: chosen where nothing is judged
    threshold_data: str = ""  # the file that it is chosen on, in the same format; empty: a share of the data
    threshold_share: float = 0.25  # of the data's problems, which are then not judged
    choose_by: Aggregation = Aggregation.MIN  # format=sampled: how step scores become a solution's
    step_separator: str = "\n\n"  # format=sampled: what stands between the steps of a solution
    continuations: int | None = None  # labels that are values: how many each was measured by; none: as the data says
    bins: int = 10  # of the reliability plot
    resamples: int = 400  # draws for intervals and deviations
    seed: int = 0  # of the draws, and of which problems choose the threshold
    out: str = ""  # folder of eval.json, eval.md, eval.html; empty: outputs/eval_prm/PRM-DATA
    workers: int = 1  # processes that score; never changes a result
    progress: bool = True  # show bars (plain lines where there is no terminal)


def judge_prm(config: EvalPrmConfig) -> tuple[dict[str, Any], Path]:
    """Judge, write the files, and return what stands in ``eval.json``, and their folder."""
    _check(config)
    spent: Counter[str] = Counter()
    found: dict[str, Any] = {"prm": config.prm, "data": config.data, "format": str(config.format)}
    if config.format is DataForm.SAMPLED:
        found |= _choosing(config, spent)
    else:
        found |= _steps(config, spent)
    if spent:
        found["judging"] = dict(spent)
    folder = Path(config.out) if config.out else Path("outputs/eval_prm") / _name(config)
    write_report(found, folder)
    return found, folder


def _choosing(config: EvalPrmConfig, spent: Counter[str]) -> dict[str, Any]:
    rows = read_sampled(Path(config.data))
    if config.prm in ("", RECORDED):
        scores = [row.scores for row in rows]
        if rows[0].scores is None:
            raise UserError(f"{config.data} has no recorded scores; name a model, prm=FOLDER")
        found = choice_figures(rows, [each or () for each in scores], None, config.seed, config.resamples)
    else:
        texts = [(row.prompt, text) for row in rows for text in row.texts]
        cut = [LabelledSolution(prompt, steps, (None,) * len(steps)) for prompt, steps in _cut(texts, config)]
        given = iter(score_file_rows(asked_of(config), cut, spent))
        scored = [[next(given) for _ in row.texts] for row in rows]
        found = choice_figures(rows, scored, config.choose_by, config.seed, config.resamples)
    return {"problems": len(rows), "solutions_each": len(rows[0].texts), **found}


def _cut(texts: list[tuple[str, str]], config: EvalPrmConfig) -> list[tuple[str, tuple[str, ...]]]:
    cut = []
    for prompt, text in texts:
        steps = tuple(part.strip() for part in text.split(config.step_separator) if part.strip())
        cut.append((prompt, steps or (text,)))
    return cut


def _steps(config: EvalPrmConfig, spent: Counter[str]) -> dict[str, Any]:
    solutions = list(read_labelled(Path(config.data), config.format))
    care = examine(solutions)
    about: dict[str, Any] = {"care": care.as_json(), "remarks": care.remarks}
    if config.trained_on:
        learned = read_labelled(Path(config.trained_on), config.trained_on_format)
        refuse_shared({config.trained_on: learned, config.data: solutions})
    if not config.prm:
        return about
    refuse_unfit(care, config.data)
    scored, left_out = scored_solutions(config, solutions, spent)
    threshold: dict[str, Any] | None = None
    continuations = config.continuations or _continuations(solutions)
    if not is_valued(care):
        scored, threshold = with_threshold(config, scored, spent)
    found = step_figures(scored, threshold["value"] if threshold else None, continuations, config)
    cost = label_cost(Path(config.prm))
    return {**about, "cost": cost, "left_out": left_out, "judged": len(scored), "threshold": threshold, **found}


def is_valued(care: LabelCare) -> bool:
    """Do the labels say how much a step is worth, and not whether it is right? Then no first error is told."""
    return care.degrees > 0


def scored_solutions(
    config: EvalPrmConfig, solutions: list[LabelledSolution], spent: Counter[str]
) -> tuple[list[ScoredSolution], int]:
    """The solutions with their scores, and how many the model (a file of labels) does not know. UserError if all."""
    given = score_file_rows(asked_of(config), solutions, spent)
    found = [ScoredSolution(one, scores) for one, scores in zip(solutions, given, strict=True) if scores is not None]
    if not found:
        raise UserError(f"{config.prm} knows none of the {len(solutions)} solutions of {config.data}; label that file")
    return found, len(solutions) - len(found)


def with_threshold(
    config: EvalPrmConfig, scored: list[ScoredSolution], spent: Counter[str]
) -> tuple[list[ScoredSolution], dict[str, Any] | None]:
    """The solutions that are judged, and the threshold with where it comes from; None where F1 cannot be told."""
    if config.threshold is not None:
        return scored, {"value": config.threshold, "source": "given", "solutions": 0}
    if config.threshold_data:
        chosen = list(read_labelled(Path(config.threshold_data), config.format))
        refuse_shared({config.threshold_data: chosen, config.data: [one.solution for one in scored]})
        choosing, source = usable(scored_solutions(config, chosen, spent)[0]), config.threshold_data
    else:
        choosing, scored = divided(scored, config.threshold_share, config.seed)
        choosing, source = usable(choosing), f"{100 * config.threshold_share:g} % of the problems, not judged"
        if not scored:
            raise UserError(
                f"threshold_share={config.threshold_share:g} leaves no problem to be judged; lower it, or set threshold"
            )
    if kinds(choosing) != {True, False}:
        raise UserError(
            f"the {len(choosing)} solutions that the threshold is chosen on ({source}) do not hold both erroneous and "
            "correct ones; set threshold_share, or threshold"
        )
    return scored, {"value": best_threshold(choosing), "source": source, "solutions": len(choosing)}


def _continuations(solutions: list[LabelledSolution]) -> int | None:
    """The number that the data tells, if it is one for all."""
    told = {one.meta.get("continuations") for one in solutions}
    (number,) = told if len(told) == 1 else (None,)
    return number if isinstance(number, int) and number >= 2 else None


def label_cost(prm: Path) -> dict[str, int] | None:
    """What a file of labels cost, summed (``prm.labels.base.Costs``), so that methods are held against their price."""
    if not prm.is_file():
        return None
    total: Counter[str] = Counter()
    for one in read_labelled(prm, "own"):
        spent = one.meta.get("cost")
        if isinstance(spent, dict):
            total.update({str(name): count for name, count in spent.items() if isinstance(count, int)})
    return dict(total)


def asked_of(config: EvalPrmConfig) -> PrmAsked:
    """The model that is judged, as whoever scores is told of it."""
    return PrmAsked(
        Path(config.prm),
        JUDGE if config.prm == JUDGE else config.kind,
        config.template,
        config.device,
        config.workers,
        config.progress,
        config.reason,
        config.judge,
        config.seed,
    )


def _check(config: EvalPrmConfig) -> None:
    if not config.data:
        raise UserError("data is empty; give the file of judged rows, data=FILE")
    if not Path(config.data).is_file():
        raise UserError(f"data={config.data}: there is no such file; give the file of judged rows")
    if config.prm == RECORDED and config.format is not DataForm.SAMPLED:
        raise UserError(f"prm={RECORDED} means the scores in format=sampled, got format={config.format}")
    if config.prm not in ("", RECORDED, JUDGE) and not Path(config.prm).exists():
        raise UserError(f"prm={config.prm}: there is no such folder or file; name a process model or a file of labels")
    if config.trained_on_format is DataForm.SAMPLED:
        raise UserError("trained_on_format=sampled has no labels to be trained on; use another format")
    if not 0 < config.threshold_share < 1:
        raise UserError(f"threshold_share must lie between 0 and 1, got {config.threshold_share}")
    if not config.step_separator:
        raise UserError("step_separator is empty; give what stands between two steps")
    for name, least in (("bins", 1), ("resamples", 20)):
        if getattr(config, name) < least:
            raise UserError(f"{name} must be at least {least}, got {getattr(config, name)}")
    if config.continuations is not None and config.continuations < 2:
        raise UserError(f"continuations must be at least 2, got {config.continuations}")


def _name(config: EvalPrmConfig) -> str:
    prm = "-".join(Path(config.prm).parts[-2:]) if config.prm else "data"
    return re.sub(r"[^\w.-]+", "_", f"{prm}-{Path(config.data).stem}")[:120]
