"""Preference pairs: which of two steps, or of two solutions, a search tree shows to be better (rStar-Math 3.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from mcts.trajectory import Trajectory
from mcts.tree import SearchTree
from prm.edit_distance import edit_distance
from tasks.errors import UserError
from tasks.problem import Outcome


class PairKind(StrEnum):
    """``same_prefix``: two children of one node. ``final_step``: two whole solutions of one problem."""

    SAME_PREFIX = "same_prefix"
    FINAL_STEP = "final_step"


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """Two continuations of a prefix, the better one first; token ids exactly as they were sampled.

    ``prefix`` holds the ids of the steps before, without the prompt; ``chosen`` and ``rejected`` those of the step.
    In a ``final_step`` pair they hold all steps of both solutions, and ``prefix`` is empty. ``margin`` is the
    difference of the Qs (of the mean Qs of the solutions), ``depth`` the number of the chosen step, from 1.
    ``node_group`` is the expanded node (0, the root, for ``final_step``); ``tree`` tells trees of a problem apart.
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

    same_prefix: bool = True
    final_step: bool = True
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
class PairSelection:
    """The pairs of one tree, and how many candidates fell to which reason."""

    pairs: tuple[PreferencePair, ...]
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One side of a possible pair. ``best`` and ``worst``: mean Q of its continuations, itself included."""

    node: int
    q: float
    best: float
    worst: float
    text: str
    token_ids: tuple[int, ...]
    is_correct: bool  # a correct leaf lies below, or it is one
    is_wrong: bool  # a wrong leaf lies below, or it is one


def select_pairs(tree: SearchTree, config: PairConfig, tree_index: int = 0) -> PairSelection:
    """The pairs that a tree supports, by rStar-Math's rules (section 3.3, and the released thresholds).

    Per expanded node: chosen are the up to ``per_side`` children with the highest Q that have a correct leaf below
    them, rejected those with the lowest Q that have a wrong leaf below (a leaf that ends in the child itself counts).
    A child that qualifies for both sides gets one of them: the sides pick in turn, the chosen first. For the final
    answer, where one prefix rarely leads to different answers, the ``per_side`` correct solutions with the highest
    mean Q stand against the wrong ones with the lowest. Unverifiable answers and dead ends are neither correct nor
    wrong. ``tree_index`` tells several trees of one problem apart.
    """
    pairs: dict[tuple[int, int], PreferencePair] = {}
    reasons: Counter[str] = Counter()
    for kind, parent, candidates in _groups(tree, config):
        visited = [candidate for candidate in candidates if tree.visits[candidate.node] >= config.min_visits]
        reasons[Reason.FEW_VISITS] += len(candidates) - len(visited)
        chosen, rejected = _sides(visited, config.per_side)
        reasons[Reason.ONE_SIDED] += not (chosen and rejected)
        for better, worse in product(chosen, rejected):
            nodes = better.node, worse.node
            reason = Reason.REPEATED if nodes in pairs else _objection(better, worse, config)
            if reason is None:
                pairs[nodes] = _pair(tree, tree_index, kind, parent, better, worse)
            else:
                reasons[reason] += 1
    return PairSelection(tuple(pairs.values()), {str(name): count for name, count in sorted(reasons.items()) if count})


def _groups(tree: SearchTree, config: PairConfig) -> Iterator[tuple[PairKind, int, list[_Candidate]]]:
    """The sets of candidates that may be compared: kind, expanded node (0 for solutions), candidates."""
    trajectories = [trajectory for trajectory in tree.trajectories() if trajectory.verdict is not None]
    if config.same_prefix:
        for parent, candidates in _children(tree, trajectories).items():
            yield PairKind.SAME_PREFIX, parent, candidates
    if config.final_step and trajectories:
        yield PairKind.FINAL_STEP, 0, [_solution(trajectory) for trajectory in trajectories]


def _sides(candidates: Sequence[_Candidate], per_side: int) -> tuple[list[_Candidate], list[_Candidate]]:
    """The best correct and the worst wrong candidates, best and worst first; nobody is on both sides."""
    correct = sorted((each for each in candidates if each.is_correct), key=lambda each: (-each.q, each.node))
    wrong = sorted((each for each in candidates if each.is_wrong), key=lambda each: (each.q, each.node))
    chosen: list[_Candidate] = []
    rejected: list[_Candidate] = []
    for _ in range(per_side):
        for side, other, supply in ((chosen, rejected, correct), (rejected, chosen, wrong)):
            side += [each for each in supply if each not in side and each not in other][:1]
    return chosen, rejected


def _objection(chosen: _Candidate, rejected: _Candidate, config: PairConfig) -> Reason | None:
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


def _children(tree: SearchTree, trajectories: list[Trajectory]) -> dict[int, list[_Candidate]]:
    """By expanded node, in order, its children that have a verified leaf below them (or are one)."""
    leaves: dict[int, list[tuple[float, Outcome]]] = {}
    for trajectory in trajectories:
        assert trajectory.verdict is not None
        total = 0.0
        for length, index in enumerate(range(len(trajectory.nodes) - 1, -1, -1), start=1):
            total += trajectory.qs[index]
            leaves.setdefault(trajectory.nodes[index], []).append((total / length, trajectory.verdict.outcome))
    found: dict[int, list[_Candidate]] = {}
    for node in sorted(leaves):
        means = [mean for mean, _ in leaves[node]]
        outcomes = {outcome for _, outcome in leaves[node]}
        step = tree.step(node)
        candidate = _Candidate(
            node, tree.q(node), max(means), min(means), step.text, step.token_ids,
            is_correct=Outcome.CORRECT in outcomes, is_wrong=Outcome.WRONG in outcomes,
        )  # fmt: skip
        found.setdefault(tree.parent[node], []).append(candidate)
    return found


def _solution(trajectory: Trajectory) -> _Candidate:
    """A whole solution as one side of a ``final_step`` pair."""
    assert trajectory.verdict is not None
    mean, outcome = trajectory.mean_q, trajectory.verdict.outcome
    return _Candidate(
        trajectory.nodes[-1], mean, mean, mean, trajectory.text, trajectory.token_ids,
        is_correct=outcome is Outcome.CORRECT, is_wrong=outcome is Outcome.WRONG,
    )  # fmt: skip


def _pair(
    tree: SearchTree, tree_index: int, kind: PairKind, parent: int, chosen: _Candidate, rejected: _Candidate
) -> PreferencePair:
    return PreferencePair(
        problem_id=tree.problem.id,
        tree=tree_index,
        kind=kind,
        prompt=tree.problem.prompt,
        prefix=tuple(token for step in tree.prefix(parent) for token in step.token_ids),
        chosen=chosen.token_ids,
        rejected=rejected.token_ids,
        chosen_text=chosen.text,
        rejected_text=rejected.text,
        margin=chosen.q - rejected.q,
        depth=tree.depth[chosen.node],
        chosen_node=chosen.node,
        rejected_node=rejected.node,
        node_group=parent,
    )
