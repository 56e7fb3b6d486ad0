"""The ``vllm`` engine: continuous batching with prefix caching, token ids in and out, each request with its seed."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lm.vllm_start import VllmSettings
from lm.vllm_thread import Ask, VllmThread
from policy.engine import EngineCounts, Finish, GenerateRequest, Generation, Sampling
from tasks.seeding import derive_seed


@dataclass(slots=True)
class _Open:
    """A submitted request: what has arrived of its ``count`` generations, by number."""

    count: int
    prompt_tokens: int
    found: dict[int, Generation] = field(default_factory=dict)


class VllmEngine:
    """Samples a Hugging Face folder through vLLM, in a thread of this process.

    ``generate`` gives its requests to the engine at once, so on a CPU the same call after ``forget`` gives
    the same bits; what is streamed (``submit``, ``receive``) meets other requests as timing has it, which moves
    log-probs in their last digits. A prompt that fills the model's context gets empty generations, cut by length.
    ``ends`` are the tokens that end a text (``policy.stops``).
    """

    def __init__(self, settings: VllmSettings, ends: frozenset[int]) -> None:
        self.counts = EngineCounts()
        self._ends = ends
        self._thread = VllmThread(settings)
        self._params: Any = importlib.import_module("vllm").SamplingParams
        self._open: dict[int, _Open] = {}
        self._complete: list[tuple[int, list[Generation]]] = []

    def generate(self, requests: Sequence[GenerateRequest]) -> list[list[Generation]]:
        """Answer every request, in order. ValueError while streamed requests are under way."""
        if self._open or self._complete:
            raise ValueError("generate cannot be used while streamed requests are under way")
        self._submit(list(enumerate(requests)))
        answers: dict[int, list[Generation]] = {}
        while len(answers) < len(requests):
            answers |= dict(self.receive())
        return [answers[index] for index in range(len(requests))]

    def submit(self, ticket: int, request: GenerateRequest) -> None:
        """Let a request into the engine; its answer comes from ``receive`` under ``ticket``."""
        if ticket in self._open:
            raise ValueError(f"ticket {ticket} is under way already")
        self._submit([(ticket, request)])

    def receive(self) -> list[tuple[int, list[Generation]]]:
        """Wait until at least one submitted request is complete; return all that are."""
        while not self._complete:
            for output in self._thread.receive():
                self._take(output)
        complete, self._complete = self._complete, []
        return complete

    def forget(self) -> None:
        """Drop requests under way, kept keys and values, and the counts: as if newly started."""
        self._thread.abort()
        self._open.clear()
        self._complete.clear()
        self._thread.call(lambda engine: engine.reset_prefix_cache())
        self.counts = EngineCounts()

    def load_weights(self, folder: Path) -> None:
        """Take over the weights of another folder of the same architecture, and forget what the old ones made.

        Compare log-probs afterwards (``policy.sync``): vLLM does not say when a weight did not arrive.
        """
        self._thread.call(lambda engine: reload_weights(engine, folder))
        self.forget()

    def close(self) -> None:
        """Stop vLLM and give its memory back."""
        self._thread.close()

    def _submit(self, numbered: list[tuple[int, GenerateRequest]]) -> None:
        asks = []
        for ticket, request in numbered:
            if not request.prompt_ids:
                raise ValueError("a prompt needs at least one token")
            if len(request.prompt_ids) >= self._thread.context:
                self._complete.append((ticket, [Generation((), (), Finish.LENGTH)] * request.count))
                continue
            self._open[ticket] = _Open(request.count, len(request.prompt_ids))
            for number in range(request.count):
                params = self._sampling_params(request.sampling, derive_seed(request.seed, number))
                asks.append(Ask(f"{ticket}/{number}", request.prompt_ids, params))
        self._thread.submit(asks)

    def _sampling_params(self, sampling: Sampling, seed: int) -> Any:
        return self._params(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            seed=seed,
            logprobs=0,  # those of the drawn tokens and no others
            stop=list(sampling.stop),
            stop_token_ids=sorted(self._ends),
            # The text serves to find stop strings only, so it must be all of the text.
            include_stop_str_in_output=True,
            skip_special_tokens=False,
            spaces_between_special_tokens=False,
            detokenize=bool(sampling.stop),
        )

    def _take(self, output: Any) -> None:
        ticket, number = map(int, output.request_id.split("/"))
        generation = self._generation(output.outputs[0])
        request = self._open[ticket]
        request.found[number] = generation
        cached = output.num_cached_tokens or 0
        self.counts.generated += len(generation.token_ids)
        self.counts.prefilled += request.prompt_tokens - cached
        self.counts.cached += cached
        if len(request.found) == request.count:
            del self._open[ticket]
            self._complete.append((ticket, [request.found[index] for index in range(request.count)]))

    def _generation(self, drawn: Any) -> Generation:
        ids = tuple(drawn.token_ids)
        logprobs = tuple(float(table[token].logprob) for token, table in zip(ids, drawn.logprobs, strict=True))
        if drawn.finish_reason == "length":
            finish = Finish.LENGTH
        else:
            assert drawn.finish_reason == "stop", drawn.finish_reason
            finish = Finish.END if ids[-1] in self._ends else Finish.STOP
        return Generation(ids, logprobs, finish)


def reload_weights(engine: Any, folder: Path) -> None:
    """Load a folder's weights into a running vLLM ``LLMEngine``, the output head included."""
    engine.collective_rpc("reload_weights", kwargs={"weights_path": str(folder)})
    engine.apply_model(pack_heads)


def pack_heads(model: torch.nn.Module) -> None:
    """Pack embeddings and output heads anew on a CPU.

    Reloading refreshes the linear layers, but a tied head keeps the packed copy that was made at the start, and
    the engine goes on to generate with it without complaint.
    """
    layers: Any = importlib.import_module("vllm.model_executor.layers.utils")
    heads: Any = importlib.import_module("vllm.model_executor.layers.vocab_parallel_embedding")
    for module in model.modules():
        if isinstance(module, heads.VocabParallelEmbedding) and hasattr(module, "cpu_linear"):
            layers.dispatch_cpu_unquantized_gemm(module, remove_weight=False)
