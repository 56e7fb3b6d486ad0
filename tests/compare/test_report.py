"""What the reports say of invented comparisons, whichever way they come out."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from compare.budget import Budget
from compare.report import html_report, markdown_report, write_reports
from compare.summary import ArmRuns, Supervision, summarise
from compare.verdict import amount, findings, verdict
from tests.compare.invented import arm, comparison

BUDGET = Budget(flops=2.2e12)


@pytest.fixture(scope="module")
def results():
    return summarise(comparison(), BUDGET)


def contrast(a, difference, p_holm, b="grpo_outcome"):
    interval = [difference - 0.02, difference + 0.02]
    return {
        "a": a,
        "b": b,
        "difference": difference,
        "interval": interval,
        "p": p_holm,
        "p_holm": p_holm,
        "mcnemar": {},
    }


def judged(*contrasts):
    row = {"mean": 0.5, "supervision": "process"}
    arms = {each["a"]: row for each in contrasts} | {"grpo_outcome": row | {"supervision": "outcome"}}
    return verdict({"references": ["grpo_outcome"], "contrasts": list(contrasts), "arms": arms})


def test_the_verdict_takes_each_of_its_forms():
    better, worse, unclear = contrast("a", 0.05, 0.01), contrast("b", -0.05, 0.01), contrast("c", 0.01, 0.4)
    assert judged(better) == (
        "Process supervision pays here. Better than grpo_outcome: a by +5.0 (+3.0 to +7.0) points "
        "(p corrected for 1 comparisons)."
    )
    assert judged(better, unclear).startswith("Process supervision pays here in some forms. Better")
    assert "no difference shown: c" in judged(better, unclear)
    assert judged(worse, unclear).startswith(
        "Process supervision does not pay here. Worse than grpo_outcome: b by -5.0"
    )
    assert judged(better, worse).startswith(
        "It depends on the form of process supervision. Against grpo_outcome, better: a"
    )
    assert judged(unclear) == (
        "No difference shown between process supervision and grpo_outcome at this budget: "
        "c by +1.0 (-1.0 to +3.0) points."
    )


def test_an_interval_without_zero_is_no_proof_among_many():
    assert judged(contrast("a", 0.05, 0.06)).startswith("No difference shown")


def test_there_is_no_verdict_without_both_sides():
    assert judged() == "No verdict: no process arm stands beside grpo_outcome."
    alone = summarise({"tree_q": arm(Supervision.PROCESS, 0.1, 1)}, BUDGET)
    assert verdict(alone) == "No verdict: grpo_outcome is not among the finished arms."
    ceiling = contrast("oracle", 0.2, 0.001)
    arms = {"oracle": {"mean": 0.6, "supervision": "oracle"}, "grpo_outcome": {"mean": 0.4}}
    assert verdict({"references": ["grpo_outcome"], "contrasts": [ceiling], "arms": arms}).startswith("No verdict")


def test_what_is_true_of_the_invented_arms_is_said(results):
    said = "\n".join(findings(results))
    assert said.startswith("Process supervision pays here in some forms. Better than grpo_outcome: ")
    assert "tree_q by +7" in said
    assert "min_form" in re.search("no difference shown: ([^(]*)", said)[1]
    assert "10 arms went on from the same cold starts" in said
    assert (
        "5 seeds each, up to 2.2e12 FLOPs per arm and seed; judged greedily on 300 problems of the held-out split"
        in said
    )
    assert "oracle is given the true labels" in said
    assert "parts from the truth in grpo_ppm in 5 of 5 seeds (noticed at update" in said
    assert "FAILED: ppo_gae, seeds 0, 1, 2, 3, 4: the loss is NaN at update 3; lower the learning rate" in said
    assert "seeds are few" not in said


def test_an_arm_that_gains_nothing_is_told_with_where_its_compute_went():
    arms = {"grpo_outcome": arm(Supervision.OUTCOME, 0.0005, 5), "tree_q": arm(Supervision.PROCESS, 0.2, 5)}
    said = "\n".join(findings(summarise(arms, BUDGET)))
    assert "grpo_outcome shows no gain over its cold start: " in said
    assert "Its compute went into train (75 %), sample (25 %)." in said
    assert "Above their own cold start: tree_q (+" in said


def test_few_seeds_are_a_doubt():
    two = findings(summarise({"grpo_outcome": arm(Supervision.OUTCOME, 0.1, 2)}, BUDGET))
    assert two[-1].startswith("2 seeds are few")
    one = findings(summarise({"grpo_outcome": arm(Supervision.OUTCOME, 0.1, 1)}, BUDGET))
    assert one[-1].startswith("One seed says nothing about other seeds")


def test_the_files_are_written_whole(results, tmp_path):
    write_reports(tmp_path / "mine", results)
    assert json.loads((tmp_path / "mine" / "summary.json").read_text()) == json.loads(json.dumps(results))
    text = (tmp_path / "mine" / "REPORT.md").read_text()
    assert text.startswith("# Comparison mine\n\n**Process supervision pays here")
    assert re.search(r"\| 2 \| tree_q \| process \| 5 \| [\d.]+ % \([\d.]+ to [\d.]+\) \|", text)
    assert "| - | ppo_gae | outcome | 0 | FAILED |" in text
    assert "- sft: solutions, seed [0](arms/x/0/samples.md)" in text
    widths = [line.count("|") for line in text.split("## Arms")[1].split("##")[0].splitlines() if line.startswith("|")]
    assert len(set(widths)) == 1, "every row has the head's cells"


class _Balance(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []
        self.links = []

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag not in ("meta", "br", "html"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag != "html":
            assert self.open.pop() == tag


def test_the_page_is_whole_loads_nothing_and_draws_inside_its_frames(results):
    page = html_report("mine", results)
    reader = _Balance()
    reader.feed(page)
    assert reader.open == []
    assert set(reader.links) == {"arms/x/0/samples.md"}
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<svg") == 9
    assert "nan" not in page.lower().replace("the loss is nan", "")
    for svg in re.findall(r"<svg.*?</svg>", page):
        width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())
        for points in re.findall(r'points="([^"]+)"', svg):
            for pair in points.split():
                x, y = map(float, pair.split(","))
                assert 0 <= x <= width
                assert 0 <= y <= height
        for y in re.findall(r'<text x="[^"]+" y="([^"]+)"', svg):
            assert 0 < float(y) <= height


def test_names_and_reasons_are_text_and_never_markup():
    arms = comparison(1) | {"<b>x</b>": ArmRuns(Supervision.PROCESS, {0: "<script>alert(1)</script> | x"})}
    arms["<i>"] = arm(Supervision.PROCESS, 0.1, 1, learned=0.1)
    found = summarise(arms, BUDGET)
    page = html_report("<u>", found)
    assert not re.search("<script|<b>|<i>|<u>", page)
    assert "| x\n" in markdown_report("m", found)
    assert "-1 |" not in page


@pytest.mark.parametrize("seeds", [1, 2])
def test_small_comparisons_have_a_page_too(seeds):
    arms = {"sft": arm(Supervision.NONE, 0.0, seeds)}
    assert "<svg" in html_report("m", summarise(arms, BUDGET))
    failed = {"sft": ArmRuns(Supervision.NONE, {0: "no"})}
    assert "<svg" not in html_report("m", summarise(failed, BUDGET))
    assert "FAILED: sft, seed 0: no" in markdown_report("m", summarise(failed, BUDGET))


def test_amounts_are_short():
    assert [amount(value) for value in (0, 999, 1_234_567, 1e7, 1.5e12, 2e12)] == [
        "0", "999", "1,234,567", "1e07", "1.5e12", "2e12",
    ]  # fmt: skip
