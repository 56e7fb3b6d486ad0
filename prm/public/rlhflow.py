"""RLHFlow's PRMs (Llama3.1-8B-PRM-Deepseek-Data, -Mistral-Data): a step is the user's turn, + or - the assistant's.

The first turn is ``QUESTION STEP``. p = softmax over + and - of what the assistant would begin with after the step, all
earlier verdicts being +; value 2p - 1. As in RLHFlow's RLHF-Reward-Modeling, math-rm.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lm.folder import load_policy, load_tokenizer
from prm.public.reading import Reader, values
from tasks.errors import DataError


class RlhflowPrm:
    """A local folder of one of them. All steps are read at once: a later turn does not change an earlier one."""

    def __init__(self, path: Path | str, device: str = "cpu", dtype: str = "float32") -> None:
        self._path = path
        self._reader = Reader(path, "RLHFlow's PRM", load_policy(path, device, dtype), load_tokenizer(path))
        self._good, self._bad = self._reader.single("+"), self._reader.single("-")

    def scores(self, prompt: str, steps: Sequence[str]) -> list[float]:
        """A value in [-1, 1] for each step."""
        turns: list[dict[str, str]] = []
        ids: list[int] = []
        places = []
        for number, step in enumerate(steps):
            text = self._reader.plain(step).strip()
            content = text if number else f"{self._reader.plain(prompt).strip()} {text}"
            turns.append({"role": "user", "content": content})
            before, ids = ids, self._reader.chat(turns, is_open=True)
            if ids[: len(before)] != before:
                raise DataError(f"{self._path}: the chat template changes earlier turns when a turn is added")
            places.append(len(ids) - 1)
            turns.append({"role": "assistant", "content": "+"})
        return values(self._reader.log_odds(ids, places, self._good, self._bad))
