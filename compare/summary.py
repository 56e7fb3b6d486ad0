"""``summary.json`` of a comparison: what the arms' seeds came to, and which differences are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from compare.alarm import AlarmConfig, false_alarm_rate, find_alarm
from compare.budget import Budget, Unit
from compare.curves import Curve, area_under, compute_to_reach
from compare.ledger import Ledger
from compare.statistics import Estimate, mcnemar_exact, paired_bootstrap, two_way_bootstrap
from evolve.statistics import holm
from tasks.options import Option
from tasks.problem import Split
from tasks.seeding import derive_seed

COLD_START = "cold start"  # stands for an arm in a contrast
CORRELATIONS = (0.0, 0.3)  # of the updates that false alarms are counted for


class Supervision(Option):
    """What tells an arm which of its own steps to repeat."""

    NONE = "none"  # nothing: demonstrations only
    OUTCOME = "outcome"  # the end of a solution
    PROCESS = "process"  # its steps
    BOTH = "both"  # a sum of the two
    ORACLE = "oracle"  # the true labels of the steps: a ceiling, not a method


@dataclass(frozen=True, slots=True)
class SeedRun:
    """One arm and seed. ``start_right`` and ``final_right``: per evaluation problem, in one order for all arms.

    ``curve``: (charged FLOPs, accuracy); ``ledger``: ``Ledger.to_json``; ``hacking``: a row per update, of
    ``compare.hacking.measure``; ``fidelity``: of ``prm.judging.fidelity``; ``best_of_n``: of ``prm.judging.best_of_n``;
    ``links``: what to look at, by the words to show, relative to the comparison's folder. ``training``: ``updates``,
    and means over them: share of groups with ``equal_groups`` of rewards, of tokens ``clipped``, ``entropy``.
    ``stages``: of an arm that has them, as ``compare.arms.stages`` tells them; ``parts``: where the task is a mix, the
    accuracy at the start and at the end on each part's problems; ``rewards``: where a grader rewards, pairs of update
    and mean reward, in ``training`` and of the ``judged`` problems.
    """

    start_right: Sequence[bool]
    final_right: Sequence[bool]
    curve: Curve
    ledger: Mapping[str, Any]
    hacking: Sequence[Mapping[str, float]] = ()
    fidelity: Mapping[str, float] = field(default_factory=dict)
    best_of_n: Sequence[Mapping[str, float]] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, float] = field(default_factory=dict)
    stages: Sequence[Mapping[str, Any]] = ()
    parts: Mapping[str, Sequence[float]] = field(default_factory=dict)
    rewards: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArmRuns:
    """All seeds of an arm; one that failed is the sentence that says why. ``note``: what a reader must know of it.

    ``offline``: it trains on a fixed set of texts, and never on what it samples as it changes. ``left``: what seeds
    that failed have left to look at, as ``SeedRun.links``.
    """

    supervision: Supervision
    seeds: Mapping[int, SeedRun | str]
    note: str = ""
    offline: bool = False
    left: Mapping[int, Mapping[str, str]] = field(default_factory=dict)

    @property
    def done(self) -> dict[int, SeedRun]:
        """The seeds that did not fail."""
        return {seed: run for seed, run in self.seeds.items() if isinstance(run, SeedRun)}


def summarise(
    arms: Mapping[str, ArmRuns],
    budget: Budget,
    *,
    references: Sequence[str] = ("grpo_outcome", "rft", "sft_more"),
    reach: float | None = None,
    alarm: AlarmConfig | None = None,
    split: Split = Split.HELD_OUT,
    pool: float | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Everything that the reports say, ready for JSON.

    Each arm is compared with its own cold start and with each of ``references`` that is there, on the seeds that both
    finished. Within each such family p values are corrected for being several (Holm), ceilings apart, which prove
    nothing. The verdict holds each arm against its ``peer`` (``_peer``). ``reach``: the accuracy to which compute is
    told; by default the first reference's. ``split``: the problems that all were judged on. ``pool``: the share of
    the budget that a shared pool cost, if the arms learned from one.
    """
    alarm = alarm or AlarmConfig()
    present = [name for name in references if name in arms and arms[name].done]
    rows = {name: _arm(name, runs, seed, alarm) for name, runs in arms.items()}
    if reach is None and present and present[0] == references[0]:
        reach = rows[present[0]]["mean"]
    ends = [point[0] for runs in arms.values() for run in runs.done.values() for point in run.curve]
    end = budget.amount if budget.unit is Unit.FLOPS else max(ends, default=0.0)
    for name, runs in arms.items():
        rows[name] |= _of_curves([run.curve for run in runs.done.values()], end, reach)
        rows[name]["peer"] = _peer(name, arms, present, references[0] if references else None)
    problems = [len(run.final_right) for runs in arms.values() for run in runs.done.values()]
    return {
        "arms": rows,
        "contrasts": _contrasts(arms, present, seed),
        "budget": {"unit": str(budget.unit), "amount": budget.amount},
        "problems": max(problems, default=0),
        "split": str(split),
        "pool": pool,
        "references": list(references),
        "reach": reach,
        "alarm": _alarm(rows, alarm, seed),
    }


def _peer(name: str, arms: Mapping[str, ArmRuns], present: Sequence[str], first: str | None) -> str | None:
    """The reference that differs from the arm in supervision, and in as little else as there is; None for itself.

    An arm that trains on a fixed set differs from one that samples as it learns in far more than supervision. Its peer
    is the first finished reference that learns outcomes from such a set too, if there is one; all others' is ``first``.
    """
    like = [each for each in present if arms[each].offline and arms[each].supervision is Supervision.OUTCOME]
    peer = like[0] if like and arms[name].offline else first
    return None if peer == name else peer


def _arm(name: str, runs: ArmRuns, seed: int, alarm: AlarmConfig) -> dict[str, Any]:
    done = runs.done
    row: dict[str, Any] = {"supervision": str(runs.supervision), "offline": runs.offline}
    row |= {"mean": None, "interval": None, "start": None}
    if done:
        found = two_way_bootstrap(_table(done, "final_right"), derive_seed(seed, "arm", name))
        row |= {"mean": _round(found.mean), "interval": _within(found.interval, 0.0)}
        row["start"] = _round(float(_table(done, "start_right").mean()))
    if runs.note:
        row["note"] = runs.note
    row["seeds"] = {
        str(number): _seed(run, alarm) if isinstance(run, SeedRun) else _failed(run, runs.left.get(number, {}))
        for number, run in runs.seeds.items()
    }
    return row


def _failed(reason: str, links: Mapping[str, str]) -> dict[str, Any]:
    return {"failed": reason} | ({"links": dict(links)} if links else {})


def _seed(run: SeedRun, alarm: AlarmConfig) -> dict[str, Any]:
    names = list(dict.fromkeys(name for row in run.hacking for name in row))
    series = {name: [None if name not in row else _round(row[name]) for row in run.hacking] for name in names}
    watched = [row for row in run.hacking if "hack/learned" in row]
    learned, true = (np.array([row[name] for row in watched]) for name in ("hack/learned", "hack/true"))
    found = find_alarm(learned, true, alarm)
    return {
        "start_accuracy": _round(float(np.mean(run.start_right))),
        "final_accuracy": _round(float(np.mean(run.final_right))),
        "curve": [[float(compute), _round(accuracy)] for compute, accuracy in run.curve],
        "ledger": dict(run.ledger),
        "hacking": {"series": series, "alarm": None if found is None else asdict(found)},
        "fidelity": {name: _round(value) for name, value in run.fidelity.items()},
        "best_of_n": [dict(row) for row in run.best_of_n],
        "links": dict(run.links),
        "training": {name: _round(value) for name, value in run.training.items()},
        **_only_some(run),
    }


def _only_some(run: SeedRun) -> dict[str, Any]:
    """What not every run has."""
    found = {"stages": list(run.stages), "parts": dict(run.parts), "rewards": dict(run.rewards)}
    return {name: value for name, value in found.items() if value}


def _of_curves(curves: Sequence[Curve], end: float, reach: float | None) -> dict[str, Any]:
    """Mean area under the seeds' curves, and how many of them reach an accuracy, with what median compute."""
    found: dict[str, Any] = {"area": None, "reached": None}
    if curves and end > 0:
        found["area"] = _round(float(np.mean([area_under(curve, end) for curve in curves])))
    if curves and reach is not None:
        places = [place for curve in curves if (place := compute_to_reach(curve, reach)) is not None]
        found["reached"] = {"seeds": len(places), "compute": float(np.median(places)) if places else None}
    return found


def _contrasts(arms: Mapping[str, ArmRuns], references: Sequence[str], seed: int) -> list[dict[str, Any]]:
    families = []
    trained = {name: runs for name, runs in arms.items() if any(len(run.curve) > 1 for run in runs.done.values())}
    for b in (COLD_START, *references):
        family = []
        for a, runs in trained.items():
            first = runs.done
            second = first if b == COLD_START else arms[b].done
            shared = [number for number in first if number in second]
            if a == b or not shared:
                continue
            name = "start_right" if b == COLD_START else "final_right"
            right_a = _table({number: first[number] for number in shared}, "final_right")
            right_b = _table({number: second[number] for number in shared}, name)
            found = paired_bootstrap(right_a, right_b, derive_seed(seed, "contrast", a, b))
            told = {"seeds": len(shared), "mcnemar": _mcnemar(shared, right_a, right_b)}
            family.append(_contrast(a, b, found) | told)
        for is_ceiling in (False, True):
            rows = [row for row in family if (arms[row["a"]].supervision is Supervision.ORACLE) == is_ceiling]
            for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
                row["p_holm"] = _round(p)
        families += family
    return families


def _contrast(a: str, b: str, found: Estimate) -> dict[str, Any]:
    interval = _within(found.interval, -1.0)
    return {"a": a, "b": b, "difference": _round(found.mean), "interval": interval, "p": _round(found.p)}


def _mcnemar(seeds: Sequence[int], right_a: np.ndarray, right_b: np.ndarray) -> dict[str, Any]:
    """Seed by seed: the two final models of that seed."""
    return {str(number): asdict(mcnemar_exact(a, b)) for number, a, b in zip(seeds, right_a, right_b, strict=True)}


def _alarm(rows: Mapping[str, Any], alarm: AlarmConfig, seed: int) -> dict[str, Any] | None:
    """How the alarm was set and how often it would sound for nothing in a run as long as the longest here."""
    watched = [
        each["hacking"]["series"]["hack/learned"]
        for row in rows.values()
        for each in finished(row)
        if "hack/learned" in each["hacking"]["series"]
    ]
    if not watched:
        return None
    updates = max(map(len, watched))
    rates = {
        str(correlation): [_round(each) for each in false_alarm_rate(alarm, updates, seed, correlation=correlation)]
        for correlation in CORRELATIONS
    }
    return asdict(alarm) | {"updates": updates, "watched": len(watched), "false_alarms": rates}


def _table(runs: Mapping[int, SeedRun], name: str) -> np.ndarray:
    return np.array([getattr(run, name) for run in runs.values()], dtype=np.float64)


def finished(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The seeds of an arm of the summary that did not fail."""
    return [each for each in row["seeds"].values() if "failed" not in each]


def charged(row: Mapping[str, Any]) -> Ledger:
    """The accounts of all of an arm's finished seeds together."""
    total = Ledger({})
    for each in finished(row):
        total.merge(Ledger.from_json(each["ledger"]))
    return total


def _within(interval: Sequence[float], least: float) -> list[float]:
    """What an interval says beyond ``least`` and 1 cannot be."""
    return [_round(min(1.0, max(least, end))) for end in interval]


def _round(value: float) -> float:
    return round(float(value), 6)
