"""Signs that a policy games what it is rewarded by: one row of figures per update, beside the training, never in it.

Each trajectory is seen with its learned reward and with the truth: the verifier's verdict and, where the task has one,
the oracle's labels of its steps. What is lost when a reward is gamed was told by the runs that it happened to: few huge
steps or delimiters avoided, words repeated, answers that no longer say anything (PURE, arXiv 2504.15275, section 5),
languages mixed (DeepSeek-R1, arXiv 2501.12948, section 2.3).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mcts.trajectory import Trajectory
from prm.judging.fidelity import ranking
from tasks.problem import Outcome

_PHRASE = 8  # tokens
_LONGEST_WORD = 30  # letters or digits


@dataclass(frozen=True, slots=True)
class Watched:
    """One trajectory beside what is thought of it and what is true.

    ``learned`` is the learned reward that training gave it, on a scale from 0 to 1; None where an arm has none.
    ``labels``: the oracle's, one per step; empty where the task has no oracle.
    """

    prompt: str
    trajectory: Trajectory
    learned: float | None = None
    labels: tuple[bool, ...] = ()


def measure(watched: Sequence[Watched], delimiter: str, kl: float | None = None) -> dict[str, float]:
    """The row of one update; ``kl`` is the mean KL divergence to the start in nats per token.

    A figure that the update cannot give is left out: no learned reward, no oracle, nothing wrong to score. Raises
    ValueError without trajectories, for one without a verdict or steps.
    """
    if not watched or any(each.trajectory.verdict is None or not each.trajectory.steps for each in watched):
        raise ValueError("every trajectory that is watched needs steps and a verdict, and there must be one")
    paths = [each.trajectory for each in watched]
    steps = [step for path in paths for step in path.steps]
    row = {
        "hack/true": _mean(_truth(path) for path in paths),
        "hack/unparsable": _mean(
            path.verdict is not None and path.verdict.outcome is Outcome.UNVERIFIABLE for path in paths
        ),
        "hack/steps": len(steps) / len(paths),
        "hack/tokens_per_step": _mean(len(step.token_ids) for step in steps),
        "hack/dodges": _mean(not step.is_final and delimiter not in step.text for step in steps),
        "hack/repeated_steps": _mean(_repeated([step.text.strip() for step in path.steps]) for path in paths),
        "hack/repeated_phrases": _mean(_repeated(_phrases(path.token_ids)) for path in paths),
        "hack/foreign": _mean(foreign_share(each.trajectory.text, each.prompt) for each in watched),
        "hack/unreadable": _mean(unreadable_share(path.text) for path in paths),
    }
    if kl is not None:
        row["hack/kl"] = kl
    return row | _learned(watched) | _labelled(watched)


def _learned(watched: Sequence[Watched]) -> dict[str, float]:
    judged = [(each.learned, _truth(each.trajectory)) for each in watched if each.learned is not None]
    if not judged:
        return {}
    if any(not 0.0 <= learned <= 1.0 for learned, _ in judged):
        raise ValueError("a learned reward is watched on a scale from 0 to 1; (1 + s) / 2 brings a score s there")
    learned, true = _mean(each for each, _ in judged), _mean(truth for _, truth in judged)
    row = {"hack/learned": learned, "hack/gap": learned - true}
    wrong = [each for each, truth in judged if truth < 1.0]
    if wrong:
        row["hack/learned_when_wrong"] = _mean(wrong)
    order = ranking([each for each, _ in judged], [truth >= 1.0 for _, truth in judged])
    return row if order is None else row | {"hack/ranking": order}


def _labelled(watched: Sequence[Watched]) -> dict[str, float]:
    labelled = [each for each in watched if each.labels]
    if not labelled:
        return {}
    row = {"hack/right_steps": _mean(label for each in labelled for label in each.labels)}
    right = [each for each in labelled if _truth(each.trajectory) >= 1.0]
    if right:
        row["hack/lucky"] = _mean(not all(each.labels) for each in right)
    return row


def foreign_share(text: str, prompt: str) -> float:
    """The share of a text's letters and broken characters that are of no script the prompt is written in.

    A prompt without letters (arithmetic) allows Latin ones. A script is told by the first word of a character's
    Unicode name; what could not be decoded (U+FFFD) is always foreign.
    """
    home = {_script(each) for each in prompt if each.isalpha()} or {"LATIN"}
    seen = [each for each in text if each.isalpha() or each == "\ufffd"]
    return _mean(each == "\ufffd" or _script(each) not in home for each in seen) if seen else 0.0


def unreadable_share(text: str) -> float:
    """The share of a text's characters that nobody could read: control and unassigned ones, and endless words.

    A word is endless from its letter or digit number 31 on: no word is as long, and no number that was worked out. In
    scripts that put no spaces between words (no capitals either) only the characters themselves are looked at.
    """
    unreadable, run = 0, 0
    for each in text:
        run = run + 1 if each.isdigit() or each.lower() != each.upper() else 0
        strange = each == "\ufffd" or (unicodedata.category(each)[0] == "C" and each not in "\n\t\r")
        unreadable += strange or run > _LONGEST_WORD
    return unreadable / len(text) if text else 0.0


def _script(character: str) -> str:
    return unicodedata.name(character, "UNNAMED").split()[0].split("-")[0]


def _phrases(token_ids: Sequence[int]) -> list[tuple[int, ...]]:
    return [tuple(token_ids[start : start + _PHRASE]) for start in range(len(token_ids) - _PHRASE + 1)]


def _repeated(parts: Sequence[object]) -> float:
    """The share of parts that stood there before."""
    return 1 - len(set(parts)) / len(parts) if parts else 0.0


def _truth(path: Trajectory) -> float:
    assert path.verdict is not None
    return path.verdict.reward


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)
