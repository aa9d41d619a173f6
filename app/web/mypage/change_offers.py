"""What a subscription can be changed to, by the price list: plans, seats, options."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.web.shell import Words
from billing.checkouts import plans_for_sale
from billing.quotes import Situation, existing, plan_change, price_ref
from plans import Plan, PlansError, Price
from plans.lifecycle import CouponHeld


@dataclass(frozen=True, slots=True)
class PlanOffer:
    """A plan to move to."""

    code: str
    name: str
    price: Price

    @property
    def counted(self) -> bool:
        """Whether it is sold by the seat."""
        return _counted(self.price)


@dataclass(frozen=True, slots=True)
class AddOnOffer:
    """An option of the plan; `held` pieces are on the subscription."""

    code: str
    name: str
    one_yen: int
    held: int
    recurring: bool


@dataclass(frozen=True, slots=True)
class Offers:
    """All of it; `seats` as they are, `counted` when there can be more.

    `coupons` are codes for the plan, never shown: they are for who knows them.
    """

    plans: Sequence[PlanOffer]
    add_ons: Sequence[AddOnOffer]
    seats: int
    counted: bool
    coupons: frozenset[str]
    held_coupons: Sequence[str]


def offers_of(situation: Situation, *, today: date, words: Words) -> Offers:
    """What the price list of today has for a subscription."""
    was = existing(situation)
    price = situation.catalogue.price_of(price_ref(was.price_ref))
    return Offers(
        plans=[
            PlanOffer(plan.code, words.pick(ja=plan.name_ja, en=plan.name_en), price)
            for plan, price in plans_for_sale(situation.catalogue, on=today)
            if _can_become(situation, plan, today)
        ],
        add_ons=_add_ons(situation, today, words),
        seats=was.quantity,
        counted=_counted(price),
        coupons=frozenset(
            code
            for code, versions in situation.catalogue.coupons.items()
            if versions[-1].is_for(was.plan_code)
        ),
        held_coupons=[each.code for each in was.coupons if _still_counts(situation, each)],
    )


def _can_become(situation: Situation, plan: Plan, today: date) -> bool:
    if plan.code == existing(situation).plan_code:
        return False
    try:
        plan_change(situation, plan_code=plan.code, on=today)
    except PlansError:
        return False  # of another family
    return True


def _add_ons(situation: Situation, today: date, words: Words) -> list[AddOnOffer]:
    was = existing(situation)
    held = {each.code: each.quantity for each in was.add_ons}
    found = []
    for code in situation.catalogue.add_ons:
        try:
            add_on = situation.catalogue.add_on_on(code, today)
            one_yen = add_on.amount(quantity=max(1, add_on.quantity_min)).yen
        except PlansError:
            continue  # not sold yet
        if add_on.is_for(was.plan_code) or code in held:
            name = words.pick(ja=add_on.name_ja, en=add_on.name_en)
            found.append(AddOnOffer(code, name, one_yen, held.get(code, 0), add_on.recurring))
    return found


def _still_counts(situation: Situation, held: CouponHeld) -> bool:
    versions = situation.catalogue.coupons.get(held.code, ())
    cycles = versions[-1].cycles if versions else None
    return cycles is None or held.cycles_used < cycles


def _counted(price: Price) -> bool:
    return price.per_seat or price.tiers is not None
