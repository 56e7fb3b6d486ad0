"""Judging a finished run again, and estimating one before it begins."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from rich.console import Console

from evolve.compare_run import compare_methods
from evolve.estimate import Shape, estimate, print_estimate
from evolve.evaluate_run import EvaluateConfig, evaluate_run
from evolve.methods import Method
from evolve.models import load_sampler
from evolve.probe import shape_of
from evolve.report_text import accuracy_table
from evolve.search_stage import search_group
from evolve.work import SearchWork
from mcts.config import Expansion, Mode
from policy.config import EngineConfig, EngineName
from policy.sft import demonstration_row
from tasks.errors import DataError, UserError
from tasks.problem import Outcome, Split, Verdict
from tasks.registry import build_task
from tests.evolve.tiny_run import settings_of, tiny_config


def judged(root, **changes):
    return evaluate_run(EvaluateConfig(run=str(root), workers=0, progress=False, **changes))


def test_greedy_accuracy_is_the_runs_own(reference):
    recorded = json.loads((reference / "round_2/eval.json").read_text())["evaluation"]
    again = judged(reference)
    assert (again["round"], again["problems"]) == (2, recorded["problems"])
    assert again["greedy"] == recorded["greedy"]  # nothing is drawn


def test_sizes_round_and_split_can_be_chosen(reference):
    found = judged(reference, round=0, problems=7, split=Split.TRAIN, samples=1)
    assert (found["round"], found["problems"], found["split"]) == (0, 7, "train")
    assert found["search"] is None, "round 0 has no PPM"


def test_same_seed_same_result_and_workers_do_not_matter(reference):
    assert judged(reference, samples=3) == judged(reference, samples=3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"round": 9}, "no finished round 9"), ({"problems": 0}, "problems must be at least 1"), ({"width": 0}, "width")],
)
def test_what_cannot_be_judged_is_said_in_a_sentence(reference, changes, said):
    with pytest.raises(UserError, match=said):
        judged(reference, **changes)


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(UserError):
        judged(tmp_path)


class Finds:
    """A task whose verifier always finds the same."""

    def __init__(self, outcome):
        self.verifier, self._outcome = self, outcome

    def verify(self, problem, solution):
        return Verdict(self._outcome, float(self._outcome is Outcome.CORRECT))


def test_what_cannot_be_read_is_not_counted_with_the_wrong_ones(reference, monkeypatch):
    monkeypatch.setattr("evolve.evaluation.build_task", lambda config: Finds(Outcome.UNVERIFIABLE))
    found = judged(reference, samples=3)
    assert found["outcomes"] == {
        "greedy": {"unverifiable": 4},
        "sampled": {"unverifiable": 12},
        "majority": {"unverifiable": 4},
        "search": {"unverifiable": 4},
    }
    assert found["sampled"] == 0


@pytest.mark.parametrize("module", ["evaluation", "baselines"])
def test_a_verifier_that_fails_stops_the_judging(reference, monkeypatch, module):
    monkeypatch.setattr(f"evolve.{module}.build_task", lambda config: Finds(Outcome.ERROR))
    methods = {"methods": [Method.GREEDY, Method.MAJORITY], "budgets": [2]} if module == "baselines" else {}
    asked = EvaluateConfig(run=str(reference), workers=0, progress=False, **methods)
    with pytest.raises(UserError, match="the verifier failed on"):
        compare_methods(asked) if methods else evaluate_run(asked)


def test_the_table_names_methods_and_intervals(reference):
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(accuracy_table(judged(reference)))
    text = console.export_text()
    assert "greedy" in text
    assert "PPM-guided search" in text
    assert " to " in text
    assert "errors" in text


def test_estimate_by_hand():
    config = tiny_config()
    shape = Shape(prompt=10.0, step=5.0, steps=2.0)  # rows of 20 tokens
    costs = {cost.phase: cost.tokens for cost in estimate(config, shape)}
    assert costs["round 0: evaluate"].generated == 4 * 3 * 10
    assert costs["cold start"].trained == 160 * 20 * 5
    # 8 + 8 problems, 4 rollouts of 2 expansions, 3 candidates of 5 tokens
    assert costs["round 1: search"].generated == 16 * 8 * 3 * 5
    assert costs["round 1: search"].scored == 0, "terminal-guided"
    assert costs["round 2: search"].scored == 16 * 8 * 3 / 2 * 20
    assert (costs["round 1: train policy and PPM"].trained, costs["round 1: train policy and PPM"].paired) == (160, 320)
    whole = replace(config, search=replace(config.search, expansion=Expansion.CONTINUATION))
    searched = next(cost.tokens for cost in estimate(whole, shape) if cost.phase == "round 2: search")
    # 4 rollouts of 3 candidates of 1.5 steps
    assert (searched.generated, searched.scored) == (16 * 4 * 3 * 1.5 * 5, 16 * 4 * 3 * 1.5 / 2 * 20)


@pytest.mark.parametrize("expansion", list(Expansion))
def test_the_estimate_of_a_search_is_within_a_factor_of_two(reference, tmp_path, expansion):
    tiny = tiny_config()
    config = replace(tiny, search=replace(tiny.search, expansion=expansion, problems=24, held_out=0, group=24))
    task = build_task(config.task)
    sampler = load_sampler(config.policy, config.engine, reference / "round_1/policy")
    examples = task.demonstrations(64)
    shape = shape_of([demonstration_row(one, sampler.encode, sampler.tokenizer) for one in examples], examples)
    work = SearchWork(
        task=config.task,
        policy=config.policy,
        engine=config.engine,
        search=replace(config.search, mode=Mode.PPM_AUGMENTED),
        policy_path=reference / "round_1/policy",
        ppm_path=reference / "round_1/ppm",
        seed=3,
    )
    problems = task.problems(Split.TRAIN, 24)
    counts = search_group(lambda *_, **__: None, work, problems, tmp_path / "trees.jsonl.gz").result["counts"]
    expected = next(cost.tokens for cost in estimate(config, shape) if cost.phase == "round 2: search")
    assert 0.5 < expected.generated / counts["generated_tokens"] < 2
    assert 0.5 < expected.scored / counts["scored_tokens"] < 2


def test_dry_run_prints_config_and_minutes(tmp_path):
    config = tiny_config()
    console = Console(width=120, record=True, file=(tmp_path / "out").open("w"))
    print_estimate(config, settings_of(config), console)
    text = console.export_text()
    assert "misconceived_facts: 0.25" in text
    assert "round 2: search" in text
    assert "tokens/s sampled" in text


def test_a_servers_speed_is_not_estimated(tmp_path):
    config = replace(tiny_config(), engine=EngineConfig(name=EngineName.OPENAI, device="cpu"))
    console = Console(width=200, record=True, file=(tmp_path / "out").open("w"))
    print_estimate(config, settings_of(config), console)
    assert "sampling by the server takes its own time" in console.export_text()


def test_a_damaged_model_is_not_judged(reference, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(reference, run)
    weights = run / "round_2/ppm/model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-5] ^= 1  # the same size, another number
    weights.write_bytes(data)
    with pytest.raises(DataError, match=r"round_2/ppm/model\.safetensors is damaged"):
        judged(run)
    assert judged(run, round=1)["round"] == 1
