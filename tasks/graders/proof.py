"""Checks a proof: by the project's own checker of propositional logic, or by one that is installed, such as Lean."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass

from tasks.errors import UserError
from tasks.graders.base import Item, Resources, failed, graded, unverifiable
from tasks.graders.external_checker import CheckFailed, ExternalChecker
from tasks.graders.fences import fenced_blocks
from tasks.graders.spec import Spec
from tasks.graders.texts import Part, part_of
from tasks.problem import Verdict
from tasks.sandbox.bwrap import bwrap_program
from tasks.sandbox.execution import Tier
from tasks.suites.logic_formula import FormulaError
from tasks.suites.propositional import check_proof

_ANSWER_MARK = re.compile(r"^[ \t]*####[ \t]*", re.MULTILINE)  # the task ``logic`` marks a proof's last line so


@dataclass(frozen=True, slots=True)
class ProofGrader:
    """The item's ``statement`` goes to the external checker if there is one; else ``premises`` and ``goal`` are needed.

    The proof is the last block between ``` lines, else the whole text (``part``). A proof that does not hold is wrong;
    a text without one is unverifiable; a checker that cannot be run is an ``error``.
    """

    part: Part
    external: ExternalChecker | None

    def grade(self, item: Item) -> Verdict:
        text = part_of(item, self.part) or ""
        blocks = fenced_blocks(text)
        proof = _ANSWER_MARK.sub("", (blocks[-1][1] if blocks else text).strip("\n"))
        if not proof.strip():
            return unverifiable("there is no proof")
        statement = item.data("statement")
        if self.external is not None and isinstance(statement, str):
            try:
                holds, said = self.external.check(statement, proof)
            except CheckFailed as error:
                return failed(str(error))
            return graded(float(holds), note=said)
        premises, goal = item.data("premises"), item.data("goal")
        if not isinstance(premises, list) or not all(isinstance(each, str) for each in [*premises, goal]):
            missing = "" if statement is None else "; its statement needs a checker that is not installed (command)"
            return failed(f"the item has no premises, a list of texts, and goal, a text{missing}")
        try:
            report = check_proof(premises, goal, proof)
        except FormulaError as error:
            return failed(f"the item's premises or goal cannot be read: {error}")
        return graded(float(report.ok), note=report.note)


def proof(spec: Spec, resources: Resources) -> ProofGrader:
    """Options: ``of`` (text, answer), and for a checker of your own ``command``, ``suffix``, ``timeout_s``.

    A command that is not installed is left out: the built-in checker remains.
    """
    part = spec.choice("of", Part, Part.TEXT)
    command = spec.texts("command", ())
    suffix, timeout_s = spec.text("suffix", ".lean"), spec.number("timeout_s", 60.0, 0.1, 3600.0)
    if not re.fullmatch(r"\.\w{1,10}", suffix):
        spec.fail("suffix", "a file name's ending such as .lean")
    if not command or shutil.which(command[0]) is None:
        return ProofGrader(part, None)
    if bwrap_program() is None and resources.tier is not Tier.OFF:
        raise UserError(
            f"{spec.path}.command: must be confined by bubblewrap, which is not installed; install it (bwrap), or type "
            "sandbox=off if proofs may run programs of your user"
        )
    return ProofGrader(part, ExternalChecker(command, suffix, timeout_s))
