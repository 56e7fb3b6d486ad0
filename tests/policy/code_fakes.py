"""A sandbox that runs the tests' own code in this process, and engines that write what they are told."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence

from policy.engine import EngineCounts, Finish, GenerateRequest, Generation
from tasks.sandbox.execution import Execution, ExecutionOutcome, Tier


class HereSandbox:
    """Trusts its cells. Counts its calls."""

    tier = Tier.OFF

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []

    def run_many(self, programs: Sequence[Sequence[str]]) -> list[Execution]:
        return [self.run(cells) for cells in programs]

    def run(self, cells: Sequence[str]) -> Execution:
        self.calls.append(tuple(cells))
        names: dict = {}
        out = io.StringIO()
        for cell in cells:
            out = io.StringIO()
            try:
                with contextlib.redirect_stdout(out):
                    exec(cell, names)
            except TimeoutError:
                return Execution(ExecutionOutcome.TIMEOUT, "", "", 0.0, self.tier)
            except Exception as error:
                return Execution(ExecutionOutcome.ERROR, "", str(error), 0.0, self.tier)
        return Execution(ExecutionOutcome.OK, out.getvalue(), "", 0.0, self.tier)


Say = Callable[[str, int], tuple[str, Finish]]
"""What a row writes after a text, given its seed (the request's and the row's number in one)."""


class SayingEngine:
    """Writes what ``say`` tells for what stands before. Keeps every request; answers streams in odd order."""

    def __init__(self, tokenizer, say: Say) -> None:
        self.counts = EngineCounts()
        self.asked: list[GenerateRequest] = []
        self.waves: list[int] = []
        self._tokenizer = tokenizer
        self._say = say
        self._open: list[tuple[int, GenerateRequest]] = []

    def generate(self, requests: Sequence[GenerateRequest]) -> list[list[Generation]]:
        self.waves.append(len(requests))
        return [self._answer(request) for request in requests]

    def submit(self, ticket: int, request: GenerateRequest) -> None:
        self._open.append((ticket, request))

    def receive(self) -> list[tuple[int, list[Generation]]]:
        ticket, request = self._open.pop()  # the last first
        return [(ticket, self._answer(request))]

    def close(self) -> None:
        self._open.clear()

    def _answer(self, request: GenerateRequest) -> list[Generation]:
        self.asked.append(request)
        before = self._tokenizer.decode(list(request.prompt_ids))
        found = []
        for row in range(request.count):
            text, finish = self._say(before, request.seed + row)
            ids = self._tokenizer.encode(text, add_special_tokens=False)
            ids += [self._tokenizer.eos_token_id] if finish is Finish.END else []
            if len(ids) > request.sampling.max_tokens:
                ids, finish = ids[: request.sampling.max_tokens], Finish.LENGTH
            self.counts.generated += len(ids)
            found.append(Generation(tuple(ids), tuple(-0.5 - token / 1000 for token in ids), finish))
        return found
