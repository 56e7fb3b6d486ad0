"""``trees.md`` shows a few trees as text, and nothing that a model wrote as markup."""

from __future__ import annotations

from compare.arms.tree_page import write_tree_page
from mcts.step import Step
from mcts.tree import SearchTree
from tasks.problem import Problem


def tree(name, text):
    made = SearchTree(Problem(name, "1 +1\n", "2", {}))
    made.add_children(0, [Step(text, (1, 2), (-0.1, -0.2))], [1.0])
    made.visits[1] = 3
    return made


def test_the_first_trees_are_shown_as_indented_text(tmp_path):
    path = tmp_path / "trees.md"
    write_tree_page(path, (tree(f"chain/0/train-{number}", "# <b>1+1=2</b>\n[red]x") for number in range(9)))
    page = path.read_text()
    assert page.count("## chain/0/train-") == 4
    assert "(answer 2)" in page
    assert page.count("<b>1+1=2</b>") == 4
    for line in page.splitlines():
        assert "<b>" not in line or line.startswith("    ")
