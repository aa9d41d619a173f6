"""An immutable price of a plan: every term of it, what it means for one cycle, its fingerprint.

A price is never edited; a new amount is a new price with a later date. All amounts are whole yen
with consumption tax included (総額表示).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any, get_type_hints

from plans.calendar import AnchorRule, Interval, Unit
from plans.catalogue.bounds import (
    MINIMUM_CYCLES,
    TRIAL,
    Whole,
    broken_by,
    check_code,
    check_date,
    check_names,
    refuse,
)
from plans.catalogue.canonical import decode, fields_given
from plans.catalogue.price_models import (
    Amount,
    Flat,
    PerSeat,
    PriceModel,
    Tiered,
    UsageTerms,
    amount_of,
)
from plans.catalogue.price_terms import (
    CancellationTerms,
    CaptureRule,
    CyclePrice,
    FirstPeriod,
    Gift,
    SetupFee,
)
from plans.errors import BadInput
from plans.money_words import check_yen, plain
from plans.tax_category import TaxCategory

__all__ = ["ALWAYS", "ANCHOR_DAY", "Plan", "Price", "anchor_faults", "later_terms", "with_later"]

# A price without `valid_from` has always been valid; the date is fixed so that importing the
# same file on another day gives the same price.
ALWAYS = date(1970, 1, 1)

ANCHOR_DAY = Whole(1, 31, "a day of the month")

# Prices that use only the terms of the first scheme keep its fingerprint for ever: it is stored
# beside every price that was imported then.
_FIRST_SCHEME = "price-v1"
_SECOND_SCHEME = "price-v2"


@dataclass(frozen=True, slots=True)
class Plan:
    """A thing on the price list; what it costs is in its prices.

    `anchor_day` puts every cycle on that day of the month; None means the day of sign-up. What
    the days before the first such day, or before the first last day, cost is `first_period`.
    `dunning` names the schedule by which declined charges are tried again.
    """

    code: str
    name_ja: str
    name_en: str
    anchor_rule: AnchorRule = AnchorRule.KEEP_DAY
    anchor_day: int | None = None
    first_period: FirstPeriod = FirstPeriod.PRORATE
    dunning: str | None = None

    def __post_init__(self) -> None:
        refuse(_plan_faults(self))

    @property
    def has_fixed_day(self) -> bool:
        """Whether cycles start on a day of the month that the plan says, not on that of sign-up."""
        return self.anchor_day is not None or self.anchor_rule is AnchorRule.LAST_DAY


@dataclass(frozen=True, slots=True)
class Price:
    """The terms of a plan from `valid_from` on, for those who subscribe or are moved then.

    `amount_yen` is the price of one cycle (of one seat when `per_seat`; with `tiers`, of the
    first unit); `first_amount_yen` replaces it in the first paid cycle and `cycle_prices` in
    later ones; `minimum_cycles` is the shortest term in paid cycles. `trial_until` is the last
    free day, `valid_until` the last day of sale. `capture` says when the money is taken.
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
    tiers: Tiered | None = None
    valid_until: date | None = None
    trial_until: date | None = None
    setup_fee: SetupFee | None = None
    cycle_prices: tuple[CyclePrice, ...] = ()
    gifts: tuple[Gift, ...] = ()
    cancellation: CancellationTerms | None = None
    capture: CaptureRule = CaptureRule.AT_ONCE

    def __post_init__(self) -> None:
        # The order in which a file lists them is no term of the price.
        object.__setattr__(self, "cycle_prices", tuple(sorted(self.cycle_prices)))
        object.__setattr__(self, "gifts", tuple(sorted(self.gifts)))
        refuse(_price_faults(self))

    @property
    def content_hash(self) -> str:
        """Fingerprint every term (64 hex digits): equal terms give equal hashes, for ever."""
        later = later_terms(self)
        terms = [_SECOND_SCHEME, *_first_terms(self), later] if later else _first_scheme(self)
        canonical = json.dumps(terms, ensure_ascii=True, sort_keys=True)
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()

    @property
    def model(self) -> PriceModel:
        """How the quantity becomes yen; what is metered comes on top (`usage`)."""
        if self.tiers is not None:
            return self.tiers
        return PerSeat(self.amount_yen) if self.per_seat else Flat(self.amount_yen)

    def own_amount_yen(self, nth: int) -> int | None:
        """Give the different price of the nth paid cycle (from 1), or None for the regular one."""
        if nth == 1 and self.first_amount_yen is not None:
            return self.first_amount_yen
        for special in self.cycle_prices:
            if special.cycle <= nth <= special.last:
                return special.amount_yen
        return None

    def cycle_amount(self, *, quantity: int) -> Amount:
        """Price a regular cycle; raises BadInput for a quantity that is not sold."""
        return amount_of(self.model, quantity=quantity)

    def cycle_yen(self, *, quantity: int, nth: int | None = None) -> int:
        """Give what a regular cycle costs or, with `nth`, that paid cycle (from 1); whole yen."""
        own = None if nth is None else self.own_amount_yen(nth)
        if own is None and self.tiers is not None:
            return self.cycle_amount(quantity=quantity).yen
        return (self.amount_yen if own is None else own) * quantity

    def paid_from(self, started_on: date) -> date:
        """Give the day the first paid cycle starts: the first one after the free time."""
        if self.trial_until is not None:
            return max(started_on, self.trial_until + timedelta(days=1))
        return started_on + timedelta(days=self.trial_days)


_FIRST_FIELDS = frozenset(
    {
        *("plan_code", "valid_from", "amount_yen", "tax_category", "interval", "per_seat"),
        *("trial_days", "minimum_cycles", "first_amount_yen", "physical", "usage"),
    }
)


def later_terms(price: Price) -> dict[str, Any]:
    """Encode the terms the first scheme did not know; empty for a price that uses none.

    Metered terms are among them when they use more than meter, included units and one price.
    """
    found = {
        name: value for name, value in fields_given(price).items() if name not in _FIRST_FIELDS
    }
    usage = price.usage
    if usage is not None:
        known = UsageTerms(usage.meter, usage.included, usage.unit_price)
        if usage != known:
            found["usage"] = fields_given(usage)
    return found


def with_later(price: Price, terms: Mapping[str, Any]) -> Price:
    """Put encoded later terms back onto a price; the mirror of `later_terms`."""
    hints = get_type_hints(Price) if terms else {}
    return replace(price, **{name: decode(hints[name], value) for name, value in terms.items()})


def _price_faults(price: Price) -> Iterator[BadInput]:
    """Find every rule that a price breaks; `field` is the key of the price list to change."""
    yield from _amount_faults(price)
    yield from broken_by(
        lambda: TRIAL.check("trial_days", price.trial_days),
        lambda: MINIMUM_CYCLES.check("minimum_cycles", price.minimum_cycles),
        lambda: check_date("valid_from", price.valid_from),
        lambda: check_date("valid_until", price.valid_until),
        lambda: check_date("trial_until", price.trial_until),
    )
    yield from _date_faults(price)
    yield from _cycle_faults(price)
    if price.capture is CaptureRule.ON_SHIPMENT and not price.physical:
        yield BadInput(
            field="capture",
            value=price.capture.value,
            rule="waits for a shipment, and the price is not of physical goods",
            remedy="add physical: true, or take it out",
        )
    if price.cancellation is not None and not price.minimum_cycles:
        yield BadInput(
            field="cancellation_fee",
            value=price.cancellation.kind,
            rule="is for leaving before the shortest term ends, and there is no minimum_cycles",
            remedy="add minimum_cycles, or take the fee out",
        )


def _plan_faults(plan: Plan) -> Iterator[BadInput]:
    """Find every rule that a plan breaks by itself."""
    yield from broken_by(
        lambda: check_code("code", plan.code),
        lambda: check_names(plan.name_ja, plan.name_en),
        lambda: ANCHOR_DAY.check("anchor_day", plan.anchor_day),
    )
    if plan.dunning is not None:
        yield from broken_by(partial(check_code, "dunning", plan.dunning))
    if plan.anchor_day is not None and plan.anchor_rule is AnchorRule.LAST_DAY:
        yield BadInput(
            field="anchor_day",
            value=plan.anchor_day,
            rule="stands beside anchor: last_day, which is a day already",
            remedy="take one of the two out",
        )
    if plan.first_period is not FirstPeriod.PRORATE and not plan.has_fixed_day:
        yield BadInput(
            field="first_period",
            value=plan.first_period.value,
            rule="is about the days before the first fixed day, and the plan has none",
            remedy="add anchor_day: or anchor: last_day, or take it out",
        )


def anchor_faults(plan: Plan, interval: Interval) -> Iterator[BadInput]:
    """Find every rule that a plan's anchor breaks with an interval."""
    by_month = interval.unit in (Unit.MONTH, Unit.YEAR)
    if plan.anchor_rule is AnchorRule.LAST_DAY and not by_month:
        yield BadInput(
            field="every",
            value=interval.text_en,
            rule="anchor: last_day goes with months and years only",
            remedy="use anchor: keep_day, or count in months or years",
        )
    if plan.anchor_day is not None and not by_month:
        yield BadInput(
            field="anchor_day",
            value=plan.anchor_day,
            rule="is a day of the month, for intervals of months and years",
            remedy="take it out, or change every:",
        )


def _amount_faults(price: Price) -> Iterator[BadInput]:
    field = "tiers" if price.tiers is not None else "price"
    amounts = [(field, price.amount_yen, 1)]
    if price.first_amount_yen is not None:
        amounts.append(("first_price", price.first_amount_yen, 0))
    for name, yen, least in amounts:
        yield from broken_by(partial(check_yen, name, yen, least=least))
    if price.tiers is None:
        return
    if not price.per_seat:
        yield BadInput(
            field="per_seat",
            value=price.per_seat,
            rule="is false beside tiers, which price a number of seats",
            remedy="take per_seat: out, or make it true",
        )
    first = amount_of(price.tiers).yen
    if price.amount_yen != first:
        yield BadInput(
            field="tiers",
            value=price.amount_yen,
            rule="the amount of a tiered price is that of the first seat",
            remedy=f"use {first} yen",
        )


def _date_faults(price: Price) -> Iterator[BadInput]:
    if price.valid_until is not None and price.valid_until < price.valid_from:
        yield BadInput(
            field="valid_until",
            value=price.valid_until.isoformat(),
            rule=f"is before valid_from ({price.valid_from.isoformat()})",
            remedy="correct one of the two dates",
        )
    if price.trial_until is not None and price.trial_days:
        yield BadInput(
            field="trial_until",
            value=price.trial_until.isoformat(),
            rule="stands beside trial_days, and a trial ends in one way",
            remedy="keep one of the two",
        )


def _cycle_faults(price: Price) -> Iterator[BadInput]:
    taken = 0 if price.first_amount_yen is None else 1
    for special in price.cycle_prices:
        if special.cycle <= taken:
            yield BadInput(
                field="cycle_prices",
                value=special.cycle,
                rule="this cycle has another price already (first_price is that of cycle 1)",
                remedy="give every cycle one price",
            )
        taken = max(taken, special.last)
    for name in {gift.item for gift in price.gifts}:
        cycles = [gift.cycle for gift in price.gifts if gift.item == name]
        if len(cycles) != len(set(cycles)):
            yield BadInput(
                field="gifts",
                value=name,
                rule="is given twice with the same cycle",
                remedy="take one of the two out",
            )


def _first_scheme(price: Price) -> list[object]:
    return [_FIRST_SCHEME, *_first_terms(price)]


def _first_terms(price: Price) -> tuple[object, ...]:
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
        None if usage is None else (usage.meter, usage.included, plain(usage.unit_price)),
    )
