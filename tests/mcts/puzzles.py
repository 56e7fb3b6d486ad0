"""Small worlds whose answers are known, for tests of the search."""

from __future__ import annotations

from mcts.config import Mode, SearchConfig
from mcts.lockstep import search_lockstep
from mcts.scripted import ScriptedEvaluator, ScriptedProposer, ScriptedVerifier, TableProposer
from mcts.search import Search
from mcts.step import Step
from mcts.tree import SearchTree
from tasks.problem import Problem

# Root: a, b. Below a: x (wrong), y (right). Below b: c, then z (right).
TABLE = {
    "": [Step("a"), Step("b")],
    "a": [Step("x", is_final=True), Step("y", is_final=True)],
    "b": [Step("c")],
    "bc": [Step("z", is_final=True)],
}
SCORES = {"a": 0.5, "b": -0.5, "ax": 0.125, "ay": 0.875, "bc": 0.25, "bcz": -0.25}
TABLE_PROBLEM = Problem("table/0/0", "?", "")
TABLE_VERIFIER = ScriptedVerifier(lambda problem, text: float(text in ("ay", "bcz")))


def run(search: Search, proposer, evaluator=None) -> SearchTree:
    search_lockstep([search], proposer, evaluator)
    return search.tree


def search_table(**options) -> Search:
    """A finished search of the table; in modes with a PPM, it gives SCORES."""
    config = SearchConfig(**options)
    search = Search(TABLE_PROBLEM, config, 0, None if config.mode is Mode.INFERENCE else TABLE_VERIFIER)
    evaluator = ScriptedEvaluator(lambda problem, prefix: SCORES["".join(step.text for step in prefix)])
    run(search, TableProposer(TABLE), evaluator)
    return search


def statistics(tree: SearchTree) -> dict[str, tuple[int, float]]:
    """(visits, value_sum) by the text of the path."""
    return {
        "".join(step.text for step in tree.prefix(node)): (tree.visits[node], tree.value_sum[node])
        for node in range(len(tree))
    }


# Nim: take 1-3 from a pile, whoever takes the last one wins; the opponent answers each step without a mistake.
def nim_left(pile: int, prefix: tuple[Step, ...]) -> int:
    for step in prefix:
        pile -= int(step.text)
        pile -= max(1, pile % 4) if pile else 0
    return pile


def nim_draw(problem, prefix, rng):
    pile = nim_left(int(problem.prompt), prefix)
    take = int(rng.integers(1, 4))
    if take > pile:
        return None  # an invalid candidate
    rest = pile - take
    return Step(str(take), is_final=rest <= 3)  # with 1-3 left the opponent takes all


NIM = ScriptedProposer(nim_draw)
NIM_VERIFIER = ScriptedVerifier(lambda problem, text: nim_reward(int(problem.prompt), text))


def nim_reward(pile: int, text: str) -> float:
    before_last = nim_left(pile, tuple(Step(digit) for digit in text[:-1]))
    return float(before_last == int(text[-1]))


def nim_problem(pile: int) -> Problem:
    return Problem(f"nim/0/{pile}", str(pile), "win")


# Sums: draw digits 1-3 until the sum reaches the target or passes it; right if it is met. Digit 0 is a wasted step,
# "!" an invalid one. Dead ends, duplicates, finals and inner nodes all occur.
def sum_draw(problem, prefix, rng):
    digit = int(rng.integers(-1, 4))
    if digit < 0:
        return None
    total = sum(int(step.text) for step in prefix) + digit
    tokens = tuple(int(token) for token in rng.integers(0, 100, size=digit))
    return Step(str(digit), tokens, tuple(-float(x) for x in rng.random(digit)), is_final=total >= int(problem.prompt))


SUM = ScriptedProposer(sum_draw)
SUM_VERIFIER = ScriptedVerifier(lambda problem, text: float(sum(map(int, text)) == int(problem.prompt)))
SUM_EVALUATOR = ScriptedEvaluator(
    lambda problem, prefix: max(-1.0, 1 - 0.3 * abs(sum(int(step.text) for step in prefix) - int(problem.prompt)))
)


def sum_problem(target: int, index: int = 0) -> Problem:
    return Problem(f"sum/{target}/{index}", str(target), str(target), {"level": target})


def search_sum(config: SearchConfig, target: int = 6, seed: int = 0, index: int = 0) -> Search:
    return Search(sum_problem(target, index), config, seed, None if config.mode is Mode.INFERENCE else SUM_VERIFIER)
