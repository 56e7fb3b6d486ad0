"""How token ids become steps and judgements on them. Format ``text``: a solution is lines, each line a step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from transformers import PreTrainedTokenizerFast

from mcts.step import Step
from policy.config import StepFormatConfig
from policy.engine import Finish, Generation
from policy.stops import StopTable


@dataclass(frozen=True, slots=True)
class Draft:
    """A generation to be read as steps: at most ``max_steps`` of them (None: all), behind the steps ``before``."""

    generation: Generation
    before: tuple[Step, ...] = ()
    max_steps: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What one generation brought: valid ``steps``, and what came after them and is none.

    ``flaw``: the step at which the path stopped being valid: it dodged the delimiter (``failure`` is empty), or its
    code failed (``failure``: how, by ``tasks.sandbox.execution.ExecutionOutcome``). ``goes_on``: another turn may
    follow these steps.
    """

    steps: tuple[Step, ...]
    flaw: Step | None = None
    failure: str = ""
    goes_on: bool = False


@dataclass(slots=True)
class CodeCounts:
    """Code that was run for steps: how often, for how long, and how many failed, by outcome. Zeros for text."""

    calls: int = 0
    seconds: float = 0.0
    failed: Counter[str] = field(default_factory=Counter)


class TextSteps:
    """Cuts token ids into steps at the delimiter and joins them back to the identical ids."""

    runs_code = False

    def __init__(self, config: StepFormatConfig, tokenizer: PreTrainedTokenizerFast) -> None:
        self.config = config
        self.code = CodeCounts()
        self._tokenizer = tokenizer
        self._stops = StopTable(tokenizer)

    def text(self, token_ids: Sequence[int]) -> str:
        """What the ids say, without the end token."""
        end = self._tokenizer.eos_token_id  # looked up once: the tokenizer takes a microsecond for it
        kept = [token for token in token_ids if token != end]
        return str(self._tokenizer.decode(kept, skip_special_tokens=False))

    def split(self, generation: Generation) -> tuple[Step, ...]:
        """The steps of a generation; the last one lacks its delimiter when the length limit cut it.

        Steps after a final one are dropped: the solution has ended there. Joining the steps' ``token_ids`` gives the
        generation's ids up to that point.
        """
        steps: list[Step] = []
        start = 0
        for end in range(1, len(generation.token_ids) + 1):
            at_end = end == len(generation.token_ids)
            if not at_end and not self._stops.hit(generation.token_ids[start:end], (self.config.step_end,)):
                continue
            steps.append(self._step(generation, start, end, at_end and generation.finish is Finish.END))
            if steps[-1].is_final:
                break
            start = end
        return tuple(steps)

    def read(self, drafts: Sequence[Draft]) -> list[Turn]:
        """What each draft brings."""
        return [self._read(draft) for draft in drafts]

    def _read(self, draft: Draft) -> Turn:
        steps = self.split(draft.generation)[: draft.max_steps]
        if steps and self.dodges(steps[-1]):
            return Turn(steps[:-1], steps[-1])
        return Turn(steps)

    def dodges(self, step: Step) -> bool:
        """True for a step that reached neither the delimiter nor the end: it has no place in a tree."""
        return not step.is_final and self.config.step_end not in step.text

    def _step(self, generation: Generation, start: int, end: int, ended: bool) -> Step:
        ids = generation.token_ids[start:end]
        text = self.text(ids)
        return Step(text, ids, generation.logprobs[start:end], self._is_final(text, ended))

    def _is_final(self, text: str, ended: bool) -> bool:
        return ended or (text.lstrip().startswith(self.config.final_marker) and self.config.delimiter in text)
