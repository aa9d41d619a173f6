"""Lives in scenes: each row is a story, its dates worked out beside it."""

from datetime import date

import pytest
from lifecycle_cases import MONTHLY, YEARLY, Stage, a_plan

from plans import Anchor, AnchorRule, BadInput, Interval, Period, Replacement, Unit
from plans.lifecycle import (
    Actor,
    AnchorChanged,
    ChangeAnchor,
    ChangeNextDate,
    ChangePlan,
    ChargeDeclined,
    ChargeSucceeded,
    DunningEnded,
    DunningOutcome,
    EndTrialEarly,
    ExtendTrial,
    PaidDays,
    Pause,
    PermissionReplaced,
    Resume,
    ResumeMode,
    SkipCycles,
    TimePassed,
    Timing,
    charge_on,
    coming_charges,
    cycle_days,
)


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


def charges(stage: Stage, n: int, before: str = "12-31") -> list[str]:
    coming = coming_charges(stage.sub, before=day(before))
    return [f"{on:%m-%d}" for _, (_, on) in zip(range(n), coming, strict=False)]


def to_pro(direction=Replacement.UPGRADE, timing=Timing.NOW, **more):
    return ChangePlan("basic", "pro", "pro@1", direction, timing, **more)


# Beginning


def test_a_trial_becomes_paid_by_its_first_charge():
    stage = Stage.begun(trial_days=14)
    assert (stage.sub.state, charge_on(stage.sub)) == ("trialing", day("02-14"))  # 31 Jan + 14
    stage.until(day("02-14"))
    assert stage.sub.state == "active"
    assert stage.sub.period == Period(day("02-14"), day("03-14"))


def test_service_waits_for_consent_and_counts_from_it():
    stage = Stage.begun(permission_id=None, trial_days=7)
    assert (stage.sub.state, charge_on(stage.sub)) == ("pending", None)
    stage.until(day("02-03"))
    stage.say(PermissionReplaced("C00-9"))
    assert stage.sub.trial.ends_on == day("02-10")  # 3 Feb + 7 days
    assert stage.sub.anchor == Anchor.on(day("02-10"))


def test_service_waits_for_its_first_day():
    stage = Stage()
    stage.say(a_plan(day("03-01")))
    assert stage.sub.state == "pending"
    stage.until(day("03-01"))
    assert (stage.sub.state, stage.sub.period) == ("active", Period(day("03-01"), day("04-01")))


@pytest.mark.parametrize(
    ("terms", "first", "second"),
    [
        pytest.param({"anchor_day": 1}, ("01-31", "02-01"), "02-01", id="fixed day 1"),
        pytest.param({"anchor_day": 10}, ("01-31", "02-10"), "02-10", id="fixed day 10"),
        pytest.param({"anchor_rule": AnchorRule.LAST_DAY}, ("01-31", "02-28"), "02-28", id="last"),
        pytest.param({}, ("01-31", "02-28"), "02-28", id="day of sign-up"),
    ],
)
def test_the_first_period_ends_where_the_calendar_says(terms, first, second):
    stage = Stage.active(**terms)
    assert stage.sub.period == Period(*map(day, first))
    assert charge_on(stage.sub) == day(second)


def test_a_fixed_day_needs_months():
    with pytest.raises(BadInput, match="anchor_day 1: a cycle of weeks"):
        Stage.begun(anchor_day=1, interval=Interval(Unit.WEEK, 1))


@pytest.mark.parametrize(
    ("command", "actor", "starts"),
    [
        pytest.param(EndTrialEarly(day("02-05")), Actor.CUSTOMER, "02-05", id="early"),
        pytest.param(ExtendTrial(day("03-31")), Actor.STAFF, "03-31", id="late"),
    ],
)
def test_a_moved_trial_end_moves_the_calendar_and_charges_once(command, actor, starts):
    """Regression: an anchor moved after a trial made the first invoice repeat."""
    stage = Stage.begun(trial_days=14)
    stage.on = day("02-03")
    stage.say(command, actor=actor)
    stage.until(day("06-30"))
    paid = [e.fact.cycle for e in stage.events if e.fact.kind == "cycle_paid"]
    assert paid == list(range(len(paid)))
    assert cycle_days(stage.sub, 0).start == day(starts)


# Dates


def test_skipped_cycles_keep_their_numbers_and_the_calendar_does_not_drift():
    stage = Stage.active()
    stage.say(SkipCycles(2))
    assert stage.waiting == [("pause", day("02-28"))]
    # 28 Feb and 31 Mar are left out; anchored on the 31st, April's is on the 30th.
    assert charges(stage, 3) == ["04-30", "05-31", "06-30"]
    stage.until(day("03-01"))
    assert stage.sub.state == "paused"
    stage.until(day("04-30"))
    assert (stage.sub.state, stage.sub.last_paid_cycle) == ("active", 3)


def test_skips_follow_each_other_and_need_not_touch():
    stage = Stage.active()
    stage.say(SkipCycles())
    stage.say(SkipCycles())
    stage.say(SkipCycles(1, from_cycle=5))
    assert charges(stage, 3) == ["04-30", "05-31", "07-31"]


def test_a_moved_charge_leaves_all_other_dates():
    stage = Stage.active()
    stage.say(ChangeNextDate(day("03-10")))
    assert charges(stage, 3) == ["03-10", "03-31", "04-30"]
    stage.until(day("03-10"))
    assert stage.sub.period == Period(day("02-28"), day("03-31"))


def test_a_charge_moved_back_is_as_before():
    stage = Stage.active()
    before = stage.sub
    stage.say(ChangeNextDate(day("02-20")))
    stage.say(ChangeNextDate(day("02-28")))
    assert stage.sub.next_on is before.next_on is None


@pytest.mark.parametrize(
    ("first_on", "intent", "dates", "bridge"),
    [
        pytest.param("03-15", None, ["03-15", "04-15", "05-15"], 15, id="later: 15 days added"),
        pytest.param("02-10", None, ["02-10", "03-10", "04-10"], -18, id="earlier: 18 days cut"),
        pytest.param("02-28", 30, ["02-28", "03-30", "04-30"], 0, id="28 February that means 30"),
    ],
)
def test_a_moved_anchor_keeps_cycle_numbers(first_on, intent, dates, bridge):
    stage = Stage.active()
    (moved,) = stage.say(ChangeAnchor(day(first_on), intent))
    assert moved.bridge_days == bridge
    assert charges(stage, 3) == dates
    assert stage.sub.next_cycle == 1


# Pauses


@pytest.mark.parametrize(
    ("resumes", "mode", "served", "credit", "opened", "charged"),
    [
        # Paid to 28 Feb, paused on 10 Feb: 18 days are banked.
        pytest.param("03-12", ResumeMode.SAME_ANCHOR, 18, 0, 1, "03-31", id="19 days to 31 Mar"),
        pytest.param("03-20", ResumeMode.SAME_ANCHOR, 11, 7, 0, "03-31", id="11 days to 31 Mar"),
        pytest.param("02-12", ResumeMode.SAME_ANCHOR, 16, 2, 0, "02-28", id="after two days"),
        pytest.param("03-12", ResumeMode.RESTART, 18, 0, 0, "03-30", id="restart: 12 + 18"),
    ],
)
def test_banked_days_come_back(resumes, mode, served, credit, opened, charged):
    stage = Stage.active()
    stage.on = day("02-10")
    stage.say(Pause(Timing.NOW))
    assert stage.sub.pause.banked_days == 18
    stage.until(day(resumes))
    (back,) = stage.say(Resume(mode=mode))
    assert (back.served_days, back.credit_days, back.open_days) == (served, credit, opened)
    assert charge_on(stage.sub) == day(charged)
    assert stage.sub.paid_through == day(resumes) + (day("01-02") - day("01-01")) * served


def test_days_may_be_forfeited_by_the_terms():
    stage = Stage.active()
    stage.on = day("02-10")
    stage.say(Pause(Timing.NOW, paid_days=PaidDays.FORFEIT))
    stage.until(day("03-12"))
    (back,) = stage.say(Resume())
    assert (back.served_days, back.credit_days, back.open_days) == (0, 0, 19)


def test_open_days_after_a_pause_can_be_paid_once():
    stage = Stage.active()
    stage.on = day("02-10")
    stage.say(Pause(Timing.NOW))
    stage.until(day("03-12"))
    stage.say(Resume())
    stage.say(ChargeSucceeded(None))
    assert stage.sub.paid_through == day("03-31")
    with pytest.raises(BadInput, match="no day of the running period is open"):
        stage.say(ChargeSucceeded(None))


@pytest.mark.parametrize(
    ("command", "began", "ends", "charged"),
    [
        pytest.param(
            Pause(Timing.PERIOD_END, cycles=2), "02-28", "04-30", "04-30", id="two cycles"
        ),
        pytest.param(
            Pause(Timing.ON_DATE, day("03-10"), until=day("04-05")),
            "03-10",
            "04-05",
            "04-30",
            id="between dates",
        ),
    ],
)
def test_a_pause_ends_by_itself(command, began, ends, charged):
    """Regression: skipped periods stuck for ever."""
    stage = Stage.active()
    stage.say(command)
    stage.until(day(began))
    assert (stage.sub.state, stage.sub.pause.until) == ("paused", day(ends))
    stage.until(day(ends), pays=False)
    assert (stage.sub.state, charge_on(stage.sub)) == ("active", day(charged))


def test_the_date_a_pause_ends_on_can_be_moved():
    stage = Stage.active()
    stage.say(Pause(Timing.NOW))
    stage.say(Resume(day("03-05")))
    assert stage.until(day("03-04")).sub.state == "paused"
    assert stage.until(day("03-05")).sub.state == "active"


def test_a_payment_that_arrives_in_a_pause_is_banked():
    stage = Stage.active().until(day("02-27"))
    stage.on = day("02-28")
    stage.say(ChargeDeclined(1, "SoftDeclined"))
    stage.on = day("03-10")
    stage.say(DunningEnded(DunningOutcome.PAUSE))
    stage.say(ChargeSucceeded(1))  # 28 Feb to 31 Mar; from 10 Mar on it is paused
    assert (stage.sub.state, stage.sub.pause.banked_days) == ("paused", 21)


# Plans


def test_a_yearly_cross_grade_keeps_number_and_intent():
    stage = Stage.active()
    stage.say(to_pro(Replacement.CROSS_GRADE, Timing.PERIOD_END, interval=YEARLY))
    stage.until(day("02-28"))
    assert cycle_days(stage.sub, 1) == Period(day("02-28"), date(2027, 2, 28))
    assert stage.sub.period == Period(day("02-28"), date(2027, 2, 28))
    back = ChangePlan(
        "pro", "basic", "basic@1", Replacement.CROSS_GRADE, Timing.PERIOD_END, interval=MONTHLY
    )
    stage.staff(back)
    stage.until(date(2027, 4, 30))
    # The 31st of January is not forgotten: 28 Feb, 31 Mar, 30 Apr.
    assert stage.sub.period == Period(date(2027, 4, 30), date(2027, 5, 31))


def test_an_upgrade_that_restarts_cuts_the_period_and_charges_today():
    stage = Stage.active()
    stage.on = day("02-10")
    _, moved = stage.say(to_pro(restarts=True))
    assert isinstance(moved, AnchorChanged)
    assert moved.bridge_days == -18  # 10 to 28 February
    assert (charge_on(stage.sub), stage.sub.next_cycle) == (day("02-10"), 1)


def test_a_new_minimum_term_adds_to_nothing_and_shortens_nothing():
    stage = Stage.active(minimum_cycles=6)
    stage.say(to_pro(minimum_cycles=2))
    assert stage.sub.cycles_owed == 5
    stage.say(ChangePlan("pro", "max", "max@1", Replacement.UPGRADE, Timing.NOW, minimum_cycles=12))
    assert stage.sub.cycles_owed == 12


def test_a_change_that_waits_for_an_unpaid_cycle_takes_effect_after_it():
    stage = Stage.active()
    stage.say(to_pro(timing=Timing.ON_DATE, on_date=day("03-05")))
    stage.on = day("02-28")
    stage.say(ChargeDeclined(1, "SoftDeclined"))
    stage.until(day("03-07"), pays=False)
    assert stage.sub.plan_code == "basic"
    stage.say(ChargeSucceeded(1))
    stage.say(TimePassed())
    assert stage.sub.plan_code == "pro"
    assert stage.events[-1].fact.on == day("03-05")
