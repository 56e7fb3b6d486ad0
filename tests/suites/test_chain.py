from __future__ import annotations

import operator
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import UserError
from tasks.problem import Split
from tasks.suites.chain import ChainConfig, ChainTask, misconceptions
from tasks.suites.chain_arithmetic import Chain, read_chain

SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul}
# So small a space (2,457 problems) that any two seeds draw many of the same problems.
SMALL = {"modulus": 3, "min_length": 1, "max_length": 3}


def brute_force(prompt: str) -> int:
    start, *operations, word, modulus = prompt.split()
    assert word == "mod"
    value = int(start)
    for operation in operations:
        value = SIGNS[operation[0]](value, int(operation[1:])) % int(modulus)
    return value


def uses(demonstrations) -> list[tuple[tuple[str, int, int], int]]:
    """Every (fact, shown result) of the demonstrations."""
    found = []
    for demonstration in demonstrations:
        for line in demonstration.solution.split("\n")[:-1]:
            left, result = line.split("=")
            sign = next(sign for sign in "+-*" if sign in left)
            a, b = left.split(sign)
            found.append(((sign, int(a), int(b)), int(result)))
    return found


def test_prompt_and_answer_are_written_as_documented():
    chain = Chain(7, (("+", 5), ("*", 3), ("-", 2)), 10)
    assert chain.prompt == "7 +5 *3 -2 mod 10\n"
    assert chain.value == 4
    assert read_chain(chain.prompt) == chain


@pytest.mark.parametrize("text", ["", "7 mod 10\n", "7 +5 mod 10", "7 /5 mod 10\n", "7+5 mod 10\n", "7 +5 mod 10\n\n"])
def test_another_text_is_no_chain(text):
    with pytest.raises(ValueError, match="not a chain problem"):
        read_chain(text)


@settings(max_examples=25)
@given(
    seed=st.integers(-5, 10**9),
    modulus=st.integers(2, 100),
    operators=st.sampled_from(["+", "-*", "+-*"]),
    length=st.integers(5, 9),
)
def test_problems_match_brute_force_and_the_configuration(seed, modulus, operators, length):
    config = ChainConfig(seed=seed, modulus=modulus, operators=operators, min_length=5, max_length=length)
    for problem in ChainTask(config).problems(Split.TRAIN, 10):
        chain = read_chain(problem.prompt)
        assert problem.answer == str(brute_force(problem.prompt))
        assert problem.meta["level"] == len(chain.operations)
        assert 5 <= len(chain.operations) <= length
        assert {sign for sign, _ in chain.operations} <= set(operators)
        assert max(chain.start, *(operand for _, operand in chain.operations)) < modulus == chain.modulus
        assert all(operand > 0 for operator, operand in chain.operations if operator == "*")


@pytest.mark.parametrize("split", Split)
def test_more_problems_start_with_the_same_ones_and_none_comes_twice(split):
    task = ChainTask(ChainConfig(seed=3))
    many = task.problems(split, 200)
    assert ChainTask(ChainConfig(seed=3)).problems(split, 60) == many[:60]
    assert len({problem.prompt for problem in many}) == len({problem.id for problem in many}) == 200
    assert many[7].id == f"chain/3/{split}-7"
    assert task.demonstrations(90)[:40] == task.demonstrations(40)


def test_problems_of_a_seed_never_change():
    problem = ChainTask(ChainConfig()).problems(Split.HELD_OUT, 1)[0]
    assert (problem.id, problem.prompt, problem.answer) == ("chain/0/held_out-0", "4 +1 *6 -1 +2 +6 -8 mod 10\n", "9")


@settings(max_examples=8)
@given(first=st.integers(0, 10**6), second=st.integers(0, 10**6))
def test_splits_are_disjoint_whatever_the_seeds(first, second):
    one, other = (ChainTask(ChainConfig(seed=seed, **SMALL)) for seed in (first, second))
    ours, theirs = (
        {split: {problem.prompt for problem in task.problems(split, 60)} for split in Split} for task in (one, other)
    )
    shown = {demonstration.problem.prompt for demonstration in one.demonstrations(60)}
    for split in Split:
        for strange in set(Split) - {split}:
            assert not ours[split] & theirs[strange]
        if split is not Split.TRAIN:
            assert not shown & theirs[split]


def test_the_small_space_would_show_an_overlap():
    one, other = (ChainTask(ChainConfig(seed=seed, **SMALL)).problems(Split.HELD_OUT, 60) for seed in (1, 2))
    assert {problem.prompt for problem in one} & {problem.prompt for problem in other}


def test_neighbouring_seeds_share_next_to_nothing():
    prompts = [
        [found.prompt for found in ChainTask(ChainConfig(seed=seed)).problems(Split.TRAIN, 300)] for seed in range(4)
    ]
    together = Counter(prompt for one in prompts for prompt in one)
    assert sum(times - 1 for times in together.values()) <= 3
    small = [
        [p.prompt for p in ChainTask(ChainConfig(seed=seed, **SMALL)).problems(Split.TRAIN, 300)] for seed in (0, 1)
    ]
    assert small[0] != small[1]


def test_lengths_and_operators_are_evenly_spread():
    chains = [read_chain(problem.prompt) for problem in ChainTask(ChainConfig(seed=5)).problems(Split.TRAIN, 1500)]
    lengths = Counter(len(chain.operations) for chain in chains)
    assert set(lengths) == {4, 5, 6}
    assert all(abs(count - 500) < 4 * (1500 * 2 / 9) ** 0.5 for count in lengths.values())
    signs = Counter(sign for chain in chains for sign, _ in chain.operations)
    total = signs.total()
    assert all(abs(count - total / 3) < 4 * (total * 2 / 9) ** 0.5 for count in signs.values())


def test_demonstrations_err_in_exactly_the_misconceived_facts_and_at_the_configured_rate():
    config = ChainConfig(seed=2)
    wrong = misconceptions(config)
    met = uses(ChainTask(config).demonstrations(1500))
    slips = trials = 0
    for (sign, a, b), shown in met:
        right = SIGNS[sign](a, b) % 10
        if (sign, a, b) in wrong:
            assert shown in (right, wrong[sign, a, b])
            trials += 1
            slips += shown != right
        else:
            assert shown == right
    assert abs(slips / trials - 0.7) < 4 * (0.7 * 0.3 / trials) ** 0.5
    # Every misconceived fact is met, so the demonstrations teach all of them.
    assert {fact for fact, shown in met if shown == wrong.get(fact)} == set(wrong)


def test_demonstrations_go_on_from_what_was_shown():
    for demonstration in ChainTask(ChainConfig(misconceived_facts=1.0)).demonstrations(100):
        chain = read_chain(demonstration.problem.prompt)
        *lines, last = demonstration.solution.split("\n")
        value = str(chain.start)
        for line, (sign, operand) in zip(lines, chain.operations, strict=True):
            left, value_after = line.split("=")
            assert left == f"{value}{sign}{operand}"
            value = value_after
        assert last == f"#### {value}"
        assert demonstration.problem.answer == str(chain.value)


@pytest.mark.parametrize(("rate", "facts"), [(0.0, 1.0), (1.0, 0.0)])
def test_without_misconceptions_all_demonstrations_are_right(rate, facts):
    task = ChainTask(ChainConfig(misconception_rate=rate, misconceived_facts=facts))
    for shown in task.demonstrations(50):
        assert task.verifier.verify(shown.problem, shown.solution).reward == 1.0
        assert task.oracle.first_error(shown.problem, shown.solution.split("\n")) == -1


def test_at_rate_one_each_misconceived_fact_is_always_wrong():
    config = ChainConfig(misconception_rate=1.0)
    wrong = misconceptions(config)
    assert all(shown == wrong[fact] for fact, shown in uses(ChainTask(config).demonstrations(200)) if fact in wrong)


@given(seed=st.integers(0, 10**9), modulus=st.integers(2, 12), share=st.floats(0, 1))
@settings(max_examples=30)
def test_misconceptions_are_wrong_and_follow_from_the_seed_alone(seed, modulus, share):
    wrong = misconceptions(ChainConfig(seed=seed, modulus=modulus, misconceived_facts=share))
    assert len(wrong) == round(share * (3 * modulus**2 - modulus))  # no fact has the factor 0
    assert all(0 <= result < modulus for result in wrong.values())
    assert all(result != SIGNS[sign](a, b) % modulus for (sign, a, b), result in wrong.items())
    other = ChainConfig(seed=seed, modulus=modulus, misconceived_facts=share, min_length=1, misconception_rate=0.1)
    assert misconceptions(other) == wrong
    assert misconceptions(ChainConfig(seed=seed, modulus=modulus, misconceived_facts=1.0)).items() >= wrong.items()


def test_misconceptions_differ_by_seed():
    assert misconceptions(ChainConfig(seed=0)) != misconceptions(ChainConfig(seed=1))


def test_a_space_that_is_too_small_is_told():
    task = ChainTask(ChainConfig(modulus=2, operators="+", min_length=1, max_length=1))
    with pytest.raises(UserError, match=r"task\.max_length=1.* distinct train problems within reach, but 5 are asked"):
        task.problems(Split.TRAIN, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"modulus": 1}, r"task\.modulus must lie in 2\.\.100, got 1"),
        ({"modulus": 101}, r"task\.modulus"),
        ({"operators": ""}, r"task\.operators"),
        ({"operators": "+/"}, r"task\.operators .* got '\+/'"),
        ({"operators": "++"}, r"task\.operators"),
        ({"min_length": 0}, r"task\.min_length"),
        ({"min_length": 7}, r"min_length=7 and max_length=6"),
        ({"misconceived_facts": 1.1}, r"task\.misconceived_facts .* got 1\.1"),
        ({"misconception_rate": float("nan")}, r"task\.misconception_rate"),
    ],
)
def test_impossible_options_are_told(options, message):
    with pytest.raises(UserError, match=message):
        ChainTask(ChainConfig(**options))


def test_a_negative_count_is_refused():
    with pytest.raises(ValueError, match="negative"):
        ChainTask(ChainConfig()).problems(Split.TRAIN, -1)
