"""Values of `plans` and `billing` out of a line: the shape is that of the dataclass itself.

A field with a default may be left out, a member of a union is told by its `kind`, dates and
instants are ISO 8601. Every fault names its path, as `commands[2].command.on_date`. `written` is
the way back.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from app.calc.catalogue_reading import dated
from app.calc.reading import Input, Refusal
from plans import BadInput, PlansError
from plans.lifecycle import AddOnChange, Refused

__all__ = ["instant", "listed", "located", "read_as", "refusal_record", "written"]

_T = TypeVar("_T")

_MOST_YEN = 10_000_000
# More cycles, seats or days than anyone agrees to; far below where calendars end.
_MOST = 10_000
# A cycle's number may be far on, where the cycles are days.
_MOST_CYCLE = 1_000_000
_YEARS = range(1900, 3000)  # those of `dated`
_COUNTS = ("quantity", "count", "cycles")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def read_as(wanted: type[_T], given: Input, *, defaults: Mapping[str, Any] | None = None) -> _T:
    """Read an object as a dataclass; `defaults` (decoded values) stand for keys left out.

    Raises Refusal that names the path of the fault.
    """
    read: _T = _dataclass(wanted, given, defaults or {})
    return read


def listed(item: Any, given: Input, key: str) -> tuple[Any, ...]:
    """Read a list of values of one type; empty when left out."""
    if key not in given.values:
        return ()
    values: tuple[Any, ...] = _value(tuple[item, ...], given.values[key], given.at(key))
    return values


def instant(given: Input, key: str) -> datetime:
    """Read an instant with its offset, as `2026-04-16T12:00:00+09:00`, in UTC."""
    found = given.instant(key)
    dated(Input({key: found.date().isoformat()}, given.path), key)
    return found.astimezone(UTC)


@contextmanager
def located(path: str, **names: str) -> Iterator[None]:
    """Let what `plans` refuses name its field by the path in the line; `names` renames fields."""
    try:
        yield
    except BadInput as fault:
        field = names.get(fault.field, fault.field)
        raise Refusal(f"{path}.{field}" if path else field, fault.reason) from fault
    except PlansError as fault:
        raise Refusal(path or None, str(fault)) from fault


def refusal_record(fault: PlansError) -> dict[str, Any]:
    """Write a refusal for programs (`code`, `field`, `rule`, `remedy`) and people (`words`)."""
    named = fault if isinstance(fault, BadInput) else None
    own = fault.code if isinstance(fault, Refused) else None
    return {
        "code": own or _CAPITAL.sub("_", type(fault).__name__).lower(),
        "field": named and named.field,
        "rule": named and named.rule,
        "remedy": named and named.remedy,
        "words": str(fault),
    }


def written(value: Any) -> Any:
    """Write a value as JSON, with every field."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = getattr(value, "kind", None)
        fields = {each.name: written(getattr(value, each.name)) for each in _fields(type(value))}
        return {"kind": kind, **fields} if kind else fields
    if isinstance(value, tuple):
        return [written(each) for each in value]
    if isinstance(value, date):  # instants are dates too
        return value.isoformat()
    return value.value if isinstance(value, StrEnum) else value


def _dataclass(wanted: Any, given: Input, defaults: Mapping[str, Any]) -> Any:
    hints = _hints(wanted)
    given.only(*(("kind",) if _kind(wanted) else ()), *hints)
    values: dict[str, Any] = {}
    for field in _fields(wanted):
        if field.name in given.values:
            hint = hints[field.name]
            values[field.name] = _field(wanted, hint, field.name, given)
        elif field.name in defaults:
            values[field.name] = defaults[field.name]
        elif field.default is dataclasses.MISSING:
            raise Refusal(given.at(field.name), "is missing")
    with located(given.path):
        return wanted(**values)


def _field(owner: Any, hint: Any, name: str, given: Input) -> Any:
    value, path = given.values[name], given.at(name)
    if hint is int or (typing.get_args(hint) == (int, type(None)) and value is not None):
        return _whole(value, path, _bounds(owner, name))
    return _value(hint, value, path)


def _bounds(owner: Any, name: str) -> tuple[int, int]:
    """Say what a number may be: yen, a year, a number of things, a cycle, or a count."""
    if name == "year":
        return _YEARS[0], _YEARS[-1]
    if name == "yen" or name.endswith("_yen"):
        return 0, _MOST_YEN
    if name.endswith("cycle"):
        return 0, _MOST_CYCLE
    if name == "bridge_days":  # below 0 when days are cut from the running period
        return -_MOST, _MOST
    # An add-on that goes has the number 0; everywhere else a number of things is 1 or more.
    return int(name in _COUNTS and owner is not AddOnChange), _MOST


def _value(hint: Any, value: Any, path: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _union(typing.get_args(hint), value, path)
    if origin in (tuple, frozenset):
        if not isinstance(value, list):
            raise _bad(path, value, "is a list")
        item = typing.get_args(hint)[0]
        return origin(_value(item, each, f"{path}[{index}]") for index, each in enumerate(value))
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise _bad(path, value, "is an object")
        return _dataclass(hint, Input(value, path), {})
    return _scalar(hint, value, path)


def _union(choices: tuple[Any, ...], value: Any, path: str) -> Any:
    if value is None and type(None) in choices:
        return None
    members = [each for each in choices if each is not type(None)]
    if len(members) == 1:
        return _value(members[0], value, path)
    by_kind = {_kind(each): each for each in members}
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in by_kind:
        raise _bad(f"{path}.kind", kind, f"is one of {', '.join(sorted(map(str, by_kind)))}")
    return _value(by_kind[kind], value, path)


def _scalar(hint: Any, value: Any, path: str) -> Any:
    if hint in (str, bool):
        if type(value) is not hint:
            raise _bad(path, value, "is a text" if hint is str else "is true or false")
        return value
    if hint is datetime:
        return instant(Input({path: value}), path)
    if hint is date:
        return dated(Input({path: value}), path)
    return Input({path: value}).choice(path, hint)


def _whole(value: Any, path: str, bounds: tuple[int, int]) -> int:
    least, most = bounds
    if type(value) is not int or not least <= value <= most:
        raise _bad(path, value, f"is a whole number from {least} to {most}")
    return value


@cache
def _hints(cls: Any) -> Mapping[str, Any]:
    hints = typing.get_type_hints(cls)
    return {each.name: hints[each.name] for each in _fields(cls)}


def _fields(cls: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls)


def _kind(cls: Any) -> str | None:
    kind = cls.__dict__.get("kind")
    return kind if isinstance(kind, str) else None


def _bad(path: str, value: object, rule: str) -> BadInput:
    return BadInput(field=path, value=value, rule=rule, remedy="correct it")
