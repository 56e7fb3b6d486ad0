"""Enumerations that are options: written on the command line and in YAML by their values."""

from __future__ import annotations

from enum import EnumMeta, StrEnum
from types import MappingProxyType
from typing import Any


class _ByValue(EnumMeta):
    def __getitem__(cls, name: str) -> Any:
        for member in cls._member_map_.values():
            if name in (member.value, member._name_):
                return member
        raise KeyError(name)

    @property
    def __members__(cls) -> MappingProxyType[str, Any]:
        return MappingProxyType({str(member.value): member for member in cls._member_map_.values()})


class Option(StrEnum, metaclass=_ByValue):
    """OmegaConf reads and writes an enumeration by its members' names: here those are the (lower-case) values."""

    @property
    def name(self) -> str:
        return str(self.value)
