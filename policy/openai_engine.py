"""The ``openai`` engine: a server that speaks OpenAI's completions and tells token ids, such as ``vllm serve``."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from policy.completions import ServedModel, Tokens, body_of, read_completion, read_models
from policy.completions_client import CompletionsClient
from policy.config import ServerConfig
from policy.engine import EngineCounts, Finish, GenerateRequest, Generation, answer_all

_Found = queue.SimpleQueue[tuple[int, "_Answer | BaseException"]]


@dataclass(frozen=True, slots=True)
class _Answer:
    """A request's generations, and its prompt tokens: those that were read, and those that the server had kept."""

    generations: list[Generation]
    prefilled: int = 0
    cached: int = 0


class OpenAiEngine:
    """Samples what a server serves; at most ``server.in_flight`` requests are under way.

    Prompts are sent as token ids and token ids are wanted back (vLLM's ``return_token_ids``): text encoded again would
    not be what was sampled. Nothing that a server says is believed unseen. UserError if the server fails, and when
    nothing is answered for ``timeout_s``. Token ids are those of ``tokens``, the policy's.
    """

    def __init__(self, server: ServerConfig, timeout_s: float, tokens: Tokens) -> None:
        self.counts = EngineCounts()
        self._tokens = tokens
        self._timeout_s = timeout_s
        self._client = CompletionsClient(server, timeout_s)
        self._model: ServedModel = read_models(self._client, server.model)
        self._asked: queue.SimpleQueue[tuple[int, GenerateRequest, _Found] | None] = queue.SimpleQueue()
        self._found: _Found = queue.SimpleQueue()
        self._open: set[int] = set()
        # Daemons, so that a server that never answers does not keep the process from ending.
        self._threads = [
            threading.Thread(target=self._work, name=f"completions-{number}", daemon=True)
            for number in range(server.in_flight)
        ]
        for thread in self._threads:
            thread.start()

    def generate(self, requests: Sequence[GenerateRequest]) -> list[list[Generation]]:
        """Answer every request, in order. ValueError while streamed requests are under way."""
        if self._open:
            raise ValueError("generate cannot be used while streamed requests are under way")
        return answer_all(self, requests)

    def submit(self, ticket: int, request: GenerateRequest) -> None:
        """Send a request as soon as there is room; its answer comes from ``receive`` under ``ticket``."""
        if ticket in self._open:
            raise ValueError(f"ticket {ticket} is under way already")
        if not request.prompt_ids:
            raise ValueError("a prompt needs at least one token")
        self._open.add(ticket)
        self._asked.put((ticket, request, self._found))

    def receive(self) -> list[tuple[int, list[Generation]]]:
        """Wait until at least one submitted request is complete; return all that are."""
        if not self._open:
            raise ValueError("nothing was submitted that is not answered yet")
        try:
            arrived = [self._found.get(timeout=self._timeout_s)]
        except queue.Empty:
            raise self._client.silent() from None
        while not self._found.empty():
            arrived.append(self._found.get())
        answers = []
        for ticket, answer in arrived:
            if isinstance(answer, BaseException):
                raise answer
            self._open.discard(ticket)
            self.counts.generated += sum(len(generation.token_ids) for generation in answer.generations)
            self.counts.prefilled += answer.prefilled
            self.counts.cached += answer.cached
            answers.append((ticket, answer.generations))
        return answers

    def forget(self) -> None:
        """Drop requests under way, and the counts."""
        self._open.clear()
        self._found = queue.SimpleQueue()  # what is under way still answers into the old one
        self.counts = EngineCounts()

    def close(self) -> None:
        """Send nothing more and let go of the connections."""
        for _ in self._threads:
            self._asked.put(None)
        self._client.close()

    def _work(self) -> None:
        while (asked := self._asked.get()) is not None:
            ticket, request, found = asked
            if found is not self._found:
                continue  # it was forgotten before its turn came
            try:
                found.put((ticket, self._ask(request)))
            except BaseException as error:  # whatever it was, the waiting side tells it
                found.put((ticket, error))

    def _ask(self, request: GenerateRequest) -> _Answer:
        room = self._model.context - len(request.prompt_ids)
        if room < 1:
            return _Answer([Generation((), (), Finish.LENGTH)] * request.count)
        is_greedy = request.sampling.temperature == 0  # then all are the same, and vLLM wants to be asked for one
        count = 1 if is_greedy else request.count
        limit = int(min(request.sampling.max_tokens, room))
        answer: dict[str, Any] = self._client.post(
            "/completions", body_of(request, self._model.name, self._tokens, count, limit)
        )
        found = read_completion(self._client, answer, self._tokens, count, limit)
        generations = found.generations * (request.count if is_greedy else 1)
        return _Answer(generations, len(request.prompt_ids) - found.cached, found.cached)
