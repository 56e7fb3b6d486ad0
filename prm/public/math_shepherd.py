"""Math-Shepherd's PRM (arXiv 2312.08935): a language model that is to say + or - at the tag ``ки`` behind each step.

It reads ``QUESTION Step 1: ... ки`` and so on, a line each. p = softmax over the two tokens + and - of what follows the
tag, value 2p - 1. As the model's card has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lm.folder import load_policy, load_tokenizer
from prm.public.reading import Reader, values
from tasks.readers.step_labels import SHEPHERD_TAG


class MathShepherdPrm:
    """A local folder of math-shepherd-mistral-7b-prm, or of the same kind."""

    def __init__(self, path: Path | str, device: str = "cpu", dtype: str = "float32") -> None:
        self._reader = Reader(path, "Math-Shepherd", load_policy(path, device, dtype), load_tokenizer(path))
        self._tag, self._good, self._bad = (self._reader.single(text) for text in (SHEPHERD_TAG, "+", "-"))

    def scores(self, prompt: str, steps: Sequence[str]) -> list[float]:
        """A value in [-1, 1] for each step."""
        plain = self._reader.plain
        lines = [_numbered(number, plain(step, SHEPHERD_TAG)) for number, step in enumerate(steps, start=1)]
        text = f"{plain(prompt, SHEPHERD_TAG).strip()} " + "\n".join(f"{line} {SHEPHERD_TAG}" for line in lines)
        ids = self._reader.tokenizer.encode(text)
        places = self._reader.places(ids, self._tag, len(steps))
        return values(self._reader.log_odds(ids, places, self._good, self._bad))


def _numbered(number: int, step: str) -> str:
    begin = f"Step {number}:"
    text = step.strip()
    return text if text.startswith(begin) else f"{begin} {text}"
