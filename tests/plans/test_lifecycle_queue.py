"""Changes that wait: what fits beside each other, what conflicts, what an undo may take away."""

from datetime import date

import pytest
from lifecycle_cases import YEARLY, Stage

from plans import Replacement
from plans.lifecycle import (
    AddAddOn,
    AddCoupon,
    AlreadyDone,
    Cancel,
    ChangeAddOn,
    ChangeAnchor,
    ChangeNextDate,
    ChangePlan,
    ChangeQuantity,
    Conflict,
    ExtendTrial,
    Pause,
    Policy,
    Refused,
    Resume,
    SkipCycles,
    StillNeeded,
    Timing,
    Undo,
    UnknownSchedule,
    WhenCanceling,
    Withdrawn,
)

MAR, APR, MAY = date(2026, 3, 10), date(2026, 4, 10), date(2026, 5, 10)


def on(due: date) -> dict:
    return {"timing": Timing.ON_DATE, "on_date": due}


def plan(old: str, new: str, due: date | None, direction=Replacement.UPGRADE, **more):
    when = on(due) if due else {"timing": Timing.NOW}
    return ChangePlan(old, new, f"{new}@1", direction, **when, **more)


YEAR = {"interval": YEARLY}


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        pytest.param(Cancel(**on(APR)), ChangeQuantity(2, **on(APR)), "after_cancellation", id="1"),
        pytest.param(Cancel(**on(APR)), AddAddOn("a", 1, **on(MAY)), "after_cancellation", id="2"),
        pytest.param(Cancel(**on(APR)), Cancel(**on(MAY)), "cancellation_waits", id="two ends"),
        pytest.param(Cancel(**on(APR)), plan("basic", "pro", MAR), "cancellation_waits", id="plan"),
        pytest.param(
            plan("basic", "pro", MAR), plan("basic", "max", MAR), "same_date", id="two plans"
        ),
        pytest.param(
            ChangeQuantity(2, **on(MAR)), ChangeQuantity(3, **on(MAR)), "same_date", id="two counts"
        ),
        pytest.param(
            ChangeQuantity(2, **on(MAR)),
            plan("basic", "pro", MAR, quantity=3),
            "same_date",
            id="a count and a plan with a count",
        ),
        pytest.param(
            AddAddOn("a", 1, **on(MAR)), AddAddOn("a", 2, **on(MAR)), "same_date", id="one add-on"
        ),
        pytest.param(
            Pause(Timing.ON_DATE, MAR, until=MAY), SkipCycles(1, 2), "pause_in_pause", id="skip"
        ),
        pytest.param(
            Pause(Timing.ON_DATE, MAR),
            Pause(Timing.ON_DATE, MAY, until=date(2026, 6, 1)),
            "pause_in_pause",
            id="pause in an open pause",
        ),
        pytest.param(
            SkipCycles(1, 2), Pause(Timing.ON_DATE, MAR), "pause_in_pause", id="open pause over it"
        ),
        pytest.param(SkipCycles(1, 2), plan("basic", "pro", MAR, **YEAR), "calendar_bound", id="3"),
        pytest.param(plan("basic", "pro", MAR, **YEAR), SkipCycles(1, 2), "calendar_bound", id="4"),
        pytest.param(SkipCycles(1, 2), ChangeAnchor(date(2026, 2, 10)), "calendar_bound", id="5"),
        pytest.param(
            plan("basic", "pro", MAR, **YEAR), ChangeAnchor(MAR), "calendar_bound", id="6"
        ),
        pytest.param(SkipCycles(), ChangeNextDate(date(2026, 3, 5)), "date_taken", id="skipped"),
        pytest.param(
            Cancel(**on(MAR)), ChangeNextDate(date(2026, 3, 20)), "date_taken", id="after the end"
        ),
        pytest.param(
            plan("basic", "lite", MAR, Replacement.DOWNGRADE),
            plan("basic", "pro", None),
            "later_change_depends",
            id="upgrade now, downgrade waiting",
        ),
    ],
)
def test_conflicts_say_what_to_undo(first, second, code):
    stage = Stage.active()
    stage.staff(first)
    (waiting,) = stage.sub.queue
    with pytest.raises(Conflict) as refused:
        stage.staff(second)
    assert (refused.value.code, refused.value.undo) == (code, waiting.id)
    stage.staff(Undo(waiting.id))
    assert stage.staff(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(ChangeNextDate(date(2026, 3, 5)), SkipCycles(), id="skip"),
        pytest.param(
            ChangeNextDate(date(2026, 3, 5)), Pause(Timing.PERIOD_END), id="pause in between"
        ),
        pytest.param(
            ChangeNextDate(date(2026, 3, 5)), plan("basic", "pro", MAR, **YEAR), id="new calendar"
        ),
    ],
)
def test_a_moved_charge_is_not_run_over(first, second):
    stage = Stage.active()
    stage.say(first)
    with pytest.raises(Refused, match="move it back to 2026-02-28 first") as refused:
        stage.staff(second)
    assert refused.value.code == "date_moved"


def test_changes_wait_in_the_order_of_their_dates():
    stage = Stage.active()
    stage.say(Cancel(**on(MAY)))
    stage.say(ChangeQuantity(5, **on(APR)))
    stage.say(AddCoupon("spring", **on(MAR)))
    stage.say(ChangeQuantity(3, **on(MAR)))
    assert [kind for kind, _ in stage.waiting] == ["quantity", "coupon", "quantity", "cancellation"]
    assert stage.until(APR).sub.quantity == 5


def test_an_entry_knows_who_asked_why_and_on_which_quote():
    stage = Stage.active()
    stage.say(ChangeQuantity(3, **on(MAR)), reason="more people", quote_id="q-7")
    (entry,) = stage.sub.queue
    assert (entry.actor, entry.reason, entry.quote_id) == ("customer", "more people", "q-7")


def test_a_chain_of_plans_depends_on_its_links():
    stage = Stage.active()
    stage.say(plan("basic", "pro", MAR))
    stage.say(plan("pro", "max", APR))
    first, second = stage.sub.queue
    with pytest.raises(StillNeeded) as refused:
        stage.say(Undo(first.id))
    assert refused.value.needed_by == second.id
    stage.say(Undo(second.id))
    stage.say(Undo(first.id))
    assert stage.sub.queue == ()


def test_a_change_in_front_of_the_chain_must_fit_it():
    stage = Stage.active()
    stage.say(AddAddOn("a", 1, **on(APR)))
    with pytest.raises(Refused, match="it is not held on that date"):
        stage.say(ChangeAddOn("a", 2, **on(MAR)))
    stage.say(ChangeAddOn("a", 2, **on(MAY)))
    with pytest.raises(Conflict, match=r"would no longer fit: it is held already"):
        stage.say(AddAddOn("a", 1))


def test_leaving_needs_no_tidying_up():
    """What waits beyond the end lapses with it: nobody undoes changes in order to cancel."""
    stage = Stage.active()
    stage.say(ChangeQuantity(3, **on(APR)))
    stage.say(Cancel(**on(MAR)))
    stage.until(MAY)
    assert (stage.sub.state, stage.sub.quantity, stage.sub.queue) == ("canceled", 1, ())


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        pytest.param(WhenCanceling.KEEP, 1, id="kept"),
        pytest.param(WhenCanceling.WITHDRAW, 0, id="withdrawn"),
    ],
)
def test_a_plan_change_says_what_becomes_of_a_cancellation(rule, left):
    stage = Stage.active(Policy(plan_change_while_canceling=rule))
    stage.say(Cancel(**on(APR)))
    facts = stage.say(plan("basic", "pro", None))
    assert len(stage.sub.queue) == left
    assert any(isinstance(fact, Withdrawn) for fact in facts) is (left == 0)


def test_only_what_waits_can_be_undone():
    stage = Stage.active()
    stage.say(ChangeQuantity(3))
    with pytest.raises(UnknownSchedule, match=r"use one of: \(none\)"):
        stage.say(Undo("chg-4"))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(ChangeQuantity(1), id="same count"),
        pytest.param(plan("basic", "basic", None), id="same plan"),
        pytest.param(ChangeNextDate(date(2026, 2, 28)), id="same date"),
        pytest.param(ChangeAnchor(date(2026, 2, 28), 31), id="same anchor"),
        pytest.param(ChangeQuantity(1, **on(MAR)), id="same count later"),
    ],
)
def test_what_changes_nothing_is_refused(command):
    with pytest.raises(AlreadyDone):
        Stage.active().staff(command)


def test_a_pause_cannot_be_stretched_over_the_next_one():
    stage = Stage.active()
    stage.say(Pause(Timing.ON_DATE, APR, until=MAY))
    stage.say(Pause(Timing.NOW, until=MAR))
    with pytest.raises(Conflict) as refused:
        stage.say(Resume(date(2026, 4, 20)))
    assert refused.value.code == "pause_in_pause"


def test_a_trial_is_not_moved_under_a_cancellation_at_its_end():
    stage = Stage.begun(trial_days=30)
    stage.say(Cancel(Timing.PERIOD_END))
    with pytest.raises(Conflict) as refused:
        stage.staff(ExtendTrial(APR))
    assert refused.value.code == "calendar_bound"
