"""Runs whose policy a server samples: which policy it is to serve, and what becomes of a run when it fails."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

import policy.completions_client
from evolve.kept_engine import close_engine
from evolve.run import unserved
from lm.folder import load_policy, load_tokenizer, save_model
from lm.tiny import new_tiny_model
from policy.config import EngineConfig, EngineName, ServerConfig
from policy.engine import GenerateRequest, Sampling
from policy.hf_engine import HfEngine
from tasks.errors import UserError
from tests.evolve.tiny_run import artefacts, run_tiny, tiny_config
from tests.policy.scripted_server import ScriptedServer


class PolicyServer(ScriptedServer):
    """Serves the policy of ``folder`` until ``fails_from`` completions are answered; then ``failure``, for ever."""

    def __init__(self):
        super().__init__(self._complete)
        self.models = {"data": [{"id": "tiny", "max_model_len": 64}]}
        self.fails_from = 10**9
        self.failure = None
        self._at_work = threading.Lock()

    def serve(self, folder):
        self._model, self._tokenizer = load_policy(folder), load_tokenizer(folder)
        return self

    def _complete(self, number, body):
        if number >= self.fails_from:
            return self.failure() if callable(self.failure) else self.failure
        # Each request by itself, so that the same request always gets the same bits.
        sampling = Sampling(body["temperature"], body["top_p"], body["max_tokens"], tuple(body["stop"]))
        with self._at_work:
            engine = HfEngine(self._model, self._tokenizer, cache_mb=1)
            request = GenerateRequest(tuple(body["prompt"]), body["n"], sampling, body["seed"])
            (generations,) = engine.generate([request])
        choices = [
            {
                "token_ids": list(one.token_ids),
                "logprobs": {"token_logprobs": list(one.logprobs)},
                "finish_reason": "length" if one.finish == "length" else "stop",
            }
            for one in generations
        ]
        return {"choices": choices}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(policy.completions_client, "_FIRST_PAUSE", 0.01)
    made = PolicyServer()
    yield made
    close_engine()
    made.stop()


def config(server, **changes):
    at = ServerConfig(base_url=server.url, retries=1, in_flight=4)
    engine = EngineConfig(name=EngineName.OPENAI, device="cpu", timeout_s=60.0, server=at)
    tiny = tiny_config()
    return tiny_config(rounds=1, engine=engine, search=replace(tiny.search, held_out=4), **changes)


def resume(root, server, **changes):
    close_engine()  # a program that is started again has none
    return run_tiny(root, config(server, **changes))


def test_a_run_stops_where_another_policy_is_to_be_served_and_goes_on_when_it_is(tmp_path, reference, server):
    root = tmp_path / "mine"
    model, tokenizer = load_policy(reference / "round_0/policy"), load_tokenizer(reference / "round_0/policy")
    save_model(new_tiny_model(model.config, 9), tokenizer, tmp_path / "foreign")
    server.serve(tmp_path / "foreign")
    with pytest.raises(UserError, match=f"policy of {root}/round_0/policy: .* let {server.url} serve this folder"):
        resume(root, server)
    assert (root / "round_0/policy/config.json").exists()
    server.serve(root / "round_0/policy")
    wanted = f"{server.url} serves {root}/round_0/policy; let it serve {root}/round_1/policy, then start the same"
    with pytest.raises(UserError, match=wanted):
        resume(root, server)
    assert (root / "round_1/ppm/config.json").exists()
    assert not (root / "round_1/DONE").exists()
    kept = artefacts(root / "round_1/trees")
    server.serve(root / "round_1/policy")
    assert [row["round"] for row in resume(root, server)["rounds"]] == [0, 1]
    assert artefacts(root / "round_1/trees") == kept


def test_a_server_that_is_not_there_is_told_with_the_policy_it_is_to_serve(tmp_path, server):
    server.stop()
    with pytest.raises(UserError, match=rf"cannot be reached .*\(it is to serve {tmp_path}/mine/round_0/policy\)$"):
        resume(tmp_path / "mine", server)


def test_it_is_told_before_anything_is_made_that_no_server_answers(tmp_path, server):
    root = tmp_path / "mine"
    assert unserved(config(server), root) is None
    server.stop()
    said = unserved(config(server), root)
    assert f"No server answers at {server.url}. The policy that it is to serve, {root}/round_0/policy, is made" in said
    (root / "round_0/policy").mkdir(parents=True)
    (root / "round_0/policy/config.json").write_text("{}")
    assert f"{root}/round_0/policy, is there; let the server serve it" in unserved(config(server), root)
    assert unserved(tiny_config(), root) is None, "no server is asked for"


def of_rounds(root):
    return {name: digest for name, digest in artefacts(root).items() if name.startswith("round_")}


@pytest.fixture(scope="module")
def searched(tmp_path_factory, reference):
    """A run up to where the server is to be exchanged, which nothing disturbed. How many completions that took."""
    made = PolicyServer().serve(reference / "round_0/policy")
    root = tmp_path_factory.mktemp("searched") / "mine"
    with pytest.raises(UserError, match="round_1/policy"):
        resume(root, made)
    close_engine()
    made.stop()
    return root, len(made.bodies)


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (b"<html>busy</html>", "answers with something that is not JSON"),
        ({"choices": []}, "answers without the"),
        (500, r"cannot be reached \(status 500, 2 tries\); start it again"),
        (None, r"cannot be reached \(RemoteProtocolError"),
        (lambda: time.sleep(60), r"was silent for engine\.timeout_s=2 seconds"),
    ],
    ids=["garbage", "empty", "errors", "dead", "hangs"],
)
def test_a_server_that_fails_in_the_middle_of_a_search(tmp_path, server, reference, searched, failure, said):
    wanted, completions = searched
    root = tmp_path / "mine"
    server.serve(reference / "round_0/policy")
    server.fails_from, server.failure = completions * 3 // 4, failure
    timeout_s = 2.0 if callable(failure) else 60.0
    slow = config(server)
    with pytest.raises(UserError, match=said) as caught:
        run_tiny(root, replace(slow, engine=replace(slow.engine, timeout_s=timeout_s)))
    assert "\n" not in str(caught.value)
    kept = {name: digest for name, digest in of_rounds(root).items() if "trees" in name}
    assert kept
    server.fails_from = 10**9
    with pytest.raises(UserError, match="round_1/policy"):
        resume(root, server)
    assert of_rounds(root) == of_rounds(wanted)
    assert kept.items() <= of_rounds(root).items()
