"""What the reader asked to see, read from the address; every fault gets words of its own."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TypedDict
from urllib.parse import urlencode

from app.web.shell import LARGEST_ID, Problem, read_day
from app.web.shell.fields import FIRST_YEAR, HYPHENS, LAST_YEAR
from billing import Cursor, Narrowing

STATES = (
    *("authorized", "canceled", "captured", "declined"),
    *("in_doubt", "intended", "pending", "refused"),
)
MOST_LETTERS = 100
AN_ID = re.compile(r"[\w@.+-]*\d[\w@.+-]*", re.ASCII)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Chosen(TypedDict):
    """The filter as `billing.charge_history` and `billing.charge_totals` take it."""

    date_from: date | None
    date_to: date | None
    state: str | None
    search: str | None
    narrowing: Narrowing


@dataclass(frozen=True, slots=True)
class ChargeFilter:
    """A filter of the charge history; dates are the merchant's, both included."""

    date_from: date | None = None
    date_to: date | None = None
    state: str | None = None
    search: str | None = None
    narrowing: Narrowing = field(default_factory=Narrowing)
    after: Cursor | None = None

    @property
    def chosen(self) -> Chosen:
        """Which rows, without the position in them."""
        return Chosen(
            date_from=self.date_from,
            date_to=self.date_to,
            state=self.state,
            search=self.search,
            narrowing=self.narrowing,
        )

    def query(self, *, after: Cursor | None = None) -> str:
        """The address query of this filter, in a fixed order, at the position `after`."""
        named = {
            "from": self.date_from and self.date_from.isoformat(),
            "to": self.date_to and self.date_to.isoformat(),
            "state": self.state,
            "search": self.search,
            "yen_from": self.narrowing.yen_from,
            "yen_to": self.narrowing.yen_to,
            "customer": self.narrowing.customer,
            "permission": self.narrowing.permission,
            "after": after and write_cursor(after),
        }
        return urlencode({name: value for name, value in named.items() if value not in (None, "")})


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
        search=_read_text("search", asked, problems),
        narrowing=_read_narrowing(asked, problems),
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
    found = read_day(typed)
    if found is None:
        problems.append(Problem(field, "field.day", {"value": typed[:MOST_LETTERS]}))
    elif not FIRST_YEAR <= found.year <= LAST_YEAR:
        problems.append(Problem(field, "field.year", {"value": typed}))
        return None
    return found


def _read_state(asked: Mapping[str, str], problems: list[Problem]) -> str | None:
    typed = asked.get("state", "").strip()
    if not typed or typed in STATES:
        return typed or None
    problems.append(Problem("state", "problem.state", {"value": typed[:MOST_LETTERS]}))
    return None


def _read_narrowing(asked: Mapping[str, str], problems: list[Problem]) -> Narrowing:
    least, most = _read_yen("yen_from", asked, problems), _read_yen("yen_to", asked, problems)
    if least is not None and most is not None and least > most:
        problems.append(Problem("yen_to", "problem.yen_order", {"first": least, "last": most}))
    return Narrowing(
        yen_from=least,
        yen_to=most,
        permission=_read_text("permission", asked, problems),
        customer=_read_text("customer", asked, problems),
    )


def _read_yen(field: str, asked: Mapping[str, str], problems: list[Problem]) -> int | None:
    """A whole amount such as 1,980, with or without the sign of the yen, full-width too."""
    typed = asked.get(field, "").strip()
    plain = re.sub(r"[,\u3001\s\u5186\xa5]", "", unicodedata.normalize("NFKC", typed))
    if not typed:
        return None
    if not re.fullmatch(r"\d{1,9}", plain, re.ASCII):
        problems.append(Problem(field, "problem.yen", {"value": typed[:MOST_LETTERS]}))
        return None
    return int(plain)


def _read_text(field: str, asked: Mapping[str, str], problems: list[Problem]) -> str | None:
    typed = asked.get(field, "").strip()
    if len(typed) > MOST_LETTERS:
        figures = {"most": MOST_LETTERS, "length": len(typed)}
        problems.append(Problem(field, "problem.search_long", figures))
        return None
    # PostgreSQL holds no NUL, and nobody's name holds a control character.
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in typed):
        problems.append(Problem(field, "problem.search_letters", {}))
        return None
    # Ids are narrow wherever they are kept; names stay as they were typed.
    plain = unicodedata.normalize("NFKC", typed.translate(HYPHENS))
    return (plain if AN_ID.fullmatch(plain) else typed) or None


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
