"""The PPM through vLLM's pooling runner, as a classifier that is read at the last token.

Reading at the last token keeps vLLM's prefix cache; reading at every token (``ForTokenClassification``, STEP pooling)
switches it off, and on the CPU build gave other numbers than transformers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lm.vllm_start import VllmSettings
from mcts.step import ScoreRequest
from prm.answer_prompt import refuse_seen_answers
from prm.model import PromptIds
from prm.scorer import ScoreCounts, row_of, values_of
from prm.scoring_process import ScoringProcess
from tasks.errors import DataError, UserError


class VllmScorer:
    """A PPM folder on vLLM; the values are ``HfScorer``'s, up to rounding. Implements ``prm.scorer.Scorer``.

    ``cached``: tokens of scored rows whose keys and values were kept.
    """

    def __init__(self, process: ScoringProcess, prompt_ids: PromptIds) -> None:
        self.counts = ScoreCounts()
        self.cached = 0
        self._process = process
        self._prompt_ids = prompt_ids

    def score(self, requests: Sequence[ScoreRequest]) -> list[float]:
        """One value in [-1, 1] per request, in order. UserError if a score is not finite or a row too long."""
        rows = [row_of(request, self._prompt_ids) for request in requests]
        distinct = list(dict.fromkeys(rows))
        for row in distinct:
            if len(row) > self._process.context:
                raise UserError(f"{self._process.path} reads {self._process.context} tokens, a row has {len(row)}")
        scores: dict[tuple[int, ...], float] = {}
        for row, (_, score, cached) in zip(distinct, self._process.score(distinct), strict=True):
            scores[row] = score
            self.cached += cached
        self.counts.rows += len(scores)
        self.counts.scored += sum(map(len, scores))
        return values_of(requests, [scores[row] for row in rows], self._process.path)


def start_scoring(settings: VllmSettings) -> ScoringProcess:
    """vLLM on a PPM's folder, ready to score. UserError for a folder that is not a PPM, or that sees answers."""
    _refuse_other_models(settings.path)
    refuse_seen_answers(settings.path, "to guide a search")
    return ScoringProcess(settings)


def _refuse_other_models(path: Path) -> None:
    """DataError for a folder that is not a PPM, such as a policy's: vLLM would make a head up."""
    file = path / "config.json"
    try:
        named = json.loads(file.read_text(encoding="utf-8")).get("architectures")
    except FileNotFoundError:
        return  # what starts vLLM says so
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"{file} cannot be read ({error})") from error
    if not any(str(name).endswith("ForSequenceClassification") for name in named or ["unnamed"]):
        raise DataError(f"{path}: a PPM is a ForSequenceClassification folder; name a ppm folder of a round")
