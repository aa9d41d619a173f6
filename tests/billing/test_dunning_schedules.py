"""Dates of a dunning schedule: by table with the arithmetic beside it, and by laws."""

from datetime import UTC, date, datetime

import pytest

from billing.cap.plan import CapRule
from billing.dunning import (
    CapAhead,
    Decline,
    MoveCause,
    end_words,
    move_words,
    next_step,
    next_waking_hour,
    preview_dunning,
)
from plans import ALWAYS, BadInput, DunningEnd, DunningSchedule, PayDays, Tries

TOKYO = "Asia/Tokyo"
NINE = 9


def schedule(**terms) -> DunningSchedule:
    return DunningSchedule("s", ALWAYS, **terms)


def room(amount_yen: int = 1_980, rule: CapRule = CapRule.DEFER, **taken: int) -> CapAhead:
    """A cap of 50,000 yen; `taken` is yen by month, as feb=50_000 (of 2027)."""
    months = {"jan": "2027-01", "feb": "2027-02", "mar": "2027-03", "apr": "2027-04"}
    used = {months[name]: yen for name, yen in taken.items()}
    return CapAhead(amount_yen, 50_000, rule, TOKYO, used)


def played(given: DunningSchedule, declined_on: date, reason: str = "SoftDeclined", cap=None):
    return preview_dunning(
        schedule=given, reason_code=reason, declined_on=declined_on, charge_hour=NINE, cap=cap
    )


def days(*texts: str) -> list[date]:
    return [date.fromisoformat(f"2027-{text}") for text in texts]


@pytest.mark.parametrize(
    ("terms", "declined_on", "tries"),
    [
        pytest.param({}, "02-03", ["02-04", "02-06", "02-10", "02-17"], id="3 + 1, 3, 7, 14"),
        pytest.param(
            {"max_tries": 2}, "02-03", ["02-04", "02-06"], id="two tries at most, of four"
        ),
        pytest.param(
            {"min_gap_days": 3},
            "02-03",
            ["02-06", "02-09", "02-12", "02-17"],  # 3 + 3; 6 + 3; 9 + 3; 3 + 14
            id="three days between tries",
        ),
        pytest.param(
            {"soft": Tries((1, 3, 10)), "min_gap_days": 4, "last_day": 10},
            "02-03",
            ["02-07", "02-11"],  # 3 + 4; 7 + 4; 11 + 4 = 15 is past 3 + 10 = 13
            id="no try past the last day",
        ),
        pytest.param(
            {"pay_days": PayDays()},
            "02-18",
            # 18 + 1 = 19, six days to the 25th; then 26, 27; 18 + 14 = 4 March
            ["02-25", "02-26", "02-27", "03-04"],
            id="the 25th is near enough",
        ),
        pytest.param(
            {"pay_days": PayDays(within=5)},
            "02-18",
            # 19 + 6 days is too far, 21 + 4 is not; then 26; 4 March
            ["02-19", "02-25", "02-26", "03-04"],
            id="the 25th is a day too far from the 19th",
        ),
        pytest.param(
            {"pay_days": PayDays((31,)), "soft": Tries((1, 5))},
            "02-25",
            ["02-28", "03-02"],  # February ends on the 28th; 25 + 5 = 2 March
            id="31 is the last day of February",
        ),
        pytest.param(
            {"pay_days": PayDays((30,)), "soft": Tries((1,))},
            "02-22",
            ["02-28"],  # 23 + 5
            id="a pay-day that February lacks is its last day",
        ),
        pytest.param(
            {"pay_days": PayDays((10, 25)), "soft": Tries((1, 7)), "min_gap_days": 7},
            "02-20",
            ["02-27", "03-10"],  # 20 + 7, the 25th is over; 27 + 7 = 6 March, four days to the 10th
            id="a gap that leads past one pay-day to the next",
        ),
        pytest.param(
            {"pay_days": PayDays(), "last_day": 14},
            "02-09",
            ["02-10", "02-12", "02-16", "02-23"],  # 23 + 2 = 25 would be past 9 + 14 = 23
            id="not moved to a pay-day past the last day",
        ),
    ],
)
def test_the_days_of_tries(terms: dict, declined_on: str, tries: list[str]) -> None:
    found = played(schedule(**terms), *days(declined_on))
    assert [each.on for each in found.tries] == days(*tries)
    assert found.ends_on == found.tries[-1].on


@pytest.mark.parametrize(
    ("cap", "declined_on", "tries"),
    [
        pytest.param(
            room(feb=48_021),  # 50,000 − 48,021 = 1,979 are left for 1,980
            "02-20",
            ["03-01", "03-02", "03-03", "03-06"],  # then a day apart; 20 + 14 = 6 March
            id="February lacks one yen",
        ),
        pytest.param(
            room(feb=48_020),
            "02-20",
            ["02-21", "02-23", "02-27", "03-06"],
            id="February has room to the yen",
        ),
        pytest.param(
            room(feb=50_000, mar=50_000),
            "02-27",
            ["04-01", "04-02", "04-03", "04-04"],
            id="nor has March any room",
        ),
        pytest.param(
            room(amount_yen=60_000, feb=50_000),
            "02-20",
            ["02-21", "02-23", "02-27", "03-06"],  # the run refuses it by the merchant's rule
            id="no month ever has room",
        ),
        pytest.param(
            room(rule=CapRule.SPLIT, feb=49_000),
            "02-20",
            ["02-21", "02-23", "02-27", "03-06"],  # a part of 1,000 yen is charged
            id="split: any room is enough",
        ),
        pytest.param(
            room(rule=CapRule.SPLIT, feb=50_000),
            "02-20",
            ["03-01", "03-02", "03-03", "03-06"],
            id="split: no room at all",
        ),
        pytest.param(
            room(rule=CapRule.REFUSE, feb=49_000),
            "02-20",
            ["03-01", "03-02", "03-03", "03-06"],
            id="refuse: a try waits for room all the same",
        ),
    ],
)
def test_no_try_lies_in_a_month_without_room(
    cap: CapAhead, declined_on: str, tries: list[str]
) -> None:
    found = played(schedule(), *days(declined_on), cap=cap)
    assert [each.on for each in found.tries] == days(*tries)


def test_early_on_the_first_the_old_month_still_counts() -> None:
    """8:00 in Tokyo is 23:00 UTC of 28 February: the try waits for the 2nd."""
    found = preview_dunning(
        schedule=schedule(soft=Tries((1,))),
        reason_code="SoftDeclined",
        declined_on=date(2027, 2, 20),
        charge_hour=8,
        cap=room(feb=50_000),
    )
    assert [each.on for each in found.tries] == days("03-02")


def test_a_cap_that_leads_past_the_last_day_ends_it_and_says_why() -> None:
    found = played(
        schedule(soft=Tries((1, 3)), last_day=5), date(2027, 2, 20), cap=room(feb=50_000)
    )
    assert (found.tries, found.ends_on) == ((), date(2027, 2, 20))
    (move,) = found.stopped_by
    assert (move.cause, move.after) == (MoveCause.CAP, date(2027, 3, 1))


def test_the_words_of_a_preview_are_its_arithmetic() -> None:
    """20 + 1 = 21 → pay-day 25 → no room in February → 1 March."""
    given = schedule(soft=Tries((1,)), pay_days=PayDays())
    (only,) = played(given, date(2027, 2, 20), cap=room(feb=50_000)).tries
    assert only.planned == date(2027, 2, 21)
    assert [move_words(move) for move in only.moves] == [
        ("給料日のため2月25日に移動", "moved to 25 February: a pay-day"),
        (
            "2月は月間上限に空きがないため3月1日に移動",
            "moved to 1 March: the cap has no room in February",
        ),
    ]


def test_a_day_moved_by_the_gap_says_so() -> None:
    second = played(schedule(soft=Tries((1, 2)), min_gap_days=2), date(2027, 2, 20)).tries[1]
    (move,) = second.moves
    assert move_words(move)[1] == "moved to 24 February: not so soon after the last try"
    assert "間隔" in move_words(move)[0]


@pytest.mark.parametrize("end", DunningEnd)
def test_every_end_has_words(end: DunningEnd) -> None:
    assert all(end_words(end))


@pytest.mark.parametrize(
    ("reason", "hour", "on"),
    [
        pytest.param("SoftDeclined", 11, "02-21", id="soft: its own hour"),
        pytest.param("TransactionTimedOut", 9, "02-22", id="timed out: the merchant's hour"),
        pytest.param("ProcessingFailure", 15, "02-20", id="processing: its own list"),
    ],
)
def test_each_reason_has_its_list(reason: str, hour: int, on: str) -> None:
    given = schedule(
        soft=Tries((2,), hour=11), timed_out=Tries((3,)), processing=Tries((1,), hour=15)
    )
    (only,) = played(given, date(2027, 2, 19), reason).tries
    assert (only.on, only.hour) == (*days(on), hour)


def test_a_pay_day_has_an_hour_of_its_own() -> None:
    given = schedule(soft=Tries((1, 8), hour=8), pay_days=PayDays(hour=13))
    assert [each.hour for each in played(given, date(2027, 2, 20)).tries] == [13, 8]


@pytest.mark.parametrize(
    ("charge_hour", "hour"),
    [pytest.param(3, 8, id="up"), pytest.param(23, 20, id="down"), pytest.param(12, 12, id="kept")],
)
def test_the_merchants_hour_is_put_inside_the_hours_of_the_schedule(
    charge_hour: int, hour: int
) -> None:
    step = next_step(
        schedule=schedule(from_hour=8, until_hour=21),
        decline=Decline("SoftDeclined", 0, date(2027, 2, 1), date(2027, 2, 1)),
        charge_hour=charge_hour,
    )
    assert step.hour == hour


@pytest.mark.parametrize(
    ("at", "morning"),
    [
        pytest.param("2027-02-01T07:59+09:00", "2027-02-01T08:00+09:00", id="before the morning"),
        pytest.param("2027-02-01T08:00+09:00", None, id="the first hour"),
        pytest.param("2027-02-01T20:59+09:00", None, id="the last minute"),
        pytest.param("2027-02-01T21:00+09:00", "2027-02-02T08:00+09:00", id="tomorrow"),
    ],
)
def test_at_night_a_try_waits_for_the_morning(at: str, morning: str | None) -> None:
    found = next_waking_hour(
        schedule=schedule(from_hour=8, until_hour=21),
        at=datetime.fromisoformat(at).astimezone(UTC),
        timezone=TOKYO,
    )
    assert found == (None if morning is None else datetime.fromisoformat(morning))


@pytest.mark.parametrize(
    ("terms", "until"),
    [
        pytest.param({}, "02-15", id="as long as the tries: 1 + 14"),
        pytest.param({"timed_out": Tries((1, 20))}, "02-21", id="the longest list: 1 + 20"),
        pytest.param({"last_day": 30}, "03-03", id="until the last day: 1 + 30"),
        pytest.param({"last_day": 30, "buyer_days": 21}, "02-22", id="days of its own: 1 + 21"),
    ],
)
def test_how_long_the_buyer_has(terms: dict, until: str) -> None:
    found = played(schedule(**terms), date(2027, 2, 1), "HardDeclined")
    assert (found.waits_for_buyer, found.tries) == (True, ())
    assert found.ends_on == days(until)[0]


@pytest.mark.parametrize(
    ("reason", "rule"),
    [
        ("PeriodicAmountExceeded", "is no decline"),
        ("SomethingNew", "set aside for a person"),
        ("", "set aside for a person"),
    ],
)
def test_what_is_no_decline_has_no_schedule(reason: str, rule: str) -> None:
    with pytest.raises(BadInput, match=rule):
        played(schedule(), date(2027, 2, 1), reason)
