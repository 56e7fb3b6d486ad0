"""What goes to and comes from a completions server, as JSON. Every answer is checked before it becomes a Generation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from policy.completions_client import CompletionsClient
from policy.engine import Finish, GenerateRequest, Generation
from tasks.errors import UserError

_SEEDS = 2**62  # vLLM adds a generation's number to the seed and wants a signed 64-bit number


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The model that is asked: its name there and its longest sequence in tokens (infinite if it is not told)."""

    name: str
    context: float


@dataclass(frozen=True, slots=True)
class Tokens:
    """The policy's token ids: how many there are, and which of them end a text (``policy.stops``)."""

    vocabulary: int
    ends: frozenset[int]


@dataclass(frozen=True, slots=True)
class Completion:
    """The generations of one answer, and how many tokens of the prompt the server had kept."""

    generations: list[Generation]
    cached: int


def read_models(client: CompletionsClient, wanted: str | None) -> ServedModel:
    """The model called ``wanted``, or the first one. UserError if it is not served."""
    listed = client.get("/models").get("data")
    models = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    named = {one["id"]: one for one in models if isinstance(one.get("id"), str)}
    if not named:
        raise client.refuse("lists no models")
    name = wanted or next(iter(named))
    if name not in named:
        raise UserError(f"engine.server.model={name} is not served at {client.url}; it serves {', '.join(named)[:200]}")
    context = named[name].get("max_model_len")
    return ServedModel(name, context if isinstance(context, int) and context > 0 else math.inf)


def body_of(request: GenerateRequest, model: str, tokens: Tokens, count: int, limit: int) -> dict[str, Any]:
    """The JSON that asks for ``count`` generations of at most ``limit`` tokens."""
    sampling = request.sampling
    return {
        "model": model,
        "prompt": list(request.prompt_ids),
        "n": count,
        "max_tokens": limit,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": request.seed % _SEEDS,
        "stop": list(sampling.stop),
        "logprobs": 0,
        "return_token_ids": True,
        # Of vLLM's: the text serves to find stop strings only, so it must be all of the text.
        "stop_token_ids": sorted(tokens.ends),
        "include_stop_str_in_output": True,
        "skip_special_tokens": False,
        "spaces_between_special_tokens": False,
    }


def read_completion(
    client: CompletionsClient, answer: dict[str, Any], tokens: Tokens, count: int, limit: int
) -> Completion:
    """The generations of an answer. UserError for one that is not what was asked for."""
    choices = answer.get("choices")
    if not isinstance(choices, list) or len(choices) != count:
        raise client.refuse(f"answers without the {count} choices that were asked for")
    generations = [_generation(client, choice, tokens, limit) for choice in choices]
    usage = answer.get("usage")
    details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return Completion(generations, cached if isinstance(cached, int) and cached > 0 else 0)


def _generation(client: CompletionsClient, choice: Any, tokens: Tokens, limit: int) -> Generation:
    if not isinstance(choice, dict):
        raise client.refuse("answers with a choice that is not an object")
    ids = choice.get("token_ids")
    if not isinstance(ids, list):
        raise client.refuse("does not tell the token ids that it sampled (return_token_ids)")
    if not 1 <= len(ids) <= limit or not all(_is_id(one, tokens.vocabulary) for one in ids):
        raise client.refuse(f"answers with token ids other than 1 to {limit} of 0 to {tokens.vocabulary - 1}")
    table = choice.get("logprobs")
    logprobs = table.get("token_logprobs") if isinstance(table, dict) else None
    if not isinstance(logprobs, list) or len(logprobs) != len(ids) or not all(map(_is_logprob, logprobs)):
        raise client.refuse("answers without one log-probability (finite, at most 0) per token")
    return Generation(
        tuple(ids), tuple(map(float, logprobs)), _finish(client, choice.get("finish_reason"), ids, tokens)
    )


def _finish(client: CompletionsClient, reason: Any, ids: list[int], tokens: Tokens) -> Finish:
    if reason == "length":
        return Finish.LENGTH
    if reason != "stop":
        raise client.refuse(f"ended a generation for the reason {str(reason)[:40]!r}")
    return Finish.END if ids[-1] in tokens.ends else Finish.STOP


def _is_id(value: Any, vocabulary: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < vocabulary


def _is_logprob(value: Any) -> bool:
    # Rounding makes a certain token's a trifle more than 0.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value < 1e-3
