"""Laws of dunning dates, for any schedule, any cap and any day."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from billing.cap.plan import CapRule
from billing.dunning import (
    BUYER_MUST_ACT,
    RETRYABLE,
    CapAhead,
    Decline,
    MoveCause,
    NextStep,
    next_step,
    preview_dunning,
)
from plans import ALWAYS, DunningSchedule, PayDays, Tries

NINE = 9
TOKYO = "Asia/Tokyo"


def played(given: DunningSchedule, declined_on: date, reason: str, cap: CapAhead | None = None):
    return preview_dunning(
        schedule=given, reason_code=reason, declined_on=declined_on, charge_hour=NINE, cap=cap
    )


ascending = st.sets(st.integers(1, 60), min_size=1, max_size=6).map(lambda s: tuple(sorted(s)))
tries = st.builds(Tries, ascending, st.none() | st.integers(8, 20))
pay_days = st.builds(
    PayDays,
    st.sets(st.integers(1, 31), min_size=1, max_size=4).map(lambda s: tuple(sorted(s))),
    st.integers(1, 31),
    st.integers(8, 20),
)


@st.composite
def schedules(draw: st.DrawFn) -> DunningSchedule:
    lists = [draw(tries), draw(st.none() | tries), draw(st.none() | tries)]
    longest = max(each.days[-1] for each in lists if each)
    return DunningSchedule(
        "s",
        ALWAYS,
        soft=lists[0],
        timed_out=lists[1],
        processing=lists[2],
        max_tries=draw(st.none() | st.integers(1, 8)),
        last_day=draw(st.none() | st.integers(longest, 90)),
        min_gap_days=draw(st.integers(1, 10)),
        from_hour=draw(st.integers(0, 8)),
        until_hour=draw(st.integers(21, 24)),
        pay_days=draw(st.none() | pay_days),
    )


months = st.sampled_from([f"2027-{month:02d}" for month in range(1, 13)])
caps = st.builds(
    CapAhead,
    amount_yen=st.integers(1, 50_000),
    limit_yen=st.just(50_000),
    rule=st.sampled_from(CapRule),
    timezone=st.sampled_from([TOKYO, "UTC"]),
    taken_yen=st.dictionaries(months, st.integers(0, 60_000)),
)
first_days = st.dates(date(2027, 1, 1), date(2027, 12, 31))
reasons = st.sampled_from(sorted(RETRYABLE))


@given(schedules(), first_days, reasons, st.none() | caps, st.integers(0, 23))
def test_tries_ascend_keep_the_gap_and_never_pass_the_last_day(
    given: DunningSchedule, on: date, reason: str, cap: CapAhead | None, charge_hour: int
) -> None:
    found = preview_dunning(
        schedule=given, reason_code=reason, declined_on=on, charge_hour=charge_hour, cap=cap
    )
    all_days = [on, *(each.on for each in found.tries)]
    gaps = [later - earlier for earlier, later in pairwise(all_days)]
    assert all(gap >= timedelta(days=given.min_gap_days) for gap in gaps)
    if given.last_day is not None:
        assert all_days[-1] <= on + timedelta(days=given.last_day)
    if given.max_tries is not None:
        assert len(found.tries) <= given.max_tries
    assert all(each.on >= each.planned for each in found.tries)
    assert all(given.from_hour <= each.hour < given.until_hour for each in found.tries)


@given(schedules(), first_days, reasons, caps, st.integers(0, 23))
def test_no_try_is_on_a_day_that_the_cap_refuses(
    given: DunningSchedule, on: date, reason: str, cap: CapAhead, charge_hour: int
) -> None:
    found = preview_dunning(
        schedule=given, reason_code=reason, declined_on=on, charge_hour=charge_hour, cap=cap
    )
    assert all(cap.takes(on=each.on, hour=each.hour) for each in found.tries)


@given(schedules(), first_days, reasons, st.none() | caps)
def test_the_moves_of_a_try_lead_from_its_planned_day_to_its_day(
    given: DunningSchedule, on: date, reason: str, cap: CapAhead | None
) -> None:
    for each in played(given, on, reason, cap).tries:
        path = [each.planned, *(move.after for move in each.moves)]
        assert [move.before for move in each.moves] == path[:-1]
        assert path == sorted(set(path))
        assert path[-1] == each.on


@given(schedules(), first_days, reasons)
def test_a_try_moved_to_a_pay_day_is_on_one_and_within_reach(
    given: DunningSchedule, on: date, reason: str
) -> None:
    assume(given.pay_days is not None)
    for each in played(given, on, reason).tries:
        for move in each.moves:
            if move.cause is MoveCause.PAY_DAY:
                assert (move.after - move.before).days <= given.pay_days.within
                last = (move.after + timedelta(days=1)).day == 1
                assert move.after.day in given.pay_days.days or last


@given(
    schedules(),
    st.sampled_from(sorted(RETRYABLE | BUYER_MUST_ACT)),
    st.integers(0, 8),
    st.integers(0, 400),
    st.none() | caps,
)
def test_no_step_lies_in_the_past_however_late_it_is_taken(
    given: DunningSchedule, reason: str, made: int, late: int, cap: CapAhead | None
) -> None:
    first_on = date(2027, 1, 5)
    on = first_on + timedelta(days=late)
    found = next_step(
        schedule=given,
        decline=Decline(reason, made, first_on, on),
        charge_hour=NINE,
        cap=cap,
    )
    assert found.on == on if found.step is NextStep.END else found.on > on


@given(schedules(), first_days, reasons)
def test_a_cap_with_room_everywhere_changes_nothing(
    given: DunningSchedule, on: date, reason: str
) -> None:
    assert played(given, on, reason, CapAhead(1_980, 50_000, CapRule.DEFER, TOKYO)) == played(
        given, on, reason
    )
