"""Every conf/experiment/*.yaml composes and goes through all its stages, at a tiny size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml

import scripts.evolve
from evolve.config import EvolveConfig
from scripts.launch import CONF, launch

# Those that choose arms belong to scripts.compare: tests/compare.
# "rounds" is what recipes begin with: make test-recipes runs it.
EXPERIMENTS = sorted(
    path.stem
    for path in (CONF / "experiment").glob("*.yaml")
    if "/arm:" not in path.read_text() and path.stem != "rounds"
)
ROWS = Path(__file__).resolve().parents[1] / "data" / "gsm8k_shaped.jsonl"
TINY = [
    "name=tiny",
    "workers=0",
    "progress=false",
    "wandb.mode=disabled",
    "policy.tiny.size=32",
    "policy.cold_start.demonstrations=160",
    "policy.cold_start.optimiser.learning_rate=0.01",
    "policy.cold_start.optimiser.batch_rows=16",
    "policy.optimiser.epochs=1",
    "ppm.optimiser.epochs=1",
    "ppm.pairs.min_margin=0.1",
    "search.problems=8",
    "search.group=4",
    "search.held_out=4",
    "search.rollouts=4",
    "search.width=3",
    "evaluation.problems=4",
    "evaluation.group=4",
    "evaluation.samples=2",
    "evaluation.search.rollouts=2",
    "evaluation.search.width=2",
]
# Problems so easy that a policy of half a second's training solves some of them.
EASY = {
    "chain": [
        "task.modulus=5",
        "task.min_length=1",
        "task.max_length=2",
        "policy.steps.max_step_tokens=8",
        "policy.max_solution_tokens=20",
        "policy.cold_start.optimiser.epochs=5",
    ],
    "wordmath": [
        "task.min_operations=1",
        "task.max_operations=1",
        "task.largest_operand=4",
        "task.largest_value=8",
        "policy.cold_start.demonstrations=320",
        "policy.cold_start.optimiser.epochs=5",
        "policy.tiny.vocabulary=400",
        "search.problems=12",
        "search.rollouts=6",
        "search.width=4",
    ],
    "gsm8k": [
        f"task.path={ROWS}",
        "policy.cold_start.optimiser.epochs=24",
        "policy.steps.max_step_tokens=12",
        "policy.max_solution_tokens=32",
        "search.problems=16",
        "search.group=8",
        "search.slots=8",
        "search.rollouts=6",
        "evaluation.problems=2",
    ],
}
EASY["chain_short"] = EASY["chain"]


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_runs(experiment, tmp_path, monkeypatch, capsys):
    torch.set_num_threads(1)
    config = yaml.safe_load((CONF / "experiment" / f"{experiment}.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["evolve", f"experiment={experiment}", *TINY, *EASY[_task(config)]])
    launch("evolve", EvolveConfig, scripts.evolve.run)
    root = tmp_path / "outputs" / "tiny"
    rounds = json.loads((root / "summary.json").read_text())["rounds"]
    assert [row["round"] for row in rounds] == list(range(config["rounds"] + 1))
    assert [row["mode"] for row in rounds[1:]] == [entry["mode"] for entry in config["schedule"]]
    assert all(row["pairs"] and row["trajectories"] and row["generated_tokens"] for row in rounds[1:])
    assert all((root / f"round_{row['round']}/DONE").exists() for row in rounds)
    said = capsys.readouterr()
    assert "report: outputs/tiny/REPORT.md" in said.out
    assert said.err == ""


def _task(config: dict) -> str:
    chosen = [entry for entry in config.get("defaults", []) if isinstance(entry, dict)]
    return next((entry["override /task"] for entry in chosen if "override /task" in entry), "chain")


def test_the_experiments_are_those_that_the_pages_name():
    assert {"lab", "lab_gsm8k", "smoke"} <= set(EXPERIMENTS)
