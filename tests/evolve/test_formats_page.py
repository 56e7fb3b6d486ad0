"""docs/formats.md names every field that machines may read."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from evolve.methods import Method
from evolve.provenance import describe_start
from evolve.report import round_row
from mcts.tree_json import encode
from prm.pairs import PreferencePair, Reason
from tests.evolve.test_curves import curve, summary_of
from tests.mcts.puzzles import search_table

PAGE = (Path(__file__).resolve().parents[2] / "docs/formats.md").read_text()
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
JUDGED = dict.fromkeys(
    ("greedy", "greedy_interval", "sampled", "majority", "search", "search_interval", "problems", "split"), None
)
COMPARED = summary_of([curve(Method.MAJORITY, [(1, [1]), (2, [1])]), curve(Method.GREEDY, [(1, [1])])])


def names_in(value):
    """The names of all fields of an object, those of inner objects too, but not the method that stands as a name."""
    if isinstance(value, list):
        return {name for each in value for name in names_in(each)}
    if isinstance(value, dict):
        own = set(value) - set(Method) - {"seed"}
        return own | {name for each in value.values() for name in names_in(each)}
    return set()


@pytest.mark.parametrize(
    ("section", "names"),
    [
        ("Trees", encode(search_table(rollouts=1).tree)),
        ("Pairs", [field.name for field in fields(PreferencePair)]),
        ("Results of a round", [str(reason) for reason in Reason]),
        ("Results of a run", round_row({"round": 0, "evaluation": JUDGED | {"generated_tokens": 0}}, 1.0)),
        ("Comparison of methods", names_in(COMPARED)),
        ("Record", describe_start()),
    ],
)
def test_every_field_is_described(section, names):
    missing = [name for name in names if f"`{name}`" not in SECTIONS[section]]
    assert missing == []
