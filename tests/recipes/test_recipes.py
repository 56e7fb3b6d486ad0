"""Every recipe of conf/recipe: its commands compose, its map is true, its pages are up to date."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from recipes.pages import pages
from recipes.recipe import Size, read_recipes
from scripts.choices import CONF
from scripts.composing import composed
from tasks.problem import Split
from tasks.readers.jsonl import JsonlConfig
from tasks.registry import build_task

ROOT = Path(__file__).resolve().parents[2]
RECIPES = read_recipes(CONF / "recipe")
_CLAIM = re.compile(r"`([\w.]+)=([^`]+)`")


@cache
def options(name):
    """The options of every stage at lab size, composed and checked. (CI runs the tiny size: make test-recipes.)"""
    recipe = RECIPES[name]
    return [composed(stage.program, recipe.words(stage, Size.LAB)[2:]) for stage in recipe.stages]


@pytest.mark.parametrize("name", RECIPES)
def test_every_stage_composes_and_passes_its_program_s_check(name):
    assert len(options(name)) == len(RECIPES[name].stages)


@pytest.mark.parametrize("name", RECIPES)
def test_what_the_map_says_holds_in_a_stage(name):
    claims = [claim for cell in RECIPES[name].map.values() for claim in _CLAIM.findall(cell)]
    assert claims
    for key, value in claims:
        found = [_inside(stage, key) for stage in options(name)]
        assert _plain(value) in [_plain(each) for each in found if each is not None], f"{key}={value}, but {found}"


def _inside(config, key):
    """The option's value; None where a stage's program has no such option."""
    for part in key.split("."):
        if isinstance(config, dict):
            config = config.get(part)
        elif isinstance(config, list):
            config = config[int(part)] if int(part) < len(config) else None
        else:
            config = getattr(config, part, None)
    return config


def _plain(value):
    """A value whichever way it is written: 2, 2.0 and "2" alike."""
    value = yaml.safe_load(value) if isinstance(value, str) else value
    if isinstance(value, list):
        return [_plain(each) for each in value]
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def test_the_pages_are_up_to_date():
    for page, text in pages(CONF, ROOT / "docs").items():
        assert page.read_text(encoding="utf-8") == text, f"{page} is stale: run make docs"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_a_page_that_says_what_differs(name):
    text = (ROOT / RECIPES[name].page).read_text(encoding="utf-8")
    for heading in (
        "## What does it here",
        "## What differs",
        "## Cost at the paper's scale",
    ):
        assert f"\n{heading}" in text
    assert f"python -m scripts.recipes run={name}" in text


def test_a_reader_never_learns_to_rebuild_a_text_that_summaries_are_judged_on():
    folder = ROOT / "docs" / "systems"
    texts = build_task(JsonlConfig(path=str(folder / "open_ended_texts.jsonl"), grader="instruction"))
    judged = {
        problem.prompt.strip() for split in (Split.HELD_OUT, Split.VALIDATION) for problem in texts.problems(split, 999)
    }
    rebuilt = [json.loads(line)["answer"] for line in (folder / "open_ended_rebuilt.jsonl").open(encoding="utf-8")]
    assert len(texts.problems(Split.HELD_OUT, 999)) == 16  # as its page says
    assert rebuilt
    assert not judged & set(rebuilt)
