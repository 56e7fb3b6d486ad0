"""The reference answer in the prompt of a process model: an adjudicator that knows what a solution should come to.

Such a model judges solutions of problems whose answer is known. It must never guide a search: an answer that it was
shown would leak into whatever the search finds. So its folder says what it is (``answer_template`` in ``prm.json``),
every scorer of that folder reads the prompt so, and what guides a search refuses it. Free of torch.
"""

from __future__ import annotations

import re
from pathlib import Path

from prm.record import RECORD, read_record
from tasks.errors import DataError, UserError
from tasks.readers.labelled import LabelledSolution
from tasks.splits import content_hash

_PLACES = re.compile(r"\{(prompt|answer)\}")


class AnswerPrompt:
    """Puts a problem and its reference answer into one text. UserError for a template that lacks one of the two."""

    def __init__(self, template: str, who: str = "sees_answer=true") -> None:
        if set(_PLACES.findall(template)) != {"prompt", "answer"}:
            raise UserError(f"answer_template must hold {{prompt}} and {{answer}}, got {template!r:.60}")
        self.template = template
        self._who = who

    def __call__(self, solution: LabelledSolution) -> str:
        """The text in the place of the prompt. UserError for a solution without a reference answer."""
        if not solution.answer.strip():
            name = solution.meta.get("problem_id") or content_hash(solution.prompt)
            raise UserError(
                f"problem {name} has no reference answer, which {self._who} needs; give rows with their answers, or "
                "use a process model that does not see them"
            )
        # In one pass: what stands in a prompt or an answer is never taken for a place of the template.
        shown = {"prompt": solution.prompt, "answer": solution.answer}
        return _PLACES.sub(lambda place: shown[place[1]], self.template)


def answer_prompt_of(path: Path | str) -> AnswerPrompt | None:
    """How the model in a folder is shown the answer; None for one that does not see it. DataError if it is unclear."""
    template = (read_record(path) or {}).get("answer_template", "")
    if not template:
        return None
    try:
        return AnswerPrompt(template, str(path))
    except (UserError, TypeError) as error:
        raise DataError(
            f"{Path(path) / RECORD}: the record of the model is damaged ({error}); train it again"
        ) from error


def refuse_seen_answers(path: Path | str, what: str) -> None:
    """UserError for a model that sees the reference answer, where nobody may: ``what`` it was to be used for."""
    if answer_prompt_of(path) is not None:
        raise UserError(
            f"{path} sees the reference answer (sees_answer=true), so it cannot be used {what}; name a process model "
            "that was trained without sight of it"
        )
