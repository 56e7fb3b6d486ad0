"""Step format ``text``: a solution is lines, each line a step; how token ids are cut into steps and judged final."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedTokenizerFast

from mcts.step import Step
from policy.config import StepFormatConfig
from policy.engine import Finish, Generation
from policy.stops import StopTable


class TextSteps:
    """Cuts token ids into steps at the delimiter and joins them back to the identical ids."""

    def __init__(self, config: StepFormatConfig, tokenizer: PreTrainedTokenizerFast) -> None:
        self.config = config
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
            if not at_end and not self._stops.hit(generation.token_ids[start:end], (self.config.delimiter,)):
                continue
            steps.append(self._step(generation, start, end, at_end and generation.finish is Finish.END))
            if steps[-1].is_final:
                break
            start = end
        return tuple(steps)

    def dodges(self, step: Step) -> bool:
        """True for a step that reached neither the delimiter nor the end: it has no place in a tree."""
        return not step.is_final and self.config.delimiter not in step.text

    def _step(self, generation: Generation, start: int, end: int, ended: bool) -> Step:
        ids = generation.token_ids[start:end]
        text = self.text(ids)
        is_final = ended or (text.lstrip().startswith(self.config.final_marker) and self.config.delimiter in text)
        return Step(text, ids, generation.logprobs[start:end], is_final)
