"""What a PPM is taught beside the policy: the policy's newest trees, and the wrong solutions that it fell for.

The verifier's outcomes tell the sides apart, as they do in the trees a PPM is trained on. No step label is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from compare.arms.course import Course
from evolve.config import GroupSearchConfig
from evolve.search_stage import run_searches
from lm.distributed import spread
from mcts.search import Search
from mcts.step import joined
from mcts.trajectory import Trajectory
from mcts.tree import SearchTree
from policy.proposer import PolicyProposer
from policy.rl import Group
from prm.pairs import select_pairs
from prm.probing.tempting import right_and_tempting
from prm.train import NodePairs, group_by_node
from tasks.problem import Problem


def live_trees(
    course: Course, problems: Sequence[Problem], config: GroupSearchConfig, seed: int, phase: str
) -> list[SearchTree]:
    """One search tree a problem, grown by the policy as it is now and charged to ``phase``."""
    policy = course.policy
    proposer = PolicyProposer(
        policy.engine, policy.encode, policy.steps, config.temperature, config.top_p,
        course.config.policy.max_solution_tokens,
    )  # fmt: skip

    def grown(some: Sequence[Problem]) -> list[tuple[SearchTree, int]]:
        searches = [Search(problem, config, seed, course.verifier) for problem in some]
        run_searches(config.driver, searches, proposer, None, slots=config.slots)
        return [(search.tree, search.stats.verdicts.total()) for search in searches]

    with course.phase(phase):
        found = spread(problems, grown)
    for _, verdicts in found:
        course.ledger.add(phase, verifier_calls=verdicts)
    return [tree for tree, _ in found]


def refresh_lessons(course: Course, seed: int) -> list[NodePairs]:
    """Preference pairs from trees of the next training problems, selected as for the first PPM (``ppm.pairs``)."""
    problems = course.next_problems(course.arm.remedy.problems)
    trees = live_trees(course, problems, course.config.search, seed, "refresh")
    pairs = [pair for tree in trees for pair in select_pairs(tree, course.config.ppm.pairs).pairs]
    return group_by_node(pairs, course.policy.encode)


def adversarial_lesson(group: Group, scores: Sequence[tuple[float, ...]], prompt: tuple[int, ...]) -> NodePairs | None:
    """Each correct solution above each wrong one that the PPM thinks at least as well of as of the worst correct one.

    ``scores``: the PPM's, one per step of each trajectory; what it thinks of a solution is their mean. Two pairs each:
    the solutions as a whole, and the step with which the wrong one leaves the correct one, unless that step begins
    another correct solution. An answer that no verifier could read is not called wrong, but it may not stand above a
    correct one either. None if there is no such pair. Source of the idea: Adv-RM (arXiv 2504.06141), where a policy is
    trained to find such solutions; here the one that is trained anyway finds them.
    """
    thought = {one.token_ids: sum(own) / len(own) for one, own in zip(group.trajectories, scores, strict=True)}
    right, tempting = right_and_tempting(group.trajectories, thought)
    index: dict[tuple[int, ...], int] = {}
    begun = {prompt + joined(one.steps[: end + 1]) for one in right.values() for end in range(len(one.steps))}
    pairs: dict[tuple[int, int], None] = {}
    for better, worse in product(right.values(), tempting.values()):
        whole = prompt + joined(better.steps), prompt + joined(worse.steps)
        sides = [whole, *_parting(better, worse, prompt)]
        for chosen, rejected in sides:
            if rejected not in begun:
                pairs[index.setdefault(chosen, len(index)), index.setdefault(rejected, len(index))] = None
    return NodePairs(group.problem.id, tuple(index), tuple(pairs)) if pairs else None


def _parting(
    better: Trajectory, worse: Trajectory, prompt: tuple[int, ...]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The first steps in which the two differ, behind what they share; nothing if one goes on where the other ends."""
    for place, (mine, other) in enumerate(zip(better.steps, worse.steps, strict=False)):
        if mine.token_ids != other.token_ids:
            before = prompt + joined(better.steps[:place])
            return [(before + mine.context_ids, before + other.context_ids)]
    return []
