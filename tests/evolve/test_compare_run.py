"""Methods compared on a finished tiny run: what they choose, what is counted, and that nothing else changes it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from evolve.baselines import judge_methods
from evolve.compare_run import compare_methods
from evolve.drawn import Drawn
from evolve.evaluate_run import EvaluateConfig, evaluate_run, find_judged
from evolve.meter import MeteredProposer, scored_tokens
from evolve.methods import Method, MethodWork
from evolve.models import load_sampler
from mcts.config import Driver
from mcts.lockstep import search_lockstep
from mcts.scripted import ScriptedEvaluator
from mcts.step import ProposeRequest, Step
from mcts.votes import Aggregation
from mcts.whole import WholeSolutions
from tasks.errors import UserError
from tasks.problem import Outcome, Problem

ALL = [Method.ALL]


@pytest.fixture(scope="module")
def run(reference, tmp_path_factory):
    """A copy of the run, because a comparison is written into it."""
    root = tmp_path_factory.mktemp("compared") / "mine"
    shutil.copytree(reference, root, symlinks=True)
    return root


def asked(root, **changes):
    options = {"methods": ALL, "budgets": [1, 4], "beam_width": 2, "workers": 0, "progress": False, "width": 2}
    return EvaluateConfig(run=str(root), **(options | changes))


@pytest.fixture(scope="module")
def compared(run):
    summary, folder = compare_methods(asked(run))
    return summary, folder, [json.loads(line) for line in (folder / "records.jsonl").open()]


def test_every_method_is_judged_at_every_budget(compared):
    summary, folder, records = compared
    assert json.loads((folder / "summary.json").read_text()) == summary
    assert len(records) == summary["problems"] == 4
    assert set(summary["verdicts"]) <= set(Outcome)
    assert sum(summary["verdicts"].values()) >= 4
    for method in Method:
        if method is Method.ALL:
            continue
        assert list(records[0]["found"][method]) == (["1"] if method is Method.GREEDY else ["1", "4"])
    assert "<svg" in (folder / "report.html").read_text()


def test_methods_that_choose_from_the_same_solutions_pay_for_them_alike(compared):
    _, _, records = compared
    for record in records:
        found = record["found"]
        for budget in ("1", "4"):
            costs = {tuple(found[m][budget][1:]) for m in ("weighted", "best_of_n_last", "best_of_n_min")}
            assert len(costs) == 1
            assert found["majority"][budget][1] == found["weighted"][budget][1]
            assert found["majority"][budget][2] == found["pass_at_n"][budget][2] == 0
            assert found["dvts"][budget][1:] == found["dvts_weighted"][budget][1:]
        assert found["majority"]["1"][1] < found["majority"]["4"][1]
        assert found["best_of_n_last"]["1"][0] == found["pass_at_n"]["1"][0], "one solution leaves no choice"


def test_nobody_passes_the_ceiling(compared):
    _, _, records = compared
    sampled = [m for m in Method if m.startswith("best_of_n")] + [Method.MAJORITY, Method.WEIGHTED]
    for record in records:
        for budget in ("1", "4"):
            ceiling = record["found"]["pass_at_n"][budget][0]
            assert all(record["found"][method][budget][0] <= ceiling for method in sampled)


def test_tokens_by_problem_add_up_to_what_the_engine_counted(compared):
    summary, _, records = compared
    once = {"greedy": ("1",), "majority": ("4",), "beam": ("1", "4"), "dvts": ("1", "4"), "mcts": ("1", "4")}
    total = sum(
        r["found"][method][budget][1] for r in records for method, budgets in once.items() for budget in budgets
    )
    assert total == summary["work"]["generated_tokens"]


def test_greedy_is_what_the_quick_table_and_the_run_say(run, compared):
    summary, _, _ = compared
    (greedy,) = (row for row in summary["methods"] if row["method"] == "greedy")
    quick = evaluate_run(EvaluateConfig(run=str(run), workers=0, progress=False))
    assert greedy["budgets"][0]["accuracy"] == quick["greedy"]


def test_asking_again_in_a_worker_gives_the_same_bytes(run, compared):
    _, folder, _ = compared
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(before) == ["records.jsonl", "report.html", "summary.json"]
    _, again = compare_methods(asked(run, workers=1))
    assert again == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_another_question_has_another_folder(run, compared):
    _, folder, _ = compared
    _, other = compare_methods(asked(run, methods=[Method.MAJORITY], budgets=[1, 2]))
    assert other != folder
    assert other.parent == folder.parent == run / "evaluations"


def test_a_smaller_ladder_finds_the_same_first_solutions(run, compared):
    _, _, records = compared
    _, folder = compare_methods(asked(run, methods=[Method.MAJORITY], budgets=[1]))
    alone = [json.loads(line)["found"]["majority"]["1"] for line in (folder / "records.jsonl").open()]
    assert alone == [record["found"]["majority"]["1"] for record in records]


def test_the_verifier_and_the_answer_stay_outside(run, monkeypatch):
    """Searches see problems without answers, and only judging asks the verifier."""
    seen = []
    judged = find_judged(asked(run))
    original = WholeSolutions.__init__

    def watch(self, problem, *arguments, **options):
        seen.append(problem.answer)
        original(self, problem, *arguments, **options)

    monkeypatch.setattr(WholeSolutions, "__init__", watch)
    work = MethodWork(**vars(judged.work), methods=(Method.MAJORITY,), budgets=(2,), beam_width=2)
    judge_methods(lambda done, total: None, work, judged.problems)
    assert seen == [""] * len(judged.problems)


def test_round_0_has_no_ppm(run):
    summary, _ = compare_methods(asked(run, round=0))
    assert [row["method"] for row in summary["methods"]] == ["greedy", "majority", "pass_at_n"]
    with pytest.raises(UserError, match="beam needs a PPM, and round 0 of"):
        compare_methods(asked(run, round=0, methods=[Method.BEAM]))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"samples": 4}, "samples goes with the quick table"),
        ({"rollouts": 4}, "rollouts goes with the quick table"),
        ({"beam_width": 0}, "beam_width must be at least 1, got 0"),
        ({"budgets": [0]}, "budgets must lie between 1 and 65535, got 0"),
        ({"budgets": []}, "budgets must not be empty"),
        ({"width": 0}, "width must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_sentence(run, changes, said):
    with pytest.raises(UserError, match=said):
        compare_methods(asked(run, **changes))


def drawn(*solutions, scores, count=None):
    """Whole solutions with the scores of their steps, the first ``count`` of them."""
    by_text = {}
    for texts, values in zip(solutions, scores, strict=True):
        by_text |= {"".join(texts[: i + 1]): value for i, value in enumerate(values)}

    class Fixed:
        def propose(self, requests):
            steps = [[Step(t, (1,) * len(t), (0.0,) * len(t), t.startswith("#")) for t in s] for s in solutions]
            return [[tuple(steps[request.key - 1])] for request in requests]

    search = WholeSolutions(Problem("p", "?", ""), len(solutions), 9, 0, scored=True)
    evaluator = ScriptedEvaluator(lambda problem, prefix: by_text["".join(step.text for step in prefix)])
    search_lockstep([search], Fixed(), evaluator)
    return Drawn.first(search, count or len(solutions))


def test_each_method_chooses_by_its_own_rule():
    found = drawn(
        ("a\n", "#### 1"), ("b\n", "#### 2"), ("c\n", "d\n", "e\n", "#### 3"),
        ("f\n", "#### 4"), ("g\n",), ("h\n", "#### 4"),
        scores=[(-0.9, 0.9), (0.3, 0.3), (0.5, 0.5, 0.5, 0.29), (-0.5, -0.5), (1.0,), (-0.5, -0.4)],
    )  # fmt: skip
    chosen = {
        Method.BEST_OF_N_LAST: "a\n#### 1",
        Method.BEST_OF_N_MIN: "b\n#### 2",
        Method.BEST_OF_N_PRODUCT: "b\n#### 2",  # 0.42 against 0.27: the third is longer
        Method.BEST_OF_N_MEAN: "c\nd\ne\n#### 3",
        Method.MAJORITY: "f\n#### 4",
        Method.WEIGHTED: "a\n#### 1",  # 0.95 against 0.25 + 0.3
    }
    for method, text in chosen.items():
        assert found.choose(method, Aggregation.LAST) == [text], method
    assert len(found.choose(Method.PASS_AT_N, Aggregation.LAST)) == 5, "what has not ended is no solution"


def test_a_smaller_budget_chooses_from_the_first_solutions_and_pays_for_those():
    solutions = (("a\n", "#### 1"), ("a\n", "#### 1"), ("a\n", "bb\n", "#### 2"))
    scores = [(0.1, 0.2), (0.1, 0.2), (0.1, 0.4, 0.9)]
    two, three = (drawn(*solutions, scores=scores, count=count) for count in (2, 3))
    assert two.choose(Method.BEST_OF_N_LAST, Aggregation.LAST) == ["a\n#### 1"]
    assert three.choose(Method.BEST_OF_N_LAST, Aggregation.LAST) == ["a\nbb\n#### 2"]
    assert scored_tokens(two.tree, 10, two.nodes) == 10 + 2 + 6
    assert scored_tokens(three.tree, 10, three.nodes) == 10 + 2 + 6 + 3 + 6
    assert scored_tokens(three.tree, 10, []) == 0


def test_no_solution_is_no_answer():
    found = drawn(("a\n",), ("b\n",), scores=[(0.1,), (0.2,)])
    assert all(found.choose(method, Aggregation.LAST) == [] for method in Method if method is not Method.ALL)


@pytest.mark.parametrize("driver", Driver)
def test_under_every_driver_the_tokens_add_up(run, driver):
    judged = find_judged(asked(run))
    evaluation = replace(judged.work.evaluation, search=replace(judged.work.evaluation.search, driver=driver))
    of_run = vars(judged.work) | {"evaluation": evaluation}
    work = MethodWork(**of_run, methods=(Method.MAJORITY, Method.BEAM, Method.MCTS), budgets=(3,), beam_width=2)
    reports = []
    done = judge_methods(lambda *progress: reports.append(progress), work, judged.problems).result
    spent = [row["found"][method]["3"][1] for row in done["records"] for method in row["found"]]
    assert min(spent) > 0
    assert sum(spent) == done["work"]["generated_tokens"]
    assert reports == [(0, 36), (12, 36), (24, 36), (36, 36)], "three parts of 3 solutions' worth for 4 problems"


def test_the_meter_counts_dropped_steps_too(run):
    judged = find_judged(asked(run))
    sampler = load_sampler(judged.work.policy, judged.work.engine, judged.work.policy_path)
    proposer = MeteredProposer(sampler, judged.work.policy, temperature=5.0)  # so hot that many steps find no end
    problems = judged.problems[:2]
    asks = [ProposeRequest(key, problem, (), 6, 1, 100 + key) for key, problem in enumerate([*problems, problems[0]])]
    answers = proposer.propose(asks)
    kept = sum(len(step.token_ids) for answer in answers for steps in answer for step in steps)
    counted = [proposer.tokens(problem.id) for problem in problems]
    assert list(map(len, counted)) == [2, 1]
    assert sum(map(sum, counted)) == sampler.engine.counts.generated > kept
    assert proposer.counts.dodged > 0
