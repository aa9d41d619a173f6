"""Events as JSON and back, exactly: the form that the books keep.

Shapes follow the dataclasses; dates and instants are ISO 8601, a member of a union is told by its
`kind`. Reading is strict: a field that is missing, unknown or of another type is refused.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from plans.errors import BadInput
from plans.lifecycle.facts import Event
from plans.lifecycle.stored_fields import former_name, may_be_missing

__all__ = ["event_from_json", "event_to_json", "value_from_json", "value_to_json"]


_Value = TypeVar("_Value")


def event_to_json(event: Event) -> str:
    """Write an event as one line of JSON; equal events give equal text."""
    shape = {"v": Event.version, **_encode(event)}
    return json.dumps(shape, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def event_from_json(text: str) -> Event:
    """Read what `event_to_json` wrote; raises BadInput that names the field."""
    try:
        shape = json.loads(text)
    except ValueError:
        raise _bad("event", text, "is one JSON object") from None
    if not isinstance(shape, dict):
        raise _bad("event", shape, "is one JSON object")
    version = shape.pop("v", None)
    if type(version) is not int or version != Event.version:
        raise _bad("v", version, f"this program reads version {Event.version} of events")
    event: Event = _decode(Event, shape, "event")
    return event


def value_to_json(value: object) -> str:
    """Write any frozen value of dataclasses as one line of JSON; equal values give equal text."""
    return json.dumps(_encode(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def value_from_json(wanted: type[_Value], text: str) -> _Value:
    """Read what `value_to_json` wrote for a value of that class; raises BadInput."""
    try:
        shape = json.loads(text)
    except ValueError:
        raise _bad(wanted.__name__, text, "is JSON") from None
    value: _Value = _decode(wanted, shape, wanted.__name__)
    return value


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            each.name: _encode(getattr(value, each.name)) for each in dataclasses.fields(value)
        }
        kind = _kind(type(value))
        return fields if kind is None else {"kind": kind, **fields}
    if isinstance(value, tuple):
        return [_encode(each) for each in value]
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):  # instants are dates too
        return value.isoformat()
    return value.value if isinstance(value, StrEnum) else value


def _decode(hint: Any, data: Any, path: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(hint), data, path)
    if origin is tuple:
        item = typing.get_args(hint)[0]
        if not isinstance(data, list):
            raise _bad(path, data, "is a list")
        return tuple(_decode(item, each, f"{path}[{i}]") for i, each in enumerate(data))
    if dataclasses.is_dataclass(hint):
        return _decode_dataclass(typing.cast(type, hint), data, path)
    return _decode_plain(hint, data, path)


def _decode_union(choices: tuple[Any, ...], data: Any, path: str) -> Any:
    if type(None) in choices:
        if data is None:
            return None
        choices = tuple(each for each in choices if each is not type(None))
    if len(choices) == 1:
        return _decode(choices[0], data, path)
    kind = data.get("kind") if isinstance(data, dict) else None
    for choice in choices:
        if _kind(choice) == kind:
            return _decode(choice, data, path)
    known = ", ".join(sorted(str(_kind(each)) for each in choices))
    raise _bad(f"{path}.kind", kind, f"is one of {known}")


def _decode_dataclass(cls: type, data: Any, path: str) -> Any:
    if not isinstance(data, dict):
        raise _bad(path, data, "is an object")
    hints = _hints(cls)
    data = _as_named_now(cls, data)
    given = set(data) - ({"kind"} if _kind(cls) is not None else set())
    later = {each.name for each in dataclasses.fields(cls) if may_be_missing(each)}
    if strange := sorted((given ^ hints.keys()) - (later - given)):
        raise _bad(f"{path}.{strange[0]}", data.get(strange[0]), "is missing or unknown")
    read = {name: hint for name, hint in hints.items() if name in given}
    return cls(**{name: _decode(hint, data[name], f"{path}.{name}") for name, hint in read.items()})


def _as_named_now(cls: type, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put what older books call otherwise under its name of today."""
    renamed = {former_name(each): each.name for each in dataclasses.fields(cls)}
    if not renamed.keys() & data.keys():
        return data
    return {renamed.get(name, name): value for name, value in data.items()}


def _decode_plain(hint: Any, data: Any, path: str) -> Any:
    if hint in (str, int, bool):
        if type(data) is not hint:
            raise _bad(path, data, f"is of type {hint.__name__}")
        return data
    try:
        if hint is datetime:
            return _instant(data)
        return date.fromisoformat(data) if hint is date else hint(data)
    except (TypeError, ValueError, ArithmeticError):
        raise _bad(path, data, f"is a {hint.__name__}") from None


def _instant(data: str) -> datetime:
    instant = datetime.fromisoformat(data)
    if instant.utcoffset() is None:
        raise ValueError
    return instant.astimezone(UTC)


@cache
def _hints(cls: type) -> Mapping[str, Any]:
    hints = typing.get_type_hints(cls)
    return {each.name: hints[each.name] for each in dataclasses.fields(cls)}


def _kind(cls: type) -> str | None:
    kind = cls.__dict__.get("kind")
    return kind if isinstance(kind, str) else None


def _bad(field: str, value: object, rule: str) -> BadInput:
    return BadInput(
        field=field, value=value, rule=rule, remedy="read an event that `event_to_json` wrote"
    )
