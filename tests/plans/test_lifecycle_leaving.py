"""Leaving and coming back: cancellations, lost permissions, what is lifted and what lapses."""

from datetime import date

import pytest
from lifecycle_cases import Stage

from plans.lifecycle import (
    BuyerClosedPermission,
    Cancel,
    Canceled,
    ChargeDeclined,
    DunningEnded,
    DunningOutcome,
    Lapsed,
    Pause,
    PauseCause,
    PermissionChargeable,
    PermissionNotChargeable,
    PermissionReplaced,
    PermissionState,
    Policy,
    Reactivate,
    Refund,
    ResumeMode,
    Timing,
    WhenBuyerCloses,
    WhenNotChargeable,
    charge_on,
    successor,
)


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


@pytest.mark.parametrize(
    ("command", "ends", "unused"),
    [
        pytest.param(Cancel(Timing.PERIOD_END), "02-28", 0, id="period end"),
        pytest.param(Cancel(Timing.ON_DATE, day("02-20")), "02-20", 8, id="date"),
        pytest.param(Cancel(Timing.NOW), "02-10", 18, id="now"),
    ],
)
def test_a_cancellation_serves_what_is_paid_until_its_date(command, ends, unused):
    stage = Stage.active()
    stage.on = day("02-10")
    stage.say(command)
    stage.until(day(ends))
    (canceled,) = [e.fact for e in stage.events if isinstance(e.fact, Canceled)]
    assert (canceled.on, canceled.unused_days, canceled.refund) == (day(ends), unused, Refund.NONE)


def test_staff_refund_what_customers_cannot():
    stage = Stage.active()
    stage.on = day("02-10")
    (canceled,) = stage.staff(Cancel(Timing.NOW, refund=Refund.PRORATED))
    assert (canceled.refund, canceled.unused_days) == (Refund.PRORATED, 18)
    assert stage.events[-1].overridden == ("refund_not_offered",)


def test_signing_up_anew_is_another_subscription():
    stage = Stage.active(coupons=("welcome",))
    stage.say(Cancel(Timing.NOW))
    anew = successor(stage.sub, id="sub-2", starts_on=stage.on, permission_id="C00-2")
    second = Stage(stage.on)
    second.say(anew)
    assert (second.sub.follows, second.sub.plan_code, second.sub.coupons) == ("sub-1", "basic", ())


@pytest.mark.parametrize(
    ("rule", "ends"),
    [
        pytest.param(WhenBuyerCloses.CANCEL_AT_PERIOD_END, day("02-28"), id="paid days are served"),
        pytest.param(WhenBuyerCloses.CANCEL_NOW, day("02-10"), id="now"),
        pytest.param(WhenBuyerCloses.KEEP, None, id="waits for a new permission"),
    ],
)
def test_the_buyer_closes_at_amazon(rule, ends):
    stage = Stage.active(Policy(when_buyer_closes=rule))
    stage.on = day("02-10")
    stage.say(BuyerClosedPermission())
    assert stage.sub.permission.state is PermissionState.CLOSED
    stage.until(day("04-01"))
    canceled = [e.fact.on for e in stage.events if isinstance(e.fact, Canceled)]
    assert canceled == ([] if ends is None else [ends])


def test_a_new_permission_withdraws_what_the_lost_one_caused():
    stage = Stage.active()
    stage.say(BuyerClosedPermission())
    assert stage.waiting == [("cancellation", day("02-28"))]
    stage.say(PermissionReplaced("C00-2"))
    assert (stage.waiting, stage.sub.chargeable) == ([], True)


def test_a_suspended_permission_can_pause_and_go_on():
    stage = Stage.active(Policy(when_not_chargeable=WhenNotChargeable.PAUSE))
    stage.on = day("02-10")
    stage.say(PermissionNotChargeable("PaymentMethodInvalid"))
    assert stage.sub.pause.cause is PauseCause.PERMISSION
    stage.on = day("02-12")
    stage.say(PermissionChargeable())
    assert (stage.sub.state, stage.sub.paid_through) == ("active", day("02-28"))
    assert stage.events[-1].fact.credit_days == 2


def test_reactivating_lifts_a_pause_of_dunning():
    stage = Stage.active()
    stage.on = day("02-28")
    stage.say(ChargeDeclined(1, "HardDeclined"))
    stage.say(DunningEnded(DunningOutcome.PAUSE))
    stage.on = day("03-15")
    stage.say(Reactivate(ResumeMode.RESTART))
    assert (stage.sub.state, charge_on(stage.sub)) == ("active", day("03-15"))


def test_a_pause_that_falls_due_in_another_pause_lapses():
    stage = Stage.active()
    stage.say(Pause(Timing.ON_DATE, day("03-20")))
    stage.on = day("02-28")
    stage.say(ChargeDeclined(1, "HardDeclined"))
    stage.say(DunningEnded(DunningOutcome.PAUSE))
    stage.until(day("03-20"))
    assert isinstance(stage.events[-1].fact, Lapsed)
