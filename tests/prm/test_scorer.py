"""The scorer as the search sees it."""

from __future__ import annotations

import math

import pytest
import torch

import prm.model
from lm.folder import save_model
from mcts.step import Evaluator, ScoreRequest, Step
from prm.model import new_scorer_from_policy
from prm.scorer import HfScorer, Scorer
from tasks.errors import UserError
from tasks.problem import Problem


def prompt_ids(prompt: str) -> tuple[int, ...]:
    return tuple(3 + ord(letter) % 30 for letter in prompt)


def request(key: int, prompt: str, *steps: tuple[int, ...]) -> ScoreRequest:
    return ScoreRequest(key, Problem(f"id {prompt}", prompt, ""), tuple(Step("text", ids) for ids in steps))


@pytest.fixture(scope="module")
def model_and_path(policy_path, tmp_path_factory):
    model, tokenizer = new_scorer_from_policy(policy_path, 8)
    with torch.no_grad():
        model.score.weight.mul_(20)  # scores far from 0, so that tanh is seen
    path = tmp_path_factory.mktemp("ppm") / "ppm"
    save_model(model, tokenizer, path)
    return model, path


REQUESTS = [
    request(0, "one", (5, 6), (7,)),
    request(1, "two", (5, 6, 7)),
    request(2, "one", (5,), (6, 7)),  # the same ids as the first, cut elsewhere
    request(3, "a longer prompt than those", (9,)),
    request(4, "one"),
]


@pytest.mark.parametrize("batch_tokens", [1, 12, 10_000])
def test_equals_hf_forward_whatever_the_batch(model_and_path, batch_tokens):
    model, path = model_and_path
    scorer = HfScorer(path, prompt_ids, batch_tokens=batch_tokens)
    values = scorer.score(REQUESTS)
    for value, asked in zip(values, REQUESTS, strict=True):
        row = [*prompt_ids(asked.problem.prompt), *(token for step in asked.prefix for token in step.token_ids)]
        with torch.no_grad():
            logit = float(model(torch.tensor([row])).logits[0, 0])
        assert value == pytest.approx(math.tanh(logit), abs=1e-5)
    assert max(map(abs, values)) > 0.2
    assert values == scorer.score(REQUESTS)


def test_identical_rows_are_computed_once_and_tokens_counted(model_and_path, monkeypatch):
    computed = []
    plain = prm.model.last_token_scores
    monkeypatch.setattr(prm.model, "last_token_scores", lambda model, rows: computed.extend(rows) or plain(model, rows))
    scorer = HfScorer(model_and_path[1], prompt_ids)
    values = scorer.score(REQUESTS)
    assert values[0] == values[2]
    assert len(computed) == 4
    assert (scorer.counts.rows, scorer.counts.scored) == (4, 6 + 6 + 27 + 3)
    scorer.score(REQUESTS[:1])
    assert (scorer.counts.rows, scorer.counts.scored) == (5, 42 + 6)


def test_reads_ids_as_sampled_not_the_text(model_and_path):
    """Two tokenisations of one text are two inputs: nothing is encoded again."""
    scorer = HfScorer(model_and_path[1], prompt_ids)
    first, second = scorer.score([request(0, "one", (5, 6)), request(1, "one", (9,))])
    assert first != second  # both steps have the text "text"


def test_nothing_asked_nothing_answered(model_and_path):
    scorer = HfScorer(model_and_path[1], prompt_ids)
    assert scorer.score([]) == []


def test_a_score_that_is_no_number_stops(policy_path, tmp_path):
    model, tokenizer = new_scorer_from_policy(policy_path, 8)
    with torch.no_grad():
        model.score.weight.fill_(math.nan)
    save_model(model, tokenizer, tmp_path / "ppm")
    with pytest.raises(UserError, match=r"problem id one as nan"):
        HfScorer(tmp_path / "ppm", prompt_ids).score(REQUESTS[:1])


def test_fits_the_protocols(model_and_path):
    scorer: Scorer = HfScorer(model_and_path[1], prompt_ids)
    evaluator: Evaluator = scorer
    assert evaluator.score(REQUESTS[:1]) == scorer.score(REQUESTS[:1])
