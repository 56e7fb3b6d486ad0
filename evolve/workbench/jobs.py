"""The jobs of the bench. Each calls what a program is made of: ``label_run``, ``train_prm``, ``judge_prm``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from evolve.label_config import LabelConfig
from evolve.label_run import label_run
from evolve.prm_judging import EvalPrmConfig, judge_prm
from evolve.stages import StageResult, perform
from evolve.train_prm_config import TrainPrmConfig
from evolve.train_prm_run import train_prm
from evolve.work import EvaluationWork
from evolve.workbench.agreement import agreed, outcomes_alone
from evolve.workbench.grid import affordable
from tasks.durable import write_text_atomic
from tasks.errors import UserError
from tasks.problem import Outcome, Problem
from tasks.readers.formats import read_labelled, write_labelled

Report = Callable[..., None]
_JUDGED = ("figures", "threshold", "judged", "left_out", "choice", "problems")


def attempt(report: Report, job: str, kwargs: Mapping[str, Any]) -> StageResult:
    """Do a job; where labels and loss do not go together, the sentence that says so is its result (``refused``)."""
    try:
        return perform(report, job, kwargs)
    except UserError as error:
        return StageResult({"refused": str(error)})


def make_labels(report: Report, wanted: LabelConfig, budget: int | None, pilot: int) -> StageResult:
    """Label, within a ``budget`` of generated tokens if there is one.

    The first ``pilot`` problems tell what a problem costs; then as many are labelled as the budget pays for, among
    them the pilot's, with the same labels.
    """
    report(0, 1)
    if budget is not None:
        tried = label_run(replace(wanted, problems=min(pilot, wanted.problems)))
        problems = affordable(budget, tried.costs.generated, tried.problems, wanted.problems)
        wanted = replace(wanted, problems=problems)
    done = label_run(wanted)
    report(1, 1)
    return StageResult(
        {
            "problems": done.problems,
            "solutions": done.counts["solutions"],
            "steps": done.counts["steps"] - done.counts["steps without a label"],
            "left_out": done.left_out,
            "costs": asdict(done.costs),
        }
    )


def derive_labels(report: Report, estimated: Path, weighted: Path | None, out: Path) -> StageResult:
    """Labels made of labels: agreement with the ``weighted`` values of the trees, or (None) outcomes alone."""
    given = list(read_labelled(estimated, "own"))
    found = outcomes_alone(given) if weighted is None else agreed(given, read_labelled(weighted, "own"))
    if not found:
        raise UserError(f"{estimated}: Monte-Carlo and the trees agree on no solution; label more problems")
    write_labelled(out, found)
    report(1, 1)
    steps = sum(label is not None for one in found for label in one.labels)
    problems = len({one.prompt for one in found})
    return StageResult(
        {"problems": problems, "solutions": len(found), "steps": steps, "left_out": len(given) - len(found)}
    )


@dataclass(frozen=True)
class SampleWork:
    """Solutions to choose from: ``count`` of each problem, drawn by the policy that ``judged`` names."""

    judged: EvaluationWork
    problems: list[Problem]
    count: int
    seed: int


def draw_samples(report: Report, work: SampleWork, out: Path) -> StageResult:
    """Write the solutions with their verdicts as ``scripts.eval_prm format=sampled`` reads them."""
    from evolve.models import load_sampler
    from policy.rl import judged, sample_groups
    from tasks.answers import read_final_answer
    from tasks.registry import build_task

    asked = work.judged
    sampler = load_sampler(asked.policy, asked.engine, asked.policy_path)
    most, temperature = asked.policy.max_solution_tokens, asked.evaluation.temperature
    drawn = sample_groups(
        sampler.engine, sampler.encode, sampler.steps, work.problems, work.count, most, work.seed, temperature
    )
    rows = []
    for group in judged(drawn, build_task(asked.task).verifier):
        texts = [one.text for one in group.trajectories]
        right = [one.verdict is not None and one.verdict.outcome is Outcome.CORRECT for one in group.trajectories]
        if len(texts) == work.count and all(map(str.strip, texts)):
            answers = [read_final_answer(text) for text in texts]
            rows.append({"question": group.problem.prompt, "response": texts, "pred": answers, "score": right})
    write_text_atomic(out, "".join(json.dumps(row) + "\n" for row in rows))
    report(1, 1)
    return StageResult({"problems": len(rows), "generated": sampler.engine.counts.generated})


def train_and_judge(report: Report, training: TrainPrmConfig, judging: Mapping[str, EvalPrmConfig]) -> StageResult:
    """A process model from labels, then its figures by name of the data. UserError where labels do not fit the loss."""
    report(0, 1 + len(judging))
    trained = train_prm(training)
    found = {"rows": trained["rows"], "held_out": trained["held_out"], "last_loss": trained["last_loss"]}
    return StageResult(found | {"judged": _judge(report, judging, 1)})


def judge_labels(report: Report, judging: Mapping[str, EvalPrmConfig]) -> StageResult:
    """The same figures of a file of labels in a model's place."""
    return StageResult({"judged": _judge(report, judging, 0)})


def _judge(report: Report, judging: Mapping[str, EvalPrmConfig], before: int) -> dict[str, Any]:
    found = {}
    for done, (name, config) in enumerate(judging.items(), start=1):
        whole, _ = judge_prm(config)
        found[name] = {key: whole[key] for key in _JUDGED if key in whole}
        report(before + done, before + len(judging))
    return found
