from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from tasks.config import TaskConfig
from tasks.problem import Outcome, Problem, Split, Verdict
from tasks.readers.gsm8k import Gsm8kConfig, SolutionStyle
from tasks.readers.jsonl import JsonlConfig
from tasks.registry import build_task, validate
from tasks.seeding import derive_seed
from tasks.suites.chain import ChainConfig, ChainTask

SHIPPED = str(Path(__file__).parents[1] / "data" / "gsm8k_shaped.jsonl")
CONFIGS = [
    ChainConfig(),
    ChainConfig(modulus=97, operators="*-", max_length=9),
    ChainConfig(name="tiny", modulus=5, min_length=2, max_length=4),
    Gsm8kConfig(path=SHIPPED),
    Gsm8kConfig(path=SHIPPED, solution=SolutionStyle.EQUATIONS),
]


@pytest.fixture(params=CONFIGS, ids=lambda config: f"{config.name}-{CONFIGS.index(config)}")
def task(request):
    return build_task(request.param)


def test_every_problems_own_answer_scores_1(task):
    assert validate(task, 100) == []


def test_near_misses_score_0(task):
    for split in Split:
        for problem in task.problems(split, 60):
            value = float(problem.answer)
            for miss in (f"#### {value + 1:g}", f"#### {value - 1:g}", f"#### {value + 0.001:.3f}"):
                assert task.verifier.verify(problem, miss).outcome is Outcome.WRONG
            verdict = task.verifier.verify(problem, problem.answer)
            assert (verdict.outcome, verdict.reward) == (Outcome.UNVERIFIABLE, 0.0)


def test_ids_are_unique_over_all_splits_and_splits_disjoint(task):
    problems = [problem for split in Split for problem in task.problems(split, 60)]
    assert len({problem.id for problem in problems}) == len({problem.prompt for problem in problems}) == len(problems)
    assert all(problem.id.startswith(f"{task.name}/") for problem in problems)
    assert all(isinstance(problem.meta["level"], int) for problem in problems)


def test_demonstrations_are_of_training_problems(task):
    shown = {demonstration.problem.prompt for demonstration in task.demonstrations(60)}
    for split in (Split.VALIDATION, Split.HELD_OUT):
        assert not shown & {problem.prompt for problem in task.problems(split, 60)}


class RefusesEverything:
    def verify(self, problem: Problem, solution: str) -> Verdict:
        return Verdict(Outcome.WRONG, 0.0)


def test_validate_names_the_problems_whose_answer_does_not_score():
    task = ChainTask(ChainConfig())
    task.verifier = RefusesEverything()
    assert validate(task, 2) == [problem for split in Split for problem in task.problems(split, 2)]


def test_plain_rows_have_their_own_class(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"problem": "A?", "answer": 3}\n')
    task = build_task(JsonlConfig(path=str(path)))
    assert validate(task, 5) == []
    assert task.oracle is None


def test_an_unknown_configuration_is_refused():
    with pytest.raises(ValueError, match="no task is known for the configuration TaskConfig"):
        build_task(TaskConfig(name="x"))


@pytest.mark.parametrize("config", [ChainConfig(seed=4), Gsm8kConfig(path="p", held_out_path="q"), JsonlConfig()])
def test_configurations_are_structured_configs(config):
    node = OmegaConf.structured(type(config))
    merged = OmegaConf.merge(node, OmegaConf.structured(config))
    assert OmegaConf.to_object(merged) == config


def test_an_enum_option_takes_its_name():
    node = OmegaConf.merge(OmegaConf.structured(Gsm8kConfig), {"solution": "EQUATIONS"})
    assert OmegaConf.to_object(node) == Gsm8kConfig(solution=SolutionStyle.EQUATIONS)


def test_a_reward_lies_between_0_and_1():
    for reward in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
            Verdict(Outcome.CORRECT, reward)


def test_derived_seeds_never_change_and_keep_paths_apart():
    assert derive_seed("chain", 0, "train") == 6967964891263749324
    paths = [("a", "b"), ("ab",), ("a", 1), ("a", "1"), ("a1",), (1, "a"), ("a", "b", "")]
    seeds = {derive_seed(*path) for path in paths}
    assert len(seeds) == len(paths)
    assert all(0 <= seed < 2**63 for seed in seeds)
