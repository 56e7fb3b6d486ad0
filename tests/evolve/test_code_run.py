"""A whole run, and a comparison, of a policy that writes code: everything real, the sandbox too."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from compare.budget import Budget
from compare.ledger import Ledger
from evolve.config import EvolveConfig, check
from evolve.saved_config import load_config
from evolve.search_stage import search_group
from evolve.selection import read_sft_rows
from evolve.work import SearchWork
from lm.config import OptimiserConfig, Precision, TokenizerKind
from lm.folder import load_tokenizer
from mcts.config import Driver, Expansion
from mcts.step import joined, observed
from mcts.storage import read_trees
from policy.config import ColdStartConfig, TinyConfig
from policy.proposer import PromptEncoder
from policy.sft import demonstration_row
from prm.pair_file import read_pairs
from tasks.config import StepFormat
from tasks.errors import UserError
from tasks.problem import Split
from tasks.registry import build_task
from tasks.suites.code_format import OUTPUT_OPEN, STEP_END, without_observations
from tasks.suites.wordmath import WordmathConfig
from tests.compare.tiny_compare import run_comparison, tiny_comparison
from tests.evolve.tiny_run import assert_same_run, run_tiny, tiny_config

FAST = {"batch_rows": 16, "micro_rows": 16, "precision": Precision.FP32}


def code_config(**changes) -> EvolveConfig:
    """One round of one-step stories with answers that a lucky policy finds."""
    tiny = tiny_config(rounds=1)
    optimiser = OptimiserConfig(learning_rate=1e-2, epochs=4.0, **FAST)
    cold = ColdStartConfig(demonstrations=240, optimiser=optimiser)
    return replace(
        tiny,
        task=WordmathConfig(
            step_format=StepFormat.CODE, min_operations=1, max_operations=1, largest_operand=4, largest_value=8
        ),
        policy=replace(
            tiny.policy,
            tiny=TinyConfig(size=32, context=128, tokenizer=TokenizerKind.BPE, vocabulary=400),
            steps=replace(tiny.policy.steps, format=StepFormat.CODE, max_step_tokens=32),
            max_solution_tokens=64,
            cold_start=cold,
        ),
        search=replace(tiny.search, rollouts=6, width=4),
        step_format=StepFormat.CODE,
        **changes,
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("code") / "mine"
    run_tiny(root, code_config())
    return root


@pytest.fixture(scope="module")
def trees(root):
    return [tree for path in sorted(root.glob("round_1/trees/*.gz")) for tree in read_trees(path)]


def test_trees_hold_what_the_code_printed(root, trees):
    tokenizer = load_tokenizer(root / "round_0/policy")
    printed = [step for tree in trees for step in tree.steps if step and step.observation]
    assert printed
    for step in printed:
        assert step.text.endswith(STEP_END)
        assert "print" in step.text
        assert step.observation.startswith(OUTPUT_OPEN)
        assert tokenizer.decode(list(step.observation_ids)) == step.observation
        assert len(step.logprobs) == len(step.token_ids)


def test_dropped_steps_and_programs_are_counted(root):
    search = json.loads((root / "round_1/eval.json").read_text())["search"]
    assert search["sandbox_calls"] > 0
    assert 0 <= search["failed_steps"] < search["proposed_steps"]
    assert search["failed_steps"] == sum(n for name, n in search.items() if name.startswith("failed_steps_"))
    seconds = [json.loads(line)["parts"] for line in (root / "timings.jsonl").open() if "search-" in line]
    assert all(0 < part["sandbox"] <= part["proposer"] for part in seconds)


def test_the_page_of_samples_shows_what_the_code_printed(root):
    page = (root / "round_1/samples.md").read_text()
    records = json.loads((root / "round_1/eval.json").read_text())["records"]
    observed = [record for record in records if "shown" in record]
    assert observed
    for record in observed:
        assert without_observations(record["shown"]) == record["solution"]
    lines = [line for record in records[:8] for line in record.get("shown", "").splitlines() if line[:4] == OUTPUT_OPEN]
    assert lines
    assert [line[4:].removesuffix("    <- first error") for line in page.splitlines() if OUTPUT_OPEN in line] == lines


def test_the_tier_is_recorded_and_told(root):
    tier = json.loads((root / "run.json").read_text())["sandbox"]
    assert tier in ("namespaces", "bwrap")
    assert f"runs in the sandbox ({tier})" in (root / "log.txt").read_text()
    assert load_config(root).policy.steps.format is StepFormat.CODE


def test_rows_and_pairs_say_what_was_given(root, trees):
    encode = PromptEncoder(load_config(root).policy.prompt, load_tokenizer(root / "round_0/policy"))
    paths = {joined(one.steps): observed(one.steps) for tree in trees for one in tree.trajectories()}
    rows = read_sft_rows(root / "round_1/sft.jsonl", encode)
    assert any(row.given for row in rows)
    assert all(paths[row.target_ids] == row.given for row in rows)
    sides = {step.context_ids: observed([step]) for tree in trees for step in tree.steps if step}
    pairs = read_pairs(root / "round_1/pairs.jsonl")
    assert all(sides[pair.chosen] == pair.chosen_given for pair in pairs if pair.kind == "same_prefix")
    assert any(pair.chosen_given or pair.rejected_given for pair in pairs)


def test_a_worker_changes_no_byte(root, tmp_path):
    """Several of them: test_resume.py."""
    run_tiny(tmp_path / "mine", code_config(workers=1))
    assert_same_run(tmp_path / "mine", root, neutral=True)


@pytest.mark.parametrize("expansion", list(Expansion))
def test_streaming_grows_the_lockstep_trees(root, tmp_path, expansion):
    """Turn by turn, whichever requests are under way together."""
    config, found = load_config(root), []
    problems = build_task(config.task).problems(Split.TRAIN, 4)
    for driver in Driver:
        search = replace(config.search, driver=driver, expansion=expansion, rollouts=3)
        policy = root / "round_0/policy"
        work = SearchWork(config.task, config.policy, config.engine, search, policy, None, 5)
        path = tmp_path / f"{driver}.jsonl.gz"
        counts = search_group(lambda *_, **__: None, work, problems, path).result["counts"]
        found.append([[(s.text, s.observation) for s in tree.steps if s] for tree in read_trees(path)])
        assert counts["sandbox_calls"] > 0
    assert found[0] == found[1]
    assert any(len(tree) > 3 for tree in found[0])


def test_demonstrations_teach_no_output(root):
    policy, task = load_config(root).policy, build_task(load_config(root).task)
    tokenizer = load_tokenizer(root / "round_0/policy")
    for example in task.demonstrations(20):
        row = demonstration_row(example, PromptEncoder(policy.prompt, tokenizer), tokenizer)
        learned = tokenizer.decode([row.ids[place] for place in row.learned_places()][:-1])
        assert OUTPUT_OPEN not in learned
        assert tokenizer.decode(list(row.target_ids[:-1])) == example.solution
        assert learned == without_observations(example.solution)


def test_arms_learn_from_code_and_pay_for_programs(tmp_path):
    config, run = tiny_comparison("grpo_outcome", "rft", "step_dpo"), code_config()
    config = replace(
        config,
        task=run.task,
        policy=run.policy,
        step_format=run.step_format,
        search=replace(config.search, rollouts=6, width=4),
        rl=replace(config.rl, problems=3),
        tuning=replace(config.tuning, batch_rows=8, micro_rows=8),
        judging=replace(config.judging, problems=4, points=1),
        budget=Budget(tokens=16_000),
    )
    results = run_comparison(tmp_path / "mine", config)
    for name, arm in results["arms"].items():
        (seed,) = arm["seeds"].values()
        assert "failed" not in seed, (name, seed)
    for path in tmp_path.glob("mine/seed_0/.stages/*.json"):
        ledger = Ledger.from_json(json.loads(path.read_text())["result"]["result"]["ledger"])
        sampled = {name for name, phase in ledger.phases.items() if any(t.generated for t in phase.tokens.values())}
        assert all(ledger.phases[name].sandbox_calls for name in sampled - {"evaluation"}), path.name


def test_a_policy_and_a_task_must_agree_what_a_step_is():
    config = code_config()
    check(config)
    with pytest.raises(UserError, match=r"policy.steps.format=code, but task.step_format=text; set step_format"):
        check(replace(config, task=replace(config.task, step_format=StepFormat.TEXT)))


def test_code_is_refused_where_nothing_confines_it(tmp_path, monkeypatch):
    def refuse(tier):
        raise UserError("sandbox=auto: this machine allows no confinement")

    monkeypatch.setattr("evolve.sandboxing.open_sandbox", refuse)
    with pytest.raises(UserError, match="allows no confinement"):
        run_tiny(tmp_path / "mine", code_config())
    assert not (tmp_path / "mine").exists()
