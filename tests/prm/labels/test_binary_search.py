"""Binary search against the exhaustive scan: the same first errors, fewer continuations."""

from __future__ import annotations

import itertools
import math

import pytest

from prm.labels.binary_search import BinarySearch
from prm.labels.monte_carlo import MonteCarlo
from tasks.readers.labelled import labels_until


def certain(names: str) -> float:
    """Monotone: as long as there is no error, every end is right."""
    return float(names == names.lower())


def likely(names: str) -> float:
    return 0.4 if names == names.lower() else 0.0


def wrong_path(length: int, first: int) -> str:
    return "a" * first + "B" + "b" * (length - first - 1)


@pytest.mark.parametrize("length", [1, 2, 3, 8, 13])
def test_the_first_error_of_the_exhaustive_scan_in_log_many_looks(solution, scripted, verdicts, length):
    right, wrong, _ = verdicts
    for first in range(length):
        one = solution(wrong_path(length, first), wrong)
        policy = scripted(certain, length=length)
        (found,) = BinarySearch(policy, 4, 0).label([one])
        (scanned,) = MonteCarlo(scripted(certain, length=length), 4, 0, hard=True).label([one])
        assert found.labels == labels_until(length, first)
        assert found.first_error == scanned.first_error == first
        assert len(policy.asked) <= math.ceil(math.log2(length)) if length > 1 else not policy.asked
    (found,) = BinarySearch(policy, 4, 0).label([solution("a" * length, right)])
    assert (found.labels, found.meta["cost"]) == ((1,) * length, {})


def test_fewer_continuations_than_the_scan_for_the_same_first_errors(solution, scripted, verdicts):
    """With chances that are neither 0 nor 1; 16 continuations miss a right end in 0.6^16 = 0.03 % of the looks."""
    length = 12
    paths = {wrong_path(length, first) for first in range(length)}
    paths |= {"".join(names) + "A" + "b" * (length - 4) for names in itertools.product("ab", repeat=3)}
    solutions = [solution(names, verdicts[1]) for names in sorted(paths)]
    search = BinarySearch(scripted(likely, length=length), 16, 1)
    scan = MonteCarlo(scripted(likely, length=length), 16, 1, hard=True)
    found, scanned = search.label(solutions), scan.label(solutions)
    truth = [next(at for at, name in enumerate(each.trajectory.text.split()) if name.isupper()) for each in solutions]
    assert [each.first_error for each in found] == [each.first_error for each in scanned] == truth
    assert search.costs.continuations * 3 < scan.costs.continuations
    assert search.costs.continuations == sum(each.meta["cost"].get("continuations", 0) for each in found)


def test_continuations_count_at_every_prefix_they_run_through(solution, scripted, verdicts):
    """All letters are a: every continuation of the middle runs through the rest of it."""

    class Straight(scripted):
        def complete(self, requests):
            self.letters = "a"
            return super().complete(requests)

    policy = Straight(lambda names: 0.0, length=8, letters="a")
    # Looked at: after 4 steps (bad), 2 (bad), 1 (bad). Continuations of 4 count nowhere before it.
    (found,) = BinarySearch(policy, 5, 0).label([solution("a" * 8, verdicts[1])])
    assert policy.asked == {"aaaa": 5, "aa": 5, "a": 5}
    assert found.first_error == 0
    # Another solution of the same problem: all of its prefixes are known by now.
    policy = Straight(lambda names: 0.0, length=8, letters="a")
    both = [solution("a" * 8, verdicts[1]), solution("aaaaaaab", verdicts[1])]
    assert [each.first_error for each in BinarySearch(policy, 5, 0).label(both)] == [0, 0]
    assert policy.asked == {"aaaa": 5, "aa": 5, "a": 5}


def test_what_runs_through_is_topped_up_only(solution, verdicts):
    """Two of the four continuations of aa run through aab: only two more are asked for there."""
    right, wrong, _ = verdicts
    asked = {}

    class Fixed:
        def complete(self, requests):
            ends = {"aa": [("aaaa", right), ("aabb", wrong), ("aaba", wrong), ("aaab", right)]}
            answers = []
            for request in requests:
                name = "".join(step.text.strip() for step in request.prefix)
                asked[name] = request.count
                known = ends.get(name, [(name + "b", wrong)] * request.count)
                answers.append([solution(names, verdict).trajectory for names, verdict in known])
            return answers

    (found,) = BinarySearch(Fixed(), 4, 0).label([solution("aabB", wrong)])
    assert asked == {"aa": 4, "aab": 2}
    assert found.labels == (1, 1, -1, None)
    assert found.meta["cost"] == {"continuations": 6, "verifier_calls": 6}


def test_a_right_end_behind_a_longer_prefix_spares_looking_there(solution, scripted, verdicts):
    policy = scripted(certain, length=6)
    (found,) = BinarySearch(policy, 6, 0).label([solution("aaaaBB", verdicts[1])])
    assert found.first_error == 4
    assert policy.asked["aaa"] == 6
    assert policy.asked.get("aaaa", 0) == 0, "one of the six went on with a"


def test_a_right_solution_certifies_its_prefixes(solution, scripted, verdicts):
    policy = scripted(lambda names: 0.0, length=4)
    right, wrong = BinarySearch(policy, 3, 0).label([solution("aaab", verdicts[0]), solution("aaaB", verdicts[1])])
    assert (right.labels, wrong.labels) == ((1,) * 4, (1, 1, 1, -1))
    assert not policy.asked


def test_no_word_of_the_verifier_no_label(solution, scripted, verdicts):
    search = BinarySearch(scripted(likely, always=verdicts[2]), 3, 0)
    assert search.label([solution("aab", verdicts[1]), solution("bbb", verdicts[0])])[0] is None
    assert search.costs.continuations == 3
