"""Pair selection on hand-computed trees: every rule and threshold has a case that fails without it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prm.edit_distance import edit_distance
from prm.pairs import PairConfig, PairKind, select_pairs
from tasks.errors import UserError
from tasks.problem import Outcome

CORRECT, WRONG, UNVERIFIABLE = Outcome.CORRECT, Outcome.WRONG, Outcome.UNVERIFIABLE
ALL = PairConfig(min_edit_distance=1)
STEPS_ONLY = PairConfig(min_edit_distance=1, final_step=False)
SOLUTIONS_ONLY = PairConfig(min_edit_distance=1, same_prefix=False)


def nodes_of(selection):
    return [(pair.chosen_node, pair.rejected_node) for pair in selection.pairs]


def change(config, **values):
    return dataclasses.replace(config, **values)


def test_a_pair_holds_what_was_sampled_and_where(made, grown):
    tree = grown(
        made("first;", 0.25, children=(
            made("good", 1.0, end=CORRECT, ids=(7, 8)),
            made("evil", -0.5, end=WRONG, ids=(9,)),
        ), ids=(5, 6)),
    )  # fmt: skip
    (pair,) = select_pairs(tree, STEPS_ONLY, tree_index=1).pairs
    assert dataclasses.asdict(pair) == {
        "problem_id": "p", "tree": 1, "kind": PairKind.SAME_PREFIX, "prompt": "prompt of p", "prefix": (5, 6),
        "chosen": (7, 8), "rejected": (9,), "chosen_text": "good", "rejected_text": "evil", "margin": 1.5, "depth": 2,
        "chosen_node": 2, "rejected_node": 3, "node_group": 1, "chosen_given": (), "rejected_given": (),
        "chosen_visits": 4, "rejected_visits": 4,
    }  # fmt: skip


def test_the_two_best_stand_against_the_two_worst(made, grown):
    tree = grown(
        *(made(f"right {n}", q, end=CORRECT) for n, q in enumerate((0.7, 1.0, 0.9))),
        *(made(f"wrong {n}", q, end=WRONG) for n, q in enumerate((-0.7, -1.0, -0.9))),
    )
    selection = select_pairs(tree, STEPS_ONLY)
    assert nodes_of(selection) == [(2, 5), (2, 6), (3, 5), (3, 6)]
    assert {pair.node_group for pair in selection.pairs} == {0}
    assert nodes_of(select_pairs(tree, change(STEPS_ONLY, per_side=1))) == [(2, 5)]


def test_chosen_needs_a_correct_leaf_and_rejected_a_wrong_one_however_their_q(made, grown):
    tree = grown(
        made("high without truth", 1.0, end=UNVERIFIABLE),
        made("right", 0.8, children=(made("x", 0.8, end=CORRECT),)),
        made("wrong", -0.8, children=(made("y", -0.8, end=WRONG),)),
        made("low without truth", -1.0, end=UNVERIFIABLE),
        made("lowest, never finished", -1.0),
    )
    assert nodes_of(select_pairs(tree, STEPS_ONLY)) == [(2, 3)]


def test_errors_and_dead_ends_are_neither_correct_nor_wrong(made, grown):
    tree = grown(made("right", 1.0, end=CORRECT), made("broken", -1.0, end=Outcome.ERROR), made("stuck", -1.0))
    tree.dead_ends.add(3)
    assert select_pairs(tree, ALL).pairs == ()


def test_a_child_that_fits_both_sides_gets_one(made, grown):
    def mixed(text, q):
        return made(text, q, children=(made(text + " r", 1.0, end=CORRECT), made(text + " w", -1.0, end=WRONG)))

    free = change(STEPS_ONLY, min_margin=0.0)
    two = select_pairs(grown(mixed("upper", 0.5), mixed("lower", -0.5)), free)
    assert [nodes for nodes, pair in zip(nodes_of(two), two.pairs, strict=True) if pair.node_group == 0] == [(1, 2)]
    three = select_pairs(grown(mixed("top", 0.9), mixed("middle", 0.2), mixed("bottom", -0.6)), free)
    at_root = [nodes for nodes, pair in zip(nodes_of(three), three.pairs, strict=True) if pair.node_group == 0]
    assert at_root == [(1, 3), (2, 3)]  # the middle one was picked as chosen, so (1, 2) is no pair
    assert nodes_of(select_pairs(grown(mixed("alone", 0.0)), free)) == [(2, 3)]


@pytest.mark.parametrize(("q", "expected"), [(0.5, [(1, 2)]), (0.498046875, [])])
def test_margin_threshold_is_inclusive(made, grown, q, expected):
    tree = grown(made("right", q, end=CORRECT), made("wrong", 0.0, end=WRONG))
    selection = select_pairs(tree, STEPS_ONLY)
    assert nodes_of(selection) == expected
    assert selection.reasons == ({} if expected else {"margin": 1})


def test_equal_or_inverted_q_is_never_a_preference(made, grown):
    free = change(STEPS_ONLY, min_margin=0.0)
    for q in (0.0, 0.5):
        tree = grown(made("right", 0.0, end=CORRECT), made("wrong", q, end=WRONG))
        assert select_pairs(tree, free).reasons == {"margin": 1}


def test_texts_must_differ_by_the_edit_distance(made, grown):
    tree = grown(made("a" * 19, 1.0, end=CORRECT), made("b" * 19, -1.0, end=WRONG))
    assert select_pairs(tree, change(STEPS_ONLY, min_edit_distance=20)).reasons == {"too_similar": 1}
    assert nodes_of(select_pairs(tree, change(STEPS_ONLY, min_edit_distance=19))) == [(1, 2)]


def test_identical_texts_or_ids_never_pair(made, grown):
    none = change(STEPS_ONLY, min_edit_distance=0)
    for text, ids in (("same", (2,)), ("other", (1,))):
        tree = grown(made("same", 1.0, end=CORRECT, ids=(1,)), made(text, -1.0, end=WRONG, ids=ids))
        assert select_pairs(tree, none).reasons == {"too_similar": 1}


def test_the_chosens_best_continuation_must_beat_the_rejecteds_worst(made, grown):
    # Mean Q from the child on: chosen (0.4 - 0.8) / 2 = -0.2 at best, rejected (-0.2 + 0.0) / 2 = -0.1 at worst.
    tree = grown(
        made("up", 0.4, children=(made("c", -0.8, end=CORRECT), made("d", -1.0, end=CORRECT))),
        made("down", -0.2, children=(made("e", 0.0, end=WRONG), made("f", 0.6, end=WRONG))),
    )
    assert select_pairs(tree, STEPS_ONLY).reasons == {"continuation": 1, "one_sided": 2}
    assert nodes_of(select_pairs(tree, change(STEPS_ONLY, require_continuation=False))) == [(1, 2)]


def test_the_best_and_the_worst_continuation_are_what_counts(made, grown):
    # Chosen: mean Qs 0.3 and -0.3; rejected: -0.2 and 0.4. Only the best of the one beats the worst of the other.
    tree = grown(
        made("up", 0.4, children=(made("c", 0.2, end=CORRECT), made("d", -1.0, end=CORRECT))),
        made("down", -0.2, children=(made("e", -0.2, end=WRONG), made("f", 1.0, end=WRONG))),
    )
    assert nodes_of(select_pairs(tree, STEPS_ONLY)) == [(1, 2)]


def test_continuations_of_unequal_length_compare_by_their_mean(made, grown):
    # (0.5 - 0.75) / 2 = -0.125 beats -0.1875, though its sum, -0.25, would not.
    tree = grown(
        made("up", 0.5, children=(made("c", -0.75, end=CORRECT),)),
        made("down", -0.1875, end=WRONG),
    )
    assert nodes_of(select_pairs(tree, STEPS_ONLY)) == [(1, 2)]


def test_children_below_min_visits_are_left_out_and_counted(made, grown):
    tree = grown(
        made("right", 1.0, end=CORRECT),
        made("rare", -1.0, end=WRONG, visits=1),
        made("seen", -0.5, end=WRONG, visits=2),
    )
    assert nodes_of(select_pairs(tree, change(STEPS_ONLY, min_visits=2))) == [(1, 3)]
    assert select_pairs(tree, change(STEPS_ONLY, min_visits=2)).reasons == {"few_visits": 1}
    assert nodes_of(select_pairs(tree, STEPS_ONLY)) == [(1, 2), (1, 3)]


def test_whole_solutions_pair_across_prefixes(made, grown):
    # Mean Qs: r1 (1 + 1) / 2, r2 0.9, r3 0.75; w1 -1, w2 (-1 + 0.5) / 2, w3 (-1 - 0.5) / 2
    tree = grown(
        made(
            "A",
            1.0,
            children=(made("r1", 1.0, end=CORRECT), made("r2", 0.8, end=CORRECT), made("r3", 0.5, end=CORRECT)),
        ),
        made(
            "B", -1.0, children=(made("w1", -1.0, end=WRONG), made("w2", 0.5, end=WRONG), made("w3", -0.5, end=WRONG))
        ),
    )
    selection = select_pairs(tree, SOLUTIONS_ONLY)
    assert nodes_of(selection) == [(3, 6), (3, 8), (4, 6), (4, 8)]
    first = selection.pairs[0]
    assert (first.kind, first.prefix, first.node_group, first.depth) == (PairKind.FINAL_STEP, (), 0, 2)
    assert (first.chosen_text, first.rejected_text, first.margin) == ("Ar1", "Bw1", 2.0)
    assert first.chosen == tuple(map(ord, "Ar1"))
    assert len({pair.group for pair in select_pairs(tree, ALL).pairs}) == 2  # the root's steps, and the solutions


def test_solutions_obey_the_margin_of_mean_q(made, grown):
    tree = grown(
        made("A", 0.25, children=(made("r", 0.25, end=CORRECT),)),
        made("B", 0.0, children=(made("w", -0.25, end=WRONG),)),
    )
    assert select_pairs(tree, SOLUTIONS_ONLY).reasons == {"margin": 1}
    assert nodes_of(select_pairs(tree, change(SOLUTIONS_ONLY, min_margin=0.375))) == [(3, 4)]


def test_siblings_that_end_pair_once_not_twice(made, grown):
    tree = grown(made("right", 1.0, end=CORRECT), made("wrong", -1.0, end=WRONG))
    selection = select_pairs(tree, ALL)
    assert [pair.kind for pair in selection.pairs] == [PairKind.SAME_PREFIX]
    assert selection.reasons == {"repeated": 1}


def test_a_tree_without_verdicts_gives_nothing(made, grown):
    assert select_pairs(grown(made("open", 0.0)), ALL).pairs == ()


@pytest.mark.parametrize(
    ("values", "named"),
    [({"per_side": 0}, "pairs.per_side"), ({"min_margin": float("nan")}, "pairs.min_margin"),
     ({"min_margin": -0.1}, "pairs.min_margin"), ({"min_edit_distance": -1}, "pairs.min_edit_distance"),
     ({"min_visits": -1}, "pairs.min_visits")],
)  # fmt: skip
def test_impossible_options_are_named(values, named):
    with pytest.raises(UserError, match=named):
        PairConfig(**values)


def random_tree(made, grown, seed):
    rng = np.random.default_rng(seed)

    def children(depth):
        return tuple(child(depth) for _ in range(rng.integers(1, 5)))

    def child(depth):
        text = "".join(rng.choice(list("abc"), size=rng.integers(1, 8)))
        q, visits = float(rng.choice([-1.0, -0.5, -0.1, 0.0, 0.3, 0.8, 1.0])), int(rng.integers(0, 4))
        if depth == 3 or rng.random() < 0.3:
            return made(text, q, end=list(Outcome)[rng.integers(4)], visits=visits)
        return made(text, q, children=children(depth + 1) if rng.random() < 0.8 else (), visits=visits)

    return grown(*children(1))


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.5, 1.2]),
    st.integers(0, 4),
    st.booleans(),
    st.integers(0, 2),
)
def test_every_pair_keeps_every_rule(made, grown, seed, per_side, margin, distance, continuation, min_visits):
    tree = random_tree(made, grown, seed)
    config = PairConfig(True, True, per_side, margin, distance, continuation, min_visits)
    selection = select_pairs(tree, config)
    below = {node: set() for node in range(len(tree))}
    for node, verdict in tree.verdicts.items():
        for ancestor in tree.path(node):
            below[ancestor].add(verdict.outcome)
    sides = {}
    for pair in selection.pairs:
        assert pair.chosen != pair.rejected
        assert edit_distance(pair.chosen_text, pair.rejected_text, 99) >= max(1, distance)
        assert pair.margin >= margin
        assert pair.margin > 0
        assert Outcome.CORRECT in below[pair.chosen_node]
        assert Outcome.WRONG in below[pair.rejected_node]
        assert min(tree.visits[pair.chosen_node], tree.visits[pair.rejected_node]) >= min_visits
        if pair.kind is PairKind.SAME_PREFIX:
            assert tree.parent[pair.chosen_node] == tree.parent[pair.rejected_node] == pair.node_group
            assert pair.margin == tree.q(pair.chosen_node) - tree.q(pair.rejected_node)
        else:
            assert pair.prefix == ()
            assert (tree.verdicts[pair.chosen_node].outcome, tree.verdicts[pair.rejected_node].outcome) == (
                CORRECT,
                WRONG,
            )
        chosen, rejected = sides.setdefault(pair.group, (set(), set()))
        chosen.add(pair.chosen_node)
        rejected.add(pair.rejected_node)
    for chosen, rejected in sides.values():
        assert not chosen & rejected
        assert max(len(chosen), len(rejected)) <= per_side
    assert len(set(nodes_of(selection))) == len(selection.pairs)
    assert selection == select_pairs(tree, config)
