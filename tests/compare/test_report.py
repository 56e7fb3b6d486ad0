"""What the reports say of invented comparisons, whichever way they come out."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from compare.budget import Budget
from compare.report import html_report, markdown_report, write_reports
from compare.report_tables import arms_table, signs_table
from compare.summary import ArmRuns, Supervision, summarise
from compare.verdict import amount, findings, verdict
from tests.compare.invented import arm, comparison

BUDGET = Budget(flops=2.2e12)


@pytest.fixture(scope="module")
def results():
    return summarise(comparison(), BUDGET)


def contrast(a, difference, p_holm, b="grpo_outcome", seeds=5):
    interval = [difference - 0.02, difference + 0.02]
    return {"a": a, "b": b, "difference": difference, "interval": interval, "p": p_holm, "p_holm": p_holm,
            "seeds": seeds, "mcnemar": {}}  # fmt: skip


def judged(*contrasts):
    arms = {
        each["a"]: {"mean": 0.5, "supervision": "process", "offline": each["b"] == "rft", "peer": each["b"]}
        for each in contrasts
    }
    arms |= {
        name: {"mean": 0.5, "supervision": "outcome", "offline": name == "rft"} for name in ("grpo_outcome", "rft")
    }
    return verdict({"references": ["grpo_outcome", "rft"], "contrasts": list(contrasts), "arms": arms})


def test_the_verdict_takes_each_of_its_forms():
    better, worse, unclear = contrast("a", 0.05, 0.01), contrast("b", -0.05, 0.01), contrast("c", 0.01, 0.4)
    assert judged(better) == (
        "Process supervision pays here. On-policy arms against grpo_outcome: better: a by +5.0 (+3.0 to +7.0) points."
    )
    assert judged(better, unclear) == (
        "Process supervision pays here in some forms. On-policy arms against grpo_outcome (p corrected for 2 "
        "comparisons): better: a by +5.0 (+3.0 to +7.0) points; no difference shown: c."
    )
    assert judged(worse, unclear).startswith("Process supervision does not pay here. On-policy arms")
    assert "worse: b by -5.0" in judged(worse, unclear)
    assert judged(better, worse).startswith("It depends on the form of process supervision. On-policy arms")
    assert judged(unclear) == (
        "No difference shown between process supervision and outcomes alone at this budget. On-policy arms against "
        "grpo_outcome: no difference shown: c by +1.0 (-1.0 to +3.0) points."
    )


def test_each_arm_is_judged_beside_its_peer():
    said = judged(contrast("a", 0.05, 0.01), contrast("r", 0.01, 0.5, b="rft"))
    assert said == (
        "Process supervision pays here in some forms. On-policy arms against grpo_outcome: better: a by +5.0 (+3.0 to "
        "+7.0) points. Arms that learn from a fixed set against rft: no difference shown: r by +1.0 (-1.0 to +3.0) "
        "points."
    )
    assert judged(contrast("r", 0.05, 0.01, b="rft")).startswith("Process supervision pays here. Arms that learn")


def test_an_arm_without_a_peer_of_its_kind_is_told():
    arms = comparison()
    del arms["rft"]
    said = findings(summarise(arms, BUDGET))
    assert said[1] == (
        "rstar: learned from a fixed set, and no reference that learned outcomes from one (rft) has finished; "
        "grpo_outcome differs from that in more than supervision."
    )
    assert not [sentence for sentence in findings(summarise(comparison(), BUDGET)) if "fixed set, and no" in sentence]


def test_with_few_seeds_nothing_is_claimed():
    better, worse = contrast("a", 0.05, 0.01, seeds=2), contrast("b", -0.05, 0.01, seeds=2)
    assert judged(better) == (
        "With 2 seeds nothing is claimed; the means point to process supervision. On-policy arms against grpo_outcome: "
        "above, not claimed: a by +5.0 (+3.0 to +7.0) points."
    )
    assert judged(worse).startswith("With 2 seeds nothing is claimed; the means point to outcomes alone.")
    assert judged(better, worse).startswith("With 2 seeds nothing is claimed; the means point both ways.")
    assert judged(better, contrast("c", 0.05, 0.01)).endswith(
        "better: c by +5.0 (+3.0 to +7.0) points; above, not claimed: a by +5.0 (+3.0 to +7.0) points."
    )


def test_a_star_needs_as_many_seeds_as_a_claim():
    few, enough = summarise(comparison(2), BUDGET), summarise(comparison(), BUDGET)
    said = "\n".join(findings(few))
    assert not re.search("better: |worse: |pays|no difference shown", said)
    assert "Above their own cold start, with too few seeds for a claim: " in said
    cells = [cell for row in arms_table(few).rows for cell in row]
    assert [cell for cell in cells if cell.endswith(" (*)")]
    assert not [cell for cell in cells if cell.endswith(" *")]
    assert [cell for row in arms_table(enough).rows for cell in row if cell.endswith(" *")]
    filled = 'fill="#'  # of a dot
    assert not re.findall(f"<circle [^>]*{filled}", html_report("m", few))
    assert re.findall(f"<circle [^>]*{filled}", html_report("m", enough))


def test_a_terminal_shows_the_peer_and_the_last_reference(results):
    table = arms_table(results, brief=True)
    assert [name for name in table.head if name.startswith("points over")] == [
        "points over cold start", "points over its peer", "points over sft_more",
    ]  # fmt: skip
    whole = arms_table(results)
    for brief_row, row in zip(table.rows, whole.rows, strict=True):
        if brief_row[1] in ("rstar", "tree_q"):
            peer = "rft" if brief_row[1] == "rstar" else "grpo_outcome"
            assert brief_row[6] == row[whole.head.index(f"points over {peer}")]


@pytest.mark.parametrize(("updates", "told"), [(5, "0.2"), (6, "0.1 → 0.3")])
def test_signs_have_a_beginning_and_an_end_only_where_the_two_are_apart(updates, told):
    rows = [{"hack/dodges": 0.1 if at < updates / 2 else 0.3} for at in range(updates)]
    rows = rows if updates == 6 else [{"hack/dodges": 0.2}] * updates
    runs = arm(Supervision.OUTCOME, 0.1, seeds=1)
    one = ArmRuns(Supervision.OUTCOME, {0: replace(runs.seeds[0], hacking=rows)})
    assert signs_table(summarise({"a": one}, BUDGET)).rows == [["1", "dodges", told]]


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
    assert said.startswith(
        "Process supervision pays here in some forms. On-policy arms against grpo_outcome (p corrected for 8 "
        "comparisons): better: "
    )
    assert "Arms that learn from a fixed set against rft (p corrected for 8 comparisons): better: rstar by +" in said
    assert re.search(r"tree_q by \+1\d\.\d", said)
    assert "min_form" in re.search("no difference shown: ([^(]*)", said)[1]
    assert "11 arms went on from the same cold starts" in said
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
    assert re.search(r"\| \d \| tree_q \| process \| 5 \| [\d.]+ % \([\d.]+ to [\d.]+\) \|", text)
    assert "| - | ppo_gae | outcome | 0 | FAILED |" in text
    assert "- sft: solutions, seed [0](arms/x/0/samples.md)" in text
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert len(pictures) == len(set(pictures)) == 10
    for picture in pictures:
        assert ElementTree.parse(tmp_path / "mine" / picture).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert "show_tree" not in text
    markdown = markdown_report("mine", results | {"trees": True})
    assert "`python -m scripts.show_tree mine` shows every tree that was kept." in markdown
    assert "<code>python -m scripts.show_tree mine</code>" in html_report("mine", results | {"trees": True})
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
    assert page.count("<svg") == 10
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
