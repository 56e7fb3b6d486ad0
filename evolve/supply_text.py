"""Where a run's training problems came from, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def supply_findings(row: Mapping[str, Any]) -> list[str]:
    """What a round's row of the summary says of its problems."""
    said = []
    if row.get("choice") == "curriculum" and row["success_before"] is not None:
        said.append(
            f"The curriculum of round {row['round']} drew {row['unseen']:,} new problems, and others whose solutions "
            f"were right {100 * row['success_before']:.1f} % of the time when they were last searched."
        )
    if varied := row.get("varied"):
        said.append(f"Variations of solved problems searched in round {row['round']}: {varied:,}.")
    if suspects := row.get("quarantined"):
        said.append(
            f"Training problems in quarantine: {suspects:,}, never solved although nearly all of their level are. "
            "Their answers may be wrong, and they are searched no more."
        )
    return said


def overlap_findings(overlap: Mapping[str, Any] | None) -> list[str]:
    """Of a task with a file: how many training problems were too much like those that the policy is judged on."""
    if overlap is None:
        return []
    if not overlap["n"]:
        return ["Whether training problems share their words with judged ones was not looked at (task.overlap_n=0)."]
    return [
        f"{overlap['set_aside']:,} of {overlap['training']:,} training problems share too much with validation or "
        f"held-out ones ({overlap['n']}-grams of words) and were set aside"
        + (": `overlap.json`." if overlap["set_aside"] else ".")
    ]


def overlap_lines(name: str, report: Mapping[str, Any], most: int = 10) -> Sequence[str]:
    """The same of one file for a terminal, with the first ``most`` of them."""
    if not report["n"]:
        return [f"{name}: overlap of training with judged problems not looked at (task.overlap_n=0)"]
    found = report["set_aside"]
    lines = [
        f"{name}: {len(found):,} of {report['training']:,} training problems share {100 * report['share']:g} % or more "
        f"of their {report['n']}-grams with one of {report['judged']:,} validation and held-out problems"
        + ("; they are set aside:" if found else "")
    ]
    lines += [
        f"  {each['id']} ({each['at']}): {100 * each['share']:.0f} % with {each['like']}" for each in found[:most]
    ]
    return lines + ([f"  and {len(found) - most:,} more"] if len(found) > most else [])
