"""Frozen values as canonical JSON and back: what fingerprints are made of and the books keep.

A field that holds its default is left out, so a field added later changes no fingerprint of what
was agreed before. Members of a closed union carry their `kind`.
"""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from plans.money_words import plain

__all__ = ["canonical_form", "canonical_hash", "decode", "fields_given", "to_json"]


def to_json(encoded: object) -> str:
    """Write encoded values as one canonical text: ASCII, sorted keys, no spaces."""
    return json.dumps(encoded, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def canonical_hash(scheme: str, encoded: object) -> str:
    """Hash encoded values (64 hex digits); `scheme` names the way they were encoded."""
    text = json.dumps([scheme, encoded], ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def canonical_form(value: object) -> Any:
    """Turn a frozen value into what JSON can hold, without loss; raises TypeError for others."""
    match value:
        case StrEnum():
            return value.value
        case None | bool() | int() | str():
            return value
        case Decimal():
            return plain(value)
        case date():
            return value.isoformat()
        case tuple():
            return [canonical_form(item) for item in value]
        case frozenset():
            return sorted(canonical_form(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        kind = getattr(value, "kind", None)
        return ({"kind": kind} if kind else {}) | fields_given(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


def fields_given(value: Any) -> dict[str, Any]:
    """Encode the fields of a dataclass that differ from their defaults."""
    return {
        field.name: canonical_form(given)
        for field in fields(value)
        if (given := getattr(value, field.name)) != _default(field)
    }


def decode(wanted: Any, given: Any) -> Any:
    """Turn encoded JSON back into a value of the type `wanted`; the mirror of `canonical_form`."""
    origin = get_origin(wanted)
    if origin in (Union, types.UnionType):
        return _decode_union(get_args(wanted), given)
    if origin is tuple:
        return tuple(decode(get_args(wanted)[0], item) for item in given)
    if origin is frozenset:
        return frozenset(decode(get_args(wanted)[0], item) for item in given)
    if is_dataclass(wanted):
        return _decode_fields(wanted, given)
    if wanted is date:
        return date.fromisoformat(given)
    return wanted(given)


def _decode_union(members: tuple[Any, ...], given: Any) -> Any:
    if given is None:
        return None
    real = [member for member in members if member is not type(None)]
    if len(real) == 1:
        return decode(real[0], given)
    (member,) = [each for each in real if each.kind == given["kind"]]
    return decode(member, given)


def _decode_fields(wanted: Any, given: Mapping[str, Any]) -> Any:
    hints = _hints(wanted)
    named = {name: value for name, value in given.items() if name != "kind"}
    return wanted(**{name: decode(hints[name], value) for name, value in named.items()})


@lru_cache(maxsize=64)
def _hints(wanted: type) -> dict[str, Any]:
    return get_type_hints(wanted)


def _default(field: Field[Any]) -> object:
    # A factory is called anew: a default is a frozen value here, so equality is all that counts.
    return field.default if field.default_factory is MISSING else field.default_factory()
