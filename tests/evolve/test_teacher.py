"""Runs that learn from another policy, from labels in place of pairs, and by preference in place of fine-tuning."""

from __future__ import annotations

import json
from dataclasses import asdict
from shutil import copyfile, copytree

import pytest
import torch
import yaml
from safetensors.torch import save_file

from evolve.config import PolicyUpdate, PpmConfig, TeacherConfig, check
from evolve.label_config import LabelMethod
from evolve.spending import parameters_in, round_flops
from evolve.teacher import refuse_missing, refuse_other_problems, refuse_other_tokenizer, take_trees
from lm.config import OptimiserConfig, Precision
from mcts.storage import write_trees
from mcts.tree import SearchTree
from prm.losses.config import LossName
from prm.pairs import PairConfig
from tasks.errors import DataError, UserError
from tasks.problem import Split
from tasks.readers.formats import read_labelled
from tasks.readers.jsonl import JsonlConfig
from tasks.registry import build_task
from tasks.suites.countdown import CountdownConfig
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
    assert judged["policy"]["trained_tokens"] == judged["policy"]["reference_tokens"] > 0  # one epoch
    search, count = judged["search"], parameters_in(folder / "policy")
    assert judged["flops"]["policy"] == 8 * count * judged["policy"]["reference_tokens"]
    names = ("generated_tokens", "prefilled_tokens")
    learned, judging = (sum(each[name] for name in names) for each in (search, search["held_out"]))
    assert 0 < judging < learned
    assert judged["flops"]["search"] == 2 * count * (learned - judging)
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


def test_a_round_of_another_task_or_of_judged_problems_is_refused(reference, tmp_path):
    ours, theirs = tiny_config().task, reference / "round_1"
    refuse_other_problems(theirs, ours)
    with pytest.raises(UserError, match=r"is of task\.name=chain, but here task\.name=countdown"):
        take_trees(lambda *_: None, theirs, tmp_path / "out", CountdownConfig())
    assert not (tmp_path / "out").exists()
    source = tmp_path / "run/round_1"
    source.mkdir(parents=True)
    copyfile(reference / "config.yaml", tmp_path / "run/config.yaml")
    copytree(theirs / "held_out_trees", source / "trees")  # as if it had learned from them
    with pytest.raises(UserError, match="a validation or held-out problem of this run's task"):
        refuse_other_problems(source, ours)


def test_problems_of_a_file_are_compared_with_the_file(tmp_path):
    """A prompt that the text's hash puts elsewhere is judged all the same if it stands in held_out_path."""
    for name, count in (("train", 40), ("judged", 4)):
        rows = [{"question": f"{name} {n} + 1?", "answer": str(n + 1)} for n in range(count)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = JsonlConfig(path=str(tmp_path / "train.jsonl"), held_out_path=str(tmp_path / "judged.jsonl"))
    task = build_task(config)
    (tmp_path / "config.yaml").write_text(
        yaml.safe_dump({"task": json.loads(json.dumps(asdict(config))), "ppm": {"pairs": {}}})
    )
    for split in (Split.TRAIN, Split.HELD_OUT):
        (tmp_path / split / "trees").mkdir(parents=True)
        trees = [SearchTree(problem) for problem in task.problems(split, 40)]
        write_trees(tmp_path / split / "trees/tree1-00000.jsonl.gz", trees)
    refuse_other_problems(tmp_path / "train", config)
    with pytest.raises(UserError, match=r"tree1-00000\.jsonl\.gz has a tree of"):
        refuse_other_problems(tmp_path / "held_out", config)


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
    about["search"]["held_out"] = {"generated_tokens": 3, "prefilled_tokens": 1, "scored_tokens": 4}
    about["policy"]["reference_tokens"] = 7
    found = round_flops(about, tmp_path, tmp_path, tmp_path, tmp_path)
    assert (found["search"], found["policy"]) == (2 * 25 * 11, 25 * (6 * 2 + 2 * 7))
    (tmp_path / "model-3.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{")
    with pytest.raises(DataError, match="model-3"):
        parameters_in(tmp_path)
