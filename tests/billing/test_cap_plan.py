"""The monthly cap as a plan: every rule and verdict, against a plain walk over the months."""

from datetime import date
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.cap.plan import (
    CapRule,
    PlannedCharge,
    Verdict,
    first_day_with_room,
    plan_charges,
)
from plans import BadInput, BeyondCalendar, Month

CAP = 50_000
REFUSE, DEFER, SPLIT = CapRule.REFUSE, CapRule.DEFER, CapRule.SPLIT


def _plan(rule, charges, *, limit=CAP, used=None):
    planned = [
        PlannedCharge(id=name, on=date.fromisoformat(on), amount_yen=amount)
        for name, on, amount in charges
    ]
    months = {Month(*map(int, month.split("-"))): yen for month, yen in (used or {}).items()}
    verdicts = plan_charges(limit_yen=limit, used_yen_by_month=months, rule=rule, charges=planned)
    return [
        (v.id, v.verdict.value, [(part.on.isoformat(), part.amount_yen) for part in v.parts])
        for v in verdicts
    ]


@pytest.mark.parametrize(
    ("rule", "verdict", "parts"),
    [
        pytest.param(REFUSE, "refused", [], id="refuse"),
        pytest.param(DEFER, "deferred", [("2027-01-01", 45000)], id="defer"),
        # 50,000 − 12,000 = 38,000 fit; 7,000 are left for January
        pytest.param(SPLIT, "split", [("2026-12-05", 38000), ("2027-01-01", 7000)], id="split"),
    ],
)
def test_a_charge_that_does_not_fit_its_month(rule, verdict, parts):
    charges = [("a", "2026-12-05", 45000)]
    assert _plan(rule, charges, used={"2026-12": 12000}) == [("a", verdict, parts)]


@pytest.mark.parametrize("rule", list(CapRule))
def test_a_charge_that_fits_exactly_is_made_on_its_day(rule):
    found = _plan(rule, [("a", "2026-12-05", 38000)], used={"2026-12": 12000})
    assert found == [("a", "ok", [("2026-12-05", 38000)])]


@pytest.mark.parametrize(
    ("rule", "verdict", "parts"),
    [
        pytest.param(REFUSE, "impossible", [], id="refuse"),
        pytest.param(DEFER, "impossible", [], id="defer"),
        pytest.param(SPLIT, "split", [("2026-12-05", 50000), ("2027-01-01", 48000)], id="split"),
    ],
)
def test_the_yearly_price_above_the_cap_itself(rule, verdict, parts):
    assert _plan(rule, [("annual-pro", "2026-12-05", 98000)]) == [("annual-pro", verdict, parts)]


@pytest.mark.parametrize("rule", list(CapRule))
def test_a_limit_of_0_makes_everything_impossible(rule):
    assert _plan(rule, [("a", "2026-12-05", 1)], limit=0) == [("a", "impossible", [])]


def test_split_that_lands_whole_on_a_later_day_is_deferred():
    found = _plan(SPLIT, [("a", "2026-12-05", 100)], used={"2026-12": 50000, "2027-01": 60000})
    assert found == [("a", "deferred", [("2027-02-01", 100)])]


def test_earlier_charges_go_first_and_answers_keep_the_given_order():
    charges = [("late", "2026-12-20", 30000), ("early", "2026-12-05", 30000)]
    assert _plan(DEFER, charges) == [
        ("late", "deferred", [("2027-01-01", 30000)]),
        ("early", "ok", [("2026-12-05", 30000)]),
    ]


def test_ties_go_in_list_order():
    charges = [("first", "2026-12-05", 30000), ("second", "2026-12-05", 30000)]
    assert [verdict for _, verdict, _ in _plan(REFUSE, charges)] == ["ok", "refused"]


def test_a_moved_charge_takes_its_room_before_later_ones_are_looked_at():
    charges = [
        ("a", "2026-12-05", 40000),
        ("b", "2026-12-06", 40000),  # moves to January
        ("c", "2027-01-10", 20000),  # and so finds January taken
    ]
    assert _plan(DEFER, charges)[2] == ("c", "deferred", [("2027-02-01", 20000)])


def test_a_refused_charge_takes_no_room():
    charges = [("a", "2026-12-05", 60000), ("b", "2026-12-06", 50000)]
    assert [verdict for _, verdict, _ in _plan(REFUSE, charges)] == ["impossible", "ok"]


def test_no_charges_no_plan():
    assert _plan(DEFER, []) == []


@pytest.mark.parametrize(
    ("amount", "on", "expected"),
    [
        pytest.param(38000, "2026-12-05", "2026-12-05", id="today"),
        pytest.param(38001, "2026-12-05", "2027-02-01", id="past a full January"),
        pytest.param(50001, "2026-12-05", None, id="never"),
        pytest.param(50000, "9999-12-05", "9999-12-05", id="in the last month"),
    ],
)
def test_first_day_with_room(amount, on, expected):
    found = first_day_with_room(
        amount_yen=amount,
        on=date.fromisoformat(on),
        limit_yen=CAP,
        used_by_month={Month(2026, 12): 12000, Month(2027, 1): 50000},
    )
    assert (found and found.isoformat()) == expected


@pytest.mark.parametrize(
    ("call", "field"),
    [
        pytest.param(lambda: _plan(DEFER, [], limit=-1), "limit", id="negative limit"),
        pytest.param(lambda: _plan(DEFER, [], used={"2026-12": -1}), "used.2026-12", id="used"),
        pytest.param(
            lambda: _plan(DEFER, [("a", "2026-12-05", 0)]), "charges[0].amount", id="nothing"
        ),
    ],
)
def test_refused(call, field):
    with pytest.raises(BadInput) as refused:
        call()
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("rule", "charges", "limit"),
    [
        pytest.param(SPLIT, [("a", "2026-12-05", 10**12)], 1, id="a yen a month"),
        pytest.param(
            DEFER, [("a", "9999-12-05", 2), ("b", "9999-12-05", 2)], 3, id="no later month"
        ),
    ],
)
def test_a_plan_ends_with_the_calendar(rule, charges, limit):
    with pytest.raises(BeyondCalendar, match="past the year 9999"):
        _plan(rule, charges, limit=limit)


def test_ten_times_the_charges_of_one_day_cost_about_ten_times():
    # Two of them fit a month, so the plan runs over 10,000 months. Walking past every full month
    # for every charge would cost a hundred times as much.
    seconds = {}
    for count in (2_000, 20_000):
        charges = [(str(number), "2026-12-05", 20_000) for number in range(count)]
        began = process_time()
        found = _plan(DEFER, charges)
        seconds[count] = process_time() - began
    assert found[-1][2] == [("2860-03-01", 20_000)]  # 9,999 months after December 2026
    assert seconds[20_000] < 40 * seconds[2_000]


def _by_walking(rule, charges, limit, used):
    """The contract, written down as a walk over the months."""
    room = {}
    answers = {}
    for index in sorted(range(len(charges)), key=lambda i: charges[i].on):
        charge, left, parts = charges[index], charges[index].amount_yen, []
        year, month = charge.on.year, charge.on.month
        day = charge.on
        possible = limit > 0 and (rule is SPLIT or charge.amount_yen <= limit)
        while left:
            free = room.setdefault((year, month), max(0, limit - used.get(Month(year, month), 0)))
            part = min(left, free) if rule is SPLIT else left * (left <= free)
            if part:
                room[year, month] -= part
                parts.append((day, part))
                left -= part
            if not possible or rule is REFUSE:
                break
            year, month = year + month // 12, month % 12 + 1
            day = date(year, month, 1)
        answers[index] = parts
    return [answers[index] for index in range(len(charges))]


days = st.dates(date(2026, 1, 1), date(2026, 6, 30))
amounts = st.integers(1, 120)


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(CapRule),
    st.lists(st.builds(PlannedCharge, st.just("x"), days, amounts), max_size=12),
    st.integers(0, 100),
    st.dictionaries(st.builds(Month, st.just(2026), st.integers(1, 12)), st.integers(0, 120)),
)
def test_the_plan_is_that_of_a_plain_walk(rule, charges, limit, used):
    verdicts = plan_charges(limit_yen=limit, used_yen_by_month=used, rule=rule, charges=charges)
    placed = [[(part.on, part.amount_yen) for part in verdict.parts] for verdict in verdicts]
    assert placed == _by_walking(rule, charges, limit, used)
    for charge, verdict in zip(charges, verdicts, strict=True):
        total = sum(part.amount_yen for part in verdict.parts)
        nowhere = verdict.verdict in (Verdict.REFUSED, Verdict.IMPOSSIBLE)
        assert total == (0 if nowhere else charge.amount_yen)


@settings(deadline=None)
@given(
    st.lists(st.builds(PlannedCharge, st.just("x"), days, amounts), max_size=12),
    st.sampled_from(CapRule),
    st.dictionaries(st.builds(Month, st.just(2026), st.integers(1, 12)), st.integers(0, 100)),
)
def test_no_month_exceeds_the_cap(charges, rule, used):
    verdicts = plan_charges(limit_yen=100, used_yen_by_month=used, rule=rule, charges=charges)
    taken = dict(used)
    for part in (part for verdict in verdicts for part in verdict.parts):
        month = Month.of(part.on)
        taken[month] = taken.get(month, 0) + part.amount_yen
    assert all(yen <= 100 for yen in taken.values())
