"""Every row of a large random sample is planned as the exact rule plans it, charge by charge."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.cap.plan import CapPart, CapRule, PlannedCharge, Verdict, plan_charges
from billing.catalogue.price_moves import PriceMoves
from billing.catalogue.terms import Terms
from billing.mass_forecast import (
    VERDICTS,
    Agreements,
    Charges,
    Slice,
    TakenRoom,
    forecast_of_slices,
    horizon_of,
    judged_pieces,
)
from billing.mass_forecast.prices import PriceColumns
from plans import (
    ALWAYS,
    Anchor,
    AnchorRule,
    BadInput,
    BeyondCalendar,
    Grandfathering,
    Interval,
    Month,
    Plan,
    Price,
    PriceMigration,
    PriceRef,
    TaxCategory,
    Unit,
    cycle_start,
    price_agreed,
)
from plans.columnar_calendar import RULES, UNITS, Ints, Schedules

FIRST = date(2026, 11, 22)
HORIZON = horizon_of(first=FIRST, days=365)
MONTH = HORIZON.first_month
# First and later price; price n is plan "pn". Its terms are a month's, whatever a row's calendar.
PRICES = ((0, 980), (2_980, 2_980), (100, 12_800), (39_800, 39_800), (98_000, 60_000))
TERMS = {
    n: Terms(
        Plan(f"p{n}", "甲", "A"),
        Price(
            plan_code=f"p{n}",
            valid_from=ALWAYS,
            amount_yen=later,
            tax_category=TaxCategory.STANDARD,
            interval=Interval(Unit.MONTH),
            first_amount_yen=first,
        ),
    )
    for n, (first, later) in enumerate(PRICES)
}
ROOM = (50_000,) * 6 + (30_000, 100_000, 2_000, 0)
NO_ROOM = (3_000, 1_000, 300, 0)
# Of every unit the counts that give few to some dozens of charges a year.
COUNTS = {Unit.DAY: (10, 45), Unit.WEEK: (1, 9), Unit.MONTH: (1, 7), Unit.YEAR: (1, 2)}


def migration(old: int, new: int, on: date, stay: Grandfathering | None = None) -> PriceMigration:
    refs = (PriceRef(f"p{n}", ALWAYS) for n in (old, new))
    return PriceMigration(f"m{old}", ALWAYS, *refs, ALWAYS, on, grandfathered=stay)


MIGRATIONS = (
    migration(0, 1, date(2027, 2, 1), Grandfathering(date(2025, 6, 1), date(2027, 5, 31))),
    migration(1, 2, date(2027, 4, 15), Grandfathering(date(2026, 1, 1))),
    migration(2, 3, date(2027, 8, 1), Grandfathering(date(2024, 9, 9), date(2027, 9, 30))),
    migration(4, 2, date(2020, 1, 1), Grandfathering(until=date(2027, 6, 30))),
)
PRICED = PriceColumns(TERMS, PriceMoves.of(MIGRATIONS, TERMS.values()))

# What is told of a charge: row, cycle, day, yen, verdict, parts
Told = tuple[int, int, date, int, Verdict, tuple[CapPart, ...]]


def sample_size() -> int:
    return 100_000 if settings.get_current_profile_name() == "nightly" else 3_000


@dataclass(frozen=True)
class Sample:
    """A slice with what its columns no longer say: when each row subscribed, and to what."""

    slice: Slice
    subscribed_on: Sequence[date]
    agreed: Sequence[int]


def mixed(rows: int, *, seed: int | list[int], limits: Sequence[int] = ROOM) -> Sample:
    """Rows of every kind; permissions have one to five of them, and limits down to 0 yen."""
    chance = np.random.default_rng(seed)
    unit = chance.choice([0, 1, 2, 2, 2, 2, 3], rows)
    low, high = (np.array([COUNTS[each][end] for each in UNITS])[unit] for end in (0, 1))
    # The last day of every day or week does not exist.
    rule = np.where(unit < 2, 0, chance.integers(0, len(RULES), rows))
    permission = np.cumsum(chance.random(rows) < 0.6) * 3
    next_cycle = chance.integers(0, 20, rows)
    moved = np.datetime64(FIRST, "D") + chance.integers(-20, 400, rows)
    subscribed = np.datetime64("2024-01-01", "D") + chance.integers(0, 1_050, rows)
    agreed = chance.integers(0, len(PRICES), rows).tolist()
    priced = PRICED.of(agreed, [1] * rows, subscribed.tolist())
    agreements = Agreements(
        subscription=np.arange(rows),
        permission=permission,
        schedules=Schedules.of(
            year=chance.integers(2024, 2027, rows),
            month=chance.integers(1, 13, rows),
            day=chance.choice([1, 10, 28, 29, 30, 31], rows),
            rule=rule,
            unit=unit,
            count=chance.integers(low, high),
        ),
        price=priced.price,
        price_yen=priced.price_yen,
        price_from=priced.price_from,
        moved_on=priced.moved_on,
        first_cycle=np.where(chance.random(rows) < 0.5, next_cycle, 0),
        next_cycle=np.where(chance.random(rows) < 0.1, -1, next_cycle),
        next_on=np.where(chance.random(rows) < 0.3, moved, np.datetime64("NaT", "D")),
        stuck=np.zeros(rows, dtype=bool),
        limit_yen=chance.choice(limits, rows + 1)[permission // 3],
        dead=np.zeros(rows, dtype=bool),
        expires_on=np.full(rows, np.datetime64("NaT", "D")),
    )
    bills = _bills(chance, np.flatnonzero(agreements.next_cycle < 0))
    whole = Slice(agreements, _open(chance, rows), _taken(chance, permission), bills)
    return Sample(whole, subscribed.tolist(), agreed)


def _open(chance: np.random.Generator, rows: int) -> Charges:
    row = np.sort(chance.integers(0, rows, rows // 5))
    return Charges(
        row=row,
        cycle=np.full(len(row), 7),
        on=np.datetime64(FIRST, "D") + chance.integers(0, 40, len(row)),
        amount_yen=chance.choice([1, 3_000, 50_000], len(row)),
        stuck=np.zeros(len(row), dtype=bool),
    )


def _bills(chance: np.random.Generator, without_cycles: Ints) -> Charges:
    """Of rows that have no cycles of their own some are billed twice, in any order of days."""
    row = np.repeat(without_cycles[::2], 2)
    return Charges(
        row=row,
        cycle=np.arange(len(row)),
        on=np.datetime64(FIRST, "D") + chance.integers(0, 366, len(row)),
        amount_yen=chance.choice([1, 3_000, 70_000], len(row)),
        stuck=np.zeros(len(row), dtype=bool),
    )


def _taken(chance: np.random.Generator, permission: Ints) -> TakenRoom:
    """A third of the permissions has used some room in this month, the next, or after a year."""
    owner = np.unique(permission)[::3]
    month = MONTH + chance.choice([0, 1, 14, 40], len(owner))
    return TakenRoom(owner, month, chance.integers(0, 60_000, len(owner)))


def told_by_columns(whole: Slice, rule: CapRule, *, at_most: int) -> Counter[Told]:
    told: Counter[Told] = Counter()
    for judged in judged_pieces(whole, horizon=HORIZON, rule=rule, at_most=at_most):
        charges = judged.charges
        own = judged.of.agreements.subscription[charges.row].tolist()
        columns = (own, charges.cycle, charges.on, charges.amount_yen, judged.verdict)
        rows = zip(*(np.asarray(column).tolist() for column in columns), strict=True)
        for n, (row, cycle, on, yen, verdict) in enumerate(rows):
            told[row, cycle, on, yen, VERDICTS[verdict], judged.parts_of(n)] += 1
    return told


def told_exactly(sample: Sample, rule: CapRule) -> Counter[Told]:
    """The same by plain loops over the scalar calendar, prices and cap rule."""
    whole = sample.slice
    told: Counter[Told] = Counter()
    used: dict[int, dict[Month, int]] = {}
    taken = whole.taken
    for owner, month, yen in zip(taken.permission, taken.month, taken.yen, strict=True):
        used.setdefault(int(owner), {})[Month(int(month) // 12, int(month) % 12 + 1)] = int(yen)
    asked: dict[int, list[tuple[int, int, date, int]]] = {}
    opened = whole.open
    for n, row in enumerate(opened.row.tolist()):
        owner = int(whole.agreements.permission[row])
        item = (row, int(opened.cycle[n]), opened.on[n].item(), int(opened.amount_yen[n]))
        asked.setdefault(owner, []).append(item)
    for row, owner in enumerate(whole.agreements.permission.tolist()):
        asked.setdefault(owner, []).extend(_cycles(sample, row))
    limits = dict(zip(whole.agreements.permission, whole.agreements.limit_yen, strict=True))
    for owner, charges in asked.items():
        verdicts = plan_charges(
            limit_yen=int(limits[owner]),
            used_yen_by_month=used.get(owner, {}),
            rule=rule,
            charges=[PlannedCharge("", on, yen) for _, _, on, yen in charges],
        )
        for charge, found in zip(charges, verdicts, strict=True):
            told[*charge, found.verdict, found.parts] += 1
    return told


def _cycles(sample: Sample, row: int) -> list[tuple[int, int, date, int]]:
    rows, bills = sample.slice.agreements, sample.slice.bills
    if rows.next_cycle[row] < 0:
        own = bills.take(np.flatnonzero(bills.row == row))
        columns = (own.row, own.cycle, own.on, own.amount_yen)
        return list(zip(*(column.tolist() for column in columns), strict=True))
    anchor, interval = _scalar(rows.schedules, row)
    cycle, found = int(rows.next_cycle[row]), []
    moved_on = rows.next_on[row].item()
    while cycle >= 0:
        start = cycle_start(anchor=anchor, interval=interval, cycle=cycle)
        on = moved_on if moved_on and cycle == rows.next_cycle[row] else start
        if on > HORIZON.last:
            break
        if yen := _yen(sample, row, cycle - int(rows.first_cycle[row]) + 1, start):
            found.append((row, cycle, max(on, FIRST), yen))
        cycle += 1
    return found


def _yen(sample: Sample, row: int, nth: int, on: date) -> int:
    ref = price_agreed(
        migrations=MIGRATIONS,
        agreed=PriceRef(f"p{sample.agreed[row]}", ALWAYS),
        subscribed_on=sample.subscribed_on[row],
        on=on,
    )
    return TERMS[int(ref.plan_code[1:])].price.cycle_yen(quantity=1, nth=nth)


def _scalar(schedules: Schedules, row: int) -> tuple[Anchor, Interval]:
    """The anchor and interval that the columns of one row stand for."""
    year, month = divmod(int(schedules.month[row]), 12)
    # The last day is day 31 kept.
    rule = AnchorRule.STATUTE if schedules.slack[row] else AnchorRule.KEEP_DAY
    anchor = Anchor(year, month + 1, int(schedules.day[row]), rule)
    if schedules.step_months[row]:
        return anchor, Interval(Unit.MONTH, int(schedules.step_months[row]))
    return anchor, Interval(Unit.DAY, int(schedules.step_days[row]))


@pytest.mark.parametrize("rule", list(CapRule))
def test_every_row_of_a_sample(rule: CapRule) -> None:
    sample = mixed(sample_size(), seed=[*b"sample", len(rule)])
    exact = told_exactly(sample, rule)
    assert told_by_columns(sample.slice, rule, at_most=1_000_000) == exact
    assert told_by_columns(sample.slice, rule, at_most=5_000) == exact
    # The sample holds what it is meant to hold.
    verdicts = Counter(verdict for *_, verdict, _ in exact)
    missing = {
        CapRule.REFUSE: {Verdict.DEFERRED, Verdict.SPLIT},
        CapRule.DEFER: {Verdict.SPLIT, Verdict.REFUSED},
        CapRule.SPLIT: {Verdict.REFUSED},
    }
    assert set(Verdict) - set(verdicts) == missing[rule]
    prices = sample.slice.agreements.price_yen
    assert prices.shape[1] == 4  # p0 becomes p1, p2 and p3


@pytest.mark.parametrize("rule", list(CapRule))
def test_every_row_of_a_sample_far_above_its_cap(rule: CapRule) -> None:
    """39,800 a month under 300: a year's charges fill 1,592 months."""
    sample = mixed(sample_size() // 20, seed=[*b"no room", len(rule)], limits=NO_ROOM)
    assert told_by_columns(sample.slice, rule, at_most=5_000) == told_exactly(sample, rule)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 25), st.sampled_from(CapRule))
def test_every_row_of_small_books(seed: int, rows: int, rule: CapRule) -> None:
    sample = mixed(rows, seed=seed)
    assert told_by_columns(sample.slice, rule, at_most=10) == told_exactly(sample, rule)


def alone(on: Sequence[date], amounts: Sequence[int], *, limit_yen: int) -> Sample:
    """One permission with open charges and no cycles."""
    opened = Charges(
        row=np.zeros(len(on), dtype=np.int64),
        cycle=np.arange(len(on)),
        on=np.array(on, dtype="datetime64[D]"),
        amount_yen=np.array(amounts),
        stuck=np.zeros(len(on), dtype=bool),
    )
    sample = mixed(1, seed=0)
    columns = {name: getattr(sample.slice.agreements, name) for name in Agreements.__slots__}
    columns |= {"next_cycle": np.array([-1]), "limit_yen": np.array([limit_yen])}
    # Cycles of a day, so that the calendar has one after every horizon.
    columns["schedules"] = Schedules.of(
        year=[2026], month=[1], day=[1], rule=[0], unit=[0], count=[1]
    )
    nothing = TakenRoom(*(np.array([], dtype=np.int64),) * 3)
    return replace(sample, slice=Slice(Agreements(**columns), opened, nothing))


def singly(sample: Sample, rule: CapRule) -> int:
    return forecast_of_slices([sample.slice], horizon=HORIZON, rule=rule).planned_singly


def test_only_the_far_and_the_very_many_are_planned_singly() -> None:
    """Room in use more than a year past the horizon, and 1,001 charges that differ."""
    whole = mixed(2_000, seed=5)
    seen = forecast_of_slices([whole.slice], horizon=HORIZON, rule=CapRule.SPLIT)
    assert 0 < seen.planned_singly < seen.tight < seen.permissions
    assert singly(whole, CapRule.REFUSE) == 0  # nothing is moved, so nothing goes far
    many = alone([FIRST] * 1_001, [100] * 1_000 + [99], limit_yen=50_000)
    for rule, expected in ((CapRule.REFUSE, 1), (CapRule.DEFER, 1), (CapRule.SPLIT, 0)):
        assert singly(many, rule) == expected
        assert told_by_columns(many.slice, rule, at_most=10) == told_exactly(many, rule)


def test_a_split_past_the_year_9999_is_refused() -> None:
    """November 2026 to December 9999 are 95,678 months: 2 of this year and 7,973 years of 12."""
    sample = alone([FIRST] * 2, [95_678, 1], limit_yen=1)
    with pytest.raises(BeyondCalendar) as exact:
        told_exactly(sample, CapRule.SPLIT)
    with pytest.raises(BeyondCalendar, match="past the year 9999") as refused:
        forecast_of_slices([sample.slice], horizon=HORIZON, rule=CapRule.SPLIT)
    assert str(refused.value) == str(exact.value)


@pytest.mark.parametrize("amounts", [[3, 3], [3, 2]], ids=["alike", "different"])
def test_a_charge_deferred_past_the_year_9999_is_refused(amounts: list[int]) -> None:
    sample = alone([date(9999, 12, 5)] * 2, amounts, limit_yen=4)
    horizon = horizon_of(first=date(9999, 11, 1), days=50)
    with pytest.raises(BeyondCalendar, match="past the year 9999"):
        forecast_of_slices([sample.slice], horizon=horizon, rule=CapRule.DEFER)


@pytest.mark.parametrize(
    ("column", "values", "field"),
    [
        ("permission", [2, 1], "permission"),
        ("permission", [-1, 1], "permission"),
        ("limit_yen", [-1, 1], "limit_yen"),
        ("limit_yen", [1, 10**15 + 1], "limit_yen"),
        ("price_yen", [[[1]], [[10**9 + 1]]], "price_yen"),
        ("price_yen", [[[1]], [[-1]]], "price_yen"),
    ],
)
def test_columns_out_of_range_are_refused(column: str, values: list[int], field: str) -> None:
    good = mixed(2, seed=1).slice.agreements
    columns = {name: getattr(good, name) for name in Agreements.__slots__}
    with pytest.raises(BadInput) as refused:
        Agreements(**columns | {column: np.array(values)})
    assert refused.value.field == field


def test_a_cycle_before_the_first_paid_one_is_refused() -> None:
    good = mixed(1, seed=3).slice
    columns = {name: getattr(good.agreements, name) for name in Agreements.__slots__}
    columns |= {"first_cycle": np.array([500]), "next_cycle": np.array([0])}
    wrong = Slice(Agreements(**columns), good.open, good.taken)
    with pytest.raises(BadInput, match="first paid cycle is number 500"):
        forecast_of_slices([wrong], horizon=HORIZON, rule=CapRule.SPLIT)
