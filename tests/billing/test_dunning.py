"""After a definite decline: when the next try comes, who must act, and when it is over."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.dunning import (
    BUYER_MUST_ACT,
    RETRYABLE,
    Decline,
    DunningStep,
    NextStep,
    next_step,
    parse_schedule,
)
from plans import ALWAYS, DunningSchedule, Tries

FIRST = date(2026, 11, 20)
SCHEDULE = (1, 3, 7, 14)


def step_after(
    reason: str, declines: int, on: date, schedule: tuple[int, ...] = SCHEDULE
) -> DunningStep:
    return next_step(
        schedule=DunningSchedule("own", ALWAYS, soft=Tries(schedule)),
        decline=Decline(reason, declines - 1, FIRST, on),
        charge_hour=9,
    )


@pytest.mark.parametrize("reason", sorted(RETRYABLE))
@pytest.mark.parametrize(
    ("declines", "on", "step", "then"),
    [
        pytest.param(1, FIRST, NextStep.RETRY, date(2026, 11, 21), id="20 + 1"),
        pytest.param(2, date(2026, 11, 21), NextStep.RETRY, date(2026, 11, 23), id="20 + 3"),
        pytest.param(3, date(2026, 11, 23), NextStep.RETRY, date(2026, 11, 27), id="20 + 7"),
        pytest.param(4, date(2026, 11, 27), NextStep.RETRY, date(2026, 12, 4), id="20 + 14"),
        pytest.param(5, date(2026, 12, 4), NextStep.END, date(2026, 12, 4), id="four retries done"),
        pytest.param(
            2, date(2026, 11, 23), NextStep.RETRY, date(2026, 11, 24), id="planned day is today"
        ),
        pytest.param(
            3, date(2026, 12, 24), NextStep.RETRY, date(2026, 12, 25), id="planned day is long gone"
        ),
    ],
)
def test_a_retryable_decline_follows_the_schedule(
    reason: str, declines: int, on: date, step: NextStep, then: date
) -> None:
    found = step_after(reason, declines, on)
    assert (found.step, found.on) == (step, then)


@pytest.mark.parametrize("reason", sorted(BUYER_MUST_ACT))
@pytest.mark.parametrize(
    ("declines", "on", "until"),
    [
        pytest.param(1, FIRST, date(2026, 12, 4), id="until 20 + 14"),
        pytest.param(3, date(2026, 12, 3), date(2026, 12, 4), id="the last day stays the last"),
        pytest.param(4, date(2026, 12, 4), date(2026, 12, 5), id="one more day on the last day"),
        pytest.param(9, date(2027, 1, 9), date(2027, 1, 10), id="one more day long after it"),
    ],
)
def test_what_only_the_buyer_can_cure_waits_for_the_buyer(
    reason: str, declines: int, on: date, until: date
) -> None:
    found = step_after(reason, declines, on)
    assert (found.step, found.on) == (NextStep.WAIT_FOR_BUYER, until)


def test_a_reason_is_cured_by_time_or_by_the_buyer_never_both() -> None:
    assert not RETRYABLE & BUYER_MUST_ACT


schedules = st.sets(st.integers(1, 60), min_size=1, max_size=6).map(lambda s: tuple(sorted(s)))


@given(
    reason=st.sampled_from(sorted(RETRYABLE | BUYER_MUST_ACT)),
    declines=st.integers(1, 10),
    late=st.integers(0, 400),
    schedule=schedules,
)
def test_no_step_lies_in_the_past_and_no_second_try_on_the_same_day(
    reason: str, declines: int, late: int, schedule: tuple[int, ...]
) -> None:
    on = FIRST + timedelta(days=late)
    found = step_after(reason, declines, on, schedule)
    if found.step is NextStep.END:
        assert found.on == on
        assert declines > len(schedule)
    else:
        assert found.on > on


@given(schedule=schedules, delays=st.lists(st.integers(0, 5), min_size=7, max_size=7))
def test_soft_declines_end_after_exactly_the_scheduled_tries(
    schedule: tuple[int, ...], delays: list[int]
) -> None:
    on, retries = FIRST, 0
    while (found := step_after("SoftDeclined", retries + 1, on, schedule)).step is NextStep.RETRY:
        retries += 1
        on = found.on + timedelta(days=delays[retries])  # the engine was away for some days
    assert found.step is NextStep.END
    assert retries == len(schedule)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        pytest.param("1,3,7,14", (1, 3, 7, 14), id="the default"),
        pytest.param("5", (5,), id="one"),
        pytest.param(" 1, 2 ,30", (1, 2, 30), id="spaces"),
        pytest.param("1,365", (1, 365), id="a year at most"),
    ],
)
def test_parse_schedule(text: str, days: tuple[int, ...]) -> None:
    assert parse_schedule(text) == days


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param("", "whole days", id="empty"),
        pytest.param("1,,3", "whole days", id="a gap"),
        pytest.param("1,3,", "whole days", id="a comma at the end"),
        pytest.param("1;3", "whole days", id="another separator"),
        pytest.param("1.5", "whole days", id="half a day"),
        pytest.param("daily", "whole days", id="a word"),
        pytest.param("0,1", "ascend", id="the day itself"),
        pytest.param("-1,2", "ascend", id="the past"),
        pytest.param("3,1", "ascend", id="descending"),
        pytest.param("1,1,3", "ascend", id="two tries a day"),
        pytest.param("1,366", "365", id="more than a year"),
        pytest.param("99999999999", "365", id="beyond the calendar"),
    ],
)
def test_a_bad_schedule_is_refused_with_its_rule(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule) as refused:
        parse_schedule(text)
    assert f"dunning_days {text!r}" in str(refused.value)
