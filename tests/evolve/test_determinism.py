"""Same seed, same bytes; another seed, another run. (Whole runs, and the number of workers: test_resume.py.)"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from evolve.search_stage import search_group
from evolve.work import SearchWork
from mcts.storage import read_trees
from tasks.problem import Split
from tasks.registry import build_task
from tests.evolve.tiny_run import artefacts, run_tiny, tiny_config


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path, reference):
    wanted = artefacts(reference)
    wanted = {name: wanted[name] for name in wanted if name.startswith("round_0/")}
    same, other = tmp_path / "same" / "mine", tmp_path / "other" / "mine"
    run_tiny(same, rounds=0)
    run_tiny(other, rounds=0, seed=1)
    found = artefacts(same)
    assert {name: found[name] for name in wanted} == wanted
    found = artefacts(other)
    assert found["round_0/policy/model.safetensors"] != wanted["round_0/policy/model.safetensors"]
    assert found["round_0/policy/tokenizer.json"] == wanted["round_0/policy/tokenizer.json"]
    losses = [json.loads((root / "metrics.jsonl").read_text().splitlines()[0])["loss"] for root in (same, other)]
    assert losses[0] != losses[1]


@pytest.fixture
def search(tmp_path, reference):
    """Search the first training problems with the cold-start policy; the trees, the result, the file's bytes."""
    config = tiny_config()

    def run(slots: int, seed: int = 5):
        work = SearchWork(
            task=config.task,
            policy=config.policy,
            engine=config.engine,
            search=replace(config.search, slots=slots, rollouts=2),
            policy_path=reference / "round_0" / "policy",
            ppm_path=None,
            seed=seed,
        )
        path = tmp_path / f"{slots}-{seed}.jsonl.gz"
        found = search_group(lambda *_, **__: None, work, build_task(config.task).problems(Split.TRAIN, 5), path)
        return list(read_trees(path)), found.result, path.read_bytes()

    return run


def test_slots_change_neither_which_problems_there_are_nor_their_order(search):
    wanted = [problem.id for problem in build_task(tiny_config().task).problems(Split.TRAIN, 5)]
    for slots in (1, 2, 64):
        trees, result, _ = search(slots)
        assert [tree.problem.id for tree in trees] == wanted
        assert result["solved"] == [tree.problem.id for tree in trees if tree.solved]


def test_a_search_is_its_seed(search):
    assert search(2)[2] == search(2)[2]
    assert search(2)[2] != search(2, seed=6)[2]
