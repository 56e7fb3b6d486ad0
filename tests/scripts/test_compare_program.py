"""``scripts.compare`` and ``scripts.train`` from the command line, at a tiny size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import scripts.compare
from compare.config import CompareConfig
from scripts.launch import CONF, launch

EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml") if "override /arm" in path.read_text())
TINY = [
    "name=tiny",
    "workers=0",
    "progress=false",
    "wandb.mode=disabled",
    "seeds=1",
    "budget={tokens:20000,flops:null}",
    "problems=40",
    "judging.problems=8",
    "judging.points=2",
    "judging.best_of_problems=4",
    "rl.problems=6",
    "rl.group=4",
    "task.modulus=5",
    "task.min_length=1",
    "task.max_length=2",
    "policy.tiny.size=32",
    "policy.tiny.context=64",
    "policy.steps.max_step_tokens=8",
    "policy.max_solution_tokens=20",
    "policy.cold_start.demonstrations=160",
    "policy.cold_start.optimiser={learning_rate:0.01,epochs:5,batch_rows:16}",
    "ppm.pairs={min_margin:0.1,min_visits:1}",
    "ppm.optimiser.epochs=1",
    "search.rollouts=4",
    "search.width=3",
    "search.group=8",
    "tree.rollouts=2",
]


def start(program: str, *overrides: str, monkeypatch, folder: Path) -> dict:
    """Run a program as the command line would; returns the summary that it leaves."""
    torch.set_num_threads(1)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", [program, *overrides])
    launch(program, CompareConfig, scripts.compare.run)
    return json.loads((folder / "outputs" / "tiny" / "summary.json").read_text())


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_runs(experiment, tmp_path, monkeypatch, capsys):
    results = start("compare", f"experiment={experiment}", *TINY, monkeypatch=monkeypatch, folder=tmp_path)
    failed = {
        name: row["seeds"]["0"]["failed"] for name, row in results["arms"].items() if "failed" in row["seeds"]["0"]
    }
    assert failed == {}
    assert len(results["arms"]) >= 3
    said = capsys.readouterr()
    assert "report: outputs/tiny/REPORT.md" in said.out
    assert said.err == ""


def test_an_arm_that_fails_gives_exit_code_1_and_the_others_their_results(tmp_path, monkeypatch, capsys):
    overrides = ["arm=sft,tree_q", "arms.tree_q.tree=false", *TINY]
    with pytest.raises(SystemExit) as stopped:
        start("compare", *overrides, monkeypatch=monkeypatch, folder=tmp_path)
    assert stopped.value.code == 1
    said = capsys.readouterr()
    assert "FAILED: tree_q, seed 0: arms.tree_q.credit.name=tree_q needs" in " ".join(said.out.split())
    assert said.err == ""
    arms = json.loads((tmp_path / "outputs/tiny/summary.json").read_text())["arms"]
    assert (arms["sft"]["mean"] is None, arms["tree_q"]["mean"]) == (False, None)


def test_there_are_those_that_the_pages_name():
    assert {"lab_compare", "compare_quick", "gpu_compare"} <= set(EXPERIMENTS)


def test_arms_are_a_list_on_the_command_line(tmp_path, monkeypatch):
    overrides = ["arm=sft,oracle", "arms.oracle.learning_rate=0.002", *TINY]
    results = start("compare", *overrides, monkeypatch=monkeypatch, folder=tmp_path)
    assert list(results["arms"]) == ["sft", "oracle"]
    assert results["budget"] == {"unit": "tokens", "amount": 20000.0}


def test_one_arm_alone(tmp_path, monkeypatch):
    results = start("train", "arm=sft_more", *TINY, monkeypatch=monkeypatch, folder=tmp_path)
    assert list(results["arms"]) == ["sft_more"]
    assert (tmp_path / "outputs/tiny/seed_0/sft_more/policy/model.safetensors").exists()


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("arm=sft,sft", "error: arm names sft 2 times; once is enough"),
        ("arm=grpo_outcom", "error: arm has no choice grpo_outcom; did you mean grpo_outcome?"),
        ("arm=sft,orcale", "error: arm has no choice orcale; did you mean oracle?"),
        ("budget.flops=-1", "error: budget.flops must be a number above 0, got -1"),
        ("arms.oracle.credit.temperature=0", "error: there is no option arms.oracle.credit.temperature"),
    ],
)
def test_a_mistake_is_one_sentence(override, said, tmp_path, monkeypatch, capsys):
    overrides = [each for each in TINY if override.split(".")[0] not in each]
    with pytest.raises(SystemExit) as stopped:
        start("compare", *overrides, override, monkeypatch=monkeypatch, folder=tmp_path)
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "outputs/tiny/run.json").exists()
