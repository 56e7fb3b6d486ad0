"""Final answers: where they stand in a solution, what they mean, and whether two are equal."""

from tasks.answers.extraction import read_final_answer
from tasks.answers.keys import answer_key, canonical_key, solution_key, votes_of
from tasks.answers.kinds import AnswerType
from tasks.answers.verifier import (
    AnswerVerifier,
    UnreadableReference,
    check_tolerance,
    is_readable,
    judge,
)

__all__ = [
    "AnswerType",
    "AnswerVerifier",
    "UnreadableReference",
    "answer_key",
    "canonical_key",
    "check_tolerance",
    "is_readable",
    "judge",
    "read_final_answer",
    "solution_key",
    "votes_of",
]
