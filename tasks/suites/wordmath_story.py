"""Word problems: the sentences they are made of, and what operations a text asks for.

    Tom has 12 pens. Tom gets 5 more. Ann has 3 times as many as Tom. How many pens does Ann have?

A story follows one quantity: an opening states it, each event changes it or goes on to somebody else's, the question
asks for it. The same reader follows a story while it is drawn and when it is read again from its text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tasks.suites.wordmath_sentences import EVENTS, OPENINGS, OPERATOR, QUESTIONS, TEXT, read_sentence


@dataclass(frozen=True, slots=True)
class Result:
    """What an earlier operation came to."""

    index: int


Operand = int | Result


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation that a sentence asks for."""

    left: Operand
    operator: str
    right: Operand
    key: str  # the sentence's place in TEXT
    sentence: str


@dataclass
class Story:
    """The sentences so far, and what follows from them."""

    sentences: list[str] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    values: list[int] = field(default_factory=list)  # what each operation comes to
    holder: str = ""  # whose quantity is followed
    thing: str = ""  # what is counted
    current: Operand | None = None
    before: tuple[str, Operand] | None = None  # after a comparison: whose quantity, and which, it was compared with
    is_asked: bool = False

    @property
    def prompt(self) -> str:
        """The problem as text; it ends with its only newline."""
        return " ".join(self.sentences) + "\n"

    @property
    def answer(self) -> str:
        """The last operation's result."""
        return str(self.values[-1])

    @property
    def level(self) -> int:
        """The number of operations."""
        return len(self.operations)

    @property
    def value(self) -> int:
        """What the followed quantity is now."""
        assert self.current is not None
        return self._known(self.current)

    @property
    def shared(self) -> int | None:
        """What two have together, after a comparison."""
        return None if self.before is None else self._known(self.before[1]) + self.value

    def tell(self, key: str, **slots: str | int) -> None:
        """Add a sentence. Slots that the story knows (whose, of what) are filled in."""
        known: dict[str, str | int] = {"a": self.holder, "t": self.thing}
        if key == "together":
            assert self.before is not None
            known |= {"a": self.before[0], "b": self.holder}
        self.hear(TEXT[key].format(**(known | slots)))

    def hear(self, sentence: str) -> None:
        """Follow a sentence. Raises ValueError for one that has no place here."""
        key, slots = read_sentence(sentence)
        self._follow(key, sentence, slots)
        self.sentences.append(sentence)

    def _known(self, operand: Operand) -> int:
        return operand if isinstance(operand, int) else self.values[operand.index]

    def _follow(self, key: str, sentence: str, slots: dict[str, str]) -> None:
        if self.is_asked or (key in OPENINGS) != (self.current is None):
            raise ValueError(f"a sentence out of place: {sentence!r:.80}")
        if key in OPENINGS:
            self.holder, self.thing, self.current = slots["a"], slots["t"], int(slots["n"])
            if key != "has":
                self._operate(self.current, int(slots["m"]), key, sentence)
        elif key in QUESTIONS:
            self._ask(key, sentence, slots)
        elif key in EVENTS:
            self._happen(key, sentence, slots)

    def _happen(self, key: str, sentence: str, slots: dict[str, str]) -> None:
        if slots.get("a", self.holder) != self.holder or slots.get("b") == self.holder:
            raise ValueError(f"not about {self.holder}: {sentence!r:.80}")
        assert self.current is not None
        self.before = (self.holder, self.current) if "b" in slots else None
        self._operate(self.current, int(slots["n"]), key, sentence)
        self.holder = slots.get("b", self.holder)
        if key == "sells":
            self.thing = "coins"

    def _ask(self, key: str, sentence: str, slots: dict[str, str]) -> None:
        whose = (self.holder,) if self.before is None or key == "left" else (self.before[0], self.holder)
        if tuple(filter(None, (slots["a"], slots.get("b")))) != whose or slots["t"] != self.thing:
            raise ValueError(f"not what the story tells of: {sentence!r:.80}")
        if key == "together":
            assert self.before is not None
            assert self.current is not None
            self._operate(self.before[1], self.current, key, sentence)
        if not self.operations:
            raise ValueError("a story without an operation")
        self.is_asked = True

    def _operate(self, left: Operand, right: Operand, key: str, sentence: str) -> None:
        operation = Operation(left, OPERATOR[key], right, key, sentence)
        result = worked_out(operation.operator, *operand_values(operation, self.values))
        if result is None:
            raise ValueError(f"there is no whole result: {sentence!r:.80}")
        self.operations.append(operation)
        self.values.append(result)
        self.current = Result(len(self.values) - 1)


def operand_values(operation: Operation, values: list[int]) -> tuple[int, int]:
    """Both operands, given what the operations before came to."""
    left, right = operation.left, operation.right
    return (
        left if isinstance(left, int) else values[left.index],
        right if isinstance(right, int) else values[right.index],
    )


def worked_out(operator: str, left: int, right: int) -> int | None:
    """The result, if it is a whole number of at least 0."""
    if operator == "/":
        return None if right == 0 or left % right else left // right
    result = {"+": left + right, "-": left - right, "*": left * right}[operator]
    return result if result >= 0 else None


def read_story(prompt: str) -> Story:
    """The inverse of ``Story.prompt``. Raises ValueError for a text of another form."""
    story = Story()
    text, newline, rest = prompt.partition("\n")
    if not newline or rest:
        raise ValueError(f"not a word problem: {prompt!r:.80}")
    for sentence in re.split(r"(?<=[.?]) ", text):
        story.hear(sentence)
    if not story.is_asked:
        raise ValueError(f"not a word problem: {prompt!r:.80}")
    return story
