"""What a comparison leaves behind: ``summary.json`` for machines, ``REPORT.md`` and ``report.html`` for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from compare.charts import band_panels, colours, compute_chart, difference_chart, learning_chart
from compare.hacking_charts import choice_panels, drift_panels, gap_panels, judged_panels, reward_panels
from compare.report_tables import TableText, ranked, tables
from compare.summary import Supervision, finished
from compare.verdict import findings
from evolve.plots import standalone
from evolve.plots_run import Figure
from evolve.report_html import page, wide
from tasks.durable import write_json_atomic, write_text_atomic

_BRACKETS = re.compile(r"\([^()]*\)( \*| \(\*\))?")
_FAILED = ' class="failed"'
_SHOW_TREES = "python -m scripts.show_tree"
_STYLE = """
body{max-width:72rem}.wide svg{max-width:none;min-width:48rem}
table{font-size:.85rem}th{vertical-align:bottom}td{vertical-align:top}
.verdict{font-size:1.25rem;font-weight:600}.failed{color:#c2410c}a{color:#2f6fde}
.links{width:auto}.links td{text-align:left}figcaption,.note{font-size:.85rem;opacity:.75}
figure{margin:1.5rem 0}
@media(prefers-color-scheme:dark){svg{filter:brightness(1.35)}.failed{color:#f97316}a{color:#6ea0f5}}
"""


def write_reports(folder: Path, results: dict[str, Any]) -> None:
    """Write the three files, and the pictures for ``REPORT.md`` to ``plots/``.

    ``results`` are those of ``compare.summary.summarise``.
    """
    write_json_atomic(folder / "summary.json", results)
    for figure in _figures(results):
        write_text_atomic(folder / _file(figure), standalone(figure.svg))
    write_text_atomic(folder / "REPORT.md", markdown_report(folder.name, results))
    write_text_atomic(folder / "report.html", html_report(folder.name, results))


def markdown_report(name: str, results: dict[str, Any]) -> str:
    """REPORT.md."""
    first, *rest = findings(results)
    lines = [f"# Comparison {name}", "", f"**{first}**", "", *(f"- {sentence}" for sentence in rest), ""]
    for table in tables(results):
        lines += [f"## {table.title}", "", "| " + " | ".join(_cell(cell) for cell in table.head) + " |"]
        lines += ["|" + "---|" * len(table.head)]
        lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows]
        lines += ["", table.note, ""]
    for figure in _figures(results):
        lines += [f"## {figure.title}", "", f"![{figure.title}]({_file(figure)})", "", figure.caption, ""]
    for arm, words, seeds in _links(results):
        told = ", ".join(f"[{seed}]({quote(target)})" for seed, target in seeds.items())
        lines.append(f"- {arm}: {words}, seed {told}")
    more = [f"`{_SHOW_TREES} {name}` shows every tree that was kept.", ""] if results.get("trees") else []
    return "\n".join([*lines, "", *more, "Every figure: `summary.json`.", ""])


def html_report(name: str, results: dict[str, Any]) -> str:
    """The page; it loads nothing and runs nothing."""
    first, *rest = findings(results)
    arms, *others = tables(results)
    pictures = [_shown(figure) for figure in _figures(results)]
    parts = [f'<p class="verdict">{escape(first)}</p><ul>']
    parts += [f"<li{_FAILED * sentence.startswith('FAILED')}>{escape(sentence)}</li>" for sentence in rest]
    parts += ["</ul>", *pictures[:1], _table(arms), *pictures[1:], *(_table(table) for table in others)]
    if links := _links(results):
        rows = "".join(f"<tr><td></td><td>{escape(arm)}</td><td>{_linked(w, s)}</td></tr>" for arm, w, s in links)
        parts.append("<h2>Solutions and trees</h2>" + wide(f'<table class="links"><tbody>{rows}</tbody></table>'))
    if results.get("trees"):
        parts.append(f'<p class="note"><code>{_SHOW_TREES} {escape(name)}</code> shows every tree that was kept.</p>')
    return page(f"Comparison {name}", "".join(parts), _STYLE)


def _linked(words: str, seeds: Mapping[str, str]) -> str:
    """What there is to look at, a link for each seed."""
    told = " ".join(f'<a href="{escape(quote(target))}">{escape(seed)}</a>' for seed, target in seeds.items())
    return f"{escape(words)}, seed {told}"


def _figures(results: dict[str, Any]) -> list[Figure]:
    arms = ranked(results)
    if not arms:
        return []
    colour = colours(arms)
    ceilings = [name for name, row in arms.items() if row["supervision"] == Supervision.ORACLE]
    reference = next((name for name in results["references"] if name in arms), None)
    parts = [
        Figure(
            "accuracy",
            "Accuracy against compute",
            learning_chart(arms, colour, ceilings),
            "Mean of the seeds. A broken line is a ceiling, not a method.",
        )
    ]
    if any(len(each["curve"]) > 1 for row in arms.values() for each in finished(row)):
        beside = f"; grey: {reference}" if reference else ""
        caption = f"Line: mean of the seeds; band: from the lowest to the highest seed{beside}."
        parts.append(Figure("arms", "Arm by arm", band_panels(arms, colour, reference), caption))
    for name in dict.fromkeys(row["b"] for row in results["contrasts"]):
        rows = [row for row in results["contrasts"] if row["b"] == name]
        caption = "Percentage points with 95 % intervals over seeds and problems. Hollow: no difference shown."
        place = f"difference_{re.sub('[^A-Za-z0-9-]', '_', name)}"
        parts.append(Figure(place, f"Difference from {name}", difference_chart(rows, colour), caption))
    parts.append(Figure("compute", "Where compute went", compute_chart(arms), "Charged FLOPs per seed, by phase."))
    if results["alarm"] is not None:
        caption = "By update, a line per seed: orange the learned reward, blue the truth. Red: where the alarm sounded."
        parts.append(Figure("rewards", "Learned reward and truth", reward_panels(arms), caption))
        caption = "By update: where it rises, the learned reward leaves the truth behind."
        parts.append(Figure("gap", "Learned reward less truth", gap_panels(arms), caption))
    caption = "By update, a line per seed: orange what a grader rewards in training, blue on the judged problems."
    title = "Reward in training and of judged problems"
    parts += [Figure("judged_rewards", title, picture, caption) for picture in [judged_panels(arms)] if picture]
    caption = "By update, nats per token."
    parts += [
        Figure("drift", "Drift from the cold start", picture, caption) for picture in [drift_panels(arms)] if picture
    ]
    caption = (
        "The final policy's solutions, over the KL of choosing among n (nats): orange what the learned reward thinks "
        "of its favourite, blue what that is worth."
    )
    parts += [Figure("best_of_n", "Best of n", picture, caption) for picture in [choice_panels(arms)] if picture]
    return parts


def _shown(figure: Figure) -> str:
    caption = f"<figcaption>{escape(figure.caption)}</figcaption>"
    return f"<h2>{escape(figure.title)}</h2><figure>{wide(figure.svg)}{caption}</figure>"


def _file(figure: Figure) -> str:
    """Where the picture lies, relative to the comparison's folder."""
    return f"plots/{figure.name}.svg"


def _table(table: TableText) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
    body = "".join(
        f"<tr{_FAILED * ('FAILED' in row)}>" + "".join(f"<td>{_together(cell)}</td>" for cell in row) + "</tr>"
        for row in table.rows
    )
    return (
        f"<h2>{escape(table.title)}</h2>"
        + wide(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        + f'<p class="note">{escape(table.note)}</p>'
    )


def _together(text: str) -> str:
    """A cell that breaks before its one pair of brackets and nowhere else, or between several."""
    kept = _BRACKETS.sub(lambda found: found[0].replace(" ", "\u00a0"), text)
    kept = escape(kept.replace(" %", "\u00a0%").replace(" → ", "\u00a0→\u00a0"))
    return kept.replace(" (", "<br>(") if len(_BRACKETS.findall(text)) == 1 else kept


def _links(results: dict[str, Any]) -> list[tuple[str, str, dict[str, str]]]:
    """What there is to look at: the arm, the words, and where it is by seed."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for arm, row in results["arms"].items():
        for seed, each in row["seeds"].items():
            for words, target in each.get("links", {}).items():
                found.setdefault((arm, words), {})[seed] = target
    return [(arm, words, seeds) for (arm, words), seeds in found.items()]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
