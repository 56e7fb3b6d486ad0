"""The judge behind an endpoint, as options. Nothing but the standard library: `scripts.doctor` reads it too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class EndpointConfig:
    """A model behind a chat endpoint that speaks OpenAI's protocol."""

    base_url: str = "http://127.0.0.1:8000/v1"  # up to where /chat/completions follows
    model: str = ""  # its name there
    key_env: str | None = None  # environment variable that holds the key, if one is wanted
    timeout_s: float = 60.0  # for an answer
    retries: int = 3  # after a broken connection, or status 429 or 5xx
    in_flight: int = 8  # questions asked at once, per worker


@dataclass
class JudgeConfig(EndpointConfig):
    """The judge behind an endpoint."""

    sees_answer: bool = False  # is it shown the reference answer?
    temperature: float = 0.0  # of its answers
    max_tokens: int = 64  # of an answer
    cache: str | None = None  # folder that keeps the scores, so that nothing is asked twice
