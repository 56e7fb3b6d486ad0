"""A search stage under either driver: chosen by config, and as reproducible as its engine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evolve.search_stage import run_searches, search_group
from evolve.work import SearchWork
from mcts.config import Driver, Expansion
from mcts.storage import read_trees
from policy.proposer import PolicyProposer
from tasks.errors import UserError
from tasks.problem import Split
from tasks.registry import build_task
from tests.evolve.tiny_run import tiny_config


@pytest.fixture
def search(reference, tmp_path):
    """Search the first training problems with the cold-start policy; the trees and the file's bytes."""
    config = tiny_config()

    def run(name: str, **options):
        work = SearchWork(
            task=config.task,
            policy=config.policy,
            engine=config.engine,
            search=replace(config.search, rollouts=6, **options),
            policy_path=reference / "round_0" / "policy",
            ppm_path=None,
            seed=5,
        )
        path = tmp_path / f"{name}.jsonl.gz"
        search_group(lambda *_, **__: None, work, build_task(config.task).problems(Split.TRAIN, 5), path)
        return list(read_trees(path)), path.read_bytes()

    return run


def solutions(trees):
    return [[(t.text, t.verdict, t.qs) for t in tree.trajectories()] for tree in trees]


def test_streaming_grows_the_lockstep_trees_up_to_rounding(search):
    lockstep, _ = search("lockstep")
    streamed, written = search("streaming", driver=Driver.STREAMING)
    # Log-probs differ in their last bits with what else is in the batch; here no sampled token does.
    assert solutions(streamed) == solutions(lockstep)
    assert search("again", driver=Driver.STREAMING)[1] == written


@pytest.mark.parametrize("driver", list(Driver))
def test_several_in_flight_and_whole_continuations_are_reproducible_with_the_embedded_engine(search, driver):
    options = {"driver": driver, "in_flight": 3, "expansion": Expansion.CONTINUATION}
    trees, written = search("first", **options)
    assert search("second", **options)[1] == written
    assert any(tree.terminals() for tree in trees)


def test_an_engine_of_whole_batches_cannot_stream():
    class Batches:
        def generate(self, requests): ...

    proposer = PolicyProposer(Batches(), encode=None, steps=None)
    with pytest.raises(UserError, match=r"driver=streaming needs an engine .* Batches answers whole batches"):
        run_searches(Driver.STREAMING, [], proposer, None, slots=1)
