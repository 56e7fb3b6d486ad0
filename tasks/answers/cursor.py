r"""A place in a row of tokens, and how deep it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tasks.answers.tokens import Kind, Token, Unreadable

MAX_DEPTH = 24
"""Deepest nesting of brackets, roots, fractions and powers."""


class Cursor:
    """Looks at the tokens and takes them. Every method that needs a token raises Unreadable at the end."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.position = 0
        self.depth = 0

    def peek(self, ahead: int = 0) -> Token | None:
        index = self.position + ahead
        return self.tokens[index] if index < len(self.tokens) else None

    def at(self, *texts: str) -> bool:
        token = self.peek()
        return token is not None and token.kind in (Kind.MARK, Kind.COMMAND) and token.text in texts

    def at_kind(self, kind: Kind) -> bool:
        token = self.peek()
        return token is not None and token.kind is kind

    def take(self) -> Token:
        token = self.peek()
        if token is None:
            raise Unreadable("it ends too early")
        self.position += 1
        return token

    def accept(self, *texts: str) -> bool:
        if self.at(*texts):
            self.position += 1
            return True
        return False

    def expect(self, *texts: str) -> str:
        token = self.take()
        if token.kind not in (Kind.MARK, Kind.COMMAND) or token.text not in texts:
            raise Unreadable(f"{token.text!r} where {' or '.join(texts)} should be")
        return token.text

    @contextmanager
    def nested(self) -> Iterator[None]:
        """One deeper, at most MAX_DEPTH."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable(f"nested deeper than {MAX_DEPTH}")
        yield
        self.depth -= 1
