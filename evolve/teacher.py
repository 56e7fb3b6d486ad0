"""Round 1 by another policy: one that grows its trees, or a finished round of another run whose trees are taken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evolve.config import TeacherConfig
from evolve.stages import StageResult
from tasks.errors import DataError, UserError

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


def trees_of(round_folder: Path) -> dict[str, list[Path]]:
    """The tree files of a round, by the folder that they are in."""
    return {name: sorted((round_folder / name).glob("*.jsonl.gz")) for name in TREES}


def take_trees(report: Callable[..., None], source: Path, out: Path) -> StageResult:
    """Copy the trees of a finished round into the round ``out``; the result is what its search found, spent nothing."""
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
