"""A process model that sees the reference answer: trained, read and refused as such."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lm.config import OptimiserConfig, Precision
from lm.folder import save_model
from prm.answer_prompt import AnswerPrompt, answer_prompt_of, refuse_seen_answers
from prm.losses.config import LossName, LossSettings
from prm.model import new_scorer_from_policy
from prm.public.ready import open_step_prm
from prm.record import step_end_of
from prm.scorer import HfScorer
from prm.step_prm import FolderPrm
from prm.train_steps import StepTraining, train_on_labels
from prm.vllm_scorer import start_scoring
from tasks.errors import DataError, UserError
from tasks.readers.labelled import LabelledSolution
from tests.prm.labelled import toy

OPTIMISER = OptimiserConfig(learning_rate=4e-3, epochs=1, batch_rows=64, micro_rows=64, precision=Precision.FP32)
TEMPLATE = "{answer} to {prompt}"


def prompt_ids_of(tokenizer):
    return lambda prompt: tokenizer.encode(prompt, add_special_tokens=False)


def answered():
    return [replace(one, answer=str(number % 3)) for number, one in enumerate(toy(12, 4))]


def training(policy_path, out, template):
    return StepTraining(LossSettings(LossName.SOFT_BCE), policy_path, out, OPTIMISER, 0.25, answer_template=template)


@pytest.fixture(scope="module")
def pair(policy_path, tmp_path_factory):
    """An answer-aware and a blind model of the same training, and what their records say."""
    folder = tmp_path_factory.mktemp("pair")
    found = {
        name: train_on_labels(answered(), training(policy_path, folder / name, template), prompt_ids_of)
        for name, template in (("aware", TEMPLATE), ("blind", ""))
    }
    return folder, found


def test_texts_are_put_in_once():
    shown = AnswerPrompt("<{answer}> {prompt}")
    assert shown(LabelledSolution("is {answer}?", ("a",), (1,), "{prompt}")) == "<{prompt}> is {answer}?"
    for template in ("{prompt}", "{answer}", ""):
        with pytest.raises(UserError, match=r"answer_template must hold \{prompt\} and \{answer\}"):
            AnswerPrompt(template)
    with pytest.raises(UserError, match="problem seven has no reference answer, which sees_answer=true needs"):
        shown(LabelledSolution("7?", ("a",), (1,), " ", {"problem_id": "seven"}))


def test_both_hold_the_same_problems_out(pair):
    folder, found = pair
    assert found["aware"]["rows"] == found["blind"]["rows"]
    assert found["aware"]["held_out"]["steps"]["count"] == found["blind"]["held_out"]["steps"]["count"] > 0
    assert answer_prompt_of(folder / "aware").template == TEMPLATE
    assert answer_prompt_of(folder / "blind") is None


def test_the_folder_is_read_as_it_was_trained(pair):
    """To see the answer is to read the text that the template makes: without its record the model scores that alike."""
    folder, _ = pair
    one = LabelledSolution("7 ", ("xa\n", "yb\n"), (1, -1), "2")
    aware = FolderPrm(folder / "aware", prompt_ids_of)
    seen = aware.values([one])[0]
    assert aware.values([replace(one, answer="1")])[0] != pytest.approx(seen, abs=1e-6)
    plain = json.loads((folder / "aware/prm.json").read_text()) | {"answer_template": ""}
    kept = (folder / "aware/prm.json").read_text()
    (folder / "aware/prm.json").write_text(json.dumps(plain))
    try:
        without = FolderPrm(folder / "aware", prompt_ids_of)
        assert without.scores("2 to 7 ", one.steps) == pytest.approx(seen, abs=1e-6)
    finally:
        (folder / "aware/prm.json").write_text(kept)


def test_it_needs_the_answer_and_guides_no_search(pair, policy_path):
    folder, _ = pair
    prm = open_step_prm("own", folder / "aware", prompt_ids_of)
    with pytest.raises(UserError, match=r"has no reference answer, which .*aware needs"):
        prm.scores("7 ", ["xa\n"])
    with pytest.raises(UserError, match=r"aware sees the reference answer .* cannot be used to guide a search"):
        HfScorer(folder / "aware", lambda prompt: [1])
    HfScorer(folder / "blind", lambda prompt: [1])
    with pytest.raises(UserError, match="as the base of one that does not"):
        train_on_labels(answered(), training(folder / "aware", folder / "none", ""), prompt_ids_of)
    with pytest.raises(UserError, match="has no reference answer, which sees_answer=true needs"):
        train_on_labels(toy(4), training(policy_path, folder / "none", TEMPLATE), prompt_ids_of)
    assert not (folder / "none").exists()


def test_vllm_refuses_it_before_it_starts(pair):
    from pathlib import Path

    from lm.vllm_start import VllmSettings

    folder, _ = pair
    with pytest.raises(UserError, match="cannot be used to guide a search"):
        start_scoring(VllmSettings(Path(folder / "aware"), "cpu", "float32", 1, 1, 1.0))


def test_a_damaged_record_is_told(policy_path, tmp_path):
    save_model(*new_scorer_from_policy(policy_path, 1), tmp_path / "ppm")
    refuse_seen_answers(tmp_path / "ppm", "anywhere")  # no record: a round's PPM
    for text in ("{", "[]", '{"answer_template": "{prompt}"}', '{"answer_template": 3}'):
        (tmp_path / "ppm/prm.json").write_text(text)
        with pytest.raises(DataError, match=r"prm\.json: the record"):
            refuse_seen_answers(tmp_path / "ppm", "anywhere")


def test_texts_end_as_the_model_learned_them(pair, tmp_path):
    folder, _ = pair
    (told := tmp_path / "told").mkdir()
    assert step_end_of(told) == "\n", "a round's PPM has no record"
    record = json.loads((folder / "blind/prm.json").read_text())
    for options, wanted in (({"step_end": "\n\n"}, "\n\n"), ({"step_end": 3}, "\n"), (None, "\n")):
        (told / "prm.json").write_text(json.dumps(record | {"options": options}))
        assert step_end_of(told) == wanted
