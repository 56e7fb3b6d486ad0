"""Two adjudicators, one of which sees the reference answer, score the same steps: ``python -m scripts.adjudicate``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evolve.adjudicate_config import AdjudicateConfig, check_adjudicate, differences
from evolve.adjudicate_figures import figures
from evolve.adjudicate_report import write_adjudication
from evolve.adjudicate_solutions import Given, TreePaths, of_file, of_run, other_answers
from evolve.prm_scoring import PrmAsked, score_file_rows
from evolve.tree_scores import NAME, ScoredTree, write_tree_scores
from prm.answer_prompt import answer_prompt_of
from prm.generative.config import GENERATIVE
from prm.judging.adjudicators import Adjudicated, Scores
from prm.record import read_record
from tasks.durable import sha256_file, write_text_atomic
from tasks.errors import DataError
from tasks.readers.care import examine, problem_key
from tasks.readers.formats import read_labelled
from tasks.readers.labelled import LabelledSolution


def adjudicate(config: AdjudicateConfig) -> tuple[dict[str, Any], list[Path]]:
    """Score, judge, write the files; what stands in ``adjudicate.json``, and the files with the scores and the report.

    UserError for folders that are no pair, and for a problem without a reference answer.
    """
    check_adjudicate(config)
    place: Path | None = None
    if config.run:
        place, given = of_run(config.run, config.round, config.held_out, config.problems)
    else:
        given = of_file(list(read_labelled(Path(config.data), config.format)))
    if not given.solutions:
        raise DataError(f"{config.data}: there is no labelled solution; give one a line")
    shown = answer_prompt_of(config.aware)
    assert shown is not None, "checked above"
    for one in given.solutions:
        shown(one)  # an answer that is missing is told before anything is scored
    found, scored = _judge(config, given, str(place or config.data))
    folder = Path(config.out) if config.out else Path("outputs/adjudicate") / _name(config, place)
    scores = folder / "scores.jsonl" if place is None else place / NAME
    if place is None:
        write_text_atomic(scores, "".join(map(_line, range(len(scored)), scored)))
    else:
        models = {"aware": config.aware, "blind": config.blind}
        write_tree_scores(scores, (_of_tree(each, scored) for each in given.trees), models)
    write_adjudication(found, folder)
    return found, [scores, folder / "adjudicate.html"]


def _judge(config: AdjudicateConfig, given: Given, what: str) -> tuple[dict[str, Any], list[Adjudicated]]:
    aware, blind = (_scores(config, folder, given.solutions) for folder in (config.aware, config.blind))
    scored = [
        Adjudicated(*parts) for parts in zip(given.solutions, aware, blind, given.is_whole, strict=True)
    ]  # fmt: skip
    judged = [one for one, counts in zip(scored, given.is_judged, strict=True) if counts]
    remarks = differences(config) + _learned(config, judged)
    solutions = [one.solution for one in judged]
    care = examine(solutions)
    if care.degrees:
        remarks.append("the labels say how much a step is worth, so first errors and wrong steps are left out")
        judged = [replace(one, solution=_unlabelled(one.solution)) for one in judged]
    others = other_answers(solutions, config.seed)
    if others is None:
        remarks.append("all reference answers are equal, so no wrong one could be planted")
    about = {
        "aware": config.aware,
        "blind": config.blind,
        "what": what,
        "truth": given.truth,
        "problems": care.problems,
        "solutions": len(judged),
        "steps": care.steps,
        "remarks": remarks,
    }
    found = figures(judged, _planted(config, judged, others or {}), config.seed, config.resamples)
    return {**about, **found}, scored


def _planted(config: AdjudicateConfig, judged: Sequence[Adjudicated], others: dict[str, str]) -> list[Scores | None]:
    """What the aware one says of each solution when it is shown another problem's answer; None where none was found."""
    wanted = [others.get(problem_key(one.solution.prompt)) for one in judged]
    shown = [
        replace(one.solution, answer=answer) for one, answer in zip(judged, wanted, strict=True) if answer is not None
    ]
    scores = iter(_scores(config, config.aware, shown))
    return [None if answer is None else next(scores) for answer in wanted]


def _scores(config: AdjudicateConfig, folder: str, solutions: Sequence[LabelledSolution]) -> list[Scores]:
    if not solutions:
        return []
    path = Path(folder)
    asked = PrmAsked(
        path, _kind(path), device=config.device, workers=config.workers, progress=config.progress, seed=config.seed
    )
    return [scores for scores in score_file_rows(asked, solutions) if scores is not None]


def _kind(folder: Path) -> str:
    loss = (read_record(folder) or {}).get("loss")
    return GENERATIVE if isinstance(loss, dict) and loss.get("name") == GENERATIVE else "own"


def _learned(config: AdjudicateConfig, judged: Sequence[Adjudicated]) -> list[str]:
    """A remark where judged problems stand in the file that either was trained on, as far as it is still there."""
    keys = {problem_key(one.solution.prompt) for one in judged}
    said = []
    for name in ("aware", "blind"):
        record = read_record(getattr(config, name)) or {}
        file, form = Path(str(record.get("data", ""))), str(record.get("form", "own"))
        if file.is_file() and sha256_file(file) == record.get("sha256"):
            shared = len(keys & {problem_key(one.prompt) for one in read_labelled(file, form)})
            if shared:
                said.append(f"{shared:,} of the {len(keys):,} problems stand in {file}, which {name} was trained on")
    return said


def _unlabelled(solution: LabelledSolution) -> LabelledSolution:
    return replace(solution, labels=(None,) * len(solution.labels))


def _of_tree(paths: TreePaths, scored: Sequence[Adjudicated]) -> ScoredTree:
    columns: dict[str, list[float | None]] = {name: [None] * paths.nodes for name in ("aware", "blind")}
    for one in scored[paths.first : paths.last]:
        for at, node in enumerate(one.solution.meta["nodes"]):
            for name, values in columns.items():
                if values[node] is None:  # a step that several paths share is told once
                    values[node] = round(getattr(one, name)[at], 6)
    return ScoredTree(paths.problem_id, paths.source, paths.key, columns["aware"], columns["blind"])


def _line(number: int, one: Adjudicated) -> str:
    meta = one.solution.meta
    row = {
        "row": number,
        "problem_id": str(meta.get("problem_id", "")),
        "source": meta.get("source"),
        "nodes": meta.get("nodes"),
        "aware": [round(score, 6) for score in one.aware],
        "blind": [round(score, 6) for score in one.blind],
        "difference": [round(a - b, 6) for a, b in zip(one.aware, one.blind, strict=True)],
    }
    return json.dumps(row, allow_nan=False, separators=(",", ":")) + "\n"


def _name(config: AdjudicateConfig, place: Path | None) -> str:
    what = Path(config.data).stem if place is None else f"{place.resolve().parent.name}-{place.name}"
    return re.sub(r"[^\w.-]+", "_", "-".join((Path(config.aware).name, Path(config.blind).name, what)))[:120]
