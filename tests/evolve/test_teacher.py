"""Runs that learn from another policy, from labels in place of pairs, and by preference in place of fine-tuning."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from evolve.config import PolicyUpdate, PpmConfig, TeacherConfig, check
from evolve.label_config import LabelMethod
from evolve.spending import parameters_in, round_flops
from evolve.teacher import refuse_missing, refuse_other_tokenizer
from lm.config import OptimiserConfig, Precision
from prm.losses.config import LossName
from prm.pairs import PairConfig
from tasks.errors import DataError, UserError
from tasks.readers.formats import read_labelled
from tests.evolve.invented_teacher import write_tokenizer
from tests.evolve.tiny_run import run_tiny, tiny_config

PPM = PpmConfig(
    pairs=PairConfig(min_margin=0.1, min_edit_distance=1),
    optimiser=OptimiserConfig(2e-3, 1.0, batch_rows=16, micro_rows=16, precision=Precision.FP32),
)


@pytest.fixture(scope="module")
def taught(reference, tmp_path_factory):
    """A run whose first round has the trees and the PPM of the reference's last one."""
    root = tmp_path_factory.mktemp("taught") / "mine"
    run_tiny(root, tiny_config(rounds=1, teacher=TeacherConfig(round=str(reference / "round_2"), ppm=True)))
    return root


def test_the_trees_and_the_ppm_are_the_teacher_s(reference, taught):
    ours, theirs = taught / "round_1", reference / "round_2"
    for name in ("trees", "held_out_trees"):
        assert {p.name: p.read_bytes() for p in (ours / name).iterdir()} == {
            p.name: p.read_bytes() for p in (theirs / name).iterdir()
        }
    for name in ("sft.jsonl", "ppm/model.safetensors"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()
    assert (ours / "policy/model.safetensors").read_bytes() != (theirs / "policy/model.safetensors").read_bytes()


def test_what_the_teacher_computed_is_not_on_the_pupil_s_account(reference, taught):
    judged = json.loads((taught / "round_1/eval.json").read_text())
    policy = parameters_in(taught / "round_1/policy")
    assert judged["flops"] == {"search": 0, "ppm": 0, "policy": 6 * policy * judged["policy"]["trained_tokens"]}
    summary = json.loads((reference / "summary.json").read_text())
    assert summary["flops"] > 10 * json.loads((taught / "summary.json").read_text())["flops"] > 0


def test_the_record_says_whose_trees_a_model_was_trained_on(reference, taught):
    rows = {row["model"]: row for row in json.loads((taught / "run.json").read_text())["provenance"]}
    assert rows["round_1/policy"]["trained_on"] == f"trees grown by {reference / 'round_2' / 'policy'}"
    assert rows["round_1/policy"]["from"] == "round_0/policy"
    assert rows["round_1/ppm"]["from"] == f"{reference / 'round_2'}/ppm"


def test_labels_and_preferences_take_the_place_of_pairs_and_solutions(tmp_path):
    ppm = PpmConfig(LossName.MSE, LabelMethod.WEIGHTED_VALUE, pairs=PPM.pairs, optimiser=PPM.optimiser)
    summary = run_tiny(tmp_path, tiny_config(rounds=1, ppm=ppm, policy_update=PolicyUpdate.DPO))
    folder = tmp_path / "round_1"
    labelled = list(read_labelled(folder / "labels.jsonl", "own"))
    assert {one.meta["method"] for one in labelled} == {"weighted_value"}
    right = [one for one in labelled if one.meta["reward"] == 1]
    assert right
    assert all(one.labels[-1] == 1 for one in right)  # V grows to 1 where the solution ends right
    assert json.loads((folder / "ppm/prm.json").read_text())["loss"]["name"] == "mse"
    judged = json.loads((folder / "eval.json").read_text())
    assert judged["policy"]["rows"] == judged["select"]["pairs"]
    assert judged["ppm"]["labels"] == len(labelled)
    assert summary["rounds"][1]["search"] is not None
    weights = [(tmp_path / f"round_{number}/policy/model.safetensors").read_bytes() for number in (0, 1)]
    assert weights[0] != weights[1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ppm": PpmConfig(LossName.IMPLICIT)}, "ppm.loss must be one of pairwise"),
        ({"ppm": PpmConfig(labels=LabelMethod.JUDGE)}, "ppm.labels must be tree_q or weighted_value, got judge"),
        ({"teacher": TeacherConfig("a", "b")}, "teacher.policy and teacher.round are both set"),
        ({"teacher": TeacherConfig(ppm=True)}, "teacher.ppm=true takes the PPM of teacher.round"),
    ],
)
def test_what_cannot_work_is_refused(changes, said):
    with pytest.raises(UserError, match=said):
        check(tiny_config(**changes))


def test_a_teacher_that_is_not_there_is_refused(tmp_path):
    for teacher in (TeacherConfig(policy=str(tmp_path)), TeacherConfig(round=str(tmp_path))):
        with pytest.raises(UserError, match=r"teacher\.(policy|round)="):
            refuse_missing(teacher)
    refuse_missing(TeacherConfig())


def test_a_teacher_of_another_tokenizer_is_refused(tmp_path):
    for name, letters in (("one", "0123"), ("same", "0123"), ("other", "0124")):
        write_tokenizer(tmp_path / name, letters)
    refuse_other_tokenizer(tmp_path / "one", tmp_path / "same")
    with pytest.raises(UserError, match="another tokenizer"):
        refuse_other_tokenizer(tmp_path / "one", tmp_path / "other")
    with pytest.raises(DataError, match="cannot be read"):
        refuse_other_tokenizer(tmp_path / "one", tmp_path)


def test_parameters_are_counted_from_the_headers(tmp_path):
    save_file({"a": torch.zeros(3, 4), "b": torch.zeros(5)}, tmp_path / "model-1.safetensors", {"format": "pt"})
    save_file({"c": torch.zeros(2, 2, 2)}, tmp_path / "model-2.safetensors")
    assert parameters_in(tmp_path) == 12 + 5 + 8
    about = {
        "search": {"generated_tokens": 10, "prefilled_tokens": 5, "cached_tokens": 99, "scored_tokens": 4},
        "ppm": {"trained_tokens": 3},
        "policy": {"trained_tokens": 2},
    }
    found = round_flops(about, tmp_path, tmp_path, tmp_path, tmp_path)
    assert found == {"search": 2 * 25 * (15 + 4), "ppm": 6 * 25 * 3, "policy": 6 * 25 * 2}
    assert round_flops(about, tmp_path, None, tmp_path, tmp_path)["search"] == 2 * 25 * 15
    (tmp_path / "model-3.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{")
    with pytest.raises(DataError, match="model-3"):
        parameters_in(tmp_path)
