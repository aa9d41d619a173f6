"""Coupons: what they take off, for whom, when, for how long, and beside which others.

CouponRefused
├── CouponNotForPlan       the plan is not among those it is for
├── CouponOutsideCampaign  redeemed before the first or after the last day
├── CouponUsedBefore       once per buyer, and this buyer had it
└── CouponsDoNotStack      one of several may only be used alone
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar, assert_never

from plans.catalogue.bounds import (
    CYCLES,
    RANK,
    broken_by,
    check_code,
    check_date,
    check_names,
    refuse,
)
from plans.catalogue.canonical import canonical_hash, fields_given
from plans.catalogue.price_terms import check_percent
from plans.errors import BadInput
from plans.money_words import check_yen
from plans.rounding import Rounding, round_yen

__all__ = [
    "AmountOff",
    "Coupon",
    "CouponInForce",
    "CouponNotForPlan",
    "CouponOutsideCampaign",
    "CouponRefused",
    "CouponScope",
    "CouponUsedBefore",
    "CouponsDoNotStack",
    "PercentOff",
    "check_coupon",
    "check_stacking",
    "in_stacking_order",
]


class CouponScope(StrEnum):
    """Which lines of a cycle a coupon takes from."""

    ORDER = "order"  # all of them, add-ons, set-up fee and use included
    PLAN = "plan"  # the plan's own price only


@dataclass(frozen=True, slots=True)
class AmountOff:
    """So many yen off each cycle, never more than there is."""

    kind: ClassVar[str] = "amount"
    yen: int

    def __post_init__(self) -> None:
        check_yen("yen", self.yen)


@dataclass(frozen=True, slots=True)
class PercentOff:
    """A percentage of what it applies to, rounded once."""

    kind: ClassVar[str] = "percent"
    percent: Decimal
    rounding: Rounding = Rounding.FLOOR

    def __post_init__(self) -> None:
        check_percent(self.percent)


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon, immutable from `valid_from` on; `plans` empty means every plan.

    It discounts `cycles` cycles (None: for ever). `first_day` and `last_day` are the days of the
    campaign on which it may be redeemed. Stackable coupons take off one after another by `rank`,
    then by code; each sees what the one before it left.
    """

    section: ClassVar[str] = "coupons"
    code: str
    valid_from: date
    name_ja: str
    name_en: str
    off: AmountOff | PercentOff
    cycles: int | None = 1
    first_day: date | None = None
    last_day: date | None = None
    once_per_buyer: bool = False
    plans: frozenset[str] = frozenset()
    scope: CouponScope = CouponScope.ORDER
    stackable: bool = False
    rank: int = 0

    def __post_init__(self) -> None:
        refuse(_coupon_faults(self))

    @property
    def content_hash(self) -> str:
        """Fingerprint the terms (64 hex digits); the names are words and no term."""
        terms = fields_given(self)
        return canonical_hash("coupon-v1", {k: v for k, v in terms.items() if k[:5] != "name_"})

    def is_for(self, plan_code: str) -> bool:
        """Tell whether it may be used on a plan."""
        return not self.plans or plan_code in self.plans

    def discount_yen(self, *, base_yen: int) -> int:
        """Give the discount on `base_yen` (0 or more): whole yen, never above it."""
        match self.off:
            case AmountOff(yen):
                return min(yen, base_yen)
            case PercentOff(percent, rounding):
                return round_yen(Fraction(percent) * Fraction(base_yen, 100), rounding)
            case _:
                assert_never(self.off)


@dataclass(frozen=True, slots=True)
class CouponInForce:
    """A coupon of one subscription and how many cycles it has discounted already.

    Cycles are counted as they are charged, so skipped and paused ones use nothing up.
    """

    coupon: Coupon
    cycles_used: int = 0

    @property
    def is_live(self) -> bool:
        """Tell whether it still discounts the cycle that comes next."""
        return self.coupon.cycles is None or self.cycles_used < self.coupon.cycles


def _coupon_faults(coupon: Coupon) -> Iterator[BadInput]:
    """Find every rule a coupon breaks; `field` is the key of the price list to change."""
    yield from broken_by(
        lambda: check_code("code", coupon.code),
        lambda: check_date("valid_from", coupon.valid_from),
        lambda: check_names(coupon.name_ja, coupon.name_en),
        lambda: CYCLES.check("cycles", coupon.cycles),
        lambda: RANK.check("rank", coupon.rank),
        lambda: check_date("from", coupon.first_day),
        lambda: check_date("until", coupon.last_day),
    )
    if coupon.first_day and coupon.last_day and coupon.last_day < coupon.first_day:
        yield BadInput(
            field="until",
            value=coupon.last_day.isoformat(),
            rule=f"is before the campaign's first day ({coupon.first_day.isoformat()})",
            remedy="correct one of the two dates",
        )


class CouponRefused(BadInput):
    """A coupon may not be used here."""


class CouponNotForPlan(CouponRefused):
    """The plan is not among those the coupon is for."""


class CouponOutsideCampaign(CouponRefused):
    """The day lies before the first or after the last day of the campaign."""


class CouponUsedBefore(CouponRefused):
    """The coupon is for once per buyer, and the buyer had it."""


class CouponsDoNotStack(CouponRefused):
    """One of several coupons may only be used alone."""


def check_coupon(*, coupon: Coupon, plan_code: str, on: date, used_by_buyer: bool) -> None:
    """Refuse redeeming a coupon on a date; raises a CouponRefused that says why."""
    if not coupon.is_for(plan_code):
        raise CouponNotForPlan(
            field="coupon",
            value=coupon.code,
            rule=f"is not for plan {plan_code!r}",
            remedy=f"use it with one of {', '.join(sorted(coupon.plans))}",
        )
    starts, ends = coupon.first_day or date.min, coupon.last_day or date.max
    if not starts <= on <= ends:
        raise CouponOutsideCampaign(
            field="coupon",
            value=coupon.code,
            rule=f"its campaign runs from {starts} to {ends}, and this is {on}",
            remedy="use a coupon whose campaign runs",
        )
    if coupon.once_per_buyer and used_by_buyer:
        raise CouponUsedBefore(
            field="coupon",
            value=coupon.code,
            rule="may be used once per buyer, and this buyer had it",
            remedy="leave it out",
        )


def check_stacking(coupons: Sequence[Coupon]) -> None:
    """Refuse coupons that may not be used together; raises CouponsDoNotStack."""
    codes = [coupon.code for coupon in coupons]
    if len(set(codes)) != len(codes):
        raise CouponsDoNotStack(
            field="coupons",
            value=codes,
            rule="the same coupon stands there twice",
            remedy="use each coupon once",
        )
    alone = [coupon.code for coupon in coupons if not coupon.stackable]
    if len(codes) > 1 and alone:
        raise CouponsDoNotStack(
            field="coupons",
            value=codes,
            rule=f"{alone[0]!r} may only be used alone",
            remedy="keep one coupon, or let all of them stack",
        )


def in_stacking_order(coupons: Sequence[Coupon]) -> tuple[Coupon, ...]:
    """Sort coupons in the order they take off: by rank, then by code."""
    return tuple(sorted(coupons, key=lambda coupon: (coupon.rank, coupon.code)))
