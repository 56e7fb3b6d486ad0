"""What a trained generative model reads: prompt, steps, end token, verification, end token, verdict.

The end token is the fence on both sides: no text of a problem or a step is ever encoded to it, and ids that were
sampled lose it, so nothing that is judged can open a verification or give a verdict. The engine stops at it by itself,
and the folder needs no token that its policy did not have.
"""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedTokenizerFast

from prm.generative.asking import Question
from prm.model import PromptIds
from prm.public.reading import without
from tasks.errors import DataError

VERDICTS = ("+", "-")  # right, wrong: single tokens of every tokenizer that knows ASCII


class TrainedForm:
    """Ids of questions; implements ``prm.generative.asking.Reads``."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, words: tuple[str, str] = VERDICTS) -> None:
        common, self.right, self.wrong = verdict_ids(tokenizer, words)
        self.end = int(tokenizer.eos_token_id)
        self._opening = (self.end, *common)
        self._fences = fences(tokenizer)

    def question(self, prompt: Sequence[int], steps: Sequence[Sequence[int]]) -> Question:
        """The last of ``steps`` is judged."""
        return Question((*prompt, *(token for step in steps for token in self.plain(step)), self.end), self._opening)

    def target(self, verification: Sequence[int], is_right: bool) -> tuple[int, ...]:
        """What is learned behind a question."""
        return (*self.plain(verification), *self._opening, self.right if is_right else self.wrong)

    def verification(self, question: Question, sampled: tuple[int, ...]) -> tuple[int, ...]:
        return self.plain(sampled)

    def plain(self, ids: Sequence[int]) -> tuple[int, ...]:
        """Without fences."""
        return tuple(token for token in ids if token not in self._fences)


def fences(tokenizer: PreTrainedTokenizerFast) -> frozenset[int]:
    """The ids that no text may bring: those of the special tokens."""
    added = {token for token, about in tokenizer.added_tokens_decoder.items() if about.special}
    return frozenset({*tokenizer.all_special_ids, *added})


def plain_prompts(prompt_ids: PromptIds, tokenizer: PreTrainedTokenizerFast) -> PromptIds:
    """Prompts of problems whose text holds no fence; those of the template stay."""
    words = fence_words(tokenizer)
    return lambda prompt: prompt_ids(without(prompt, words))


def fence_words(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """The special tokens as they are written."""
    return [str(tokenizer.convert_ids_to_tokens(token)) for token in sorted(fences(tokenizer))]


def verdict_ids(tokenizer: PreTrainedTokenizerFast, words: tuple[str, str]) -> tuple[tuple[int, ...], int, int]:
    """What the ids of both words begin with, and the first token of each behind that. DataError if one is the other's
    beginning."""
    right, wrong = (tokenizer.encode(word, add_special_tokens=False) for word in words)
    common = 0
    while common < min(len(right), len(wrong)) and right[common] == wrong[common]:
        common += 1
    if common == min(len(right), len(wrong)):
        raise DataError(
            f"the tokenizer cannot tell the verdicts {words[0]!r} and {words[1]!r} apart; use a model whose tokenizer "
            "knows these letters"
        )
    return tuple(right[:common]), int(right[common]), int(wrong[common])
