"""Labelled solutions as token ids: where each step ends is known by its ids, never searched for in a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from transformers import PreTrainedTokenizerFast

from prm.answer_prompt import AnswerPrompt
from prm.model import PromptIds
from tasks.errors import DataError, UserError
from tasks.readers.labelled import Label, LabelledSolution
from tasks.splits import content_hash


@dataclass(frozen=True, slots=True)
class StepRow:
    """A solution: the ids of its prompt, the ids of each step, and a label in [-1, 1] or None for each step.

    A step ends with what its code printed: ``observed`` counts those tokens, which nobody sampled (none: empty).
    ``reward``, in [0, 1], is the verdict on the whole solution, where it is known.
    """

    problem_id: str
    prompt: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]
    labels: tuple[Label, ...]
    reward: float | None = None
    observed: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.labels) or not all(self.steps):
            raise ValueError(f"problem {self.problem_id}: {len(self.labels)} labels, {len(self.steps)} steps, or no id")

    @property
    def length(self) -> int:
        """Tokens in all."""
        return len(self.prompt) + sum(map(len, self.steps))

    @property
    def ending(self) -> Label:
        """How the solution ended, in [-1, 1]: as its verdict says, else the label of its last step."""
        return self.labels[-1] if self.reward is None else 2 * self.reward - 1

    @property
    def judged(self) -> list[int]:
        """The steps that have a label, by index."""
        return [at for at, label in enumerate(self.labels) if label is not None]

    @property
    def known(self) -> list[float]:
        """The labels that there are."""
        return [label for label in self.labels if label is not None]

    def prefixes(self) -> list[tuple[int, ...]]:
        """What a model reads for each step: everything up to the step's last token."""
        found, ids = [], self.prompt
        for step in self.steps:
            ids += step
            found.append(ids)
        return found

    def judged_prefixes(self) -> list[tuple[int, ...]]:
        """Those of the steps that have a label."""
        every = self.prefixes()
        return [every[at] for at in self.judged]

    def until(self, tokens: int) -> StepRow:
        """The steps that end within the first ``tokens`` tokens."""
        kept = sum(len(prefix) <= tokens for prefix in self.prefixes())
        return replace(self, steps=self.steps[:kept], labels=self.labels[:kept], observed=self.observed[:kept])


class StepEncoder:
    """Solutions to rows, prompted as the policy is.

    Ids that were sampled are taken as they are. A step that is only a text is encoded by itself, so that it ends where
    a token ends; ``step_end`` is put behind it if it does not end so. With ``answer`` the prompt holds the reference
    answer, and a solution without one is a UserError.
    """

    def __init__(
        self,
        prompt_ids: PromptIds,
        tokenizer: PreTrainedTokenizerFast,
        step_end: str = "\n",
        answer: AnswerPrompt | None = None,
    ) -> None:
        self._prompt_ids = prompt_ids
        self._answer = answer
        self._tokenizer = tokenizer
        self._step_end = step_end

    def __call__(self, solution: LabelledSolution) -> StepRow:
        """DataError for ids that do not spell the steps, and for an empty step."""
        name = problem_of(solution)
        if solution.token_ids:
            require_spelled(solution, self._tokenizer, "name the policy that sampled the steps as base")
            steps = tuple(map(tuple, solution.token_ids))
        else:
            steps = tuple(self.encode(text) for text in solution.steps)
        if not all(steps):
            raise DataError(f"problem {name}, step {steps.index(())}: the step is empty; remove it and its label")
        seen = _observations(solution, name) if solution.token_ids else ()
        return StepRow(
            name,
            tuple(self._prompt_ids(solution.prompt if self._answer is None else self._answer(solution))),
            tuple(ids + after for ids, after in zip(steps, seen or ((),) * len(steps), strict=True)),
            solution.labels,
            solution.reward,
            tuple(map(len, seen)),
        )

    def encode(self, text: str) -> tuple[int, ...]:
        """The ids of a step of which there is only the text."""
        whole = text if text.endswith(self._step_end) else text + self._step_end
        return tuple(self._tokenizer.encode(whole, add_special_tokens=False)) if text else ()

    def _spells(self, ids: Sequence[int], text: str) -> bool:
        return _spells(self._tokenizer, ids, text)


def require_spelled(solution: LabelledSolution, tokenizer: PreTrainedTokenizerFast, mend: str) -> None:
    """DataError, with ``mend``, if the token ids of a step do not spell its text under this tokenizer."""
    for at, (text, ids) in enumerate(zip(solution.steps, solution.token_ids, strict=True)):
        if not _spells(tokenizer, ids, text):
            raise DataError(
                f"problem {problem_of(solution)}, step {at}: its token ids do not spell its text ({text[:40]!r}); "
                f"{mend}, or label them again"
            )


def _spells(tokenizer: PreTrainedTokenizerFast, ids: Sequence[int], text: str) -> bool:
    if not ids or max(ids) >= len(tokenizer):
        return False
    kept = [token for token in ids if token != tokenizer.eos_token_id]
    return str(tokenizer.decode(kept, skip_special_tokens=False)) == text


def problem_of(solution: LabelledSolution) -> str:
    """The problem's id as the row tells it, else the hash of its prompt."""
    return str(solution.meta.get("problem_id") or content_hash(solution.prompt))


def ending_of(solution: LabelledSolution) -> Label:
    """How a solution ended, in [-1, 1]: as its verdict says, else the label of its last step."""
    return solution.labels[-1] if solution.reward is None else 2 * solution.reward - 1


def _observations(solution: LabelledSolution, name: str) -> tuple[tuple[int, ...], ...]:
    """What stands behind each step because its code printed it; empty where the row tells of none."""
    found = solution.meta.get("observation_ids", ())
    if not found:
        return ()
    if len(found) != len(solution.steps):
        raise DataError(f"problem {name}: {len(found)} observations do not fit {len(solution.steps)} steps")
    return tuple(map(tuple, found))


def fit(rows: Sequence[StepRow], context: int, cut: bool, on_outcomes: bool = False) -> tuple[list[StepRow], int]:
    """The rows that a model of so many tokens can read, and the number of labels that are left out.

    Without ``cut`` a label that would be left out is a UserError: truncation is never silent. ``on_outcomes``: the only
    label of a solution is how it ended, so a solution is read whole or left out.
    """
    kept, lost = [], 0
    for row in rows:
        short = row if row.length <= context else row.until(context)
        missing = int(short is not row) if on_outcomes else len(row.known) - len(short.known)
        if missing and not cut:
            raise UserError(
                f"problem {row.problem_id}: a solution has {row.length} tokens and the model reads {context}, which "
                f"would cut off {missing} of its labels; set cut_long=true to leave such labels out, and count them"
            )
        lost += missing
        if not missing if on_outcomes else short.known:
            kept.append(short)
    return kept, lost
