"""DOT read back: by a reader of this file that follows the language's rules for strings, into networkx again."""

import re

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcts.config import Mode
from mcts.step import Step
from mcts.tree import SearchTree
from tasks.problem import Outcome, Problem, Verdict
from tests.mcts.puzzles import search_table
from viewer.colours import DIVERGING, mix
from viewer.dot import quoted, to_dot
from viewer.graph import to_networkx
from viewer.text import visible

# A string ends at the first quote without a backslash before it; a backslash takes the next character with it.
STRING = r'"(?:[^"\\]|\\.)*"'
ATTRIBUTES = re.compile(rf"(\w+)=({STRING})")
STATEMENT = re.compile(rf"(graph|node|\d+)(?: -> (\d+))? \[(\w+={STRING}(?:, \w+={STRING})*)\];")
HOSTILE = [
    'a"; x [label="y"]; "', "back\\slash\\", "\\", '\\"', "<b>html</b>", "&lt;&#60;", "]; } digraph { 9 -> 9 [",
    "\\N\\G\\E", "a\nb\r\tc", "\x00\x1b[31m\x07", "\u202e\u2066bidi\u2069", "\ud800", "", "{|}", "/* c */ // # d",
    "\U0001f600 é",
]  # fmt: skip


def unescape(string):
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], string[1:-1])


def read_dot(text):
    """A graph with text attributes. Fails for a line that is no statement from its first to its last character."""
    first, *lines, last = text.removesuffix("\n").split("\n")
    assert (first, last) == ("digraph {", "}")
    graph = nx.DiGraph()
    for line in lines:
        found = STATEMENT.fullmatch(line)
        assert found, line
        values = {name: unescape(string) for name, string in ATTRIBUTES.findall(found[3])}
        if found[2]:
            graph.add_edge(int(found[1]), int(found[2]), **values)
        elif found[1] == "graph":
            graph.graph.update(values)
        elif found[1] != "node":
            graph.add_node(int(found[1]), **values)
    return graph


def safe(value):
    if isinstance(value, str):
        return "\n".join(map(visible, value.split("\n")))
    return str(value).lower() if isinstance(value, bool) else str(value)


def one_step(text):
    tree = SearchTree(Problem("p", text, text, {text: None}))
    tree.add_children(0, [Step(text, is_final=True, observation=text)], [1.0])
    tree.back_up_mean(1, 1.0)
    tree.verdicts[1] = Verdict(Outcome.CORRECT, 1.0, {text: 1.0}, note=text)
    return tree


def comes_back(tree, path):
    to_dot(tree, path)
    expected, found = to_networkx(tree), read_dot(path.read_text())
    assert set(found.edges) == set(expected.edges)
    assert found.graph == {name: safe(value) for name, value in expected.graph.items()}
    assert list(found) == list(expected)
    for node in expected:
        assert {name: found.nodes[node][name] for name in expected.nodes[node]} == {
            name: safe(value) for name, value in expected.nodes[node].items()
        }
    return found


def test_a_searched_tree_comes_back_with_every_number(tmp_path):
    tree = search_table(rollouts=4, mode=Mode.PPM_AUGMENTED).tree
    found = comes_back(tree, tmp_path / "t.dot")
    assert [float(found.nodes[node]["q"]) for node in found] == [tree.q(node) for node in range(len(tree))]
    assert found.nodes[1]["color"] == mix(DIVERGING, tree.q(1))
    assert {node for node in found if found.nodes[node]["penwidth"] == "3"} == {0, *tree.best_path()}
    assert float(found.edges[0, 1]["penwidth"]) == pytest.approx(6 * (tree.visits[1] / tree.visits[0]) ** 0.5, abs=0.01)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_one_string(tmp_path, text):
    found = comes_back(one_step(text), tmp_path / "t.dot")
    assert found.nodes[1]["label"].startswith(safe(text.rstrip("\n")).replace("&", "&amp;"))
    assert (tmp_path / "t.dot").read_text().isascii() or any(char.isprintable() and char > "~" for char in text)


@settings(max_examples=80)
@given(text=st.text(st.characters(codec=None)))
def test_any_text_comes_back(tmp_path_factory, text):
    assert unescape(quoted(text)) == safe(text)
    comes_back(one_step(text), tmp_path_factory.mktemp("dot") / "t.dot")


def test_long_steps_are_cut_in_the_label_alone(tmp_path):
    found = comes_back(one_step("x" * 500), tmp_path / "t.dot")
    assert found.nodes[1]["label"].startswith("x" * 120 + "…\n#1 N=1 Q=+1.00")
