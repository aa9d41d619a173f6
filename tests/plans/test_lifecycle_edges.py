"""Edges of the life cycle: calendars that cannot be, reports out of order, settings that clash."""

from dataclasses import replace
from datetime import date

import pytest
from lifecycle_cases import MONTHLY, YEARLY, Stage

from plans import Anchor, AnchorRule, BadInput, Interval, Period, Replacement, Unit
from plans.lifecycle import (
    AddAddOn,
    AddCoupon,
    BuyerClosedPermission,
    Cancel,
    ChangeAddOn,
    ChangeAnchor,
    ChangeNextDate,
    ChangePlan,
    ChargeDeclined,
    ChargeSucceeded,
    DunningEnded,
    DunningOutcome,
    EndTrialEarly,
    ExtendTrial,
    Lapsed,
    Pause,
    PermissionChargeable,
    PermissionNotChargeable,
    PermissionReplaced,
    Policy,
    Reactivate,
    Refused,
    RemoveCoupon,
    Resume,
    ResumeMode,
    TimePassed,
    Timing,
    WhenBuyerCloses,
    charge_on,
    coming_charges,
    period_end,
)

DAILY = Interval(Unit.DAY, 1)
LAST_DAY = AnchorRule.LAST_DAY
CROSS = Replacement.CROSS_GRADE


def to(interval: Interval | None, timing: Timing = Timing.NOW, **more) -> ChangePlan:
    return ChangePlan("basic", "pro", "pro@1", CROSS, timing, interval=interval, **more)


def closed(stage: Stage) -> Stage:
    stage.say(BuyerClosedPermission())
    return stage


def paused(policy: Policy | None = None, **terms) -> Stage:
    stage = Stage.active(policy, **terms)
    stage.say(Pause(Timing.NOW))
    return stage


KEEP = Policy(when_buyer_closes=WhenBuyerCloses.KEEP)


@pytest.mark.parametrize(
    ("stage", "command", "code"),
    [
        pytest.param(
            closed(Stage.active()), PermissionNotChargeable("x"), "out_of_order", id="suspend"
        ),
        pytest.param(closed(Stage.active()), PermissionChargeable(), "out_of_order", id="cure"),
        pytest.param(closed(Stage.active()), Reactivate(), "permission", id="go on without one"),
        pytest.param(closed(paused(KEEP)), Resume(), "permission", id="resume without one"),
        pytest.param(
            Stage.begun(permission_id=None), PermissionChargeable(), "out_of_order", id="no consent"
        ),
        pytest.param(Stage.active(), PermissionReplaced(""), "bad_input", id="empty id"),
        pytest.param(Stage.active(), ChargeSucceeded(7), "out_of_order", id="cycle too far"),
        pytest.param(
            Stage.begun(trial_days=9), EndTrialEarly(date(2026, 3, 1)), "wrong_moment", id="late"
        ),
        pytest.param(
            Stage.begun(trial_days=9), ExtendTrial(date(2026, 2, 1)), "wrong_moment", id="early"
        ),
        pytest.param(
            Stage.active(), ChangeAnchor(date(2026, 3, 31)), "wrong_moment", id="a cycle further"
        ),
        pytest.param(
            Stage.active(anchor_rule=LAST_DAY),
            Pause(Timing.NOW, mode=ResumeMode.RESTART),
            "cannot_restart",
            id="restart on the last day",
        ),
        pytest.param(Stage.active(coupons=("a",)), AddCoupon("a"), "coupon_mismatch", id="twice"),
        pytest.param(Stage.active(), RemoveCoupon("a"), "coupon_mismatch", id="none on"),
    ],
)
def test_refused(stage, command, code):
    with pytest.raises(Refused) as refused:
        stage.ask(command, reason="test", actor=None if _is_report(command) else "staff")
    assert refused.value.code == code


def _is_report(command) -> bool:
    return type(command).__name__.startswith(("Permission", "Charge")) or False


def test_a_suspension_told_twice_and_an_add_on_that_has_its_number():
    stage = Stage.active()
    stage.say(PermissionNotChargeable("x"))
    stage.say(AddAddOn("a", 2))
    for command in (PermissionNotChargeable("x"), ChangeAddOn("a", 2)):
        with pytest.raises(Refused) as refused:
            stage.say(command)
        assert refused.value.code == "already_done"


def test_an_end_of_pause_that_is_set_already():
    stage = Stage.active()
    stage.say(Pause(Timing.NOW, until=date(2026, 3, 5)))
    with pytest.raises(Refused, match="the pause ends that day"):
        stage.say(Resume(date(2026, 3, 5)))


def test_the_last_day_of_the_month_from_any_sign_up():
    stage = Stage.active(starts_on=date(2026, 2, 10), anchor_rule=LAST_DAY)
    assert stage.sub.period == Period(date(2026, 2, 10), date(2026, 2, 28))


@pytest.mark.parametrize(
    ("new", "rule", "next_charge"),
    [
        pytest.param(DAILY, None, "2026-02-15", id="daily"),
        pytest.param(YEARLY, None, "2026-02-15", id="yearly"),
        pytest.param(MONTHLY, LAST_DAY, "2026-02-15", id="same length on the last day"),
    ],
)
def test_a_plan_change_in_the_trial_keeps_its_end(new, rule, next_charge):
    stage = Stage.begun(trial_days=15, anchor_day=1)
    stage.staff(to(new, anchor_rule=rule))
    assert charge_on(stage.sub) == date.fromisoformat(next_charge)
    stage.until(date(2026, 2, 15))
    assert stage.sub.period.start == date(2026, 2, 15)


def test_cycles_of_days_cannot_all_be_relaid_as_years():
    stage = Stage.active(interval=DAILY)
    long_since = replace(stage.sub, next_cycle=2_100)  # 2026 - 2100 lies before year 1
    stage.now = replace(long_since, anchor=Anchor.on(date(2020, 5, 4)))
    stage.on = date(2026, 2, 2)
    with pytest.raises(BadInput, match="before year 1"):
        stage.staff(to(YEARLY))


def test_a_calendar_that_cannot_restart_that_day_is_refused_now_and_lapses_later():
    stage = Stage.active(anchor_day=10)
    stage.on = date(2026, 2, 3)
    for when in (
        {"timing": Timing.NOW},
        {"timing": Timing.ON_DATE, "on_date": date(2026, 2, 5)},
    ):
        with pytest.raises(BadInput, match="rule last_day"):
            stage.staff(to(None, **when, restarts=True, anchor_rule=LAST_DAY))
    stage.staff(to(None, Timing.ON_DATE, on_date=date(2026, 2, 5), restarts=True))
    (entry,) = stage.sub.queue
    # As if an older program had let it wait: the change is dropped, and says so.
    odd = replace(entry, change=replace(entry.change, anchor_rule=LAST_DAY))
    stage.now = replace(stage.sub, queue=(odd,))
    stage.until(date(2026, 2, 5))
    assert isinstance(stage.events[-1].fact, Lapsed)
    assert stage.sub.plan_code == "basic"


def test_service_comes_back_on_the_agreed_day_even_if_it_cannot_restart():
    stage = Stage.active()
    stage.say(Pause(Timing.NOW, until=date(2026, 3, 10), mode=ResumeMode.RESTART))
    stage.now = replace(stage.sub, anchor_rule=LAST_DAY)
    stage.until(date(2026, 3, 10), pays=False)
    assert stage.sub.state == "active"
    assert stage.events[-1].fact.mode is ResumeMode.SAME_ANCHOR


@pytest.mark.parametrize(
    "command",
    [ChangeNextDate(date(2026, 3, 5)), ChangeAnchor(date(2026, 3, 5)), to(YEARLY)],
    ids=lambda command: type(command).__name__,
)
def test_the_calendar_does_not_move_under_a_charge_in_flight(command):
    stage = Stage.active()
    stage.on = date(2026, 3, 1)  # cycle 1 was due on 28 February and nobody knows its outcome
    with pytest.raises(Refused, match="was due on 2026-02-28 and is not settled") as refused:
        stage.staff(command)
    assert refused.value.code == "charge_open"


@pytest.mark.parametrize(
    "command",
    [ChangeAnchor(date(2026, 2, 10)), to(YEARLY)],
    ids=lambda command: type(command).__name__,
)
def test_no_cycle_begins_before_one_that_was_paid_ahead(command):
    stage = Stage.active()
    stage.say(ChangeNextDate(date(2026, 2, 5)))
    stage.until(date(2026, 2, 5))  # pays the cycle of 28 February to 31 March
    with pytest.raises(Refused, match="choose 2026-02-28 or a later date") as refused:
        stage.staff(command)
    assert refused.value.code == "paid_ahead"


def test_a_change_of_calendar_waits_and_a_moved_date_respects_it():
    stage = Stage.active()
    stage.staff(to(YEARLY, Timing.ON_DATE, on_date=date(2026, 2, 20)))
    with pytest.raises(Refused) as refused:
        stage.staff(ChangeNextDate(date(2026, 3, 5)))
    assert refused.value.code == "date_taken"


def test_what_never_began_cannot_be_paused_by_dunning():
    stage = Stage.begun()
    stage.say(ChargeDeclined(0, "HardDeclined"))
    stage.say(DunningEnded(DunningOutcome.PAUSE))
    assert stage.sub.state == "canceled"


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(paused(), id="paused"),
        pytest.param(Stage.begun(), id="not paid yet"),
        pytest.param(Stage.begun(permission_id=None), id="no consent"),
    ],
)
def test_where_nothing_runs_the_period_ends_today(stage):
    assert period_end(stage.sub, on=stage.on) == stage.on
    (canceled,) = stage.say(Cancel(Timing.PERIOD_END))
    assert canceled.on == stage.on


def test_a_pause_until_resumed_has_no_coming_charge():
    assert list(coming_charges(paused().sub, before=date(2030, 1, 1))) == []


def test_the_calendar_ends_and_so_do_its_charges():
    stage = Stage.active(starts_on=date(9998, 12, 31), interval=YEARLY)
    assert list(coming_charges(stage.sub, before=date.max)) == []


def test_a_buyer_who_closes_while_leaving_leaves_no_later():
    stage = Stage.active()
    stage.say(Cancel(Timing.ON_DATE, date(2026, 2, 10)))
    assert len(stage.say(BuyerClosedPermission())) == 1
    assert [entry.on for entry in stage.sub.queue] == [date(2026, 2, 10)]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        pytest.param({"cutoff_days": -1}, "cutoff_days", id="deadline"),
        pytest.param({"quantity_min": 0}, "quantity_min", id="no seats"),
        pytest.param({"quantity_min": 9, "quantity_max": 8}, "quantity_max", id="no range"),
        pytest.param({"pause_days_max": -1}, "pause_days_max", id="pause"),
    ],
)
def test_rules_that_cannot_be(terms, field):
    with pytest.raises(BadInput) as refused:
        Policy(**terms)
    assert refused.value.field == field


def test_nothing_is_due_when_time_brought_nothing():
    assert Stage.active().say(TimePassed()) == ()
