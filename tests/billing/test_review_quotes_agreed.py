"""What was agreed stays agreed; and whatever a quote rests on is in its fingerprint."""

from dataclasses import fields, replace
from datetime import date
from decimal import Decimal

import pytest
from quote_cases import CATALOGUE, CHANGE, FIRST, OPEN, asked, happen, instant, rules, subscriber

from billing.cap.plan import CapRule, PlannedCharge
from billing.quotes import (
    CapRoom,
    ClosedCycle,
    QuoteLine,
    Situation,
    StaleQuote,
    confirm,
    plan_change,
)
from plans import (
    Amount,
    Flat,
    PercentOff,
    Period,
    PriceMigration,
    PriceRef,
    TaxCategory,
    TaxedYen,
    UsageCharge,
)
from plans.lifecycle import (
    AddAddOn,
    AddCoupon,
    ChangeAddOn,
    ChangeAnchor,
    ChangeQuantity,
    SkipCycles,
    Timing,
)

MAY, TENTH = date(2026, 5, 1), date(2026, 5, 10)


def newer(section, code, **terms):
    """The shop's price list with another version of an offer from 10 May on."""
    dated = getattr(CATALOGUE, section)
    versions = (*dated[code], replace(dated[code][-1], valid_from=TENTH, **terms))
    return replace(CATALOGUE, **{section: {**dated, code: versions}})


DEAR = newer("add_ons", "support", price=Flat(9_999))
HALF = newer("coupons", "tenth", off=PercentOff(Decimal(50)))


def yen(found):
    return [bill.charge_yen for bill in found.coming[:4]]


def test_an_add_on_keeps_the_price_that_was_agreed():
    """Even where its first whole cycle begins after the new price, because the anchor moved."""
    view = happen(subscriber("small", catalogue=DEAR), AddAddOn("support"), CHANGE)
    assert yen(asked(view, SkipCycles(6, from_cycle=7))) == [3_600] * 4
    moved = happen(view, ChangeAnchor(date(2026, 5, 15)), CHANGE)
    assert yen(asked(moved, SkipCycles(6, from_cycle=7))) == [3_600] * 4


def test_who_takes_an_add_on_later_pays_the_later_price():
    view = subscriber("small", catalogue=DEAR)
    found = asked(view, AddAddOn("support", 1, Timing.ON_DATE, date(2026, 6, 1)))
    assert yen(found) == [3_000, 12_999, 12_999, 12_999]


def test_more_of_an_add_on_is_more_of_what_was_agreed():
    snack = CATALOGUE.add_ons["snack"][-1]
    catalogue = newer("add_ons", "snack", price=replace(snack.price, unit_yen=9_999))
    view = happen(subscriber("small", catalogue=catalogue), AddAddOn("snack", 1), CHANGE)
    found = asked(view, ChangeAddOn("snack", 2, Timing.ON_DATE, date(2026, 6, 1)))
    assert yen(found) == [3_540, 4_080, 4_080, 4_080]


@pytest.mark.parametrize("taken", ["at sign-up", "later"])
def test_a_coupon_keeps_the_discount_that_was_agreed(taken):
    """10 % of 3,000, though the same coupon takes half from 10 May on."""
    if taken == "later":
        view = happen(subscriber("small", catalogue=HALF), AddCoupon("tenth"), CHANGE)
    else:
        view = subscriber("small", catalogue=HALF, coupons=("tenth",))
    assert yen(asked(view, SkipCycles(6, from_cycle=7))) == [2_700] * 4


def migrated(effective_on, seats=2_000):
    """Seats at 1,000 become seats at 2,000 with the first cycle from a day on."""
    old = CATALOGUE.price_on("seats", FIRST)
    new = replace(old, valid_from=date(2026, 3, 1), amount_yen=seats)
    move = PriceMigration(
        "dearer",
        date(2026, 3, 1),
        PriceRef("seats", old.valid_from),
        PriceRef("seats", new.valid_from),
        date(2026, 3, 5),
        effective_on,
    )
    prices = {**CATALOGUE.prices, "seats": (old, new)}
    return replace(CATALOGUE, prices=prices, migrations={"dearer": (move,)})


def old_seats(effective_on):
    agreed = CATALOGUE.price_on("seats", FIRST).valid_from
    return subscriber("seats", price_ref=f"seats@{agreed}", catalogue=migrated(effective_on))


def test_a_price_migration_is_in_the_twelve_months_from_its_first_cycle_on():
    found = asked(old_seats(date(2026, 6, 15)), ChangeQuantity(2))
    # 1,000×15/30 today; 2,000 in May and June, 4,000 from the cycle of 1 July on
    assert found.charge_today_yen == 500
    assert yen(found) == [2_000, 2_000, 4_000, 4_000]
    assert [bill.charge_yen for bill in found.coming_before[:4]] == [1_000, 1_000, 2_000, 2_000]


def test_a_price_that_moves_does_not_move_inside_a_cycle():
    """From 10 April on, but April was agreed at 1,000: one more seat is 1,000×15/30."""
    found = asked(old_seats(date(2026, 4, 10)), ChangeQuantity(2))
    assert found.charge_today_yen == 500
    assert yen(found)[:2] == [4_000, 4_000]


def test_changes_of_one_date_give_one_quote_in_either_order():
    at = (Timing.ON_DATE, TENTH)
    changes = [
        lambda view: AddAddOn("support", 1, *at),
        lambda view: AddCoupon("tenth", *at),
        lambda view: plan_change(view, plan_code="large", on=CHANGE, on_date=TENTH),
    ]
    found = []
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        view = subscriber("small")
        for number in order:
            view = happen(view, changes[number](view), CHANGE)
        quoted = asked(view, SkipCycles(1, from_cycle=8))
        found.append((quoted.today, quoted.coming, quoted.cap))
    assert found[0] == found[1] == found[2]


LINE = QuoteLine("charge", "前回の差額 1円", "one yen", 1, TaxCategory.STANDARD)
USED = UsageCharge("calls", Period(FIRST, MAY), Amount(1, "1円", "one yen"))
OTHERS = {
    "subscription": lambda view: replace(view.subscription, sequence=99),
    "catalogue": lambda view: DEAR,
    "cap": lambda view: CapRoom(40_000, CapRule.SPLIT),
    "rules": lambda view: rules(timezone="Asia/Seoul"),
    "paid": lambda view: (),
    "received": lambda view: (),
    "credit": lambda view: (TaxedYen(TaxCategory.STANDARD, 1),),
    "waiting": lambda view: (LINE,),
    "usage": lambda view: (USED,),
    "open_charges": lambda view: (PlannedCharge("x", MAY, 1),),
    "invoiced_cycle": lambda view: 0,
    "sharing": lambda view: (PlannedCharge("x", MAY, 1),),
    "first_cycle": lambda view: 0,
    "coupons_used": lambda view: frozenset({"minus"}),
    "declined": lambda view: 1,
    "closed": lambda view: ClosedCycle(CHANGE, (), ()),
}


def test_no_part_of_a_situation_is_forgotten():
    """A new field must be told here what makes it another one."""
    assert OTHERS.keys() == {field.name for field in fields(Situation)}


@pytest.mark.parametrize("name", OTHERS)
def test_any_part_of_a_situation_makes_a_quote_stale(name):
    view = subscriber("small")
    found = asked(view, AddAddOn("support"))
    assert asked(view, AddAddOn("support")).quote_id == found.quote_id
    now = replace(view, **{name: OTHERS[name](view)})
    with pytest.raises(StaleQuote) as stale:
        confirm(found, now, on=CHANGE, at=instant(CHANGE), policy=OPEN)
    assert stale.value.new_quote.quote_id != found.quote_id


@pytest.mark.parametrize(
    ("zone", "first", "deadline"),
    [
        pytest.param("Asia/Tokyo", date(2026, 10, 2), "2026-11-01T23:59:00+09:00", id="Japan"),
        # Summer time ends there on 1 November at 2:00, and begins on 8 March.
        pytest.param("America/New_York", date(2026, 10, 2), "2026-11-01T23:59:00-05:00", id="end"),
        pytest.param("America/New_York", date(2026, 2, 9), "2026-03-08T23:59:00-04:00", id="start"),
    ],
)
def test_the_deadline_is_a_minute_of_the_merchants_clock(zone, first, deadline):
    view = subscriber("small", first, rules=rules(timezone=zone))
    policy = replace(OPEN, cutoff_days=1)
    found = asked(view, AddCoupon("tenth"), first, policy=policy)
    assert found.deadline.isoformat() == deadline
