"""What each round is told to do: which problems, from which weights, by which models."""

from __future__ import annotations

import json

import pytest

from evolve.config import PpmStart, ProblemChoice, RoundConfig, TeacherConfig, round_search
from evolve.open_run import open_run
from evolve.rounds import Evolution
from evolve.stages import NoTracker, RunContext
from evolve.supply import training_problems
from evolve.workers import WorkerPool
from mcts.config import Mode
from policy.config import TrainFrom
from tasks.problem import Split
from tasks.registry import build_task
from tests.evolve.tiny_run import settings_of, tiny_config


class Recorder(RunContext):
    """Does no stage: keeps what each was told, and answers as if every problem but the first were solved."""

    def run_phase(self, round_number, title, stages):
        self.told = [*getattr(self, "told", []), *((round_number, stage) for stage in stages)]
        return [self._answer(stage) for stage in stages]

    def _answer(self, stage):
        problems = stage.kwargs.get("problems", [])
        record = {"greedy": True, "majority": True, "search": None, "sampled": 1.0, "solution": "", "found": None}
        solved = [problem.id for problem in problems if not problem.id.endswith("-0")]
        records = [record | {"id": problem.id} for problem in problems]
        return {"solved": solved, "counts": {"nodes": 1}, "verdicts": {}, "records": records, "generated_tokens": 1}


@pytest.fixture
def told(tmp_path):
    """Which stages, by round and name, a config leads to."""

    def tell(**changes):
        config = tiny_config(**changes)
        with open_run(tmp_path / "mine", settings_of(config), False, frozenset()) as folder:
            context = Recorder(config, folder, WorkerPool(0), NoTracker())
            Evolution(context).run()
        return {(number, stage.name): stage.kwargs for number, stage in context.told}

    return tell


def _base(told, number, stage):
    return "/".join(told[number, stage]["base"].parts[-2:])


def test_fine_tuning_starts_from_the_base_each_round(told):
    stages = told()
    assert [_base(stages, number, "policy") for number in (1, 2)] == ["round_0/policy"] * 2
    assert [_base(stages, number, "ppm") for number in (1, 2)] == ["round_0/policy", "round_1/policy"]


def test_or_from_the_last_round(told):
    config = tiny_config()
    config.policy.train_from, config.ppm.start = TrainFrom.PREVIOUS, PpmStart.PREVIOUS
    stages = told(policy=config.policy, ppm=config.ppm)
    assert [_base(stages, number, "policy") for number in (1, 2)] == ["round_0/policy", "round_1/policy"]
    assert [_base(stages, number, "ppm") for number in (1, 2)] == ["round_0/policy", "round_1/ppm"]


def test_trees_are_grown_by_the_last_round_s_models(told):
    stages = told()
    first, second = (stages[number, "search-tree1-00000"]["work"] for number in (1, 2))
    assert (first.policy_path.parts[-2:], first.ppm_path) == (("round_0", "policy"), None)
    assert (second.policy_path.parts[-2:], second.ppm_path.parts[-2:]) == (("round_1", "policy"), ("round_1", "ppm"))
    judged = stages[2, "evaluate-00000"]["work"]
    assert (judged.policy_path.parts[-2:], judged.ppm_path.parts[-2:]) == (("round_2", "policy"), ("round_2", "ppm"))
    assert stages[0, "evaluate-00000"]["work"].ppm_path is None


def test_a_teacher_grows_the_trees_of_the_first_round_alone(told, tmp_path, monkeypatch):
    compared = []
    monkeypatch.setattr("evolve.rounds.refuse_other_tokenizer", lambda *folders: compared.append(folders))
    stages = told(teacher=TeacherConfig(policy=str(tmp_path / "teacher")))
    growers = [stages[number, "search-tree1-00000"]["work"].policy_path for number in (1, 2)]
    assert growers == [tmp_path / "teacher", tmp_path / "mine/round_1/policy"]
    assert compared == [(tmp_path / "teacher", tmp_path / "mine/round_0/policy")]
    assert [_base(stages, number, "policy") for number in (1, 2)] == ["round_0/policy"] * 2
    assert _base(stages, 1, "ppm") == "round_0/policy"


def test_no_two_stages_share_a_seed(told):
    stages = told()
    seeds = {
        (number, name.rsplit("-", 1)[0]): kwargs["work"].seed
        for (number, name), kwargs in stages.items()
        if "work" in kwargs
    }
    assert len(set(seeds.values())) == len(seeds) == 8


def test_escalation_asks_again_for_the_unsolved_alone(told):
    config = tiny_config()
    config.schedule = [RoundConfig(escalation=[6, 9])]
    config.selection.quarantine = 1.0  # nobody is suspect
    stages = told(schedule=config.schedule, selection=config.selection)
    for number, rollouts in ((2, 6), (3, 9)):
        kwargs = stages[1, f"search-tree{number}-00000"]
        assert [problem.id for problem in kwargs["problems"]] == ["chain/0/train-0"]
        assert kwargs["work"].search.rollouts == rollouts
        assert (1, f"search-tree{number}-00001") not in stages


def test_a_suspect_gets_no_further_trees(told, tmp_path):
    """The first problem is never solved, though its neighbours are: listed in round 1, not searched in round 2."""
    config = tiny_config()
    config.schedule, config.selection.quarantine = [RoundConfig(escalation=[6])], 0.5
    stages = told(schedule=config.schedule, selection=config.selection)
    assert (1, "search-tree2-00000") in stages
    assert [stage for stage in stages if stage[0] == 2 and stage[1].startswith("search-tree2")] == []
    searched = [
        {
            each.id
            for number, name in stages
            if number == which and name.startswith("search-tree1")
            for each in stages[number, name]["problems"]
        }
        for which in (1, 2)
    ]
    assert searched[0] - searched[1] == {"chain/0/train-0"}
    for number, left_out in ((1, 0), (2, 1)):
        search = json.loads((tmp_path / f"mine/round_{number}/eval.json").read_text())["search"]
        assert (search["quarantined"], search["suspects"], search["problems"]) == (left_out, 1, 8 - left_out)
    (suspect,) = json.loads((tmp_path / "mine/round_1/quarantine.json").read_text())
    assert json.loads((tmp_path / "mine/round_2/quarantine.json").read_text()) == [suspect]
    assert (suspect["id"], suspect["answer"]) == ("chain/0/train-0", _first_problem().answer)


def _first_problem():
    return build_task(tiny_config().task).problems(Split.TRAIN, 1)[0]


def test_fresh_problems_were_in_no_round_before():
    config = tiny_config(rounds=3)
    config.search.choice = ProblemChoice.FRESH
    config.schedule = [RoundConfig(problems=10), RoundConfig(problems=5)]
    task = build_task(config.task)
    rounds = [training_problems(task, config, number) for number in (1, 2, 3)]
    assert [len(problems) for problems in rounds] == [10, 5, 5]
    assert len({problem.prompt for problems in rounds for problem in problems}) == 20
    config.search.choice = ProblemChoice.SAME
    assert training_problems(task, config, 3) == rounds[0][:5]


def test_the_schedule_changes_what_it_names_and_its_last_entry_goes_on():
    config = tiny_config()
    config.schedule = [RoundConfig(rollouts=2, width=5, temperature=0.5), RoundConfig(mode=Mode.PPM_AUGMENTED)]
    first, second, third = (round_search(config, number) for number in (1, 2, 3))
    assert (first.rollouts, first.width, first.temperature, first.mode) == (2, 5, 0.5, Mode.TERMINAL_GUIDED)
    assert (second.rollouts, second.width, second.mode) == (4, 3, Mode.PPM_AUGMENTED)
    assert third == second
    assert round_search(tiny_config(schedule=[]), 7) == config.search
