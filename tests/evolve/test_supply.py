"""Which problems a round searches: weights, draws, what is left out, and what is made anew."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evolve.config import ProblemChoice, RoundConfig, check
from evolve.supply import (
    SUCCESS,
    Supply,
    curriculum_weights,
    drawn,
    read_success,
    refuse_varied,
    training_problems,
    write_success,
)
from tasks.errors import DataError, UserError
from tasks.problem import Problem, Split
from tasks.registry import build_task
from tasks.suites.countdown import CountdownConfig
from tests.evolve.tiny_run import tiny_config
from tests.mcts.puzzles import search_table


def _problems(*levels):
    return [Problem(f"p/{index}", f"{index}?\n", "1", {"level": level}) for index, level in enumerate(levels)]


def test_weights_by_hand():
    """Known: p (1 - p). Unknown: by the level's mean, (0.25 + 1) / 2. Never solved, or no level known: 0.05."""
    problems = _problems(1, 1, 1, 2, 2, 3)
    weights = curriculum_weights(problems, {"p/0": 0.25, "p/1": 1.0, "p/3": 0.0}, 0.05)
    assert weights.tolist() == pytest.approx([0.1875, 0.05, 0.625 * 0.375, 0.05, 0.05, 0.05])


def test_draws_follow_the_weights_without_repeating():
    """The chance that each of three is among two, against the sum over both orders by hand."""
    problems, weights = _problems(1, 1, 1), np.array([0.6, 0.3, 0.1])
    found = [[problem.id for problem in drawn(problems, weights, 2, seed)] for seed in range(4000)]
    assert all(len(set(ids)) == 2 and ids == sorted(ids) for ids in found)
    w = weights.tolist()
    for one, index in (("p/0", 0), ("p/2", 2)):
        chance = w[index] + sum(w[other] * w[index] / (1 - w[other]) for other in range(3) if other != index)
        assert np.mean([one in ids for ids in found]) == pytest.approx(chance, abs=0.03)
    assert drawn(problems, weights, 5, 0) == problems


def test_success_is_counted_over_the_paths_of_a_problem_s_trees(tmp_path):
    trees = [search_table(rollouts=rollouts).tree for rollouts in (3, 12)]
    write_success(tmp_path / SUCCESS, {"one": trees, "none": []})
    verdicts = [each.verdict for tree in trees for each in tree.trajectories() if each.verdict is not None]
    right = sum(verdict.reward == 1.0 for verdict in verdicts)
    assert 0 < right < len(verdicts)
    (tmp_path / "later").write_text(json.dumps({"none": [3, 4]}))
    assert read_success([tmp_path / SUCCESS]) == {"one": right / len(verdicts), "none": 0.0}
    assert read_success([tmp_path / SUCCESS, tmp_path / "later"])["none"] == 0.75
    (tmp_path / "later").write_text("[1]")
    with pytest.raises(DataError, match="later is missing or damaged"):
        read_success([tmp_path / "later"])


@pytest.fixture
def supply(tmp_path):
    """Rounds of 8 problems and what came before: half were always solved, the others at times."""

    def make(**search):
        config = tiny_config(schedule=[], rounds=3)
        for name, value in search.items():
            setattr(config.search, name, value)
        task = build_task(config.task)
        for number in (1, 2):
            first = task.problems(Split.TRAIN, 8)
            counts = {each.id: [4 if index % 2 == 0 else 2, 4] for index, each in enumerate(first)}
            (tmp_path / str(number)).write_text(json.dumps(counts))
        return Supply(task, config, lambda number: tmp_path / str(number))

    return make


def test_a_curriculum_begins_with_all_and_then_prefers_what_is_solved_at_times(supply):
    ours = supply(choice=ProblemChoice.CURRICULUM, floor=1e-6)
    first, told = ours.problems(1, set())
    assert first == ours.task.problems(Split.TRAIN, 8)
    assert told == {
        "choice": "curriculum",
        "quarantined": 0,
        "candidates": 8,
        "unseen": 8,
        "success_before": None,
        "varied": 0,
    }
    second, told = ours.problems(2, set())
    candidates = ours.task.problems(Split.TRAIN, 16)
    assert len(second) == 8
    assert {each.id for each in second} <= {each.id for each in candidates}
    assert not {each.id for each in second} & {each.id for each in candidates[0:8:2]}
    assert (told["candidates"], told["success_before"]) == (16, 0.5)
    assert told["unseen"] == sum(each.id in {late.id for late in candidates[8:]} for each in second)
    assert ours.problems(2, set()) == (second, told)
    assert len(training_problems(ours.task, ours.config, 3)) == 24


def test_what_is_in_quarantine_is_not_searched(supply):
    for choice in ProblemChoice:
        ours = supply(choice=choice)
        suspect = training_problems(ours.task, ours.config, 2)[3].id
        found, told = ours.problems(2, {suspect, "another/task"})
        assert suspect not in {each.id for each in found}
        assert told["quarantined"] == 1
        assert len(found) == (8 if choice is ProblemChoice.CURRICULUM else 7)
    everything = {each.id for each in ours.task.problems(Split.TRAIN, 24)}
    with pytest.raises(UserError, match="all 24 training problems of round 3 are in quarantine"):
        ours.problems(3, everything)


def test_a_share_of_a_round_is_varied_from_solved_problems(supply):
    ours = supply(varied=0.5)
    assert ours.problems(1, set())[1]["varied"] == 0
    found, told = ours.problems(2, set())
    made = [each for each in found if "varied_from" in each.meta]
    assert (len(found), told["varied"]) == (8, len(made))
    assert 1 <= len(made) <= 4
    assert found[: 8 - len(made)] == ours.task.problems(Split.TRAIN, 8 - len(made))
    known = {each.id for each in ours.task.problems(Split.TRAIN, 8)}
    assert {each.meta["varied_from"] for each in made} <= known
    assert len({each.prompt for each in found}) == len(found)
    assert ours.problems(2, set())[0] == found


def test_variations_alone_leave_no_room_for_what_was_searched_before(supply):
    """A round of two problems, of which one is in quarantine: one is searched, however many variations there are."""
    ours = supply(varied=1.0, problems=2)
    for suspects, most in ((set(), 2), ({ours.task.problems(Split.TRAIN, 1)[0].id}, 1)):
        found, told = ours.problems(2, suspects)
        assert len(found) == most
        assert told["varied"] == sum("varied_from" in each.meta for each in found) >= 1


def test_rounds_of_the_same_problems_use_them_once(supply):
    """The rounds before searched the first 8, twice: not 16 that the task may not hold."""
    ours = supply(choice=ProblemChoice.SAME, varied=0.5)
    asked, problems = [], ours.task.problems
    ours.task.problems = lambda split, count: asked.append(count) or problems(split, count)
    ours.problems(3, set())
    assert set(asked) == {8}
    ours.config.schedule = [RoundConfig(), RoundConfig(problems=5), RoundConfig(choice=ProblemChoice.FRESH)]
    assert training_problems(ours.task, ours.config, 3) == problems(Split.TRAIN, 16)[8:]


def test_settings_that_cannot_be():
    for name, value, rule in (
        ("floor", 0.0, "search.floor must lie above 0 and be at most 0.25, got 0.0"),
        ("varied", 1.5, r"search.varied is a share and must lie in 0..1, got 1.5 in round 1"),
    ):
        config = tiny_config()
        setattr(config.search, name, value)
        with pytest.raises(UserError, match=rule):
            check(config)
    config = tiny_config(task=CountdownConfig(), schedule=[RoundConfig(), RoundConfig(varied=0.1)])
    with pytest.raises(UserError, match="task countdown cannot make new problems of old ones"):
        refuse_varied(build_task(config.task), config)
    config.rounds = 1
    refuse_varied(build_task(config.task), config)
