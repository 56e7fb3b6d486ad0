"""The ``hf`` engine: transformers in this process, with a store of prefixes in which nothing is computed twice.

A generation is a walk through the store's trie: a token is drawn from what the model says at the row's node, and the
row moves to the child. Only a child that nobody has reached before is computed. So rows that agree so far share their
tokens' cost, whether they belong to one request or to calls that are far apart, and a request whose prompt is known
draws at once. Rows enter and leave between any two tokens.
The last token of a generation is drawn and not computed; it is when a later prompt goes on from it.
Shape legend: R rows under way, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from policy.draw import Manner, draw, uniforms
from policy.engine import EngineCounts, Finish, GenerateRequest, Generation, answer_all
from policy.kv_cache import KeyValuePool, Run, bytes_per_node
from policy.path_attention import refuse_unfit
from policy.prefix_store import ROOT, PrefixStore
from policy.stops import StopTable, end_tokens
from policy.waiting import Asked, Waiting
from tasks.errors import UserError

# Rows enter when this share of the batch is free: prompts read together cost less than one by one.
_ENTER_AT = 1 / 8


@dataclass(slots=True)
class _Row:
    """A generation under way, at the node of its last computed token."""

    asked: Asked
    number: int
    seed: int
    node: int
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


class HfEngine:
    """Samples a transformers model; implements ``StreamingEngine``.

    The same calls in the same order give the same answers, on a CPU to the last bit. ``batch_rows`` bounds the
    generations under way together, ``cache_mb`` (MiB) the keys and values in memory; what was not used for longest is
    dropped, and computed again when it is asked for. A request's draws come from its own seed, so what else is under
    way or in memory changes its answer only through floating-point rounding. Raises UserError for a model that it
    cannot run.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        batch_rows: int = 512,
        cache_mb: float = 1024,
    ) -> None:
        refuse_unfit(model)
        self.counts = EngineCounts()
        self._model = model
        self._device = model.device
        self._batch_rows = batch_rows
        self._cache_mb = cache_mb
        self._stops = StopTable(tokenizer)
        self._ends = end_tokens(model, tokenizer)
        self._context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        self._store = PrefixStore(max(1, int(cache_mb * 2**20) // bytes_per_node(model)))
        self._pool = KeyValuePool(model, self._store)
        self._waiting = Waiting(self._store.capacity)
        self._rows: list[_Row] = []
        self._manner: Manner | None = None  # of the rows; None after some entered or left
        self._unread: list[Run] = []  # nodes to be computed before the next draw
        self._done: list[tuple[int, list[Generation]]] = []

    def generate(self, requests: Sequence[GenerateRequest]) -> list[list[Generation]]:
        """Answer every request, in their order. Raises what ``submit`` raises."""
        return answer_all(self, requests)

    def submit(self, ticket: int, request: GenerateRequest) -> None:
        """Let a request in. Raises ValueError for an empty prompt, UserError for one that the cache cannot hold."""
        prompt, most = len(request.prompt_ids), request.sampling.max_tokens
        if not prompt:
            raise ValueError("a prompt needs at least one token")
        limit = most if self._context is None else min(most, self._context - prompt)
        if limit < 1 or not request.count:  # the context is full: there is nothing to draw
            self._done.append((ticket, [Generation((), (), Finish.LENGTH)] * request.count))
            return
        if prompt + limit > self._store.capacity:
            raise UserError(
                f"engine.cache_mb={self._cache_mb:g} holds {self._store.capacity} tokens, but a prompt of {prompt} "
                f"with up to {limit} more must fit; raise engine.cache_mb"
            )
        self._waiting.add(Asked(ticket, request, limit))

    def receive(self) -> list[tuple[int, list[Generation]]]:
        """Decode until a request is complete; all that are, by ticket. Empty only when nothing is under way."""
        while not self._done and (self._rows or self._waiting):
            self._enter()
            self._advance()
        done, self._done = self._done, []
        return done

    def forget(self) -> None:
        """Drop all that was computed, as is needed after a change of weights. ValueError if a request is under way."""
        if self._rows or self._waiting:
            raise ValueError("a generation is under way: what was computed can only be forgotten between requests")
        self._store = PrefixStore(self._store.capacity)
        self._pool.follow(self._store)

    def close(self) -> None:
        """Give the cache's memory back; the engine is not to be used any more."""
        del self._store, self._pool

    def _enter(self) -> None:
        """Let waiting rows into the batch."""
        free = self._batch_rows - len(self._rows)
        if self._rows and free < self._batch_rows * _ENTER_AT:
            return
        while free and (begun := self._waiting.begin(free)):
            asked, numbers = begun
            node = self._prompt_node(asked.request.prompt_ids, is_first=not numbers.start)
            seed = asked.request.seed
            self._rows.extend(_Row(asked, number, _row_seed(seed, number), node) for number in numbers)
            self._manner = None
            free -= len(numbers)

    def _prompt_node(self, prompt_ids: Sequence[int], is_first: bool) -> int:
        """The prompt's last node; what is not in memory of the prompt is added, to be read before the next draw."""
        known = self._store.walk(prompt_ids)
        node = known[-1] if known else ROOT
        missing = prompt_ids[len(known) :]
        self._store.make_room(len(missing), keep=chain([node], (row.node for row in self._rows)))
        run = self._store.add_run(node, missing)
        if run:
            self._unread.append(run)
            node = run[-1]
        self._store.touch(node)
        self.counts.cached += len(known) if is_first else 0
        self.counts.prefilled += len(run)
        self.counts.reread += sum(map(self._store.was_dropped, run))
        return node

    def _advance(self) -> None:
        """One token for every row."""
        if self._unread:
            self._pool.read(self._unread)
        tokens_R, logprobs_R = self._draw()
        going, drawn = [], []
        for row, token, logprob in zip(self._rows, tokens_R.tolist(), logprobs_R.tolist(), strict=True):
            row.token_ids.append(token)
            row.logprobs.append(logprob)
            finish = self._finish(row, token)
            if finish is None:
                going.append(row)
                drawn.append(token)
            else:
                self._end(row, finish)
                self._manner = None
        self._rows = going
        nodes = [row.node for row in going]
        self._store.make_room(len(nodes), keep=nodes)
        children, new = self._store.advance(nodes, drawn)
        self._unread = [(node,) for node in new]
        for row, child in zip(going, children, strict=True):
            row.node = child

    def _draw(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens and their log-probs, [R] each. The model's head runs once per node, however many rows are there."""
        nodes_R = [row.node for row in self._rows]
        nodes = list(dict.fromkeys(nodes_R))
        logits_RV = self._pool.logits(nodes)
        if len(nodes) < len(nodes_R):
            places = {node: place for place, node in enumerate(nodes)}
            logits_RV = logits_RV[torch.tensor([places[node] for node in nodes_R], device=self._device)]
        if self._manner is None:
            samplings = [row.asked.request.sampling for row in self._rows]
            self._manner = Manner.of([row.seed for row in self._rows], samplings, self._device)
        how = self._manner
        numbers = torch.from_numpy(uniforms(how.seeds_B, np.array([len(row.token_ids) for row in self._rows])))
        return draw(logits_RV, numbers.to(self._device), how.temperature_B, how.top_p_B)

    def _finish(self, row: _Row, token: int) -> Finish | None:
        """Why the row ends with this token, if it does."""
        if token in self._ends:
            return Finish.END
        stops = row.asked.request.sampling.stop
        if stops and self._stops.hit(row.token_ids, stops):
            return Finish.STOP
        return Finish.LENGTH if len(row.token_ids) >= row.asked.limit else None

    def _end(self, row: _Row, finish: Finish) -> None:
        self._store.touch(row.node)
        self._waiting.end(row.asked)
        self.counts.generated += len(row.token_ids)
        row.asked.answers[row.number] = Generation(tuple(row.token_ids), tuple(row.logprobs), finish)
        if (generations := row.asked.generations) is not None:
            self._done.append((row.asked.ticket, generations))


def _row_seed(seed: int, number: int) -> int:
    """Seeds of a request's rows: far apart in SplitMix64's sequence, so no two rows share numbers."""
    return int((seed + number * 0xD1B54A32D192ED03) & 0xFFFFFFFFFFFFFFFF)
