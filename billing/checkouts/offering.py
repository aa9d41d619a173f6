"""What signing up would mean: every charge of the first year, to the yen, before anybody agrees.

It is the quote of a `Create`, asked of the same functions that will charge it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from billing.cap.plan import Verdict
from billing.catalogue.catalogue_store import load_catalogue
from billing.checkouts.extras import sold_add_on
from billing.checkouts.used_before import coupons_of_buyer, last_trial
from billing.checkouts.wanted import Wanted
from billing.dates import civil_date
from billing.quotes.agreed import price_ref, price_ref_text
from billing.quotes.bills import Bill
from billing.quotes.books import ENGINE_RULES, with_merchant
from billing.quotes.pinned import Quote, quote
from billing.quotes.values import CapRoom, Situation
from billing.settings import plans_out_of_test
from billing.store.merchants import Merchant
from plans import (
    AddOn,
    Catalogue,
    NoLongerSold,
    Plan,
    PlansError,
    Price,
    UnknownOffer,
    check_coupon,
)
from plans.lifecycle import AddAddOn, Create, Policy

__all__ = [
    "Offer",
    "add_ons_for_sale",
    "chosen_add_ons",
    "least_quantity",
    "not_tested",
    "offer_record",
    "plans_for_sale",
    "session_amount_yen",
    "sign_up_offer",
]

_POLICY = Policy()
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Offer:
    """What somebody would agree to. `wanted` names price and trial by now; yen are with tax.

    `had_trial` when the plan has a trial that this buyer has used up; `add_ons` come with every
    cycle, each in the least number it is sold in.
    """

    wanted: Wanted
    plan: Plan
    price: Price
    quote: Quote
    had_trial: bool = False
    add_ons: tuple[AddOn, ...] = ()

    @property
    def today_yen(self) -> int:
        """What is charged at once."""
        return self.quote.charge_today_yen

    @property
    def bills(self) -> tuple[Bill, ...]:
        """Every charge of the first twelve months, today's included, oldest first."""
        return tuple(bill for bill in (*self.quote.today, *self.quote.coming) if bill.charge_yen)

    @property
    def first_paid_on(self) -> date | None:
        """The exact day of the first charge."""
        return self.bills[0].on if self.bills else None

    @property
    def regular_yen(self) -> int:
        """What a regular cycle costs, add-ons included."""
        more_yen = sum(each.amount(quantity=least_quantity(each)).yen for each in self.add_ons)
        return self.price.cycle_yen(quantity=self.wanted.quantity) + more_yen

    @property
    def year_yen(self) -> int:
        """The example total: twelve months, if nobody cancels."""
        return sum(bill.charge_yen for bill in self.bills)

    @property
    def trial_ends_on(self) -> date | None:
        """The first paid day after a trial; None without one."""
        has_trial = self.wanted.trial_ends_on is not None or self.wanted.trial_days > 0
        return self.first_paid_on if has_trial else None

    @property
    def varies(self) -> bool:
        """True when later charges are not all the same."""
        later = {bill.charge_yen for bill in self.bills}
        return self.price.usage is not None or len(later) > 1

    @property
    def fits(self) -> bool:
        """Whether the monthly cap can ever take its charges, by the merchant's rule.

        Charges that are deferred or split must fit a year's months all the same: who pays more
        in every cycle than a month can hold would owe more and more.
        """
        cap = self.quote.cap
        return cap.allows and self.year_yen <= MONTHS * cap.limit_yen

    @property
    def is_split(self) -> bool:
        """Whether a charge is made in parts, or later than it is due, because of the cap."""
        return any(row.verdict is not Verdict.OK for row in self.quote.cap.after)


def plans_for_sale(catalogue: Catalogue, *, on: date) -> list[tuple[Plan, Price]]:
    """Plans that somebody can sign up to on a day, in the order of the price list."""
    found = []
    for code, plan in catalogue.plans.items():
        try:
            found.append((plan, catalogue.price_on(code, on)))
        except PlansError:
            continue  # not sold yet, or no more
    return found


def not_tested(connection: Connection, merchant: Merchant) -> frozenset[str]:
    """Codes of plans whose test was ended: a test shop sells them to nobody new."""
    if merchant.environment != "sandbox":
        return frozenset()
    return plans_out_of_test(connection, merchant.id)


def sign_up_offer(
    connection: Connection,
    merchant: Merchant,
    *,
    wanted: Wanted,
    subscription_id: str,
    at: datetime,
    buyer_id: str = "",
) -> Offer:
    """Work out what signing up means at `at`; nothing is written.

    With a `buyer_id` what that buyer has used up before (trials, coupons) counts. Raises BadInput
    for a quantity or coupon that is not for sale, UnknownPlan, NoPriceYet and NoLongerSold.
    """
    on = civil_date(at=at, timezone=merchant.timezone)
    catalogue = load_catalogue(connection, merchant.id)
    if not wanted.price_ref and wanted.plan_code in not_tested(connection, merchant):
        raise NoLongerSold(plan_code=wanted.plan_code, on=on, last=on)
    price = (
        catalogue.price_of(price_ref(wanted.price_ref))
        if wanted.price_ref
        else catalogue.price_on(wanted.plan_code, on)
    )
    plan = catalogue.plan(wanted.plan_code)
    had_trial = False
    if not wanted.price_ref:
        trial_on = last_trial(connection, merchant, catalogue, plan, buyer_id=buyer_id, on=on)
        had_trial = trial_on is not None
        wanted = _named(wanted, price, on, with_trial=not had_trial)
        if wanted.coupon:
            used = coupons_of_buyer(connection, merchant, buyer_id=buyer_id)
            check_coupon(
                coupon=catalogue.coupon_on(wanted.coupon, on),
                plan_code=wanted.plan_code,
                on=on,
                used_by_buyer=wanted.coupon in used,
            )
    add_ons = chosen_add_ons(catalogue, wanted, on=on)
    answer = quote(
        situation_of_nobody(merchant, catalogue),
        create_command(wanted, plan, price, add_ons, subscription_id=subscription_id, on=on),
        on=on,
        at=at,
        policy=_POLICY,
    )
    has_one = price.trial_days > 0 or price.trial_until is not None
    return Offer(wanted, plan, price, answer, had_trial and has_one, add_ons)


def add_ons_for_sale(catalogue: Catalogue, *, plan_code: str, on: date) -> list[AddOn]:
    """Add-ons that recur and may be chosen with a plan on a day, in the order of their codes."""
    sold = (sold_add_on(catalogue, code, on) for code in sorted(catalogue.add_ons))
    return [each for each in sold if each and each.recurring and each.is_for(plan_code)]


def least_quantity(add_on: AddOn) -> int:
    """The pieces of an add-on that come with a sign-up; more are a change afterwards."""
    return max(1, add_on.quantity_min)


def situation_of_nobody(merchant: Merchant, catalogue: Catalogue) -> Situation:
    """What a quote of somebody rests on who has no subscription and no permission yet."""
    return Situation(
        subscription=None,
        catalogue=catalogue,
        cap=CapRoom(merchant.cap_yen, merchant.cap_rule),
        rules=with_merchant(ENGINE_RULES, merchant),
    )


def create_command(
    wanted: Wanted,
    plan: Plan,
    price: Price,
    add_ons: Iterable[AddOn] = (),
    *,
    subscription_id: str,
    on: date,
    permission_id: str = "to-come",
) -> Create:
    """The command that begins the agreement, with the consent there."""
    return Create(
        id=subscription_id,
        plan_code=plan.code,
        price_ref=wanted.price_ref,
        interval=price.interval,
        starts_on=on,
        quantity=wanted.quantity,
        anchor_rule=plan.anchor_rule,
        anchor_day=plan.anchor_day,
        trial_days=wanted.trial_days,
        trial_ends_on=wanted.trial_ends_on,
        minimum_cycles=price.minimum_cycles,
        coupons=(wanted.coupon,) if wanted.coupon else (),
        permission_id=permission_id,
        first_period=plan.first_period,
        add_ons=tuple(AddAddOn(each.code, least_quantity(each)) for each in add_ons),
    )


def session_amount_yen(offer: Offer) -> int:
    """The amount of the checkout: Amazon wants a positive one even where nothing is charged."""
    first = next((bill.charge_yen for bill in offer.bills), 0)
    return offer.today_yen or first or offer.regular_yen


def offer_record(offer: Offer) -> Mapping[str, object]:
    """The figures of the six items as plain values, for the evidence."""
    return {
        "plan": offer.plan.code,
        "price": offer.wanted.price_ref,
        "quantity": offer.wanted.quantity,
        "coupon": offer.wanted.coupon,
        "add_ons": list(offer.wanted.add_ons),
        "today_yen": offer.today_yen,
        "first_paid_on": offer.first_paid_on and offer.first_paid_on.isoformat(),
        "trial_ends_on": offer.trial_ends_on and offer.trial_ends_on.isoformat(),
        "regular_yen": offer.regular_yen,
        "year_yen": offer.year_yen,
        "minimum_cycles": offer.price.minimum_cycles,
        "quote": offer.quote.quote_id,
        "charges": [[bill.on.isoformat(), bill.charge_yen] for bill in offer.bills],
    }


def _named(wanted: Wanted, price: Price, on: date, *, with_trial: bool) -> Wanted:
    ends_on = price.paid_from(on) if price.trial_until is not None else None
    trial = with_trial and (ends_on is None or ends_on > on)
    return Wanted(
        plan_code=wanted.plan_code,
        quantity=wanted.quantity,
        coupon=wanted.coupon,
        price_ref=price_ref_text(price),
        trial_days=price.trial_days if trial and ends_on is None else 0,
        trial_ends_on=ends_on if trial else None,
        add_ons=wanted.add_ons,
    )


def chosen_add_ons(catalogue: Catalogue, wanted: Wanted, *, on: date) -> tuple[AddOn, ...]:
    """The versions of the day of the consent; raises UnknownOffer for what is not sold with it."""
    sold = add_ons_for_sale(catalogue, plan_code=wanted.plan_code, on=on)
    known = {each.code: each for each in sold}
    for code in wanted.add_ons:
        if code not in known:
            raise UnknownOffer(section="add_ons", code=code, known=tuple(known))
    return tuple(known[code] for code in wanted.add_ons)
