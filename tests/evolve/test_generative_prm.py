"""From a run's labels to a generative process model that is judged: the programs' functions, one after the other."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from rich.console import Console

from evolve.label_config import LabelConfig, LabelMethod
from evolve.label_run import label_run
from evolve.prm_judging import EvalPrmConfig, judge_prm
from evolve.prm_report import sentences
from evolve.train_prm_config import TrainPrmConfig
from evolve.train_prm_run import train_prm
from evolve.verification_config import VerificationsConfig, VerificationSource
from evolve.verification_run import verification_table, write_verifications
from lm.config import OptimiserConfig, Precision
from prm.generative.config import ReasoningConfig
from prm.generative.verifications import verifications_of
from prm.losses.config import LossName
from tasks.errors import DataError, UserError
from tasks.readers.formats import read_labelled, write_labelled

QUIET = {"workers": 0, "progress": False}
OPTIMISER = OptimiserConfig(learning_rate=1e-2, epochs=4, batch_rows=8, micro_rows=8, precision=Precision.FP32)


@pytest.fixture(scope="module")
def labels(reference, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("generative_prm")
    label_run(LabelConfig(str(reference), 1, LabelMethod.TREE_Q, out=str(folder / "labels.jsonl"), **QUIET))
    return folder / "labels.jsonl"


def verified(labels: Path, reference: Path, name: str = "verified.jsonl", **changes):
    out = labels.parent / name
    asked = {"run": str(reference), "round": 1, "reason": ReasoningConfig(verifications=2), "overwrite": True, **QUIET}
    return out, write_verifications(VerificationsConfig(str(labels), out=str(out), **(asked | changes)))


def test_the_policy_does_steps_again(labels, reference):
    out, counts = verified(labels, reference)
    before, after = list(read_labelled(labels, "own")), list(read_labelled(out, "own"))
    assert [(one.steps, one.labels, one.token_ids) for one in after] == [
        (one.steps, one.labels, one.token_ids) for one in before
    ]
    every = [each for one in after for own in verifications_of(one, "") for each in own]
    assert counts["verifications"] == len(every) > counts["steps"] > 10
    assert counts["tokens sampled"] > len(every) / 2
    for one in after:
        for step, own in zip(one.steps, verifications_of(one, ""), strict=True):
            assert all(each.verdict is (each.text == step) and each.token_ids for each in own), "one step each"
    assert {one.meta["verified_by"] for one in after} == {"redo"}
    console = Console(width=90, record=True, file=(labels.parent / "shown").open("w"))
    console.print(verification_table(counts, VerificationsConfig()))
    assert f"{counts['disagree']:,}" in console.export_text()
    again, other = verified(labels, reference, "again"), verified(labels, reference, "other", seed=1)
    assert out.read_bytes() == again[0].read_bytes() != other[0].read_bytes()


def test_from_verifications_to_a_judged_model(labels, reference):
    data, folder = verified(labels, reference)[0], labels.parent / "prm"
    base = {"base": str(reference / "round_1/policy"), "out": str(folder), "held_out": 0.25, "threshold": 0.0}
    asked = TrainPrmConfig(
        str(data), loss=LossName.GENERATIVE, optimiser=OPTIMISER, only_agreeing=False, device="cpu",
        reason=ReasoningConfig(1, 0.0), **base, **QUIET,
    )  # fmt: skip
    found = train_prm(asked)
    assert found["generative"]["judging"]["steps"] > 0
    assert found["held_out"]["steps"]["count"] > 0
    judged = EvalPrmConfig(
        str(folder), "generative", data=str(data), reason=ReasoningConfig(2), out=str(labels.parent / "eval"),
        resamples=20, device="cpu", **QUIET,
    )  # fmt: skip
    eval_found, out = judge_prm(judged)
    spent = eval_found["judging"]
    assert spent["verifications"] == 2 * spent["steps"] > 0
    assert spent["generated"] >= spent["verifications"]
    (said,) = [each for each in sentences(eval_found) if each.startswith("written before judging")]
    assert f"{spent['generated']:,} tokens ({spent['generated'] / spent['steps']:.1f} a step)" in said
    assert said in (out / "eval.md").read_text()
    assert json.loads((out / "eval.json").read_text())["judging"] == spent
    assert judge_prm(judged)[0] == eval_found, "the same seed, the same scores"
    assert judge_prm(replace(judged, seed=1))[0]["figures"] != eval_found["figures"]
    with pytest.raises(UserError, match="open it with kind=generative"):
        judge_prm(replace(judged, kind="own"))
    with pytest.raises(UserError, match=r"use one of own, generative, prompted, qwen2\.5"):
        judge_prm(replace(judged, kind="else"))
    with pytest.raises(UserError, match=r"judge\.model must name the judge's model"):
        judge_prm(replace(judged, prm="judge"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"redone": 0}, "redone must be at least 1, got 0"),
        ({"overwrite": False}, "is there already"),
        ({"round": 9}, "no finished round 9"),
        ({"source": VerificationSource.JUDGE}, "judge.model must name"),
    ],
)
def test_what_cannot_be_verified_is_one_sentence(labels, reference, changes, said):
    if "overwrite" in changes:
        (labels.parent / "bad.jsonl").write_text("")
    with pytest.raises(UserError, match=said):
        verified(labels, reference, "bad.jsonl", **changes)


def test_steps_without_ids_need_a_judge(labels, reference):
    texts = [replace(one, token_ids=()) for one in read_labelled(labels, "own")]
    write_labelled(labels.parent / "texts.jsonl", texts)
    with pytest.raises(DataError, match=r"texts\.jsonl: solution 1 has no token ids, .* use source=judge"):
        verified(labels.parent / "texts.jsonl", reference)


def test_the_page_names_every_option():
    page = (Path(__file__).resolve().parents[2] / "docs/prm.md").read_text()
    names = {field.name for field in fields(VerificationsConfig)} - {"judge", "reason"}
    names |= {f"reason.{field.name}" for field in fields(ReasoningConfig)} | set(map(str, VerificationSource))
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []
