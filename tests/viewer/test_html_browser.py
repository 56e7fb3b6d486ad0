"""The page in a real browser: what it shows, what its controls do, and that no text in it runs."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mcts.config import Backup, Expansion, Mode, SearchConfig
from mcts.criticality import criticality, sibling_spread
from mcts.history import statistics_at
from mcts.step import Step
from mcts.tree import SearchTree
from tasks.problem import Outcome, Problem, Verdict
from tests.mcts.puzzles import SUM, SUM_EVALUATOR, run, search_sum, search_table
from tests.viewer.browser import CHROMIUM, Browser
from tests.viewer.hostile import HOSTILE, hostile_tree
from viewer.annotations import Annotations, PairNote
from viewer.bundle import json_text, packed, page
from viewer.diff import align
from viewer.layout import tidy_rows
from viewer.overview import tree_line
from viewer.text import visible
from viewer.tree_data import tree_data

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium (Debian: apt install chromium)")
SHOTS = Path(os.environ.get("TREEWARD_SCREENSHOTS", "/nowhere"))


def write(
    path: Path, trees: list[SearchTree], notes: dict[int, Annotations] | None = None, runs: int = 1, **more
) -> str:
    """A page whose trees alternate between two rounds, or between two runs of two rounds; returns its address."""
    lines = [
        {**tree_line(tree), "run": at % runs, "round": 1 + at // runs % 2, "source": "tree1-00000", "held_out": False,
         "level": tree.problem.meta.get("level"), "pairs": 0, "part": 0, "at": at}
        for at, tree in enumerate(trees)
    ]  # fmt: skip
    data = [tree_data(tree, (notes or {}).get(at, Annotations())) for at, tree in enumerate(trees)]
    rows = [{"round": n, "has_trees": True, "coverage": n / 2} for n in (1, 2)]
    head = {"title": "run", "runs": [{"name": f"run {at}", "rounds": rows} for at in range(runs)], **more}
    columns = {name: [line[name] for line in lines] for name in lines[0]}
    critical = {"number": [0], "node": [1], "text": [HOSTILE[0]], "criticality": [-1.0], "spread": [1.0], "visits": [2],
                "right": [1], "wrong": [2], "others": [[[0, 2, -0.5, 3], [0, 3, -0.25, 4]]]}  # fmt: skip
    blobs = [("part-0", json_text(data)), ("lines", json_text(columns)), ("critical", json_text(critical))]
    path.write_text("".join(page("run", head, [(name, packed(text)) for name, text in blobs])))
    return path.as_uri()


def grown(seed: int, **options) -> SearchTree:
    config = SearchConfig(**({"rollouts": 12, "width": 5, "max_depth": 6, "mode": Mode.PPM_AUGMENTED} | options))
    return run(search_sum(config, seed=seed), SUM, SUM_EVALUATOR)


@pytest.fixture(scope="module")
def browser():
    with Browser() as opened:
        yield opened


@pytest.fixture
def quiet(browser):
    """The browser; afterwards it must have thrown, logged and asked for nothing."""
    browser.problems.clear()
    browser.requests.clear()
    yield browser
    assert browser.problems == []
    assert [url for url in browser.requests if not url.startswith(("file:", "about:", "blob:"))] == []


@pytest.fixture(scope="module")
def trees():
    plain = search_table(rollouts=4, mode=Mode.PPM_AUGMENTED).tree
    return [grown(0), grown(1), plain, grown(2, mode=Mode.TERMINAL_GUIDED)]


@pytest.fixture(scope="module")
def address(trees, tmp_path_factory):
    pairs = [PairNote("same_prefix", 1, 4, 3, 2.0, ""), PairNote("same_prefix", 0, 2, 1, 0.1, "margin")]
    notes = {2: Annotations(pairs, {1: True, 3: False, 4: True}, {"blind": {3: -0.5}}, lambda step: [])}
    return write(tmp_path_factory.mktemp("page") / "page.html", trees, notes)


def text_of(browser, selector):
    return browser.run(f"document.querySelector({json.dumps(selector)}).textContent")


def figure(browser, name):
    return text_of(browser, f'[data-figure="{name}"]')


def number(text):
    return None if text == "–" else float(text.replace("−", "-").replace(",", ""))


def go(browser, address, place):
    browser.open(address)
    browser.run(f"location.hash = {json.dumps(place)}")
    browser.wait(
        "document.querySelector('main:not([hidden])').id === 'view-' + (location.hash.split('/')[1] || 'overview')"
    )
    browser.wait("!location.hash.startsWith('#/tree') || document.querySelector('[data-figure]')")


def test_the_list_shows_every_tree_with_its_numbers(quiet, address, trees):
    go(quiet, address, "#/")
    quiet.wait("document.querySelectorAll('.rows .line').length === 4")
    cells = "[...document.querySelectorAll('.rows .line')].map(row => [...row.children].map(cell => cell.innerText))"
    for row, tree in zip(quiet.run(cells), trees, strict=True):
        assert row[1].split("\n")[0] == tree.problem.id
        assert row[3] == ("✓ solved" if tree.solved else "✗ unsolved")
        assert number(row[5]) == round(tree.q(0), 2)
        assert [number(row[6]), number(row[7])] == [tree.visits[0], len(tree)]
    quiet.screenshot(SHOTS / "overview.png") if SHOTS.is_dir() else None


def test_the_list_is_sorted_searched_and_filtered(quiet, address, trees):
    go(quiet, address, "#/")
    ids = "[...document.querySelectorAll('.rows a')].map(link => Number(link.getAttribute('href').split('/')[2]))"
    quiet.click('[data-sort="nodes"]')
    by_size = sorted(range(4), key=lambda at: (-len(trees[at]), at))
    assert quiet.run(ids) == by_size
    quiet.click('[data-sort="nodes"]')
    assert quiet.run(ids) == sorted(range(4), key=lambda at: (len(trees[at]), at))
    quiet.click('[data-round="0/2"]')
    assert sorted(quiet.run(ids)) == [1, 3]
    quiet.click('[data-round="all"]')
    quiet.click('[data-status="unsolved"]')
    assert sorted(quiet.run(ids)) == [at for at in range(4) if not trees[at].solved]
    quiet.click('[data-status="all"]')
    quiet.click("#find")
    quiet.call("Input.insertText", text="TABLE")
    assert quiet.run(ids) == [2]
    assert text_of(quiet, "#count") == "1 of 4 trees, 1 solved"


def test_a_steps_figures_are_the_tree_files(quiet, address, trees):
    tree = trees[0]
    for node in (0, 1, len(tree) - 1):
        go(quiet, address, f"#/tree/0/{node}")
        quiet.wait(f"location.hash === '#/tree/0/{node}'")
        seen = tree.visits[node] > 0
        assert number(figure(quiet, "N")) == tree.visits[node]
        assert number(figure(quiet, "Q")) == (pytest.approx(tree.q(node), abs=1e-4) if seen else None)
        score = tree.node(node).score
        assert number(figure(quiet, "PPM")) == (None if score is None else pytest.approx(score, abs=1e-4))
        assert number(figure(quiet, "prior")) == pytest.approx(tree.prior[node], abs=1e-4)
        assert number(figure(quiet, "tokens")) == (len(tree.step(node).token_ids) if node else 0)


def test_criticality_spread_and_reward_are_those_of_the_tree(quiet, tmp_path):
    tree = grown(0)
    judged = next(iter(tree.verdicts))
    tree.verdicts[judged] = Verdict(Outcome.CORRECT, 0.375)
    moves, spreads = criticality(tree), sibling_spread(tree)
    nodes = {0, 1, judged}  # the root has neither
    address = write(tmp_path / "t.html", [tree])
    for node in nodes | {int(np.nanargmin(moves)), int(np.nanargmax(moves)), int(np.nanargmax(spreads))}:
        go(quiet, address, f"#/tree/0/{node}")
        quiet.wait(f"location.hash === '#/tree/0/{node}'")
        for name, wanted in (("criticality", moves[node]), ("spread", spreads[node])):
            shown = number(figure(quiet, name))
            assert shown == (None if math.isnan(wanted) else pytest.approx(wanted, abs=5.1e-5)), (name, node)
        if node in tree.verdicts:
            assert number(figure(quiet, "reward")) == pytest.approx(tree.verdicts[node].reward, abs=5.1e-4)
        else:
            assert not quiet.run("document.querySelector('[data-figure=\"reward\"]')")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": Mode.TERMINAL_GUIDED, "discount": 0.9},
        {"backup": Backup.MAX},
        {"expansion": Expansion.CONTINUATION},
        {"mode": Mode.INFERENCE},
    ],
    ids=str,
)
def test_the_replay_shows_each_moment_as_python_tells_it(quiet, tmp_path, options):
    tree = grown(5, **options)
    history = tree.history
    go(quiet, write(tmp_path / "t.html", [tree]), "#/tree/0/0")
    ends = [
        at + 1 for at in range(len(history)) if at + 1 == len(history) or history.rollout[at] != history.rollout[at + 1]
    ]
    last = int(quiet.run("document.querySelector('#slider').max"))
    assert last in (len(ends), len(ends) + 1)
    for frame in range(len(ends), 0, -1):
        quiet.run(
            f"(s => {{ s.value = {frame}; s.dispatchEvent(new Event('input')); }})(document.querySelector('#slider'))"
        )
        visits, value_sum = statistics_at(tree, ends[frame - 1])
        if frame < last:
            assert number(figure(quiet, "N")) == visits[0]
            assert number(figure(quiet, "Q")) == pytest.approx(value_sum[0] / visits[0], abs=1e-4)
        said = text_of(quiet, "#moment")
        assert said.startswith(f"rollout {history.rollout[ends[frame - 1] - 1]} of {history.rollout[-1]} · ")
    quiet.run("document.querySelector('#slider').value = 0")
    quiet.run("document.querySelector('#slider').dispatchEvent(new Event('input'))")
    assert text_of(quiet, "#place").startswith("1 of")


def test_a_tree_without_history_grows_in_the_order_of_its_nodes(quiet, tmp_path):
    tree = grown(3)
    tree.history = None
    go(quiet, write(tmp_path / "t.html", [tree]), "#/tree/0/0")
    assert "the file holds no history" in text_of(quiet, "#moment")
    quiet.click("#back")
    assert not text_of(quiet, "#place").startswith(f"{len(tree)} of")


def test_folding_and_filters_show_what_they_say(quiet, address, trees):
    tree = trees[0]
    go(quiet, address, "#/tree/0/0")
    assert text_of(quiet, "#place") == f"{len(tree)} of {len(tree)} nodes"
    quiet.click("#fold-all")
    first = 1 + len(tree.children(0))
    assert text_of(quiet, "#place") == f"{first} of {len(tree)} nodes"
    quiet.click("#unfold-all")
    quiet.click("#filters-open")
    quiet.click("#only-right")
    kept = {0}
    for trajectory in tree.trajectories():
        if trajectory.verdict and trajectory.verdict.reward == 1:
            kept |= set(trajectory.nodes)
    assert text_of(quiet, "#place") == f"{len(kept)} of {len(tree)} nodes"
    assert text_of(quiet, "#filters-open") == "Filters · 1"
    quiet.click("#only-right")
    for name, value, rule in (
        ("max-depth", 2, lambda n: tree.depth[n] <= 2),
        ("min-visits", 2, lambda n: tree.visits[n] >= 2),
    ):
        script = "(i => {{ i.value = {}; i.dispatchEvent(new Event('input')); }})(document.getElementById('{}'))"
        before = quiet.run(f"document.getElementById('{name}').value")
        quiet.run(script.format(value, name))
        wanted = {n for node in range(len(tree)) if rule(node) for n in [0, *tree.path(node)]}
        assert text_of(quiet, "#place") == f"{len(wanted)} of {len(tree)} nodes", name
        quiet.run(script.format(before, name))
    assert text_of(quiet, "#place") == f"{len(tree)} of {len(tree)} nodes"


def test_every_control_of_a_tree_can_be_used(quiet, address):
    go(quiet, address, "#/tree/2/0")
    for selector in (
        "#fit",
        "#zoom-in",
        "#zoom-out",
        "#fold-all",
        "#unfold-all",
        "#play",
        "#play",
        "#back",
        "#forward",
    ):
        quiet.click(selector)
    quiet.run("(s => { s.value = s.max; s.dispatchEvent(new Event('input')); })(document.querySelector('#slider'))")
    quiet.click("#filters-open")
    quiet.click("#width")
    quiet.click("#only-paired")
    assert text_of(quiet, "#place") == "4 of 7 nodes"
    quiet.click("#only-paired")
    quiet.key("Escape")
    assert quiet.run("document.querySelector('#filters').matches(':popover-open')") is False
    for name in ("visits", "ppm", "prior", "gap", "criticality", "tokens", "q"):
        quiet.run(
            f"(s => {{ s.value = '{name}'; s.dispatchEvent(new Event('change')); }})(document.querySelector('#metric'))"
        )
        assert quiet.run("document.querySelector('.ramp').style.background").startswith("linear-gradient")
    quiet.run(
        "(s => { s.value = 'all'; s.dispatchEvent(new Event('change')); })(document.querySelector('#show-pairs'))"
    )
    quiet.click('[data-tab="pairs"]')
    assert "1 kept, 1 left outmargin 1: the difference of Q is too small" in text_of(quiet, "#detail")
    quiet.click(".pair")
    assert quiet.run("location.hash") == "#/tree/2/0"
    assert quiet.run("document.querySelector('.pair').getAttribute('aria-pressed')") == "true"
    quiet.click("#find-step")
    quiet.call("Input.insertText", text="z")
    quiet.key("Enter")
    assert quiet.run("location.hash") == "#/tree/2/6"
    quiet.click("#theme")
    quiet.click("#theme")
    assert quiet.run("document.documentElement.dataset.theme") == "dark"
    quiet.click("#theme")
    quiet.click("#help-open")
    assert quiet.run("document.querySelector('dialog').open")
    quiet.click("#help-close")
    quiet.screenshot(SHOTS / "tree.png") if SHOTS.is_dir() else None


def selected(browser):
    return int(browser.run("location.hash").split("/")[-1])


def shown_nodes(browser):
    return int(text_of(browser, "#place").split(" of ")[0])


def value_of(browser, selector):
    return browser.run(f"document.querySelector({json.dumps(selector)}).value")


def picture(browser):
    """What the canvas shows, once it is drawn."""
    frame = "new Promise(requestAnimationFrame)"  # a size is seen at the end of one, and drawn in the next
    drawn = f"{frame}.then(() => {frame}).then(() => {frame})"
    return browser.run(f"{drawn}.then(() => document.querySelector('canvas.surface').toDataURL())")


def test_a_tree_can_be_walked_by_keyboard_alone(quiet, address, trees):
    tree = trees[2]
    go(quiet, address, "#/tree/2/0")
    favourite, best = max(tree.children(0), key=lambda node: tree.visits[node]), list(tree.best_path())
    seen = []
    for key in ("ArrowRight", "ArrowLeft", *"b" * len(best), "b"):
        quiet.key(key)
        seen.append(selected(quiet))
    assert seen == [favourite, 0, *best, 0]  # from the end of the best path to its beginning
    quiet.key("ArrowRight")
    rows, moves = tidy_rows(list(tree.parent)), 0
    for key, way in (("ArrowUp", -1), ("ArrowDown", 1)):
        here = selected(quiet)
        quiet.key(key)
        there = selected(quiet)
        if there != here:
            moves += 1
            assert (rows[there] - rows[here]) * way > 0
    assert moves


def test_keys_fold_replay_and_paint(quiet, address, trees):
    go(quiet, address, "#/tree/2/0")
    last = int(quiet.run("document.querySelector('#slider').max"))
    quiet.key(" ")
    assert shown_nodes(quiet) == 1
    quiet.key("x")
    assert shown_nodes(quiet) == len(trees[2])
    quiet.key("x")
    assert shown_nodes(quiet) == 1 + len(trees[2].children(0))
    for key, frame in (("[", last - 1), ("]", last)):
        quiet.key(key)
        assert int(value_of(quiet, "#slider")) == frame
    before, legend = value_of(quiet, "#metric"), text_of(quiet, "#legend")
    quiet.key("c")
    assert value_of(quiet, "#metric") != before
    assert text_of(quiet, "#legend") != legend
    for sign in "❚▶":
        quiet.key("p")
        assert text_of(quiet, "#play").startswith(sign)


def test_keys_zoom_turn_pages_and_search(quiet, address, trees):
    go(quiet, address, "#/tree/2/0")
    pictures = [picture(quiet)]
    for key in "+f":
        quiet.key(key)
        pictures.append(picture(quiet))
    assert pictures[0] != pictures[1] != pictures[2]
    for key, tab in zip("231", ("path", "pairs", "step"), strict=True):
        quiet.key(key)
        assert quiet.run("document.querySelector('[role=tab][aria-selected=true]').dataset.tab") == tab
    quiet.key("e")
    assert selected(quiet) == 3  # the first step that the oracle calls wrong
    themes = []
    for _ in range(3):
        quiet.key("t")
        themes.append(quiet.run("document.documentElement.dataset.theme ?? 'auto'"))
    assert sorted(themes) == ["auto", "dark", "light"]
    quiet.key("/")
    assert quiet.run("document.activeElement.id") == "find-step"
    wanted = trees[2].step(1).text.strip()
    quiet.call("Input.insertText", text=wanted)
    quiet.key("Escape")
    quiet.key("n")
    assert wanted in trees[2].step(selected(quiet)).text
    quiet.key("?")
    assert quiet.run("document.querySelector('dialog').open")
    quiet.key("Escape")
    for key, tree in (("k", 1), ("j", 2)):
        quiet.key(key)
        quiet.wait(f"location.hash.startsWith('#/tree/{tree}/')")
    quiet.key("o")
    quiet.wait("!document.querySelector('#view-overview').hidden")


def test_the_path_shows_labels_side_by_side_and_the_first_error(quiet, address):
    go(quiet, address, "#/tree/2/3")
    quiet.click('[data-tab="path"]')
    heads = quiet.run("[...document.querySelectorAll('.path th')].map(cell => cell.textContent)")
    assert heads == ["", "step", "N", "Q", "PPM", "oracle", "blind"]
    cells = "[row.className, ...[...row.cells].map(cell => cell.innerText)]"
    rows = quiet.run(f"[...document.querySelectorAll('.path tbody tr')].map(row => {cells})")
    assert [row[6] for row in rows] == ["✓", "✗"]
    assert rows[1][0] == "first-error"
    assert rows[1][7] == "−0.50"
    assert "first error" in rows[1][2]


def test_the_page_lays_out_by_the_rule_of_python(quiet, address, trees):
    """Nodes are hit where viewer.layout puts them: a click in the middle of each box selects it."""
    tree = trees[2]
    go(quiet, address, "#/tree/2/0")
    quiet.click("#unfold-all")
    quiet.click("#fit")
    box = quiet.run(
        "(b => [b.x, b.y, b.width, b.height])(document.querySelector('canvas.surface').getBoundingClientRect())"
    )
    rows = tidy_rows(list(tree.parent))
    width = min(max(52 + 8 * max(len(tree.step(node).text) for node in range(1, len(tree))), 96), 172)
    wide, high = max(tree.depth) * (width + 44) + width, max(rows) * 34 + 26
    zoom = min((box[2] - 48) / wide, (box[3] - 48) / high, 1.25)
    left = max(24, (box[2] - wide * zoom) / 2)
    top = max(24, (box[3] - high * zoom) / 2)
    for node in range(len(tree)):
        x = box[0] + left + (tree.depth[node] * (width + 44) + width / 2) * zoom
        y = box[1] + top + (rows[node] * 34 + 13) * zoom
        quiet.click_at(x, y)
        assert quiet.run("location.hash") == f"#/tree/2/{node}"


def test_compare_agrees_with_python(quiet, tmp_path):
    first, second = grown(0), grown(1)
    second.problem = first.problem
    found = align(first, second)
    go(quiet, write(tmp_path / "t.html", [first, second]), "#/compare/0/1")
    quiet.wait("document.querySelector('#compare-summary')")
    moved = sum(1 for match in found.matches if match.d_q is not None and abs(match.d_q) >= 0.2 and match.first)
    said = text_of(quiet, "#compare-summary")
    wanted = (len(found.vanished), len(found.appeared), moved, len(found.matches) - 1)
    assert said == "{} steps vanished, {} appeared, {} moved by at least 0.2 in Q, {} are in both".format(*wanted)
    quiet.click("button.link")
    quiet.screenshot(SHOTS / "compare.png") if SHOTS.is_dir() else None


def test_hostile_texts_run_nothing_and_are_shown_as_text(quiet, tmp_path):
    trees = [hostile_tree(0), hostile_tree(1)]
    trees[1].problem = trees[0].problem
    tall = [PairNote(HOSTILE[0], 0, 1, 2, 0.5, HOSTILE[1]), PairNote("k", 0, None, None, None, HOSTILE[2], 1)]
    notes = Annotations(tall, {1: False}, {HOSTILE[1]: {1: 0.5}}, lambda step: [len(step.text)])
    address = write(tmp_path / "t.html", trees, {0: notes})
    for place in ("#/", "#/critical", "#/compare/0/1"):
        go(quiet, address, place)
        quiet.run("new Promise(done => setTimeout(done, 100))")
        assert quiet.run(
            "[window.pwned, document.images.length, document.querySelectorAll('iframe, svg script').length]"
        ) == [None, 0, 0]
    for node, text in enumerate(HOSTILE, start=1):
        go(quiet, address, f"#/tree/0/{node}")
        quiet.wait(f"location.hash === '#/tree/0/{node}'")
        shown = text_of(quiet, "#detail pre.text").replace("⏎\n", "\n")
        assert shown == (visible(text) if "\n" not in text else shown)
        for tab in ("path", "pairs", "step"):
            quiet.click(f'[data-tab="{tab}"]')
        assert quiet.run("window.pwned") is None
    quiet.run("location.hash = '#/tree/0/<img src=x onerror=window.pwned=1>'")
    quiet.run("location.hash = '#/</script>'")
    assert quiet.run("window.pwned") is None
    assert quiet.run("document.scripts.length") == 5  # head, part, lines, critical, and the page's own; none was added


def test_the_policy_refuses_what_is_not_the_pages_own_script(browser, address):
    go(browser, address, "#/")
    browser.problems.clear()
    browser.run(
        "document.head.append(Object.assign(document.createElement('script'), {textContent: 'window.pwned = 1'}))"
    )
    browser.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.pwned = 1\">')")
    browser.run("fetch('http://127.0.0.1:9/').catch(() => null)")
    browser.run("new Promise(done => setTimeout(done, 200))")
    assert browser.run("window.pwned") is None
    assert sum("Content Security Policy" in problem for problem in browser.problems) >= 3


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 780)])
@pytest.mark.parametrize("is_dark", [False, True])
def test_nothing_runs_out_of_the_screen(quiet, address, width, height, is_dark):
    quiet.resize(width, height)
    quiet.dark(is_dark)
    try:
        for name, place in (
            ("overview", "#/"),
            ("tree", "#/tree/0/1"),
            ("critical", "#/critical"),
            ("compare", "#/compare"),
        ):
            go(quiet, address, place)
            assert quiet.run("document.documentElement.scrollWidth") <= width, name
            if SHOTS.is_dir():
                quiet.run("new Promise(done => setTimeout(done, 150))")
                quiet.screenshot(SHOTS / f"{name}-{width}-{'dark' if is_dark else 'light'}.png")
    finally:
        quiet.resize(1280, 800)
        quiet.dark(False)


def test_what_is_not_there_is_said(quiet, tmp_path):
    lone = SearchTree(Problem("lone", "?", ""))
    address = write(tmp_path / "t.html", [lone])
    go(quiet, address, "#/tree/0/0")
    assert text_of(quiet, "#place") == "1 of 1 nodes"
    assert text_of(quiet, "#moment") == "the search made no step"
    assert quiet.run("document.querySelector('#play').disabled && document.querySelector('#show-pairs').disabled")
    for name in ("ppm", "tokens", "q"):
        quiet.run(
            f"(s => {{ s.value = '{name}'; s.dispatchEvent(new Event('change')); }})(document.querySelector('#metric'))"
        )
        assert text_of(quiet, "#legend").startswith("no step has a value: ")
    quiet.click('[data-tab="pairs"]')
    assert "this tree gave no candidates for a pair" in text_of(quiet, "#detail")
    for key in ("ArrowRight", " ", "b", "p", "]", "x", "e", "n", "f"):
        quiet.key(key)
    go(quiet, address, "#/compare")
    quiet.wait("document.querySelector('#view-compare').textContent.includes('No problem has two trees here')")
    shown = "document.querySelector('#view-tree').textContent"
    quiet.run("location.hash = '#/tree/7'")
    quiet.wait(f"{shown} === 'there is no tree 7'")
    quiet.key("ArrowRight")


def test_a_reader_who_does_not_see_the_drawing_hears_the_step(quiet, address, trees):
    tree = trees[2]
    go(quiet, address, "#/tree/2/0")
    quiet.key("ArrowRight")
    node = int(quiet.run("location.hash").split("/")[-1])
    said = text_of(quiet, "#said")
    assert said.startswith(f"node {node}, step 1; {tree.step(node).text}; ")
    assert f"{tree.visits[node]} visits" in said
    assert f"{tree.child_count[node]} children" in said
    assert quiet.run("document.querySelector('canvas.surface').getAttribute('aria-describedby')") == "said"
    unnamed = (
        "[...document.querySelectorAll('button, input, select')].filter(each => !each.textContent.trim()"
        " && !each.getAttribute('aria-label') && !each.labels?.length).map(each => each.id)"
    )
    assert quiet.run(unnamed) == []


ODD = {
    "long": "word " * 1000,
    "no blanks": "x" * 5000,
    "lines": "line\n" * 800,
    "right to left": "\u05d0\u05d1\u05d2 \u0627\u0644\u0639\u0631\u0628\u064a\u0629 = 12 " * 20,
    "emoji": "\U0001f468\U0001f3fd " * 100 + "\U0001f1e9\U0001f1ea" * 150,
    "marks": ("a" + "\u0301\u0323" * 30) * 40,
    "wide": "\u6f22\u5b57" * 400,
}


@pytest.mark.parametrize("width", [1280, 390])
def test_odd_texts_stay_in_their_places(quiet, tmp_path, width):
    tree = SearchTree(Problem("id " + "x" * 300, ODD["right to left"], ODD["long"]))
    steps = [Step(text, tuple(range(len(text))), (-0.5,) * len(text)) for text in ODD.values()]
    tree.add_children(0, steps, [1 / len(steps)] * len(steps))
    tree.back_up_mean(1, 1.0)
    other = SearchTree(tree.problem)
    notes = {0: Annotations(token_lengths=lambda step: [len(c.encode("utf-16-le")) // 2 for c in step.text])}
    address = write(tmp_path / "t.html", [tree, other], notes)
    quiet.resize(width, 800)
    try:
        for at, name in enumerate(ODD, start=1):
            go(quiet, address, f"#/tree/0/{at}")
            for tab in ("path", "pairs", "step"):
                quiet.run(f"document.querySelector('[data-tab=\"{tab}\"]').click()")
                assert quiet.run("document.documentElement.scrollWidth") <= width, (name, tab)
                wide = "(p => p.scrollWidth - p.clientWidth)(document.querySelector('.panel'))"
                assert quiet.run(wide) <= 0, (name, tab)
            assert quiet.run("document.querySelector('#detail pre').clientHeight") <= 400
            assert quiet.run("document.querySelector('.strip').children.length") <= 90
            assert "\\ud8" not in quiet.run("document.querySelector('#said').textContent")
            quiet.screenshot(SHOTS / f"odd-{name}-{width}.png") if SHOTS.is_dir() else None
        for place in ("#/", "#/compare/0/1"):
            go(quiet, address, place)
            assert quiet.run("document.documentElement.scrollWidth") <= width, place
    finally:
        quiet.resize(1280, 800)


def test_an_address_with_a_node_opens_where_the_node_is(quiet, tmp_path):
    deep = SearchTree(Problem("deep", "?", ""))
    for node in range(40):
        deep.add_children(node, [Step(f"a rather long step, number {node}")], [1.0])
    node = 25
    go(quiet, write(tmp_path / "t.html", [deep]), f"#/tree/0/{node}")
    quiet.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    x, y = quiet.run(
        "(b => [b.x + 0.4 * b.width + 9, b.y + b.height / 2])"
        "(document.querySelector('canvas.surface').getBoundingClientRect())"
    )
    quiet.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    quiet.wait("!document.querySelector('#tip').hidden")
    assert f"#{node} · N " in text_of(quiet, "#tip")


def wide_tree(depth: int, width: int, text: str = "6*5=4") -> SearchTree:
    """A tree whose depth and number of leaves are known."""
    tree = SearchTree(Problem("wide", "?", ""))
    for node in range(depth - 1):
        tree.add_children(node, [Step(text)], [1.0])
    tree.add_children(depth - 1, [Step(f"{text} {at}") for at in range(width)], [1 / width] * width)
    return tree


@pytest.mark.parametrize(("size", "depth"), [((1280, 800), 9), ((390, 780), 5)])
def test_a_tree_opens_whole_where_its_texts_stay_legible(quiet, tmp_path, size, depth):
    """What is drawn on opening is what Fit draws: nothing is cut off."""
    address = write(tmp_path / "t.html", [wide_tree(depth, 8)])
    quiet.resize(*size)
    try:
        go(quiet, address, "#/tree/0/0")
        opened = picture(quiet)
        quiet.click("#fit")
        assert picture(quiet) == opened
        quiet.click("#zoom-in")
        assert picture(quiet) != opened
    finally:
        quiet.resize(1280, 800)


def test_a_page_for_one_problem_opens_on_its_tree(quiet, tmp_path):
    quiet.open(write(tmp_path / "one.html", [grown(0)], problem="sum/6/0"))
    assert quiet.run("location.hash") == "#/tree/0/0"
    quiet.open(write(tmp_path / "all.html", [grown(0)], problem=None))
    assert quiet.run("location.hash") == ""


def test_two_runs_are_compared_with_each_other(quiet, tmp_path):
    """The first problem that both have, each run's latest tree of it."""
    trees = [grown(seed) for seed in range(8)]  # runs 0 1 0 1 0 1 0 1, rounds 1 1 2 2 1 1 2 2
    for at, tree in enumerate(trees):
        tree.problem = replace(tree.problem, id="shared" if at in (0, 2, 3) else f"own {at}")
    trees[4].problem = trees[5].problem = replace(trees[4].problem, id="alike")
    trees[5].problem = replace(trees[5].problem, prompt="another prompt")
    go(quiet, write(tmp_path / "t.html", trees, runs=2), "#/compare")
    quiet.wait("document.querySelector('#compare-left')")
    assert [value_of(quiet, "#compare-left"), value_of(quiet, "#compare-right")] == ["2", "3"]
    names = "[...document.querySelectorAll('#compare-left option')].map(option => option.textContent)"
    assert quiet.run(names) == [f"run {run}, round {n}, tree1-00000" for run, n in ((0, 1), (0, 2), (1, 2))]
    quiet.click("#compare-find")
    quiet.call("Input.insertText", text="alike")
    quiet.key("Enter")
    quiet.wait(
        "document.querySelector('#notice').textContent.startsWith('alike has no second tree of the same prompt')"
    )


def test_two_runs_that_share_nothing_are_told_of(quiet, tmp_path):
    trees = [grown(0), grown(1), grown(2)]
    trees[1].problem = replace(trees[1].problem, prompt="another prompt")
    go(quiet, write(tmp_path / "t.html", trees, runs=2), "#/compare")
    wanted = (
        "run 0 and run 1 share no problem; 1 id stands in both for problems with different prompts: "
        "the tasks' settings differ."
    )
    assert text_of(quiet, "#view-compare") == wanted


def test_critical_steps_of_one_text_share_a_row(quiet, address):
    go(quiet, address, "#/critical")
    quiet.wait("document.querySelector('.ranked')")
    row = quiet.run("[...document.querySelectorAll('.ranked tbody td')].map(cell => cell.innerText)")
    assert (row[2:6], row[6]) == (["▼ −1.00", "2", "✓ 1✗ 2", "3"], "1.00")
    quiet.click(".ranked summary")
    links = quiet.run("[...document.querySelectorAll('.others a')].map(link => link.getAttribute('href'))")
    assert links == ["#/tree/0/2", "#/tree/0/3"]


def test_a_phone_shows_the_list_without_scrolling_sideways(quiet, address, trees):
    quiet.resize(390, 780)
    try:
        go(quiet, address, "#/")
        quiet.wait("document.querySelectorAll('.rows .line').length === 4")
        assert quiet.run("(list => list.scrollWidth - list.clientWidth)(document.querySelector('#list'))") <= 0
        row = quiet.run("document.querySelector('.rows .line').innerText")
        assert "solved" in row
        assert f"{trees[0].q(0):+.2f}".replace("-", "−") in row
        tops = quiet.run("[...document.querySelectorAll('.rows .line')].map(row => row.getBoundingClientRect().top)")
        assert [b - a for a, b in pairwise(tops)] == [84] * 3
    finally:
        quiet.resize(1280, 800)


def test_the_tools_of_a_tree_stand_in_one_row(quiet, address):
    go(quiet, address, "#/tree/2/0")
    assert quiet.run("document.querySelector('#view-tree .tools').clientHeight") <= 32


def test_a_small_tree_opens_whole_though_scores_are_visits_too(quiet, tmp_path):
    tree = grown(7, rollouts=3, width=2)
    assert any(tree.visits[node] > tree.visits[tree.parent[node]] for node in range(1, len(tree)))
    go(quiet, write(tmp_path / "t.html", [tree]), "#/tree/0/0")
    assert text_of(quiet, "#place") == f"{len(tree)} of {len(tree)} nodes"
