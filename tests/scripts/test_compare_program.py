"""``scripts.compare`` and ``scripts.train`` from the command line, at a tiny size."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

import scripts.compare
from compare.check_arm import check_arm
from compare.config import CompareConfig, check
from scripts.launch import CONF, launch
from tasks.registry import build_task

EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml") if "override /arm" in path.read_text())
ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("conf/*.yaml"), *ROOT.glob("scripts/*.py")]
COMMANDS = [
    (page.name, found[1], found[2].strip().rstrip("."))
    for page in sorted(PAGES)
    for found in re.finditer(
        r"-m scripts\.(train|compare) ((?:[+@\w.]+=[^\s`:;)]+ *)+)", page.read_text().replace("\\\n", " ")
    )
    if "..." not in found[2]
]
TINY = [
    "name=tiny",
    "workers=0",
    "progress=false",
    "wandb.mode=disabled",
    "seeds=1",
    "budget={tokens:12000,flops:null}",
    "problems=40",
    "judging.problems=8",
    "judging.points=2",
    "judging.best_of_problems=4",
    "rl.problems=6",
    "rl.group=4",
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
CHAINS = ["task.modulus=5", "task.min_length=1", "task.max_length=2"]
STORIES = [
    "task.min_operations=1",
    "task.max_operations=1",
    "policy.tiny.context=128",
    "policy.tiny.vocabulary=512",
    "policy.steps.max_step_tokens=16",
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
    easy = STORIES if experiment == "gpu_compare" else CHAINS
    results = start("compare", f"experiment={experiment}", *TINY, *easy, monkeypatch=monkeypatch, folder=tmp_path)
    failed = {
        name: row["seeds"]["0"]["failed"] for name, row in results["arms"].items() if "failed" in row["seeds"]["0"]
    }
    assert failed == {}
    assert len(results["arms"]) >= 3
    said = capsys.readouterr()
    assert "report: outputs/tiny/REPORT.md" in said.out
    assert said.err == ""


def test_an_arm_that_fails_gives_exit_code_1_and_the_others_their_results(tmp_path, monkeypatch, capsys):
    overrides = ["arm=sft,tree_q", "arms.tree_q.tree=false", *TINY, *CHAINS]
    with pytest.raises(SystemExit) as stopped:
        start("compare", *overrides, monkeypatch=monkeypatch, folder=tmp_path)
    assert stopped.value.code == 1
    said = capsys.readouterr()
    assert "FAILED: tree_q, seed 0: arms.tree_q.credit.name=tree_q needs" in " ".join(said.out.split())
    assert said.err == ""
    arms = json.loads((tmp_path / "outputs/tiny/summary.json").read_text())["arms"]
    assert (arms["sft"]["mean"] is None, arms["tree_q"]["mean"]) == (False, None)


def test_there_are_those_that_the_pages_name():
    assert ("README.md", "train", "arm=tree_q") in COMMANDS
    assert {"lab_compare", "compare_quick", "gpu_compare"} <= set(EXPERIMENTS)


def test_arms_are_a_list_on_the_command_line(tmp_path, monkeypatch):
    overrides = ["arm=sft,oracle", "arms.oracle.learning_rate=0.002", *TINY, *CHAINS]
    results = start("compare", *overrides, monkeypatch=monkeypatch, folder=tmp_path)
    assert list(results["arms"]) == ["sft", "oracle"]
    assert results["budget"] == {"unit": "tokens", "amount": 12000.0}


def test_one_arm_alone(tmp_path, monkeypatch):
    results = start("train", "arm=sft_more", *TINY, *CHAINS, monkeypatch=monkeypatch, folder=tmp_path)
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
    assert not (tmp_path / "outputs/tiny").exists(), "what was refused leaves nothing behind"


def test_a_refusal_leaves_what_was_there(tmp_path, monkeypatch, capsys):
    (tmp_path / "outputs/tiny").mkdir(parents=True)
    (tmp_path / "outputs/tiny/mine.txt").write_text("mine")
    with pytest.raises(SystemExit):
        start("compare", *TINY, "reach=40", monkeypatch=monkeypatch, folder=tmp_path)
    assert "reach must lie above 0" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "outputs/tiny").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(("page", "program", "options"), COMMANDS)
def test_a_command_of_the_pages_can_begin(page, program, options, tmp_path, monkeypatch):
    """It goes through every check up to the first file that it would write."""
    begun = []

    def begin(config, settings, folder):
        check(config)
        if hasattr(config.task, "path"):
            config.task.path = str(ROOT / "tests/data/gsm8k_shaped.jsonl")  # the command's is the user's own
        task = build_task(config.task)
        for name, arm in config.arms.items():
            check_arm(name, arm, task, config.shared_pool)
        begun.append(config)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [program, *options.split()])
    launch(program, CompareConfig, begin)
    assert begun


@pytest.mark.parametrize(
    ("overrides", "budget"),
    [
        ([], ("flops", 2e12)),
        (["budget.tokens=2e6"], ("tokens", 2e6)),
        (["budget.seconds=60"], ("seconds", 60)),
        (["budget.flops=1e9"], ("flops", 1e9)),
        (["experiment=lab_compare", "budget.flops=null", "budget.tokens=2e6"], ("tokens", 2e6)),
    ],
)
def test_a_budget_is_there_until_another_is_set(overrides, budget, tmp_path, monkeypatch):
    found = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["train", *overrides])
    launch("train", CompareConfig, lambda config, *_: found.append((str(config.budget.unit), config.budget.amount)))
    assert found == [budget]
