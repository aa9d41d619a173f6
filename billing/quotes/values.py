"""What a quote is asked about: the situation as one frozen value, and the merchant's choices.

Everything a quote depends on is in here or an argument of `quote`; nothing is read from outside.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from billing.cap.plan import CapRule, PlannedCharge
from plans import (
    BadInput,
    Catalogue,
    ChangeRule,
    Month,
    PaidTime,
    Period,
    Rounding,
    TaxCategory,
    TaxedYen,
    UsageCharge,
)
from plans.lifecycle import Subscription

__all__ = [
    "Account",
    "CapRoom",
    "ClosedCycle",
    "CreditAtEnd",
    "OpenDays",
    "PaidPart",
    "QuoteLine",
    "QuoteRules",
    "Situation",
]


class OpenDays(StrEnum):
    """What days cost that lie between a pause, or a moved anchor, and the next cycle."""

    CHARGE = "charge"  # their share of a cycle
    FREE = "free"


class CreditAtEnd(StrEnum):
    """What becomes of credit that no later charge can use."""

    REFUND = "refund"
    FORFEIT = "forfeit"


_DEFAULT_CHANGE = ChangeRule()


@dataclass(frozen=True, slots=True)
class QuoteRules:
    """A merchant's choices for amounts; the defaults are written down here.

    `expires_after_minutes` None: a quote holds until midnight of its day. Never longer, because
    every amount is by the day.
    """

    timezone: str = "Asia/Tokyo"
    tax_rounding: Rounding = Rounding.FLOOR
    change: ChangeRule = _DEFAULT_CHANGE
    open_days: OpenDays = OpenDays.CHARGE
    credit_at_end: CreditAtEnd = CreditAtEnd.REFUND
    expires_after_minutes: int | None = None

    def __post_init__(self) -> None:
        _check_timezone(self.timezone)
        if self.expires_after_minutes is not None and self.expires_after_minutes < 1:
            raise BadInput(
                field="expires_after_minutes",
                value=self.expires_after_minutes,
                rule="a quote holds for at least 1 minute",
                remedy="give a whole number from 1 up, or leave it out for midnight",
            )


@lru_cache(maxsize=64)
def _check_timezone(name: str) -> None:
    """Refuse a name the time zone database does not hold; raises BadInput."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise BadInput(
            field="timezone",
            value=name,
            rule="is no time zone of the IANA database",
            remedy="name one, as in Asia/Tokyo",
        ) from None


@dataclass(frozen=True, slots=True)
class CapRoom:
    """The monthly cap of the charge permission: limit, what is taken per month, and the rule."""

    limit_yen: int
    rule: CapRule
    used: tuple[tuple[Month, int], ...] = ()


@dataclass(frozen=True, slots=True)
class PaidPart:
    """Paid time of the plan (`add_on` None) or of one add-on."""

    add_on: str | None
    time: PaidTime


@dataclass(frozen=True, slots=True)
class ClosedCycle:
    """Paid time that a new cycle closed on `on`, what was received for it, and what was lost."""

    on: date
    parts: tuple[PaidPart, ...]
    received: tuple[TaxedYen, ...]
    forfeited_yen: int = 0


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One line of a bill: whole yen with tax, below 0 for what is given back, and the words.

    `amount_yen` is `quantity` times a whole unit price.
    """

    kind: str
    text_ja: str
    text_en: str
    amount_yen: int
    tax_category: TaxCategory
    period: Period | None = None
    quantity: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that an answer rests on; `subscription` is None for somebody who would sign up.

    `paid` is the paid time of the running cycle and `received` what came in for it. `waiting`
    lines go on the next invoice. `sharing` are the other charges of the next 12 months on the
    same charge permission, `open_charges` the subscription's own that are invoiced already, for
    `invoiced_cycle`. `closed` is what a new cycle closed. `declined` counts changes whose charge
    Amazon declined: asked again, they are another question. `first_cycle` counts the nth cycle from
    there; None counts paid cycles.
    """

    subscription: Subscription | None
    catalogue: Catalogue
    cap: CapRoom
    rules: QuoteRules = QuoteRules()
    paid: tuple[PaidPart, ...] = ()
    received: tuple[TaxedYen, ...] = ()
    credit: tuple[TaxedYen, ...] = ()
    waiting: tuple[QuoteLine, ...] = ()
    usage: tuple[UsageCharge, ...] = ()
    open_charges: tuple[PlannedCharge, ...] = ()
    invoiced_cycle: int | None = None
    sharing: tuple[PlannedCharge, ...] = ()
    first_cycle: int | None = None
    coupons_used: frozenset[str] = frozenset()
    closed: ClosedCycle | None = None
    declined: int = 0

    @property
    def account(self) -> Account:
        """Where the money stands now."""
        return Account(self.paid, self.received, self.credit, self.waiting, self.usage, self.closed)


@dataclass(frozen=True, slots=True)
class Account:
    """Where the money of one subscription stands while time passes."""

    parts: tuple[PaidPart, ...] = ()
    received: tuple[TaxedYen, ...] = ()
    credit: tuple[TaxedYen, ...] = ()
    waiting: tuple[QuoteLine, ...] = ()
    usage: tuple[UsageCharge, ...] = ()
    closed: ClosedCycle | None = None

    def part(self, add_on: str | None) -> PaidTime | None:
        """Find the paid time of the plan or of an add-on; the earliest, when there is more."""
        return next(iter(self.pieces(add_on)), None)

    def pieces(self, add_on: str | None) -> tuple[PaidTime, ...]:
        """List all paid time of the plan or of an add-on, the earliest first."""
        return tuple(part.time for part in self.parts if part.add_on == add_on)

    def with_pieces(self, add_on: str | None, pieces: Iterable[PaidTime]) -> Account:
        """Replace the paid time of the plan or of an add-on."""
        others = [part for part in self.parts if part.add_on != add_on]
        return self.with_parts([*others, *(PaidPart(add_on, time) for time in pieces)])

    def with_parts(self, parts: Iterable[PaidPart]) -> Account:
        """Replace all paid time; the order is that of the names, then of the days."""
        ordered = sorted(parts, key=lambda each: (each.add_on or "", each.time.starts_on))
        return replace(self, parts=tuple(ordered))
