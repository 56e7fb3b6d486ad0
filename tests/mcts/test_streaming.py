"""The streaming driver: the lock-step driver's trees, whatever order the answers come in, and no barrier."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcts.config import Backup, Expansion, Mode, Rule, SearchConfig, Simulation
from mcts.lockstep import search_lockstep
from mcts.scripted import ScriptedStream
from mcts.step import StreamingProposer
from mcts.streaming import search_streaming
from tests.mcts.puzzles import SUM, SUM_EVALUATOR, search_sum
from tests.mcts.test_search_properties import CONFIGS, dump


def streamed(config: SearchConfig, seed: int, order: int, slots: int, problems: int = 5):
    searches = [search_sum(config, seed=seed, index=i) for i in range(problems)]
    stats = search_streaming(searches, ScriptedStream(SUM, order), SUM_EVALUATOR, slots=slots)
    return [dump(search.tree) for search in searches], stats


def in_lockstep(config: SearchConfig, seed: int, problems: int = 5):
    searches = [search_sum(config, seed=seed, index=i) for i in range(problems)]
    stats = search_lockstep(searches, SUM, SUM_EVALUATOR)
    return [dump(search.tree) for search in searches], stats


@settings(max_examples=60)
@given(CONFIGS, st.integers(0, 2**31), st.integers(0, 2**31), st.integers(1, 6))
def test_any_order_of_answers_grows_the_lockstep_trees(config, seed, order, slots):
    (expected, asked), (trees, stats) = in_lockstep(config, seed), streamed(config, seed, order, slots)
    assert trees == expected
    assert (stats.searches, stats.candidates_asked, stats.score_requests) == (
        asked.searches, asked.candidates_asked, asked.score_requests,
    )  # fmt: skip


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_rule_simulation_backup_and_expansion_agrees(mode):
    for order, (rule, simulation, backup, expansion) in enumerate(product(Rule, Simulation, Backup, Expansion)):
        config = SearchConfig(
            mode, rule, simulation=simulation, backup=backup, expansion=expansion, rollouts=6, width=3
        )
        assert streamed(config, 3, order, slots=2, problems=3)[0] == in_lockstep(config, 3, problems=3)[0], config


class Slow(ScriptedStream):
    """Answers everything else first; the requests of one problem only when nothing else is open."""

    def __init__(self, slow: str) -> None:
        super().__init__(SUM, 0)
        self.slow = slow
        self.tickets = set()
        self.most_open = 0

    def submit(self, ticket, request):
        assert ticket not in self.tickets  # unique over all searches
        self.tickets.add(ticket)
        super().submit(ticket, request)
        self.most_open = max(self.most_open, len({r.problem.id for r in self._open.values()}))

    def receive(self):
        tickets = [t for t, request in self._open.items() if request.problem.id != self.slow] or list(self._open)
        answers = SUM.propose([self._open.pop(ticket) for ticket in tickets])
        return list(zip(tickets, answers, strict=True))


@pytest.mark.parametrize("mode", list(Mode))
def test_a_long_step_holds_up_only_its_own_tree(mode):
    proposer, done = Slow("sum/6/0"), []
    searches = (search_sum(SearchConfig(mode, rollouts=4), index=i) for i in range(9))
    stats = search_streaming(
        searches, proposer, SUM_EVALUATOR, slots=3, on_done=lambda search: done.append(search.problem.id)
    )
    assert isinstance(proposer, StreamingProposer)
    assert stats.searches == 9
    assert done[-1] == "sum/6/0"
    assert proposer.most_open == 3
    assert 0 < stats.bookkeeping_seconds < stats.total_seconds


def test_scores_are_asked_for_in_one_batch_of_all_that_are_wanted():
    batches = []

    class Counting:
        def score(self, requests):
            batches.append(len({request.problem.id for request in requests}))
            return SUM_EVALUATOR.score(requests)

    config = SearchConfig(mode=Mode.INFERENCE, rollouts=2)
    search_streaming([search_sum(config, index=i) for i in range(6)], Slow("none"), Counting())
    assert max(batches) == 6


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ([], "received nothing while 1 requests are open"),
        ([(7, [])], "answered ticket 7, which is not open"),
        ([(1, []), (1, [])], "answered ticket 1, which is not open"),
    ],
)
def test_a_proposer_that_breaks_the_protocol_is_refused(answers, problem):
    class Broken:
        def submit(self, ticket, request):
            assert ticket == 1

        def receive(self):
            return answers

    with pytest.raises(ValueError, match=problem):
        search_streaming([search_sum(SearchConfig(rollouts=1, max_depth=1), index=0)] * 1, Broken())


def test_what_both_drivers_refuse():
    with pytest.raises(ValueError, match="needs an evaluator"):
        search_streaming([search_sum(SearchConfig(mode=Mode.PPM_AUGMENTED))], ScriptedStream(SUM, 0))
    with pytest.raises(ValueError, match="slots must be at least 1"):
        search_streaming([], ScriptedStream(SUM, 0), slots=0)
    assert search_streaming([], ScriptedStream(SUM, 0)).searches == 0
