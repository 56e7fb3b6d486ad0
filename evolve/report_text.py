"""A run in words and in one table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table

from viewer.text import visible

COLUMNS = ("round", "mode", "greedy", "sampled", "majority", "search", "solved", "pairs", "PPM", "s")

CRITICAL_COLUMNS = ("round", "problem", "node", "Q before", "Q after", "moves by", "spread", "visits")
_LONGEST_STEP = 100  # characters


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


def findings(summary: dict[str, Any]) -> list[str]:
    """What the figures say, in sentences, whichever way they came out."""
    rounds = summary["rounds"]
    first, last = rounds[0], rounds[-1]
    if len(rounds) < 2:
        return [f"After the cold start the policy solves {percent(first['greedy'])} of the problems greedily."]
    low, high = last["greedy_interval"]
    said = [
        f"Greedy accuracy went from {percent(first['greedy'])} after the cold start to {percent(last['greedy'])} after "
        f"round {last['round']} (95 % interval {percent(low)} to {percent(high)}, {last['problems']} problems of the "
        f"{last['split']} split)."
    ]
    if last["search"] is not None:
        gain = last["search"] - last["greedy"]
        verdict = "beats" if gain > 0 else "equals" if gain == 0 else "does NOT beat"
        said.append(
            f"PPM-guided search {verdict} greedy decoding at the end: {percent(last['search'])} against "
            f"{percent(last['greedy'])} ({100 * gain:+.1f} points)."
        )
    if last["ppm_pair_accuracy"] is not None:
        said.append(
            f"The last PPM orders {percent(last['ppm_pair_accuracy'])} of {last['held_out_pairs']} pairs from problems "
            "it was not trained on as the search did."
        )
    if last["lucky"] is not None:
        said.append(
            f"{percent(last['lucky'])} of the trajectories the policy was last trained on reach the right answer "
            "through a wrong step (counted by the task's oracle, for this report only)."
        )
    return said


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
        f"{tokens:,} tokens generated, {trained:,} trained on, {summary['total_seconds']:.0f} seconds, "
        f"at most {summary['peak_memory_mb']:,.0f} MB of memory in all processes together.{_hits(summary)}",
        "",
        "Pairs by depth of the step:",
        "",
    ]
    for row in summary["rounds"]:
        if row["pairs_by_depth"]:
            counts = ", ".join(f"{depth}: {count}" for depth, count in row["pairs_by_depth"].items())
            lines.append(f"- round {row['round']}: {counts}")
    for title, path in plots:
        lines += ["", f"![{title}]({path})"]
    lines += _critical_lines(critical)
    lines += [
        "",
        "Columns: *greedy* the most likely solution, *sampled* the mean over sampled solutions, *majority* their most "
        "common answer, *search* the solution that PPM-guided search prefers, *solved* the training problems that "
        "the search solved, *PPM* its accuracy on pairs from problems it was not trained on, *s* seconds.",
        "",
        "Look further: `round_N/samples.md`, `round_N/eval.json`, `round_N/quarantine.json`, `metrics.jsonl`; "
        f"`python -m scripts.show_tree {name}` shows the trees.",
        "",
    ]
    return "\n".join(lines)


def _critical_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    lines = ["", "Most critical steps of the training problems' trees, where Q moves most (at least 2 visits):", ""]
    for row in rows:
        number, problem, node, before, after, moves, spread, visits = critical_cells(row)
        lines.append(
            f"- {as_code(row['text'])} moves Q by {moves}, from {before} to {after} (step {row['depth']}, {visits} "
            f"visits, spread among its siblings {spread}; round {number}, {as_code(problem)}, node {node})"
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
    """One policy's accuracies with their intervals."""
    title = f"{judged['run']}, round {judged['round']}: {judged['problems']} problems of the {judged['split']} split"
    table = Table(title=title, box=box.SIMPLE_HEAD)
    for column in ("method", "accuracy", "95 % interval"):
        table.add_column(column, justify="left" if column == "method" else "right")
    methods = {"greedy": "greedy", "sampled": "mean of samples", "majority": "majority", "search": "PPM-guided search"}
    for name, label in methods.items():
        if judged[name] is not None:
            low, high = judged[f"{name}_interval"]
            table.add_row(label, percent(judged[name]), f"{percent(low)} to {percent(high)}")
    return table
