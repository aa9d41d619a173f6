"""What the words, counts and dates of a price list may be; its values and its file ask here alike.

A rule stands here once: constructors raise it, the file reader reports it with line and column.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from plans.errors import BadInput

__all__ = [
    "CYCLES",
    "INCLUDED",
    "LATE",
    "MINIMUM_CYCLES",
    "NOTICE",
    "NTH",
    "QUANTITY",
    "RANK",
    "TRIAL",
    "UP_TO",
    "YEARS",
    "Faults",
    "Whole",
    "broken_by",
    "check_code",
    "check_date",
    "check_names",
    "check_text",
    "refuse",
]

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TEXT_LENGTH_MAX = 200
# A year outside these is a slip of the keyboard, and no cycle counted from it would be any use.
YEARS = range(1900, 3000)


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole numbers that a term may be; `what` names the term in a message."""

    least: int
    most: int
    what: str

    @property
    def rule(self) -> str:
        """Say the bounds."""
        return f"{self.what} is a whole number from {self.least} to {self.most}"

    def check(self, field: str, value: int | None) -> None:
        """Refuse a number outside the bounds, and what is no `int`; None is a term left out.

        Raises BadInput.
        """
        # A bool or a float would pass the comparison and end in a sum of yen or days.
        if value is None or (type(value) is int and self.least <= value <= self.most):
            return
        remedy = f"give a whole number from {self.least} to {self.most}"
        raise BadInput(field=field, value=value, rule=self.rule, remedy=remedy)


TRIAL = Whole(0, 3650, "a trial in days")
MINIMUM_CYCLES = Whole(0, 999, "a shortest term in cycles")
NTH = Whole(1, 999, "the number of a paid cycle")
CYCLES = Whole(1, 999, "a number of cycles")
RANK = Whole(0, 999, "a rank")
QUANTITY = Whole(1, 1_000_000, "a quantity")
UP_TO = Whole(1, 10**12, "an upper bound")
INCLUDED = Whole(0, 10**12, "an included quantity")
LATE = Whole(0, 400, "a delay in days")
NOTICE = Whole(0, 400, "a notice in days")


class Faults(BadInput):
    """Several rules are broken by one value; it reads as the first, and `each` holds all."""

    def __init__(self, each: tuple[BadInput, ...]) -> None:
        self.each = each
        first = each[0]
        super().__init__(field=first.field, value=first.value, rule=first.rule, remedy=first.remedy)


def refuse(faults: Iterable[BadInput]) -> None:
    """Raise what was found: the one fault, Faults for several, nothing for none."""
    found = tuple(faults)
    if len(found) == 1:
        raise found[0]
    if found:
        raise Faults(found)


def broken_by(*checks: Callable[[], None]) -> Iterator[BadInput]:
    """Give the fault of each check that raises one."""
    for check in checks:
        try:
            check()
        except BadInput as fault:
            yield fault


def check_text(field: str, value: str) -> None:
    """Refuse a text that is empty, long, or no single line; raises BadInput."""
    if not isinstance(value, str) or not value.strip() or len(value) > _TEXT_LENGTH_MAX:
        raise BadInput(
            field=field,
            value=value,
            rule=f"is empty or longer than {_TEXT_LENGTH_MAX} characters",
            remedy="give a short text",
        )
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
        raise BadInput(
            field=field,
            value=value,
            rule="holds a control character or line break",
            remedy="remove it",
        )


def check_names(name_ja: str, name_en: str) -> None:
    """Refuse names that are no texts to show; raises BadInput."""
    refuse(
        broken_by(lambda: check_text("name_ja", name_ja), lambda: check_text("name_en", name_en))
    )


def check_code(field: str, value: str) -> None:
    """Refuse a code of other characters than letters, digits, dots, hyphens, underscores."""
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise BadInput(
            field=field,
            value=value,
            rule="a code is 1 to 64 letters, digits, dots, hyphens or underscores",
            remedy="choose such a code, as in annual-pro",
        )


def check_date(field: str, value: date | None) -> None:
    """Refuse a date outside the years of a price list; None is one left out. Raises BadInput."""
    if value is not None and (type(value) is not date or value.year not in YEARS):
        raise BadInput(
            field=field,
            value=str(value),
            rule=f"is not a date of the calendar from {YEARS[0]} to {YEARS[-1]}",
            remedy="write it as YYYY-MM-DD",
        )
