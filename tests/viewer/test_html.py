"""The page as a file, and what Python computes for it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from importlib.resources import files
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcts.config import Mode
from mcts.criticality import criticality
from mcts.step import Step
from tests.mcts.puzzles import search_table
from tests.viewer.hostile import HOSTILE, hostile_tree
from viewer.annotations import Annotations, PairNote
from viewer.bundle import SCRIPTS, json_text, packed, page
from viewer.colours import DIVERGING
from viewer.layout import depths, tidy_rows
from viewer.overview import MOST_IN_PICTURE, picture, tree_line
from viewer.tree_data import tree_data

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
PARENTS = st.integers(1, 60).flatmap(lambda size: st.tuples(*(st.integers(0, max(0, n - 1)) for n in range(size))))


def unpacked(text: str):
    return json.loads(gzip.decompress(base64.b64decode(text)))


# Layout


@given(PARENTS)
def test_the_layout_is_tidy(drawn):
    parents = [-1, *drawn[1:]]
    rows, columns = tidy_rows(parents), depths(parents)
    children = [[n for n in range(1, len(parents)) if parents[n] == p] for p in range(len(parents))]
    leaves = sorted(rows[n] for n in range(len(parents)) if not children[n])
    assert leaves == list(range(len(leaves)))
    for node, below in enumerate(children):
        if below:
            assert rows[node] == (rows[below[0]] + rows[below[-1]]) / 2
            assert [rows[child] for child in below] == sorted(rows[child] for child in below)
    for depth in set(columns):
        level = sorted(rows[n] for n in range(len(parents)) if columns[n] == depth)
        assert all(b - a >= 1 for a, b in pairwise(level))


def test_a_layout_by_hand():
    # Root with 1 and 2; 1 has 3 and 4; 2 has 5.
    assert tidy_rows([-1, 0, 0, 1, 1, 2]) == [1.25, 0.5, 2, 0, 1, 2]


# The list


def test_a_line_tells_of_its_tree():
    line = tree_line(search_table(rollouts=2).tree)
    assert (line["id"], line["solved"], line["nodes"], line["visits"]) == ("table/0/0", True, 7, 3)
    assert (line["q"], line["right"], line["wrong"], line["best"]) == (0.3333, 2, 1, "c")


def test_the_picture_shows_the_most_visited_nodes():
    tree = search_table(rollouts=2).tree
    drawn = [[DIGITS.index(digit) for digit in picture(tree)[at : at + 4]] for at in range(0, 28, 4)]
    assert [node[0] for node in drawn] == list(tree.depth)
    assert [node[3] for node in drawn] == [max(parent, 0) for parent in tree.parent]
    assert drawn[3][2] == 0  # wrong
    assert drawn[4][2] == 62  # right
    assert len(picture(hostile_tree())) <= 4 * MOST_IN_PICTURE


# A tree's data


def test_the_data_is_the_tree_with_what_is_known_of_it():
    tree = search_table(rollouts=4, mode=Mode.PPM_AUGMENTED).tree
    pair = PairNote("same_prefix", 1, 4, 3, 2.0, "")
    notes = Annotations([pair], {1: True, 3: False}, {"blind": {3: -0.5}}, lambda step: [len(step.text)])
    data = tree_data(tree, notes)
    assert data["visits"] == list(tree.visits)
    assert data["value_sum"] == list(tree.value_sum)
    assert data["ends"] == "...wc.c"
    assert data["best"] == tree.best_path()
    assert data["labels"] == {"1": 1, "3": 0}
    assert data["scores"] == {"blind": {"3": -0.5}}
    assert data["pairs"] == [["same_prefix", 1, 4, 3, 2.0, "", None]]
    assert data["lengths"]["1"] == [1]
    assert data["criticality"][1:] == pytest.approx(list(criticality(tree)[1:]), abs=1e-6, nan_ok=True)
    assert data["criticality"][0] is None
    assert data["history"]["size"][-1] == len(tree)


def test_log_probs_are_thousandths():
    tree = search_table(rollouts=1).tree
    tree.steps[1] = Step("a", (1, 2), (-0.12345, -7.0))
    assert tree_data(tree, Annotations())["logprobs"][1] == [-123, -7000]


# The file


def a_page(title="run", head=None):
    return "".join(page(title, head or {"title": title, "runs": []}, [("lines", packed("{}"))]))


def test_the_policy_names_the_one_script_and_the_one_style():
    text = a_page()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    script = text.rsplit("<script>", 1)[1].split("</script>")[0]
    style = text.split("<style>", 1)[1].split("</style>")[0]
    for kind, content in (("script", script), ("style", style)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "connect-src" not in policy
    assert "connect-src 'self'" in "".join(page("t", {}, [], served=True))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_gets_out_of_its_element(text):
    plain, made = a_page(), a_page(text, {"title": text, "runs": [{"name": text}]})
    assert made.lower().count("<script") == plain.lower().count("<script")
    assert made.lower().count("</script") == plain.lower().count("</script")
    assert made.count("<img") == made.count("<svg") == made.count("<iframe") == 0
    head = made.split('id="head">', 1)[1].split("</script>")[0]
    assert json.loads(head)["title"] == text
    assert not set("<>&") & set(head)


def test_packed_data_comes_back_and_is_the_same_each_time():
    value = [tree_data(hostile_tree(number), Annotations()) for number in range(2)]
    text = packed(json_text(value))
    assert unpacked(text) == value
    assert packed(json_text(value)) == text
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", text)


def test_the_page_carries_the_terminals_colours():
    head = json.loads(a_page().split('id="head">', 1)[1].split("</script>")[0])
    assert [tuple(stop) for stop in head["scales"]["diverging"]] == list(DIVERGING)


def test_the_scripts_put_no_text_where_it_would_be_markup_or_code():
    folder = files("viewer") / "page"
    assert sorted(p.name for p in folder.iterdir() if p.name.endswith(".js")) == sorted(SCRIPTS)
    sinks = (
        r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|srcdoc|DOMParser|\.src\b|import\("
    )
    for name in SCRIPTS:
        text = (folder / name).read_text()
        assert re.findall(sinks, text) == [], name
        assert "</" not in text, name  # could end the element that the scripts stand in
        assert re.findall(r"https?:", text.replace("http://www.w3.org/2000/svg", "")) == [], name
