"""A wish for another price, what it would do, and a change that stands in the price list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from billing.bulk_work.price_change.payers import PricePayer, monthly_change
from plans import BadInput, Price, PriceMigration, PriceRef, Rounding, round_yen

__all__ = [
    "CapMet",
    "PriceChange",
    "PriceChangeState",
    "PriceTrial",
    "PriceWish",
    "SeenOtherwise",
]


class PriceChangeState(StrEnum):
    """Where a price change stands."""

    ANNOUNCED = "announced"
    IN_FORCE = "in_force"
    WITHDRAWN = "withdrawn"


class SeenOtherwise(BadInput):
    """The figures are others than those that were looked at; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceWish:
    """Who pays `old` is to pay `new`, or the same terms at `amount_yen`, from a day on.

    The first cycle that starts on `effective_on` or later has the new price; the customers are
    told from `notice_on` on, `notice_days` earlier at least.
    """

    old: PriceRef
    new: PriceRef | None = None
    amount_yen: int = 0
    effective_on: date
    notice_on: date
    notice_days: int


@dataclass(frozen=True, slots=True)
class CapMet:
    """A permission that meets the cap because of a price change, by the charge that meets it."""

    on: date
    subscription_id: int
    amount_yen: int
    verdict: str


@dataclass(frozen=True, slots=True)
class PriceTrial:
    """What a price change would do. `makes_price`: it puts a price on sale."""

    migration: PriceMigration
    makes_price: bool
    payers: tuple[PricePayer, ...]
    cap: tuple[CapMet, ...]

    @property
    def monthly_yen(self) -> int:
        """By how much all of them are worth more or less a month, rounded towards 0."""
        return round_yen(monthly_change(list(self.payers)), Rounding.FLOOR)


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A migration of the price list, and where it stands."""

    migration: PriceMigration
    old: Price
    new: Price
    state: PriceChangeState
