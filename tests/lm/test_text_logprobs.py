from __future__ import annotations

import json

import pytest
import torch

from evolve.grade_file import GradeAsked, grade_file
from lm.folder import save_model
from lm.text_logprobs import FolderLogProbs
from tasks.errors import UserError


@pytest.fixture
def folder(new_model, tokenizer, tmp_path):
    save_model(new_model(), tokenizer, tmp_path / "policy")
    return tmp_path / "policy"


def test_it_is_the_models_own_log_probability(folder, new_model, tokenizer):
    total, tokens = FolderLogProbs(folder).log_prob("add 12 ", "to 34")
    before = [tokenizer.eos_token_id, *tokenizer.encode("add 12 ")]
    ids = tokenizer.encode("to 34")
    with torch.no_grad():
        logprobs = new_model()(torch.tensor([before + ids])).logits[0].double().log_softmax(-1)
    wanted = sum(float(logprobs[len(before) - 1 + place, token]) for place, token in enumerate(ids))
    assert tokens == len(ids)
    assert total == pytest.approx(wanted, abs=1e-4)


def test_an_empty_context_will_do_and_a_long_one_will_not(folder):
    measure = FolderLogProbs(folder)
    assert measure.log_prob("", "add")[0] < 0
    with pytest.raises(ValueError, match="context takes 64"):
        measure.log_prob("7 8 9 " * 60, "add")


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(UserError, match="no model folder"):
        FolderLogProbs(tmp_path)


def test_summaries_are_graded_under_a_policy(folder, tmp_path):
    (tmp_path / "g.json").write_text(json.dumps({"type": "reconstruction", "longest": 10}))
    rows = [{"id": n, "reference": "add 12 to 34", "completion": text} for n, text in enumerate(["add 12 to 34", " "])]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = GradeAsked(str(tmp_path / "g.json"), tmp_path / "in.jsonl", tmp_path / "out.jsonl", folder, progress=False)
    grade_file(asked)
    first, second = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    measure = FolderLogProbs(folder)
    before, after = (measure.log_prob(text, "add 12 to 34")[0] for text in ("\n\n", "add 12 to 34\n\n"))
    assert first["reward"] == pytest.approx(min(1.0, max(0.0, 1 - after / before)), abs=1e-6)
    assert second["outcome"] == "unverifiable"
