"""What a finished run holds."""

from __future__ import annotations

import gzip
import json
import math
import re
import subprocess
from pathlib import Path

import pytest

from evolve.statistics import summarise
from mcts.storage import read_trees
from tasks.problem import Outcome, Split
from tasks.registry import build_task
from tests.evolve.tiny_run import WALL_CLOCK, artefacts, run_tiny, tiny_config

FORMATS = (Path(__file__).resolve().parents[2] / "docs/formats.md").read_text()


def trees_in(root, number, name="trees/*"):
    return [tree for path in sorted(root.glob(f"round_{number}/{name}.jsonl.gz")) for tree in read_trees(path)]


def rows_in(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def eval_of(root, number):
    return json.loads((root / f"round_{number}/eval.json").read_text())


@pytest.fixture(scope="module")
def summary(reference):
    return json.loads((reference / "summary.json").read_text())


# The record


def test_the_summary_has_exactly_the_documented_keys(summary):
    section = FORMATS.split("## Results of a run\n")[1].split("\n## ")[0]
    assert summary.keys() == {"name", "rounds", "flops", "total_seconds", "peak_memory_mb"}
    rows = "\n".join(line for line in section.splitlines() if line.startswith("| `"))
    documented = set(re.findall(r"`(\w+)`", rows))
    assert [row.keys() for row in summary["rounds"]] == [documented] * 3
    promised = "round greedy sampled search coverage pairs ppm_pair_accuracy generated_tokens seconds"
    assert set(promised.split()) <= documented


def test_the_cold_start_s_row_leaves_out_what_it_did_not_do(summary):
    row = summary["rounds"][0]
    assert row["round"] == 0
    nothing = ("mode", "search", "search_interval", "coverage", "pairs", "trajectories", "lucky", "ppm_pair_accuracy")
    assert {row[name] for name in nothing} == {None}
    assert row["trained_tokens"] > 0


@pytest.mark.parametrize("number", [1, 2])
def test_a_round_says_how_many_prompt_tokens_the_engine_still_knew(reference, summary, number):
    found = json.loads((reference / f"round_{number}/eval.json").read_text())["search"]
    known, read = found["cached_tokens"], found["prefilled_tokens"]
    assert 0 < summary["rounds"][number]["cache_hit_rate"] == pytest.approx(known / (known + read), abs=1e-6)
    assert f"{100 * known / (known + read):.1f} %" in (reference / "REPORT.md").read_text()


@pytest.mark.parametrize("number", [1, 2])
def test_a_round_s_row_says_what_its_files_say(reference, summary, number):
    row, folder = summary["rounds"][number], reference / f"round_{number}"
    problems = build_task(tiny_config().task).problems(Split.TRAIN, 8)
    solved = {tree.problem.id for tree in trees_in(reference, number) if tree.solved}
    assert row["coverage"] == len(solved) / len(problems)
    pairs = rows_in(folder / "pairs.jsonl")
    assert row["pairs"] == len(pairs) > 0
    depths = {str(depth): sum(pair["depth"] == depth for pair in pairs) for depth in range(9)}
    assert row["pairs_by_depth"] == {depth: count for depth, count in depths.items() if count}
    assert row["held_out_pairs"] == len(rows_in(folder / "held_out_pairs.jsonl")) > 0
    chosen = rows_in(folder / "sft.jsonl")
    assert row["trajectories"] == len(chosen) == len(solved)  # selection.top is 1
    assert {each["problem_id"] for each in chosen} == solved
    assert (row["problems"], row["split"]) == (4, "held_out")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_eval_json_adds_its_records_up(reference, summary, number):
    judged = eval_of(reference, number)
    held_out = build_task(tiny_config().task).problems(Split.HELD_OUT, 4)
    assert [record["id"] for record in judged["records"]] == [problem.id for problem in held_out]
    again = summarise(judged["records"])
    assert {name: judged["evaluation"][name] for name in again} == again
    row = summary["rounds"][number]
    assert {name: row[name] for name in again if name in row} == {n: v for n, v in again.items() if n in row}
    spent = judged.get("search", {}).get("generated_tokens", 0) + judged["evaluation"]["generated_tokens"]
    assert row["generated_tokens"] == spent > 0
    assert all((record["search"] is None) == (number == 0) for record in judged["records"])
    outcomes = judged["evaluation"]["outcomes"]
    samples = tiny_config().evaluation.samples
    asked = {"greedy": 4, "sampled": 4 * samples, "majority": 4} | ({"search": 4} if number else {})
    assert {name: sum(counted.values()) for name, counted in outcomes.items()} == asked
    for name, count in asked.items():
        assert outcomes[name].get("correct", 0) / count == pytest.approx(judged["evaluation"][name], abs=1e-6)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_recorded_solutions_score_what_the_record_says(reference, number):
    task = build_task(tiny_config().task)
    for problem, record in zip(task.problems(Split.HELD_OUT, 4), eval_of(reference, number)["records"], strict=True):
        for kind, solution in (("greedy", record["solution"]), ("search", record["found"])):
            if record[kind] is not None:
                is_right = solution and task.verifier.verify(problem, solution).outcome is Outcome.CORRECT
                assert record[kind] == bool(is_right)


@pytest.mark.parametrize("number", [1, 2])
def test_counts_are_those_of_the_trees(reference, number):
    trees = trees_in(reference, number) + trees_in(reference, number, "held_out_trees/*")
    search = eval_of(reference, number)["search"]
    assert search["nodes"] == sum(map(len, trees))
    found = [verdict.outcome for tree in trees for verdict in tree.verdicts.values()]
    assert search["verdicts"] == {str(outcome): found.count(outcome) for outcome in sorted(set(found))}
    assert search["mode"] == ["terminal_guided", "ppm_augmented"][number - 1]


def test_provenance_says_whose_trees_trained_whom(reference):
    record = json.loads((reference / "run.json").read_text())
    told = [(entry["model"], entry["from"], entry["trained_on"]) for entry in record["provenance"]]
    assert told == [
        ("round_0/policy", "nothing", "demonstrations"),
        ("round_1/ppm", "round_0/policy", "trees grown by round_0/policy"),
        ("round_1/policy", "round_0/policy", "trees grown by round_0/policy"),
        ("round_2/ppm", "round_1/policy", "trees grown by round_1/policy"),
        ("round_2/policy", "round_0/policy", "trees grown by round_1/policy"),
    ]


def test_metrics_follow_the_stages(reference):
    rows = rows_in(reference / "metrics.jsonl")
    learn = ("select", "ppm", "policy")
    searches = [row for row in rows if "/search-" in row["stage"]]
    assert {row["stage"].split("/")[0] for row in searches} == {"round_1", "round_2"}
    assert all(0 <= row["logprob_gap"] < 1e-5 for row in searches)
    assert list(dict.fromkeys(row["stage"] for row in rows if row not in searches)) == [
        "round_0/cold_start",
        *(f"round_{number}/{name}" for number in (1, 2) for name in learn),
    ]
    for stage in ("round_0/cold_start", "round_1/ppm", "round_2/policy"):
        steps = [row["step"] for row in rows if row["stage"] == stage]
        assert steps == list(range(1, len(steps) + 1)) != []
        assert all(math.isfinite(row["loss"]) for row in rows if row["stage"] == stage)


def test_done_names_every_file_of_its_round(reference):
    for number in (0, 1, 2):
        folder = reference / f"round_{number}"
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        listed = json.loads((folder / "DONE").read_text())["files"]
        assert set(listed) == {name for name in names if name != "DONE" and not name.startswith(".stages/")}
        found = artefacts(reference)
        assert all(found[f"round_{number}/{name}"] == digest["sha256"] for name, digest in listed.items())


def test_the_report_links_to_what_exists(reference):
    report = (reference / "REPORT.md").read_text()
    assert "set aside" not in report
    for name in re.findall(r"`(round_N/\S+|metrics\.jsonl)`", report):
        assert (reference / name.replace("round_N", "round_2")).is_file()


# The problems


def test_every_problem_has_one_tree_and_what_was_unsolved_a_second_one(reference):
    wanted = [problem.id for problem in build_task(tiny_config().task).problems(Split.TRAIN, 8)]
    for number in (1, 2):
        assert [tree.problem.id for tree in trees_in(reference, number, "trees/tree1-*")] == wanted
    unsolved = [tree.problem.id for tree in trees_in(reference, 1, "trees/tree1-*") if not tree.solved]
    again = trees_in(reference, 1, "trees/tree2-*")
    assert [tree.problem.id for tree in again] == unsolved != []
    assert trees_in(reference, 2, "trees/tree2-*") == []
    search = eval_of(reference, 1)["search"]
    assert search["first_coverage"] == 1 - len(unsolved) / 8 <= search["coverage"]
    first = {tree.problem.id: tree for tree in trees_in(reference, 1, "trees/tree1-*")}
    assert all(tree.visits[0] >= 6 for tree in again)  # the escalation's rollouts, each of which brings a value
    texts = [[step.text for step in tree.steps[1:]] for tree in again]
    assert texts != [[step.text for step in first[tree.problem.id].steps[1:]] for tree in again]


def test_training_problems_and_judged_problems_are_disjoint(reference):
    task = build_task(tiny_config().task)
    searched = {tree.problem.prompt for number in (1, 2) for tree in trees_in(reference, number)}
    judged = {tree.problem.prompt for number in (1, 2) for tree in trees_in(reference, number, "held_out_trees/*")}
    assert (len(searched), len(judged)) == (8, 8)
    others = {p.prompt for split in (Split.VALIDATION, Split.HELD_OUT) for p in task.problems(split, 100)}
    shown = {demonstration.problem.prompt for demonstration in task.demonstrations(160)}
    assert judged <= others
    assert not others & (searched | shown)
    for number in (1, 2):
        folder = reference / f"round_{number}"
        assert {row["prompt"] for name in ("pairs", "sft") for row in rows_in(folder / f"{name}.jsonl")} <= searched
        assert {row["prompt"] for row in rows_in(folder / "held_out_pairs.jsonl")} <= judged


def test_the_schedule_is_applied(reference):
    def scored(number):
        trees = trees_in(reference, number) + trees_in(reference, number, "held_out_trees/*")
        return [not math.isnan(tree.score[node]) for tree in trees for node in range(1, len(tree))]

    assert not any(scored(1))
    assert any(scored(2))
    for tree in trees_in(reference, 2):
        for node in range(1, len(tree)):
            assert math.isnan(tree.score[node]) == tree.is_terminal(node)  # ground truth needs no score


def test_another_round_leaves_what_was_there(tmp_path, reference):
    root = tmp_path / "mine"
    subprocess.run(["cp", "-a", str(reference), str(root)], check=True)
    summary = run_tiny(root, rounds=3)
    assert [row["round"] for row in summary["rounds"]] == [0, 1, 2, 3]
    assert summary["rounds"][3]["mode"] == "ppm_augmented"  # the schedule's last entry goes on
    before, after = artefacts(reference), artefacts(root)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"latest", "metrics.jsonl"}
    assert after["latest"] == "-> round_3"
    assert (root / "metrics.jsonl").read_bytes().startswith((reference / "metrics.jsonl").read_bytes())
    assert {name.split("/")[0] for name in after if name not in before} == {"round_3"}
    assert WALL_CLOCK.isdisjoint(after)


def test_trees_are_unpacked_by_anything(reference):
    with gzip.open(next(reference.glob("round_1/trees/*.gz")), "rt") as lines:
        assert json.loads(next(lines))["id"].startswith("chain/0/train-")
