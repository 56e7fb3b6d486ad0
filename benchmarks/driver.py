"""The streaming driver against the lock-step one: a simulated engine's idle time, and the driver's own cost.

``python -m benchmarks.driver`` (five minutes, no model). Two kinds of figures:

- In simulated time, on an engine that decodes like a GPU: one token for each of up to 256 rows in 10 ms, plus 1 % of
  that for every 10 rows; rows that are done leave and waiting ones enter at once. A step's length is lognormal (median
  30 tokens, sigma 0.8, at most 256). Reading prompts and scoring cost nothing. These figures do not depend on the
  machine; the range is over seeds. "Share" is tokens per second over those of a batch that is always full.
- In real time: the driver's microseconds per node on a proposer that costs nothing and answers one request at a time.

The game: six steps, each right with a probability of the problem's own. The reward is the share of right steps, and a
problem is solved by a solution of which all six are. More rollouts in flight know less when they choose, so the share
of solved problems stands beside the speed.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from math import exp, sqrt
from random import Random

from benchmarks.report import Row, measured, write_report
from benchmarks.tree import FINAL_DEPTH, FreeProposer
from mcts.config import Expansion, SearchConfig
from mcts.driver import DriverStats
from mcts.lockstep import search_lockstep
from mcts.scripted import ScriptedVerifier
from mcts.search import Search
from mcts.step import Continuation, ProposeRequest, Step
from mcts.streaming import search_streaming
from tasks.problem import Problem

REPEATS = 5
ROWS = 256  # vLLM's usual max_num_seqs
STEP_MS, ROW_MS = 10.0, 0.01
MEDIAN, SIGMA, LONGEST = 30, 0.8, 256  # tokens of a step
DEPTH = 6
FULL = ROWS / (STEP_MS + ROW_MS * ROWS)  # tokens per ms


class SimulatedEngine:
    """A policy for the game that takes simulated time: implements ``Proposer`` and ``StreamingProposer``."""

    def __init__(self) -> None:
        self.ms = 0.0
        self.tokens = 0
        self._ticks = 0  # tokens decoded by a row that was there from the start
        self._queue: deque[tuple[int, int]] = deque()  # length, ticket
        self._rows: list[tuple[int, int]] = []  # tick of the end, ticket
        self._missing: dict[int, int] = {}
        self._answers: dict[int, list[Continuation]] = {}

    def submit(self, ticket: int, request: ProposeRequest) -> None:
        random = Random(request.seed)
        answer = [self._draw(request, random) for _ in range(request.count)]
        self._answers[ticket] = answer
        self._missing[ticket] = len(answer)
        for continuation in answer:
            self._queue.append((sum(len(step.token_ids) for step in continuation), ticket))

    def receive(self) -> list[tuple[int, list[Continuation]]]:
        done: list[int] = []
        while not done:
            while self._queue and len(self._rows) < ROWS:
                length, ticket = self._queue.popleft()
                heapq.heappush(self._rows, (self._ticks + length, ticket))
            ticks = self._rows[0][0]
            self.ms += (ticks - self._ticks) * (STEP_MS + ROW_MS * len(self._rows))
            self.tokens += (ticks - self._ticks) * len(self._rows)
            self._ticks = ticks
            while self._rows and self._rows[0][0] == ticks:
                _, ticket = heapq.heappop(self._rows)
                self._missing[ticket] -= 1
                if not self._missing[ticket]:
                    done.append(ticket)
        return [(ticket, self._answers.pop(ticket)) for ticket in done]

    def propose(self, requests: Sequence[ProposeRequest]) -> list[list[Continuation]]:
        for ticket, request in enumerate(requests):
            self.submit(ticket, request)
        answers: dict[int, list[Continuation]] = {}
        while len(answers) < len(requests):
            answers.update(self.receive())
        return [answers[ticket] for ticket in range(len(requests))]

    def _draw(self, request: ProposeRequest, random: Random) -> Continuation:
        steps: list[Step] = []
        depth = len(request.prefix)
        while len(steps) < (request.max_steps or DEPTH) and depth + len(steps) < DEPTH:
            is_right = random.random() < float(request.problem.prompt)
            length = max(1, min(LONGEST, round(MEDIAN * exp(random.gauss(0, SIGMA)))))
            text = f"{'+' if is_right else '-'}{random.randrange(3)}"
            is_final = depth + len(steps) == DEPTH - 1
            steps.append(Step(text, (0,) * length, (0.0,) * length, is_final))
        return tuple(steps)


VERIFIER = ScriptedVerifier(lambda problem, text: text.count("+") / DEPTH)


def game(trees: int, seed: int, **options: int | Expansion) -> list[Search]:
    """Searches of as many problems, each with its own probability of a right step."""
    config = SearchConfig(**{"rollouts": 16, "width": 8, **options})  # type: ignore[arg-type]
    random = Random(seed)
    problems = [Problem(f"game/{seed}/{i}", str(random.uniform(0.1, 0.5)), "") for i in range(trees)]
    return [Search(problem, config, seed, VERIFIER) for problem in problems]


def share(searches: list[Search], slots: int, *, streaming: bool) -> float:
    """Tokens per simulated second, as a share of a full batch's."""
    engine = SimulatedEngine()
    if streaming:
        search_streaming(searches, engine, slots=slots)
    else:
        search_lockstep(searches, engine, slots=slots)
    return engine.tokens / engine.ms / FULL


def speed_rows(slots: int, expansion: Expansion = Expansion.STEP) -> list[Row]:
    """Lock-step against streaming with 1, 2 and 4 rollouts in flight; three times as many problems as trees at once."""
    arms = [(False, 1), (True, 1), (False, 4), (True, 2), (True, 4)]
    shares: dict[tuple[bool, int], list[float]] = {arm: [] for arm in arms}
    for seed in range(REPEATS):
        grown = {}
        for streaming, in_flight in arms:
            searches = game(3 * slots, seed, in_flight=in_flight, expansion=expansion)
            shares[streaming, in_flight].append(share(searches, slots, streaming=streaming))
            grown[streaming, in_flight] = [(s.tree.steps, s.tree.visits, s.tree.value_sum) for s in searches]
        if grown[False, 1] != grown[True, 1]:
            raise SystemExit("the drivers grew different trees: the comparison is void")
    what = f"{slots} trees" + (", whole continuations" if expansion is Expansion.CONTINUATION else "")
    rows = []
    for streaming, in_flight in arms:
        name = f"{what}: {'streaming' if streaming else 'lock-step'}, {in_flight} in flight"
        rows.append(measured(f"{name}, share of a full batch", shares[streaming, in_flight]))
    for in_flight in (1, 2, 4):
        ratios = [a / b for a, b in zip(shares[True, in_flight], shares[False, 1], strict=True)]
        name = f"{what}: streaming with {in_flight} in flight / lock-step"
        rows.append(measured(name, ratios, at_least=2 if expansion is Expansion.STEP else None))
    return rows


def solved_row(in_flight: int, expansion: Expansion = Expansion.STEP, problems: int = 2000) -> Row:
    """The share of problems that streaming with 64 trees at once solves, and its 95 % interval (normal)."""
    searches = game(problems, 99, in_flight=in_flight, expansion=expansion)
    search_streaming(searches, SimulatedEngine(), slots=64)
    solved = sum(search.tree.solved for search in searches) / problems
    half = 1.96 * sqrt(solved * (1 - solved) / problems)
    what = ", whole continuations" if expansion is Expansion.CONTINUATION else ""
    return Row(f"solved with {in_flight} in flight{what} (95 % interval)", solved, solved - half, solved + half)


class FreeStream:
    """Costs nothing and answers one request at a time, the oldest first."""

    def __init__(self) -> None:
        self._free = FreeProposer()
        self._open: deque[tuple[int, ProposeRequest]] = deque()

    def submit(self, ticket: int, request: ProposeRequest) -> None:
        self._open.append((ticket, request))

    def receive(self) -> list[tuple[int, list[Continuation]]]:
        ticket, request = self._open.popleft()
        return [(ticket, self._free.propose([request])[0])]


def cost(trees: int, rollouts: int, in_flight: int) -> tuple[float, float]:
    """Microseconds of bookkeeping per node, and nodes per tree."""
    config = SearchConfig(rollouts=rollouts, width=8, in_flight=in_flight, max_depth=FINAL_DEPTH)
    verifier = ScriptedVerifier(lambda problem, text: float(text[-1] == "0"))
    searches = [Search(Problem("free/0/0", "?", ""), config, seed, verifier) for seed in range(trees)]
    stats: DriverStats = search_streaming(searches, FreeStream(), slots=32)
    nodes = sum(len(search.tree) for search in searches)
    return stats.bookkeeping_seconds / nodes * 1e6, nodes / trees


def cost_rows() -> list[Row]:
    """Small trees and a large one, taking turns."""
    arms = [(trees, rollouts, in_flight) for in_flight in (1, 4) for trees, rollouts in ((8, 16), (1, 1600))]
    costs: dict[tuple[int, int, int], list[tuple[float, float]]] = {arm: [] for arm in arms}
    for _ in range(REPEATS + 2):
        for arm in arms:
            costs[arm].append(cost(*arm))
    return [
        measured(
            f"streaming driver us per node, {arm[2]} in flight, trees of {taken[0][1]:.0f} nodes",
            [each for each, _ in taken],
            at_most=50,
        )
        for arm, taken in costs.items()
    ]


def main() -> None:
    """Measure, write, print."""
    rows = [row for slots in (32, 128) for row in speed_rows(slots)]
    rows += speed_rows(32, Expansion.CONTINUATION)
    rows += [solved_row(in_flight, expansion) for expansion in Expansion for in_flight in (1, 2, 4, 8)]
    write_report("driver", rows + cost_rows())


if __name__ == "__main__":
    main()
