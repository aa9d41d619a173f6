"""Life of a subscription: which moves exist, and the dates around pause, trial and term."""

from datetime import date
from itertools import product

import pytest

from plans import (
    TRANSITIONS,
    Anchor,
    BadInput,
    ForbiddenTransition,
    Interval,
    SubscriptionState,
    Unit,
    check_transition,
    cycle_after_resume,
    minimum_term_remaining,
    trial_end,
)

# The design page's picture, written down a second time on purpose.
ALLOWED = {
    ("pending", "trialing"),
    ("pending", "active"),
    ("pending", "canceled"),
    ("trialing", "active"),
    ("trialing", "past_due"),  # the first charge after the trial is declined
    ("trialing", "canceled"),
    ("active", "past_due"),
    ("active", "paused"),
    ("active", "canceled"),
    ("past_due", "active"),
    ("past_due", "paused"),
    ("past_due", "canceled"),
    ("paused", "active"),
    ("paused", "canceled"),
}
MONTHLY = Interval(Unit.MONTH, 1)


@pytest.mark.parametrize(("old", "new"), list(product(SubscriptionState, repeat=2)), ids=str)
def test_only_the_moves_of_the_picture_exist(old, new):
    if (old.value, new.value) in ALLOWED:
        check_transition(old, new)
    else:
        with pytest.raises(ForbiddenTransition, match=f"{old.value} cannot become {new.value}"):
            check_transition(old, new)


def test_every_state_is_in_the_table_and_canceled_is_final():
    assert set(TRANSITIONS) == set(SubscriptionState)
    with pytest.raises(ForbiddenTransition, match="this state is final"):
        check_transition(SubscriptionState.CANCELED, SubscriptionState.ACTIVE)


@pytest.mark.parametrize(
    ("next_cycle", "resume_on", "cycle"),
    [
        pytest.param(3, "2026-03-01", 3, id="resumed before the next cycle"),
        pytest.param(3, "2026-04-30", 3, id="resumed on its start"),
        pytest.param(3, "2026-05-01", 4, id="resumed a day late skips it"),
        pytest.param(3, "2027-01-11", 12, id="skipped cycles keep their numbers"),
    ],
)
def test_cycle_after_resume(next_cycle, resume_on, cycle):
    # Anchored on the 31st: cycle 3 starts on 30 April 2026, cycle 12 on 31 January 2027.
    found = cycle_after_resume(
        anchor=Anchor(2026, 1, 31),
        interval=MONTHLY,
        next_cycle=next_cycle,
        resume_on=date.fromisoformat(resume_on),
    )
    assert found == cycle


@pytest.mark.parametrize(
    ("minimum", "done", "remaining"),
    [
        pytest.param(3, 0, 3, id="just begun"),
        pytest.param(3, 2, 1, id="one to go"),
        pytest.param(3, 3, 0, id="done"),
        pytest.param(3, 9, 0, id="long done"),
        pytest.param(0, 0, 0, id="no minimum"),
    ],
)
def test_minimum_term_remaining(minimum, done, remaining):
    assert minimum_term_remaining(minimum_cycles=minimum, cycles_done=done) == remaining


@pytest.mark.parametrize(
    ("days", "first_paid_day"),
    [
        pytest.param(0, "2026-11-22", id="no trial"),
        pytest.param(14, "2026-12-06", id="two weeks, the first day counted"),
    ],
)
def test_trial_end(days, first_paid_day):
    ends = trial_end(started_on=date(2026, 11, 22), trial_days=days)
    assert ends == date.fromisoformat(first_paid_day)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        pytest.param(
            lambda: minimum_term_remaining(minimum_cycles=-1, cycles_done=0),
            "minimum_cycles",
            id="negative minimum",
        ),
        pytest.param(
            lambda: minimum_term_remaining(minimum_cycles=1, cycles_done=-1),
            "cycles_done",
            id="negative cycles",
        ),
        pytest.param(
            lambda: trial_end(started_on=date(2026, 1, 1), trial_days=-1),
            "trial_days",
            id="negative trial",
        ),
    ],
)
def test_refused(call, field):
    with pytest.raises(BadInput) as refused:
        call()
    assert refused.value.field == field
