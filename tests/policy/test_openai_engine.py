"""The openai engine against a scripted server: right answers, and every way of failing."""

from __future__ import annotations

import math
import threading
from types import SimpleNamespace

import pytest

import policy.completions_client
from policy.completions import Tokens
from policy.completions_client import checked_url, is_loopback
from policy.config import ServerConfig
from policy.engine import Finish, GenerateRequest, Sampling, StreamingEngine
from policy.openai_engine import OpenAiEngine
from tasks.errors import UserError
from tests.policy.scripted_server import ScriptedServer, completion

TOKENS = Tokens(vocabulary=50, ends=frozenset({49}))


def ask(prompt=(5, 6, 7, 8), count=1, seed=1, **sampling) -> GenerateRequest:
    return GenerateRequest(prompt, count, Sampling(**sampling), seed)


@pytest.fixture
def connect(monkeypatch):
    """Starts a server with the given answers and an engine on it."""
    monkeypatch.setattr(policy.completions_client, "_FIRST_PAUSE", 0.02)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    made = []

    def begin(answer=lambda number, body: completion(body), timeout_s=20.0, **config):
        server = ScriptedServer(answer)
        made.append(server)
        engine = OpenAiEngine(ServerConfig(base_url=server.url, **config), timeout_s, TOKENS)
        made.append(engine)
        return engine, server

    yield begin
    for one in made:
        if isinstance(one, OpenAiEngine):
            one.close()
        else:
            one.stop()


def test_ids_go_out_and_ids_come_back(connect):
    engine, server = connect()
    assert isinstance(engine, StreamingEngine)
    first, second = engine.generate([ask(count=2, seed=3, max_tokens=4, temperature=0.7, top_p=0.9), ask(max_tokens=1)])
    assert [generation.token_ids for generation in first] == [(3, 4, 5, 6), (4, 5, 6, 7)]
    assert first[1].logprobs == (-1.5, -2.5, -3.5, -4.5)
    assert second[0].token_ids == (1,)
    body = next(body for body in server.bodies if body["n"] == 2)
    assert (body["prompt"], body["model"], body["seed"]) == ([5, 6, 7, 8], "tiny", 3)
    assert (body["temperature"], body["top_p"], body["max_tokens"]) == (0.7, 0.9, 4)
    assert body["return_token_ids"]
    assert body["logprobs"] == 0
    counts = engine.counts
    assert (counts.generated, counts.prefilled, counts.cached) == (9, 4, 4)
    engine.forget()
    assert engine.counts.generated == 0


def test_endings_are_read_from_reason_and_last_token(connect):
    def answer(number, body):
        made = completion(body)
        made["choices"][0] |= {"finish_reason": "stop"}
        return made

    engine, _ = connect(answer)
    found = engine.generate([ask(seed=47, max_tokens=3), ask(seed=46, max_tokens=3)])
    assert [generation.finish for (generation,) in found] == [Finish.END, Finish.STOP]


def test_greedy_is_asked_for_once_however_many_are_wanted(connect):
    engine, server = connect()
    ((one, *others),) = engine.generate([ask(count=3, temperature=0.0, max_tokens=2)])
    assert others == [one, one]
    assert [body["n"] for body in server.bodies] == [1]


def test_the_context_that_the_server_tells_bounds_what_is_asked_for(connect):
    engine, server = connect()
    full, nearly = engine.generate([ask((1,) * 40, 2, max_tokens=9), ask((1,) * 37, max_tokens=9)])
    assert [(generation.token_ids, generation.finish) for generation in full] == [((), Finish.LENGTH)] * 2
    assert len(nearly[0].token_ids) == 3
    assert len(server.bodies) == 1


def test_answers_are_streamed_as_they_come_and_never_more_than_allowed_at_once(connect):
    release, full = threading.Event(), threading.Barrier(3)

    def answer(number, body):
        if number < 3:
            full.wait(60)
        if body["seed"] == 0:
            release.wait(60)
        return completion(body)

    engine, server = connect(answer, in_flight=3)
    for seed in range(12):
        engine.submit(100 + seed, ask(seed=seed, max_tokens=1))
    with pytest.raises(ValueError, match="under way"):
        engine.submit(100, ask())
    with pytest.raises(ValueError, match="under way"):
        engine.generate([ask()])
    found = {}
    while len(found) < 11:
        found |= dict(engine.receive())
    assert 100 not in found  # the slow one held up nobody
    release.set()
    found |= dict(engine.receive())
    assert {ticket: answer[0].token_ids for ticket, answer in found.items()} == {100 + s: (s,) for s in range(12)}
    assert server.most_at_once == 3


def test_what_was_forgotten_is_never_answered(connect):
    release = threading.Event()
    engine, _ = connect(lambda number, body: (release.wait(60) and None) or completion(body), in_flight=1)
    for ticket in range(3):
        engine.submit(ticket, ask(seed=7, max_tokens=1))
    engine.forget()
    release.set()
    assert [answer[0].token_ids for answer in engine.generate([ask(seed=9, max_tokens=1)])] == [(9,)]


@pytest.mark.parametrize("trouble", [500, 503, 429, None])
def test_passing_trouble_is_passed_over(connect, trouble):
    engine, server = connect(lambda number, body: trouble if number < 2 else completion(body))
    assert engine.generate([ask(seed=4, max_tokens=1)])[0][0].token_ids == (4,)
    assert len(server.bodies) == 3


def test_lasting_trouble_ends_after_the_tries(connect):
    engine, server = connect(lambda number, body: 500, retries=2)
    with pytest.raises(UserError, match=r"cannot be reached \(status 500, 3 tries\); start it again"):
        engine.generate([ask()])
    assert len(server.bodies) == 3


def test_a_server_that_dies_in_between_is_noticed_within_ten_seconds(connect, monkeypatch):
    monkeypatch.undo()  # with the pauses that users have
    pauses = []
    monkeypatch.setattr(policy.completions_client, "time", SimpleNamespace(sleep=pauses.append))
    engine, server = connect()
    engine.generate([ask()])
    server.stop()
    with pytest.raises(UserError, match=r"cannot be reached .* 5 tries"):
        engine.generate([ask()])
    assert len(pauses) == 4
    assert 5 < sum(pauses) < 10


def test_a_server_that_hangs_is_given_up(connect):
    release = threading.Event()
    engine, _ = connect(lambda number, body: release.wait(60) and None, timeout_s=0.3)
    with pytest.raises(UserError, match=r"silent for engine\.timeout_s=0\.3 seconds"):
        engine.generate([ask()])
    release.set()


def with_choice(**changes):
    def answer(number, body):
        made = completion(body)
        made["choices"][0] |= changes
        return made

    return answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda number, body: b"<html>busy</html>", "not JSON"),
        (lambda number, body: b"[1]", "not an object"),
        (lambda number, body: {}, "without the 1 choices"),
        (lambda number, body: {"choices": []}, "without the 1 choices"),
        (lambda number, body: {"choices": ["x"]}, "a choice that is not an object"),
        (with_choice(token_ids=None), "does not tell the token ids"),
        (with_choice(token_ids=[]), "token ids other than 1 to 2 of 0 to 49"),
        (with_choice(token_ids=[1, 2, 3]), "token ids other than"),
        (with_choice(token_ids=[1, 50]), "token ids other than"),
        (with_choice(token_ids=[1, -1]), "token ids other than"),
        (with_choice(token_ids=[1, True]), "token ids other than"),
        (with_choice(logprobs=None), "one log-probability"),
        (with_choice(logprobs={"token_logprobs": [-1.0]}), "one log-probability"),
        (with_choice(logprobs={"token_logprobs": [-1.0, None]}), "one log-probability"),
        (with_choice(logprobs={"token_logprobs": [-1.0, 0.5]}), "one log-probability"),
        (with_choice(logprobs={"token_logprobs": [-1.0, math.nan]}), "one log-probability"),
        (with_choice(finish_reason="abort"), "for the reason 'abort'"),
        (lambda number, body: 404, "refuses a request with status 404"),
    ],
)
def test_garbage_is_refused_in_a_sentence_without_asking_again(connect, answer, said):
    engine, server = connect(answer)
    with pytest.raises(UserError, match=said) as caught:
        engine.generate([ask(max_tokens=2)])
    assert server.url in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(server.bodies) == 1


def test_the_model_is_the_named_one_or_the_first(connect):
    engine, server = connect(model="other")
    engine.generate([ask()])
    assert server.bodies[0]["model"] == "other"
    with pytest.raises(UserError, match=r"engine.server.model=none is not served at .*; it serves tiny, other"):
        connect(model="none")


@pytest.mark.parametrize("models", [{}, {"data": []}, {"data": [3]}, {"data": "x"}])
def test_a_server_without_models_is_refused(connect, models):
    _, server = connect()
    server.models = models
    with pytest.raises(UserError, match="lists no models"):
        OpenAiEngine(ServerConfig(base_url=server.url), 5.0, TOKENS)


def test_the_key_goes_into_the_header_and_nowhere_else(connect, monkeypatch, capfd):
    _, server = connect()
    monkeypatch.setenv("MY_KEY", "secret-42")
    config = ServerConfig(base_url=server.url, key_variable="MY_KEY")
    engine = OpenAiEngine(config, 5.0, TOKENS)
    assert server.headers[-1]["Authorization"] == "Bearer secret-42"
    server.models = 401
    with pytest.raises(UserError, match=r"refuses the key .* environment variable MY_KEY") as caught:
        OpenAiEngine(config, 5.0, TOKENS)
    shown = "".join(map(str, (caught.value, config, engine, *capfd.readouterr(), server.bodies)))
    assert "secret-42" not in shown
    engine.close()


def test_a_key_is_not_sent_in_the_clear_to_other_machines(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret-42")
    with pytest.raises(UserError, match=r"would send the key in OPENAI_API_KEY unencrypted; use https") as caught:
        OpenAiEngine(ServerConfig(base_url="http://192.0.2.1:8000/v1"), 0.1, TOKENS)
    assert "secret-42" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://127.0.0.1/v1", "http:///v1", "file:///etc/passwd"])
def test_a_url_that_is_none_is_refused(url):
    with pytest.raises(UserError, match=r"engine\.server\.base_url must be an http"):
        checked_url(url)


def test_a_password_in_the_url_is_refused_and_not_repeated():
    with pytest.raises(UserError, match="holds a password") as caught:
        checked_url("https://me:secret-42@127.0.0.1/v1")
    assert "secret-42" not in str(caught.value)


def test_what_loopback_is():
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1")))
    assert not any(map(is_loopback, ("example.org", "10.0.0.1", "", "localhost.example.org")))
