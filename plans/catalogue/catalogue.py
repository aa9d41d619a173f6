"""What is sold: plans with their dated prices, add-ons, coupons, families, migrations, dunning.

Everything dated is immutable: new terms are a new version with a later date. A catalogue that
exists is consistent; whatever makes one goes through `Catalogue.of`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Protocol, TypeVar

from plans.catalogue.add_ons import AddOn
from plans.catalogue.checks import Offer, Parts, entry_faults, overlaps, whole_faults
from plans.catalogue.coupons import Coupon
from plans.catalogue.dunning import DEFAULT_SCHEDULE, DunningSchedule
from plans.catalogue.families import PlanFamily
from plans.catalogue.price_migrations import (
    PriceMigration,
    PriceRef,
    price_agreed,
    prices_off_sale,
)
from plans.catalogue.price_models import UsageTerms
from plans.catalogue.prices import ALWAYS, Plan, Price
from plans.errors import BadInput, NoPriceYet, PlansError, UnknownPlan, shown
from plans.tax_category import TaxCategory

__all__ = [
    "ALWAYS",
    "Catalogue",
    "NoLongerSold",
    "Plan",
    "Price",
    "TaxCategory",
    "UnknownOffer",
    "UsageTerms",
]


class NoLongerSold(PlansError):
    """The plan's price had a last day of sale, and no other has followed yet."""

    def __init__(self, *, plan_code: str, on: date, last: date) -> None:
        self.plan_code = plan_code
        self.on = on
        super().__init__(
            f"plan {shown(plan_code)}: was last sold on {last}, and this is {on}; "
            "ask for another plan, or import a price that is valid then"
        )


class UnknownOffer(PlansError):
    """The catalogue holds no add-on or coupon of this code on that date."""

    def __init__(self, *, section: str, code: str, known: tuple[str, ...]) -> None:
        self.code = code
        self.known = known
        super().__init__(
            f"{section} {shown(code)}: not in the catalogue on that date; "
            f"use one of: {', '.join(known) or 'none'}"
        )


class _Version(Protocol):
    @property
    def code(self) -> str: ...
    @property
    def valid_from(self) -> date: ...


_V = TypeVar("_V", bound=_Version)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All plans by code; per plan its prices, and per offer its versions, in order of validity."""

    plans: Mapping[str, Plan]
    prices: Mapping[str, tuple[Price, ...]]
    add_ons: Mapping[str, tuple[AddOn, ...]] = field(default_factory=dict)
    coupons: Mapping[str, tuple[Coupon, ...]] = field(default_factory=dict)
    families: Mapping[str, tuple[PlanFamily, ...]] = field(default_factory=dict)
    migrations: Mapping[str, tuple[PriceMigration, ...]] = field(default_factory=dict)
    dunning: Mapping[str, tuple[DunningSchedule, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        *,
        plans: Iterable[Plan],
        prices: Iterable[Price],
        add_ons: Iterable[AddOn] = (),
        coupons: Iterable[Coupon] = (),
        families: Iterable[PlanFamily] = (),
        migrations: Iterable[PriceMigration] = (),
        dunning: Iterable[DunningSchedule] = (),
    ) -> Catalogue:
        """Build a catalogue; raises BadInput for the first rule that its parts break."""
        return cls.of_parts(
            Parts(
                plans=tuple(plans),
                prices=tuple(prices),
                add_ons=tuple(add_ons),
                coupons=tuple(coupons),
                families=tuple(families),
                migrations=tuple(migrations),
                dunning=tuple(dunning),
            )
        )

    @classmethod
    def of_parts(cls, parts: Parts) -> Catalogue:
        """Build a catalogue as `of` does."""
        for problem in _faults(parts):
            raise problem
        return _built(parts)

    @classmethod
    def as_stored(
        cls, *, plans: Iterable[Plan], prices: Iterable[Price], offers: Iterable[Offer]
    ) -> Catalogue:
        """Build a catalogue of what the books hold, which was checked when it was imported."""
        return _built(Parts.of(tuple(plans), tuple(prices), tuple(offers)))

    def merged(self, newer: Catalogue) -> Catalogue:
        """Add a newer catalogue; of a plan or version that both hold, the newer one's words count.

        Raises BadInput for the first rule that the two break together.
        """
        prices = {(p.plan_code, p.valid_from): p for p in (*self.all_prices, *newer.all_prices)}
        offers = {
            (each.section, each.code, each.valid_from): each
            for each in (*self.offers, *newer.offers)
        }
        plans = {**self.plans, **newer.plans}
        parts = Parts.of(tuple(plans.values()), tuple(prices.values()), tuple(offers.values()))
        for problem in _faults_together(parts):
            raise problem
        return _built(parts)

    @property
    def all_prices(self) -> tuple[Price, ...]:
        """Every price of every plan."""
        return tuple(price for dated in self.prices.values() for price in dated)

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Every version of every add-on, coupon, family, migration, schedule, in that order."""
        sections: tuple[Mapping[str, tuple[Offer, ...]], ...] = (
            self.add_ons,
            self.coupons,
            self.families,
            self.migrations,
            self.dunning,
        )
        return tuple(offer for section in sections for dated in section.values() for offer in dated)

    def plan(self, plan_code: str) -> Plan:
        """Find a plan; raises UnknownPlan."""
        try:
            return self.plans[plan_code]
        except KeyError:
            raise UnknownPlan(plan_code=plan_code, known=tuple(sorted(self.plans))) from None

    def price_on(self, plan_code: str, on: date) -> Price:
        """Find the price a plan is sold at on a date.

        Raises UnknownPlan, NoPriceYet, or NoLongerSold after a price's last day of sale.
        """
        plan = self.plan(plan_code)
        dated = self._sold(plan.code)
        later = bisect_right(dated, on, key=lambda price: price.valid_from)
        if later == 0:
            first = dated[0].valid_from if dated else "no date"
            raise NoPriceYet(plan_code=plan_code, on=on, first=first)
        price = dated[later - 1]
        if price.valid_until is not None and price.valid_until < on:
            raise NoLongerSold(plan_code=plan_code, on=on, last=price.valid_until)
        return price

    def _sold(self, plan_code: str) -> tuple[Price, ...]:
        """Every price of a plan but those that were taken off sale with their migration."""
        dated = self.prices.get(plan_code, ())
        off_sale = prices_off_sale(versions[-1] for versions in self.migrations.values())
        if not off_sale:
            return dated
        return tuple(each for each in dated if PriceRef(plan_code, each.valid_from) not in off_sale)

    def price_of(self, ref: PriceRef) -> Price:
        """Find a price by plan and date; raises UnknownPlan or NoPriceYet."""
        for price in self.prices.get(self.plan(ref.plan_code).code, ()):
            if price.valid_from == ref.valid_from:
                return price
        raise NoPriceYet(plan_code=ref.plan_code, on=ref.valid_from, first="another date")

    def price_agreed(self, agreed: PriceRef, *, subscribed_on: date, on: date) -> Price:
        """Find the price of a subscriber: the one agreed, until a migration moves him.

        Raises UnknownPlan or NoPriceYet.
        """
        migrations = [dated[-1] for dated in self.migrations.values()]
        ref = price_agreed(migrations=migrations, agreed=agreed, subscribed_on=subscribed_on, on=on)
        return self.price_of(ref)

    def add_on_on(self, code: str, on: date) -> AddOn:
        """Find the version of an add-on that is sold on a date; raises UnknownOffer."""
        return _version_on("add-on", self.add_ons, code, on)

    def coupon_on(self, code: str, on: date) -> Coupon:
        """Find the version of a coupon that is redeemed on a date; raises UnknownOffer."""
        return _version_on("coupon", self.coupons, code, on)

    def families_on(self, on: date) -> tuple[PlanFamily, ...]:
        """Give the families in force on a date."""
        found = (_newest(dated, on) for dated in self.families.values())
        return tuple(family for family in found if family is not None)

    def schedule_on(self, plan_code: str, on: date) -> DunningSchedule | None:
        """Find the dunning schedule of a plan on a date: the one it names, or the default one.

        None when neither has a version by then: the merchant's settings hold. Raises UnknownPlan.
        """
        for code in (self.plan(plan_code).dunning, DEFAULT_SCHEDULE):
            found = _newest(self.dunning.get(code, ()), on) if code else None
            if found is not None:
                return found
        return None


def _built(parts: Parts) -> Catalogue:
    return Catalogue(
        plans=MappingProxyType({plan.code: plan for plan in parts.plans}),
        prices=_prices_by_plan(parts.prices),
        add_ons=_versions(parts.add_ons),
        coupons=_versions(parts.coupons),
        families=_versions(parts.families),
        migrations=_versions(parts.migrations),
        dunning=_versions(parts.dunning),
    )


def _faults(parts: Parts) -> Iterator[BadInput]:
    yield from (fault.problem for fault in entry_faults(parts))
    yield from _faults_together(parts)


def _faults_together(parts: Parts) -> Iterator[BadInput]:
    by_plan = _prices_by_plan(parts.prices)
    for dated in by_plan.values():
        yield from overlaps(dated)
    yield from (fault.problem for fault in whole_faults(parts))


def _prices_by_plan(prices: Iterable[Price]) -> Mapping[str, tuple[Price, ...]]:
    by_code: dict[str, list[Price]] = {}
    for price in sorted(prices, key=lambda each: (each.plan_code, each.valid_from)):
        by_code.setdefault(price.plan_code, []).append(price)
    return MappingProxyType({code: tuple(dated) for code, dated in by_code.items()})


def _versions(given: Iterable[_V]) -> Mapping[str, tuple[_V, ...]]:
    by_code: dict[str, list[_V]] = {}
    for version in sorted(given, key=lambda each: (each.code, each.valid_from)):
        by_code.setdefault(version.code, []).append(version)
    return MappingProxyType({code: tuple(dated) for code, dated in by_code.items()})


def _newest(dated: Sequence[_V], on: date) -> _V | None:
    later = bisect_right(dated, on, key=lambda version: version.valid_from)
    return dated[later - 1] if later else None


def _version_on(section: str, versions: Mapping[str, tuple[_V, ...]], code: str, on: date) -> _V:
    found = _newest(versions.get(code, ()), on)
    if found is None:
        known = sorted(name for name, dated in versions.items() if _newest(dated, on))
        raise UnknownOffer(section=section, code=code, known=tuple(known))
    return found
