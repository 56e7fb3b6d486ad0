"""Labelling the solutions of a finished tiny run, by every method that needs no endpoint."""

from __future__ import annotations

import json
import threading
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from evolve.label_config import LabelConfig, LabelMethod, SolutionSource
from evolve.label_run import label_run, label_table
from evolve.models import load_sampler
from evolve.run_trees import rounds_with_trees
from evolve.saved_config import load_config
from mcts.storage import read_trees
from prm.labels.base import Costs
from prm.labels.config import JudgeConfig
from tasks.errors import UserError
from tasks.problem import Outcome
from tasks.readers.formats import read_labelled
from tasks.registry import build_task


def labels(root, folder, **changes):
    out = folder / "labels.jsonl"
    wanted = LabelConfig(
        **({"run": str(root), "out": str(out), "workers": 0, "progress": False, "continuations": 3} | changes)
    )
    done = label_run(wanted)
    return list(read_labelled(out, "own")), done


OWN = [m for m in LabelMethod if m not in (LabelMethod.JUDGE, LabelMethod.CONSENSUS, LabelMethod.HUMAN)]


@pytest.mark.parametrize("method", OWN)
def test_solutions_of_trees(reference, tmp_path, method):
    found, done = labels(reference, tmp_path, method=method, round=1, problems=6, per_problem=4)
    trees = [tree for path in rounds_with_trees(reference, 1)[1] for tree in read_trees(path)]
    ends = {(t.problem.id, one.text) for t in trees for one in t.trajectories() if one.verdict}
    assert done.counts["solutions"] == len(found) > 4
    assert {(one.meta["problem_id"], "".join(one.steps)) for one in found} <= ends
    assert {one.meta["method"] for one in found} == {str(method)}
    assert {(one.meta["run"], one.meta["round"], one.meta["policy"]) for one in found} == {
        (reference.name, 1, "round_1/policy")
    }
    for one in found:
        assert sum(other.meta["problem_id"] == one.meta["problem_id"] for other in found) <= 4
        assert all(one.token_ids)
    assert done.costs.judge_calls == 0
    if method in (LabelMethod.MONTE_CARLO_HARD, LabelMethod.MONTE_CARLO_SOFT):
        assert done.costs.generated > done.costs.continuations == done.costs.verifier_calls > 0
        assert done.costs.continuations == sum(one.meta["cost"].get("continuations", 0) for one in found)
    if method in (LabelMethod.TREE_Q, LabelMethod.WEIGHTED_VALUE, LabelMethod.ORACLE):
        assert done.costs.spent() == {}


def test_right_and_wrong_in_turn(reference, tmp_path):
    found, _ = labels(reference, tmp_path, method=LabelMethod.TREE_Q, round=1, per_problem=2)
    by_problem: dict = {}
    for one in found:
        by_problem.setdefault(one.meta["problem_id"], []).append(one.meta["reward"])
    both = [rewards for rewards in by_problem.values() if len(rewards) == 2]
    assert both
    trees = [tree for path in rounds_with_trees(reference, 1)[1] for tree in read_trees(path)]
    outcomes: dict = {}
    for tree in trees:
        outcomes.setdefault(tree.problem.id, set()).update(verdict.outcome for verdict in tree.verdicts.values())
    for name, rewards in by_problem.items():
        if Outcome.CORRECT in outcomes[name] and outcomes[name] - {Outcome.CORRECT}:
            assert rewards == [1.0, 0.0]


def test_oracle_labels_are_the_tasks_own(reference, tmp_path):
    found, _ = labels(reference, tmp_path, method=LabelMethod.ORACLE, round=1)
    config = load_config(reference)
    task = build_task(config.task)
    problems = {tree.problem.id: tree.problem for p in rounds_with_trees(reference, 1)[1] for tree in read_trees(p)}
    for one in found:
        truth = task.oracle.step_labels(problems[one.meta["problem_id"]], one.steps)
        assert one.labels == tuple(1.0 if right else -1.0 for right in truth)
        assert one.meta["measuring_only"] is True


@pytest.mark.parametrize(("method", "workers"), [(LabelMethod.MONTE_CARLO_SOFT, 2), (LabelMethod.BINARY_SEARCH, 1)])
def test_workers_do_not_change_a_byte_and_seeds_do(reference, tmp_path, method, workers):
    files = []
    for number, changes in enumerate([{"workers": 0}, {"workers": workers}, {"seed": 1}]):
        out = tmp_path / f"{number}.jsonl"
        options = {"problems": 4, "group": 2, "solutions": SolutionSource.FRESH, "method": method, "out": str(out)}
        labels_of = LabelConfig(run=str(reference), progress=False, **({"continuations": 3} | options | changes))
        label_run(labels_of)
        files.append(out.read_bytes())
    assert files[0] == files[1] != files[2]


def test_fresh_solutions_are_the_policys_own(reference, tmp_path):
    wanted = {"solutions": SolutionSource.FRESH, "held_out": True, "method": LabelMethod.MONTE_CARLO_HARD}
    found, done = labels(reference, tmp_path, problems=5, **wanted)
    config = load_config(reference)
    task = build_task(config.task)
    problems = {each.id: each for each in task.problems(config.evaluation.split, 5)}
    sampler = load_sampler(config.policy, config.engine, reference / "round_2/policy")
    assert done.problems == 5
    assert done.drawn_tokens > 0
    assert len({(one.prompt, one.steps) for one in found}) == len(found)
    for one in found:
        assert one.meta["source"] == "fresh"
        right = task.verifier.verify(problems[one.meta["problem_id"]], "".join(one.steps)).outcome is Outcome.CORRECT
        assert one.labels[-1] == (1.0 if right else -1.0)
        assert tuple(map(sampler.steps.text, one.token_ids)) == one.steps


def test_binary_search_finds_a_first_error_in_every_wrong_solution(reference, tmp_path):
    found, _ = labels(reference, tmp_path, method=LabelMethod.BINARY_SEARCH, round=1)
    wrong = [one for one in found if one.meta["reward"] == 0]
    assert wrong
    for one in found:
        assert (one.first_error >= 0) == (one.meta["reward"] == 0)
    for one in wrong:
        known = [label for label in one.labels if label is not None]
        assert all(a >= b for a, b in pairwise(known))


@pytest.mark.parametrize("method", [LabelMethod.JUDGE, LabelMethod.CONSENSUS])
def test_a_judge_that_finds_all_right_agrees_on_right_solutions_alone(reference, tmp_path, method):
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"choices": [{"message": {"content": "{\\"score\\": 1}"}}]}')

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        judge = JudgeConfig(f"http://127.0.0.1:{server.server_port}/v1", "m")
        wanted = {"method": method, "judge": judge, "estimate": LabelMethod.BINARY_SEARCH, "round": 1}
        found, done = labels(reference, tmp_path, **wanted)
    finally:
        server.shutdown()
        server.server_close()
    assert all(set(one.labels) == {1} for one in found)
    assert done.costs.judge_calls == len(asked) > 0
    everything, _ = labels(reference, tmp_path, method=LabelMethod.TREE_Q, round=1, overwrite=True)
    assert sum(one.meta["reward"] == 0 for one in everything) > 0
    if method is LabelMethod.JUDGE:
        assert len(found) == len(everything)
    else:
        assert {one.meta["reward"] for one in found} == {1}
        assert done.left_out == sum(one.meta["reward"] == 0 for one in everything)


def test_labels_of_people_need_no_run(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"problem": "p", "steps": ["a", "b"], "label": 1, "id": "x"}) + "\n")
    found, done = labels("none", tmp_path, method=LabelMethod.HUMAN, data=str(path), form="processbench")
    assert [(one.labels, one.meta["method"]) for one in found] == [((1, -1), "human")]
    assert done.costs.spent() == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"problems": 0}, "problems must be at least 1, got 0"),
        ({"temperature": float("nan")}, "temperature must be"),
        ({"method": LabelMethod.HUMAN}, "data=FILE"),
        ({"method": LabelMethod.TREE_Q, "solutions": SolutionSource.FRESH}, "use solutions=trees, not fresh"),
        ({"method": LabelMethod.CONSENSUS, "estimate": LabelMethod.TREE_Q}, "estimate must be monte_carlo_hard"),
        ({"method": LabelMethod.CONSENSUS, "confirm": LabelMethod.TREE_Q}, "confirm must be judge"),
        ({"method": LabelMethod.JUDGE}, "judge.model must name"),
        ({"round": 9}, "no finished round 9"),
        ({"round": 0}, "round 0 has no trees; use round=1 or 2"),
    ],
)
def test_what_cannot_be_labelled_is_said_in_a_sentence(reference, tmp_path, changes, said):
    with pytest.raises(UserError, match=said):
        labels(reference, tmp_path, **changes)
    assert not (tmp_path / "labels.jsonl").exists()


def test_a_file_is_not_written_over_unasked(reference, tmp_path):
    first, _ = labels(reference, tmp_path, method=LabelMethod.TREE_Q, problems=2)
    with pytest.raises(UserError, match="is there already"):
        labels(reference, tmp_path, method=LabelMethod.TREE_Q, problems=1)
    second, _ = labels(reference, tmp_path, method=LabelMethod.TREE_Q, problems=1, overwrite=True)
    assert len(second) < len(first)


def test_the_table_tells_counts_and_costs(reference, tmp_path):
    wanted = LabelConfig(
        run=str(reference), out=str(tmp_path / "x"), workers=0, progress=False, problems=2, continuations=2
    )
    done = label_run(wanted)
    console = Console(width=100, record=True, file=(tmp_path / "shown").open("w"))
    console.print(label_table(done, wanted))
    text = console.export_text()
    for row, count in {"steps": done.counts["steps"], "cost: continuations": done.costs.continuations}.items():
        (line,) = [line for line in text.splitlines() if line.split("  ")[0].strip() == row or row in line.split("  ")]
        assert line.split()[-1] == f"{count:,}"


def test_the_page_names_every_option_and_method():
    page = (Path(__file__).resolve().parents[2] / "docs/prm.md").read_text()
    names = {field.name for field in fields(LabelConfig)} - {"judge"}
    names |= {f"judge.{field.name}" for field in fields(JudgeConfig)} | set(map(str, LabelMethod))
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []
    assert [each.name for each in fields(Costs) if f"`{each.name}`" not in page] == []
