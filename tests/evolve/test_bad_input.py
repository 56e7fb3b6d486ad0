"""What a user did wrong, or the machine: one sentence, exit code 2, nothing half-written, what was done kept."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import pytest
import torch

import scripts.evolve
from evolve.config import EvolveConfig
from evolve.selection import select_data
from mcts.config import Mode
from policy.config import ColdStartConfig
from prm.pairs import PairConfig
from scripts.launch import launch
from tasks.errors import DataError, UserError
from tests.evolve.tiny_run import artefacts, assert_same_run, overrides_of, run_tiny, tiny_config


@pytest.fixture
def copy(tmp_path, reference):
    """A finished run that may be damaged, where the program looks for ``name=mine``."""
    root = tmp_path / "outputs" / "mine"
    shutil.copytree(reference, root, symlinks=True)
    return root


@pytest.fixture
def refused(tmp_path, monkeypatch, capfd):
    """Starts the program with a command line that it must refuse; the sentence."""

    def start(*overrides: str) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["evolve", *overrides])
        with pytest.raises(SystemExit) as ended:
            launch("evolve", EvolveConfig, scripts.evolve.run)
        said = capfd.readouterr()
        assert (ended.value.code, said.out) == (2, "")
        assert said.err.startswith("error: ")
        assert said.err.count("\n") == 1
        return said.err.removeprefix("error: ").rstrip("\n")

    return start


# The run folder


def test_a_folder_of_another_config_is_refused(copy, refused):
    before = artefacts(copy)
    said = refused(*overrides_of(tiny_config(name="mine", seed=1)))
    assert said.startswith(f"{copy} holds a run of another config: seed is 0 there and 1 now; use overwrite=true")
    assert artefacts(copy) == before


def test_a_folder_of_something_else_is_refused(tmp_path, refused):
    (tmp_path / "outputs/mine").mkdir(parents=True)
    (tmp_path / "outputs/mine/thesis.tex").write_text("x")
    said = refused(*overrides_of(tiny_config(name="mine", overwrite=True)))
    assert "not a run folder (it holds thesis.tex), so nothing in it was touched" in said
    assert [path.name for path in (tmp_path / "outputs/mine").iterdir()] == ["thesis.tex"]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (_cut, "round_1/trees/tree1-00001.jsonl.gz"),
        (_cut, "round_2/held_out_trees/held_out-00000.jsonl.gz"),
        (_flip, "round_0/policy/config.json"),
        (_flip, "round_1/pairs.jsonl"),
        (_cut, "round_2/.stages/ppm.json"),
    ],
)
def test_a_damaged_file_is_named_and_made_again_once_deleted(copy, reference, damage, name):
    damage(copy / name)
    with pytest.raises(DataError) as caught:
        run_tiny(copy)
    assert str(caught.value).startswith(f"{copy / name} is damaged")
    assert "; delete it and start again" in str(caught.value)
    (copy / name).unlink()
    run_tiny(copy)
    assert_same_run(copy, reference)


def test_a_damaged_checkpoint_stops_the_program(copy, refused):
    _flip(copy / "round_1/policy/model.safetensors")
    said = refused(*overrides_of(tiny_config(name="mine")))
    assert said == (
        f"{copy}/round_1/policy/model.safetensors is damaged (its sha256 differs from the recorded one); "
        "delete it and start again to have it made anew"
    )


@pytest.mark.parametrize(
    "name", ["round_2/eval.json", "round_1/DONE", "summary.json", "REPORT.md", "round_0/samples.md"]
)
def test_what_is_only_reported_is_written_again(copy, reference, name):
    (copy / name).write_text("torn")
    run_tiny(copy)
    assert_same_run(copy, reference)


def test_a_full_disk_leaves_nothing_half_written(copy, reference, monkeypatch):
    """The disk is full at four moments of the last round; once there is room the run ends as if it never had been."""
    shutil.rmtree(copy / "round_2")
    moments = [6, 3, 18, 45]
    for moment in moments:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", _full_after(moment))
            with pytest.raises(UserError, match=r"cannot write .*: the disk is full; make room and start the same"):
                run_tiny(copy)
        assert list(copy.rglob(".*.tmp")) == []
        for path in copy.rglob("*.json"):
            json.loads(path.read_text())
    run_tiny(copy)
    assert_same_run(copy, reference)


def _full_after(count: int):
    real, calls = os.fsync, iter(range(10**6))

    def fsync(descriptor: int) -> None:
        if next(calls) >= count:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    return fsync


# The learning


def test_a_loss_that_is_no_number_names_problems(tmp_path):
    config = tiny_config()
    config.policy.cold_start.optimiser.learning_rate = 1e30
    with pytest.raises(UserError) as caught:
        run_tiny(tmp_path / "mine", config)
    said = str(caught.value)
    assert said.startswith("cold start, step ")
    assert "(problems chain/0/demonstration-" in said
    assert "lower the learning rate" in said
    assert not (tmp_path / "mine/round_0/policy").exists()
    assert not (tmp_path / "mine/metrics.jsonl").exists()
    assert "stopped: UserError: cold start, step " in (tmp_path / "mine/log.txt").read_text()


def test_nothing_solved_stops_the_run_and_keeps_the_trees(tmp_path):
    config = tiny_config(rounds=1)
    config.policy.cold_start = ColdStartConfig(1, replace(config.policy.optimiser, learning_rate=1e-6))
    root = tmp_path / "mine"
    with pytest.raises(UserError, match=r"^none of the 8 problems was solved, .*; give the search more \(search.rol"):
        run_tiny(root, config)
    trees = {path: path.stat().st_mtime_ns for path in (root / "round_1/trees").iterdir()}
    assert len(trees) >= 2
    assert [path.name for path in (root / "round_1").glob("*.jsonl")] == []
    with pytest.raises(UserError, match="none of the 8 problems was solved"):
        run_tiny(root, config)
    assert {path: path.stat().st_mtime_ns for path in (root / "round_1/trees").iterdir()} == trees


@pytest.mark.parametrize(
    ("pairs", "why"), [(PairConfig(min_edit_distance=1000), "too_similar"), (PairConfig(min_visits=500), "few_visits")]
)
def test_no_pair_says_why_and_what_helps(tmp_path, reference, pairs, why):
    config = tiny_config()
    config.ppm.pairs = pairs
    trees = sorted((reference / "round_1/trees").iterdir())
    with pytest.raises(UserError) as caught:
        select_data(lambda *_: None, trees, [], config.selection, config.ppm, config.task, tmp_path)
    said = str(caught.value)
    assert said.startswith("the trees give no preference pair (")
    assert why in said
    assert "lower ppm.pairs.min_margin or ppm.pairs.min_edit_distance" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(tmp_path):
    config = tiny_config()
    config.engine.device = "cuda"
    with pytest.raises(UserError, match=r"engine\.device=cuda, but torch sees no GPU here; use engine\.device=cpu"):
        run_tiny(tmp_path / "mine", config)


# The command line and the options


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("search.rolouts=3", "there is no option search.rolouts; did you mean search.rollouts?"),
        ("rollouts=3", "there is no option rollouts; did you mean search.rollouts?"),
        ("search.rollouts=many", "search.rollouts wants a whole number, got many"),
        ("search.temperature=hot", "search.temperature wants a number, got hot"),
        ("progress=maybe", "progress wants true or false, got maybe"),
        ("search.escalation=3", "search.escalation wants a list, such as [1,2]"),
        ("search.rule=uctt", "search.rule has no choice uctt; did you mean uct? Choose from uct, puct, rstar_released"),
        ("arm=rft", "scripts.evolve has no arm, unlike scripts.compare, scripts.train"),
        (
            "experiment=compare_quick",
            "compare_quick is an experiment of scripts.compare, not of scripts.evolve; choose ",
        ),
        (
            "search.mode=guided",
            "search.mode has no choice guided; did you mean terminal_guided? Choose from terminal_gu",
        ),
        ("search.rollouts=0", "search.rollouts must lie between 1 and 65535, got 0"),
        ("task=chian", "task has no choice chian; did you mean chain? Choose from aime, chain, chain_short, "),
        ("experiment=labb", "experiment has no choice labb; did you mean lab?"),
        ("search.rollouts", "an override is written option=value"),
        ("task=jsonl", "task.path is empty; give the file of the problems, task.path=FILE"),
    ],
)
def test_a_bad_override_is_answered_in_one_sentence(tmp_path, refused, override, sentence):
    assert sentence in refused("name=mine", "workers=0", "progress=false", "wandb.mode=disabled", override)
    assert not (tmp_path / "outputs/mine/run.json").exists()


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("workers", -1, "workers must be at least 0, got -1"),
        ("search.group", 0, "search.group must be at least 1, got 0"),
        ("evaluation.group", 0, "evaluation.group must be at least 1, got 0"),
        ("policy.tiny.size", 48, "policy.tiny.size must be a multiple of 32, got 48"),
        ("policy.prompt.template", "x", "policy.prompt.template must hold {prompt}, got 'x'"),
        ("policy.steps.delimiter", "", "policy.steps.delimiter must not be empty"),
        ("policy.path", "nowhere", r"nowhere: no model folder here \(config.json is missing\)"),
        ("engine.dtype", "float31", "engine.dtype must be one of float32, bfloat16, float16, got float31"),
        ("engine.device", "gpu", "engine.device must be auto, cpu, cuda or cuda:N, got gpu"),
        ("search.top_p", 0.0, r"search.top_p must lie in \(0, 1\], got 0.0"),
        ("evaluation.search.mode", Mode.TERMINAL_GUIDED, "evaluation.search.mode must be inference, got terminal_gui"),
        ("ppm.pairs", PairConfig(same_prefix=False, final_step=False), "both false, so there would be no pairs"),
        ("task.modulus", 1, r"task.modulus must lie in 2\.\.100, got 1"),
    ],
)
def test_an_option_out_of_its_range_is_named(tmp_path, option, value, sentence):
    config = tiny_config()
    part, _, name = option.rpartition(".")
    setattr(attrgetter(part)(config) if part else config, name, value)
    with pytest.raises(UserError, match=sentence):
        run_tiny(tmp_path / "mine", config)
    assert not (tmp_path / "mine/round_0").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mode": Mode.INFERENCE}, "search.mode=inference sees no verdicts"),
        ({"mode": Mode.PPM_AUGMENTED}, "round 1 cannot be ppm_augmented"),
        ({"escalation": [8, 0]}, r"search\.escalation must hold numbers of rollouts of at least 1, got \[8, 0\]"),
        ({"problems": 0}, "schedule: round 1 must search at least 1 problem, got problems=0"),
    ],
)
def test_a_schedule_that_cannot_work_is_refused_before_anything_is_written(tmp_path, changes, sentence):
    config = tiny_config()
    config.schedule[0] = replace(config.schedule[0], **changes)
    with pytest.raises(UserError, match=sentence):
        run_tiny(tmp_path / "mine", config)
    assert not (tmp_path / "mine").exists()


def test_a_malformed_line_of_data_stops_the_program(tmp_path, refused):
    (tmp_path / "sums.jsonl").write_text('{"problem": "1 + 1?", "answer": 2}\n{"problem": "1 + 2?"}\n')
    said = refused("name=mine", "workers=0", "wandb.mode=disabled", "task=jsonl", "task.path=sums.jsonl")
    assert said == "sums.jsonl:2: the field 'answer' must be a text, but it is missing; mend or remove the line"


def test_an_added_option_that_does_not_exist_is_refused_too(refused):
    assert refused("+foo=3").startswith("there is no option foo")


def test_a_number_that_is_none_is_refused(refused):
    assert refused("evaluation.temperature=nan") == "evaluation.temperature must be at least 0, got nan"
    assert refused("search.temperature=inf") == "search.temperature must be finite, got inf"


def test_a_sweep_whose_folders_cannot_be_named_is_refused(refused):
    long = [f"search.rollouts={number}" for number in range(1, 20)]
    assert "240 are the most" in refused("-m", *long)
