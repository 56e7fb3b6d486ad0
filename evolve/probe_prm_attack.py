"""A process model attacked by searches, and trained again on what they found (docs/prm.md, Robustness)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evolve.evaluate_run import finished_round, refuse_damage
from evolve.label_config import OF_POLICY, LabelConfig, LabelMethod
from evolve.probe_prm_config import AttackWork, ProbePrmConfig
from evolve.probe_prm_figures import attack_figures, differences
from evolve.probe_prm_found import Found, adversarial
from evolve.progress import stage_progress
from evolve.run_trees import find_run
from evolve.saved_config import load_config
from evolve.stages import perform
from evolve.teacher import refuse_other_tokenizer
from evolve.train_prm_run import options_of, train_prm
from evolve.work import LabelWork, groups
from evolve.workers import Job, WorkerPool
from prm.labels.base import Unlabelled
from prm.record import read_record
from tasks.durable import sha256_file
from tasks.errors import UserError
from tasks.problem import Problem, Split, StepOracle
from tasks.readers.care import refuse_shared
from tasks.readers.formats import read_labelled, write_labelled
from tasks.readers.labelled import LabelledSolution
from tasks.registry import build_task
from tasks.seeding import derive_seed

ROWS = "adversarial.jsonl"
MERGED = "retraining.jsonl"
RETRAINED = "retrained"
_ATTACKED = "the training problems that are attacked"

_Results = list[dict[str, Any]]


@dataclass(frozen=True)
class _Attack:
    """What all searches of one probe have in common."""

    config: ProbePrmConfig
    work: AttackWork
    problems: list[Problem]
    fresh: list[Problem]
    oracle: StepOracle | None
    about: dict[str, Any]


def attacking(config: ProbePrmConfig, out: Path) -> dict[str, Any]:
    """Search, write the rows found below ``out``, and with ``retrain`` train on them and search again.

    No label of ``config.data`` has a say in which rows are written: the threshold is the one given, else 0.
    """
    attack = _prepared(config)
    if config.data:
        refuse_shared(
            {config.data: read_labelled(Path(config.data), config.format), _ATTACKED: _blank(attack.problems)}
        )
    labels = _own_labels(config, attack) if config.retrain else None
    found = _searched(attack, attack.problems, Path(config.prm), "attack", faulty=True)
    rows, left_out = _labelled(attack, found, (1 + (config.threshold or 0.0)) / 2)
    write_labelled(out / ROWS, rows)
    fresh = _searched(attack, attack.fresh, Path(config.prm), "attack on fresh problems")
    told = {
        **attack.about,
        "rows": _counted(rows, left_out),
        "on_training_problems": attack_figures(attack.problems, found, None, config),
        "before": attack_figures(attack.fresh, fresh, attack.oracle, config),
    }
    if labels is None:
        return told
    if not told["rows"]["wrong"]:
        return told | {"retraining": "the attack found no wrong solution to learn from"}
    write_labelled(out / MERGED, [*labels, *rows])
    _retrain(config, out)
    later = _searched(attack, attack.fresh, out / RETRAINED, "attack after retraining")
    after = attack_figures(attack.fresh, later, attack.oracle, config)
    return told | {"after": after, "difference": differences(fresh, later, config)}


def _retrain(config: ProbePrmConfig, out: Path) -> None:
    """The same training as the model's, from the same base, on its labels and the rows found."""
    asked = options_of(read_record(config.prm) or {}, Path(config.prm))
    again = replace(
        asked, data=str(out / MERGED), form="own", out=str(out / RETRAINED), overwrite=True,
        device=config.device, workers=min(config.workers, 1), progress=config.progress,
    )  # fmt: skip
    train_prm(again)


def _prepared(config: ProbePrmConfig) -> _Attack:
    root = find_run(config.run)
    of_run = load_config(root)
    number = finished_round(root, config.round)
    folder = root / f"round_{number}"
    refuse_damage(folder)
    refuse_other_tokenizer(Path(config.prm), folder / "policy")
    seed = derive_seed(config.seed, "attack", number)
    of_run = replace(of_run, engine=replace(of_run.engine, device=config.device))
    task = build_task(of_run.task)
    work = AttackWork(of_run, config.attack, folder / "policy", Path(config.prm), seed)
    problems = task.problems(Split.TRAIN, config.attack.problems)
    fresh = task.problems(config.attack.split, config.attack.fresh)
    about = {"run": str(root), "round": number, "problems": len(problems), "fresh": len(fresh)}
    return _Attack(config, work, problems, fresh, task.oracle, about)


def _own_labels(config: ProbePrmConfig, attack: _Attack) -> list[LabelledSolution]:
    """What the model was trained on. DataError if a fresh problem is among it, or an attacked one in ``judged_on``."""
    record = read_record(config.prm) or {}
    asked = options_of(record, Path(config.prm))
    if not Path(asked.data).is_file():
        raise UserError(
            f"retrain=true needs the labels of {config.prm}, which are not at {asked.data}; start from there"
        )
    if sha256_file(Path(asked.data)) != record.get("sha256"):
        raise UserError(
            f"{asked.data} is no longer what {config.prm} was trained on; restore those labels, or train it again"
        )
    labels = list(read_labelled(Path(asked.data), asked.form))
    refuse_shared({asked.data: labels, f"attack.split={config.attack.split}": _blank(attack.fresh)})
    if asked.judged_on:
        if not Path(asked.judged_on).is_file():
            raise UserError(
                f"{config.prm} keeps clear of judged_on={asked.judged_on}, which is not there; start from there"
            )
        judged = read_labelled(Path(asked.judged_on), "own")
        refuse_shared({asked.judged_on: judged, _ATTACKED: _blank(attack.problems)})
    return labels


def _blank(problems: Sequence[Problem]) -> list[LabelledSolution]:
    """The problems as solutions without content, to be compared with others'."""
    return [LabelledSolution(problem.prompt, ("",), (None,)) for problem in problems]


def _searched(
    attack: _Attack, problems: list[Problem], prm: Path, title: str, *, faulty: bool = False
) -> list[list[Found]]:
    work = replace(attack.work, prm=prm, faulty=faulty)
    kwargs = [{"work": work, "problems": part} for part in groups(problems, attack.config.attack.group)]
    results = _done(attack.config, "evolve.probe_prm_attack_job:attack_group", kwargs, len(problems), title)
    return [own for result in results for own in result["found"]]


def _done(config: ProbePrmConfig, job: str, kwargs: Sequence[dict[str, Any]], problems: int, title: str) -> _Results:
    jobs = [Job(f"group {at}", perform, {"job": job, "kwargs": each}) for at, each in enumerate(kwargs)]
    with (
        WorkerPool(config.workers) as pool,
        stage_progress(title, problems, enabled=config.progress, unit="problems") as bar,
    ):
        return [outcome.value.result for outcome in pool.run(jobs, on_progress=bar.follow, in_order=True)]


def _labelled(
    attack: _Attack, found: Sequence[Sequence[Found]], otherwise: float
) -> tuple[list[LabelledSolution], int]:
    """The tempting wrong solutions and right ones beside them, their steps labelled; and how many stay unlabelled."""
    config, chosen = attack.config, []
    for problem, own in zip(attack.problems, found, strict=True):
        wrong, right = adversarial(problem, own, config.choose_by, otherwise, config.attack.per_problem)
        if wrong:
            chosen.append((problem, [*wrong, *right]))
    if not chosen:
        return [], 0
    method = config.attack.label or _method_of(config)
    wanted = LabelConfig(method=method, continuations=config.attack.continuations)
    work = LabelWork(attack.work.of_run, wanted, attack.work.policy_path, derive_seed(attack.work.seed, "label"))
    given = [[Unlabelled(problem, one.trajectory(problem), "adversarial") for one in own] for problem, own in chosen]
    size = config.attack.group
    kwargs = [
        {"work": work, "problems": [problem for problem, _ in chosen[at : at + size]], "given": given[at : at + size]}
        for at in range(0, len(chosen), size)
    ]
    results = _done(config, "evolve.labelling:label_group", kwargs, len(chosen), "label what was found")
    every = [one for result in results for one in result["labelled"]]
    attacks = [one for _, own in chosen for one in own]
    rows = [
        replace(one, meta={**one.meta, "found_by": how.how, "scores": [round(score, 6) for score in how.scores]})
        for one, how in zip(every, attacks, strict=True)
        if one is not None
    ]
    return rows, len(every) - len(rows)


def _method_of(config: ProbePrmConfig) -> LabelMethod:
    """How the model's own labels were made, where a policy can make more of the kind."""
    record = read_record(config.prm) or {}
    data = Path(str(record.get("data", "")))
    is_same = data.is_file() and sha256_file(data) == record.get("sha256")
    rows = read_labelled(data, str(record.get("form", "own"))) if is_same else ()
    told = {one.meta.get("method") for one in rows}
    fitting = [each for each in OF_POLICY if told == {str(each)} and each is not LabelMethod.CONSENSUS]
    return fitting[0] if fitting else LabelMethod.BINARY_SEARCH


def _counted(rows: Sequence[LabelledSolution], left_out: int) -> dict[str, int]:
    ways = Counter(str(one.meta["found_by"]) for one in rows if one.meta["reward"] < 1)
    return {"solutions": len(rows), "wrong": ways.total(), "left_out": left_out} | {
        f"by_{k}": n for k, n in ways.items()
    }
