import io
import json

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from mcts.config import Mode
from mcts.step import Step
from mcts.tree import SearchTree
from mcts.tree_json import decode
from tasks.problem import Outcome, Problem, Verdict
from tests.mcts.puzzles import search_table
from viewer.colours import DIVERGING, UNKNOWN, mix
from viewer.graph import to_graphml, to_json, to_networkx
from viewer.text import legend, render_tree, visible


def shown(tree, **options):
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(render_tree(tree, **options))
    return console.file.getvalue()


def one_step(text, prompt="?"):
    tree = SearchTree(Problem("p/0/0", prompt, "", {}))
    tree.add_children(0, [Step(text, is_final=True, observation=text)], [1.0])
    tree.back_up_mean(1, 1.0)
    tree.verdicts[1] = Verdict(Outcome.UNVERIFIABLE, 0.0, note=text)
    return tree


def test_a_tree_shows_steps_statistics_and_verdicts():
    text = shown(search_table(rollouts=2, mode=Mode.PPM_AUGMENTED).tree)
    lines = [line.lstrip("├└─│ ") for line in text.splitlines()]
    assert lines[0] == "?  [table/0/0]  N=3 Q=+0.33 nodes=7".rstrip()
    assert "a  #1 N=3 Q=+0.17 Δ=-0.17 PPM=+0.50" in lines
    assert "x  #3 N=1 Q=-1.00 Δ=-1.17 ✗" in lines
    assert "z  #6 N=1 Q=+1.00 Δ=+0.38 ✓" in lines
    assert len(lines) == 7


def test_pruning_counts_what_it_hides_and_keeps_the_path():
    tree = search_table(rollouts=4).tree
    assert "… 2 more" in shown(tree, min_visits=2)
    assert len(shown(tree, max_depth=0, path=None).splitlines()) == 2
    deep = shown(tree, max_depth=0, path="best")
    assert "z  #6" in deep
    assert "… 1 more" in deep
    assert "x  #3" in shown(tree, max_depth=0, path=3)
    with pytest.raises(ValueError, match="path must be"):
        render_tree(tree, path=99)
    with pytest.raises(ValueError, match="path must be"):
        render_tree(tree, path="worst")


def test_the_path_is_bold():
    branch = render_tree(search_table(rollouts=4).tree).children
    assert [bool(child.label.spans[0].style.bold) for child in branch] == [False, True]


def test_a_move_that_rounds_to_nothing_is_left_out():
    tree = SearchTree(Problem("p", "?", ""))
    tree.add_children(0, [Step("a"), Step("b")], [0.5, 0.5])
    for node, (visits, total) in enumerate([(1000, 500), (500, 252), (500, 247)]):
        tree.visits[node], tree.value_sum[node] = visits, total
    text = shown(tree)
    assert "a  #1 N=500 Q=+0.50\n" in text  # moves by 0.004
    assert "b  #2 N=500 Q=+0.49 Δ=-0.01\n" in text  # by 0.006


def test_the_legend_names_what_is_there():
    plain, scored = search_table(rollouts=2).tree, search_table(rollouts=2, mode=Mode.PPM_AUGMENTED).tree
    assert legend([plain]).startswith("N visits, Q mean value (-1 to 1), Δ Q minus the Q before it; ")
    assert "PPM" not in legend([plain])
    assert "a child can have more than its parent" in legend([plain, scored], "» ")
    assert legend([scored], "» ").startswith("» the path; ")
    assert legend([plain]).endswith("✓ correct ✗ wrong")
    assert "∅" not in legend([plain])


def test_dead_ends_are_marked():
    tree = SearchTree(Problem("p", "?", ""))
    tree.add_children(0, [Step("a")], [1.0])
    tree.dead_ends.add(1)
    assert "a  #1 N=0 Q=+0.00 ∅" in shown(tree)


def test_model_text_is_no_markup_and_no_control_sequence():
    text = shown(one_step("[bold red]x[/] [link=http://e]y[/link] \x1b[31m\x07 \u202e \ud800\n", prompt="[blink]?\r"))
    assert "[bold red]x[/] [link=http://e]y[/link] \\x1b[31m\\x07 \\u202e \\ud800" in text
    assert "[blink]?\\r" in text
    assert "\x1b" not in text


@given(st.text(st.characters(codec=None)))
def test_visible_text_is_one_printable_line(text):
    assert visible(text).isprintable()
    assert text.isprintable() is (visible(text) == text)


def test_steps_have_the_pages_colours():
    branch = render_tree(search_table(rollouts=2).tree).children  # Q(a) = 0, Q(b) = 1
    assert [child.label.spans[0].style.color.name for child in branch] == [mix(DIVERGING, 0.0), mix(DIVERGING, 1.0)]
    tree = SearchTree(Problem("p", "?", ""))
    tree.add_children(0, [Step("never visited")], [1.0])
    (label,) = (child.label for child in render_tree(tree).children)
    assert (label.spans[0].style.color.name, label.spans[0].style.dim) == (UNKNOWN, True)
    assert {str(span.style) for span in label.spans[1:]} == {"dim"}  # numbers are not coloured


def test_networkx_holds_the_tree():
    tree = search_table(rollouts=2, mode=Mode.PPM_AUGMENTED).tree
    graph = to_networkx(tree)
    assert nx.is_arborescence(graph)
    assert list(graph.successors(0)) == [1, 2]
    assert graph.nodes[1]["score"] == 0.5
    assert graph.nodes[1]["criticality"] == tree.q(1) - tree.q(0)
    assert {"score", "spread"} & set(graph.nodes[6]) == set()  # it has no sibling
    assert graph.nodes[4]["spread"] == 2.0
    assert {type(value) for node in graph for value in graph.nodes[node].values()} == {str, int, float, bool}
    assert json.loads(graph.graph["meta"]) == {}
    assert (graph.nodes[4]["outcome"], graph.nodes[4]["text"]) == ("correct", "y")
    assert [graph.nodes[node]["visits"] for node in graph] == list(tree.visits)
    again = nx.node_link_graph(json.loads(json.dumps(nx.node_link_data(graph, edges="edges"))), edges="edges")
    assert nx.utils.graphs_equal(graph, again)


def test_graphml_comes_back(tmp_path):
    graph = to_networkx(search_table(rollouts=2, mode=Mode.PPM_AUGMENTED).tree)
    to_graphml(search_table(rollouts=2, mode=Mode.PPM_AUGMENTED).tree, tmp_path / "t.graphml")
    again = nx.read_graphml(tmp_path / "t.graphml", node_type=int)
    assert dict(again.nodes(data=True)) == dict(graph.nodes(data=True))
    assert set(again.edges) == set(graph.edges)


@settings(max_examples=40)
@given(text=st.text(st.characters(codec=None)))
def test_any_text_makes_readable_graphml(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("graph") / "t.graphml"
    to_graphml(one_step(text, prompt=text), path)
    assert len(nx.read_graphml(path)) == 2


@settings(max_examples=40)
@given(text=st.text(st.characters(codec=None)))
def test_any_text_comes_back_through_json(text):
    graph = to_networkx(one_step(text, prompt=text))
    data = json.dumps(nx.node_link_data(graph, edges="edges"), allow_nan=False).encode("ascii")
    assert nx.utils.graphs_equal(graph, nx.node_link_graph(json.loads(data), edges="edges"))


def test_graphml_shows_control_characters_as_escapes(tmp_path):
    to_graphml(one_step("a\x00\x1b<b>&\ufffe\r\n"), tmp_path / "t.graphml")
    graph = nx.read_graphml(tmp_path / "t.graphml")
    assert graph.nodes["1"]["text"] == "a\\x00\\x1b<b>&\\ufffe\\r\n"


def test_json_is_the_tree_file():
    tree = search_table(rollouts=2).tree
    assert decode(json.loads(json.dumps(to_json(tree)))).steps == tree.steps
