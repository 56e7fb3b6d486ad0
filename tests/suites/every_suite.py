"""Every procedural suite, as it is by default and harder, and so small that any two seeds share problems."""

from __future__ import annotations

from tasks.config import StepFormat
from tasks.suites.chain import ChainConfig
from tasks.suites.countdown import CountdownConfig
from tasks.suites.equations import EquationsConfig
from tasks.suites.logic import LogicConfig
from tasks.suites.plan import PlanConfig
from tasks.suites.program import ProgramConfig
from tasks.suites.rewrite import RewriteConfig
from tasks.suites.wordmath import WordmathConfig
from tasks.suites.wordmath_style import Style

CALCULATED = {
    "chain": ChainConfig(),
    "wordmath": WordmathConfig(),
    "wordmath, worded": WordmathConfig(style=Style.WORDED, min_operations=4, max_operations=6, distractors=0.5),
    "wordmath, code": WordmathConfig(step_format=StepFormat.CODE, max_operations=8, largest_value=999),
    "countdown": CountdownConfig(),
    "countdown, harder": CountdownConfig(min_numbers=4, max_numbers=5, largest_number=25, largest_target=99),
    "equations": EquationsConfig(),
    "equations, harder": EquationsConfig(max_unknowns=3, whole=False, largest_coefficient=12, largest_value=999),
}
REASONED = {
    "logic": LogicConfig(),
    "logic, harder": LogicConfig(
        atoms=16, min_links=3, max_links=6, distractors=3, rules=["mp", "mt", "ds", "&i", "|i", ">i"]
    ),
    "plan": PlanConfig(),
    "plan, harder": PlanConfig(width=5, height=5, door_rate=0.9, parcel_rate=0.4, min_moves=4, max_moves=7, spare=0),
    "program": ProgramConfig(),
    "program, harder": ProgramConfig(min_operations=4, max_operations=5),
    "rewrite": RewriteConfig(),
    "rewrite, harder": RewriteConfig(min_constraints=5, max_constraints=6),
}
CONFIGS = CALCULATED | REASONED
SMALL = {
    "chain": ChainConfig(modulus=3, min_length=1, max_length=3),
    "wordmath": WordmathConfig(min_operations=1, max_operations=1, largest_operand=4, largest_value=12),
    "countdown": CountdownConfig(largest_number=4),
    "equations": EquationsConfig(largest_coefficient=2, largest_value=2),
    "logic": LogicConfig(atoms=3, min_links=1, max_links=1, distractors=0, rules=["mp", "ds"]),
    "plan": PlanConfig(width=3, height=2, min_moves=1, max_moves=2, walls=0.2),
    "program": ProgramConfig(min_operations=1, max_operations=1),
}
