"""The PPM through vLLM's pooling runner, as a classifier that is read at the last token.

Reading at the last token keeps vLLM's prefix cache; reading at every token (``ForTokenClassification``, STEP pooling)
switches it off, and on the CPU build gave other numbers than transformers.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lm.vllm_thread import Ask, VllmSettings, VllmThread
from mcts.step import ScoreRequest
from prm.model import PromptIds
from prm.scorer import ScoreCounts, row_of, values_of
from tasks.errors import DataError, UserError


class VllmScorer:
    """A PPM folder on vLLM; the values are ``HfScorer``'s, up to rounding. Implements ``prm.scorer.Scorer``.

    A process holds one vLLM: where it samples the policy, score with ``HfScorer``. ``cached``: tokens of scored rows
    whose keys and values were kept.
    """

    def __init__(self, settings: VllmSettings, prompt_ids: PromptIds) -> None:
        _refuse_other_models(settings)
        self.counts = ScoreCounts()
        self.cached = 0
        self._settings = settings
        self._prompt_ids = prompt_ids
        self._thread = VllmThread(replace(settings, is_pooling=True))
        self._params: Any = importlib.import_module("vllm").PoolingParams

    def score(self, requests: Sequence[ScoreRequest]) -> list[float]:
        """One value in [-1, 1] per request, in order. UserError if a score is not finite or a row too long."""
        rows = [row_of(request, self._prompt_ids) for request in requests]
        distinct = list(dict.fromkeys(rows))
        for row in distinct:
            if len(row) > self._thread.context:
                raise UserError(f"{self._settings.path} reads {self._thread.context} tokens, a row has {len(row)}")
        self._thread.submit([Ask(str(index), row, self._new_params()) for index, row in enumerate(distinct)])
        scores: dict[tuple[int, ...], float] = {}
        while len(scores) < len(distinct):
            for output in self._thread.receive():
                scores[distinct[int(output.request_id)]] = float(output.outputs.data.reshape(-1)[0])
                self.cached += output.num_cached_tokens or 0
        self.counts.rows += len(scores)
        self.counts.scored += sum(map(len, scores))
        return values_of(requests, [scores[row] for row in rows], self._settings.path)

    def close(self) -> None:
        """Stop vLLM and give its memory back."""
        self._thread.close()

    def _new_params(self) -> Any:
        return self._params(task="classify", use_activation=False)  # vLLM keeps notes in it: one a request


def _refuse_other_models(settings: VllmSettings) -> None:
    """DataError for a folder that is not a PPM, such as a policy's: vLLM would make a head up."""
    file = settings.path / "config.json"
    try:
        named = json.loads(file.read_text(encoding="utf-8")).get("architectures")
    except FileNotFoundError:
        return  # what starts vLLM says so
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"{file} cannot be read ({error})") from error
    if not any(str(name).endswith("ForSequenceClassification") for name in named or ["unnamed"]):
        raise DataError(f"{settings.path}: a PPM is a ForSequenceClassification folder; name a ppm folder of a round")
