"""Tree Q and weighted values on trees worked out by hand, and against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest

from prm.labels.base import Unlabelled
from prm.labels.tree_q import TreeQ
from prm.labels.weighted_value import WeightedValue, steps_to_right_end, weighted_values
from tasks.problem import Outcome

C, W = Outcome.CORRECT, Outcome.WRONG


def all_of(tree):
    return [Unlabelled(tree.problem, each, "t", tree) for each in tree.trajectories() if each.verdict]


@pytest.fixture
def tree(grown, made):
    """a -> (b right, c -> (d wrong, e -> f right)); g -> h wrong."""
    rest = made("c", 0.0, (made("d", -1.0, end=W), made("e", 0.5, (made("f", 1.0, end=C),))))
    return grown(made("a", 0.25, (made("b", 1.0, end=C), rest)), made("g", -1.0, (made("h", -1.0, end=W, visits=0),)))


def labels_by_text(found):
    return {"".join(one.steps): one.labels for one in found}


def test_tree_q_is_the_nodes_q_and_unvisited_steps_have_none(tree):
    found = TreeQ().label(all_of(tree))
    assert labels_by_text(found) == {
        "ab": (0.25, 1.0),
        "acd": (0.25, 0.0, -1.0),
        "acef": (0.25, 0.0, 0.5, 1.0),
        "gh": (-1.0, None),
    }
    one = next(each for each in found if each.steps == ("a", "b"))
    assert one.meta["nodes"] == [tree.children(0)[0], tree.children(1)[0]]
    assert one.meta["visits"] == [4, 4]
    assert one.meta["source"] == "t"


def test_weighted_values_by_hand(tree):
    found = labels_by_text(WeightedValue().label(all_of(tree)))
    # Two steps to the right end of ab: V = 1/2, 1. Behind a the way over c is 3 steps: V_c = 1/2 + 1/2 * 1/3 = 2/3.
    values = {text: [(label + 1) / 2 for label in labels] for text, labels in found.items()}
    assert values["ab"] == pytest.approx([1 / 2, 1])
    assert values["acef"] == pytest.approx([1 / 2, 2 / 3, 5 / 6, 1])
    # d is wrong; a right step there would have been divided by 2: 2/3 - 1/3 * 1/2 = 1/2.
    assert values["acd"] == pytest.approx([1 / 2, 2 / 3, 1 / 2])
    assert values["gh"] == [0, 0]


def test_values_against_numpy_on_random_trees():
    """The recurrence of the paper, with m counted from behind the step, on random parents and ends."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        count = int(rng.integers(2, 25))
        parent = [-1, *(int(rng.integers(0, node)) for node in range(1, count))]
        leaves = set(range(count)) - set(parent)
        right = {node for node in leaves if rng.random() < 0.4}
        paths = [[]]
        for node in range(1, count):
            paths.append([*paths[parent[node]], node])
        distance = [
            min((len(paths[end]) - len(paths[node]) for end in right if not node or node in paths[end]), default=np.inf)
            for node in range(count)
        ]
        for leaf in leaves:
            value, last, expected = 0.0, np.inf, []
            for node in paths[leaf]:
                wrong = float(np.isinf(distance[node]))
                if np.isfinite(distance[parent[node]]):
                    last = distance[parent[node]] - 1  # steps left behind a right step here, on the nearest way
                remaining = last if wrong else distance[node]
                weight = (1 - value) / (remaining + 1) * (1 - 2 * wrong)
                value = max(value + weight, 0.0)
                expected.append(value)
            np.testing.assert_allclose(weighted_values(paths[leaf], parent, distance), expected, atol=1e-12)


def test_distances_to_right_ends(tree):
    texts = {"": 0} | {step.text: node for node, step in enumerate(tree.steps) if step}
    distance = steps_to_right_end(tree)
    assert {text: distance[node] for text, node in texts.items()} == {
        "": 2, "a": 1, "b": 0, "c": 2, "d": math.inf, "e": 1, "f": 0, "g": math.inf, "h": math.inf,
    }  # fmt: skip


@pytest.mark.parametrize("method", [TreeQ, WeightedValue])
def test_without_a_tree_there_is_nothing_to_read(solution, verdicts, method):
    with pytest.raises(ValueError, match="tree"):
        method().label([solution("ab", verdicts[0])])
