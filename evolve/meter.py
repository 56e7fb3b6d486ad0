"""What a search costs, problem by problem."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from evolve.models import Sampler
from mcts.step import Continuation, ProposeRequest
from mcts.tree import SearchTree
from policy.config import PolicyConfig
from policy.engine import Engine, EngineCounts, GenerateRequest, Generation, StreamingEngine
from policy.proposer import PolicyProposer


class MeteredProposer(PolicyProposer):
    """A policy as a search sees it that counts every sampled token, those of dropped steps and duplicates included."""

    def __init__(self, sampler: Sampler, config: PolicyConfig, temperature: float) -> None:
        self._tokens: Counter[int] = Counter()  # by seed: a request's own
        self._seeds: dict[str, list[int]] = defaultdict(list)  # by problem, in the order in which its search asked
        engine = sampler.engine
        kind = _MeteredStream if isinstance(engine, StreamingEngine) else _MeteredEngine
        super().__init__(
            kind(engine, self._tokens),
            sampler.encode,
            sampler.steps,
            temperature,
            max_tokens=config.max_solution_tokens,
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


class _MeteredEngine:
    """Counts what an engine samples, by the seeds of the requests."""

    def __init__(self, engine: Engine, tokens: Counter[int]) -> None:
        self.counts: EngineCounts = engine.counts
        self._engine = engine
        self._tokens = tokens

    def generate(self, requests: Sequence[GenerateRequest]) -> list[list[Generation]]:
        answers = self._engine.generate(requests)
        for request, answer in zip(requests, answers, strict=True):
            self._count(request.seed, answer)
        return answers

    def _count(self, seed: int, answer: Iterable[Generation]) -> None:
        self._tokens[seed] += sum(len(generation.token_ids) for generation in answer)


class _MeteredStream(_MeteredEngine):
    """The same for an engine that requests enter and leave at any time."""

    def __init__(self, engine: Engine, tokens: Counter[int]) -> None:
        super().__init__(engine, tokens)
        assert isinstance(engine, StreamingEngine)
        self._stream = engine
        self._open: dict[int, int] = {}  # seed by ticket

    def submit(self, ticket: int, request: GenerateRequest) -> None:
        self._open[ticket] = request.seed
        self._stream.submit(ticket, request)

    def receive(self) -> list[tuple[int, list[Generation]]]:
        answers = self._stream.receive()
        for ticket, answer in answers:
            self._count(self._open.pop(ticket), answer)
        return answers

    def close(self) -> None:
        self._stream.close()


def scored_tokens(tree: SearchTree, prompt: int, nodes: Iterable[int]) -> int:
    """Tokens that a PPM reads to score these nodes of a tree: the prompt and each step once (shared beginnings once).

    What a PPM really reads depends on how its scorer packs rows; steps that a search had judged outside the tree
    (``search.simulation=steps`` or ``end``) are not counted.
    """
    read = [len(tree.step(node).token_ids) for node in set(nodes) if not math.isnan(tree.score[node])]
    return prompt + sum(read) if read else 0
