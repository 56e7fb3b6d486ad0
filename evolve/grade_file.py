"""Grades the rows of a file: ``python -m scripts.grade``."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from evolve.progress import stage_progress
from evolve.rows_under_way import rows_under_way
from evolve.workers import Job, WorkerPool
from tasks.durable import sha256_file
from tasks.errors import DataError, UserError
from tasks.graders.base import Grader, Item, Resources
from tasks.graders.build import load_grader, load_spec, runs_programs
from tasks.problem import Outcome
from tasks.reader import read_rows
from tasks.sandbox.execution import Tier

_ROWS = 32
"""Rows of a job: few enough for a bar that moves."""

_MAX_NAME = 200  # characters of what may be a file's name

_TEXTS = ("completion", "answer", "prompt", "problem", "question")


@dataclass(frozen=True, slots=True)
class GradeAsked:
    """What the command line asks for."""

    grader: str
    data: Path
    out: Path
    policy: Path | None = None
    sandbox: Tier = Tier.AUTO
    workers: int = 0
    progress: bool = True


@dataclass(frozen=True, slots=True)
class GradeSummary:
    """Rows by outcome, the mean reward of all rows, and the mean of each part where it is.

    ``first``: the id and note of the first row that was unverifiable, and of the first that ended in an error.
    """

    outcomes: Counter[str]
    reward: float
    parts: dict[str, float]
    tier: Tier | None  # what confined programs; None where there were none
    first: dict[str, tuple[Any, str]]
    kept: int  # rows that an earlier start had graded


def grade_file(asked: GradeAsked) -> GradeSummary:
    """Write a row ``{id, outcome, reward, parts}`` for each row of the data, in order; the file is whole or not there.

    A ``note`` for people stands behind them where the grader has something to say. What was graded when a program was
    killed is kept beside the file: the same call goes on from there, to the same bytes. Raises UserError and DataError.
    """
    if asked.out.resolve() == asked.data.resolve():
        raise UserError(f"--out {asked.out} is the data itself; name another file")
    tier = None
    if runs_programs(load_spec(asked.grader)):
        tier = Resources(asked.sandbox).open_sandbox().tier  # refused before any work is done
    if asked.policy is None:
        load_grader(asked.grader, Resources(asked.sandbox))  # the same for what is wrong with the grader
    items = list(read_items(asked.data))
    if not items:
        raise DataError(f"{asked.data}: there are no rows; give a JSON object a line")
    outcomes: Counter[str] = Counter()
    rewards: list[float] = []
    parts: dict[str, list[float]] = {}
    first: dict[str, tuple[Any, str]] = {}
    with rows_under_way(asked.out, _fingerprint(asked)) as under_way:
        for rows in _graded(asked, items[under_way.done :], under_way.done):
            under_way.add(rows)
        for row in under_way.finish():
            outcomes[row["outcome"]] += 1
            rewards.append(row["reward"])
            if row["outcome"] in (Outcome.UNVERIFIABLE, Outcome.ERROR):
                first.setdefault(row["outcome"], (row["id"], row.get("note", "")))
            for name, reward in row["parts"].items():
                parts.setdefault(name, []).append(reward)
    means = {name: math.fsum(found) / len(found) for name, found in parts.items()}
    return GradeSummary(outcomes, math.fsum(rewards) / len(rewards), means, tier, first, under_way.done)


def _fingerprint(asked: GradeAsked) -> str:
    """What decides the graded rows: the data, the grader with the files that it names, and the policy."""
    spec = load_spec(asked.grader)
    near = Path(asked.grader).parent
    files = {str(file): sha256_file(file) for text in _texts_in(spec) if (file := near / text).is_file()}
    weights = [] if asked.policy is None else [(file, file.stat()) for file in sorted(asked.policy.glob("*"))]
    policy = [(str(file), stat.st_size, stat.st_mtime_ns) for file, stat in weights]
    told = json.dumps([sha256_file(asked.data), spec, files, policy], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()


def _texts_in(spec: Any) -> Iterator[str]:
    """The texts of a grader's config that may be names of files."""
    if isinstance(spec, str) and 0 < len(spec) < _MAX_NAME and spec.isprintable():
        yield spec
    elif isinstance(spec, Mapping | list):
        for inner in spec.values() if isinstance(spec, Mapping) else spec:
            yield from _texts_in(inner)


def _graded(asked: GradeAsked, items: Sequence[tuple[Any, Item]], before: int) -> Iterator[list[dict[str, Any]]]:
    """The rows of some items, in order; ``before``: how many rows stand before them."""
    if not items:
        return
    jobs = [
        Job(
            f"rows {before + start + 1} to {before + min(start + _ROWS, len(items))}",
            grade_rows,
            {
                "grader": asked.grader,
                "tier": asked.sandbox,
                "policy": asked.policy,
                "items": items[start : start + _ROWS],
            },
        )
        for start in range(0, len(items), _ROWS)
    ]
    with WorkerPool(asked.workers) as pool, stage_progress("grading", len(items), asked.progress, unit="rows") as bar:
        for outcome in pool.run(jobs, bar.follow, in_order=True):
            yield outcome.value


def grade_rows(
    report: Callable[..., None], grader: str, tier: Tier, policy: Path | None, items: Sequence[tuple[Any, Item]]
) -> list[dict[str, Any]]:
    """A job: the rows of some items."""
    judge, rows = _grader(grader, tier, policy), []
    for number, (key, item) in enumerate(items, start=1):
        verdict = judge.grade(item)
        row = {"id": key, "outcome": str(verdict.outcome), "reward": verdict.reward, "parts": dict(verdict.parts)}
        rows.append({**row, "note": verdict.note} if verdict.note else row)
        report(number, len(items))
    return rows


@cache
def _grader(name: str, tier: Tier, policy: Path | None) -> Grader:
    """Once a process: a policy takes long to load, and a judge keeps what it was told."""
    if policy is None:
        return load_grader(name, Resources(tier))
    from lm.text_logprobs import FolderLogProbs

    return load_grader(name, Resources(tier, log_probs=FolderLogProbs(policy)))


def read_items(path: Path) -> Iterator[tuple[Any, Item]]:
    """Each row's id as it stands there, and its item. Raises DataError with the line and the field.

    ``id`` is needed, and ``completion`` or ``answer``; what is neither these nor ``reference``, ``prompt`` (also
    ``problem``, ``question``) or ``meta`` (a mapping) goes into the item's meta too.
    """
    for number, row in read_rows(path):
        try:
            yield row.get("id"), _item(row)
        except _BadField as error:
            raise DataError(f"{path}:{number}: {error}; mend or remove the line") from error


class _BadField(Exception):
    """A field, and what it must be."""


def _item(row: dict[str, Any]) -> Item:
    key = row.get("id")
    if isinstance(key, bool) or not isinstance(key, str | int) or key == "":
        raise _BadField(f"the field 'id' must be a text or a whole number, but it {_found(row, 'id')}")
    texts = {name: _text(row, name) for name in _TEXTS}
    if texts["completion"] is None and texts["answer"] is None:
        raise _BadField("there must be a field 'completion', or 'answer' for a bare final answer")
    meta = row.get("meta") or {}
    if not isinstance(meta, dict):
        raise _BadField(f"the field 'meta' must be an object, but it {_found(row, 'meta')}")
    rest = {name: value for name, value in row.items() if name not in {*_TEXTS, "id", "reference", "meta"}}
    prompt = next((texts[name] for name in _TEXTS[2:] if texts[name] is not None), "")
    answer = texts["answer"]
    if texts["completion"] is not None and answer is not None:
        # Data sets call the right answer so: taken for the model's, it would make every row correct.
        rest["answer"], answer = row["answer"], None
    return Item(str(key), prompt or "", _reference(row), texts["completion"], answer, {**rest, **meta})


def _text(row: dict[str, Any], name: str) -> str | None:
    """A text, or a number as one; None for a field that is missing or null."""
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value
    if name == "answer" and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    raise _BadField(f"the field {name!r} must be a text, but it {_found(row, name)}")


def _reference(row: dict[str, Any]) -> str:
    """A text as it is; a number as text; a list or an object as JSON; nothing as the empty text."""
    value = row.get("reference")
    if isinstance(value, float) and not math.isfinite(value):
        raise _BadField("the field 'reference' must be a finite number, but it is too large for one")
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _found(row: dict[str, Any], name: str) -> str:
    return f"is {json.dumps(row[name], ensure_ascii=False)[:60]}" if name in row else "is missing"
