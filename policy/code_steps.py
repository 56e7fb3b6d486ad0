"""Step format ``code`` (rStar-Math, arXiv 2501.04519, section 3.2): a step is a comment and Python, run when written.

The bytes are those of ``tasks.suites.code_format``. After each step the whole program so far is run again in the
sandbox, so a path of a tree needs no interpreter kept alive for it. A step whose code fails is no step. What it prints
is appended to the step as an observation: the policy reads it before it writes on, and never learns to write it. The
solution ends with a final step of text alone; what code prints, ``\\boxed{}`` or "error", decides nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from transformers import PreTrainedTokenizerFast

from mcts.step import Step
from policy.config import StepFormatConfig
from policy.engine import Finish
from policy.step_format import Draft, TextSteps, Turn
from tasks.config import StepFormat
from tasks.sandbox.execution import Execution, ExecutionOutcome
from tasks.sandbox.open import open_sandbox
from tasks.suites.code_format import FINAL, STEP_END, observation


class Programs(Protocol):
    """What of a sandbox is needed here: programs as lists of cells in, executions in their order out."""

    def run_many(self, programs: Sequence[Sequence[str]]) -> list[Execution]: ...


class CodeSteps(TextSteps):
    """Cuts one step per turn, runs it and appends what it printed. ``split`` only cuts."""

    runs_code = True

    def __init__(self, config: StepFormatConfig, tokenizer: PreTrainedTokenizerFast, sandbox: Programs) -> None:
        super().__init__(config, tokenizer)
        self._sandbox = sandbox

    def read(self, drafts: Sequence[Draft]) -> list[Turn]:
        """The one step that each draft holds up to ``STEP_END``; the code of all of them is run side by side."""
        turns = [self._read(draft) for draft in drafts]
        to_run = [place for place, turn in enumerate(turns) if turn.goes_on]
        programs = [
            [step.text.removesuffix(STEP_END) for step in (*drafts[place].before, *turns[place].steps)]
            for place in to_run
        ]
        for place, execution in zip(to_run, self._run(programs), strict=True):
            turns[place] = self._after(turns[place].steps[0], execution)
        return turns

    def dodges(self, step: Step) -> bool:
        """True also for code behind which the solution ends, and for a step that runs on past its end."""
        return not step.is_final and not step.text.endswith(STEP_END)

    def _is_final(self, text: str, ended: bool) -> bool:
        return text.startswith(FINAL) and (ended or text.endswith(STEP_END))

    def _read(self, draft: Draft) -> Turn:
        """A step that is still to be run ``goes_on``."""
        ids = draft.generation.token_ids
        if not ids:
            return Turn(())  # the context is full
        step = self._step(draft.generation, 0, len(ids), draft.generation.finish is Finish.END)
        return Turn((), step) if self.dodges(step) else Turn((step,), goes_on=not step.is_final)

    def _run(self, programs: Sequence[Sequence[str]]) -> list[Execution]:
        if not programs:
            return []
        started = time.perf_counter()
        executions = self._sandbox.run_many(programs)
        self.code.calls += len(programs)
        self.code.seconds += time.perf_counter() - started
        return executions

    def _after(self, step: Step, execution: Execution) -> Turn:
        if execution.outcome is not ExecutionOutcome.OK:
            self.code.failed[str(execution.outcome)] += 1
            return Turn((), step, str(execution.outcome), goes_on=True)
        text, ids = self.observe(execution.stdout)
        return Turn((replace(step, observation=text, observation_ids=ids),), goes_on=True)

    def observe(self, stdout: str) -> tuple[str, tuple[int, ...]]:
        """What the policy is shown of an output, as text and as tokens; no output can hold an end token."""
        shown = stdout.encode("utf-8", "replace").decode()  # a lone surrogate is no text
        text = observation(shown[: self.config.max_output])
        return text, encode_plain(self._tokenizer, text)


def encode_plain(tokenizer: PreTrainedTokenizerFast, text: str) -> tuple[int, ...]:
    """Token ids of text that nobody vouches for: what looks like a special token is encoded letter by letter."""
    return tuple(tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)) if text else ()


def make_steps(config: StepFormatConfig, tokenizer: PreTrainedTokenizerFast) -> TextSteps:
    """The configured format. UserError if code cannot be confined here."""
    if config.format is StepFormat.CODE:
        return CodeSteps(config, tokenizer, open_sandbox(config.sandbox))
    return TextSteps(config, tokenizer)
