"""The ``hf`` engine: batched sampling on transformers, each prompt read once, finished rows leave the batch.

Not done here: keeping keys and values from one call to the next.
Shape legend: P prompts, R rows (generations under way), T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lm.rows import pad
from policy.draw import draw, uniforms
from policy.engine import EngineCounts, Finish, GenerateRequest, Generation, Sampling
from policy.kv_cache import ForkableCache
from policy.stops import StopTable

# Below this share of living rows the batch is packed anew: copying the cache costs about one decoding step.
_PACK_BELOW = 0.75


@dataclass(slots=True)
class _Row:
    """A generation under way: which request and answer it belongs to, and what was drawn so far."""

    request: int
    sampling: Sampling
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: Finish | None = None


class HfEngine:
    """Samples a transformers model. Same requests in the same call, same answers; on a CPU to the last bit.

    ``batch_rows`` bounds the generations decoded together (memory). A request's draws come from its own seed, so what
    it shares a batch with changes its answer only through floating-point rounding.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, batch_rows: int = 512) -> None:
        self.counts = EngineCounts()
        self._model = model
        self._tokenizer = tokenizer
        self._batch_rows = batch_rows
        self._stops = StopTable(tokenizer)

    def generate(self, requests: Sequence[GenerateRequest]) -> list[list[Generation]]:
        """Answer every request; prompts of like length are decoded together to keep padding small."""
        if not all(request.prompt_ids for request in requests):
            raise ValueError("a prompt needs at least one token")
        answers: list[list[Generation]] = [[] for _ in requests]
        order = sorted(range(len(requests)), key=lambda index: (len(requests[index].prompt_ids), index))
        chunk: list[int] = []
        rows = 0
        for index in order:
            if chunk and rows + requests[index].count > self._batch_rows:
                self._decode_chunk(requests, chunk, answers)
                chunk, rows = [], 0
            chunk.append(index)
            rows += requests[index].count
        if chunk:
            self._decode_chunk(requests, chunk, answers)
        return answers

    @torch.inference_mode()
    def _decode_chunk(
        self, requests: Sequence[GenerateRequest], chunk: list[int], answers: list[list[Generation]]
    ) -> None:
        rows = [_Row(index, requests[index].sampling) for index in chunk for _ in range(requests[index].count)]
        batch = _Decoding(self._model, [requests[index] for index in chunk])
        self.counts.prefilled += batch.prompt_tokens
        alive = np.arange(len(rows))  # which of `rows` each row of the batch is
        while True:
            tokens_R, logprobs_R = batch.draw()
            for index, token, logprob in zip(alive, tokens_R.tolist(), logprobs_R.tolist(), strict=True):
                self._take(rows[index], token, logprob)
            living = np.array([rows[index].finish is None for index in alive])
            if not living.any():
                break
            if living.mean() < _PACK_BELOW:
                batch.keep(np.flatnonzero(living))
                alive = alive[living]
                tokens_R = tokens_R[torch.from_numpy(living).to(tokens_R.device)]
            batch.feed(tokens_R)
        for row in rows:
            assert row.finish is not None
            self.counts.generated += len(row.token_ids)
            answers[row.request].append(Generation(tuple(row.token_ids), tuple(row.logprobs), row.finish))

    def _take(self, row: _Row, token: int, logprob: float) -> None:
        """Append a drawn token; a finished row that still rides along in the batch ignores it."""
        if row.finish is not None:
            return
        row.token_ids.append(token)
        row.logprobs.append(logprob)
        if token == self._tokenizer.eos_token_id:
            row.finish = Finish.END
        elif self._stops.hit(row.token_ids, row.sampling.stop):
            row.finish = Finish.STOP
        elif len(row.token_ids) >= row.sampling.max_tokens:
            row.finish = Finish.LENGTH


class _Decoding:
    """The tensors of one batch: cache, masks, positions and the logits to draw from next."""

    def __init__(self, model: PreTrainedModel, requests: Sequence[GenerateRequest]) -> None:
        self._model = model
        self.step = 0
        prompts: dict[tuple[int, ...], int] = {}
        source = [prompts.setdefault(r.prompt_ids, len(prompts)) for r in requests for _ in range(r.count)]
        self.prompt_tokens = sum(len(prompt) for prompt in prompts)
        room = max(r.sampling.max_tokens for r in requests)
        self._prefill(list(prompts), np.array(source), room)
        self._seeds = np.array(
            [_row_seed(r.seed, number) for r in requests for number in range(r.count)], dtype=np.uint64
        )
        per_row = [r.sampling for r in requests for _ in range(r.count)]
        self._temperature_R = torch.tensor([s.temperature for s in per_row], device=model.device)
        top_p = torch.tensor([s.top_p for s in per_row], device=model.device)
        self._top_p_R = top_p if bool((top_p < 1).any()) else None

    def _prefill(self, prompts: list[tuple[int, ...]], source: np.ndarray, room: int) -> None:
        """Read each distinct prompt once, then fork its cache for its rows."""
        model = self._model
        padded = pad(prompts, 0, model.device)
        width = padded.ids_BT.shape[1]
        cache = ForkableCache(int(model.config.num_hidden_layers), width)
        # Right padding: a causal model's real positions never see it, so no mask is needed here.
        hidden = model.base_model(input_ids=padded.ids_BT, past_key_values=cache, use_cache=True).last_hidden_state
        last_P = padded.mask_BT.sum(1) - 1
        rows_R = torch.from_numpy(source).to(model.device)
        logits_PV = self._head(hidden[torch.arange(len(prompts), device=model.device), last_P])
        self._logits_RV = logits_PV[rows_R]
        self._cache = cache.select(rows_R, width + room)
        self._next_position_R = (last_P + 1)[rows_R]
        self._mask_RT = torch.ones((len(source), width + room), dtype=torch.bool, device=model.device)
        self._mask_RT[:, :width] = padded.mask_BT[rows_R]
        self._filled = width

    def draw(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens and log-probs, [R] each."""
        numbers = torch.from_numpy(uniforms(self._seeds, self.step)).to(self._model.device)
        self.step += 1
        return draw(self._logits_RV, numbers, self._temperature_R, self._top_p_R)

    def feed(self, tokens_R: torch.Tensor) -> None:
        """Run the model on the drawn tokens."""
        self._filled += 1
        hidden = self._model.base_model(
            input_ids=tokens_R[:, None],
            attention_mask=self._mask_RT[:, None, None, : self._filled],
            position_ids=self._next_position_R[:, None],
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state
        self._next_position_R = self._next_position_R + 1
        self._logits_RV = self._head(hidden[:, 0])

    def keep(self, rows: np.ndarray) -> None:
        """Drop every row of the batch but the given ones."""
        rows_R = torch.from_numpy(rows).to(self._model.device)
        self._cache = self._cache.select(rows_R, self._mask_RT.shape[1])
        self._mask_RT = self._mask_RT[rows_R]
        self._next_position_R = self._next_position_R[rows_R]
        self._temperature_R = self._temperature_R[rows_R]
        self._top_p_R = None if self._top_p_R is None else self._top_p_R[rows_R]
        self._seeds = self._seeds[rows]

    def _head(self, hidden: torch.Tensor) -> torch.Tensor:
        head = self._model.get_output_embeddings()
        assert isinstance(head, torch.nn.Module)
        logits: torch.Tensor = head(hidden)
        return logits


def _row_seed(seed: int, number: int) -> int:
    """Seeds of a request's rows: far apart in SplitMix64's sequence, so no two rows share numbers."""
    return int((seed + number * 0xD1B54A32D192ED03) & 0xFFFFFFFFFFFFFFFF)
