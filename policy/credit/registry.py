"""Credits by name, and their application to the groups of an update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from policy.credit.base import Array, CreditAssigner, Member
from policy.credit.config import CreditConfig, CreditName, TreeValue
from policy.credit.gae import gae
from policy.credit.implicit import implicit
from policy.credit.min_form import min_form
from policy.credit.outcome import outcome
from policy.credit.outcome_plus_min_form import outcome_plus_min_form
from policy.credit.outcome_plus_process import outcome_plus_process
from policy.credit.process import process
from policy.credit.scale import Scale, scale_of, whitened
from policy.credit.step_delta import step_delta
from policy.credit.tree_q import tree_q

Rule = Callable[[Sequence[Member], CreditConfig, Scale], list[Array]]


@dataclass(frozen=True, slots=True)
class Credit:
    """A method, and what its members must bring beside rewards and step ends."""

    rule: Rule
    needs: tuple[str, ...] = ()


CREDITS: dict[CreditName, Credit] = {
    CreditName.OUTCOME: Credit(lambda members, config, scale: outcome(members, scale)),
    CreditName.PROCESS: Credit(lambda members, config, scale: process(members, scale), ("step_scores",)),
    CreditName.ORACLE: Credit(lambda members, config, scale: process(members, scale), ("step_scores",)),
    CreditName.OUTCOME_PLUS_PROCESS: Credit(
        lambda members, config, scale: outcome_plus_process(
            members, scale, config.outcome_weight, config.process_weight
        ),
        ("step_scores",),
    ),
    CreditName.STEP_DELTA: Credit(lambda members, config, scale: step_delta(members), ("step_scores",)),
    CreditName.TREE_Q: Credit(lambda members, config, scale: tree_q(members, config.tree_value), ("path",)),
    CreditName.MIN_FORM: Credit(lambda members, config, scale: min_form(members, config.temperature), ("step_scores",)),
    CreditName.OUTCOME_PLUS_MIN_FORM: Credit(
        lambda members, config, scale: outcome_plus_min_form(
            members, scale, config.outcome_weight, config.process_weight, config.temperature
        ),
        ("step_scores",),
    ),
    CreditName.IMPLICIT: Credit(lambda members, config, scale: implicit(members, config.discount), ("token_scores",)),
    CreditName.GAE: Credit(
        lambda members, config, scale: gae(members, config.discount, config.gae_lambda), ("token_scores",)
    ),
}


def needs(config: CreditConfig) -> tuple[str, ...]:
    """The fields of ``Member`` that this credit reads beside the reward and the step ends."""
    own = CREDITS[config.name].needs
    scored_tree = config.name is CreditName.TREE_Q and config.tree_value is TreeValue.SCORES
    return (*own, "step_scores") if scored_tree else own


def assign(groups: Sequence[Sequence[Member]], config: CreditConfig) -> list[list[Array]]:
    """The advantages of an update: per group, per member, an array [T]."""
    scale = scale_of(groups, config.scale_rewards)
    found = [CREDITS[config.name].rule(members, config, scale) for members in groups]
    return whitened(found) if config.whiten else found


def assigner(config: CreditConfig) -> CreditAssigner:
    """The credit of one group that is an update by itself."""
    return lambda members: assign([members], config)[0]
