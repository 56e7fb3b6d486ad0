"""What the training of a generative model has that other losses have not: lessons, and a judgement that is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from prm.answer_prompt import AnswerPrompt
from prm.generative.asking import JudgingCounts, MakeWrites, Verdicts
from prm.generative.config import ReasoningConfig
from prm.generative.form import VERDICTS, TrainedForm
from prm.generative.rows import VerificationEncoder, longest_of, row_values
from prm.losses.config import LossName, LossSettings
from prm.model import PromptIds
from prm.step_rows import StepEncoder, StepRow


def encoder_of(
    settings: LossSettings,
    prompt_ids: PromptIds,
    tokenizer: PreTrainedTokenizerFast,
    step_end: str,
    answer: AnswerPrompt | None = None,
) -> StepEncoder:
    """Solutions to what the loss learns from."""
    if settings.name is not LossName.GENERATIVE:
        return StepEncoder(prompt_ids, tokenizer, step_end, answer)
    return VerificationEncoder(
        prompt_ids, tokenizer, step_end, answer, settings.threshold, settings.only_agreeing
    )  # fmt: skip


@dataclass
class WrittenJudgement:
    """Judges rows by what the model that is trained writes about their steps. Without ``make_writes`` it is silent."""

    tokenizer: PreTrainedTokenizerFast
    make_writes: MakeWrites | None
    config: ReasoningConfig
    seed: int
    learned: Sequence[StepRow]  # whose longest verification says how long one may get
    counts: JudgingCounts = field(default_factory=JudgingCounts)

    @property
    def longest(self) -> int:
        """Tokens of the longest verification."""
        return longest_of(self.learned)

    def values(self, model: PreTrainedModel, rows: Sequence[StepRow]) -> list[list[float]] | None:
        """The value of each step; None where nothing can write. The counts are those of the last call."""
        if self.make_writes is None:
            return None
        writes, form = self.make_writes(model, self.tokenizer), TrainedForm(self.tokenizer)
        verdicts = Verdicts(model, writes, form, self.config, self.longest, self.seed)
        found, self.counts = row_values(verdicts, rows), verdicts.counts
        return found

    def record(self) -> dict[str, Any]:
        """For ``prm.json``: how the folder is read, and what judging the held-out steps took."""
        return {"verdicts": list(VERDICTS), "longest": self.longest, "judging": asdict(self.counts)}
