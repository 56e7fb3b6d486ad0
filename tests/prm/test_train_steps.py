"""Training on labelled solutions: every loss learns to order steps; what cannot be learned from is refused."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from lm.config import OptimiserConfig, Precision
from lm.folder import load_tokenizer
from prm.losses.config import LossName, LossSettings
from prm.scorer import HfScorer
from prm.step_prm import FolderPrm
from prm.train_steps import StepTraining, train_on_labels
from tasks.errors import UserError
from tests.prm.labelled import toy

CONFIG = OptimiserConfig(learning_rate=4e-3, epochs=6, batch_rows=32, micro_rows=32, precision=Precision.FP32)


def prompt_ids_of(tokenizer):
    return lambda prompt: tokenizer.encode(prompt, add_special_tokens=False)


def training(policy_path, out, name=LossName.SOFT_BCE, **changes):
    loss = {each: changes.pop(each) for each in ("threshold", "beta") if each in changes}
    return dataclasses.replace(
        StepTraining(LossSettings(name, **loss), policy_path, out, CONFIG, held_out=0.25), **changes
    )


@pytest.mark.parametrize("name", [name for name in LossName if name is not LossName.GENERATIVE])  # has tests of its own
def test_every_loss_orders_the_steps_of_held_out_problems(name, policy_path, tmp_path):
    solutions = toy(neutral=name is LossName.CROSS_ENTROPY_3)
    extra = {"beta": 0.5} if name is LossName.IMPLICIT else {}
    found = train_on_labels(solutions, training(policy_path, tmp_path / "prm", name, **extra), prompt_ids_of)
    steps, ends = found["held_out"]["steps"], found["held_out"]["ends"]
    assert steps["count"] > 80
    assert steps["order"] > (0.8 if name is LossName.PAIRWISE else 0.9), found  # it ranks siblings, and few are late
    assert ends["order"] > (0.7 if name is LossName.PAIRWISE else 0.9), found
    if name not in (LossName.PAIRWISE, LossName.OUTCOME_RANKING):  # these order, and have no sign to speak of
        assert ends["accuracy"] > ends["majority"], found
    assert json.loads((tmp_path / "prm" / "prm.json").read_text()) == json.loads(json.dumps(found))
    prm = FolderPrm(tmp_path / "prm", prompt_ids_of)
    good, bad = prm.scores("7 ", ["xa\n", "ya\n"]), prm.scores("7 ", ["xa\n", "yb\n"])
    assert -1 <= bad[1] < good[1] <= 1
    assert good[0] == pytest.approx(bad[0], abs=1e-6), "a step's value does not depend on what follows it"


@pytest.mark.parametrize("name", [LossName.SOFT_BCE, LossName.CROSS_ENTROPY])
def test_the_folder_serves_the_search_and_loads_in_transformers(name, policy_path, tmp_path):
    """The value that ``scores`` gives is the search's, and comes from the logits of an ordinary folder."""
    from mcts.step import ScoreRequest, Step
    from tasks.problem import Problem

    train_on_labels(toy(8), training(policy_path, tmp_path / "prm", name), prompt_ids_of)
    tokenizer = load_tokenizer(tmp_path / "prm")
    encode = prompt_ids_of(tokenizer)
    steps = [Step(text, tuple(encode(text))) for text in ("xa\n", "yb\n")]
    values = FolderPrm(tmp_path / "prm", prompt_ids_of).scores("3 ", [step.text for step in steps])
    requests = [ScoreRequest(at, Problem("p", "3 ", "0"), tuple(steps[: at + 1])) for at in range(2)]
    assert HfScorer(tmp_path / "prm", encode).score(requests) == pytest.approx(values, abs=1e-6)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "prm").eval()
    assert model.config.num_labels == (2 if name is LossName.CROSS_ENTROPY else 1)
    with torch.no_grad():
        logits = model(torch.tensor([[*encode("3 "), *steps[0].token_ids, *steps[1].token_ids]])).logits[0]
    score = (logits[1] - logits[0]) / 2 if len(logits) == 2 else logits[0]
    assert float(score.tanh()) == pytest.approx(values[1], abs=1e-5)
    if name is LossName.CROSS_ENTROPY:
        assert model.config.id2label == {0: "wrong", 1: "right"}


def test_sampled_ids_are_read_as_they_are_and_the_same_seed_gives_the_same_bytes(policy_path, tmp_path):
    tokenizer = load_tokenizer(policy_path)
    plain = toy(8)
    sampled = [
        dataclasses.replace(
            one, token_ids=tuple(tuple(tokenizer.encode(text, add_special_tokens=False)) for text in one.steps)
        )
        for one in plain
    ]
    weights = []
    for number, solutions in enumerate((plain, sampled, plain)):
        train_on_labels(solutions, training(policy_path, tmp_path / str(number), seed=number // 2), prompt_ids_of)
        weights.append((tmp_path / str(number) / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]


def test_no_problem_is_on_both_sides(policy_path, tmp_path):
    found = train_on_labels(toy(20), training(policy_path, tmp_path / "prm"), prompt_ids_of)
    assert (found["rows"]["learned"], found["rows"]["held_out"]) == (75, 25)


def refused(solutions, match, policy_path, tmp_path, name=LossName.SOFT_BCE, **changes):
    with pytest.raises(UserError, match=match):
        train_on_labels(solutions, training(policy_path, tmp_path / "prm", name, **changes), prompt_ids_of)
    assert not (tmp_path / "prm").exists()


def test_labels_that_cannot_be_learned_from_are_refused(policy_path, tmp_path):
    solutions = toy(8)
    change = dataclasses.replace
    oracle = [change(solutions[0], meta={**solutions[0].meta, "measuring_only": True}), *solutions]
    refused(oracle, "problem p0 are an oracle's", policy_path, tmp_path)
    method = [change(solutions[0], meta={"method": "oracle"}), *solutions]
    refused(method, "an oracle's, which are for measuring only", policy_path, tmp_path)
    alike = [change(one, labels=(1.0, 1.0, None)) for one in solutions]
    refused(alike, "the labels: all 60 labels are the same", policy_path, tmp_path)
    ended = [change(one, meta={**one.meta, "reward": 1.0}) for one in solutions]
    for name in (LossName.OUTCOME_BCE, LossName.IMPLICIT, LossName.OUTCOME_RANKING):
        refused(ended, "labels: all 30 labels are the same", policy_path, tmp_path, name)
    refused(
        [change(one, labels=(None,) * 3) for one in solutions],
        "none of its 90 steps has a label",
        policy_path,
        tmp_path,
    )
    refused(toy(8, scale=0.5), r"a label is -?0\.5", policy_path, tmp_path, LossName.CROSS_ENTROPY)
    foreign = [change(solutions[0], token_ids=((9, 9), (9,), (9,))), *solutions[1:]]
    refused(foreign, "problem p0, step 0: its token ids do not spell its text", policy_path, tmp_path)
    beyond = [change(solutions[0], token_ids=((99999,), (9,), (9,))), *solutions[1:]]
    refused(beyond, "do not spell its text", policy_path, tmp_path)
    refused(
        [change(solutions[0], steps=("xa\n", "", "xb\n")), *solutions],
        "step 1: the step is empty",
        policy_path,
        tmp_path,
    )


def test_truncation_is_refused_or_counted(policy_path, tmp_path):
    """The policy reads 64 tokens."""
    long = dataclasses.replace(toy(1)[0], steps=("xa\n", "y" * 80 + "a\n", "xb\n"), labels=(1.0, 1.0, -1.0))
    solutions = [long, *toy(8)]
    refused(solutions, "reads 64, which would cut off 2 of its labels; set cut_long=true", policy_path, tmp_path)
    refused(solutions, "cut off 1 of its labels", policy_path, tmp_path, LossName.OUTCOME_BCE)
    for number, (name, lost) in enumerate(((LossName.SOFT_BCE, 2), (LossName.OUTCOME_BCE, 1))):
        asked = training(policy_path, tmp_path / str(number), name, cut_long=True)
        assert train_on_labels(solutions, asked, prompt_ids_of)["rows"]["labels_cut"] == lost


def test_a_solution_longer_than_the_model_is_one_sentence(policy_path, tmp_path):
    train_on_labels(toy(8), training(policy_path, tmp_path / "prm"), prompt_ids_of)
    with pytest.raises(UserError, match="reads 64 tokens, a solution of problem"):
        FolderPrm(tmp_path / "prm", prompt_ids_of).scores("3 ", ["y" * 80])
    (tmp_path / "prm" / "prm.json").write_text("{}")
    with pytest.raises(UserError, match=r"prm\.json: the record of the model cannot be read"):
        FolderPrm(tmp_path / "prm", prompt_ids_of)


def test_what_code_printed_is_read_and_has_no_log_ratio(policy_path, tmp_path):
    """The row's step ends behind the observation, as the search scores it; the implicit model skips its tokens."""
    from lm.rows import TextRow
    from prm.losses.implicit import text_row
    from prm.step_rows import StepEncoder

    tokenizer = load_tokenizer(policy_path)
    encode = prompt_ids_of(tokenizer)
    one = toy(1)[0]
    ids = tuple(tuple(encode(text)) for text in one.steps)
    seen = [list(encode("= 1\n")), [], []]
    row = StepEncoder(encode, tokenizer)(
        dataclasses.replace(one, token_ids=ids, meta={**one.meta, "observation_ids": seen})
    )
    assert row.steps == (ids[0] + tuple(seen[0]), ids[1], ids[2])
    assert text_row(row) == TextRow("p0", row.prompt, sum(row.steps, ()), ((len(ids[0]), len(row.steps[0])),))


class Killed(BaseException):
    """Stands for a SIGKILL: nothing of ours catches it."""


def files_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


@pytest.mark.parametrize("name", [LossName.SOFT_BCE, LossName.IMPLICIT])
def test_a_killed_training_goes_on_and_ends_with_the_same_bytes(name, policy_path, tmp_path):
    """Killed in the middle of its second epoch, behind a checkpoint, then once more."""
    config = dataclasses.replace(CONFIG, epochs=3, batch_rows=8, micro_rows=8)
    wanted = {"optimiser": config, "checkpoint_steps": 2, "patience": 3, "validation": 0.3}
    solutions, seen, deaths = toy(12), [], [7, 10]

    def train(folder, on_step=lambda record, steps: None):
        asked = training(policy_path, folder / "prm", name, under_way=folder / "prm.training", **wanted)
        return train_on_labels(solutions, asked, prompt_ids_of, {"data": "x"}, on_step)

    def dies(record, steps):
        seen.append(record.step)
        if record.step in deaths[:1]:
            deaths.pop(0)
            raise Killed

    whole = train(tmp_path / "whole")
    for _ in range(2):
        with pytest.raises(Killed):
            train(tmp_path / "killed", dies)
        assert not (tmp_path / "killed/prm").exists()
        assert (tmp_path / "killed/prm.training/metrics.jsonl").is_file()
    assert train(tmp_path / "killed", dies) == whole
    assert seen == [*range(1, 8), *range(7, 11), *range(9, 13)]
    assert files_of(tmp_path / "killed/prm") == files_of(tmp_path / "whole/prm")
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["prm"]
    rows = [json.loads(line) for line in (tmp_path / "whole/prm/metrics.jsonl").read_text().splitlines()]
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 4), (2, 8), (3, 12)]
    assert all({"loss", "validation_loss", "held_out/steps/order"} <= set(row) for row in rows)


def test_a_training_ends_early_with_its_best_weights(policy_path, tmp_path):
    """Labels of chance: to learn them by heart makes the validation loss rise."""
    rng, noise = np.random.default_rng(3), []
    for one in toy(16):
        labels = tuple(float(each) for each in rng.choice([-1.0, 1.0], size=3))
        noise.append(dataclasses.replace(one, labels=labels))
    config = dataclasses.replace(CONFIG, epochs=12, batch_rows=8, learning_rate=1e-2)
    asked = training(policy_path, tmp_path / "prm", optimiser=config, patience=2, validation=0.4)
    found = train_on_labels(noise, asked, prompt_ids_of)
    rows = [json.loads(line) for line in (tmp_path / "prm/metrics.jsonl").read_text().splitlines()]
    losses = [row["validation_loss"] for row in rows]
    assert found["kept_epoch"] == 1 + losses.index(min(losses))
    assert found["epochs"] == len(rows) == found["kept_epoch"] + 2 < 12
    kept = rows[found["kept_epoch"] - 1]
    assert found["held_out"]["steps"]["order"] == kept["held_out/steps/order"] != rows[-1]["held_out/steps/order"]
    counts = found["rows"]
    assert counts["learned"] + counts["validation"] + counts["held_out"] == counts["solutions"] == 80
    assert (counts["held_out"], counts["validation"]) == (20, 25)


def test_watching_changes_no_weight(policy_path, tmp_path):
    bare, watched = tmp_path / "bare", tmp_path / "watched"
    config = dataclasses.replace(CONFIG, epochs=1.5)
    train_on_labels(toy(8), training(policy_path, bare, optimiser=config, held_out=0.0), prompt_ids_of)
    asked = training(policy_path, watched, optimiser=config, held_out=0.0, under_way=tmp_path / "t", checkpoint_steps=1)
    train_on_labels(toy(8), asked, prompt_ids_of)
    assert (bare / "model.safetensors").read_bytes() == (watched / "model.safetensors").read_bytes()
    assert len((watched / "metrics.jsonl").read_text().splitlines()) == 2
