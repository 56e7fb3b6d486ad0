"""An arm that is killed in its middle goes on from its last checkpoint and ends with the bytes of one that was not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compare.arms.stream import Stream
from compare.budget import Budget
from compare.config import JudgingConfig
from lm.checkpoint import Checkpoint
from tests.compare.tiny_compare import assert_same_comparison, run_comparison, tiny_comparison

CASES = {
    "arms": (("sft_more", "grpo_outcome", "ppo_gae", "tree_q"), {}),
    "pool": (("grpo_ppm",), {"shared_pool": True}),
}


class Killed(BaseException):
    """Stands for a SIGKILL: nothing of ours catches it."""


@pytest.mark.parametrize("case", CASES)
def test_killed_arms_end_with_the_same_bytes(case, tmp_path, monkeypatch):
    arms, changes = CASES[case]
    judging = JudgingConfig(problems=6, points=4, best_of=2, best_of_problems=4)
    config = tiny_comparison(*arms, budget=Budget(tokens=12_000), judging=judging, **changes)
    run_comparison(tmp_path / "whole/it", config)
    save, saves = Checkpoint.save, {}

    def kill(self):
        save(self)
        done = saves.setdefault(self._path.name, [])
        done.append(self._parts["course"].updates)
        if len(done) == 2:
            raise Killed

    monkeypatch.setattr(Checkpoint, "save", kill)
    for _ in arms:
        with pytest.raises(Killed):
            run_comparison(tmp_path / "killed/it", replace(config, checkpoint_every=2))
    run_comparison(tmp_path / "killed/it", replace(config, checkpoint_every=2))
    assert_same_comparison(tmp_path / "killed/it", tmp_path / "whole/it", neutral=True)
    for done in saves.values():  # updates: taken up after the second checkpoint, nothing was done again
        assert done == [2 * (number + 1) for number in range(len(done))]
    assert not list((tmp_path / "killed/it").glob("seed_0/.checkpoints/*"))


def test_a_stream_goes_on_where_it_was():
    one, other = Stream(range(7), 3), Stream(range(7), 3)
    for _ in range(5):
        one.take(2)
        other.restore(one.state())
        assert other.take(3) == Stream.take(_copy(one), 3)


def _copy(stream):
    found = Stream(stream._items, stream._seed)
    found._queue, found._epoch = list(stream._queue), stream._epoch
    return found
