"""The rules a catalogue keeps as a whole: versions that overlap, references, cycles, coupons.

The file reader and `Catalogue.of` ask the same functions, so a fault is named alike at import and
everywhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from plans.catalogue.add_ons import AddOn
from plans.catalogue.coupons import AmountOff, Coupon, CouponScope
from plans.catalogue.dunning import DunningSchedule
from plans.catalogue.families import PlanFamily, rank_cycle
from plans.catalogue.price_migrations import PriceMigration, PriceRef
from plans.catalogue.prices import Plan, Price, anchor_faults
from plans.errors import BadInput

__all__ = ["Fault", "Offer", "Parts", "entry_faults", "overlaps", "whole_faults"]

Offer = AddOn | Coupon | PlanFamily | PriceMigration | DunningSchedule


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a catalogue is made of, before it is one.

    `guessed` names plans that a reader found faults in: what is wrong with their prices has been
    told, and nothing is compared with what stands there instead.
    """

    plans: Sequence[Plan]
    prices: Sequence[Price]
    add_ons: Sequence[AddOn] = ()
    coupons: Sequence[Coupon] = ()
    families: Sequence[PlanFamily] = ()
    migrations: Sequence[PriceMigration] = ()
    dunning: Sequence[DunningSchedule] = ()
    guessed: Collection[str] = ()

    @classmethod
    def of(
        cls,
        plans: Sequence[Plan],
        prices: Sequence[Price],
        offers: Sequence[Offer],
        *,
        guessed: Collection[str] = (),
    ) -> Parts:
        """Sort offers into their sections."""
        return cls(
            plans=plans,
            prices=prices,
            add_ons=[offer for offer in offers if isinstance(offer, AddOn)],
            coupons=[offer for offer in offers if isinstance(offer, Coupon)],
            families=[offer for offer in offers if isinstance(offer, PlanFamily)],
            migrations=[offer for offer in offers if isinstance(offer, PriceMigration)],
            dunning=[offer for offer in offers if isinstance(offer, DunningSchedule)],
            guessed=guessed,
        )

    @property
    def offers(self) -> tuple[Offer, ...]:
        """All versions beside plans and prices."""
        sections = (self.add_ons, self.coupons, self.families, self.migrations, self.dunning)
        return tuple(offer for section in sections for offer in section)

    @property
    def plan_codes(self) -> frozenset[str]:
        """The codes of all plans."""
        return frozenset(plan.code for plan in self.plans)


@dataclass(frozen=True, slots=True)
class Fault:
    """A broken rule, and the entry of the price list that must change."""

    section: str
    code: str
    valid_from: date
    problem: BadInput


def entry_faults(parts: Parts) -> Iterator[Fault]:
    """Find the faults between a price and its plan's anchor; the values checked themselves."""
    by_code = {plan.code: plan for plan in parts.plans}
    for price in parts.prices:
        plan = by_code.get(price.plan_code)
        for problem in () if plan is None else anchor_faults(plan, price.interval):
            yield Fault("plans", price.plan_code, price.valid_from, problem)


def overlaps(prices: Iterable[Price]) -> Iterator[BadInput]:
    """Find prices of one plan that are on sale at the same time."""
    dated = sorted(prices, key=lambda price: price.valid_from)
    for earlier, later in pairwise(dated):
        starts = later.valid_from.isoformat()
        if earlier.valid_from == later.valid_from:
            yield BadInput(
                field="valid_from",
                value=starts,
                rule=f"plan {later.plan_code!r} has two prices, both are valid from {starts}",
                remedy="give each price of a plan a date of its own",
            )
        elif earlier.valid_until is not None and earlier.valid_until >= later.valid_from:
            yield BadInput(
                field="valid_from",
                value=starts,
                rule=f"plan {later.plan_code!r} has a price until {earlier.valid_until} already",
                remedy="end that one earlier, or start this one later",
            )


def whole_faults(parts: Parts) -> Iterator[Fault]:
    """Find the faults between entries: references, versions, cycles, coupons above any price."""
    yield from _repeated(parts)
    yield from _unknown_plans(parts)
    yield from _plans_twice(parts)
    yield from _prices_without_plan(parts)
    yield from _unknown_schedules(parts)
    yield from _family_cycles(parts)
    yield from _migration_faults(parts)
    for coupon in parts.coupons:
        yield from (_of(coupon, problem) for problem in _above_every_price(coupon, parts))


def _of(offer: Offer, problem: BadInput) -> Fault:
    return Fault(offer.section, offer.code, offer.valid_from, problem)


def _repeated(parts: Parts) -> Iterator[Fault]:
    seen: set[tuple[str, str, date]] = set()
    for offer in parts.offers:
        key = offer.section, offer.code, offer.valid_from
        if key in seen:
            problem = BadInput(
                field="code",
                value=offer.code,
                rule=f"has two versions, both are valid from {offer.valid_from.isoformat()}",
                remedy="give it another code, or the new version a later valid_from",
            )
            yield _of(offer, problem)
        seen.add(key)


def _unknown_plans(parts: Parts) -> Iterator[Fault]:
    offers: tuple[AddOn | Coupon | PlanFamily, ...] = (
        *parts.add_ons,
        *parts.coupons,
        *parts.families,
    )
    for offer in offers:
        for code in sorted(offer.plans - parts.plan_codes):
            yield _of(offer, _unknown("plans", code, parts))


def _plans_twice(parts: Parts) -> Iterator[Fault]:
    for code, times in Counter(plan.code for plan in parts.plans).items():
        if times > 1:
            problem = BadInput(
                field="code",
                value=code,
                rule="another plan has this code",
                remedy="give every plan a code of its own",
            )
            yield Fault("plans", code, date.min, problem)


def _prices_without_plan(parts: Parts) -> Iterator[Fault]:
    for price in parts.prices:
        if price.plan_code not in parts.plan_codes:
            problem = _unknown("plan_code", price.plan_code, parts)
            yield Fault("plans", price.plan_code, price.valid_from, problem)


def _unknown_schedules(parts: Parts) -> Iterator[Fault]:
    known = sorted({schedule.code for schedule in parts.dunning})
    for plan in parts.plans:
        if plan.dunning is not None and plan.dunning not in known:
            problem = BadInput(
                field="dunning",
                value=plan.dunning,
                rule="is no dunning schedule of the price list",
                remedy=f"use one of {', '.join(known) or '(none)'}, or leave it out",
            )
            yield Fault("plans", plan.code, date.min, problem)


def _unknown(field: str, code: str, parts: Parts) -> BadInput:
    return BadInput(
        field=field,
        value=code,
        rule=f"plan {code!r} is not in the price list",
        remedy=f"use one of {', '.join(sorted(parts.plan_codes)) or '(none)'}",
    )


def _family_cycles(parts: Parts) -> Iterator[Fault]:
    """Look at the families in force on each day one of them starts."""
    for family in parts.families:
        repeated = sum(map(len, family.ranks)) - len(family.plans)
        cycle = rank_cycle(_in_force(parts.families, family.valid_from))
        if repeated or any(equals & family.plans for equals in cycle):
            ranks = (" = ".join(sorted(equals)) for equals in cycle)
            chain = " < ".join(ranks) or "a plan stands in two ranks"
            problem = BadInput(
                field="plans",
                value=family.code,
                rule=f"the ranks of the families go in a circle: {chain}",
                remedy="give every plan one rank, and the same order in all families",
            )
            yield _of(family, problem)


def _in_force(families: Iterable[PlanFamily], on: date) -> list[PlanFamily]:
    newest: dict[str, PlanFamily] = {}
    for family in sorted(families, key=lambda each: each.valid_from):
        if family.valid_from <= on:
            newest[family.code] = family
    return list(newest.values())


def _migration_faults(parts: Parts) -> Iterator[Fault]:
    prices = {PriceRef(price.plan_code, price.valid_from): price for price in parts.prices}
    newest = {each.code: each for each in sorted(parts.migrations, key=lambda m: m.valid_from)}
    moved: dict[PriceRef, PriceMigration] = {}
    for migration in parts.migrations:
        for field, ref in (("from", migration.old), ("to", migration.new)):
            if ref not in prices:
                yield _of(migration, _unknown_price(field, ref, prices))
        old, new = prices.get(migration.old), prices.get(migration.new)
        if old is not None and new is not None:
            sides = {old.plan_code, new.plan_code}
            faults = () if sides & set(parts.guessed) else _unlike(old, new)
            yield from (_of(migration, problem) for problem in faults)
        if migration.new.valid_from > migration.effective_on:
            yield _of(migration, _not_yet_valid(migration))
        if newest[migration.code] is not migration:
            continue
        other = moved.setdefault(migration.old, migration)
        if other is not migration:
            yield _of(migration, _moved_twice(other))
    for migration in moved.values():
        if _comes_back(migration, moved):
            yield _of(migration, _circle(migration))
            continue
        onward = moved.get(migration.new, migration)
        if onward is not migration and onward.effective_on <= migration.effective_on:
            yield _of(migration, _left_already(onward))


def _unlike(old: Price, new: Price) -> Iterator[BadInput]:
    """Find what a price cannot take over from another without asking the subscriber.

    From a flat price to one per seat there is nothing to ask: what is sold once is one seat.
    """
    if old.interval != new.interval:
        yield BadInput(
            field="to",
            value=new.plan_code,
            rule=f"is charged {new.interval.text_en}, and the price it follows "
            f"{old.interval.text_en}: a migration keeps the days of the charges",
            remedy="migrate to a price with the same every:, or offer a change of plan",
        )
    if old.per_seat and not new.per_seat:
        yield BadInput(
            field="to",
            value=new.plan_code,
            rule="is sold once, and the price it follows per seat: nothing says "
            "what becomes of the seats",
            remedy="migrate to a price per seat, or offer a change of plan",
        )


def _comes_back(start: PriceMigration, moved: dict[PriceRef, PriceMigration]) -> bool:
    current = start
    for _ in moved:
        if current.new not in moved or current.new == current.old:
            return False
        current = moved[current.new]
        if current is start:
            return True
    return False


def _above_every_price(coupon: Coupon, parts: Parts) -> Iterator[BadInput]:
    """Find plans no cycle of which costs as much as the coupon takes off.

    Only what is certain: a quantity, a use or an add-on may make a cycle dearer, and then the
    coupon is cut to what there is when the cycle is charged.
    """
    if not isinstance(coupon.off, AmountOff):
        return
    for code in sorted(coupon.plans or parts.plan_codes):
        prices = [price for price in parts.prices if price.plan_code == code]
        dearest = [_dearest_cycle(price, coupon.scope) for price in prices]
        with_extras = coupon.scope is CouponScope.ORDER and any(
            add_on.is_for(code) for add_on in parts.add_ons
        )
        known = [yen for yen in dearest if yen is not None]
        if code in parts.guessed:
            continue
        if known and len(known) == len(dearest) and not with_extras and coupon.off.yen > max(known):
            yield BadInput(
                field="off",
                value=coupon.off.yen,
                rule=f"plan {code!r} costs at most {max(known):,} yen a cycle, "
                "and the coupon would make it negative",
                remedy="lower the amount, or list the plans it is for under plans:",
            )


def _dearest_cycle(price: Price, scope: CouponScope) -> int | None:
    """Give the most one cycle can cost, or None when quantity or use decide."""
    metered = price.usage is not None and scope is CouponScope.ORDER
    if price.per_seat or metered or price.amount_yen < 1:
        return None
    special = [each.amount_yen for each in price.cycle_prices]
    first = price.cycle_yen(quantity=1, nth=1)
    setup = price.setup_fee.amount_yen if price.setup_fee and scope is CouponScope.ORDER else 0
    return max(price.amount_yen, first + setup, *special)


def _unknown_price(field: str, ref: PriceRef, known: Iterable[PriceRef]) -> BadInput:
    dates = [
        each.valid_from.isoformat() for each in sorted(known) if each.plan_code == ref.plan_code
    ]
    return BadInput(
        field=field,
        value=f"{ref.plan_code} {ref.valid_from.isoformat()}",
        rule="is no price of the price list",
        remedy=f"the prices of this plan are valid from {', '.join(dates) or '(none)'}",
    )


def _not_yet_valid(migration: PriceMigration) -> BadInput:
    return BadInput(
        field="effective_on",
        value=migration.effective_on.isoformat(),
        rule=f"is before the new price is valid ({migration.new.valid_from.isoformat()})",
        remedy="move it to that day or later",
    )


def _moved_twice(other: PriceMigration) -> BadInput:
    return BadInput(
        field="from",
        value=other.old.plan_code,
        rule=f"migration {other.code!r} moves this price already",
        remedy="keep one of the two",
    )


def _left_already(onward: PriceMigration) -> BadInput:
    return BadInput(
        field="to",
        value=onward.old.plan_code,
        rule=f"migration {onward.code!r} takes effect by then, on {onward.effective_on}: "
        "subscribers would be told of one price and pay another",
        remedy="migrate to the price that one leads to, or take effect before it",
    )


def _circle(migration: PriceMigration) -> BadInput:
    return BadInput(
        field="to",
        value=migration.new.plan_code,
        rule="the migrations go in a circle: subscribers would come back to the price they left",
        remedy="end the chain at the newest price",
    )
