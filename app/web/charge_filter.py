"""What the reader asked to see, read from the address; every fault gets words of its own."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypedDict
from urllib.parse import urlencode

from billing import Cursor

STATES = (
    *("authorized", "canceled", "captured", "declined"),
    *("in_doubt", "intended", "pending", "refused"),
)
FIRST_YEAR, LAST_YEAR = 2000, 2100
MOST_LETTERS = 100
LARGEST_ID = 2**31 - 1  # PostgreSQL's INTEGER refuses to compare with more

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Chosen(TypedDict):
    """The filter as `billing.charge_history` and `billing.charge_totals` take it."""

    date_from: date | None
    date_to: date | None
    state: str | None
    search: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """A field that cannot be used: the key of the words that say why, and their figures."""

    field: str
    key: str
    figures: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ChargeFilter:
    """A filter of the charge history; dates are the merchant's, both included."""

    date_from: date | None = None
    date_to: date | None = None
    state: str | None = None
    search: str | None = None
    after: Cursor | None = None

    @property
    def chosen(self) -> Chosen:
        """Which rows, without the position in them."""
        return Chosen(
            date_from=self.date_from, date_to=self.date_to, state=self.state, search=self.search
        )

    def query(self, *, after: Cursor | None = None) -> str:
        """The address query of this filter, in a fixed order, at the position `after`."""
        named = {
            "from": self.date_from and self.date_from.isoformat(),
            "to": self.date_to and self.date_to.isoformat(),
            "state": self.state,
            "search": self.search,
            "after": after and write_cursor(after),
        }
        return urlencode({name: value for name, value in named.items() if value})


def read_filter(asked: Mapping[str, str]) -> tuple[ChargeFilter, list[Problem]]:
    """The filter of an address and what is wrong with it; a bad field filters nothing."""
    problems: list[Problem] = []
    date_from = _read_date("from", asked, problems)
    date_to = _read_date("to", asked, problems)
    if date_from and date_to and date_from > date_to:
        problems.append(Problem("to", "problem.order", {"first": date_from, "last": date_to}))
    found = ChargeFilter(
        date_from=date_from,
        date_to=date_to,
        state=_read_state(asked, problems),
        search=_read_search(asked, problems),
        after=_read_after(asked, problems),
    )
    return found, problems


def read_id(typed: str) -> int | None:
    """The id of a row; None for what can be none."""
    found = re.fullmatch(r"\d{1,10}", typed, re.ASCII)
    return int(typed) if found and int(typed) <= LARGEST_ID else None


def write_cursor(cursor: Cursor) -> str:
    """A position as text: microseconds since 1970 and the id, exact to the last digit."""
    at, row_id = cursor
    return f"{(at - EPOCH) // MICROSECOND}-{row_id}"


def _read_date(field: str, asked: Mapping[str, str], problems: list[Problem]) -> date | None:
    typed = asked.get(field, "").strip()
    if not typed:
        return None
    # ２０２６／１２／１ is how a Japanese keyboard writes it.
    parts = re.fullmatch(
        r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", unicodedata.normalize("NFKC", typed), re.ASCII
    )
    try:
        found = date(*(int(part) for part in parts.groups())) if parts else None
    except ValueError:
        found = None
    if found is None:
        problems.append(Problem(field, "problem.date", {"value": typed[:MOST_LETTERS]}))
    elif not FIRST_YEAR <= found.year <= LAST_YEAR:
        problems.append(Problem(field, "problem.year", {"value": typed}))
        return None
    return found


def _read_state(asked: Mapping[str, str], problems: list[Problem]) -> str | None:
    typed = asked.get("state", "").strip()
    if not typed or typed in STATES:
        return typed or None
    problems.append(Problem("state", "problem.state", {"value": typed[:MOST_LETTERS]}))
    return None


def _read_search(asked: Mapping[str, str], problems: list[Problem]) -> str | None:
    typed = asked.get("search", "").strip()
    if len(typed) > MOST_LETTERS:
        figures = {"most": MOST_LETTERS, "length": len(typed)}
        problems.append(Problem("search", "problem.search_long", figures))
        return None
    # PostgreSQL holds no NUL, and nobody's name holds a control character.
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in typed):
        problems.append(Problem("search", "problem.search_letters", {}))
        return None
    return typed or None


def _read_after(asked: Mapping[str, str], problems: list[Problem]) -> Cursor | None:
    typed = asked.get("after", "").strip()
    if not typed:
        return None
    parts = re.fullmatch(r"(\d{1,16})-(\d+)", typed, re.ASCII)
    row_id = read_id(parts[2]) if parts else None
    if parts is None or row_id is None:
        problems.append(Problem("after", "problem.after", {}))
        return None
    return EPOCH + int(parts[1]) * MICROSECOND, row_id
