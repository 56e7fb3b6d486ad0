"""What a summary is worth: how much of its source it tells a language model."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.errors import UserError
from tasks.graders.base import Item, LogProbs, Resources, failed, graded, unverifiable
from tasks.graders.spec import Spec
from tasks.problem import Verdict


@dataclass(frozen=True, slots=True)
class Reconstruction:
    r"""The share of the source's information that the summary gives: ``1 - L(source | summary) / L(source)``.

    L is the negative log-probability in nats under the policy; the source follows the summary and ``divider``, in
    L(source) the divider alone. Clipped to [0, 1]: a summary that makes its source less likely is worth 0, one from
    which it follows word for word is worth 1. A copy would be the best summary: one longer than ``longest`` of the
    source's characters is worth 0. Correct from ``pass_at`` on. An empty summary is unverifiable.
    """

    log_probs: LogProbs
    source: str
    divider: str
    longest: float
    pass_at: float

    def grade(self, item: Item) -> Verdict:
        source = item.prompt if self.source == "prompt" else item.data(self.source)
        if source is None and self.source == "source":
            source = item.reference
        if not isinstance(source, str) or not source.strip():
            return failed(f"the item has no source (field {self.source})")
        summary = item.text.strip()
        if not summary:
            return unverifiable("there is no summary")
        if len(summary) > self.longest * len(source):
            return graded(0.0, note=f"the summary is longer than {self.longest:g} of its source")
        try:
            before, tokens = self.log_probs.log_prob(self.divider, source)
            after, _ = self.log_probs.log_prob(summary + self.divider, source)
        except ValueError as error:
            return failed(f"the policy cannot read it: {error}")
        if not tokens or not before < 0 or not after <= 0:  # also NaN
            return failed("the policy gives the source no log-probability")
        return graded(1 - after / before, self.pass_at, note=f"{(after - before) / tokens:.3f} nats a token")


def reconstruction(spec: Spec, resources: Resources) -> Reconstruction:
    """Options: ``source`` (a field; else the reference), ``divider``, ``longest``, ``pass_at``. Needs a policy."""
    if resources.log_probs is None:
        raise UserError(
            f"{spec.path}: a reconstruction grader needs a policy's log-probabilities; "
            "give python -m scripts.grade the option --policy FOLDER"
        )
    return Reconstruction(
        resources.log_probs,
        spec.text("source", "source"),
        spec.text("divider", "\n\n"),
        spec.number("longest", 0.5, 0.01, 1e6),
        spec.number("pass_at", 0.5, 1e-6, 1.0),
    )
