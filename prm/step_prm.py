"""A folder of ours as whoever judges whole solutions sees it (``prm.judging.scored.Prm``): a value for each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from lm.folder import load_policy, load_tokenizer
from prm.answer_prompt import answer_prompt_of
from prm.model import PromptIds, load_ppm
from prm.record import RECORD, read_record, step_end_of
from prm.step_rows import StepEncoder
from prm.step_values import head_values, log_ratio_values
from prm.train_steps import REFERENCE
from tasks.errors import DataError, UserError
from tasks.readers.labelled import LabelledSolution


class FolderPrm:
    """A folder that this project trained: a PPM, a model with classes, or an implicit one (``prm.train_steps``).

    ``make_prompt_ids``: how a tokenizer's policy is prompted. One that sees the reference answer needs solutions that
    have one; ``scores``, which is given none, refuses.
    """

    def __init__(
        self,
        path: Path | str,
        make_prompt_ids: Callable[[PreTrainedTokenizerFast], PromptIds],
        device: str = "cpu",
    ) -> None:
        tokenizer = load_tokenizer(path)
        self._path = path
        self._encode = StepEncoder(make_prompt_ids(tokenizer), tokenizer, step_end_of(path), answer_prompt_of(path))
        self._beta = _beta_of(path)
        is_implicit = self._beta is not None
        self._model = load_policy(path, device) if is_implicit else load_ppm(path, device)
        self._reference = load_policy(Path(path) / REFERENCE, device) if is_implicit else None

    def scores(self, prompt: str, steps: Sequence[str]) -> list[float]:
        """Of steps that are texts."""
        return self.values([LabelledSolution(prompt, tuple(steps), (None,) * len(steps))])[0]

    def values(self, solutions: Sequence[LabelledSolution]) -> list[list[float]]:
        """The values of many solutions at once, whose token ids are read as they were sampled where they are known."""
        rows = [self._encode(solution) for solution in solutions]
        context = self._model.config.max_position_embeddings
        for row in rows:
            if row.length > context:
                raise UserError(
                    f"{self._path} reads {context} tokens, a solution of problem {row.problem_id} has {row.length}"
                )
        if self._reference is None:
            return head_values(self._model, rows)
        assert self._beta is not None
        return log_ratio_values(self._model, self._reference, rows, self._beta)


def _beta_of(path: Path | str) -> float | None:
    """The beta of an implicit model's folder; None for any other. DataError if its record cannot be read."""
    record = read_record(path)
    if record is None:
        return None  # a PPM of a round
    if "generative" in record:
        raise UserError(f"{path} writes before it judges (loss=generative); open it with kind=generative")
    try:
        return None if record["outputs"] else float(record["loss"]["beta"])
    except (ValueError, KeyError, TypeError) as error:
        file = Path(path) / RECORD
        raise DataError(f"{file}: the record of the model cannot be read ({error}); train it again") from error
