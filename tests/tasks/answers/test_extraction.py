from __future__ import annotations

import time

import pytest

from tasks.answers import read_final_answer
from tasks.answers.extraction import MAX_BOXED


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("#### 4", "4"),
        ("7+5=2\n#### 4\n", "4"),
        ("  #### 4 \r\nand more", "4"),
        ("####4", "4"),
        ("####", ""),
        ("##### 4", "# 4"),
        (r"so it is $\boxed{4}$.", "4"),
        (r"\boxed {4}", "4"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{4\}}", r"\{4\}"),
        ("", None),
        ("the answer is 4", None),
        ("note: #### 4", None),
        ("### 4", None),
        ("#### 4\n#### 5", "5"),
        ("#### 4\n\\boxed{5}", "5"),
        (r"#### \boxed{4}", "4"),
        (r"\boxed{4} or \boxed{5}", "5"),
        (r"\boxed{\boxed{4}}", "4"),
        (r"\boxed{4", None),
        (r"\boxed{{4}", None),
        (r"\boxed 4", None),
        ("\\boxed{4}\n#### 5", "5"),
        (r"\boxed{4} and then it was cut: \boxed{5", None),
        (r"\boxed{3 or \boxed{4}}", "3 or 4"),
        (r"\boxed{\boxed{3} or \boxed{4}}", "3 or 4"),
        (r"\boxed{4}. But it may be 5 as well.", "4"),
        (r"an open \boxed{ and \boxed{4}", "4"),
        (r"\boxed{4} \boxedness{5}", "4"),
        (r"#### 4 or 5", "4 or 5"),
        (r"\boxed{4} \} }", "4"),
        (r"\boxed", None),
        ("\\boxed{4}\n\n#### Verification\n\n2+2 is 4.", "4"),
        ("\\boxed{4}\n#### **Step 2: Check**\nfine\n#### 3. Conclusion\nIt is 4.", "4"),
        ("\\boxed{4}\n#### 5\n#### Verification\nfine", "5"),
        ("\\boxed{4}\n#### Verification\nfine\n#### 5", "5"),
        ("\\boxed{4}\n#### 5\nfine", "5"),
        ("\\boxed{4}\n#### red\n\n", "red"),
        ("#### Check\nfine\n\\boxed{4}", "4"),
        ("#### red\nfine", "red"),
    ],
)
def test_the_last_final_answer_is_read(text, answer):
    assert read_final_answer(text) == answer


def test_a_box_has_a_longest_inside():
    assert read_final_answer("\\boxed{" + "4" * (MAX_BOXED - 100) + "}") is not None
    assert read_final_answer("\\boxed{" + "4" * MAX_BOXED + "}") is None


@pytest.mark.parametrize(
    "unit",
    [
        "\\boxed{",
        "\\boxed",
        "\\boxed{4}\n#### a\n",
        "\n#### Check 1 a",
        "####",
        "\n####",
        "{",
        "}",
        "\\",
        "\\boxedx",
        "\\boxed{}",
        "\n ",
    ],
)
def test_a_megabyte_is_read_quickly(unit):
    started = time.process_time()
    read_final_answer(unit * (2**20 // len(unit)))
    assert time.process_time() - started < 2.0
