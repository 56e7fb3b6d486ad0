"""The inspector in a browser: 10,000 nodes opened, folded and replayed; 1,000 problems; 1,000,000 nodes served.

``python -m benchmarks.inspector`` (needs Chromium; about five minutes). A step of folding or replay is timed in the
page: from the key press to the end of the frame that shows it, the canvas read back so that it is really drawn. Each
repeat gives the slowest of its steps. The trees are grown by the real search on invented steps: of 20 to 40 tokens in
the page, of 5 in the served run, whose trees are written many times under different names.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import Row, measured, write_report
from evolve.inspector import Inspected, write_page
from mcts.config import SearchConfig
from mcts.lockstep import search_lockstep
from mcts.scripted import ScriptedProposer, ScriptedVerifier
from mcts.search import Search
from mcts.step import Step
from mcts.storage import write_trees
from mcts.tree import SearchTree
from tasks.problem import Problem
from tests.viewer.browser import Browser

REPEATS = 5
NODES = 10_000
PROBLEMS = 1_000
SERVED_NODES = 1_000_000
TEXT = "let us add the two and then take x from both sides so that y equals 3 ( 7 * 2 ) + 5 = 19 / 4"
WORDS = TEXT.split()
# Presses a key; answers with the milliseconds until what it changed is drawn.
STEP = """(async (key) => {
  const canvas = document.querySelector('canvas.surface');
  const started = performance.now();
  document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
  await new Promise(requestAnimationFrame);
  canvas.getContext('2d').getImageData(0, 0, 1, 1);
  return performance.now() - started;
})"""


def grow(count: int, rollouts: int, tokens: int) -> list[SearchTree]:
    """Trees of a search that is right about half the time; steps of about ``tokens`` tokens, five to a solution."""

    def draw(problem: Problem, prefix: Sequence[Step], rng: np.random.Generator) -> Step:
        size = int(rng.integers(tokens * 2 // 3, tokens * 4 // 3 + 1))
        text = " ".join(WORDS[word] for word in rng.integers(0, len(WORDS), size)) + "\n"
        logprobs = tuple(float(value) for value in -rng.exponential(0.5, size))
        return Step(text, tuple(range(size)), logprobs, is_final=len(prefix) == 4)

    verifier = ScriptedVerifier(lambda problem, text: float(len(text) % 2))
    config = SearchConfig(rollouts=rollouts, width=8)
    problems = [Problem(f"bench/0/{n}", f"What is {n} + {n}?", str(2 * n), {"level": n % 5}) for n in range(count)]
    searches = [Search(problem, config, 0, verifier) for problem in problems]
    search_lockstep(searches, ScriptedProposer(draw), slots=64)
    return [search.tree for search in searches]


def run_of(folder: Path, trees: Iterator[SearchTree] | list[SearchTree]) -> Path:
    """A run folder that holds the trees in one file."""
    folder.mkdir()
    (folder / "run.json").write_text("{}")
    write_trees(folder / "round_1/trees/tree1-00000.jsonl.gz", trees)
    return folder


def large_tree(browser: Browser, folder: Path) -> list[Row]:
    """One tree of NODES nodes: the file, opening it, and each step of folding and replay."""
    tree = grow(1, 1900, 30)[0]
    if len(tree) < NODES:
        raise SystemExit(f"the tree has {len(tree)} nodes, fewer than {NODES}")
    path = folder / "large.html"
    write_page(Inspected([run_of(folder / "large", [tree])]), path)
    opened, folds, replays = [], [], []
    for _ in range(REPEATS):
        opened.append(browser.open(f"{path.as_uri()}#/tree/0"))
        browser.wait("document.querySelector('canvas.surface')")
        browser.key("x")  # everything unfolded: the most there is to lay out
        steps = [
            browser.run(f"{STEP}({json.dumps(key)})") for key in ("f", " ", " ", "x", "x", "+", "+", "+", " ", " ")
        ]
        folds.append(max(steps))
        replays.append(max(browser.run(f"{STEP}({json.dumps(key)})") for key in 30 * ["["] + 10 * ["]"]))
    return [
        measured("nodes of the large tree", [len(tree)]),
        measured("its file, MB", [path.stat().st_size / 1e6], at_most=5),
        measured("opening it, s", opened, at_most=2),
        measured("fold or unfold, slowest, ms", folds, at_most=50),
        measured("a replay step, slowest, ms", replays, at_most=50),
    ]


def many_problems(browser: Browser, folder: Path) -> list[Row]:
    """PROBLEMS small trees in the list: opening, searching, sorting."""
    path = folder / "many.html"
    write_page(Inspected([run_of(folder / "many", grow(PROBLEMS, 4, 10))]), path)
    frame = "await new Promise(requestAnimationFrame)"
    timed = f"(async (act) => {{ const t = performance.now(); act(); {frame}; return performance.now() - t; }})"
    find = "() => { const i = document.querySelector('#find'); i.value = '99'; i.dispatchEvent(new Event('input')); }"
    opened = [browser.open(path.as_uri()) for _ in range(REPEATS)]
    sorts = [browser.run(f"{timed}(() => document.querySelector('[data-sort=nodes]').click())") for _ in range(REPEATS)]
    finds = [browser.run(f"{timed}({find})") for _ in range(REPEATS)]
    return [
        measured(f"{PROBLEMS} problems, file, MB", [path.stat().st_size / 1e6]),
        measured(f"{PROBLEMS} problems, opening, s", opened, at_most=2),
        measured(f"{PROBLEMS} problems, sorting, ms", sorts, at_most=50),
        measured(f"{PROBLEMS} problems, searching, ms", finds, at_most=50),
    ]


def served(folder: Path) -> list[Row]:
    """SERVED_NODES nodes behind the server: the first answer, all lines, any tree, and the memory it took."""
    some = grow(20, 180, 5)
    nodes = sum(map(len, some))
    times = -(-SERVED_NODES // nodes)

    def all_trees() -> Iterator[SearchTree]:
        for copy in range(times):
            for tree in some:
                tree.problem = Problem(f"bench/{copy}/{len(tree)}", tree.problem.prompt, tree.problem.answer)
                yield tree

    root = run_of(folder / "served", all_trees())
    command = [sys.executable, "-m", "scripts.show_tree", str(root), "--serve", "--port", "0"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        page = _seconds(lambda: urllib.request.urlopen(address).read())
        count = times * len(some)
        known = 0
        while True:
            answer = _ask(address, f"lines?from={known}")
            known += len(answer["lines"]["id"])
            if answer["done"]:
                break
            time.sleep(0.2)
        listed = time.perf_counter() - started
        asked = [
            _seconds(lambda at=at: _ask(address, f"tree?number={at}"))
            for at in np.linspace(0, count - 1, 20, dtype=int)
        ]
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0])
    finally:
        process.kill()
        process.wait()
    return [
        measured("nodes served", [times * nodes]),
        measured("the page from the server, s", [page], at_most=2),
        measured("all trees listed, s after the start", [listed]),
        measured("a tree from the server, s", asked, at_most=2),
        measured("peak memory of the server, MB", [peak / 1024], at_most=400),
    ]


def _seconds(act: Any) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _ask(address: str, path: str) -> Any:
    with urllib.request.urlopen(address + path) as answer:
        return json.load(answer)


def main() -> None:
    """Measure, write, print."""
    with tempfile.TemporaryDirectory() as name, Browser() as browser:
        folder = Path(name)
        rows = large_tree(browser, folder) + many_problems(browser, folder) + served(folder)
    write_report("inspector", rows)


if __name__ == "__main__":
    main()
