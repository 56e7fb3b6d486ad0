"""A run's trees in the terminal, and two runs or rounds compared there."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from evolve.show_trees import Asked, show
from mcts.config import SearchConfig
from mcts.storage import write_trees
from mcts.tree import SearchTree
from tasks.errors import UserError
from tests.mcts.puzzles import SUM, SUM_EVALUATOR, run, search_sum, search_table
from viewer.diff import align
from viewer.diff_text import moved, summary


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two runs with a tree of the same problem from different seeds; the first has another problem too."""
    monkeypatch.chdir(tmp_path)
    trees = {"one": [grown(0), alone()], "two": [grown(1)]}
    for name, each in trees.items():
        write_trees(tmp_path / name / "round_1/trees/tree1-00000.jsonl.gz", each)
        (tmp_path / name / "run.json").write_text("{}")
    return trees


def grown(seed: int) -> SearchTree:
    return run(search_sum(SearchConfig(rollouts=12, width=5, max_depth=6), seed=seed), SUM, SUM_EVALUATOR)


def alone() -> SearchTree:
    tree = search_table(rollouts=1).tree
    tree.problem = replace(tree.problem, id="alone")
    return tree


def said(**asked) -> str:
    out = StringIO()
    show(Asked(**asked), Console(file=out, width=120))
    return out.getvalue()


def test_two_runs_are_compared_step_by_step(runs):
    first, second = runs["one"][0], runs["two"][0]
    found = align(first, second)
    told = said(run="one", compare="two", text=True, problem="sum/6/0")
    assert summary(found) in told
    rows = [line.split() for line in told.splitlines() if line.split()[:1] in (["moved"], ["appeared"], ["vanished"])]
    wanted = {"moved": moved(found), "appeared": found.appeared, "vanished": found.vanished}
    assert [row[0] for row in rows] == [kind for kind, steps in wanted.items() for _ in steps[:20]]
    assert all(wanted.values())
    for row, match in zip(rows, moved(found), strict=False):
        assert row[2:] == [
            f"#{match.first}",
            f"#{match.second}",
            f"{first.q(match.first):+.2f}",
            f"{second.q(match.second):+.2f}",
        ]
    assert [abs(match.d_q) for match in moved(found)] == sorted((abs(m.d_q) for m in moved(found)), reverse=True)


def test_a_run_compared_with_itself_has_not_changed(runs):
    told = said(run="one", compare="one", text=True, problem="sum/6/0")
    assert "0 steps vanished, 0 appeared, 0 moved" in told
    assert "Q before" not in told


def test_two_runs_are_compared_by_the_problems_they_share(runs):
    told = said(run="one", compare="two", text=True)
    found = align(runs["one"][0], runs["two"][0])
    (row,) = [line.split() for line in told.splitlines() if "sum/6/0" in line]
    counts = [len(found.matches) - 1, len(found.appeared), len(found.vanished), len(moved(found))]
    solved = ["yes" if tree.solved else "no" for tree in (runs["one"][0], runs["two"][0])]
    assert row[1:4] == [solved[0], "→", solved[1]]
    assert row[-4:] == [str(count) for count in counts]
    assert "alone" not in told


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"compare": "two", "problem": "alone"}, "has no tree of problem alone; the nearest ids are sum/6/0"),
        ({"problem": "sum/6/0", "path": "999"}, "--path 999: tree tree1-00000 has nodes 0 to"),
    ],
)
def test_what_is_not_there_is_one_sentence_and_nothing_is_shown(runs, asked, sentence):
    out = StringIO()
    with pytest.raises(UserError, match=sentence):
        show(Asked(run="one", text=True, **asked), Console(file=out))
    assert out.getvalue() == ""


def test_two_rounds_of_a_run_are_compared_like_two_runs(runs, tmp_path):
    write_trees(tmp_path / "one/round_2/trees/tree1-00000.jsonl.gz", [grown(1)])
    told = said(run="one", round=1, compare_round=2, problem="sum/6/0")
    assert summary(align(runs["one"][0], runs["two"][0])) in told
    assert "one, round 1, tree1-00000\none, round 2, tree1-00000\n" in told
    assert "one, round 1, and one, round 2" in said(run="one", round=1, compare_round=2)
    with pytest.raises(UserError, match="a page holds every round"):
        said(run="one", compare_round=2, serve=True)


def test_runs_that_share_nothing_say_so(runs, tmp_path):
    write_trees(tmp_path / "two/round_1/trees/tree1-00000.jsonl.gz", [alone()])
    with pytest.raises(
        UserError, match="one, round 1, and two, round 1 share no problem among the first 1; raise --limit"
    ):
        said(run="one", compare="two", text=True, limit=1)


def test_files_are_written_beside_a_page_too(runs, tmp_path):
    told = said(run="one", problem="sum/6/0", html=tmp_path / "t.html", dot=tmp_path / "t.dot")
    assert told.count("written: ") == 2
    assert (tmp_path / "t.dot").read_text().startswith("digraph {")
    with pytest.raises(UserError, match="name it with --problem ID"):
        said(run="one", html=tmp_path / "u.html", json=tmp_path / "u.json")
    assert not (tmp_path / "u.html").exists()
