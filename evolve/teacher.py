"""Round 1 by another policy: one that grows its trees, or a finished round of another run whose trees are taken."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evolve.config import TeacherConfig
from evolve.saved_config import load_task_and_pairs
from evolve.stages import StageResult
from mcts.storage import read_names
from tasks.config import TaskConfig
from tasks.errors import DataError, UserError
from tasks.mix import MixTask
from tasks.problem import Split
from tasks.readers.file_task import FileTask
from tasks.registry import build_task, file_tasks
from tasks.splits import split_of

TREES = ("trees", "held_out_trees")
_TAKEN = ("mode", "problems", "first_coverage", "coverage", "nodes", "verdicts")


def refuse_missing(teacher: TeacherConfig) -> None:
    """UserError unless what the teacher names is there."""
    if teacher.policy is not None and not (Path(teacher.policy) / "config.json").is_file():
        raise UserError(f"teacher.policy={teacher.policy} is no model folder (it has no config.json); name one")
    if teacher.round is not None and not (Path(teacher.round) / "DONE").is_file():
        raise UserError(f"teacher.round={teacher.round} is no finished round of a run (it has no DONE); name one")


def teaching_policy(teacher: TeacherConfig) -> Path | None:
    """The folder of the policy that grows, or grew, the trees of round 1; None if that is the cold start."""
    if teacher.policy is not None:
        return Path(teacher.policy)
    return None if teacher.round is None else Path(teacher.round) / "policy"


def refuse_other_tokenizer(theirs: Path, ours: Path) -> None:
    """UserError unless both folders read tokens alike: what one sampled the other is trained on, by its ids."""
    if _vocabulary(theirs) != _vocabulary(ours):
        raise UserError(
            f"{theirs} has another tokenizer than {ours}, and token ids would be misread; name a model that shares the "
            "policy's tokenizer"
        )


def refuse_other_problems(source: Path, config: TaskConfig) -> None:
    """UserError if the round ``source`` is of another task, or learned from problems that this one is judged on.

    Drawn problems have their split by their text, whatever the seed; those of files are compared with the files.
    """
    theirs = load_task_and_pairs(source.resolve().parent)[0].name
    if theirs != config.name:
        raise UserError(
            f"teacher.round={source} is of task.name={theirs}, but here task.name={config.name}; name another"
        )
    task = build_task(config)
    splits = (Split.VALIDATION, Split.HELD_OUT)
    held = {each.prompt for part in file_tasks(task) for s in splits for each in part.problems(s, sys.maxsize)}
    for path in trees_of(source)["trees"]:
        for name, prompt in read_names(path):
            part = task.parts.get(name.partition("/")[0]) if isinstance(task, MixTask) else task
            is_drawn = not isinstance(part, FileTask)
            if prompt in held or (is_drawn and split_of(prompt) in splits):
                raise UserError(
                    f"teacher.round={source}: {path.name} has a tree of {name}, a validation or held-out problem of "
                    "this run's task; nothing may be trained on it: name a round of a run with the same task options"
                )


def trees_of(round_folder: Path) -> dict[str, list[Path]]:
    """The tree files of a round, by the folder that they are in."""
    return {name: sorted((round_folder / name).glob("*.jsonl.gz")) for name in TREES}


def take_trees(report: Callable[..., None], source: Path, out: Path, task: TaskConfig) -> StageResult:
    """Copy the trees of a finished round into the round ``out``; the result is what its search found, spent nothing.

    UserError if they are of another task than ``task``, or of problems that it is judged on.
    """
    refuse_other_problems(source, task)
    found = json.loads((source / "eval.json").read_text(encoding="utf-8"))["search"]
    for name, files in trees_of(source).items():
        (out / name).mkdir(parents=True, exist_ok=True)
        for path in files:
            shutil.copyfile(path, out / name / path.name)
    result = {key: found[key] for key in _TAKEN if key in found}
    return StageResult({**result, "taken_from": str(source)})


def take_ppm(report: Callable[..., None], source: Path, out: Path) -> StageResult:
    """Copy the PPM of a finished round; the result is how it was judged there."""
    shutil.copytree(source / "ppm", out, dirs_exist_ok=True)
    found = json.loads((source / "eval.json").read_text(encoding="utf-8"))["ppm"]
    return StageResult({**found, "trained_tokens": 0, "taken_from": str(source)})


def _vocabulary(folder: Path) -> Any:
    path = folder / "tokenizer.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found["model"], found["added_tokens"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: the tokenizer cannot be read ({error}); save it again with transformers") from error
