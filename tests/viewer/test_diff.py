"""Two trees side by side: by hand, and properties on searched trees."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcts.config import Mode, SearchConfig
from mcts.step import Step
from mcts.tree import SearchTree
from tasks.errors import UserError
from tasks.problem import Problem
from tests.mcts.puzzles import SUM, SUM_EVALUATOR, run, search_sum
from viewer.diff import Match, align


def grown(*paths, prompt="?"):
    """A tree with the given (path of texts, visits, Q, score or None), each node after its parent."""
    tree = SearchTree(Problem("p", prompt, ""))
    known = {(): 0}
    families = {}
    for path, *numbers in paths:
        families.setdefault(path[:-1], []).append((path, numbers))
    for parent, family in families.items():
        nodes = tree.add_children(known[parent], [Step(path[-1]) for path, _ in family], [1.0] * len(family))
        for node, (path, (visits, q, score)) in zip(nodes, family, strict=True):
            known.setdefault(path, node)
            tree.visits[node], tree.value_sum[node] = visits, visits * q
            if score is not None:
                tree.score[node] = score
    return tree


def test_steps_appear_vanish_and_change():
    first = grown(
        (("a",), 4, 0.5, 0.25), (("b",), 2, -1.0, None), (("a", "x"), 1, 1.0, None), (("a", "y"), 0, 0.0, None)
    )
    second = grown(
        (("c",), 1, 1.0, None), (("a",), 6, 0.0, -0.5), (("a", "y"), 3, 1.0, None), (("a", "x"), 1, 1.0, 0.5)
    )
    found = align(first, second)
    assert found.appeared == (1,)
    assert found.vanished == (2,)
    assert found.matches == (
        Match(0, 0, 0, None, None, has_changed=False),
        Match(1, 2, 2, -0.5, -0.75, has_changed=True),
        Match(3, 4, 0, 0.0, None, has_changed=True),  # a score came
        Match(4, 3, 3, None, None, has_changed=True),  # never visited before
    )
    assert [match.first for match in found.changed] == [1, 3, 4]


def test_what_hangs_below_an_unmatched_step_is_unmatched():
    first = grown((("a",), 1, 1.0, None), (("a", "x"), 1, 1.0, None))
    second = grown((("b",), 1, 1.0, None), (("b", "x"), 1, 1.0, None))
    found = align(first, second)
    assert (found.vanished, found.appeared, len(found.matches)) == ((1, 2), (1, 2), 1)


def test_siblings_with_the_same_text_match_in_their_order():
    first = grown((("a",), 1, 0.0, None), (("a",), 2, 0.0, None), (("b",), 1, 0.0, None))
    second = grown((("b",), 1, 0.0, None), (("a",), 5, 0.0, None), (("a",), 7, 0.0, None), (("a",), 9, 0.0, None))
    found = align(first, second)
    assert [(match.first, match.second) for match in found.matches] == [(0, 0), (1, 2), (2, 3), (3, 1)]
    assert found.appeared == (4,)
    assert align(second, first).vanished == (4,)


def test_trees_of_two_problems_are_refused():
    with pytest.raises(UserError, match=r"same problem.*'p' and 'q'"):
        align(SearchTree(Problem("p", "?", "")), SearchTree(Problem("q", "?", "")))
    with pytest.raises(UserError, match="prompts differ"):
        align(grown(prompt="1 + 1"), grown(prompt="1 + 2"))


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(0, 1000), st.booleans())
def test_every_node_is_matched_once_or_unmatched_and_paths_agree(one, other, merge):
    def tree(seed):
        mode = Mode.PPM_AUGMENTED if seed % 2 else Mode.TERMINAL_GUIDED
        config = SearchConfig(mode=mode, rollouts=12, width=4, max_depth=5, merge_duplicates=merge)
        return run(search_sum(config, seed=seed), SUM, SUM_EVALUATOR)

    first, second = tree(one), tree(other)
    found = align(first, second)
    assert sorted([*found.vanished, *(match.first for match in found.matches)]) == list(range(len(first)))
    assert sorted([*found.appeared, *(match.second for match in found.matches)]) == list(range(len(second)))
    for match in found.matches:
        assert [s.text for s in first.prefix(match.first)] == [s.text for s in second.prefix(match.second)]
        assert match.d_visits == second.visits[match.second] - first.visits[match.first]
    same = align(first, tree(one))
    assert (same.appeared, same.vanished, same.changed) == ((), (), ())
    assert all(match.first == match.second for match in same.matches)
