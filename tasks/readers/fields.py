"""Fields of a row, checked: each complaint says what the row should have held."""

from __future__ import annotations

from typing import Any


class MalformedRow(Exception):
    """A row that breaks the format: what is wrong with it. Loading stops."""


class UnusableRow(Exception):
    """A row that is well formed but cannot be used: why. It is counted and set aside."""


def text_of(row: dict[str, Any], field: str) -> str:
    """A field that must be a text with something in it, without outer spaces. Raises MalformedRow."""
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        found = "is missing" if field not in row else f"is {str(value)[:80]!r}"
        raise MalformedRow(f"the field {field!r} must be a text, but it {found}")
    return value.strip()


def field_of(row: dict[str, Any], name: str, *kinds: type) -> Any:
    """A field of one of the kinds; a bool is no int here. ``name`` may lead into objects: ``question.problem``."""
    value: Any = row
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            raise MalformedRow(f"the field {name!r} is missing")
        value = value[part]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        wanted = " or ".join(_NAMES[kind] for kind in kinds)
        raise MalformedRow(f"the field {name!r} must be {wanted}, but it is {str(value)[:80]!r}")
    return value


def texts_of(row: dict[str, Any], name: str) -> tuple[str, ...]:
    """A field that must be a list of texts."""
    found = field_of(row, name, list)
    for at, text in enumerate(found):
        if not isinstance(text, str):
            raise MalformedRow(f"the field {name!r} must be a list of texts, but entry {at} is {str(text)[:80]!r}")
    return tuple(found)


def chat_text(value: Any, name: str, role: str | None = None) -> str:
    """A text, or the contents of a list of chat messages ``{role, content}``, one after the other.

    ``role``: every message must be that role's.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        raise MalformedRow(f"the field {name!r} must be a text or a list of messages, but it is {str(value)[:80]!r}")
    texts = []
    for message in value:
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            raise MalformedRow(f"the field {name!r} holds a message without a text 'content': {str(message)[:80]!r}")
        if role is not None and message.get("role") != role:
            raise MalformedRow(f"the field {name!r} must be messages of {role}, got one of {message.get('role')!r}")
        texts.append(message["content"])
    return "\n".join(texts)


_NAMES = {str: "a text", int: "a whole number", float: "a number", list: "a list", dict: "an object", bool: "a bool"}
