"""Known bugs of other billing engines in the life cycle, each by name; none may happen here."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from lifecycle_cases import SIGN_UP, YEARLY, Stage, a_plan

from plans import ForbiddenTransition, Period, Replacement
from plans.lifecycle import (
    Actor,
    AlreadyDone,
    BuyerClosedPermission,
    Cancel,
    Canceled,
    ChangePlan,
    ChargeDeclined,
    ChargeSucceeded,
    Conflict,
    CyclePaid,
    DunningEnded,
    DunningOutcome,
    NotInThisState,
    OutOfOrder,
    Pause,
    PermissionReplaced,
    Resume,
    SkipCycles,
    TimePassed,
    Timing,
    charge_on,
    coming_charges,
    decide,
    evolve,
)

FEB_28 = date(2026, 2, 28)


def paid_starts(stage: Stage) -> list[str]:
    facts = [event.fact for event in stage.events]
    return [f"{fact.period.start:%m-%d}" for fact in facts if isinstance(fact, CyclePaid)]


def change(old: str, new: str, direction: Replacement, timing: Timing) -> ChangePlan:
    return ChangePlan(old, new, f"{new}@1", direction, timing)


def test_the_31st_comes_back_after_february():
    assert paid_starts(Stage.active().until(date(2026, 5, 31))) == [
        *("01-31", "02-28", "03-31", "04-30", "05-31")
    ]


def test_the_29th_of_february_comes_back_in_leap_years():
    stage = Stage.active(starts_on=date(2024, 2, 29), interval=YEARLY)
    coming = coming_charges(stage.sub, before=date(2029, 1, 1))
    assert [f"{on}" for _, on in coming] == [
        *("2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29")
    ]


def test_a_period_that_was_skipped_is_not_stuck():
    stage = Stage.active()
    stage.say(SkipCycles())
    assert paid_starts(stage.until(date(2026, 4, 30))) == ["01-31", "03-31", "04-30"]


def test_the_day_of_japan_counts_not_the_day_of_utc():
    """A change at 0:30 in Japan is a change of that day, though UTC still has the day before."""
    stage = Stage.active()
    after_midnight = datetime(2026, 2, 27, 15, 30, tzinfo=UTC)
    with pytest.raises(Exception, match="could be changed until 2026-02-27 23:59"):
        decide(
            stage.sub,
            Cancel(Timing.PERIOD_END),
            actor=Actor.CUSTOMER,
            reason="",
            at=after_midnight,
            on=FEB_28,
        )


def test_the_same_success_told_twice_counts_once():
    stage = Stage.active()
    with pytest.raises(AlreadyDone):
        stage.say(ChargeSucceeded(0))
    assert stage.sub.cycles_done == 1


def test_a_stale_value_cannot_be_saved_over_a_newer_one():
    stage = Stage.active()
    (event,) = stage.ask(SkipCycles())
    stage.say(Pause(Timing.PERIOD_END))
    with pytest.raises(ValueError, match="the next event is number 5"):
        evolve(stage.sub, event)


def test_cancel_right_after_the_charge_keeps_the_paid_days():
    stage = Stage.active()
    stage.say(Cancel(Timing.PERIOD_END))
    assert (stage.sub.state, stage.sub.period) == ("active", Period(SIGN_UP, FEB_28))
    stage.until(FEB_28)
    assert stage.sub.state == "canceled"
    assert paid_starts(stage) == ["01-31"]


def test_no_retry_after_cancel():
    stage = Stage.active()
    stage.on = FEB_28
    stage.say(ChargeDeclined(1, "SoftDeclined"))
    stage.say(Cancel(Timing.NOW))
    assert charge_on(stage.sub) is None
    for report in (ChargeDeclined(1, "SoftDeclined"), ChargeSucceeded(1), TimePassed()):
        with pytest.raises(NotInThisState, match="final"):
            stage.say(report)


def test_leaving_past_due_opens_one_cycle_not_many():
    stage = Stage.active()
    stage.on = FEB_28
    stage.say(ChargeDeclined(1, "SoftDeclined"))
    stage.on = date(2026, 3, 20)
    stage.say(ChargeSucceeded(1))
    coming = list(coming_charges(stage.sub, before=date(2026, 4, 1)))
    assert coming == [(2, date(2026, 3, 31))]


def test_an_upgrade_does_not_leave_a_cancellation_in_place():
    stage = Stage.active()
    stage.say(Cancel(Timing.PERIOD_END))
    with pytest.raises(Conflict, match="undo chg-4 first"):
        stage.say(change("basic", "pro", Replacement.UPGRADE, Timing.NOW))


def test_a_waiting_downgrade_does_not_survive_an_upgrade():
    stage = Stage.active()
    stage.say(change("basic", "lite", Replacement.DOWNGRADE, Timing.PERIOD_END))
    with pytest.raises(Conflict, match="the plan to be replaced on that date is 'pro'"):
        stage.say(change("basic", "pro", Replacement.UPGRADE, Timing.NOW))


def test_a_direction_judged_against_another_plan_is_refused():
    """A waiting downgrade cannot turn into an upgrade because the plan before it changed."""
    stage = Stage.active()
    stage.say(change("basic", "pro", Replacement.UPGRADE, Timing.NOW))
    with pytest.raises(ValueError, match="ask for a quote against that plan"):
        stage.say(change("basic", "lite", Replacement.DOWNGRADE, Timing.PERIOD_END))


def test_after_a_plan_change_it_still_renews():
    stage = Stage.active()
    stage.say(change("basic", "pro", Replacement.UPGRADE, Timing.NOW))
    assert paid_starts(stage.until(date(2026, 4, 1))) == ["01-31", "02-28", "03-31"]


def test_a_pause_and_resume_on_one_day_loses_and_wins_nothing():
    stage = Stage.active()
    stage.on = date(2026, 2, 10)
    before = stage.sub
    stage.say(Pause(Timing.NOW))
    stage.until(stage.on)
    (back,) = stage.say(Resume())
    assert (back.served_days, back.credit_days, back.open_days) == (18, 0, 0)
    assert stage.sub.paid_through == before.paid_through
    assert charge_on(stage.sub) == charge_on(before)


def test_banked_days_do_not_multiply_over_many_pauses():
    stage = Stage.active()
    stage.on = date(2026, 2, 10)
    credit = 0
    for _ in range(4):
        stage.say(Pause(Timing.NOW))
        stage.on += timedelta(days=2)
        (back,) = stage.say(Resume())
        credit += back.credit_days
    # Eight days were paused; each came back once, none twice.
    assert credit == 8
    assert stage.sub.paid_through == FEB_28


def test_dunning_ends_once():
    stage = Stage.active()
    stage.on = FEB_28
    stage.say(ChargeDeclined(1, "HardDeclined"))
    stage.say(DunningEnded(DunningOutcome.PAUSE))
    with pytest.raises(NotInThisState, match="no payment is open"):
        stage.say(DunningEnded(DunningOutcome.CANCEL))


def test_a_cycle_that_was_paused_away_is_not_paid_later():
    stage = Stage.active()
    stage.say(SkipCycles())
    stage.until(date(2026, 3, 31), pays=False)
    with pytest.raises(OutOfOrder, match="refund the charge") as refused:
        stage.say(ChargeSucceeded(1))
    assert refused.value.code == "cycle_left_out"


def test_the_buyers_closing_told_twice_ends_it_once():
    stage = Stage.active()
    stage.say(BuyerClosedPermission())
    with pytest.raises(AlreadyDone):
        stage.say(BuyerClosedPermission())
    stage.until(date(2026, 4, 1))
    assert sum(isinstance(event.fact, Canceled) for event in stage.events) == 1


def test_consent_told_twice_starts_it_once():
    stage = Stage.begun(permission_id=None)
    stage.say(PermissionReplaced("C00-1"))
    with pytest.raises(AlreadyDone):
        stage.say(PermissionReplaced("C00-1"))


def test_events_cannot_leave_the_state_graph():
    stage = Stage.begun(trial_days=14)
    active = Stage.active()
    active.say(Pause(Timing.NOW))
    event = active.events[-1]
    forged = replace(event, sequence=stage.sub.sequence + 1)
    with pytest.raises(ForbiddenTransition):
        evolve(stage.sub, forged)


def test_a_subscription_is_created_once():
    with pytest.raises(NotInThisState, match="exists already"):
        Stage.active().say(a_plan())
