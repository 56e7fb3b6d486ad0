"""Continuations written turn by turn: in text one generation is all of it, with code one generation is one step.

Every way to sample a policy in steps goes through here: proposals for a search, whole solutions, continuations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from mcts.step import Continuation, Step, joined
from policy.engine import Engine, GenerateRequest, Generation, Sampling, StreamingEngine
from policy.step_format import Draft, TextSteps, Turn
from tasks.seeding import derive_seed

_Asks = list[tuple[list[int], GenerateRequest]]  # what an engine is asked, for the paths of these numbers


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """Ask for ``count`` continuations of a prompt and a prefix, of at most ``max_steps`` steps (None: to the end).

    ``sampling.max_tokens`` bounds the sampled tokens of each; ``sampling.stop`` is the step format's affair.
    """

    prompt_ids: tuple[int, ...]
    prefix: tuple[Step, ...]
    count: int
    sampling: Sampling
    seed: int
    max_steps: int | None = None


@dataclass(slots=True)
class Written:
    """One continuation: its valid ``steps``, and the ``flaw`` that ended it, if one did.

    ``dodged``: the flaw has no end. ``failures``: outcomes of all code that failed on the way. ``tokens``: all that
    were sampled for it, those of failed steps included.
    """

    steps: Continuation = ()
    flaw: Step | None = None
    dodged: bool = False
    failures: tuple[str, ...] = ()
    tokens: int = 0

    @property
    def tried(self) -> int:
        """Steps that were sampled, the invalid ones included."""
        return len(self.steps) + len(self.failures) + self.dodged

    @property
    def with_flaw(self) -> Continuation:
        """The steps, and the one that ended them in vain: what learning on policy must see."""
        return self.steps if self.flaw is None else (*self.steps, self.flaw)


@dataclass(slots=True)
class _Path:
    """A continuation under way."""

    found: Written = field(default_factory=Written)
    turns: int = 0
    failed_in_a_row: int = 0


class _Open:
    """A request under way: what it asks an engine next, and what has come of it."""

    def __init__(self, request: WriteRequest, steps: TextSteps) -> None:
        self.request = request
        self._steps = steps
        self._paths = [_Path() for _ in range(request.count)]
        self._missing = 0  # answers

    def begin(self) -> _Asks:
        """The first turn, for all paths at once."""
        request = self.request
        seed = derive_seed(request.seed, "turn", 0) if self._steps.runs_code else request.seed
        self._missing = 1
        return [(list(range(request.count)), self._ask((), request.count, request.sampling, seed))]

    def drafts(self, numbers: list[int], answer: list[Generation]) -> list[Draft]:
        """An answer for the paths of these numbers, to be read."""
        return [
            self._draft(self._paths[number].found.steps, generation)
            for number, generation in zip(numbers, answer, strict=True)
        ]

    def feed(self, numbers: list[int], drafts: Sequence[Draft], turns: Sequence[Turn]) -> _Asks:
        """Take what was read; what is to be asked next."""
        on = [
            number
            for number, draft, turn in zip(numbers, drafts, turns, strict=True)
            if self._goes_on(self._paths[number], len(draft.generation.token_ids), turn)
        ]
        self._missing += len(on) - 1
        return [([number], self._next(number)) for number in on]

    @property
    def done(self) -> bool:
        return self._missing == 0

    def written(self) -> list[Written]:
        return [path.found for path in self._paths]

    def _draft(self, steps: Continuation, generation: Generation) -> Draft:
        most = self.request.max_steps
        return Draft(generation, self.request.prefix + steps, None if most is None else most - len(steps))

    def _goes_on(self, path: _Path, tokens: int, turn: Turn) -> bool:
        """Take in a turn. Is there to be another?"""
        found, request = path.found, self.request
        found.steps += turn.steps
        found.flaw, found.dodged = turn.flaw, turn.flaw is not None and not turn.failure
        found.tokens += tokens
        path.turns += 1
        path.failed_in_a_row = path.failed_in_a_row + 1 if turn.failure else 0
        if turn.failure:
            found.failures += (turn.failure,)
        if not turn.goes_on or len(found.steps) == request.max_steps or found.tokens >= request.sampling.max_tokens:
            return False
        if not turn.failure:
            return True
        # A step of a search is drawn once, and the likeliest step would only fail again.
        is_hopeless = request.max_steps == 1 or request.sampling.temperature == 0
        return not is_hopeless and path.failed_in_a_row < self._steps.config.max_failures

    def _next(self, number: int) -> GenerateRequest:
        path, request = self._paths[number], self.request
        left = replace(request.sampling, max_tokens=request.sampling.max_tokens - path.found.tokens)
        return self._ask(path.found.steps, 1, left, derive_seed(request.seed, "turn", path.turns, number))

    def _ask(self, steps: Continuation, rows: int, sampling: Sampling, seed: int) -> GenerateRequest:
        one_step = self._steps.runs_code or self.request.max_steps == 1
        stop = (self._steps.config.step_end,) if one_step else ()
        ids = self.request.prompt_ids + joined(self.request.prefix + steps)
        return GenerateRequest(ids, rows, replace(sampling, stop=stop), seed)


class StepWriter:
    """Has an engine write steps. Lock-step: all unfinished paths of a call take their next turn together."""

    def __init__(self, engine: Engine, steps: TextSteps) -> None:
        self.engine, self.steps = engine, steps
        self._tickets = count()
        self._asked: dict[int, tuple[int, list[int]]] = {}  # engine's ticket -> ours, and the numbers of the paths
        self._open: dict[int, _Open] = {}

    def write(self, requests: Sequence[WriteRequest]) -> list[list[Written]]:
        """``count`` continuations a request, in the order of the requests."""
        opened = [_Open(request, self.steps) for request in requests]
        wave = [(one, *asked) for one in opened for asked in one.begin()]
        while wave:
            answers = self.engine.generate([asked for _, _, asked in wave])
            drafts = [one.drafts(numbers, answer) for (one, numbers, _), answer in zip(wave, answers, strict=True)]
            turns = iter(self.steps.read([draft for part in drafts for draft in part]))
            wave = [
                (one, *asked)
                for (one, numbers, _), part in zip(wave, drafts, strict=True)
                for asked in one.feed(numbers, part, [next(turns) for _ in part])
            ]
        return [one.written() for one in opened]

    def submit(self, ticket: int, request: WriteRequest) -> None:
        """Let a request into the engine; its continuations come from ``receive`` under ``ticket``."""
        engine = self._streaming  # refuses before anything is noted
        if ticket in self._open:
            raise ValueError(f"ticket {ticket} is under way already")
        self._open[ticket] = _Open(request, self.steps)
        self._submit(engine, ticket, self._open[ticket].begin())

    def receive(self) -> list[tuple[int, list[Written]]]:
        """Wait until at least one submitted request is complete; return all that are."""
        complete: list[tuple[int, list[Written]]] = []
        while not complete:
            for asked, answer in self._streaming.receive():
                ticket, numbers = self._asked.pop(asked)
                one = self._open[ticket]
                drafts = one.drafts(numbers, answer)
                self._submit(self._streaming, ticket, one.feed(numbers, drafts, self.steps.read(drafts)))
                if one.done:
                    complete.append((ticket, self._open.pop(ticket).written()))
        return complete

    @property
    def _streaming(self) -> StreamingEngine:
        if not isinstance(self.engine, StreamingEngine):
            raise ValueError(f"{type(self.engine).__name__} answers whole batches only; use the lock-step driver")
        return self.engine

    def _submit(self, engine: StreamingEngine, ticket: int, asks: _Asks) -> None:
        for numbers, request in asks:
            own = next(self._tickets)
            self._asked[own] = ticket, numbers
            engine.submit(own, request)
