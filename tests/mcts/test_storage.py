import gzip
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcts.config import Mode, SearchConfig
from mcts.step import Step
from mcts.storage import read_names, read_trees, write_trees
from mcts.tree import SearchTree
from mcts.tree_json import decode, encode
from tasks.errors import DataError, UserError
from tasks.problem import Outcome, Problem, Verdict
from tests.mcts.puzzles import SUM, SUM_EVALUATOR, run, search_sum

COLUMNS = ("parent", "first_child", "child_count", "depth", "visits", "value_sum", "prior")


def same(a: SearchTree, b: SearchTree) -> bool:
    return (
        all(getattr(a, name) == getattr(b, name) for name in COLUMNS)
        and repr(a.score) == repr(b.score)
        and (a.problem, a.steps, a.verdicts, a.dead_ends) == (b.problem, b.steps, b.verdicts, b.dead_ends)
    )


def grown(mode=Mode.PPM_AUGMENTED, count=3, **options):
    config = SearchConfig(mode=mode, max_depth=5, **options)
    return [run(search_sum(config, seed=index, index=index), SUM, SUM_EVALUATOR) for index in range(count)]


@pytest.mark.parametrize("mode", list(Mode))
def test_round_trip_is_exact(tmp_path, mode):
    trees = grown(mode)
    write_trees(tmp_path / "a" / "t.jsonl.gz", trees)
    back = list(read_trees(tmp_path / "a" / "t.jsonl.gz"))
    assert len(back) == len(trees)
    assert all(same(a, b) for a, b in zip(trees, back, strict=True))
    assert [a.trajectories() for a in trees] == [b.trajectories() for b in back]


def test_names_are_read_without_the_trees(tmp_path):
    trees = grown()
    write_trees(tmp_path / "t.jsonl.gz", trees)
    assert list(read_names(tmp_path / "t.jsonl.gz")) == [(tree.problem.id, tree.problem.prompt) for tree in trees]
    for wrong in (b"{", b"[]", b'{"id": 1, "prompt": "?"}', b'{"version": 1, "id": "a"}'):
        write_lines(tmp_path / "w.jsonl.gz", [wrong])
        with pytest.raises(DataError, match=r"w\.jsonl\.gz, line 1: "):
            list(read_names(tmp_path / "w.jsonl.gz"))


def test_the_same_trees_give_the_same_bytes(tmp_path):
    write_trees(tmp_path / "one.jsonl.gz", grown())
    write_trees(tmp_path / "two.jsonl.gz", grown())
    packed = (tmp_path / "one.jsonl.gz").read_bytes()
    assert packed == (tmp_path / "two.jsonl.gz").read_bytes()
    write_trees(tmp_path / "one.jsonl.gz", grown(count=2))
    assert packed != (tmp_path / "one.jsonl.gz").read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@settings(max_examples=50)
@given(st.text(), st.text(), st.floats(0, 1), st.floats(-1, 1), st.floats(-100, 0))
def test_any_text_and_any_float_survive(text, note, reward, score, logprob):
    tree = SearchTree(Problem(text, text, text, {"level": 3, text: [text, None, 1.5]}))
    tree.add_children(0, [Step(text, (0, 7), (logprob, -0.0), is_final=True, observation=note)], [1 / 3])
    tree.set_score(1, score, pseudo_visit=True)
    tree.verdicts[1] = Verdict(Outcome.ERROR, reward, {text: reward}, note)
    assert same(decode(json.loads(json.dumps(encode(tree)))), tree)


def test_a_failing_writer_leaves_what_was_there(tmp_path):
    path = tmp_path / "t.jsonl.gz"
    write_trees(path, grown())
    before = path.read_bytes()
    broken = SearchTree(Problem("bad/0/1", "", ""))
    broken.add_children(0, [Step("x", (1,), (math.nan,))], [1.0])
    with pytest.raises(UserError, match="bad/0/1 holds a log-prob or value that is not finite"):
        write_trees(path, [broken])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def write_lines(path, lines):
    path.write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines)))


def mended(**changes):
    row = encode(grown(count=1)[0])
    for name, change in changes.items():
        row[name] = change(row[name]) if callable(change) else change
    return json.dumps(row).encode()


def at(node, value):
    return lambda column: [value if i == node else entry for i, entry in enumerate(column)]


def wrong_families(column):
    # The last node moves to the root, away from its siblings.
    return [*column[:-1], 0]


BAD_LINES = {
    "not JSON": (b"{", "not a JSON object"),
    "not UTF-8": (b"\xff\xfe", "not a JSON object"),
    "too deep JSON": (b"[" * 100_000, "not a JSON object"),
    "a list": (b"[]", "a tree must be a JSON object"),
    "another version": (mended(version=2), "version must be 1, got 2"),
    "no columns": (b'{"version": 1, "id": "", "prompt": "", "answer": "", "meta": "{}"}', "column parent must be"),
    "no nodes": (mended(parent=[]), "column parent must be a list"),
    "short column": (mended(visits=lambda column: column[:-1]), "column visits must be a list of"),
    "id is a number": (mended(id=3), "id must be text, got 3"),
    "meta is broken": (mended(meta="[]"), "meta must be a JSON object as text"),
    "root has a parent": (mended(parent=at(0, 0)), "parent of node 0 must be -1, got 0"),
    "child before parent": (mended(parent=at(1, 2)), "parent of node 1 must come before it, got 2"),
    "own parent": (mended(parent=at(1, 1)), "parent of node 1 must come before it, got 1"),
    "second root": (mended(parent=at(1, -1)), "parent of node 1 must come before it, got -1"),
    "parted siblings": (mended(parent=wrong_families), "must lie side by side"),
    "huge number": (mended(visits=at(0, 10**400)), "visits of node 0 must be a count"),
    "huge value": (mended(value_sum=at(0, 10**400)), "value_sum of node 0 must be a finite number"),
    "NaN": (mended(value_sum=at(0, math.nan)), "value_sum of node 0 must be a finite number, got nan"),
    "boolean count": (mended(visits=at(0, True)), "visits of node 0 must be a count, got True"),
    "value beyond visits": (mended(value_sum=at(0, 1e6)), "value_sum of node 0 must lie within its visits"),
    "prior": (mended(prior=at(1, 1.5)), "prior of node 1 must be a number in"),
    "score": (mended(score=at(1, 2)), "score of node 1 must be null or a number"),
    "tokens without logprobs": (mended(logprobs=at(0, [-1.0])), "node 0 must have one logprob per token"),
    "token": (mended(token_ids=at(0, ["a"])), "token_ids of node 0 must be a list of token ids"),
    "outcome": (mended(outcome=at(1, "fine")), "outcome of node 1 must be null or one of correct, wrong"),
    "verdict on an open node": (
        mended(outcome=at(0, "wrong"), reward=at(0, 0), parts=at(0, "{}"), note=at(0, "")), "node 0 has an incomplete",
    ),
    "half a verdict": (mended(outcome=lambda column: [None] * len(column)), "has an incomplete verdict"),
    "children of an end": (mended(is_dead_end=at(0, True)), "node 0 has children although its path ends there"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_LINES)
def test_a_bad_line_is_named(tmp_path, case):
    line, message = BAD_LINES[case]
    path = tmp_path / "t.jsonl.gz"
    write_lines(path, [mended(), line])
    trees = read_trees(path)
    next(trees)
    with pytest.raises(DataError) as caught:
        next(trees)
    assert str(caught.value).startswith(f"{path}, line 2: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("keep", [0.3, 0.9, -4])
def test_a_truncated_file_is_an_error_not_an_end(tmp_path, keep):
    path = tmp_path / "t.jsonl.gz"
    write_trees(path, grown())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep) if keep > 0 else keep])
    with pytest.raises(DataError, match=r"t\.jsonl\.gz, line [1-9]\d*: damaged or cut short"):
        list(read_trees(path))
    with pytest.raises(DataError, match="damaged or cut short"):
        list(read_names(path))


def test_damage_in_the_first_line_is_said_to_lie_there(tmp_path):
    path = tmp_path / "t.jsonl.gz"
    write_trees(path, grown(count=1))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match=r"t\.jsonl\.gz, line 1: damaged or cut short"):
        list(read_trees(path))


def test_damage_anywhere_is_noticed(tmp_path):
    path = tmp_path / "t.jsonl.gz"
    write_trees(path, grown())
    whole = path.read_bytes()
    for position in range(10, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        with pytest.raises(DataError):
            list(read_trees(path))


def test_not_gzip_and_not_there(tmp_path):
    path = tmp_path / "t.jsonl.gz"
    with pytest.raises(DataError, match="there is no such tree file"):
        list(read_trees(path))
    path.write_bytes(b'{"version": 1}\n')
    with pytest.raises(DataError, match="damaged or cut short"):
        list(read_trees(path))
    write_trees(path, [])
    assert list(read_trees(path)) == []


def test_the_datasets_library_reads_the_file(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    trees = grown()
    write_trees(tmp_path / "t.jsonl.gz", trees)
    rows = datasets.load_dataset(
        "json", data_files=str(tmp_path / "t.jsonl.gz"), split="train", cache_dir=str(tmp_path / "cache")
    )
    for row, tree in zip(rows, trees, strict=True):
        back = decode(row)
        assert [step and step.text for step in back.steps] == [step and step.text for step in tree.steps]
        assert (back.problem, back.verdicts, back.visits) == (tree.problem, tree.verdicts, tree.visits)
        assert list(back.value_sum) == pytest.approx(list(tree.value_sum))  # that reader drops the last digits
