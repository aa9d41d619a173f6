"""All that a plan is sold with: what a test of it has to copy, and what it is compared by.

Its prices, the plans it may be changed into with theirs, its add-ons, coupons, price migrations
and dunning. What any of these names comes along, as a price list must know what it names.
"""

from billing.catalogue.catalogue_store import OfferAlreadySet, PriceAlreadySet, TermsAlreadySet
from plans import (
    DEFAULT_SCHEDULE,
    AddOn,
    Catalogue,
    Coupon,
    DunningSchedule,
    Offer,
    PlanFamily,
    PriceMigration,
)

__all__ = ["codes_of", "has_all_of", "whole_plan"]


def whole_plan(source: Catalogue, plan_code: str) -> Catalogue:
    """Cut a plan with all that belongs to it out of a price list; raises UnknownPlan."""
    reach = _within_reach(source, source.plan(plan_code).code)
    return Catalogue.as_stored(
        plans=[plan for code, plan in source.plans.items() if code in reach],
        prices=[price for price in source.all_prices if price.plan_code in reach],
        offers=[offer for offer in source.offers if _belongs(offer, source, reach)],
    )


def has_all_of(there: Catalogue, wanted: Catalogue) -> bool:
    """Whether a price list holds each price and offer of another one, by the same terms."""
    return _terms(wanted) <= _terms(there)


def codes_of(differing: TermsAlreadySet) -> tuple[str, ...]:
    """What has other terms at the same date, by the codes of plans or offers."""
    match differing:
        case PriceAlreadySet():
            codes = {price.plan_code for price in differing.prices}
        case OfferAlreadySet():
            codes = {offer.code for offer in differing.offers}
        case _:
            codes = set()
    return tuple(sorted(codes))


def _within_reach(source: Catalogue, plan_code: str) -> frozenset[str]:
    # Without any family every plan may replace every other.
    reach = frozenset({plan_code}) if source.families else frozenset(source.plans)
    while True:
        offers = [offer for offer in source.offers if _belongs(offer, source, reach)]
        wider = reach.union(*map(_plans_named, offers))
        if wider == reach:
            return reach
        reach = wider


def _belongs(offer: Offer, source: Catalogue, reach: frozenset[str]) -> bool:
    if isinstance(offer, DunningSchedule):
        named = {source.plan(code).dunning or DEFAULT_SCHEDULE for code in reach}
        return offer.code in named
    return not _plans_named(offer) or bool(_plans_named(offer) & reach)


def _plans_named(offer: Offer) -> frozenset[str]:
    """The plans that an offer is for; none: it is for every plan."""
    match offer:
        case AddOn() | Coupon() | PlanFamily():
            return offer.plans
        case PriceMigration():
            return frozenset({offer.old.plan_code, offer.new.plan_code})
        case _:
            return frozenset()


def _terms(catalogue: Catalogue) -> frozenset[tuple[str, ...]]:
    prices = {
        ("plans", price.plan_code, price.valid_from.isoformat(), price.content_hash)
        for price in catalogue.all_prices
    }
    offers = {
        (offer.section, offer.code, offer.valid_from.isoformat(), offer.content_hash)
        for offer in catalogue.offers
    }
    return frozenset(prices | offers)
