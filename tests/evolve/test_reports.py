"""The plots and lists of a run's reports: what is drawn is what was recorded, and no text becomes markup."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from evolve.figures import MOST_CRITICAL, Calibration, Distributions
from evolve.plots import Axis, Plot, amounts, panels, short, standalone
from evolve.plots_run import run_figures
from evolve.report import most_critical_rows, round_row
from evolve.report_html import html_report
from evolve.report_text import as_code, findings, markdown_report
from mcts.criticality import by_text, most_critical
from mcts.storage import read_trees

NAMES = ("accuracy", "distributions", "calibration", "pairs", "tokens", "seconds")
HOSTILE = '</svg><script>alert(1)</script> `x`\n\u202e& "q"'
SVG = "{http://www.w3.org/2000/svg}"


def judged(number, depths, bins, critical=()):
    """An eval.json with a round's figures."""
    share = {
        "greedy": min(0.8, 0.5 + number / 20),
        "sampled": 0.4,
        "majority": 0.5,
        "search": None if number == 0 else 0.6,
    }
    intervals = {f"{name}_interval": value and [value - 0.1, value + 0.1] for name, value in share.items()}
    evaluation = {**share, **intervals, "problems": 40, "split": "held_out", "generated_tokens": 500}
    if number == 0:
        return {"round": 0, "train": {"trained_tokens": 4000}, "evaluation": evaluation}
    select = {
        "pairs": sum(depths.values()), "pairs_by_depth": {str(d): n for d, n in depths.items()}, "held_out_pairs": 9,
        "trajectories": 5, "lucky": None, "critical": list(critical),
        "distributions": {"q": [6, *[0] * 18, 2], "score": [0] * 19 + [5] if bins else [0] * 20},
        "calibration": {"bins": bins, "error": 0.25 if bins else None},
    }  # fmt: skip
    search = {"mode": "ppm_augmented", "coverage": 0.9, "generated_tokens": 2000, "scored_tokens": 1000 * len(bins)}
    learnt = {"ppm": {"trained_tokens": 300, "pair_accuracy": 0.7}, "policy": {"rows": 1, "trained_tokens": 200}}
    return {"round": number, "search": search, "select": select, **learnt, "evaluation": evaluation}


def step(delta, visits=4, text="7+5=2\n", **changes):
    return {
        "problem_id": "p/0", "tree": 0, "node": 3, "depth": 2, "text": text, "delta": delta, "q": 0.5, "spread": None,
        "visits": visits, **changes,
    }  # fmt: skip


ROUNDS = [judged(0, {}, []), judged(1, {1: 30, 3: 10}, []), judged(2, {1: 20, 2: 40}, [[4, -0.9, 0.2], [16, 0.5, 0.5]])]
SECONDS = {
    "round_0/cold_start": 10.0, "round_0/evaluate-00000": 2.0, "round_1/search-tree1-00000": 3.0,
    "round_1/search-held_out-00000": 1.5, "round_1/select": 0.5, "round_1/ppm": 2.0, "round_1/policy": 1.0,
    "round_2/search-tree2-00001": 7.0,
}  # fmt: skip


def summary_of(rounds, name="mine"):
    rows = [round_row(each, 1.0) for each in rounds]
    return {"name": name, "rounds": rows, "total_seconds": 1.0, "peak_memory_mb": 1.0}


def figures_of(rounds=ROUNDS, seconds=SECONDS):
    return {figure.name: figure for figure in run_figures(summary_of(rounds)["rounds"], rounds, seconds)}


def drawn(figure, kind):
    """The titles of the figure's shapes, with their attributes."""
    root = ElementTree.fromstring(standalone(figure.svg))  # also: it is well-formed
    return {shape.find(f"{SVG}title").text: shape.attrib for shape in root.iter(SVG + kind) if len(shape)}


def test_a_run_has_every_plot_and_an_old_or_young_one_those_it_has_figures_for():
    assert tuple(figures_of()) == NAMES
    assert list(figures_of(ROUNDS[:1], {"round_0/cold_start": 1.0})) == ["accuracy", "tokens", "seconds"]
    old = json.loads(json.dumps(ROUNDS))
    for each in old[1:]:
        for name in ("distributions", "calibration", "critical"):
            del each["select"][name]
    assert list(figures_of(old)) == ["accuracy", "pairs", "tokens", "seconds"]
    assert most_critical_rows(old) == []


def test_shares_stand_where_they_belong():
    dots = drawn(figures_of()["accuracy"], "circle")
    tops = {"100 %": 14.0, "0 %": 266.0}
    for title, share in (("cold start, greedy: 50.0 %", 0.5), ("round 2, greedy: 60.0 %", 0.6)):
        expected = tops["0 %"] + share * (tops["100 %"] - tops["0 %"])
        assert float(dots[title]["cy"]) == pytest.approx(expected, abs=0.06)
    assert "cold start, search: -" not in dots
    assert {title for title in dots if "search" in title} == {"round 1, search: 60.0 %", "round 2, search: 60.0 %"}


def test_histograms_add_up():
    bars = drawn(figures_of()["distributions"], "rect")
    assert sum(float(title.split(": ")[1].removesuffix(" % of steps")) for title in bars) == pytest.approx(100)
    heights = {title: float(bar["height"]) for title, bar in bars.items()}
    assert heights["Q -1.0 to -0.9: 75.0 % of steps"] == pytest.approx(
        3 * heights["Q +0.9 to +1.0: 25.0 % of steps"], abs=0.3
    )


def test_calibration_is_drawn_at_scores_and_outcomes():
    dots = drawn(figures_of()["calibration"], "circle")
    first, second = (
        dots["round 2: 4 steps scored -0.90, outcome +0.20"],
        dots["round 2: 16 steps scored +0.50, outcome +0.50"],
    )
    assert float(second["cx"]) - float(first["cx"]) == pytest.approx(0.7 * (720 - 350 - 46), abs=0.2)
    assert float(first["r"]) < float(second["r"])
    assert "round 2, error 0.25" in figures_of()["calibration"].svg


def test_bars_of_pairs_are_as_high_as_their_counts():
    bars = drawn(figures_of()["pairs"], "rect")
    assert set(bars) == {
        "round 1, step 1: 30 pairs", "round 1, step 3: 10 pairs",
        "round 2, step 1: 20 pairs", "round 2, step 2: 40 pairs",
    }  # fmt: skip
    heights = {int(title.split(": ")[1].split()[0]): float(bar["height"]) for title, bar in bars.items()}
    assert heights[40] == pytest.approx(4 * heights[10], abs=0.3)
    lefts = sorted((float(bar["x"]), float(bar["width"])) for bar in bars.values())
    assert all(x + width <= following for (x, width), (following, _) in pairwise(lefts))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tokens", {"cold start": 4500, "round 1": 2000 + 300 + 200 + 500, "round 2": 2000 + 2000 + 300 + 200 + 500}),
        ("seconds", {"cold start": 12.0, "round 1": 8.0, "round 2": 7.0}),
    ],
)
def test_phases_of_a_round_lie_end_to_end_and_add_up(name, expected):
    found: dict[str, list[tuple[float, float, float]]] = {}
    for title, bar in drawn(figures_of()[name], "rect").items():
        amount = float(title.split(": ")[1].split()[0].replace(",", ""))
        found.setdefault(title.split(",")[0], []).append((float(bar["x"]), float(bar["width"]), amount))
    assert {number: sum(amount for *_, amount in bars) for number, bars in found.items()} == expected
    for bars in found.values():
        for (x, width, amount), (following, _, _) in pairwise(sorted(bars)):
            assert x + width == pytest.approx(following, abs=0.15)
            assert width / amount == pytest.approx(bars[0][1] / bars[0][2], rel=0.1)
    if name == "seconds":
        assert "round 1, search: 4.5 seconds" in figures_of()[name].svg


@pytest.mark.parametrize("rounds", [1, 3, 12])
def test_nothing_leaves_its_picture_and_no_label_hides_another(rounds):
    many = [ROUNDS[0], *(judged(n, {d: d * n for d in range(1, 9)}, [[n, 0.1 * n - 1, 0.3]]) for n in range(1, rounds))]
    seconds = {f"round_{n}/policy": 100.0 * n + 1 for n in range(rounds)}
    for figure in figures_of(many, seconds).values():
        root = ElementTree.fromstring(figure.svg)
        width, height = map(float, root.attrib["viewBox"].split()[2:])
        for names, end in ((("x", "x1", "x2", "cx"), width), (("y", "y1", "y2", "cy"), height)):
            places = [float(shape.attrib[name]) for shape in root.iter() for name in names if name in shape.attrib]
            assert all(0 <= place <= end for place in places), figure.name
        texts = [shape for shape in root if shape.tag == "text"]
        boxes = [(float(t.attrib["x"]), float(t.attrib["y"]), t.attrib.get("text-anchor"), len(t.text)) for t in texts]
        for at, (x, y, anchor, length) in enumerate(boxes):
            for other_x, other_y, other_anchor, _ in boxes[:at]:
                if anchor == other_anchor == "start" or (anchor is None and other_anchor is None):
                    assert abs(x - other_x) > 6 * length or abs(y - other_y) >= 11, (figure.name, x, y)


def test_axes_have_round_ticks_and_hold_what_they_must():
    for largest in (0, 0.003, 1, 7, 10, 11, 99, 101, 2_345_678):
        axis = amounts(largest)
        values = [value for value, _ in axis.ticks]
        assert axis.low == values[0] == 0
        assert axis.high == values[-1] >= largest
        assert 2 <= len(values) <= 7
        assert len({label for _, label in axis.ticks}) == len(values)
    assert [label for _, label in amounts(2_345_678).ticks] == ["0", "500k", "1M", "1.5M", "2M", "2.5M"]
    assert [short(amount) for amount in (0, 0.5, 950, 12_300, 4e6, 7e9)] == ["0", "0.5", "950", "12.3k", "4M", "7G"]


def test_texts_of_plots_are_escaped():
    plot = Plot(HOSTILE, Axis(0, 1, [(0, HOSTILE)], HOSTILE), Axis(0, 1, [(0, HOSTILE)]))
    plot.name(HOSTILE, "#000000")
    plot.heading(HOSTILE)
    plot.note((0, 0), HOSTILE)
    plot.dot((0, 0), "#000000", HOSTILE)
    plot.bar((0, 0), (1, 1), "#000000", HOSTILE)
    for svg in (plot.svg(), panels(HOSTILE, [plot, plot], 2)):
        assert "<script" not in svg
        ElementTree.fromstring(standalone(svg))


# The most critical steps


def test_the_most_critical_steps_of_all_rounds_are_ranked_as_one():
    rounds = [ROUNDS[0], judged(1, {}, [], [step(-0.9), step(0.5)]), judged(2, {}, [], [step(0.9, 5), step(-0.5, 4)])]
    rows = most_critical_rows(rounds)
    # Moves of one direction at one text are one row; a rank is |delta| * visits / (visits + 4).
    assert [(row["round"], row["delta"], row["visits"], row["alike"]) for row in rows] == [
        (2, 0.9, 5, 2), (1, -0.9, 4, 2),
    ]  # fmt: skip
    many = [step(0.1, text=str(at), alike=3) for at in range(30)]
    assert [row["alike"] for row in most_critical_rows([judged(1, {}, [], many)])] == [3] * MOST_CRITICAL
    ranked = most_critical_rows([judged(1, {}, [], [step(-1.9, 2, "a"), step(1.0, 8, "b")])])
    assert [row["text"] for row in ranked] == ["b", "a"]


def test_steps_are_text_in_both_reports():
    rows = [{"round": 1, **step(-0.75, text=HOSTILE, problem_id=HOSTILE)}]
    said = markdown_report("mine", summary_of(ROUNDS), 0, [("Pairs", "plots/pairs.svg")], rows)
    (line,) = (line for line in said.splitlines() if "moves Q by" in line)
    assert "moves Q by -0.75, from +1.25 to +0.50 (step 2, 4 visits, spread among its siblings -" in line
    assert line.startswith('- ``</svg><script>alert(1)</script> `x`\\n\\u202e& "q"`` moves')
    assert "\n![Pairs](plots/pairs.svg)\n" in said
    page = html_report("mine", summary_of(ROUNDS), list(figures_of().values()), rows)
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<svg") == page.count("<figure") == len(NAMES)
    assert "&lt;/svg&gt;&lt;script&gt;alert(1)&lt;/script&gt; `x`\\n\\u202e&amp; &quot;q&quot;" in page


@pytest.mark.parametrize(
    ("text", "code"),
    [("7+5=2\n", "`7+5=2`"), ("", "` `"), ("`", "`` ` ``"), ("a``b`", "``` a``b` ```"), ("x" * 200, f"`{'x' * 100}…`")],
)
def test_code_spans_hold_any_text(text, code):
    assert as_code(text) == code


# What the figures say


def with_records(each, greedy, search):
    return {**each, "records": [{"greedy": g, "search": s} for g, s in zip(greedy, search, strict=True)]}


@pytest.mark.parametrize(
    ("greedy", "search", "said"),
    [
        ([False] * 60, [True] * 20 + [False] * 40, "beats greedy decoding at the end: 60.0 % against 60.0 %, +33.3"),
        ([True] * 20 + [False] * 40, [False] * 60, "is beaten by greedy decoding at the end"),
        ([False] * 60, [True] * 3 + [False] * 57, "is not told apart from greedy decoding at the end"),
    ],
)
def test_search_and_greedy_are_compared_problem_by_problem(greedy, search, said):
    rounds = [*ROUNDS[:2], with_records(ROUNDS[2], greedy, search)]
    assert any(f"PPM-guided search {said}" in sentence for sentence in findings(summary_of(rounds)))
    (row,) = (row for row in summary_of(rounds)["rounds"] if row["round"] == 2)
    gains = np.array(search, float) - np.array(greedy, float)
    assert row["search_gain"] == pytest.approx(gains.mean(), abs=1e-6)
    spread = 1.96 * gains.std() / np.sqrt(60)
    expected = [gains.mean() - spread, gains.mean() + spread]
    assert row["search_gain_interval"] == pytest.approx(expected, abs=0.02)


def test_both_ends_of_a_run_bear_their_intervals():
    (first, *_) = findings(summary_of(ROUNDS))
    assert first.startswith(
        "Greedy accuracy went from 50.0 % (40.0 % to 60.0 %) after the cold start to 60.0 % (50.0 %"
    )


@pytest.mark.parametrize(("error", "said"), [(0.65, "are no values"), (0.1, "are close to values")])
def test_the_calibration_is_told_in_words(error, said):
    last = json.loads(json.dumps(ROUNDS[2]))
    last["select"]["calibration"]["error"] = error
    (told,) = (each for each in findings(summary_of([*ROUNDS[:2], last])) if "The scores of the PPM" in each)
    assert f"search of round 2 {said}: on a scale from -1 to +1 they lie {error:.2f} off" in told
    assert told.endswith("Below steps scored -0.90, 60.0 % of the ends were right, below steps scored +0.50, 75.0 %.")
    assert not any("The scores of the PPM" in each for each in findings(summary_of(ROUNDS[:2]))), "none guided it"
    before = json.loads(json.dumps(ROUNDS[1]))
    before["select"]["held_out_pairs"] = 100  # 70 % of 100 are more than chance, of 9 they are not
    (told,) = (each for each in findings(summary_of([ROUNDS[0], before, last])) if "The scores of the PPM" in each)
    assert ("order siblings, but are no values" in told) == (error > 0.2)


def test_the_columns_are_explained_below_their_table_and_pairs_have_one_of_their_own():
    lines = markdown_report("mine", summary_of(ROUNDS), 0).splitlines()
    table = next(at for at, line in enumerate(lines) if line.startswith("| 2 |"))
    assert lines[table + 2].startswith("Columns: *greedy*")
    first = lines.index("| round | step 1 | step 2 | step 3 |")
    assert lines[first + 2 : first + 4] == ["| 1 | 30 | 0 | 10 |", "| 2 | 20 | 40 | 0 |"]


# A real run


def test_a_run_records_what_its_trees_show(reference):
    for number in (1, 2):
        folder = reference / f"round_{number}"
        select = json.loads((folder / "eval.json").read_text())["select"]
        trees = [tree for path in sorted(folder.glob("trees/*")) for tree in read_trees(path)]
        distributions, calibration = Distributions(), Calibration()
        for tree in trees:
            distributions.add(tree)
        for path in sorted(folder.glob("held_out_trees/*")):
            for tree in read_trees(path):
                calibration.add(tree)
        assert select["distributions"] == distributions.as_json()
        assert select["calibration"] == calibration.as_json()
        assert (select["calibration"]["error"] is None) == (number == 1)  # no PPM guided the first round
        firsts = [group[0] for group in by_text(most_critical(trees, 500))][:MOST_CRITICAL]
        found = [(s.problem_id, s.node, s.text, round(s.delta, 6)) for s in firsts]
        assert [(s["problem_id"], s["node"], s["text"], s["delta"]) for s in select["critical"]] == found != []
        assert {s["is_right"] for s in select["critical"]} <= {True, False}


def test_a_run_s_reports_show_every_plot(reference):
    page, said = (reference / "report.html").read_text(), (reference / "REPORT.md").read_text()
    assert re.findall(r'<figure id="(\w+)">', page) == list(NAMES)
    assert re.findall(r"\]\(plots/(\w+)\.svg\)", said) == list(NAMES)
    for name in NAMES:
        ElementTree.parse(reference / "plots" / f"{name}.svg")
    assert said.count("moves Q by") == page.count("</tr>") - 5 == MOST_CRITICAL  # less two heads and three rounds


def test_a_verifier_that_errs_on_purpose_is_told():
    summary = summary_of(ROUNDS)
    assert "erred on purpose" not in " ".join(findings(summary))
    summary["fault"] = {"false_positive": 0.1, "false_negative": 0.05}
    assert "it passed 10.0 % of the wrong solutions and failed 5.0 % of the right ones" in " ".join(findings(summary))
