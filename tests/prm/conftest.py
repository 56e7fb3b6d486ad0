"""Hand-made trees and a tiny policy folder for the tests of this room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from lm.config import TokenizerKind
from lm.folder import save_model
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer
from mcts.step import Step
from mcts.tree import SearchTree
from tasks.problem import Outcome, Problem, Verdict

LETTERS = "abcdefghijklmnopqrstuvwxyz 0123456789"


@dataclass(frozen=True)
class Made:
    """A node of a tree to be built: its text, Q, children, verdict and visits."""

    text: str
    q: float
    children: tuple[Made, ...] = ()
    end: Outcome | None = None
    visits: int = 4
    ids: tuple[int, ...] = ()


def grow(*children: Made, problem_id: str = "p") -> SearchTree:
    """A tree with exactly the given Qs; siblings are numbered side by side, before what is below them."""
    tree = SearchTree(Problem(problem_id, f"prompt of {problem_id}", "0"))

    def expand(parent: int, made: tuple[Made, ...]) -> None:
        steps = [Step(one.text, one.ids or tuple(map(ord, one.text)), is_final=one.end is not None) for one in made]
        nodes = tree.add_children(parent, steps, [1.0] * len(made))
        for node, one in zip(nodes, made, strict=True):
            tree.visits[node] = one.visits
            tree.value_sum[node] = one.q * one.visits
            if one.end is not None:
                tree.verdicts[node] = Verdict(one.end, float(one.end is Outcome.CORRECT))
        for node, one in zip(nodes, made, strict=True):
            if one.children:
                expand(node, one.children)

    expand(0, children)
    return tree


@pytest.fixture(scope="session")
def made():
    return Made


@pytest.fixture(scope="session")
def grown():
    return grow


@pytest.fixture(scope="session")
def policy_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizer = build_tokenizer(TokenizerKind.CHARACTERS, [LETTERS], 0)
    path = tmp_path_factory.mktemp("policy") / "policy"
    save_model(new_tiny_model(tiny_config(32, tokenizer, 64), 5), tokenizer, path)
    return path
