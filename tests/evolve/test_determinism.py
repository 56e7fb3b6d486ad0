"""Same seed, same bytes; another seed, another run. (That the number of workers is no matter: test_resume.py.)"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from evolve.search_stage import search_group
from evolve.work import SearchWork
from mcts.storage import read_trees
from tasks.problem import Split
from tasks.registry import build_task
from tests.evolve.tiny_run import artefacts, assert_same_run, run_tiny, tiny_config


def test_the_same_seed_gives_the_same_bytes_in_another_folder(tmp_path, reference):
    run_tiny(tmp_path / "elsewhere" / "mine")
    assert_same_run(tmp_path / "elsewhere" / "mine", reference)


def test_another_seed_gives_another_run(tmp_path, reference):
    run_tiny(tmp_path / "mine", rounds=0, seed=1)
    found, wanted = artefacts(tmp_path / "mine"), artefacts(reference)
    assert found["round_0/policy/model.safetensors"] != wanted["round_0/policy/model.safetensors"]
    assert found["round_0/policy/tokenizer.json"] == wanted["round_0/policy/tokenizer.json"]
    losses = [(root / "metrics.jsonl").read_text().splitlines()[0] for root in (tmp_path / "mine", reference)]
    assert json.loads(losses[0])["loss"] != json.loads(losses[1])["loss"]


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
