"""What is sold: plans, and their immutable prices that are valid from a date on.

A price is never edited; a new amount is a new price with a later date. Its content hash tells
whether a price of the same plan and date says the same thing. All amounts are whole yen with
consumption tax included (総額表示).
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from plans.calendar import AnchorRule, Interval
from plans.errors import BadInput, NoPriceYet, UnknownPlan

__all__ = ["ALWAYS", "Catalogue", "Plan", "Price", "TaxCategory", "UsageTerms"]

# A price without `valid_from` has always been valid; the date is fixed so that importing the
# same file on another day gives the same price.
ALWAYS = date(1970, 1, 1)

# Part of every content hash; raise it when a field is added to Price, and only then.
_HASH_SCHEME = "price-v1"


class TaxCategory(StrEnum):
    """How consumption tax sees a supply; a category, because two different rates may be 8 %."""

    STANDARD = "standard"  # 標準税率
    REDUCED = "reduced"  # 軽減税率
    EXEMPT = "exempt"  # 免税 (exports)
    NON_TAXABLE = "non_taxable"  # 非課税
    OUT_OF_SCOPE = "out_of_scope"  # 不課税 (対象外)


@dataclass(frozen=True, slots=True)
class UsageTerms:
    """What is metered: `included` units of each cycle are free, each further one is charged.

    `unit_price` is in yen and may have decimals ("0.5"); the product is rounded once per line.
    """

    meter: str
    included: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """A thing on the price list; what it costs is in its prices."""

    code: str
    name_ja: str
    name_en: str
    anchor_rule: AnchorRule = AnchorRule.KEEP_DAY


@dataclass(frozen=True, slots=True)
class Price:
    """The terms of a plan from `valid_from` on, for those who subscribe or are moved then.

    `amount_yen` is the price of one cycle (of one seat when `per_seat`); `first_amount_yen`
    replaces it in the first paid cycle; `minimum_cycles` is the shortest term in paid cycles.
    """

    plan_code: str
    valid_from: date
    amount_yen: int
    tax_category: TaxCategory
    interval: Interval
    per_seat: bool = False
    trial_days: int = 0
    minimum_cycles: int = 0
    first_amount_yen: int | None = None
    physical: bool = False
    usage: UsageTerms | None = None

    @property
    def content_hash(self) -> str:
        """Fingerprint every term (64 hex digits): equal terms give equal hashes, for ever."""
        canonical = json.dumps([_HASH_SCHEME, *_terms(self)], ensure_ascii=True)
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All plans by code, and per plan its prices in the order they become valid."""

    plans: Mapping[str, Plan]
    prices: Mapping[str, tuple[Price, ...]]

    @classmethod
    def of(cls, *, plans: Iterable[Plan], prices: Iterable[Price]) -> Catalogue:
        """Build a catalogue; raises BadInput for two prices of one plan and date."""
        by_code: dict[str, list[Price]] = {}
        for price in sorted(prices, key=lambda each: (each.plan_code, each.valid_from)):
            dated = by_code.setdefault(price.plan_code, [])
            if dated and dated[-1].valid_from == price.valid_from:
                raise _two_prices_on_one_date(price)
            dated.append(price)
        return cls(
            plans=MappingProxyType({plan.code: plan for plan in plans}),
            prices=MappingProxyType({code: tuple(dated) for code, dated in by_code.items()}),
        )

    def plan(self, plan_code: str) -> Plan:
        """Find a plan; raises UnknownPlan."""
        try:
            return self.plans[plan_code]
        except KeyError:
            raise UnknownPlan(plan_code=plan_code, known=tuple(sorted(self.plans))) from None

    def price_on(self, plan_code: str, on: date) -> Price:
        """Find the price a plan is sold at on a date; raises UnknownPlan or NoPriceYet."""
        plan = self.plan(plan_code)
        dated = self.prices.get(plan.code, ())
        later = bisect_right(dated, on, key=lambda price: price.valid_from)
        if later == 0:
            first = dated[0].valid_from if dated else "no date"
            raise NoPriceYet(plan_code=plan_code, on=on, first=first)
        return dated[later - 1]


def _terms(price: Price) -> tuple[object, ...]:
    usage = price.usage
    return (
        price.plan_code,
        price.valid_from.isoformat(),
        price.amount_yen,
        price.tax_category.value,
        price.interval.unit.value,
        price.interval.count,
        price.per_seat,
        price.trial_days,
        price.minimum_cycles,
        price.first_amount_yen,
        price.physical,
        None if usage is None else (usage.meter, usage.included, _plain(usage.unit_price)),
    )


def _plain(number: Decimal) -> str:
    """Write a decimal so that 0.5 and 0.50 are the same text."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _two_prices_on_one_date(price: Price) -> BadInput:
    return BadInput(
        field="valid_from",
        value=price.valid_from.isoformat(),
        rule=f"plan {price.plan_code!r} has two prices from this date on",
        remedy="keep one of them or give the other a later date",
    )
