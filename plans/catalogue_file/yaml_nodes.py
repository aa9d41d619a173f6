"""Strict reading of YAML nodes that keeps line and column, and gathers every fault of a file.

Nothing is constructed from YAML tags: scalars are checked by their tag and text, so `1980.0`,
`"1980"` and `1_980` are three different mistakes, and a float never becomes money.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

import yaml

from plans.catalogue.bounds import YEARS, Whole, check_text
from plans.errors import BadInput, shown

__all__ = [
    "Fields",
    "Findings",
    "Problem",
    "Reader",
    "Value",
    "choice",
    "exact_decimal",
    "expanded_size",
    "flag",
    "iso_date",
    "read_fields",
    "read_list",
    "whole",
    "words",
]

T = TypeVar("T")
_E = TypeVar("_E", bound=StrEnum)

_TAG = "tag:yaml.org,2002:"
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_EXACT_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# The spellings of YAML 1.1, which is what PyYAML resolves.
_TRUE = frozenset({"yes", "true", "on"})
# As much of a wrong word as is compared with the right ones.
_COMPARED_MAX = 200
# A key of a path in a message; the longest real one has 16.
_KEY_LENGTH_MAX = 40


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault of a file: where (from 1), which field, its value, the rule, and what to do."""

    line: int
    column: int
    field: str
    value: str | None
    rule: str
    remedy: str

    def __str__(self) -> str:
        given = "" if self.value is None else f" {shown(self.value)}"
        where = f"line {self.line}, column {self.column}"
        return f"{where}: {self.field}{given}: {self.rule}; {self.remedy}"


@dataclass(slots=True)
class Findings:
    """Every fault found so far; one fault is kept once however often its node is read."""

    problems: dict[Problem, None] = field(default_factory=dict)

    def add(self, problem: Problem) -> None:
        """Note a fault."""
        self.problems[problem] = None


@dataclass(frozen=True, slots=True)
class Value:
    """A node, its path in the file (`plans[2].every.unit`), and where to report its faults."""

    node: yaml.Node
    path: str
    findings: Findings

    @property
    def scalar(self) -> str | None:
        """The text as written, or None for a list or a mapping."""
        return self.node.value if isinstance(self.node, yaml.ScalarNode) else None

    def has_tag(self, *names: str) -> bool:
        """Tell whether YAML resolved the node to one of these core types ("int", "str")."""
        return self.node.tag in {_TAG + name for name in names}

    def refuse(self, *, rule: str, remedy: str) -> None:
        """Report a fault of this node."""
        mark = self.node.start_mark
        given = _kind(self.node) if self.scalar is None else self.scalar
        path = self.path or "file"
        self.findings.add(Problem(mark.line + 1, mark.column + 1, path, given, rule, remedy))


Reader = Callable[[Value], T | None]


@dataclass(frozen=True, slots=True)
class Fields:
    """The known keys of one mapping."""

    owner: Value
    values: Mapping[str, Value]

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def required(self, key: str, reader: Callable[[Value], T]) -> T | None:
        """Read a key that must be there; None when it is absent or wrong, which is reported."""
        if key not in self.values:
            self._missing(key)
            return None
        return reader(self.values[key])

    def optional(self, key: str, reader: Reader[T], default: T) -> T:
        """Read a key that may be left out; a wrong value is reported and gives the default."""
        given = self.maybe(key, reader)
        return default if given is None else given

    def maybe(self, key: str, reader: Callable[[Value], T]) -> T | None:
        """Read a key that may be left out; None when it is absent or wrong."""
        return reader(self.values[key]) if key in self.values else None

    def over(self, base: Fields) -> Fields:
        """Take what is left out here from another mapping."""
        return Fields(self.owner, {**base.values, **self.values})

    def without(self, *keys: str) -> Fields:
        """Leave some keys out."""
        kept = {key: value for key, value in self.values.items() if key not in keys}
        return Fields(self.owner, kept)

    def _missing(self, key: str) -> None:
        mark = self.owner.node.start_mark
        path = f"{self.owner.path}.{key}" if self.owner.path else key
        self.owner.findings.add(
            Problem(mark.line + 1, mark.column + 1, path, None, "is missing", f"add {key}:")
        )


def read_fields(value: Value, *, known: Iterable[str]) -> Fields | None:
    """Read a mapping; unknown keys, repeated keys and a node of another kind are reported."""
    if not isinstance(value.node, yaml.MappingNode):
        value.refuse(rule="is not a mapping of keys", remedy="write it as key: value pairs")
        return None
    allowed = tuple(known)
    found: dict[str, Value] = {}
    for key_node, node in value.node.value:
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else _kind(key_node)
        path = f"{value.path}.{_printable(key)}" if value.path else _printable(key)
        at_key = Value(key_node, path, value.findings)
        if key not in allowed:
            at_key.refuse(rule="is not a known key", remedy=_did_you_mean(key, allowed))
        elif key in found:
            at_key.refuse(rule="is given twice", remedy="keep one of the two")
        else:
            found[key] = Value(node, path, value.findings)
    return Fields(value, found)


def read_list(value: Value) -> list[Value] | None:
    """Read a list; a node of another kind, or an empty list, is reported."""
    if not isinstance(value.node, yaml.SequenceNode):
        value.refuse(rule="is not a list", remedy='start each entry with "- "')
        return None
    if not value.node.value:
        value.refuse(rule="is an empty list", remedy="give at least one entry")
    return [
        Value(node, f"{value.path}[{index}]", value.findings)
        for index, node in enumerate(value.node.value)
    ]


def words(value: Value) -> str | None:
    """Read a text: not empty, one line, no control characters."""
    given = value.scalar
    if given is None or not value.has_tag("str"):
        value.refuse(rule="is not a text", remedy="write it in quotes")
        return None
    try:
        check_text(value.path, given)
    except BadInput as fault:
        value.refuse(rule=fault.rule, remedy=fault.remedy)
        return None
    return given.strip()


def whole(bounds: Whole) -> Reader[int]:
    """Make a reader of whole numbers within bounds."""

    def read(value: Value) -> int | None:
        digits = value.scalar or ""
        # The length is looked at first: turning a million digits into a number takes minutes.
        written_well = value.has_tag("int") and len(digits) <= 20 and _WHOLE.fullmatch(digits)
        if written_well and bounds.least <= int(digits) <= bounds.most:
            return int(digits)
        value.refuse(
            rule=bounds.rule, remedy="write it in plain digits, without quotes, commas or decimals"
        )
        return None

    return read


def exact_decimal(value: Value) -> Decimal | None:
    """Read a decimal above 0 from a quoted text or a whole number; a bare 0.5 is a float."""
    digits = value.scalar or ""
    if value.has_tag("float"):
        rule = "an unquoted decimal is a float and may lose fractions of a yen"
        value.refuse(rule=rule, remedy=f"write it in quotes: '{digits}'")
        return None
    exact = value.has_tag("str", "int") and _EXACT_DECIMAL.fullmatch(digits)
    if not exact or not Decimal(digits):
        value.refuse(
            rule="is not a decimal number above 0 with at most 9 digits on either side",
            remedy="write it in quotes, as in '0.5'",
        )
        return None
    return Decimal(digits)


def flag(value: Value) -> bool | None:
    """Read true or false."""
    if value.scalar is None or not value.has_tag("bool"):
        value.refuse(rule="is neither true nor false", remedy="write true or false, unquoted")
        return None
    return value.scalar.lower() in _TRUE


def iso_date(value: Value) -> date | None:
    """Read a date written YYYY-MM-DD."""
    digits = value.scalar or ""
    try:
        if value.has_tag("timestamp", "str") and _ISO_DATE.fullmatch(digits):
            found = date.fromisoformat(digits)
            if found.year in YEARS:
                return found
    except ValueError:
        pass  # The shape is right but no such day exists; reported below like any other.
    value.refuse(
        rule=f"is not a date of the calendar from {YEARS[0]} to {YEARS[-1]}",
        remedy="write it as YYYY-MM-DD",
    )
    return None


def choice(options: type[_E]) -> Reader[_E]:
    """Make a reader of one word out of an enumeration."""

    def read(value: Value) -> _E | None:
        names = [option.value for option in options]
        if value.scalar in names:
            return options(value.scalar)
        rule = f"is not one of {', '.join(names)}"
        value.refuse(rule=rule, remedy=_did_you_mean(value.scalar or "", names))
        return None

    return read


def expanded_size(node: yaml.Node) -> int:
    """Count the nodes as if every alias were written out; raises RecursionError beyond reason.

    Each node is looked at once, so a bomb of aliases costs nothing.
    """
    return _size(node, {})


def _size(node: yaml.Node, sizes: dict[int, int]) -> int:
    if id(node) not in sizes:
        sizes[id(node)] = 1  # so that a node inside itself ends here; no reader follows it
        sizes[id(node)] += sum([_size(child, sizes) for child in _children(node)])
    return sizes[id(node)]


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _printable(key: str) -> str:
    short = key if len(key) <= _KEY_LENGTH_MAX else key[: _KEY_LENGTH_MAX - 1] + "…"
    return short if short.isprintable() else ascii(short)


def _did_you_mean(given: str, names: Iterable[str]) -> str:
    known = list(names)
    close = difflib.get_close_matches(given[:_COMPARED_MAX], known, n=1)
    return f"did you mean {close[0]}?" if close else f"use one of {', '.join(known)}"


def _kind(node: yaml.Node) -> str:
    return "(a list)" if isinstance(node, yaml.SequenceNode) else "(a mapping)"
