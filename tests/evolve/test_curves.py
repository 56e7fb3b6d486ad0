"""Accuracy against tokens, by hand and against plain NumPy."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from evolve.compare_run import findings
from evolve.curves import Curve, at_equal_tokens, declines, ladder, last_difference, read_curves
from evolve.curves_html import curves_report
from evolve.curves_text import methods_table
from evolve.methods import LABELS, Method, check_budgets, choose_methods
from evolve.statistics import holm, problem_bootstrap, wilson
from tasks.errors import UserError


def curve(method, rows, budgets=None):
    """A curve from (tokens per problem, [right or not by problem]) by budget."""
    right = np.array([right for _, right in rows], dtype=float)
    tokens = np.array([[tokens] * right.shape[1] for tokens, _ in rows], dtype=float)
    return Curve(method, budgets or tuple(2**index for index in range(len(rows))), right, tokens, 3 * tokens)


VOTE = curve(Method.MAJORITY, [(10, [1, 0, 0, 0]), (20, [1, 1, 0, 0]), (40, [1, 1, 1, 0])])
BEAM = curve(Method.BEAM, [(12, [1, 1, 0, 0]), (36, [1, 1, 1, 1])])
VOTE_OF_40 = curve(Method.MAJORITY, [(10, [0, 1] * 20), (40, [0, 1] * 20)])
GREEDY = curve(Method.GREEDY, [(15, [1, 0, 1, 0])])


def test_between_two_budgets_a_curve_is_straight_and_beyond_them_it_is_silent():
    assert VOTE.at(10).tolist() == [1, 0, 0, 0]
    assert VOTE.at(15).tolist() == [1, 0.5, 0, 0]
    assert VOTE.at(35).tolist() == [1, 1, 0.75, 0]
    assert VOTE.at(40).tolist() == [1, 1, 1, 0]
    assert VOTE.at(9.4) is None
    assert VOTE.at(42.1) is None
    assert VOTE.at(9.6).tolist() == [1, 0, 0, 0], "5 % count as equal"
    assert VOTE.at(41.9).tolist() == [1, 1, 1, 0]
    assert GREEDY.at(1000).tolist() == [1, 0, 1, 0], "one budget: more tokens are no use to it"
    assert GREEDY.at(14) is None


@given(st.integers(2, 6), st.integers(1, 8), st.randoms(use_true_random=False), st.floats(0, 1))
def test_a_curve_is_numpys_interpolation(budgets, problems, random, place):
    tokens = random.sample(range(1, 100), budgets)  # in any order
    rows = [(t, [random.randint(0, 1) for _ in range(problems)]) for t in tokens]
    target = min(tokens) + place * (max(tokens) - min(tokens))
    order = np.argsort(tokens)
    expected = np.interp(target, np.array(tokens)[order], [np.mean(rows[index][1]) for index in order])
    assert curve(Method.BEAM, rows).at(target).mean() == pytest.approx(expected)


def test_all_methods_are_compared_at_the_references_tokens():
    equal = at_equal_tokens([GREEDY, VOTE, BEAM], seed=0)
    assert equal["reference"] == "majority"
    assert [target["tokens"] for target in equal["targets"]] == [10, 20, 40]
    first, second, last = (target["methods"] for target in equal["targets"])
    assert set(first) == {"majority"}, "nobody else comes by with 10 tokens"
    assert second["greedy"]["difference"] == 0
    assert second["beam"]["accuracy"] == pytest.approx((2 + 2 * 8 / 24) / 4, abs=1e-6)
    assert second["beam"]["difference"] == pytest.approx((2 * 8 / 24) / 4, abs=1e-6)
    assert second["beam"]["difference_interval"] == problem_bootstrap(np.array([0, 0, 1 / 3, 1 / 3]), 0).interval
    assert last["majority"] == {"accuracy": 0.75, "interval": wilson(3, 4)}
    assert set(last) == {"greedy", "majority"}, "beam search never spent 40"
    assert last_difference(equal, "beam") == (20, second["beam"])
    assert last_difference(equal, "greedy") == (40, last["greedy"])
    assert last_difference(equal, "majority") is None


def test_without_a_ladder_there_is_nothing_to_compare():
    assert at_equal_tokens([GREEDY], seed=0) is None
    ceiling = curve(Method.PASS_AT_N, [(10, [0, 1]), (20, [1, 1])])
    assert at_equal_tokens([ceiling], seed=0) is None, "a ceiling is no method to compare with"


def test_a_ladder_tells_accuracy_and_cost_by_budget():
    said = ladder(VOTE)
    assert said["budgets"][1] == {
        "budget": 2, "accuracy": 0.5, "interval": wilson(2, 4), "generated_tokens": 20, "scored_tokens": 60
    }  # fmt: skip
    assert (said["uses_ppm"], said["is_ceiling"]) == (False, False)
    assert ladder(curve(Method.PASS_AT_N, [(1, [1])]))["is_ceiling"]


def test_curves_are_read_from_records():
    found = [{"beam": {"1": [True, 7, 9], "2": [False, 8, 10]}}, {"beam": {"1": [False, 5, 6], "2": [True, 6, 7]}}]
    (read,) = read_curves([{"id": str(i), "found": each} for i, each in enumerate(found)], [Method.BEAM])
    assert read.budgets == (1, 2)
    assert read.right_BP.tolist() == [[1, 0], [0, 1]]
    assert read.tokens_B.tolist() == [6, 7]
    assert read.scored_BP.tolist() == [[9, 6], [10, 7]]


def test_the_bootstrap_interval_of_many_problems_is_the_normal_one():
    differences = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], size=2000, p=[0.1, 0.7, 0.2])
    low, high = problem_bootstrap(differences, seed=2, resamples=4000).interval
    spread = 1.959964 * differences.std() / np.sqrt(2000)
    assert [low, high] == pytest.approx([differences.mean() - spread, differences.mean() + spread], abs=0.002)
    assert problem_bootstrap(differences, seed=2, resamples=50) == problem_bootstrap(differences, seed=2, resamples=50)


def test_a_difference_that_every_problem_shares_has_no_spread():
    found = problem_bootstrap(np.full(30, 0.25), seed=0, resamples=199)
    assert (found.mean, found.interval, found.p) == (0.25, [0.25, 0.25], 0.01)
    assert problem_bootstrap(np.zeros(30), seed=0, resamples=20).p == 1.0


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.04, 0.08])
def test_an_interval_excludes_0_where_p_is_below_5_percent(shift):
    for number in range(20):
        drawn = np.random.default_rng(number).choice([-1.0, 0.0, 1.0], size=200, p=[0.1 - shift, 0.8, 0.1 + shift])
        found = problem_bootstrap(drawn, seed=number, resamples=999)
        if abs(found.p - 0.05) > 0.005:
            assert (found.interval[0] > 0 or found.interval[1] < 0) == (found.p < 0.05)


def test_verdicts_are_corrected_for_the_number_of_methods():
    """One method of nine differs by chance at 5 %: alone it would be told apart."""
    base = curve(Method.MAJORITY, [(10, [1] * 30 + [0] * 30), (40, [1] * 30 + [0] * 30)])
    ahead = [1] * 30 + [1] * 5 + [0] * 25
    behind = [0] + [1] * 29 + [0] * 30
    methods = [m for m in Method if m not in (Method.ALL, Method.MAJORITY, Method.GREEDY, Method.PASS_AT_N)]
    rows = [curve(m, [(10, behind if n else ahead), (40, behind if n else ahead)]) for n, m in enumerate(methods)]
    equal = at_equal_tokens([base, *rows], 0)
    last = {m: last_difference(equal, m)[1] for m in methods}
    assert [last[m]["p_holm"] for m in methods] == pytest.approx(holm([last[m]["p"] for m in methods]), abs=1e-5)
    first, *others = methods
    assert last[first]["p"] < 0.05 < last[others[0]]["p"]
    alone, all_of_them = (findings(summary_of(some)) for some in ([base, rows[0]], [base, *rows]))
    assert "Of 1 methods held against majority vote" in alone[0]
    assert "1 is better (weighted vote (PPM)), none is worse" in alone[0]
    assert f"(verdicts corrected for {len(methods)} comparisons, Holm)" in all_of_them[0]
    assert last[first]["p_holm"] > 0.05
    assert "is not told apart from majority vote" in all_of_them[2]
    assert all_of_them[2].endswith("The interval of this one alone leaves out 0; of so many that is no proof.")


def test_a_method_that_falls_with_a_larger_budget_is_named():
    falls = curve(Method.MCTS, [(10, [0, 1] * 20), (20, [1] * 40), (40, [0] * 40)])
    wobbles = curve(Method.DVTS, [(10, [1, *[0] * 39]), (20, [0] * 40)])
    rises = curve(Method.BEAM, [(10, [0] * 40), (40, [1] * 40)])
    one, other = declines([falls, wobbles, rises], 0)
    assert (one["method"], one["budgets"], one["accuracies"], one["difference"]) == ("mcts", [2, 4], [1, 0], -1)
    assert one["p_holm"] < 0.05 < other["p_holm"]
    said = findings(summary_of([VOTE_OF_40, falls, wobbles, rises]))
    assert "MCTS (PPM) falls with a larger budget: 100.0 % at 2, 0.0 % at 4, -100.0 points (-100.0 to -100.0)." in said
    assert said[-1].endswith("over a smaller one, and perhaps a loss: DVTS (2.5 % at 1, 0.0 % at 2).")
    assert not any("beam search falls" in each for each in said)


def summary_of(curves, **changes):
    return {
        "run": "demo", "round": 3, "split": "held_out", "problems": 4, "asked": {"seed": 0},
        "methods": [ladder(each) for each in curves], "equal_tokens": at_equal_tokens(curves, 0),
        "declines": declines(curves, 0),
    } | changes  # fmt: skip


def every_method(size=10):
    return [
        curve(method, [(size * 2**index, [1, index > 2, 0, 0]) for index in range(1 if method == "greedy" else 6)])
        for method in Method
        if method is not Method.ALL
    ]


@pytest.mark.parametrize(("width", "targets"), [(100, 5), (80, 2), (60, 1)])
@pytest.mark.parametrize("size", [10, 4999, 123456])
def test_the_table_fits(size, width, targets):
    console = Console(width=max(width, 80), record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(methods_table(summary_of(every_method(size)), width))
    lines = console.export_text().splitlines()
    for label in LABELS.values():
        (line,) = (line for line in lines if line.strip().startswith(label + " "))
        assert len(re.findall(r"(?<= )[0-9.]+(?= |$)", line.split("(+")[0].split("(-")[0])) >= targets, line
    assert max(map(len, lines)) <= max(width, 80)
    assert "…" not in "".join(lines)


def test_one_budget_has_a_table_of_its_own():
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(methods_table(summary_of([GREEDY])))
    assert re.search(r"greedy +15 +50.0 % +15.0 % to 85.0 %", console.export_text())


def test_the_page_is_whole_and_nothing_in_it_is_loaded_or_taken_for_markup():
    summary = summary_of(every_method(), run="<script>x</script>")
    page = curves_report(summary, findings(summary))
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert page.count("<polyline") == len(LABELS)
    assert page.count('stroke-dasharray="5 4"') == 2, "the ceiling, and the piece beside its name"
    lines = re.findall(r'<polyline [^>]*stroke="([^"]+)"[^>]*?(?:stroke-dasharray="([^"]+)")? />', page)
    assert len(set(lines)) == len(LABELS), "no two methods look alike"
    ticks = re.findall(r'y="358.0" text-anchor="middle">([\d,]+)<', page)
    assert (ticks[0], ticks[-1]) == ("8", "512"), "the axis ends at a tick, beyond the last point"
    numbers = [float(number) for number in re.findall(r'(?:cx|cy|y1|y2|x1|x2)="([^"]+)"', page)]
    assert all(0 <= number <= 720 for number in numbers)


def test_findings_say_which_way_it_came_out():
    better = curve(Method.BEAM, [(10, [1] * 40), (40, [1] * 40)])
    same = curve(Method.DVTS, [(10, [0, 1] * 20), (40, [0, 1] * 20)])
    worse = curve(Method.MCTS, [(10, [0] * 40), (40, [0] * 40)])
    base = curve(Method.MAJORITY, [(10, [0, 1] * 20), (40, [1, 0] * 20)])
    said = " ".join(findings(summary_of([base, better, same, worse])))
    assert "beam search beats majority vote: 100.0 %, +50.0 points" in said
    assert said.startswith(
        "Of 3 methods held against majority vote at equal generated tokens 1 is better (beam search), "
        "1 is worse (MCTS (PPM)), and 1 not told apart from it (verdicts corrected for 3 comparisons, Holm)."
    )
    assert "DVTS is not told apart from majority vote" in said
    assert "MCTS (PPM) is beaten by majority vote" in said


def test_methods_are_chosen_in_one_order_and_only_where_they_can_run():
    everything = choose_methods([Method.ALL], True, "round 3")
    assert len(everything) == len(LABELS) == len(Method) - 1
    assert choose_methods([Method.MCTS, Method.GREEDY, Method.MCTS], True, "") == (Method.GREEDY, Method.MCTS)
    assert choose_methods([Method.ALL], False, "") == (Method.GREEDY, Method.MAJORITY, Method.PASS_AT_N)
    with pytest.raises(UserError, match="methods: beam needs a PPM, and round 0 of demo has none; use greedy"):
        choose_methods([Method.GREEDY, Method.BEAM], False, "round 0 of demo")


def test_budgets_are_checked():
    assert check_budgets([4, 1, 4]) == (1, 4)
    with pytest.raises(UserError, match="budgets must lie between 1 and 65535, got 0"):
        check_budgets([1, 0])
    with pytest.raises(UserError, match="budgets must not be empty"):
        check_budgets([])
