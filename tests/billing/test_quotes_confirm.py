"""Confirming: that very amount, or nothing; whatever changed in between makes the quote stale."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from quote_cases import CATALOGUE, CHANGE, OPEN, asked, happen, instant, rules, subscriber

from billing.cap.plan import CapRule, PlannedCharge
from billing.quotes import (
    CapRoom,
    OpenDays,
    QuoteLine,
    StaleQuote,
    confirm,
    plan_change,
    quote_json,
)
from plans import (
    BadInput,
    ChangeEffect,
    ChangeRule,
    Month,
    NegativeResult,
    PriceMigration,
    PriceRef,
    Rounding,
    TaxCategory,
    TaxedYen,
)
from plans.lifecycle import (
    Cancel,
    EarlyLeave,
    Pause,
    Policy,
    Scheduled,
    TermsChanged,
    Timing,
)

STANDARD = TaxCategory.STANDARD
MAY = date(2026, 5, 1)


def upgrade(view, on=CHANGE, **more):
    return asked(view, plan_change(view, plan_code="large", on=on, timing=Timing.NOW), on, **more)


def confirmed(found, view, on=CHANGE, hour=4, policy=OPEN):
    return confirm(found, view, on=on, at=instant(on, hour), policy=policy)


def test_confirming_gives_the_events_and_that_very_amount():
    view = subscriber()
    found = upgrade(view)
    done = confirmed(found, view)
    assert done.bills == found.today
    assert sum(bill.charge_yen for bill in done.bills) == 3_500
    (event,) = done.events
    assert isinstance(event.fact, TermsChanged)
    assert event.quote_id == found.quote_id
    assert done.subscription.plan_code == "large"
    assert done.account.part(None).terms.side.price_yen == 10_000


def test_a_waiting_change_remembers_its_quote():
    view = subscriber()
    later = plan_change(view, plan_code="large", on=CHANGE, timing=Timing.PERIOD_END)
    found = asked(view, later)
    (event,) = confirmed(found, view).events
    assert isinstance(event.fact, Scheduled)
    assert event.fact.entry.quote_id == found.quote_id


def test_the_same_question_gives_the_same_quote_byte_for_byte():
    one, other = upgrade(subscriber()), upgrade(subscriber())
    assert one.quote_id == other.quote_id
    assert quote_json(one) == quote_json(other)
    assert upgrade(subscriber(), at=instant(CHANGE, 5)).quote_id == one.quote_id


OTHER_LINE = QuoteLine("charge", "前回の差額 1円", "one yen", 1, STANDARD)
LARGE = CATALOGUE.price_on("large", CHANGE)
DEARER = {**CATALOGUE.prices, "large": (replace(LARGE, amount_yen=11_000),)}
RENAMED = {**CATALOGUE.plans, "large": replace(CATALOGUE.plan("large"), name_ja="特大")}
MIGRATION = PriceMigration(
    "m",
    CHANGE,
    PriceRef("large", LARGE.valid_from),
    PriceRef("huge", LARGE.valid_from),
    CHANGE,
    MAY,
)


@pytest.mark.parametrize(
    ("section", "change"),
    [
        pytest.param("subscription", {"subscription": {"quantity": 1, "sequence": 9}}, id="event"),
        pytest.param("subscription", {"first_cycle": 0}, id="counting of cycles"),
        pytest.param("subscription", {"coupons_used": frozenset({"minus"})}, id="coupons used"),
        pytest.param("catalogue", {"catalogue": {"prices": DEARER}}, id="price"),
        pytest.param("catalogue", {"catalogue": {"plans": RENAMED}}, id="name"),
        pytest.param("catalogue", {"catalogue": {"migrations": {"m": (MIGRATION,)}}}, id="moved"),
        pytest.param("paid", {"paid": ()}, id="paid time"),
        pytest.param("paid", {"received": ()}, id="received"),
        pytest.param("credit", {"credit": (TaxedYen(STANDARD, 1),)}, id="credit"),
        pytest.param("credit", {"waiting": (OTHER_LINE,)}, id="waiting line"),
        pytest.param("charges", {"sharing": (PlannedCharge("x", MAY, 1),)}, id="other charge"),
        pytest.param("charges", {"open_charges": (PlannedCharge("x", MAY, 1),)}, id="invoiced"),
        pytest.param("cap", {"cap": CapRoom(49_999, CapRule.SPLIT)}, id="limit"),
        pytest.param("cap", {"cap": CapRoom(50_000, CapRule.DEFER)}, id="cap rule"),
        pytest.param(
            "cap", {"cap": CapRoom(50_000, CapRule.SPLIT, ((Month(2026, 4), 1),))}, id="used"
        ),
        pytest.param("rules", {"rules": rules(tax_rounding=Rounding.CEIL)}, id="tax rounding"),
        pytest.param("rules", {"rules": rules(open_days=OpenDays.FREE)}, id="open days"),
        pytest.param(
            "rules",
            {"rules": rules(change=ChangeRule(negative=NegativeResult.REFUND))},
            id="negative result",
        ),
    ],
)
def test_whatever_a_quote_rests_on_makes_it_stale(section, change):
    view = subscriber()
    found = upgrade(view)
    now = replace(view, **{name: _changed(view, name, value) for name, value in change.items()})
    with pytest.raises(StaleQuote) as stale:
        confirmed(found, now)
    assert section in {each.what for each in stale.value.differences}
    assert stale.value.new_quote.quote_id != found.quote_id
    assert confirmed(stale.value.new_quote, now).bills == stale.value.new_quote.today


def _changed(view, name, value):
    return replace(getattr(view, name), **value) if isinstance(value, dict) else value


def test_the_difference_is_named_with_its_yen():
    """11,000×15/30 = 5,500 instead of 5,000."""
    view = subscriber()
    now = replace(view, catalogue=replace(view.catalogue, prices=DEARER))
    with pytest.raises(StaleQuote, match="¥3,500 → ¥4,000") as stale:
        confirmed(upgrade(view), now)
    words = {each.what: each.text_ja for each in stale.value.differences}
    assert words["charge_today"] == "本日のお支払い: 3,500円→4,000円"
    assert words["catalogue"] == "料金表が変わりました"
    assert stale.value.new_quote.charge_today_yen == 4_000


def test_another_plan_on_the_price_list_changes_nothing():
    view = subscriber()
    prices = {
        **CATALOGUE.prices,
        "food": (replace(CATALOGUE.price_on("food", CHANGE), amount_yen=1),),
    }
    confirmed(upgrade(view), replace(view, catalogue=replace(view.catalogue, prices=prices)))


def test_other_rules_of_the_merchant_make_it_stale():
    view = subscriber()
    with pytest.raises(StaleQuote, match="rules of changes"):
        confirmed(upgrade(view), view, policy=replace(OPEN, cutoff_days=3))


@pytest.mark.parametrize(
    ("minutes", "later", "holds"),
    [
        # Asked at noon in Japan (03:00 UTC); midnight there is 15:00 UTC.
        pytest.param(None, timedelta(hours=11, minutes=59), True, id="until midnight"),
        pytest.param(None, timedelta(hours=12), False, id="at midnight"),
        pytest.param(30, timedelta(minutes=29), True, id="within its minutes"),
        pytest.param(30, timedelta(minutes=30), False, id="after its minutes"),
    ],
)
def test_a_quote_ends(minutes, later, holds):
    view = subscriber(rules=rules(expires_after_minutes=minutes))
    found = upgrade(view)
    at = instant(CHANGE) + later
    on = CHANGE if later < timedelta(hours=12) else CHANGE + timedelta(days=1)
    if holds:
        assert confirm(found, view, on=on, at=at, policy=OPEN).bills == found.today
        return
    with pytest.raises(StaleQuote) as stale:
        confirm(found, view, on=on, at=at, policy=OPEN)
    assert stale.value.differences[0].what == "expired"
    assert stale.value.new_quote.on == on


def test_a_quote_holds_for_a_minute_at_least():
    with pytest.raises(BadInput, match="expires_after_minutes"):
        rules(expires_after_minutes=0)


def test_confirming_twice_charges_once():
    view = subscriber()
    found = upgrade(view)
    done = confirmed(found, view)
    after = replace(view, subscription=done.subscription, paid=done.account.parts)
    with pytest.raises(StaleQuote) as stale:
        confirmed(found, after)
    assert stale.value.new_quote is None
    assert stale.value.refused is not None


def test_what_is_refused_by_now_is_stale_without_a_new_quote():
    view = subscriber()
    found = upgrade(view)
    paused = happen(view, Pause(Timing.NOW), CHANGE)
    canceled = happen(view, Cancel(Timing.NOW), CHANGE)
    with pytest.raises(StaleQuote) as stale:
        confirmed(found, canceled)
    assert (stale.value.new_quote, stale.value.refused.field) == (None, "state")
    with pytest.raises(StaleQuote) as stale:
        confirmed(found, paused)
    assert stale.value.new_quote.charge_today_yen == 0


def test_agreeing_to_leave_for_a_fee_is_agreeing_to_that_fee():
    policy = Policy(leave_early=EarlyLeave.FOR_FEE)
    view = subscriber("term")
    found = asked(view, Cancel(Timing.NOW), policy=policy)
    (event,) = confirmed(found, view, policy=policy).events
    assert event.fact.fee_yen == found.charge_today_yen == 7_500


def test_a_restart_charges_the_new_cycle_through_its_renewal():
    view = subscriber(rules=rules(change=ChangeRule(ChangeEffect.RESTART_CYCLE)))
    (bill,) = confirmed(upgrade(view), view).bills
    assert (bill.purpose, bill.cycle, bill.charge_yen) == ("renewal", 1, 8_500)
