"""Guards hold for customers; staff override them with a reason, and the events say so."""

from datetime import UTC, date, datetime

import pytest
from lifecycle_cases import MONTHLY, SIGN_UP, Stage, a_plan, instant

from plans import BadInput, Replacement
from plans.lifecycle import (
    Actor,
    AddAddOn,
    AddCoupon,
    Cancel,
    ChangeNextDate,
    ChangePlan,
    ChangeQuantity,
    ChargeDeclined,
    DeadlinePassed,
    EarlyLeave,
    ExtendTrial,
    GuardRefused,
    MinimumTermOpen,
    Pause,
    Policy,
    Reactivate,
    ReasonNeeded,
    Refund,
    Resume,
    SkipCycles,
    Timing,
    Undo,
    WrongMoment,
    decide,
    remaining_cycles,
)

PERIOD_END = Timing.PERIOD_END
FEB_28, MAR_31, APR_30 = date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)


def to(direction: Replacement, timing: Timing, **more) -> ChangePlan:
    return ChangePlan("basic", "other", "other@1", direction, timing, **more)


@pytest.mark.parametrize(
    ("policy", "terms", "command", "code"),
    [
        pytest.param({}, {"minimum_cycles": 3}, Cancel(PERIOD_END), "minimum_term", id="term"),
        pytest.param(
            {}, {"minimum_cycles": 3}, to(Replacement.DOWNGRADE, PERIOD_END), "minimum_term", id="1"
        ),
        pytest.param(
            {},
            {"minimum_cycles": 3, "quantity": 5},
            ChangeQuantity(4),
            "minimum_term",
            id="fewer seats",
        ),
        pytest.param({}, {}, to(Replacement.DOWNGRADE, Timing.NOW), "direction", id="down now"),
        pytest.param({}, {}, to(Replacement.CROSS_GRADE, Timing.NOW), "direction", id="sideways"),
        pytest.param(
            {"upgrade_timings": frozenset()},
            {},
            to(Replacement.UPGRADE, Timing.NOW),
            "direction",
            id="never up",
        ),
        pytest.param({}, {}, ChangeQuantity(1_001), "quantity_limit", id="too many seats"),
        pytest.param(
            {"quantity_min": 5, "quantity_max": None},
            {"quantity": 9},
            ChangeQuantity(4),
            "quantity_limit",
            id="too few seats",
        ),
        pytest.param({"skip_cycles_max": 2}, {}, SkipCycles(3), "limit", id="long skip"),
        pytest.param(
            {"pause_days_max": 30}, {}, Pause(Timing.NOW, cycles=2), "limit", id="long pause"
        ),
        pytest.param({"pause_days_max": 30}, {}, Pause(Timing.NOW), "limit", id="open pause"),
        pytest.param(
            {},
            {},
            Cancel(Timing.ON_DATE, date(2029, 1, 1)),
            "limit",
            id="years ahead",
        ),
        pytest.param(
            {}, {}, Cancel(Timing.NOW, refund=Refund.FULL), "refund_not_offered", id="refund"
        ),
    ],
)
def test_a_guard_stops_customers_and_staff_may_override(policy, terms, command, code):
    stage = Stage.active(Policy(**policy), **terms)
    with pytest.raises(GuardRefused) as refused:
        stage.say(command)
    assert refused.value.code == code
    with pytest.raises(ReasonNeeded, match=code):
        stage.staff(command, reason=" ")
    stage.staff(command, reason="agreed by mail")
    assert code in stage.events[-1].overridden
    assert stage.events[-1].reason == "agreed by mail"


# The deadline: cutoff_days before the charge, until 23:59 of that day.


@pytest.mark.parametrize(
    ("command", "today", "passes"),
    [
        # Charged on 28 February; with one day the deadline is the 27th.
        pytest.param(Cancel(PERIOD_END), "02-27", True, id="cancel on the last day"),
        pytest.param(Cancel(PERIOD_END), "02-28", False, id="cancel on the day of the charge"),
        pytest.param(SkipCycles(), "02-28", False, id="skip it"),
        pytest.param(SkipCycles(1, 2), "02-28", True, id="skip the one after"),
        pytest.param(ChangeNextDate(date(2026, 3, 5)), "02-28", False, id="move it"),
        pytest.param(ChangeNextDate(date(2026, 2, 10)), "02-10", False, id="move it to today"),
        pytest.param(Pause(PERIOD_END), "02-28", False, id="pause it away"),
        pytest.param(AddCoupon("c", PERIOD_END), "02-28", False, id="coupon on it"),
        pytest.param(to(Replacement.UPGRADE, Timing.NOW), "02-27", True, id="settled by itself"),
        pytest.param(to(Replacement.UPGRADE, Timing.NOW), "02-28", False, id="while charging"),
    ],
)
def test_the_deadline_is_the_end_of_a_day(command, today, passes):
    stage = Stage.active()
    stage.on = date.fromisoformat(f"2026-{today}")
    if passes:
        assert stage.say(command)
        return
    with pytest.raises(DeadlinePassed) as refused:
        stage.say(command)
    assert refused.value.charge_on == stage.on
    assert (refused.value.charge_on - refused.value.deadline).days == 1


@pytest.mark.parametrize(
    ("days", "last"), [(0, "02-28"), (1, "02-27"), (7, "02-21"), (10, "02-18")]
)
def test_the_merchant_sets_the_days(days, last):
    last_day = date.fromisoformat(f"2026-{last}")
    stage = Stage.active(Policy(cutoff_days=days))
    stage.on = last_day
    assert stage.ask(Cancel(PERIOD_END))
    if days:
        stage.on = date.fromordinal(last_day.toordinal() + 1)
        with pytest.raises(DeadlinePassed):
            stage.ask(Cancel(PERIOD_END))


def test_the_deadline_looks_at_the_charge_that_is_really_next():
    stage = Stage.active(Policy(cutoff_days=10))
    stage.say(SkipCycles())  # the next charge is on 31 March, its deadline 21 March
    stage.on = date(2026, 2, 27)
    assert stage.say(AddAddOn("a", 1, Timing.ON_DATE, date(2026, 3, 15)))


def test_who_owes_a_payment_may_leave_at_any_time():
    stage = Stage.active()
    stage.on = FEB_28
    stage.say(ChargeDeclined(1, "SoftDeclined"))
    stage.on = date(2026, 3, 3)
    assert stage.say(Cancel(Timing.NOW))


def test_a_skip_is_not_undone_after_the_deadline_but_a_cancellation_is():
    stage = Stage.active()
    stage.say(SkipCycles())
    stage.on = FEB_28
    with pytest.raises(DeadlinePassed):
        stage.say(Undo(stage.sub.queue[0].id))
    other = Stage.active()
    other.say(Cancel(PERIOD_END))
    other.on = FEB_28
    assert other.say(Reactivate())


# The minimum term


@pytest.mark.parametrize(
    ("minimum", "leaves", "remaining"),
    [
        # Paid on 31 Jan; then due on 28 Feb, 31 Mar, 30 Apr.
        pytest.param(1, FEB_28, 0, id="done"),
        pytest.param(3, FEB_28, 2, id="two left"),
        pytest.param(3, MAR_31, 1, id="one left"),
        pytest.param(3, APR_30, 0, id="done by then"),
    ],
)
def test_cycles_of_the_term_are_counted_up_to_the_date(minimum, leaves, remaining):
    stage = Stage.active(minimum_cycles=minimum)
    assert remaining_cycles(stage.sub, on=leaves) == remaining
    command = Cancel(Timing.ON_DATE, leaves, fee_yen=5_000)
    if remaining == 0:
        assert stage.ask(command)
        return
    with pytest.raises(MinimumTermOpen, match=r"the fee for leaving now is ¥5,000") as refused:
        stage.ask(command)
    assert (refused.value.remaining_cycles, refused.value.fee_yen) == (remaining, 5_000)


def test_a_shop_may_let_go_for_the_fee():
    stage = Stage.active(Policy(leave_early=EarlyLeave.FOR_FEE), minimum_cycles=6)
    with pytest.raises(MinimumTermOpen, match="agree to the fee"):
        stage.say(Cancel(Timing.NOW, fee_yen=5_000))
    (canceled,) = stage.say(Cancel(Timing.NOW, fee_yen=5_000, pays_fee=True))
    assert canceled.fee_yen == 5_000


def test_agreeing_to_a_fee_does_not_open_a_shop_that_refuses():
    stage = Stage.active(minimum_cycles=6)
    with pytest.raises(MinimumTermOpen):
        stage.say(Cancel(Timing.NOW, fee_yen=5_000, pays_fee=True))


def test_a_trial_is_free_to_leave():
    stage = Stage.begun(minimum_cycles=6, trial_days=30)
    assert stage.say(Cancel(PERIOD_END))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(SkipCycles(), id="skip"),
        pytest.param(Pause(PERIOD_END, cycles=2), id="pause"),
    ],
)
def test_a_term_is_not_skipped_away_behind_a_cancellation(command):
    stage = Stage.active(minimum_cycles=3)
    stage.say(Cancel(Timing.ON_DATE, APR_30))
    with pytest.raises(MinimumTermOpen, match=r"undo chg-4 first"):
        stage.say(command)


# Trials


@pytest.mark.parametrize(
    ("days", "last", "passes"),
    [
        pytest.param(365, "2025-01-31", True, id="365 days ago"),
        pytest.param(365, "2025-02-01", False, id="364 days ago"),
        pytest.param(None, "2001-01-01", False, id="once for ever"),
        pytest.param(0, "2026-01-31", True, id="as often as one likes"),
    ],
)
def test_a_trial_is_given_once_in_a_while(days, last, passes):
    stage = Stage(policy=Policy(trial_again_after_days=days))
    command = a_plan(trial_days=14, last_trial_on=date.fromisoformat(last))
    if passes:
        assert stage.ask(command)
        return
    with pytest.raises(GuardRefused) as refused:
        stage.ask(command)
    assert refused.value.code == "trial_used"
    assert stage.ask(a_plan(last_trial_on=SIGN_UP))  # without a trial nothing is abused
    (created, *_) = stage.ask(command, actor=Actor.STAFF, reason="press")
    assert created.overridden == ("trial_used",)


def test_customers_do_not_extend_their_own_trial():
    stage = Stage.begun(trial_days=14)
    with pytest.raises(GuardRefused, match="customers do not extend"):
        stage.say(ExtendTrial(APR_30))


def test_what_staff_arranged_is_not_the_customers_to_undo():
    stage = Stage.active()
    stage.staff(Cancel(PERIOD_END))
    for command in (Undo(stage.sub.queue[0].id), Reactivate()):
        with pytest.raises(GuardRefused) as refused:
            stage.say(command)
        assert refused.value.code == "not_yours"


# Time, and values that cannot be


@pytest.mark.parametrize(
    ("at", "on"),
    [
        pytest.param(instant(date(2026, 2, 1)).replace(tzinfo=None), date(2026, 2, 1), id="naive"),
        pytest.param(instant(date(2026, 2, 1)), date(2026, 2, 3), id="another day"),
    ],
)
def test_instant_and_date_belong_together(at, on):
    with pytest.raises(WrongMoment):
        decide(None, a_plan(), actor=Actor.CUSTOMER, reason="", at=at, on=on)


def test_the_merchants_date_may_be_ahead_of_utc():
    late_evening = datetime(2026, 1, 30, 15, tzinfo=UTC)  # midnight of the 31st in Japan
    assert decide(None, a_plan(), actor=Actor.CUSTOMER, reason="", at=late_evening, on=SIGN_UP)


@pytest.mark.parametrize(
    ("command", "field"),
    [
        pytest.param(a_plan(quantity=0), "quantity", id="quantity"),
        pytest.param(a_plan(id=""), "id", id="id"),
        pytest.param(a_plan(trial_days=-1), "trial_days", id="trial"),
        pytest.param(a_plan(trial_days=3, trial_ends_on=APR_30), "trial_ends_on", id="two trials"),
        pytest.param(a_plan(minimum_cycles=-1), "minimum_cycles", id="term"),
        pytest.param(a_plan(coupons=("a", "a")), "coupons", id="coupon twice"),
    ],
)
def test_an_agreement_that_cannot_be(command, field):
    with pytest.raises(BadInput) as refused:
        Stage().ask(command)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("command", "field"),
    [
        pytest.param(ChangeQuantity(0), "quantity", id="no seats"),
        pytest.param(AddAddOn("a", 0), "quantity", id="no add-on"),
        pytest.param(SkipCycles(0), "count", id="skip nothing"),
        pytest.param(SkipCycles(1, 0), "from_cycle", id="skip the past"),
        pytest.param(Pause(Timing.NOW, cycles=0), "cycles", id="pause nothing"),
        pytest.param(Pause(Timing.NOW, cycles=1, until=APR_30), "until", id="two lengths"),
        pytest.param(Pause(Timing.NOW, until=SIGN_UP), "until", id="ends as it begins"),
        pytest.param(Pause(Timing.ON_DATE), "on_date", id="no date"),
        pytest.param(Cancel(Timing.NOW, APR_30), "on_date", id="a date too many"),
        pytest.param(Cancel(Timing.ON_DATE, date(2026, 1, 1)), "on_date", id="past"),
        pytest.param(Cancel(Timing.NOW, pays_fee=True), "fee_yen", id="unknown fee"),
        pytest.param(Cancel(Timing.NOW, fee_yen=-1), "fee_yen", id="negative fee"),
        pytest.param(
            to(Replacement.UPGRADE, Timing.NOW, interval=MONTHLY, minimum_cycles=-1),
            "minimum_cycles",
            id="negative term",
        ),
        pytest.param(ChangeNextDate(MAR_31), "to", id="into the cycle after"),
    ],
)
def test_a_command_that_cannot_be(command, field):
    with pytest.raises(BadInput) as refused:
        Stage.active().staff(command)
    assert refused.value.field == field


def test_a_pause_is_not_resumed_in_the_past():
    stage = Stage.active()
    stage.say(Pause(Timing.NOW))
    with pytest.raises(WrongMoment):
        stage.say(Resume(date(2026, 1, 1)))
