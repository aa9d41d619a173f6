"""Moved charge dates beside ends, changes and pauses; and what is not the customer's to undo."""

from datetime import date

import pytest
from lifecycle_cases import Stage

from plans import Replacement
from plans.lifecycle import (
    AddAddOn,
    AddCoupon,
    AddOnHeld,
    BuyerClosedPermission,
    Cancel,
    ChangeAddOn,
    ChangeNextDate,
    ChangePlan,
    ChangeQuantity,
    Conflict,
    CouponHeld,
    GuardRefused,
    NextDateMoved,
    Policy,
    Refused,
    Scheduled,
    Timing,
    WhenCanceling,
    charge_on,
    coming_charges,
    event_from_json,
    event_to_json,
    replay,
)

FEB_10, FEB_20, FEB_28 = date(2026, 2, 10), date(2026, 2, 20), date(2026, 2, 28)
MAR_05, MAR_10, MAR_31 = date(2026, 3, 5), date(2026, 3, 10), date(2026, 3, 31)
YEAR_END = date(2026, 12, 31)
UPGRADE = ChangePlan("basic", "pro", "pro@1", Replacement.UPGRADE, Timing.NOW)


def on(stage: Stage, day: date) -> Stage:
    stage.on = day
    return stage


def test_who_cancels_is_not_charged_ahead_for_days_that_never_come():
    """The charge of 28 February was moved to the 20th; then the agreement ends on the 28th."""
    stage = on(Stage.active(), FEB_10)
    stage.say(ChangeNextDate(FEB_20))
    put_back, waits = stage.say(Cancel(Timing.PERIOD_END))
    assert put_back == NextDateMoved(1, None)
    assert isinstance(waits, Scheduled)
    assert waits.entry.id == f"chg-{stage.sub.sequence}"
    assert list(coming_charges(stage.sub, before=YEAR_END)) == []
    stage.until(MAR_31)
    assert (stage.sub.state, stage.sub.cycles_done) == ("canceled", 1)


def test_an_end_inside_the_cycle_leaves_its_charge_where_it_was_moved():
    stage = on(Stage.active(), FEB_10)
    stage.say(ChangeNextDate(FEB_20))
    (waits,) = stage.say(Cancel(Timing.ON_DATE, MAR_10))
    assert waits.entry.on == MAR_10
    assert charge_on(stage.sub) == FEB_20


@pytest.mark.parametrize("to", [FEB_20, MAR_05], ids=["forward", "back"])
def test_a_charge_that_never_comes_is_not_moved(to):
    stage = on(Stage.active(), FEB_10)
    stage.say(Cancel(Timing.PERIOD_END))
    with pytest.raises(Conflict) as refused:
        stage.say(ChangeNextDate(to))
    assert refused.value.code == "date_taken"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(ChangeQuantity(2), id="seats"),
        pytest.param(UPGRADE, id="plan"),
        pytest.param(AddAddOn("a"), id="add-on"),
        pytest.param(ChangeQuantity(2, Timing.ON_DATE, MAR_10), id="on the day of the charge"),
    ],
)
def test_other_terms_wait_for_a_postponed_charge(command):
    """Its one charge could not say which of its days were under which terms."""
    stage = on(Stage.active(), FEB_10)
    stage.say(ChangeNextDate(MAR_10))
    with pytest.raises(Refused, match=r"choose a date after 2026-03-10") as refused:
        on(stage, MAR_05).staff(command)
    assert refused.value.code == "date_moved"
    stage.until(date(2026, 3, 11)).staff(ChangeQuantity(2))
    assert stage.sub.quantity == 2


def test_a_coupon_does_not_wait_for_a_postponed_charge():
    stage = on(Stage.active(), FEB_10)
    stage.say(ChangeNextDate(MAR_10))
    on(stage, MAR_05).say(AddCoupon("x"))
    assert [each.code for each in stage.sub.coupons] == ["x"]


def test_a_charge_is_not_postponed_past_other_terms():
    stage = on(Stage.active(), FEB_10)
    stage.say(ChangeQuantity(2, Timing.ON_DATE, MAR_05))
    with pytest.raises(Conflict) as refused:
        stage.say(ChangeNextDate(MAR_10))
    assert refused.value.code == "date_taken"
    stage.say(ChangeNextDate(date(2026, 3, 4)))


@pytest.mark.parametrize("who", ["staff", "amazon"])
def test_a_plan_change_does_not_undo_what_the_shop_or_amazon_ended(who):
    stage = on(Stage.active(Policy(plan_change_while_canceling=WhenCanceling.WITHDRAW)), FEB_10)
    if who == "staff":
        stage.staff(Cancel(Timing.PERIOD_END))
    else:
        stage.say(BuyerClosedPermission())
    with pytest.raises(GuardRefused) as refused:
        stage.say(UPGRADE)
    assert refused.value.code == "not_yours"
    stage.staff(UPGRADE)
    assert stage.events[-1].overridden == ("not_yours",)


def test_held_offers_know_the_day_they_were_agreed():
    stage = Stage.active(coupons=("spring",))
    on(stage, FEB_10).say(AddAddOn("a"))
    stage.say(AddCoupon("summer", Timing.ON_DATE, MAR_05))
    stage.until(MAR_05)
    stage.staff(ChangeAddOn("a", 3))
    assert stage.sub.add_ons == (AddOnHeld("a", 3, since_cycle=1, agreed_on=FEB_10),)
    # The first coupon came with the sign-up and was charged twice.
    assert stage.sub.coupons == (
        CouponHeld("spring", 2, date(2026, 1, 31)),
        CouponHeld("summer", 0, MAR_05),
    )
    read = [event_from_json(event_to_json(event)) for event in stage.events]
    assert replay(read) == stage.sub
