"""What the tracker of a run is handed at its end."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from evolve import inspector
from evolve.config import WandbConfig, WandbMode
from evolve.journal import RunLog
from evolve.tracked_trees import COLUMNS, keep_trees
from evolve.tracking import tracking
from mcts.storage import read_trees
from mcts.tree_json import encode
from tests.evolve.tiny_run import run_tiny


class Heard:
    """A tracker that remembers."""

    def __init__(self) -> None:
        self.tables, self.kept = [], []

    def log(self, row):
        raise AssertionError(row)

    def table(self, name, columns, rows):
        self.tables.append((name, columns, rows))

    def keep(self, name, files):
        self.kept.append((name, [path.name for path in files]))


@pytest.fixture
def root(tmp_path, reference):
    shutil.copytree(reference, tmp_path / "mine", symlinks=True)
    return tmp_path / "mine"


def test_a_row_per_tree_and_the_pages_are_handed_over(root):
    heard = Heard()
    keep_trees(heard, root, RunLog(root / "log.txt"))
    ((name, columns, rows),) = heard.tables
    assert (name, columns, {len(row) for row in rows}) == ("trees", COLUMNS, {len(COLUMNS)})
    trees = [tree for path in sorted(root.glob("round_*/*trees/*.gz")) for tree in read_trees(path)]
    assert sorted((row[1], row[3], row[4]) for row in rows) == sorted(
        (tree.problem.id, len(tree), tree.visits[0]) for tree in trees
    )
    assert sum(row[2] for row in rows) == sum(tree.solved for tree in trees)
    assert heard.kept == [("trees", ["report.html", "inspector.html"])]
    json.dumps(rows, allow_nan=False)
    assert encode(trees[0])["id"] in {row[1] for row in rows}


def test_trees_too_many_for_a_page_do_not_stop_the_run(root, monkeypatch):
    monkeypatch.setattr(inspector, "MOST_BYTES", 10)
    heard = Heard()
    keep_trees(heard, root, RunLog(root / "log.txt"))
    assert heard.kept == [("trees", ["report.html"])]
    assert "the tracker gets no page of the trees: the tree files have" in (root / "log.txt").read_text()


def test_a_run_without_trees_has_nothing_to_hand_over(tmp_path):
    heard = Heard()
    keep_trees(heard, tmp_path, RunLog(tmp_path / "log.txt"))
    assert heard.tables == heard.kept == []


def test_weights_and_biases_keeps_tables_and_files(tmp_path, monkeypatch):
    found = {}

    def artifact(name, type):
        found["artefact"] = (name, type, [])
        return SimpleNamespace(add_file=found["artefact"][2].append)

    run = SimpleNamespace(
        id="x1",
        log=lambda row: found.update(row),
        log_artifact=lambda _: found.update(logged=True),
        finish=lambda: None,
    )
    wandb = SimpleNamespace(
        init=lambda **about: run, Settings=dict, Artifact=artifact, Table=lambda columns, data: (columns, data)
    )
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    with tracking(WandbConfig(mode=WandbMode.OFFLINE), tmp_path, {}) as tracker:
        tracker.table("trees", ("a", "b"), [(1, 2)])
        tracker.keep("trees", [Path("report.html")])
    assert found == {
        "trees": (["a", "b"], [[1, 2]]),
        "artefact": ("x1-trees", "trees", ["report.html"]),
        "logged": True,
    }


def test_each_round_is_told_once_in_the_figures_of_the_summary(tmp_path, monkeypatch):
    heard = []
    monkeypatch.setattr("evolve.stages.NoTracker.log", lambda self, row: heard.append(row))
    for _ in range(2):  # the second time everything is there
        summary = run_tiny(tmp_path / "mine", rounds=1, workers=0)
    told = [row for row in heard if "round/greedy" in row]
    assert [row["round/number"] for row in told] == [0, 1]
    assert [row["round/greedy"] for row in told] == [row["greedy"] for row in summary["rounds"]]
    assert told[1]["round/coverage"] == summary["rounds"][1]["coverage"]
    assert "round/coverage" not in told[0]  # None is no figure
