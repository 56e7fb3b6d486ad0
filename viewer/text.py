"""A search tree in the terminal. Model text appears as text: no markup, no control characters."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from rich.style import Style
from rich.text import Text
from rich.tree import Tree

from mcts.criticality import criticality
from mcts.tree import SearchTree
from tasks.problem import Outcome
from viewer.colours import DIVERGING, mix

_MARKS = {Outcome.CORRECT: "✓", Outcome.WRONG: "✗", Outcome.UNVERIFIABLE: "?", Outcome.ERROR: "!"}
_WORDS = {outcome: str(outcome) for outcome in Outcome} | {Outcome.ERROR: "verifier error"}
_LEAST_MOVE = 0.005  # what is nearer to 0 would be shown as 0.00


def render_tree(
    tree: SearchTree,
    max_depth: int | None = None,
    min_visits: int = 0,
    path: str | int | None = "best",
    path_mark: str = "",
    scores: Mapping[str, Mapping[int, float]] = MappingProxyType({}),
) -> Tree:
    """The tree for ``rich``: each step with N, Q, its criticality (Δ), the PPM's score and the verdict's mark.

    Steps have the page's colour of their Q (viewer/colours.py). ``path`` is set in bold and begins with ``path_mark``:
    "best", a node (the path to it), or None. Δ is left out where it rounds to 0. Nodes below ``max_depth`` or with
    fewer than ``min_visits`` visits are counted, not shown; those on the path are always shown. Marks: ✓ correct,
    ✗ wrong, ? unverifiable, ! verifier error, ∅ dead end. ``scores``: what else is told of a node, by name. Raises
    ValueError for a path that is none of these.
    """
    bold, moved = frozenset(_path_nodes(tree, path)), criticality(tree)
    root = Tree(_root_label(tree))
    stack = [(0, root)]
    while stack:
        node, branch = stack.pop()
        shown, hidden = _split_children(tree, node, max_depth, min_visits, bold)
        for child in shown:
            label = _label(tree, child, float(moved[child]), is_bold=child in bold)
            for name, found in scores.items():
                label.append(f" {visible(name)}={found[child]:+.2f}" if child in found else "", style="dim")
            mark = Text(path_mark if child in bold else " " * len(path_mark), style="bold")
            stack.append((child, branch.add(mark + label)))
        if hidden:
            branch.add(Text(f"… {hidden} more", style="dim"))
    return root


def legend(trees: Iterable[SearchTree], path_mark: str = "") -> str:
    """One line that says what the figures and marks beside the steps of these trees are."""
    trees = list(trees)
    outcomes = {verdict.outcome for tree in trees for verdict in tree.verdicts.values()}
    has_scores = any(not math.isnan(score) for tree in trees for score in tree.score)
    said = [
        f"{path_mark.strip()} the path" if path_mark else "",
        "N visits, Q mean value (-1 to 1), Δ Q minus the Q before it",
        "PPM score (may count as a visit: a child can have more than its parent)" * has_scores,
        " ".join(f"{mark} {_WORDS[outcome]}" for outcome, mark in _MARKS.items() if outcome in outcomes),
        "∅ dead end" if any(tree.dead_ends for tree in trees) else "",
    ]
    return "; ".join(part for part in said if part)


def visible(text: str) -> str:
    """Text on one line in which every control, format and unprintable character is shown as its escape."""
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")


def _path_nodes(tree: SearchTree, path: str | int | None) -> list[int]:
    if path is None:
        return []
    if path == "best":
        return tree.best_path()
    if isinstance(path, int) and 0 <= path < len(tree):
        return tree.path(path)
    raise ValueError(f'path must be "best", None or a node below {len(tree)}, got {path!r}')


def _split_children(
    tree: SearchTree, node: int, max_depth: int | None, min_visits: int, bold: Collection[int]
) -> tuple[list[int], int]:
    is_too_deep = max_depth is not None and tree.depth[node] >= max_depth
    children = tree.children(node)
    shown = [child for child in children if child in bold or (not is_too_deep and tree.visits[child] >= min_visits)]
    return shown, len(children) - len(shown)


def _root_label(tree: SearchTree) -> Text:
    label = Text(visible(tree.problem.prompt.rstrip("\n")), style="bold")
    label.append(
        f"  [{visible(tree.problem.id)}]  N={tree.visits[0]} Q={tree.q(0):+.2f} nodes={len(tree)}", style="dim"
    )
    return label


def _label(tree: SearchTree, node: int, moved: float, *, is_bold: bool) -> Text:
    colour = mix(DIVERGING, tree.q(node) if tree.visits[node] else math.nan)
    style = Style(color=colour, bold=is_bold or None, dim=not tree.visits[node] or None)
    label = Text.assemble((visible(tree.step(node).text.rstrip("\n")), style))
    if tree.step(node).observation:
        label.append(f" → {visible(tree.step(node).observation.rstrip())}", style="italic")
    label.append(f"  #{node} N={tree.visits[node]} Q={tree.q(node):+.2f}", style="dim")
    if abs(moved) >= _LEAST_MOVE:
        label.append(f" Δ={moved:+.2f}", style="dim")
    if not math.isnan(tree.score[node]):
        label.append(f" PPM={tree.score[node]:+.2f}", style="dim")
    if node in tree.verdicts:
        label.append(f" {_MARKS[tree.verdicts[node].outcome]}", style="bold")
    if node in tree.dead_ends:
        label.append(" ∅", style="bold")
    return label
