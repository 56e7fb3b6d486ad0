"""How much of a text is in the language that was asked for. Nothing is downloaded.

DeepSeek-R1's language-consistency reward is the share of words in the target language (arXiv 2501.12948, section
2.3.2). Here: the share of letters in the language's script, times, for languages in Latin script, the share of its
words among those small words that tell languages apart. Code, mathematics and addresses do not count.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from tasks.graders.base import Item, Resources, graded, unverifiable
from tasks.graders.spec import Spec
from tasks.problem import Verdict

_SCRIPTS = {
    "zh": "CJK",
    "ja": "CJK HIRAGANA KATAKANA",
    "ko": "HANGUL",
    "ru": "CYRILLIC",
    "el": "GREEK",
    "ar": "ARABIC",
    "he": "HEBREW",
    "hi": "DEVANAGARI",
    "th": "THAI",
}
_WORDS = {
    "en": "the and of to is that it for with as are this be we have not by from which so then each there what you",
    "de": "der die das und ist nicht ein eine zu den mit von auf für sich dem wir auch wird sind also dann wenn aber",
    "fr": "le la les et est des une du que qui dans pour pas sur nous avec ce il sont donc alors plus par au",
    "es": "el los las y es una que por para con del se como más pero son entonces cada esto hay lo su muy",
    "it": "il gli e è una che per con del della non sono come più ma questo allora quindi ogni ci anche nel",
    "pt": "o os as e é uma que por para com do da não são como mais mas então cada isto há também no em",
    "nl": "de het een en is van dat niet zijn op te voor met ook wordt dan wij maar als deze naar dus er",
}
LANGUAGES = (*_WORDS, *_SCRIPTS)
"""The languages that can be asked for."""

_LEAST_WORDS = 5
_SKIPPED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|\$\$.*?(?:\$\$|\Z)|\$[^$\n]*\$|\\boxed|\\[A-Za-z]+|https?://\S+", re.DOTALL
)
_RUN = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=65_536)
def _script(char: str) -> str:
    return unicodedata.name(char, "?").partition(" ")[0].partition("-")[0]


@dataclass(frozen=True, slots=True)
class LanguageConsistency:
    """The reward is the share; correct from ``least`` on. A text without letters is unverifiable."""

    language: str
    least: float

    def grade(self, item: Item) -> Verdict:
        runs = _RUN.findall(_SKIPPED.sub(" ", item.text))
        letters = [_script(char) for run in runs for char in run if char.isalpha()]
        if not letters:
            return unverifiable("there are no letters")
        scripts = _SCRIPTS.get(self.language, "LATIN").split()
        share = sum(each in scripts for each in letters) / len(letters)
        if self.language in _WORDS:
            share *= _word_share([run.lower() for run in runs], self.language)
        return graded(share, self.least, note=f"{100 * share:.0f} % {self.language}")


def _word_share(runs: list[str], language: str) -> float:
    """The share of the language's small words among all languages'; 1 where there are too few of them to tell."""
    mine, all_words = set(_WORDS[language].split()), set(" ".join(_WORDS.values()).split())
    known = [run for run in runs if run in all_words]
    return sum(run in mine for run in known) / len(known) if len(known) >= _LEAST_WORDS else 1.0


def language_consistency(spec: Spec, resources: Resources) -> LanguageConsistency:
    """Options: ``language`` (a two-letter code), ``min`` (the share from which on it is correct)."""
    language = spec.text("language")
    if language not in LANGUAGES:
        spec.fail("language", f"one of {', '.join(LANGUAGES)}")
    return LanguageConsistency(language, spec.number("min", 0.9, 0.0, 1.0))
