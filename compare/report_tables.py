"""The tables of a comparison, once for both reports: a head and rows of text; the second column holds names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compare.claims import ENOUGH_SEEDS, mark, points
from compare.summary import COLD_START, charged, finished
from compare.verdict import amount
from evolve.curves_html import interval_text
from evolve.report_text import percent

_PEER = "its peer"


@dataclass(frozen=True, slots=True)
class TableText:
    """A table with its heading and what a reader must know of it."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def tables(results: dict[str, Any]) -> list[TableText]:
    """Those that the comparison has anything to put into."""
    made = [
        arms_table,
        parts_table,
        stages_table,
        cost_table,
        models_table,
        fidelity_table,
        signs_table,
        best_of_n_table,
    ]
    return [table for make in made if (table := make(results)).rows]


def ranked(results: dict[str, Any]) -> dict[str, Any]:
    """The finished arms, best first."""
    done = {name: row for name, row in results["arms"].items() if row["mean"] is not None}
    return dict(sorted(done.items(), key=lambda item: -item[1]["mean"]))


def arms_table(results: dict[str, Any], brief: bool = False) -> TableText:
    """Accuracy of each arm, against its own start and the references. ``brief``: against its peer and the last one."""
    present = [name for name in results["references"] if any(row["b"] == name for row in results["contrasts"])]
    against = [COLD_START, *([_PEER, *present[1:][-1:]] if brief and present else present)]
    reach = results["reach"]
    head = ["", "arm", "supervision", "seeds", "accuracy", *(f"points over {name}" for name in against), "on the way"]
    head += [f"FLOPs to {percent(reach)}"] if reach is not None else []
    rows = []
    for place, (name, row) in enumerate(ranked(results).items(), start=1):
        cells = [str(place), name, row["supervision"], _seeds(row)]
        cells.append(f"{percent(row['mean'])} ({interval_text(row['interval'])})")
        cells += [_difference(results, name, row["peer"] if other == _PEER else other) for other in against]
        cells.append(percent(row["area"]))
        if reach is not None:
            cells.append(_reached(row))
        rows.append(cells)
    rows += [["-", name, row["supervision"], "0", "FAILED"] + ["-"] * (len(head) - 5) for name, row in _failed(results)]
    note = (
        "Accuracy is greedy; its interval and those of the differences are 95 %, over seeds and problems. * after a "
        "difference: shown, that is p below 0.05 after Holm's correction for the column (ceilings apart); (*): the "
        f"same from fewer than {ENOUGH_SEEDS} seeds, which is not counted as shown. On the way: mean accuracy over "
        "the whole budget. FLOPs: median of the seeds that got there."
    )
    return TableText("Arms", head, rows, note)


def parts_table(results: dict[str, Any]) -> TableText:
    """Where the task is a mix: accuracy on each part's problems."""
    arms = {name: [each.get("parts", {}) for each in finished(row)] for name, row in ranked(results).items()}
    parts = list(dict.fromkeys(part for seeds in arms.values() for seed in seeds for part in seed))
    rows = []
    for place, (name, seeds) in enumerate(arms.items(), start=1):
        known = [[seed[part] for seed in seeds if part in seed] for part in parts]
        if any(known):
            rows.append([str(place), name, *map(_from_to, known)])
    note = "Accuracy on each part's judged problems, at the cold start and at the end; mean of the seeds."
    return TableText("Parts of the mix", ["", "arm", *parts], rows, note)


def stages_table(results: dict[str, Any]) -> TableText:
    """Of arms that have stages: what each cost, and what it came to."""
    rows: list[list[str]] = []
    for name, row in ranked(results).items():
        seeds = [each["stages"] for each in finished(row) if "stages" in each]
        for own in zip(*seeds, strict=True):
            spent = sum(each["ends"] - each["begins"] for each in own) / len(own)
            updates = sum(each["updates"] for each in own) / len(own)
            begins, first = sum(each["begins"] for each in own) / len(own), own[0]["label"]
            cells = [amount(begins), amount(spent), amount(updates), _from_to([each["right"] for each in own])]
            rows.append([str(len(rows) + 1), name, first, *cells])
    head = ["", "arm", "stage", "begins at FLOPs", "FLOPs", "updates", "accuracy"]
    return TableText("Stages", head, rows, "Mean of the seeds; accuracy when the stage begins and when it is over.")


def _from_to(pairs: Sequence[Sequence[float]]) -> str:
    """Means of first and second figures, as shares."""
    return " → ".join(percent(sum(side) / len(side)) for side in zip(*pairs, strict=True)) or "-"


def cost_table(results: dict[str, Any]) -> TableText:
    """What an arm spent per seed."""
    names = ("generated", "prefilled", "cached", "scored", "trained")
    rows = []
    for place, (name, row) in enumerate(ranked(results).items(), start=1):
        seeds = len(finished(row))
        total = charged(row).to_json()["charged"]
        cells = [amount(total[each] / seeds) for each in (*names, "verifier_calls", "sandbox_calls", "flops")]
        rows.append([str(place), name, *cells, f"{total['seconds'] / seeds:,.0f}"])
    head = ["", "arm", *names, "verifier calls", "sandbox calls", "FLOPs", "s"]
    note = "Mean per seed, all models together, labels included; cold start, evaluation and what only watches are free."
    return TableText("Cost", head, rows, note)


def models_table(results: dict[str, Any]) -> TableText:
    """Exact McNemar tests of the final models, seed by seed, against the peer's."""
    peers = {name: row["peer"] for name, row in results["arms"].items()}
    rows = []
    for place, row in enumerate((row for row in results["contrasts"] if row["b"] == peers[row["a"]]), start=1):
        found = row["mcnemar"].items()
        told = ", ".join(f"{seed}: {each['only_a']}/{each['only_b']} ({_p(each['p'])})" for seed, each in found)
        rows.append([str(place), row["a"], row["b"], told])
    head = ["", "arm", "its peer", "seed: problems that only it / only its peer solves (exact McNemar p)"]
    note = "These compare pairs of models. What they say of two ways of training is in the first table."
    return TableText("Final models, pair by pair", head, rows, note)


def fidelity_table(results: dict[str, Any]) -> TableText:
    """Mean over seeds of how well credit finds wrong steps."""
    names = ("ranking", "sign", "first_error", "first_error_chance")
    rows = _means(results, names, lambda each: each["fidelity"], percent)
    head = ["", "arm", "right step above wrong one", "right sign", "first error found", "by guessing"]
    note = "Credit against the oracle's labels of the steps; 50 % in the first two columns is knowing nothing."
    return TableText("Credit fidelity", head, rows, note)


def signs_table(results: dict[str, Any]) -> TableText:
    """Signs of hacking, a row each: every arm at the beginning and at the end of training."""
    window = (results["alarm"] or {"window": 3})["window"]
    watched = {
        name: [each["hacking"]["series"] for each in finished(row)]
        for name, row in ranked(results).items()
        if any(each["hacking"]["series"] for each in finished(row))
    }
    rows: list[list[str]] = []
    for sign in dict.fromkeys(sign for seeds in watched.values() for series in seeds for sign in series):
        pairs = [_ends([series.get(sign, ()) for series in seeds], window) for seeds in watched.values()]
        cells = [" → ".join(map(_short, ends)) or "-" for ends in pairs]
        rows.append([str(len(rows) + 1), sign.removeprefix("hack/").replace("_", " "), *cells])
    note = (
        f"Mean of the first and of the last {window} updates; one figure: the mean of all, of runs too short for that. "
        f"{_rate(results)}"
    )
    return TableText("Signs of reward hacking", ["", "sign", *watched], rows, note.strip())


def best_of_n_table(results: dict[str, Any]) -> TableText:
    """The best of n by the learned reward: what it thinks of it, and what is true."""
    sizes = sorted(
        {each["n"] for row in ranked(results).values() for seed in finished(row) for each in seed["best_of_n"]}
    )

    def by_size(seed: Mapping[str, Any]) -> dict[str, float]:
        return {f"{each['n']} {key}": each[key] for each in seed["best_of_n"] for key in ("learned", "true")}

    names = [f"{size} {key}" for size in sizes for key in ("learned", "true")]
    rows = [
        [place, name, *(f"{learned} / {true}" for learned, true in zip(cells[::2], cells[1::2], strict=True))]
        for place, name, *cells in _means(
            results, names, by_size, lambda value: "-" if value is None else f"{value:.3f}"
        )
    ]
    note = (
        "Learned / true reward of the one of n solutions that the learned reward prefers. A truth that falls while the "
        "learned reward rises is over-optimisation."
    )
    return TableText("Best of n", ["", "arm", *(f"n = {size}" for size in sizes)], rows, note)


def _seeds(row: Mapping[str, Any]) -> str:
    done, failed = len(finished(row)), len(row["seeds"]) - len(finished(row))
    return f"{done} ({failed} failed)" if failed else str(done)


def _failed(results: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name, row) for name, row in results["arms"].items() if row["mean"] is None]


def _difference(results: dict[str, Any], a: str, b: str | None) -> str:
    for row in results["contrasts"]:
        if (row["a"], row["b"]) == (a, b):
            return points(row) + mark(row)
    return "-"


def _reached(row: Mapping[str, Any]) -> str:
    reached = row["reached"]
    if reached is None or reached["seeds"] == 0:
        return "never"
    return f"{amount(reached['compute'])} ({reached['seeds']} of {len(finished(row))})"


def _means(
    results: dict[str, Any],
    names: Sequence[str],
    pick: Callable[[Mapping[str, Any]], Mapping[str, float]],
    show: Callable[[float | None], str],
) -> list[list[str]]:
    """A row per arm that has any of the figures: each one's mean over the seeds that have it."""
    rows = []
    for place, (name, row) in enumerate(ranked(results).items(), start=1):
        seeds = [pick(each) for each in finished(row)]
        known = [[seed[figure] for seed in seeds if figure in seed] for figure in names]
        if any(known):
            rows.append([str(place), name, *(show(sum(each) / len(each) if each else None) for each in known)])
    return rows


def _ends(series: Sequence[Sequence[float | None]], window: int) -> list[float]:
    """Means of the first and of the last values that there are, over all seeds; of all, where those overlap."""
    known = [[value for value in each if value is not None] for each in series]
    known = [each for each in known if each]
    if any(len(each) < 2 * window for each in known):
        parts = [[value for each in known for value in each]]
    else:
        parts = [[v for each in known for v in each[:window]], [v for each in known for v in each[-window:]]]
    return [sum(part) / len(part) for part in parts if part]


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) >= 0.0005 else "0"


def _rate(results: dict[str, Any]) -> str:
    alarm = results["alarm"]
    if alarm is None:
        return ""
    if alarm["updates"] < 2 * alarm["window"]:
        return f"The alarm needs {2 * alarm['window']} updates; the longest run has {alarm['updates']}."
    told = " and ".join(
        f"{percent(share)} (correlation {correlation} from update to update)"
        for correlation, (share, _) in alarm["false_alarms"].items()
    )
    return f"In simulated runs of {alarm['updates']} updates in which nothing happens the alarm sounds in {told}."


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
