from __future__ import annotations

import gzip
import io
import json

import networkx as nx
import pytest
from rich.console import Console

from evolve.inspector import Inspected
from evolve.problem_trees import nearest, trees_of
from evolve.run_trees import (
    FoundTree,
    export,
    find_run,
    first_trees,
    has_trees,
    listing,
    path_of,
    rounds_with_trees,
    tree_files,
)
from evolve.trees_in_terminal import list_trees
from mcts.storage import read_trees, write_trees
from mcts.tree import SearchTree
from tasks.errors import DataError, UserError
from tasks.problem import Problem
from tests.mcts.puzzles import search_table


def tree(problem_id: str, rollouts: int = 4) -> SearchTree:
    grown = search_table(rollouts=rollouts).tree
    grown.problem = Problem(problem_id, "?", "", {"level": 2})
    return grown


@pytest.fixture
def root(tmp_path):
    """A run of two rounds; p/1 has two trees in round 2, and a validation problem has one."""
    (tmp_path / "run.json").write_text("{}")
    write_trees(tmp_path / "round_1/trees/tree1-00000.jsonl.gz", [tree("p/1", 1)])
    write_trees(tmp_path / "round_2/trees/tree1-00000.jsonl.gz", [tree("p/0"), tree("p/1")])
    write_trees(tmp_path / "round_2/trees/tree1-00001.jsonl.gz", [tree("p/10")])
    write_trees(tmp_path / "round_2/trees/tree2-00000.jsonl.gz", [tree("p/1", 2)])
    write_trees(tmp_path / "round_2/held_out_trees/held_out-00000.jsonl.gz", [tree("v/0")])
    (tmp_path / "round_3").mkdir()
    return tmp_path


def sources(found: list[FoundTree]) -> list[str]:
    return [each.source for each in found]


def test_a_run_is_named_by_its_folder_or_its_bare_name(root, monkeypatch, tmp_path):
    assert find_run(str(root)) == root
    (tmp_path / "outputs/demo").mkdir(parents=True)
    (tmp_path / "outputs/demo/run.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert find_run("demo").as_posix() == "outputs/demo"
    with pytest.raises(UserError, match="demos is not a run folder"):
        find_run("demos")


def test_the_latest_round_with_trees_is_the_default(root):
    assert tree_files(root)[0] == 2
    assert tree_files(root, 1)[0] == 1
    with pytest.raises(UserError, match="round 3 has no trees; use --round 1 or 2"):
        tree_files(root, 3)


def test_a_run_without_trees_says_so(tmp_path):
    with pytest.raises(UserError, match="holds no trees yet"):
        tree_files(tmp_path)


def test_all_trees_of_a_problem_are_found_and_no_others(root):
    assert sources(trees_of(root, "p/1")[1]) == ["tree1-00000", "tree2-00000"]
    assert sources(trees_of(root, "p/10")[1]) == ["tree1-00001"]
    assert sources(trees_of(root, "v/0")[1]) == ["held_out-00000"]
    with pytest.raises(UserError, match=r"has no tree of problem p/7; the nearest ids are p/10, p/1, p/0$"):
        trees_of(root, "p/7")


def test_a_problem_is_looked_for_in_all_rounds_the_latest_first(root):
    write_trees(root / "round_1/trees/tree1-00001.jsonl.gz", [tree("p/old")])
    assert [trees_of(root, name)[0] for name in ("p/1", "p/old", "v/0")] == [2, 1, 2]
    assert trees_of(root, "p/1", 1)[0] == 1
    with pytest.raises(UserError, match="round_2 has no tree of problem p/old, but round 1 has; leave --round out"):
        trees_of(root, "p/old", 2)
    with pytest.raises(UserError, match=r"round_1 has no tree of problem p/3; the nearest ids are p/1, p/old$"):
        trees_of(root, "p/3", 1)


def test_ids_are_near_by_their_wording_and_then_by_their_numbers():
    ids = [f"chain/0/train-{n}" for n in (12, 4999, 5000, 7000)] + ["chain/0/test-5001", "other"]
    assert nearest("chain/0/train-5001", ids) == ["chain/0/train-5000", "chain/0/train-4999", "chain/0/train-7000"]
    assert nearest("chain/0/trian-11", ids, 1) == ["chain/0/train-12"]
    assert nearest("chain/0/tset-1", ids, 1) == ["chain/0/test-5001"]


def test_a_damaged_file_is_named(root):
    path = root / "round_2/trees/tree1-00001.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="tree1-00001"):
        trees_of(root, "p/10")


def test_the_first_trees_are_listed_with_what_they_hold(root):
    found = first_trees(tree_files(root)[1], 3)
    assert [each.tree.problem.id for each in found] == ["p/0", "p/1", "p/10"]
    console = Console(file=io.StringIO(), width=100)
    console.print(listing(found, "trees"))
    row = next(line.split() for line in console.file.getvalue().splitlines() if "p/10" in line)
    assert row == ["p/10", "2", "yes", str(len(found[2].tree)), str(found[2].tree.visits[0]), "tree1-00001"]


def test_a_path_is_best_or_a_node_of_the_tree(root):
    _, (found,) = trees_of(root, "p/0")
    assert path_of("best", found) == "best"
    assert path_of("3", found) == 3
    for wrong in (str(len(found.tree)), "-1", "worst"):
        with pytest.raises(UserError, match=rf"--path {wrong}: tree tree1-00000 has nodes 0 to"):
            path_of(wrong, found)


def test_exported_json_is_the_line_of_the_tree_file(root, tmp_path):
    _, found = trees_of(root, "p/1", 1)
    assert export(found, tmp_path / "t.jsonl", None) == [tmp_path / "t.jsonl"]
    source = root / "round_1/trees/tree1-00000.jsonl.gz"
    assert (tmp_path / "t.jsonl").read_bytes() == gzip.decompress(source.read_bytes())
    assert json.loads((tmp_path / "t.jsonl").read_text())["id"] == "p/1"


def test_each_of_several_trees_gets_a_graphml_file(root, tmp_path):
    _, found = trees_of(root, "p/1")
    written = export(found, None, tmp_path / "t.graphml")
    assert [path.name for path in written] == ["t.tree1-00000.graphml", "t.tree2-00000.graphml"]
    sizes = [len(tree) for path in sorted((root / "round_2/trees").glob("*")) for tree in read_trees(path)]
    assert [len(nx.read_graphml(path)) for path in written] == [sizes[1], sizes[3]]
    assert export(found[:1], None, tmp_path / "one.graphml") == [tmp_path / "one.graphml"]


def test_dot_is_written_beside_graphml(root, tmp_path):
    _, found = trees_of(root, "p/1")
    written = export(found, None, tmp_path / "t.graphml", tmp_path / "t.dot")
    names = ["t.tree1-00000.graphml", "t.tree2-00000.graphml", "t.tree1-00000.dot", "t.tree2-00000.dot"]
    assert [path.name for path in written] == names
    assert [path.read_text().count("label=") for path in written[2:]] == [len(each.tree) for each in found]


@pytest.fixture
def comparison(tmp_path):
    """The folder of a comparison: seed 0 has two sets of trees, seed 1 one; an arm's page is no tree."""
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "summary.json").write_text('{"arms": {}}')
    write_trees(tmp_path / "seed_0/trees-0.15-ppm/trees/trees-00000.jsonl.gz", [tree("p/0"), tree("p/1")])
    write_trees(tmp_path / "seed_0/trees-0.5/trees/trees-00000.jsonl.gz", [tree("p/1")])
    write_trees(tmp_path / "seed_1/trees-0.15-ppm/trees/trees-00000.jsonl.gz", [tree("p/2")])
    (tmp_path / "seed_1/tree_q").mkdir()
    (tmp_path / "seed_1/tree_q/trees.md").write_text("")
    return tmp_path


def test_a_comparison_has_seeds_for_rounds_and_files_named_after_their_sets(comparison, tmp_path):
    assert has_trees(comparison)
    assert {number: len(files) for number, files in rounds_with_trees(comparison).items()} == {0: 2, 1: 1}
    _, found = trees_of(comparison, "p/1", 0)
    assert sources(found) == ["trees-0.15-ppm.trees-00000", "trees-0.5.trees-00000"]
    with pytest.raises(UserError, match="seed 2 has no trees; use --round 0 or 1"):
        tree_files(comparison, 2)
    written = export(found, None, tmp_path / "it.graphml")
    assert [path.name for path in written] == [
        "it.trees-0.15-ppm.trees-00000.graphml", "it.trees-0.5.trees-00000.graphml",
    ]  # fmt: skip


def test_a_comparison_whose_arms_learn_from_no_trees_says_so(tmp_path):
    (tmp_path / "seed_0/grpo_outcome").mkdir(parents=True)
    assert not has_trees(tmp_path)
    with pytest.raises(UserError, match="holds no trees yet; not every arm learns from any"):
        tree_files(tmp_path)


def test_the_page_of_a_comparison_speaks_of_seeds(comparison):
    head = Inspected([comparison]).head()
    assert head["runs"][0]["part"] == "seed"
    assert [row["round"] for row in head["runs"][0]["rounds"]] == [0, 1]
    assert "seed" in head["runs"][0]["note"]


def test_a_comparison_is_listed_in_the_terminal(comparison):
    console = Console(file=io.StringIO(), width=160)
    list_trees(comparison, None, 5, console)
    assert ", seed 1:" in " ".join(console.file.getvalue().split())
    assert "trees-0.15-ppm.trees-00000" in console.file.getvalue()
