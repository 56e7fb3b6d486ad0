"""What the rules say of each candidate, by hand; and selection is nothing but the candidates that were kept."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mcts.config import Mode, SearchConfig
from prm.pairs import PairCandidate, PairConfig, PairKind, Reason, explain_pairs, select_pairs
from tasks.problem import Outcome
from tests.mcts.puzzles import SUM, SUM_EVALUATOR, run, search_sum

CORRECT, WRONG = Outcome.CORRECT, Outcome.WRONG
SAME, FINAL = PairKind.SAME_PREFIX, PairKind.FINAL_STEP


def check_selection_is_what_was_kept(tree, config):
    candidates, selection = explain_pairs(tree, config), select_pairs(tree, config)
    kept = [candidate for candidate in candidates if candidate.kept]
    assert [(c.kind, c.prefix, c.chosen, c.rejected, c.margin) for c in kept] == [
        (p.kind, p.node_group, p.chosen_node, p.rejected_node, p.margin) for p in selection.pairs
    ]
    assert Counter(str(c.reason) for c in candidates if not c.kept) == selection.reasons
    for candidate in candidates:
        names_two = candidate.reason not in (Reason.FEW_VISITS, Reason.ONE_SIDED)
        assert names_two is (None not in (candidate.chosen, candidate.rejected, candidate.margin))
        assert (candidate.child is not None) is (candidate.reason is Reason.FEW_VISITS)
    return candidates


def test_every_reason_by_hand(made, grown):
    tree = grown(
        made("right one", 1.0, end=CORRECT),  # 1
        made("wrong one", -1.0, end=WRONG),  # 2
        made("right, but near", 0.25, end=CORRECT),  # 3
        made("wrong, rarely seen", -0.5, end=WRONG, visits=1),  # 4
        made("open", 0.5, children=(made("right two", 1.0, end=CORRECT),)),  # 5, 6
    )
    config = PairConfig(per_side=3, min_margin=1.5, min_edit_distance=4, min_visits=2)
    assert check_selection_is_what_was_kept(tree, config) == [
        PairCandidate(SAME, 0, reason=Reason.FEW_VISITS, child=4),
        PairCandidate(SAME, 0, 1, 2, 2.0),
        PairCandidate(SAME, 0, 5, 2, 1.5),
        PairCandidate(SAME, 0, 3, 2, 1.25, Reason.MARGIN),
        PairCandidate(SAME, 5, reason=Reason.ONE_SIDED),
        PairCandidate(FINAL, 0, reason=Reason.FEW_VISITS, child=4),
        PairCandidate(FINAL, 0, 1, 2, 2.0, Reason.REPEATED),
        PairCandidate(FINAL, 0, 6, 2, 1.75),
        PairCandidate(FINAL, 0, 3, 2, 1.25, Reason.MARGIN),
    ]


def test_texts_and_continuations_that_object_are_named(made, grown):
    tree = grown(
        made("up", 0.75, children=(made("c", -0.9375, end=CORRECT),)),
        made("ab", -1.0, children=(made("e", 1.0, end=WRONG),)),
    )
    loose = PairConfig(final_step=False, min_edit_distance=2)
    assert [c.reason for c in explain_pairs(tree, loose) if c.prefix == 0] == [Reason.CONTINUATION]
    strict = PairConfig(final_step=False, min_edit_distance=3)
    assert [c.reason for c in explain_pairs(tree, strict) if c.prefix == 0] == [Reason.TOO_SIMILAR]


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 3), st.sampled_from([0.0, 0.5, 1.2]), st.integers(0, 4), st.integers(0, 2))
def test_selection_is_what_was_kept_on_random_trees(made, grown, seed, per_side, margin, distance, min_visits):
    rng = np.random.default_rng(seed)

    def children(depth):
        return tuple(child(depth) for _ in range(rng.integers(1, 5)))

    def child(depth):
        text, visits = "".join(rng.choice(list("ab"), size=rng.integers(1, 6))), int(rng.integers(0, 4))
        q = float(rng.choice([-1.0, -0.5, 0.0, 0.3, 1.0]))
        if depth == 3 or rng.random() < 0.3:
            return made(text, q, end=list(Outcome)[rng.integers(4)], visits=visits)
        return made(text, q, children=children(depth + 1), visits=visits)

    config = PairConfig(per_side=per_side, min_margin=margin, min_edit_distance=distance, min_visits=min_visits)
    check_selection_is_what_was_kept(grown(*children(1)), config)


def test_selection_is_what_was_kept_on_searched_trees():
    reasons = set()
    for seed in range(12):
        mode = Mode.PPM_AUGMENTED if seed % 2 else Mode.TERMINAL_GUIDED
        search = search_sum(SearchConfig(mode=mode, rollouts=24, width=4, max_depth=5), seed=seed)
        tree = run(search, SUM, SUM_EVALUATOR)
        config = PairConfig(min_edit_distance=1, min_margin=0.25, min_visits=seed % 3)
        reasons |= {candidate.reason for candidate in check_selection_is_what_was_kept(tree, config)}
    assert {None, Reason.MARGIN, Reason.ONE_SIDED, Reason.FEW_VISITS} <= reasons
