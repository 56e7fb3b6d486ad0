"""A finished PPM can be followed, if it reads tokens as the policy writes them."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from compare.check_arm import check_arm
from lm.config import TokenizerKind
from lm.tokenizer import build_tokenizer
from tasks.errors import UserError
from tasks.registry import build_task
from tests.compare.tiny_compare import arm_config, run_comparison, tiny_comparison


@pytest.fixture(scope="module")
def ppm(tmp_path_factory):
    """The folder of a PPM of the tiny policy."""
    root = tmp_path_factory.mktemp("ready") / "made"
    run_comparison(root, tiny_comparison("grpo_ppm"))
    return root / "seed_0" / "trees-0.15-ppm" / "ppm"


@pytest.fixture(scope="module")
def misreading(ppm, tmp_path_factory):
    """The same PPM with another tokenizer."""
    folder = tmp_path_factory.mktemp("other") / "ppm"
    shutil.copytree(ppm, folder)
    build_tokenizer(TokenizerKind.BPE, ["1+2=3\n#### 3"] * 20, 300).save_pretrained(folder)
    return folder


def test_it_is_followed_for_the_price_of_reading_and_one_that_misreads_fails_alone(ppm, misreading, tmp_path):
    follows = replace(arm_config("grpo_ppm"), trees=0.0)
    arms = {"ready": replace(follows, ppm=str(ppm)), "other": replace(follows, ppm=str(misreading))}
    results = run_comparison(tmp_path / "mine", tiny_comparison(arms=arms))
    ready, other = (results["arms"][name]["seeds"]["0"] for name in arms)
    charged = {name for name, phase in ready["ledger"]["phases"].items() if phase["charged"]}
    assert charged == {"sampling", "scoring", "training"}
    assert "hack/learned" in ready["hacking"]["series"]
    assert "this PPM has another tokenizer than the policy" in other["failed"]
    assert str(misreading) in other["failed"]
    report = (tmp_path / "mine" / "REPORT.md").read_text()
    assert "what that has cost is charged to nobody" in report
    assert "FAILED: other" in report


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scores": arm_config("oracle").scores, "credit": arm_config("oracle").credit}, "set arms.x.scores=ppm"),
        ({"planted": "so"}, "leave arms.x.ppm out"),
    ],
)
def test_what_makes_no_sense_with_it_is_refused(changes, said):
    arm = replace(arm_config("grpo_ppm"), ppm="somewhere", **changes)
    with pytest.raises(UserError, match=said):
        check_arm("x", arm, build_task(tiny_comparison().task))
