"""Marks on fields of stored values that older books lack or hold under another name.

The reader of stored events goes by them, so that what was written before a field came, or before
it was named as it is, is read for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field
from types import MappingProxyType
from typing import Any

__all__ = ["ADDED_LATER", "former_name", "formerly", "may_be_missing"]

_LATER, _FORMERLY = "added_later", "formerly"

# Metadata of a field that came after the first events were stored; its default is what held then.
ADDED_LATER: Mapping[str, Any] = MappingProxyType({_LATER: True})


def formerly(name: str) -> Mapping[str, Any]:
    """Give the metadata of a field that was stored under another name before."""
    return MappingProxyType({_FORMERLY: name})


def may_be_missing(field: Field[Any]) -> bool:
    """Tell whether events of before the field lack it."""
    return bool(field.metadata.get(_LATER))


def former_name(field: Field[Any]) -> str | None:
    """Give the name a field was stored under before, if it had another."""
    found: str | None = field.metadata.get(_FORMERLY)
    return found
