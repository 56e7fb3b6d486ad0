"""The folder of a trained generative model as whoever judges whole solutions sees it (``prm.judging.scored.Prm``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from lm.folder import load_policy, load_tokenizer
from prm.answer_prompt import answer_prompt_of
from prm.generative.asking import JudgingCounts, MakeWrites, Verdicts
from prm.generative.config import ReasoningConfig
from prm.generative.form import TrainedForm
from prm.generative.rows import VerificationEncoder, row_values
from prm.model import PromptIds
from prm.record import RECORD, read_record, step_end_of
from tasks.errors import DataError
from tasks.readers.labelled import LabelledSolution


class GenerativePrm:
    """A folder of ``loss=generative``. DataError for any other. ``make_writes``: the engine that samples it."""

    def __init__(
        self,
        path: Path | str,
        make_prompt_ids: Callable[[PreTrainedTokenizerFast], PromptIds],
        make_writes: MakeWrites,
        config: ReasoningConfig,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        words, longest = _recorded(Path(path))
        tokenizer, model = load_tokenizer(path), load_policy(path, device)
        form = TrainedForm(tokenizer, words)
        self._encode = VerificationEncoder(
            make_prompt_ids(tokenizer), tokenizer, step_end_of(path), answer_prompt_of(path), form=form
        )
        self._verdicts = Verdicts(model, make_writes(model, tokenizer), form, config, longest, seed)

    @property
    def counts(self) -> JudgingCounts:
        """What judging took so far."""
        return self._verdicts.counts

    def scores(self, prompt: str, steps: Sequence[str]) -> list[float]:
        """Of steps that are texts."""
        return self.values([LabelledSolution(prompt, tuple(steps), (None,) * len(steps))])[0]

    def values(self, solutions: Sequence[LabelledSolution]) -> list[list[float]]:
        """The values of many solutions at once, whose token ids are read as they were sampled where they are known."""
        return row_values(self._verdicts, [self._encode.questions_of(solution) for solution in solutions])


def _recorded(path: Path) -> tuple[tuple[str, str], int]:
    """The words of the verdicts, and the tokens of the longest verification that was learned from. DataError."""
    file, record = path / RECORD, read_record(path)
    if record is None:
        raise DataError(f"{path}: a generative process model has a {RECORD}; name a folder of loss=generative")
    told = record.get("generative")
    if told is None:
        raise DataError(f"{file}: the model was not trained with loss=generative; use kind=own")
    try:
        right, wrong = (str(word) for word in told["verdicts"])
        return (right, wrong), int(told["longest"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{file}: generative must tell verdicts and longest ({error}); train it again") from error
