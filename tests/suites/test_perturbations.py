from __future__ import annotations

import pytest

from tasks.answers.number import read_plain
from tasks.suites.perturbations import perturbations


def kinds(answer: str, neighbour: str = "77") -> dict[str, str]:
    return dict(perturbations(answer, neighbour))


def test_each_kind_is_as_named():
    assert kinds("17") == {
        "off by one": "18",
        "next digit": "170",
        "sign": "-17",
        "neighbour's": "77",
        "hedged": "17 or 171",
        "empty": "",
        "huge": "9" * 5000,
        "huge power": "9**9**9**9",
    }
    assert kinds("-3/4")["sign"] == "3/4"
    assert kinds("x=1/2, y=-3")["swapped order"] == "x=-3, y=1/2"
    assert kinds("1, 1, 2")["swapped order"] == "2, 1, 1"


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ("0", {"sign", "next digit"}),
        ("0.0", {"sign", "next digit"}),
        ("77", {"neighbour's"}),
        ("1, 1", {"swapped order"}),
        ("yes", {"off by one", "next digit", "sign"}),
    ],
)
def test_what_would_change_nothing_is_left_out(answer, missing):
    assert not missing & set(kinds(answer))


@pytest.mark.parametrize("answer", ["17", "-17", "0", "3/4", "-0.5", "1,000", "20%", "$5"])
def test_no_perturbed_number_equals_the_number(answer):
    for wrong in kinds(answer).values():
        assert read_plain(wrong) != read_plain(answer)
