"""Preference pairs: which of two steps, or of two solutions, a search tree shows to be better (rStar-Math 3.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from mcts.step import Step, joined, observed
from mcts.trajectory import solution_text
from mcts.tree import SearchTree
from prm.edit_distance import edit_distance
from prm.sides import Side, best_against_worst, children, solution
from tasks.errors import UserError


class PairKind(StrEnum):
    """``same_prefix``: two children of one node. ``final_step``: two whole solutions of one problem."""

    SAME_PREFIX = "same_prefix"
    FINAL_STEP = "final_step"


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """Two continuations of a prefix, the better one first; token ids exactly as they were sampled, or observed.

    ``prefix`` holds the ids of the steps before, without the prompt; ``chosen`` and ``rejected`` those of the step.
    In a ``final_step`` pair they hold all steps of both solutions, and ``prefix`` is empty. ``margin`` is the
    difference of the Qs (of the mean Qs of the solutions), ``depth`` the number of the chosen step, from 1.
    ``node_group`` is the expanded node (0, the root, for ``final_step``); ``tree`` tells trees of a problem apart.
    ``chosen_given`` and ``rejected_given`` are the stretches of ids that were observed (``mcts.step.observed``);
    ``chosen_visits`` and ``rejected_visits`` say how often the search came to the two nodes (0: not known).
    """

    problem_id: str
    tree: int
    kind: PairKind
    prompt: str
    prefix: tuple[int, ...]
    chosen: tuple[int, ...]
    rejected: tuple[int, ...]
    chosen_text: str
    rejected_text: str
    margin: float
    depth: int
    chosen_node: int
    rejected_node: int
    node_group: int
    chosen_given: tuple[tuple[int, int], ...] = ()
    rejected_given: tuple[tuple[int, int], ...] = ()
    chosen_visits: int = 0
    rejected_visits: int = 0

    @property
    def group(self) -> tuple[str, int, PairKind, int]:
        """Equal for the pairs that the loss averages over before it averages over nodes."""
        return self.problem_id, self.tree, self.kind, self.node_group


class Reason(StrEnum):
    """Why something did not become a pair. The first is counted per child or solution, the second per expanded node
    (and once per tree for the solutions), the rest per candidate pair; of several reasons the first one counts.
    """

    FEW_VISITS = "few_visits"
    ONE_SIDED = "one_sided"
    MARGIN = "margin"
    TOO_SIMILAR = "too_similar"
    CONTINUATION = "continuation"
    REPEATED = "repeated"


@dataclass
class PairConfig:
    """rStar-Math's rules with the thresholds of its released code.

    ``min_edit_distance`` is meant for steps of many words; tasks whose steps differ in a digit want 1.
    """

    same_prefix: bool = True  # pairs of two steps that begin alike: two children of one node
    final_step: bool = True  # pairs of two whole solutions of one problem
    per_side: int = 2  # up to this many chosen times this many rejected per node
    min_margin: float = 0.5  # smallest difference of Q; a preference is always above 0
    min_edit_distance: int = 20  # characters in which the two texts differ, at least; identical texts never pair
    require_continuation: bool = True  # the chosen's best continuation has a higher mean Q than the rejected's worst
    min_visits: int = 1  # of a child (of a solution's last step) to be considered

    def __post_init__(self) -> None:
        for name, least in (("per_side", 1), ("min_edit_distance", 0), ("min_visits", 0)):
            if getattr(self, name) < least:
                raise UserError(f"pairs.{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 <= self.min_margin <= 2:
            raise UserError(
                f"pairs.min_margin must lie in [0, 2], the range of differences of Q, got {self.min_margin}"
            )


@dataclass(frozen=True, slots=True)
class PairCandidate:
    """What the rules looked at, and what they found: a pair (``reason`` is None), or why there is none.

    ``prefix`` is the expanded node (0, the root, for ``final_step``). ``chosen``, ``rejected`` and ``margin`` (as in
    ``PreferencePair``) are None for the two reasons that no pair stands behind: ``one_sided``, said of the expanded
    node, and ``few_visits``, said of ``child``, which is None otherwise.
    """

    kind: PairKind
    prefix: int
    chosen: int | None = None
    rejected: int | None = None
    margin: float | None = None
    reason: Reason | None = None
    child: int | None = None

    @property
    def kept(self) -> bool:
        """Is it a pair?"""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class PairSelection:
    """The pairs of one tree, and how many candidates fell to which reason."""

    pairs: tuple[PreferencePair, ...]
    reasons: dict[str, int]


def select_pairs(tree: SearchTree, config: PairConfig, tree_index: int = 0) -> PairSelection:
    """The pairs that a tree supports: the candidates that ``explain_pairs`` keeps, and the count of its reasons.

    ``tree_index`` tells several trees of one problem apart.
    """
    candidates = explain_pairs(tree, config)
    reasons = Counter(str(candidate.reason) for candidate in candidates if not candidate.kept)
    pairs = tuple(_pair(tree, tree_index, candidate) for candidate in candidates if candidate.kept)
    return PairSelection(pairs, dict(sorted(reasons.items())))


def explain_pairs(tree: SearchTree, config: PairConfig) -> list[PairCandidate]:
    """All that rStar-Math's rules (section 3.3, and the released thresholds) weigh in a tree, with what they decide.

    Per expanded node: chosen are the up to ``per_side`` children with the highest Q that have a correct leaf below
    them, rejected those with the lowest Q that have a wrong leaf below (a leaf that ends in the child itself counts).
    A child that qualifies for both sides gets one of them: the sides pick in turn, the chosen first. For the final
    answer, where one prefix rarely leads to different answers, the ``per_side`` correct solutions with the highest
    mean Q stand against the wrong ones with the lowest. Unverifiable answers and dead ends are neither correct nor
    wrong.
    """
    found: list[PairCandidate] = []
    kept: set[tuple[int, int]] = set()
    for kind, parent, group in _groups(tree, config):
        visited = [side for side in group if tree.visits[side.node] >= config.min_visits]
        rare = sorted({side.node for side in group} - {side.node for side in visited})
        found += [PairCandidate(kind, parent, reason=Reason.FEW_VISITS, child=node) for node in rare]
        chosen, rejected = best_against_worst(visited, config.per_side)
        if not (chosen and rejected):
            found.append(PairCandidate(kind, parent, reason=Reason.ONE_SIDED))
        for better, worse in product(chosen, rejected):
            nodes = better.node, worse.node
            reason = Reason.REPEATED if nodes in kept else _objection(better, worse, config)
            found.append(PairCandidate(kind, parent, *nodes, margin=better.q - worse.q, reason=reason))
            if reason is None:
                kept.add(nodes)
    return found


def _groups(tree: SearchTree, config: PairConfig) -> Iterator[tuple[PairKind, int, list[Side]]]:
    """The sets of sides that may be compared: kind, expanded node (0 for solutions), sides."""
    trajectories = [trajectory for trajectory in tree.trajectories() if trajectory.verdict is not None]
    if config.same_prefix:
        for parent, sides in children(tree, trajectories).items():
            yield PairKind.SAME_PREFIX, parent, sides
    if config.final_step and trajectories:
        yield PairKind.FINAL_STEP, 0, [solution(trajectory) for trajectory in trajectories]


def _objection(chosen: Side, rejected: Side, config: PairConfig) -> Reason | None:
    """The first rule that a candidate pair breaks, None if it may stand."""
    margin = chosen.q - rejected.q
    if margin <= 0 or margin < config.min_margin:
        return Reason.MARGIN
    least = max(1, config.min_edit_distance)
    if chosen.token_ids == rejected.token_ids or edit_distance(chosen.text, rejected.text, least) < least:
        return Reason.TOO_SIMILAR
    if config.require_continuation and chosen.best <= rejected.worst:
        return Reason.CONTINUATION
    return None


def _pair(tree: SearchTree, tree_index: int, candidate: PairCandidate) -> PreferencePair:
    assert candidate.chosen is not None
    assert candidate.rejected is not None
    assert candidate.margin is not None
    chosen, rejected = (_steps(tree, candidate.kind, node) for node in (candidate.chosen, candidate.rejected))
    return PreferencePair(
        problem_id=tree.problem.id,
        tree=tree_index,
        kind=candidate.kind,
        prompt=tree.problem.prompt,
        prefix=joined(tree.prefix(candidate.prefix)),
        chosen=joined(chosen),
        rejected=joined(rejected),
        chosen_text=solution_text(chosen),
        rejected_text=solution_text(rejected),
        margin=candidate.margin,
        depth=tree.depth[candidate.chosen],
        chosen_node=candidate.chosen,
        rejected_node=candidate.rejected,
        node_group=candidate.prefix,
        chosen_given=observed(chosen),
        rejected_given=observed(rejected),
        chosen_visits=tree.visits[candidate.chosen],
        rejected_visits=tree.visits[candidate.rejected],
    )


def _steps(tree: SearchTree, kind: PairKind, node: int) -> tuple[Step, ...]:
    """What one side of a pair holds: its step, or all steps of the solution."""
    return (tree.step(node),) if kind is PairKind.SAME_PREFIX else tree.prefix(node)
