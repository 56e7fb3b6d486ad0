"""What a search costs, problem by problem."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from evolve.models import Sampler
from mcts.step import Continuation, ProposeRequest
from mcts.tree import SearchTree
from policy.config import PolicyConfig
from policy.proposer import PolicyProposer
from policy.writer import Written


class MeteredProposer(PolicyProposer):
    """A policy as a search sees it that counts every sampled token, those of dropped steps and duplicates included."""

    def __init__(self, sampler: Sampler, config: PolicyConfig, temperature: float) -> None:
        self._tokens: Counter[int] = Counter()  # by seed: a request's own
        self._seeds: dict[str, list[int]] = defaultdict(list)  # by problem, in the order in which its search asked
        super().__init__(
            sampler.engine, sampler.encode, sampler.steps, temperature, max_tokens=config.max_solution_tokens
        )

    def tokens(self, problem_id: str) -> list[int]:
        """Tokens sampled for each request of a problem, in the order in which its search asked."""
        return [self._tokens[seed] for seed in self._seeds[problem_id]]

    def propose(self, requests: Sequence[ProposeRequest]) -> list[list[Continuation]]:
        """Answer in the order of the requests."""
        for request in requests:
            self._seeds[request.problem.id].append(request.seed)
        return super().propose(requests)

    def submit(self, ticket: int, request: ProposeRequest) -> None:
        """Let a request into the engine."""
        self._seeds[request.problem.id].append(request.seed)
        super().submit(ticket, request)

    def _continuations(self, request: ProposeRequest, answer: list[Written]) -> list[Continuation]:
        self._tokens[request.seed] += sum(one.tokens for one in answer)
        return super()._continuations(request, answer)


def scored_tokens(tree: SearchTree, prompt: int, nodes: Iterable[int]) -> int:
    """Tokens that a PPM reads to score these nodes of a tree: the prompt and each step once (shared beginnings once).

    What a PPM really reads depends on how its scorer packs rows; steps that a search had judged outside the tree
    (``search.simulation=steps`` or ``end``) are not counted.
    """
    read = [len(tree.step(node).context_ids) for node in set(nodes) if not math.isnan(tree.score[node])]
    return prompt + sum(read) if read else 0
