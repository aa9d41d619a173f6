"""Dunning schedules as values and in the price list: rules, versions, stored text."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans import (
    ALWAYS,
    BadInput,
    Catalogue,
    CatalogueProblems,
    DunningEnd,
    DunningSchedule,
    PayDays,
    Plan,
    Tries,
    offer_from_text,
    offer_text,
    parse_catalogue,
)

PLAN = "{code: a, name: {ja: あ, en: A}, price: 1, tax: standard, every: {unit: month, count: 1}"


def schedule(**terms) -> DunningSchedule:
    return DunningSchedule("s", ALWAYS, **terms)


@pytest.mark.parametrize(
    ("make", "field", "rule"),
    [
        pytest.param(lambda: Tries(()), "days", "at least one", id="no try"),
        pytest.param(lambda: Tries((3, 1)), "days", "ascend", id="descending"),
        pytest.param(lambda: Tries((1, 1)), "days", "ascend", id="two tries a day"),
        pytest.param(lambda: Tries((0,)), "days", "from 1 to 365", id="the day itself"),
        pytest.param(lambda: Tries((366,)), "days", "from 1 to 365", id="more than a year"),
        pytest.param(lambda: Tries((1,), hour=24), "hour", "from 0 to 23", id="hour 24"),
        pytest.param(lambda: PayDays(()), "days", "at least one", id="no pay-day"),
        pytest.param(lambda: PayDays((32,)), "days", "from 1 to 31", id="the 32nd"),
        pytest.param(lambda: PayDays(within=0), "within", "from 1 to 31", id="no reach"),
        pytest.param(
            lambda: schedule(max_tries=0), "max_tries", "from 1 to 99", id="no try at all"
        ),
        pytest.param(lambda: schedule(min_gap_days=0), "min_gap_days", "from 1", id="no gap"),
        pytest.param(lambda: schedule(last_day=13), "soft", "after last_day", id="14 after 13"),
        pytest.param(
            lambda: schedule(last_day=20, processing=Tries((21,))),
            "processing",
            "after last_day",
            id="one list is longer",
        ),
        pytest.param(
            lambda: schedule(last_day=20, buyer_days=21), "buyer_days", "last_day", id="buyer later"
        ),
        pytest.param(
            lambda: schedule(from_hour=9, until_hour=9), "until_hour", "no hour", id="empty day"
        ),
        pytest.param(
            lambda: schedule(from_hour=8, until_hour=21, soft=Tries(hour=21)),
            "soft",
            "outside",
            id="a try at night",
        ),
        pytest.param(
            lambda: schedule(until_hour=12, pay_days=PayDays()), "pay_days", "outside", id="noon"
        ),
        pytest.param(lambda: DunningSchedule("a b", ALWAYS), "code", "a code is", id="code"),
        pytest.param(
            lambda: Plan("p", "あ", "A", dunning="a b"), "dunning", "a code is", id="plan"
        ),
    ],
)
def test_what_a_schedule_may_not_say(make, field: str, rule: str) -> None:
    with pytest.raises(BadInput, match=rule) as refused:
        make()
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("dunning", "told"),
    [
        pytest.param(
            "- {code: s, soft: {days: [2, 1]}}",
            "line 4, column 28: dunning[0].soft.days '(a list)': the days of tries ascend",
            id="days",
        ),
        pytest.param(
            "- {code: s, pay_days: {days: [0]}}",
            "dunning[0].pay_days.days[0] '0': a pay-day is a whole number from 1 to 31",
            id="pay-day",
        ),
        pytest.param(
            "- {code: s, last_day: 7}", "dunning[0].soft", id="a list longer than the last day"
        ),
        pytest.param(
            "- {code: s, end: forget}", "is not one of pause, cancel, keep_open", id="end"
        ),
        pytest.param("- {code: s, hours: {til: 3}}", "did you mean until?", id="unknown key"),
        pytest.param(
            "- {code: s}\n  - {code: s, max_tries: 2}",
            "dunning[1].code 's': has two versions, both are valid from 1970-01-01",
            id="two versions of one day",
        ),
    ],
)
def test_faults_of_the_section_are_told_with_their_place(dunning: str, told: str) -> None:
    with pytest.raises(CatalogueProblems) as refused:
        parse_catalogue(f"plans:\n  - {PLAN}, dunning: s}}\ndunning:\n  {dunning}\n")
    if told == "dunning[0].soft":  # left out in the file, so the whole entry is named
        told = "dunning[0] '(a mapping)': is a try after last_day (7)"
    assert told in str(refused.value)
    assert "plans[0].dunning" not in str(refused.value)


def test_a_plan_names_a_schedule_that_is_there() -> None:
    with pytest.raises(CatalogueProblems, match=r"plans\[0\].dunning 't': .* use one of s"):
        parse_catalogue(f"plans:\n  - {PLAN}, dunning: t}}\ndunning:\n  - {{code: s}}\n")
    with pytest.raises(BadInput, match="no dunning schedule"):
        Catalogue.of(plans=[Plan("p", "あ", "A", dunning="s")], prices=[])


LISTED = f"""
plans:
  - {PLAN}, dunning: named}}
  - {PLAN.replace("code: a", "code: b")}}}
dunning:
  - {{code: named, valid_from: 2027-02-01, soft: {{days: [2]}}}}
  - {{code: named, valid_from: 2027-03-01, soft: {{days: [3]}}}}
  - {{code: default, valid_from: 2027-01-01, soft: {{days: [1]}}}}
"""


@pytest.mark.parametrize(
    ("plan", "on", "days"),
    [
        pytest.param("a", date(2026, 12, 31), None, id="none yet: the settings"),
        pytest.param("a", date(2027, 1, 31), (1,), id="the named one has not begun"),
        pytest.param("a", date(2027, 2, 28), (2,), id="first version"),
        pytest.param("a", date(2027, 3, 1), (3,), id="second version"),
        pytest.param("b", date(2027, 3, 1), (1,), id="names none"),
    ],
)
def test_the_schedule_of_a_plan_on_a_day(plan: str, on: date, days: tuple[int, ...] | None) -> None:
    found = parse_catalogue(LISTED).schedule_on(plan, on)
    assert (found.soft.days if found else None) == days


def test_the_fingerprint_of_the_defaults_is_frozen() -> None:
    assert offer_text(schedule()) == "{}"
    assert schedule().content_hash == DunningSchedule("s", ALWAYS).content_hash
    assert schedule().content_hash != schedule(end=DunningEnd.CANCEL).content_hash


ascending = st.sets(st.integers(1, 60), min_size=1, max_size=5).map(lambda s: tuple(sorted(s)))
tries = st.builds(Tries, ascending, st.none() | st.integers(8, 20))
pay_days = st.builds(
    PayDays,
    st.sets(st.integers(1, 31), min_size=1).map(lambda s: tuple(sorted(s))),
    st.integers(1, 31),
    st.integers(8, 20),
)
schedules = st.builds(
    DunningSchedule,
    code=st.just("s"),
    valid_from=st.dates(date(1970, 1, 1), date(2100, 1, 1)),
    soft=tries,
    timed_out=st.none() | tries,
    processing=st.none() | tries,
    buyer_days=st.none() | st.integers(1, 60),
    max_tries=st.none() | st.integers(1, 99),
    last_day=st.none() | st.integers(60, 365),
    min_gap_days=st.integers(1, 90),
    from_hour=st.integers(0, 8),
    until_hour=st.integers(21, 24),
    pay_days=st.none() | pay_days,
    end=st.sampled_from(DunningEnd),
    end_when_closed=st.none() | st.sampled_from(DunningEnd),
)


@given(schedules)
def test_every_term_of_a_schedule_comes_back_from_its_text(given: DunningSchedule) -> None:
    again = offer_from_text(
        section="dunning",
        code=given.code,
        valid_from=given.valid_from,
        names=("", ""),
        text=offer_text(given),
    )
    assert again == given
    assert again.content_hash == given.content_hash
