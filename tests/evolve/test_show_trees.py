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
    assert row[1:7] == ["1", "→", "1", solved[0], "→", solved[1]]
    assert row[-4:] == [str(count) for count in counts]
    assert not [line for line in told.splitlines() if line.split()[:1] == ["alone"]]


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
    write_trees(tmp_path / "two/round_1/trees/tree1-00000.jsonl.gz", [search_table(rollouts=1).tree])
    with pytest.raises(UserError, match=r"^one and two share no problem$"):
        said(run="one", compare="two", text=True, limit=1)


def test_one_id_with_two_prompts_is_two_problems(runs, tmp_path):
    foreign = alone()
    foreign.problem = replace(foreign.problem, prompt="another")
    write_trees(tmp_path / "two/round_1/trees/tree1-00001.jsonl.gz", [foreign])
    told = said(run="one", compare="two", text=True)
    assert "sum/6/0" in told
    assert "1 id stands on both sides for problems with different prompts: the tasks' settings differ" in told
    write_trees(tmp_path / "two/round_1/trees/tree1-00000.jsonl.gz", [foreign])
    with pytest.raises(UserError, match="one and two share no problem; 1 id stands on both sides"):
        said(run="one", compare="two", text=True)


def test_shared_problems_are_looked_for_in_all_rounds(runs, tmp_path):
    """The latest rounds hold different problems; --limit is spoken of only where it would help."""
    write_trees(tmp_path / "one/round_3/trees/tree1-00000.jsonl.gz", [alone()])
    write_trees(tmp_path / "two/round_2/trees/tree1-00000.jsonl.gz", [grown(2), alone()])
    told = said(run="one", compare="two", text=True)
    rows = {line.split()[0]: line.split()[1:4] for line in told.splitlines() if " → " in line}
    assert rows == {"alone": ["3", "→", "2"], "sum/6/0": ["1", "→", "2"]}
    assert "--limit" not in told
    assert "1 of the 2 problems that both have; --limit 2 lists all" in said(
        run="one", compare="two", text=True, limit=1
    )
    with pytest.raises(UserError, match="two: round 3 has no trees"):
        said(run="one", compare="two", text=True, round=3)


def test_a_table_of_two_runs_fits_eighty_columns(runs):
    out = StringIO()
    show(Asked(run="one", compare="two", text=True), Console(file=out, width=80))
    (row,) = [line for line in out.getvalue().splitlines() if " → " in line]
    assert "sum/6/0" in row
    assert len(row) <= 80


def test_the_path_is_marked_where_nothing_can_be_bold(runs):
    tree = runs["one"][0]
    node = max(range(len(tree)), key=lambda n: tree.depth[n])
    for asked, path in (({}, tree.best_path()), ({"path": str(node)}, tree.path(node))):
        told = said(run="one", problem="sum/6/0", **asked)
        marked = {int(line.split("#")[-1].split()[0]) for line in told.splitlines() if "─ » " in line}
        assert marked == set(path)
        assert "» the path; N visits" in told


def test_what_shapes_one_problems_trees_is_refused_elsewhere(runs, tmp_path):
    for asked in ({"path": "3"}, {"depth": 2}, {"min_visits": 2}):
        name = f"--{next(iter(asked)).replace('_', '-')}"
        for more in ({}, {"text": True}, {"problem": "sum/6/0", "html": tmp_path / "t.html"}, {"compare": "two"}):
            with pytest.raises(
                UserError, match=f"^{name}: only for one problem's trees in the terminal; add --problem"
            ):
                said(run="one", **asked, **more)


def test_files_are_written_beside_a_page_too(runs, tmp_path):
    told = said(run="one", problem="sum/6/0", html=tmp_path / "t.html", dot=tmp_path / "t.dot")
    assert told.count("written: ") == 2
    assert (tmp_path / "t.dot").read_text().startswith("digraph {")
    with pytest.raises(UserError, match="name it with --problem ID"):
        said(run="one", html=tmp_path / "u.html", json=tmp_path / "u.json")
    assert not (tmp_path / "u.html").exists()


def test_elsewhere_than_on_a_terminal_nothing_is_cut_off(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = alone()
    tree.problem = replace(tree.problem, prompt="a very long story " * 20)
    write_trees(tmp_path / "long/round_1/trees/tree1-00000.jsonl.gz", [tree])
    (tmp_path / "long/run.json").write_text("{}")
    told = said(run="long", problem="alone")
    assert f"{'a very long story ' * 20}  [alone]  N=" in told
