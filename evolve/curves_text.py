"""Methods at equal tokens as a table for a terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.table import Table

from evolve.curves import last_difference
from evolve.report_text import percent


def methods_table(summary: dict[str, Any], width: int = 100) -> Table:
    """Methods at equal generated tokens, as ``evolve.compare_run`` found them.

    Of five numbers of tokens the largest are shown that fit into ``width`` columns. The last column compares with the
    reference at the most tokens that the method came to.
    """
    equal = summary["equal_tokens"]
    # On two lines: a title that is wider than the table is broken anywhere.
    title = (
        f"{summary['run']}, round {summary['round']}\n{summary['problems']} problems of the {summary['split']} split"
    )
    if equal is None:
        return _one_budget(summary, title)
    targets = equal["targets"][-max(1, min(5, (width - 60) // 7)) :]
    table = Table(title=f"{title}\n% right at equal generated tokens per problem", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("tokens per problem", no_wrap=True)
    for target in targets:
        table.add_column(_tokens(target["tokens"]), justify="right", no_wrap=True)
    labels = {row["method"]: row["label"] for row in summary["methods"]}
    table.add_column(f"points over {labels[equal['reference']]}", no_wrap=True)
    for method, label in labels.items():
        found = [target["methods"].get(method) for target in targets]
        cells = ["-" if row is None else f"{100 * row['accuracy']:.1f}" for row in found]
        table.add_row(label, *cells, _difference(last_difference(equal, method)))
    return table


def _difference(compared: tuple[float, dict[str, Any]] | None) -> str:
    if compared is None:
        return "-"
    tokens, row = compared
    low, high = row["difference_interval"]
    return f"{100 * row['difference']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f}) at {_tokens(tokens)}"


def _tokens(count: float) -> str:
    """At most five characters, up to ten millions."""
    return f"{count:,.0f}" if count < 9999.5 else f"{count / 1000:.0f}k"


def _one_budget(summary: dict[str, Any], title: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD)
    for column in ("method", "tokens per problem", "accuracy", "95 % interval"):
        table.add_column(column, justify="left" if column == "method" else "right")
    for method in summary["methods"]:
        for row in method["budgets"]:
            low, high = row["interval"]
            interval = f"{percent(low)} to {percent(high)}"
            table.add_row(method["label"], f"{row['generated_tokens']:,.0f}", percent(row["accuracy"]), interval)
    return table
