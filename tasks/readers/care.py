"""Care for labelled data before anything is learned from it or judged by it: what it holds, and what makes it unfit.

That labels fit their steps, lie in [-1, 1] and were never cast is checked row by row (``LabelledSolution`` and the
readers); here it is what only shows in the whole: one class alone, solutions that come twice or with other labels,
problems on both sides of a split, steps that were cut badly.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from tasks.errors import DataError
from tasks.readers.labelled import Label, LabelledSolution

_PARAGRAPH = re.compile(r"\n\s*\n\s*\S")


@dataclass(frozen=True, slots=True)
class DepthRow:
    """Steps at one depth (from 1): how many, labelled, right (label > 0), wrong (< 0), first errors, mean label."""

    depth: int
    steps: int
    labelled: int
    right: int
    wrong: int
    first_errors: int
    mean: float | None


@dataclass(frozen=True, slots=True)
class LabelCare:
    """What a set of labelled solutions holds.

    ``degrees``: labels that are none of -1, 0, 1; ``different``: how many different labels there are; ``repeated``:
    solutions that stood there before with the same labels, ``contradicted``: with others; ``blank`` and ``doubled``:
    steps without a visible character, and those that repeat the one before; ``uncut``: solutions of one step that holds
    several paragraphs.
    """

    solutions: int
    problems: int
    steps: int
    labelled: int
    right: int
    wrong: int
    neutral: int
    degrees: int
    different: int
    with_error: int
    unlabelled_solutions: int
    repeated: int
    contradicted: int
    blank: int
    doubled: int
    uncut: int
    depths: tuple[DepthRow, ...]

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    @property
    def remarks(self) -> list[str]:
        """What a person should look at, a sentence each."""
        counted = [
            (self.contradicted, "solutions stand there again with other labels"),
            (self.repeated, "solutions stand there again with the same labels"),
            (self.unlabelled_solutions, "solutions have no label at all"),
            (self.blank, "steps are blank"),
            (self.doubled, "steps repeat the one before them"),
            (self.uncut, "solutions are one step of several paragraphs: perhaps they were never cut"),
        ]
        return [f"{number:,} of {self._whole(said):,} {said}" for number, said in counted if number]

    def _whole(self, said: str) -> int:
        return self.steps if said.startswith("steps") else self.solutions


def examine(solutions: Sequence[LabelledSolution]) -> LabelCare:
    """Count what is there. It refuses nothing: see ``refuse_unfit``."""
    labels = [label for one in solutions for label in one.labels if label is not None]
    steps = [text for one in solutions for text in one.steps]
    repeated, contradicted = _again(solutions)
    return LabelCare(
        solutions=len(solutions),
        problems=len({problem_key(one.prompt) for one in solutions}),
        steps=len(steps),
        labelled=len(labels),
        right=sum(label > 0 for label in labels),
        wrong=sum(label < 0 for label in labels),
        neutral=sum(label == 0 for label in labels),
        degrees=sum(label not in (-1, 0, 1) for label in labels),
        different=len(set(labels)),
        with_error=sum(one.first_error >= 0 for one in solutions),
        unlabelled_solutions=sum(all(label is None for label in one.labels) for one in solutions),
        repeated=repeated,
        contradicted=contradicted,
        blank=sum(not text.strip() for text in steps),
        doubled=sum(a.strip() == b.strip() != "" for one in solutions for a, b in pairwise(one.steps)),
        uncut=sum(len(one.steps) == 1 and bool(_PARAGRAPH.search(one.steps[0].strip())) for one in solutions),
        depths=tuple(_by_depth(solutions)),
    )


def refuse_unfit(care: LabelCare, name: object) -> None:
    """DataError for data that nothing can be judged by: no label, or labels of one class only.

    ``name``: the file, or what people know the data by.
    """
    _refuse_unlabelled(care, name)
    if not care.right or not care.wrong:
        only = "wrong" if care.wrong else "right" if care.right else "neither right nor wrong"
        raise DataError(
            f"{name}: all {care.labelled:,} labelled steps are {only}, and one class teaches and tells nothing; "
            "add solutions of the other one"
        )


def refuse_alike(care: LabelCare, name: object) -> None:
    """DataError for data that nothing can be learned from: no label, or labels that are all the same."""
    _refuse_unlabelled(care, name)
    if care.different == 1:
        raise DataError(
            f"{name}: all {care.labelled:,} labels are the same, so there is nothing to tell apart; add solutions with "
            "others, right and wrong ones"
        )


def _refuse_unlabelled(care: LabelCare, name: object) -> None:
    if not care.solutions:
        raise DataError(f"{name}: there is no labelled solution; give one a line")
    if not care.labelled:
        raise DataError(f"{name}: none of its {care.steps:,} steps has a label; label them first")


def refuse_shared(parts: dict[str, Iterable[LabelledSolution]]) -> None:
    """DataError if a problem stands in two parts (by name): a model would be judged on what it was trained on."""
    seen: dict[str, str] = {}
    for name, solutions in parts.items():
        own: dict[str, str] = {problem_key(one.prompt): one.prompt for one in solutions}
        for key, prompt in own.items():
            if key in seen:
                shared = sum(each in seen for each in own)
                raise DataError(
                    f"{shared:,} of the {len(own):,} problems of {name} stand in {seen[key]} too, such as "
                    f"{' '.join(prompt.split())[:60]!r}; a problem may be in one part only"
                )
        seen |= dict.fromkeys(own, name)


def problem_key(prompt: str) -> str:
    """What two prompts of one problem share: neither white space nor capitals tell problems apart."""
    return " ".join(prompt.split()).casefold()


def _again(solutions: Sequence[LabelledSolution]) -> tuple[int, int]:
    """How many stand there again, with the same labels and with others (a step without a label contradicts none)."""
    seen: dict[tuple[str, tuple[str, ...]], list[tuple[Label, ...]]] = defaultdict(list)
    repeated = contradicted = 0
    for one in solutions:
        before = seen[problem_key(one.prompt), one.steps]
        if one.labels in before:
            repeated += 1
        elif any(_differ(one.labels, labels) for labels in before):
            contradicted += 1
        before.append(one.labels)
    return repeated, contradicted


def _differ(a: tuple[Label, ...], b: tuple[Label, ...]) -> bool:
    return any(None not in (x, y) and x != y for x, y in zip(a, b, strict=True))


def _by_depth(solutions: Sequence[LabelledSolution]) -> Iterable[DepthRow]:
    at_depth: dict[int, list[Label]] = defaultdict(list)
    errors = Counter(one.first_error for one in solutions)
    for one in solutions:
        for depth, label in enumerate(one.labels):
            at_depth[depth].append(label)
    for depth, found in sorted(at_depth.items()):
        labels = [label for label in found if label is not None]
        mean = sum(labels) / len(labels) if labels else None
        right, wrong = sum(label > 0 for label in labels), sum(label < 0 for label in labels)
        yield DepthRow(depth + 1, len(found), len(labels), right, wrong, errors[depth], mean)
