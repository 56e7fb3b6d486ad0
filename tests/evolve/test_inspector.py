"""The inspector of a real run, as a file and served."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil

import pytest

from evolve.evaluate_run import EvaluateConfig, evaluate_run
from evolve.inspect_notes import RunNotes, pair_notes
from evolve.inspector import Inspected, write_page
from evolve.open_page import PAGE
from evolve.packed_lines import PackedLines
from evolve.run_trees import rounds_with_trees
from evolve.served_run import ServedRun
from evolve.token_lengths import ByteLevelTokens, token_lengths_of
from mcts.step import Step
from mcts.storage import read_trees, write_trees
from prm.pair_file import read_pairs
from prm.pairs import PairConfig
from tasks.errors import DataError, UserError
from tasks.suites.chain_oracle import ChainOracle
from tests.evolve.tiny_run import artefacts, run_tiny
from tests.mcts.puzzles import search_table


def elements(path):
    """What a page's packed elements hold, by id."""
    found = re.findall(r'<script type="text/plain" id="([^"]*)">([^<]*)</script>', path.read_text())
    return {name: json.loads(gzip.decompress(base64.b64decode(blob))) for name, blob in found}


def trees_of_run(root):
    return [
        (number, tree) for number, files in rounds_with_trees(root).items() for f in files for tree in read_trees(f)
    ]


def test_a_run_is_one_file_with_all_its_trees(reference, tmp_path):
    count = write_page(Inspected([reference]), tmp_path / "page.html")
    found, trees = elements(tmp_path / "page.html"), trees_of_run(reference)
    assert count == len(trees) == len(found["lines"]["id"])
    assert found["lines"]["nodes"] == [len(tree) for _, tree in trees]
    assert found["lines"]["round"] == [number for number, _ in trees]
    for at, (_, tree) in enumerate(trees):
        data = found[f"part-{found['lines']['part'][at]}"][found["lines"]["at"][at]]
        assert (data["id"], data["value_sum"]) == (tree.problem.id, list(tree.value_sum))
    write_page(Inspected([reference]), tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "page.html").read_bytes()


def test_the_pairs_shown_as_kept_are_those_of_the_run(reference):
    notes = RunNotes(reference)
    for number, files in rounds_with_trees(reference).items():
        kept = [
            (tree.problem.id, pair.chosen, pair.rejected, pair.margin)
            for path in files
            if path.parent.name == "trees"
            for tree in read_trees(path)
            for pair in notes.of(tree, number).pairs
            if not pair.reason
        ]
        written = read_pairs(reference / f"round_{number}/pairs.jsonl")
        assert kept == [(pair.problem_id, pair.chosen_node, pair.rejected_node, pair.margin) for pair in written]


def test_steps_carry_the_oracles_labels_and_their_tokens(reference):
    notes = RunNotes(reference)
    number, tree = next((n, tree) for n, tree in trees_of_run(reference) if len(tree) > 3)
    found = notes.of(tree, number)
    assert set(found.step_labels) == set(range(1, len(tree)))
    leaf = next(node for node in range(1, len(tree)) if not tree.child_count[node])
    path = tree.path(leaf)
    wanted = ChainOracle().step_labels(tree.problem, [tree.step(node).text for node in path])
    assert [found.step_labels[node] for node in path] == wanted
    lengths = [found.token_lengths(tree.step(node)) for node in range(1, len(tree))]
    told = [(node, each) for node, each in enumerate(lengths, start=1) if each is not None]
    assert told
    for node, each in told:
        assert sum(each) == len(tree.step(node).text)
        assert len(each) == len(tree.step(node).token_ids)


def test_tokens_are_measured_in_the_units_of_the_page():
    read = ByteLevelTokens({"a": 0, "Ġ": 1, "ð": 2, "Ł": 3, "ĺ": 4, "Ģ": 5, "<|end|>": 6}, {6})
    assert read(Step("a \U0001f600", (0, 1, 2, 3, 4, 5, 6), (0.0,) * 7)) == [1, 1, 0, 0, 0, 2, 0]
    assert read(Step("b", (0,), (0.0,))) is None
    assert read(Step("\ufffd", (5,), (0.0,))) is None


def test_a_folder_without_a_known_tokenizer_tells_nothing(tmp_path):
    assert token_lengths_of(tmp_path) is None
    for text in ("{", "[]", '{"decoder": {"type": "Metaspace"}}', '{"decoder": null}'):
        (tmp_path / "tokenizer.json").write_text(text)
        assert token_lengths_of(tmp_path) is None


def test_pairs_are_told_with_their_reasons():
    notes = pair_notes(search_table(rollouts=4).tree, PairConfig(min_edit_distance=1, final_step=False))
    assert {note.reason for note in notes} == {"too_similar", "one_sided"}  # these steps have no tokens


@pytest.fixture
def bare(tmp_path):
    """A folder with trees and nothing else of a run."""
    write_trees(tmp_path / "round_1/trees/tree1-00000.jsonl.gz", [search_table(rollouts=n).tree for n in (1, 2, 4)])
    return tmp_path


def test_a_folder_with_nothing_but_trees_is_shown(bare, tmp_path):
    assert write_page(Inspected([bare]), tmp_path / "page.html") == 3
    assert elements(tmp_path / "page.html")["part-0"][0]["pairs"] == []


def test_one_problem_or_one_round_can_be_taken_alone(reference, tmp_path):
    trees = trees_of_run(reference)
    name = trees[0][1].problem.id
    count = write_page(Inspected([reference], only_problem=name), tmp_path / "page.html")
    assert count == sum(tree.problem.id == name for _, tree in trees)
    served = ServedRun(Inspected([reference], only_problem=name))
    served.find()
    assert set(served.lines(0)["lines"]["id"]) == {name}
    count = write_page(Inspected([reference], only_round=2), tmp_path / "page.html")
    assert count == sum(number == 2 for number, _ in trees)


def test_two_runs_stand_on_one_page(reference, bare, tmp_path):
    assert write_page(Inspected([reference, bare]), tmp_path / "page.html") == len(trees_of_run(reference)) + 3
    assert set(elements(tmp_path / "page.html")["lines"]["run"]) == {0, 1}


def test_what_cannot_be_shown_is_one_sentence_and_leaves_no_file(bare, tmp_path, monkeypatch):
    path = bare / "round_1/trees/tree1-00000.jsonl.gz"
    inspected = Inspected([bare])
    monkeypatch.setattr("evolve.inspector.MOST_BYTES", 10)
    with pytest.raises(UserError, match="take one round with --round N, or look at the folder with --serve"):
        write_page(inspected, tmp_path / "page.html")
    monkeypatch.undo()
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"tree1-00000\.jsonl\.gz, line [1-9]\d*: damaged or cut short"):
        write_page(inspected, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
    (bare / "summary.json").write_text("{")
    with pytest.raises(DataError, match=r"summary\.json is damaged"):
        inspected.head()


def test_a_foreign_line_is_named_with_its_file_and_number(bare, tmp_path):
    path = bare / "round_1/trees/tree1-00000.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines()
    for wrong in (b'{"id": "x"}', b"[]", b"\xff", b"[" * 100_000):
        path.write_bytes(gzip.compress(b"\n".join([lines[0], wrong, lines[2]])))
        with pytest.raises(DataError, match=r"tree1-00000\.jsonl\.gz, line 2: "):
            write_page(Inspected([bare]), tmp_path / "page.html")
    assert list(tmp_path.glob("*.html")) + list(tmp_path.glob("*.tmp")) == []


def test_a_tree_of_a_file_without_histories_is_shown(bare, tmp_path):
    path = bare / "round_1/trees/tree1-00000.jsonl.gz"
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    for row in rows:
        del row["history"]
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    assert write_page(Inspected([bare]), tmp_path / "page.html") == 3
    assert {row["history"] for row in elements(tmp_path / "page.html")["part-0"]} == {None}


def test_a_round_that_is_not_finished_is_told_of(reference, tmp_path):
    shutil.copytree(reference, tmp_path / "mine", symlinks=True)
    assert Inspected([tmp_path / "mine"]).head()["runs"][0]["note"] == ""
    summary = json.loads((reference / "summary.json").read_text())
    summary["rounds"] = summary["rounds"][:2]
    (tmp_path / "mine/summary.json").write_text(json.dumps(summary))
    (run,) = Inspected([tmp_path / "mine"]).head()["runs"]
    assert run["note"].startswith("Round 2 is not finished")
    assert [row["round"] for row in run["rounds"]] == [0, 1, 2]
    (tmp_path / "mine/summary.json").unlink()
    assert Inspected([tmp_path / "mine"]).head()["runs"][0]["note"].startswith("Rounds 1, 2 are not finished")


def test_a_page_in_the_runs_folder_is_in_nobodys_way(reference, tmp_path):
    root = tmp_path / "mine"
    shutil.copytree(reference, root, symlinks=True)
    before = artefacts(root)
    write_page(Inspected([root]), root / PAGE)
    run_tiny(root)  # taken up, and found to be finished
    judge = EvaluateConfig(run=str(root), workers=0, progress=False, problems=1, samples=1)
    assert evaluate_run(judge)["round"] == 2
    assert set(artefacts(root)) - set(before) == {PAGE}
    assert {name: digest for name, digest in artefacts(root).items() if name != PAGE} == before


# Served


def test_a_served_run_gives_what_a_file_holds(reference, tmp_path):
    write_page(Inspected([reference]), tmp_path / "page.html")
    found = elements(tmp_path / "page.html")
    served = ServedRun(Inspected([reference]))
    assert (served.lines(0)["lines"], served.lines(0)["done"]) == ({"id": []}, False)
    with pytest.raises(LookupError, match="still being read"):
        served.critical()
    served.find()
    answer = served.lines(0)
    assert answer["done"]
    for name in ("id", "nodes", "q", "picture", "source", "held_out", "pairs"):
        assert answer["lines"][name] == found["lines"][name]
    for at in range(len(found["lines"]["id"])):
        assert served.tree(at) == found[f"part-{found['lines']['part'][at]}"][found["lines"]["at"][at]]
    assert sum(answer["lines"]["pairs"]) > 0
    assert served.critical() == found["critical"]
    assert sum(found["critical"]["right"]) > 0
    assert sum(map(len, found["critical"]["others"])) > 0
    with pytest.raises(LookupError, match="there is no tree 9999"):
        served.tree(9999)
    assert "text/plain" not in served.page()


def test_a_damaged_file_is_told_of_and_the_rest_is_served(bare):
    shutil.copy(bare / "round_1/trees/tree1-00000.jsonl.gz", bare / "round_1/trees/tree1-00001.jsonl.gz")
    path = bare / "round_1/trees/tree1-00000.jsonl.gz"
    path.write_bytes(b"not gzip")
    served = ServedRun(Inspected([bare]))
    served.find()
    assert len(served.lines(0)["lines"]["id"]) == 3
    assert "tree1-00000.jsonl.gz: damaged or cut short" in served.lines(0)["error"]


def test_a_link_out_of_the_run_is_refused(bare, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "t.jsonl.gz"
    write_trees(outside, [search_table(rollouts=1).tree])
    (bare / "round_1/trees/tree2-00000.jsonl.gz").symlink_to(outside)
    with pytest.raises(UserError, match="points to a place outside the run"):
        ServedRun(Inspected([bare]))


def test_lines_are_found_again_from_the_middle_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr("evolve.packed_lines._APART", 1000)
    monkeypatch.setattr("evolve.packed_lines._READ", 64)
    lines = [bytes([65 + n % 26]) * (n * 37 % 400) for n in range(300)]
    path = tmp_path / "lines.gz"
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    packed = PackedLines(path)
    found = list(packed.lines())
    assert [line for _, line in found] == lines
    assert len(packed._places) > 8
    assert [packed.line_at(start) for start, _ in reversed(found)] == lines[::-1]
    path.write_bytes(gzip.compress(b"other"))
    with pytest.raises(DataError, match="has changed since it was read"):
        packed.line_at(0)
