"""Strict reading of one line of the calculators: each fault names its field, as `old.price`.

JSON is looser than money allows: here `true` is no number, 1.0 is no yen, a key may stand once,
and a number of a million digits is refused before anything is computed with it.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from plans import Month

__all__ = ["Input", "Refusal", "read_line"]

_E = TypeVar("_E", bound=StrEnum)

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ISO_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
# An instant has an offset, or nobody knows which day it lies on.
_ISO_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})"
)
# As many digits as stay exact in every sum and product of the calculators.
_EXACT_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,9})?")
# Far above any sum of yen, far below where arithmetic becomes slow or Python refuses to write it.
_LARGEST = 10**15
_SHOWN_CHARACTERS = 60


class Refusal(Exception):
    """A line that cannot be answered; `field` is None when it is no JSON object."""

    def __init__(self, field: str | None, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


@dataclass(frozen=True, slots=True)
class _TooLarge:
    """Stands in for a whole number with more digits than anyone pays."""

    digits: int

    def __repr__(self) -> str:
        return f"a number of {self.digits} digits"


@dataclass(frozen=True, slots=True)
class Input:
    """A JSON object with the path that leads to it ("" for the line itself)."""

    values: Mapping[str, object]
    path: str = ""

    def only(self, *known: str) -> Input:
        """Refuse keys that the calculator does not know."""
        for key in self.values:
            if key not in known:
                raise Refusal(self.at(key), f"unknown key; {_did_you_mean(key, known)}")
        return self

    def at(self, key: str) -> str:
        """Name a key of this object the way errors do."""
        return f"{self.path}.{key}" if self.path else key

    def text(self, key: str, *, default: str | None = None) -> str:
        """Read a text; `default` stands for a key left out."""
        if default is not None and key not in self.values:
            return default
        value = self._required(key)
        if not isinstance(value, str):
            raise Refusal(self.at(key), f"is a text, not {_shown(value)}")
        return value

    def texts(self, key: str) -> list[str]:
        """Read a list of texts, none of them twice; empty if left out."""
        values = self.values.get(key, [])
        if not isinstance(values, list):
            raise Refusal(self.at(key), f"is a list of texts, not {_shown(values)}")
        seen: dict[str, None] = {}
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise Refusal(f"{self.at(key)}[{index}]", f"is a text, not {_shown(value)}")
            if value in seen:
                raise Refusal(f"{self.at(key)}[{index}]", f"stands there twice: {_shown(value)}")
            seen[value] = None
        return list(seen)

    def whole(
        self, key: str, *, least: int = -_LARGEST, most: int = _LARGEST, default: int | None = None
    ) -> int:
        """Read a whole number from `least` to `most`; `default` stands for a key left out."""
        if default is not None and key not in self.values:
            return default
        return _whole(self._required(key), self.at(key), least, most)

    def decimal(self, key: str) -> Decimal:
        """Read an exact decimal: a text such as "0.5", or a whole number; never a float."""
        value = self._required(key)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and _EXACT_DECIMAL.fullmatch(value):
            return Decimal(value) + 0  # "-0" is 0
        rule = 'is a decimal in quotes, as "0.5", with at most 13 digits before the point'
        raise Refusal(self.at(key), f"{rule} and 9 after it, not {_shown(value)}")

    def instant(self, key: str) -> datetime:
        """Read an instant with its offset, as 2026-11-22T09:00:00+09:00."""
        value = self._required(key)
        if isinstance(value, str) and _ISO_INSTANT.fullmatch(value):
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                raise Refusal(self.at(key), f"no such instant in the calendar: {value}") from None
        rule = "is an instant with its offset, as 2026-11-22T09:00:00+09:00"
        raise Refusal(self.at(key), f"{rule}, not {_shown(value)}")

    def day(self, key: str, *, default: date | None = None) -> date:
        """Read a date written YYYY-MM-DD; `default` stands for a key left out."""
        if default is not None and key not in self.values:
            return default
        value = self._required(key)
        if isinstance(value, str) and _ISO_DATE.fullmatch(value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                raise Refusal(self.at(key), f"no such day in the calendar: {value}") from None
        raise Refusal(self.at(key), f"is a date written YYYY-MM-DD, not {_shown(value)}")

    def choice(self, key: str, options: Iterable[_E], default: _E | None = None) -> _E:
        """Read one word out of a few; `default` stands for a key left out."""
        if default is not None and key not in self.values:
            return default
        value = self._required(key)
        by_word = {option.value: option for option in options}
        if isinstance(value, str) and value in by_word:
            return by_word[value]
        raise Refusal(self.at(key), f"is one of {', '.join(by_word)}, not {_shown(value)}")

    def nested(self, key: str) -> Input:
        """Read a nested object."""
        return _object(self._required(key), self.at(key))

    def nested_or_null(self, key: str) -> Input | None:
        """Read a nested object that may be null, but must be there."""
        return None if self._required(key) is None else self.nested(key)

    def nested_list(self, key: str) -> list[Input]:
        """Read a list of objects."""
        values = self._required(key)
        if not isinstance(values, list):
            raise Refusal(self.at(key), f"is a list, not {_shown(values)}")
        return [_object(value, f"{self.at(key)}[{index}]") for index, value in enumerate(values)]

    def yen_by_month(self, key: str) -> dict[Month, int]:
        """Read an object of yen (0 or more) by month, `{"2026-12": 12000}`; empty if left out."""
        if key not in self.values:
            return {}
        months = self.nested(key)
        return {
            _month(name, months.at(name)): months.whole(name, least=0) for name in months.values
        }

    def _required(self, key: str) -> object:
        if key not in self.values:
            raise Refusal(self.at(key), "is missing")
        return self.values[key]


def read_line(line: str) -> Input:
    """Parse one line; raises Refusal when it is no JSON object or repeats a key."""
    try:
        value: object = json.loads(
            line.lstrip("\ufeff"), object_pairs_hook=_without_repeats, parse_int=_bounded
        )
    except json.JSONDecodeError as fault:
        raise Refusal(None, f"not JSON: {fault.msg} at character {fault.pos + 1}") from None
    except RecursionError:
        raise Refusal(None, "not a request: nested too deeply") from None
    if not isinstance(value, dict):
        raise Refusal(None, f"not a JSON object: {_shown(value)}")
    return Input(value)


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise Refusal(key, "is given twice; keep one")
        found[key] = value
    return found


def _bounded(digits: str) -> int | _TooLarge:
    # Looked at as text: Python refuses to even read integers of more than 4,300 digits.
    return int(digits) if len(digits) <= len(str(_LARGEST)) + 1 else _TooLarge(len(digits))


def _whole(value: object, path: str, least: int, most: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise Refusal(path, f"is a whole number from {least} to {most}, not {_shown(value)}")


def _month(name: str, path: str) -> Month:
    match = _ISO_MONTH.fullmatch(name)
    if match is None or match[1] == "0000":
        raise Refusal(path, "is a month written YYYY-MM")
    return Month(int(match[1]), int(match[2]))


def _object(value: object, path: str) -> Input:
    if not isinstance(value, dict):
        raise Refusal(path, f"is an object, not {_shown(value)}")
    return Input(value, path)


def _shown(value: object) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = repr(value) if isinstance(value, _TooLarge) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _did_you_mean(key: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(key[:_SHOWN_CHARACTERS], known, n=1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
