"""The comparison of an engine's log-probs with the trainer's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lm.tiny import new_tiny_model
from policy.engine import EngineCounts, Generation
from policy.hf_engine import HfEngine
from policy.sync import STOP_NATS, WARN_NATS, judge_gap, logprob_gap, probe_requests
from tasks.errors import UserError


class Shifted:
    """An engine whose log-probs are off: +offset and -offset by turns, so that a mean of signed ones would be 0."""

    def __init__(self, engine, offset: float) -> None:
        self.counts = EngineCounts()
        self._engine = engine
        self._offset = offset

    def generate(self, requests):
        return [[self._shift(generation) for generation in answer] for answer in self._engine.generate(requests)]

    def _shift(self, generation: Generation) -> Generation:
        signs = np.resize([1, -1], len(generation.logprobs))
        return replace(generation, logprobs=tuple(np.array(generation.logprobs) + self._offset * signs))


def test_one_model_in_engine_and_trainer_leaves_no_gap(model, bpe):
    assert logprob_gap(HfEngine(model, bpe), model, len(bpe)) < 1e-5


def test_other_weights_are_far_off(model, bpe):
    other = new_tiny_model(model.config, 6).eval()
    assert logprob_gap(HfEngine(model, bpe), other, len(bpe)) > STOP_NATS


@pytest.mark.parametrize("offset", [0.01, 0.07, 0.3])
def test_the_gap_is_the_mean_distance_in_nats(model, bpe, offset):
    assert logprob_gap(Shifted(HfEngine(model, bpe), offset), model, len(bpe)) == pytest.approx(offset, abs=1e-5)


def test_log_probs_that_are_no_numbers_are_an_infinite_gap(model, bpe):
    assert logprob_gap(Shifted(HfEngine(model, bpe), float("nan")), model, len(bpe)) == float("inf")


def test_a_small_gap_is_returned_a_larger_one_warned_of_and_a_large_one_refused(recwarn):
    assert judge_gap(WARN_NATS - 1e-9, "x") == WARN_NATS - 1e-9
    assert not recwarn.list
    with pytest.warns(UserWarning, match=r"log-probs of round_1 are 0\.05 nats off"):
        assert judge_gap(WARN_NATS, "round_1") == WARN_NATS
    for gap in (STOP_NATS, 3.0, float("inf")):
        with pytest.raises(UserError, match=r"policy of round_1: .* nats off on average, and 0\.2 is the most"):
            judge_gap(gap, "round_1")


def test_the_probe_is_the_same_every_time_and_fits(model):
    for vocabulary, context in ((300, 128), (300, 24), (10, 2)):
        requests = probe_requests(vocabulary, context)
        assert requests == probe_requests(vocabulary, context)
        for request in requests:
            assert 1 <= len(request.prompt_ids) <= context - request.sampling.max_tokens
            assert max(request.prompt_ids) < vocabulary
    prompts = [request.prompt_ids for request in probe_requests(300, 128)]
    assert len(set(prompts)) == len(prompts)
    assert len({prompt[:32] for prompt in prompts}) < len(prompts)  # some share a whole block of a prefix cache
