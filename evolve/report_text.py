"""A run in words and in one table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table

from evolve.statistics import wilson
from evolve.supply_text import overlap_findings, supply_findings
from viewer.text import visible

COLUMNS = ("round", "mode", "greedy", "sampled", "majority", "search", "solved", "pairs", "PPM", "s")

CRITICAL_COLUMNS = (
    "round",
    "problem",
    "node",
    "Q before",
    "Q after",
    "moves by",
    "spread",
    "visits",
    "alike",
    "oracle",
)
_LONGEST_STEP = 100  # characters
_CALIBRATED = 0.2  # mean distance of scores from outcomes, on a scale of 2
_LEGEND = (
    "Columns: *greedy* the most likely solution, *sampled* the mean over sampled solutions, *majority* their most "
    "common answer, *search* the solution that PPM-guided search prefers, *solved* the training problems that "
    "the search solved, *pairs* preference pairs for the PPM, *PPM* its accuracy on pairs from problems it was not "
    "trained on, *s* seconds."
)
_CRITICAL = (
    "Most critical steps of the training problems' trees: where Q moves most, weighed by visits (the move times "
    "N / (N + 4)). Steps of one text that move it the same way are one line."
)
_ORACLE = {None: "-", True: "right", False: "wrong"}


def table_cells(row: dict[str, Any]) -> list[str]:
    """A round's row of the table, as text under ``COLUMNS``."""
    return [
        str(row["round"]),
        {"terminal_guided": "terminal", "ppm_augmented": "PPM"}.get(row["mode"], "cold start"),
        *(percent(row[name]) for name in ("greedy", "sampled", "majority", "search", "coverage")),
        "-" if row["pairs"] is None else f"{row['pairs']:,}",
        percent(row["ppm_pair_accuracy"]),
        f"{row['seconds']:.0f}",
    ]


def _hits(summary: dict[str, Any]) -> str:
    """How much of what its searches asked for the engine had to read."""
    rates = [row["cache_hit_rate"] for row in summary["rounds"] if row.get("cache_hit_rate") is not None]
    if not rates:
        return ""
    rounds = "round 1" if len(rates) == 1 else f"rounds 1 to {len(rates)}"
    return f" Of the searches' prompt tokens the engine still knew {', '.join(map(percent, rates))} in {rounds}."


def percent(value: float | None) -> str:
    """A share for people: ``-`` where there is none."""
    return "-" if value is None else f"{100 * value:.1f} %"


def between(interval: Sequence[float]) -> str:
    """The ends of an interval of shares, for people."""
    return f"{percent(interval[0])} to {percent(interval[1])}"


def points(difference: float, interval: Sequence[float]) -> str:
    """A difference of shares with its interval."""
    return f"{100 * difference:+.1f} points ({100 * interval[0]:+.1f} to {100 * interval[1]:+.1f})"


def verdict(interval: Sequence[float]) -> str:
    """What the interval of a difference allows to say."""
    return "beats" if interval[0] > 0 else "is beaten by" if interval[1] < 0 else "is not told apart from"


def findings(summary: dict[str, Any]) -> list[str]:
    """What the figures say, in sentences, whichever way they came out."""
    rounds = summary["rounds"]
    first, last = rounds[0], rounds[-1]
    if len(rounds) < 2:
        return [
            f"After the cold start the policy solves {percent(first['greedy'])} ({between(first['greedy_interval'])}) "
            f"of {first['problems']} problems of the {first['split']} split greedily; in brackets the 95 % interval.",
            *overlap_findings(summary.get("overlap")),
        ]
    said = [
        f"Greedy accuracy went from {percent(first['greedy'])} ({between(first['greedy_interval'])}) after the cold "
        f"start to {percent(last['greedy'])} ({between(last['greedy_interval'])}) after round {last['round']}, on "
        f"{last['problems']} problems of the {last['split']} split; in brackets 95 % intervals."
    ]
    if last["search_gain"] is not None:
        gained = last["search_gain_interval"]
        said.append(
            f"PPM-guided search {verdict(gained)} greedy decoding at the end: {percent(last['search'])} against "
            f"{percent(last['greedy'])}, {points(last['search_gain'], gained)}, problem by problem."
        )
    if last["ppm_pair_accuracy"] is not None:
        said.append(
            f"The last PPM orders {percent(last['ppm_pair_accuracy'])} of {last['held_out_pairs']} pairs from problems "
            "it was not trained on as the search did."
        )
    if fault := summary.get("fault"):
        said.append(
            "In search and training the verifier erred on purpose: it passed "
            f"{percent(fault['false_positive'])} of the wrong solutions and failed {percent(fault['false_negative'])} "
            "of the right ones. *solved* is what it believed; accuracies are by the true one."
        )
    said += [*overlap_findings(summary.get("overlap")), *supply_findings(last)]
    said += _calibration(last, rounds[-2])
    if last["lucky"] is not None:
        said.append(
            f"{percent(last['lucky'])} of the trajectories the policy was last trained on reach the right answer "
            "through a wrong step (counted by the task's oracle, for this report only)."
        )
    return said


def _calibration(row: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """Whether the scores of the PPM that guided a round's search, that of the round before, can be read as values."""
    if row["calibration_error"] is None or not row["calibration_ends"]:
        return []
    (low, right_low), (high, right_high) = row["calibration_ends"]
    pairs = before["held_out_pairs"] or 0
    orders = pairs and wilson(before["ppm_pair_accuracy"] * pairs, pairs)[0] > 0.5
    no = "order siblings, but are no values" if orders else "are no values"
    are = "are close to values" if row["calibration_error"] < _CALIBRATED else no
    return [
        f"The scores of the PPM that guided the search of round {row['round']} {are}: on a scale from -1 to +1 they "
        f"lie {row['calibration_error']:.2f} off how solutions ended. Below steps scored {low:+.2f}, "
        f"{_right(right_low)} of the ends were right, below steps scored {high:+.2f}, {_right(right_high)}."
    ]


def _right(outcome: float) -> str:
    """A mean outcome in [-1, 1] as the share of right ends."""
    return percent((1 + outcome) / 2)


def critical_cells(row: dict[str, Any]) -> list[str]:
    """A critical step's row under ``CRITICAL_COLUMNS``; the step itself is not among them."""
    spread = "-" if row["spread"] is None else f"{row['spread']:.2f}"
    return [
        str(row["round"]),
        visible(row["problem_id"]),
        str(row["node"]),
        f"{row['q'] - row['delta']:+.2f}",
        f"{row['q']:+.2f}",
        f"{row['delta']:+.2f}",
        spread,
        f"{row['visits']:,}",
        f"{row.get('alike', 1):,}",
        _ORACLE[row.get("is_right")],
    ]


def as_code(text: str) -> str:
    """Any text as a code span of Markdown on one line, cut where it is long."""
    text = visible(text.rstrip("\n"))
    if len(text) > _LONGEST_STEP:
        text = text[:_LONGEST_STEP] + "…"
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if text.startswith("`") or text.endswith("`") else f"{fence}{text or ' '}{fence}"


def markdown_report(
    name: str,
    summary: dict[str, Any],
    set_aside: int,
    plots: Sequence[tuple[str, str]] = (),
    critical: Sequence[dict[str, Any]] = (),
) -> str:
    """REPORT.md. ``set_aside``: rows of the task's file that were left out; ``plots``: title and file of each."""
    said = findings(summary)
    if set_aside:
        said.append(f"{set_aside:,} rows of the data were set aside: `set_aside.json` says which and why.")
    lines = [f"# Run {name}", "", *(f"- {sentence}" for sentence in said), ""]
    lines += ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(table_cells(row)) + " |" for row in summary["rounds"]]
    tokens = sum(row["generated_tokens"] for row in summary["rounds"])
    trained = sum(row["trained_tokens"] for row in summary["rounds"])
    lines += [
        "",
        _LEGEND,
        "",
        f"{tokens:,} tokens generated, {trained:,} trained on, {summary['total_seconds']:.0f} seconds, "
        f"at most {summary['peak_memory_mb']:,.0f} MB of memory in all processes together.{_hits(summary)}",
        *_pairs_lines(summary["rounds"]),
    ]
    for title, path in plots:
        lines += ["", f"![{title}]({path})"]
    lines += _critical_lines(critical)
    lines += [
        "",
        "Look further: `round_N/samples.md`, `round_N/eval.json`, `round_N/quarantine.json`, `metrics.jsonl`; "
        f"`python -m scripts.show_tree {name}` shows the trees.",
        "",
    ]
    return "\n".join(lines)


def _pairs_lines(rounds: Sequence[dict[str, Any]]) -> list[str]:
    found = {row["round"]: row["pairs_by_depth"] for row in rounds if row["pairs_by_depth"]}
    if not found:
        return []
    depths = sorted({int(depth) for counts in found.values() for depth in counts})
    lines = ["", "Preference pairs by the number of the step that they differ in:", ""]
    lines += ["| round | " + " | ".join(f"step {depth}" for depth in depths) + " |", "|---|" + "---|" * len(depths)]
    for number, counts in found.items():
        lines.append(f"| {number} | " + " | ".join(f"{counts.get(str(depth), 0):,}" for depth in depths) + " |")
    return lines


def _critical_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    lines = ["", _CRITICAL, ""]
    for row in rows:
        number, problem, node, before, after, moves, spread, visits, alike, oracle = critical_cells(row)
        more = "" if alike == "1" else f"; {alike} steps of this text do so"
        said = "" if oracle == "-" else f", {oracle} by the oracle"
        lines.append(
            f"- {as_code(row['text'])} moves Q by {moves}, from {before} to {after} (step {row['depth']}, {visits} "
            f"visits, spread among its siblings {spread}; round {number}, {as_code(problem)}, node {node}{said}){more}"
        )
    return lines


def rich_table(summary: dict[str, Any]) -> Table:
    """The table of rounds for a terminal."""
    table = Table(title=f"run {summary['name']}", box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "mode" else "right", no_wrap=True)
    for row in summary["rounds"]:
        table.add_row(*(cell.replace(" %", "%") for cell in table_cells(row)))
    return table


def accuracy_table(judged: dict[str, Any]) -> Table:
    """One policy's accuracies with their intervals; solutions that could not be read, or not be judged, by count."""
    title = f"{judged['run']}, round {judged['round']}: {judged['problems']} problems of the {judged['split']} split"
    table = Table(title=title, box=box.SIMPLE_HEAD)
    for column in ("method", "accuracy", "95 % interval", "unreadable", "errors"):
        table.add_column(column, justify="left" if column == "method" else "right")
    methods = {"greedy": "greedy", "sampled": "mean of samples", "majority": "majority", "search": "PPM-guided search"}
    for name, label in methods.items():
        if judged[name] is not None:
            low, high = judged[f"{name}_interval"]
            unclear = [str(judged["outcomes"][name].get(kind, 0)) for kind in ("unverifiable", "error")]
            table.add_row(label, percent(judged[name]), f"{percent(low)} to {percent(high)}", *unclear)
    return table
