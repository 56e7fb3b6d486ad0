"""The job that runs one arm with one seed."""

from __future__ import annotations

from collections.abc import Callable

from compare.arms.course import Course
from compare.arms.on_policy import on_policy
from compare.arms.rft import rft
from compare.arms.rstar import rstar
from compare.arms.sft_more import sft_more
from compare.arms.stages import in_stages
from compare.arms.step_dpo import step_dpo
from compare.arms.work import ArmWork
from compare.config import Recipe
from evolve.stages import StageResult

RECIPES: dict[Recipe, Callable[[Course], None]] = {
    Recipe.SFT: lambda course: None,
    Recipe.SFT_MORE: sft_more,
    Recipe.RFT: rft,
    Recipe.RSTAR: rstar,
    Recipe.ON_POLICY: on_policy,
    Recipe.STEP_DPO: step_dpo,
}


def run_arm(report: Callable[..., None], work: ArmWork) -> StageResult:
    """Spend the arm's budget; the result holds ``right``, ``curve``, ``ledger`` and what the recipe found out."""
    if work.arm.recipe is Recipe.STAGES:
        return in_stages(report, work, RECIPES)
    course = Course(report, work)
    RECIPES[work.arm.recipe](course)
    return course.finish()
