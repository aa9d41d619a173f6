"""Every row of a large random sample is planned as the exact rule plans it, charge by charge."""

from collections import Counter
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.cap_plan import CapPart, CapRule, PlannedCharge, Verdict, plan_charges
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
from plans import Anchor, AnchorRule, BadInput, Interval, Month, Unit, cycle_start
from plans.columnar_calendar import RULES, UNITS, Ints, Schedules

FIRST = date(2026, 11, 22)
HORIZON = horizon_of(first=FIRST, days=365)
MONTH = HORIZON.first_month
PRICES = np.array([[0, 980], [2_980, 2_980], [100, 12_800], [39_800, 39_800], [98_000, 60_000]])
# Of every unit the counts that give few to some dozens of charges a year.
COUNTS = {Unit.DAY: (10, 45), Unit.WEEK: (1, 9), Unit.MONTH: (1, 7), Unit.YEAR: (1, 2)}

# What is told of a charge: row, cycle, day, yen, verdict, parts
Told = tuple[int, int, date, int, Verdict, tuple[CapPart, ...]]


def sample_size() -> int:
    return 100_000 if settings.get_current_profile_name() == "nightly" else 3_000


def mixed(rows: int, *, seed: int) -> Slice:
    """Rows of every kind; permissions have one to five of them, and limits down to 0 yen."""
    chance = np.random.default_rng(seed)
    unit = chance.choice([0, 1, 2, 2, 2, 2, 3], rows)
    low, high = (np.array([COUNTS[each][end] for each in UNITS])[unit] for end in (0, 1))
    # The last day of every day or week does not exist.
    rule = np.where(unit < 2, 0, chance.integers(0, len(RULES), rows))
    permission = np.cumsum(chance.random(rows) < 0.6) * 3
    next_cycle = chance.integers(0, 20, rows)
    moved = np.datetime64(FIRST, "D") + chance.integers(-20, 400, rows)
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
        price=chance.integers(0, len(PRICES), rows),
        price_yen=PRICES,
        price_from=np.array([0, 1]),
        first_cycle=np.where(chance.random(rows) < 0.5, next_cycle, 0),
        next_cycle=np.where(chance.random(rows) < 0.1, -1, next_cycle),
        next_on=np.where(chance.random(rows) < 0.3, moved, np.datetime64("NaT", "D")),
        stuck=np.zeros(rows, dtype=bool),
        limit_yen=chance.choice([50_000] * 6 + [30_000, 100_000, 2_000, 0], rows + 1)[
            permission // 3
        ],
        dead=np.zeros(rows, dtype=bool),
        expires_on=np.full(rows, np.datetime64("NaT", "D")),
    )
    return Slice(agreements, _open(chance, rows), _taken(chance, permission))


def _open(chance: np.random.Generator, rows: int) -> Charges:
    row = np.sort(chance.integers(0, rows, rows // 5))
    return Charges(
        row=row,
        cycle=np.full(len(row), 7),
        on=np.datetime64(FIRST, "D") + chance.integers(0, 40, len(row)),
        amount_yen=chance.choice([1, 3_000, 50_000], len(row)),
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


def told_exactly(whole: Slice, rule: CapRule) -> Counter[Told]:
    """The same by plain loops over the scalar calendar and the scalar rule."""
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
        asked.setdefault(owner, []).extend(_cycles(whole.agreements, row))
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


def _cycles(rows: Agreements, row: int) -> list[tuple[int, int, date, int]]:
    anchor, interval = _scalar(rows.schedules, row)
    cycle, found = int(rows.next_cycle[row]), []
    moved_on = rows.next_on[row].item()
    while cycle >= 0:
        on = moved_on if moved_on and cycle == rows.next_cycle[row] else None
        on = on or cycle_start(anchor=anchor, interval=interval, cycle=cycle)
        if on > HORIZON.last:
            break
        nth = min(cycle - int(rows.first_cycle[row]), 1)
        if yen := int(PRICES[rows.price[row], nth]):
            found.append((row, cycle, max(on, FIRST), yen))
        cycle += 1
    return found


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
    whole = mixed(sample_size(), seed=[*b"sample", len(rule)])
    exact = told_exactly(whole, rule)
    assert told_by_columns(whole, rule, at_most=1_000_000) == exact
    assert told_by_columns(whole, rule, at_most=5_000) == exact
    # The sample holds what it is meant to hold.
    verdicts = Counter(verdict for *_, verdict, _ in exact)
    missing = {
        CapRule.REFUSE: {Verdict.DEFERRED, Verdict.SPLIT},
        CapRule.DEFER: {Verdict.SPLIT, Verdict.REFUSED},
        CapRule.SPLIT: {Verdict.REFUSED},
    }
    assert set(Verdict) - set(verdicts) == missing[rule]


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 25), st.sampled_from(CapRule))
def test_every_row_of_small_books(seed: int, rows: int, rule: CapRule) -> None:
    whole = mixed(rows, seed=seed)
    assert told_by_columns(whole, rule, at_most=10) == told_exactly(whole, rule)


def test_only_the_far_and_the_very_many_are_planned_singly() -> None:
    """98,000 under 2,000 a month runs on for years; 1,001 charges are more than the steps."""
    whole = mixed(2_000, seed=5)
    seen = forecast_of_slices([whole], horizon=HORIZON, rule=CapRule.SPLIT)
    assert 0 < seen.planned_singly < seen.tight < seen.permissions
    refusing = forecast_of_slices([whole], horizon=HORIZON, rule=CapRule.REFUSE)
    assert refusing.planned_singly == 0  # nothing is moved, so nothing goes far
    many = Charges(
        row=np.zeros(1_001, dtype=np.int64),
        cycle=np.arange(1_001),
        on=np.full(1_001, np.datetime64(FIRST, "D")),
        amount_yen=np.full(1_001, 100),
        stuck=np.zeros(1_001, dtype=bool),
    )
    one = Slice(mixed(1, seed=0).agreements, many, TakenRoom(*(np.array([], dtype=np.int64),) * 3))
    assert forecast_of_slices([one], horizon=HORIZON, rule=CapRule.REFUSE).planned_singly == 1
    assert told_by_columns(one, CapRule.REFUSE, at_most=10) == told_exactly(one, CapRule.REFUSE)


@pytest.mark.parametrize(
    ("column", "values", "field"),
    [
        ("permission", [2, 1], "permission"),
        ("permission", [-1, 1], "permission"),
        ("limit_yen", [-1, 1], "limit_yen"),
        ("limit_yen", [1, 10**15 + 1], "limit_yen"),
        ("price_yen", [[1], [10**9 + 1]], "price_yen"),
        ("price_yen", [[1], [-1]], "price_yen"),
    ],
)
def test_columns_out_of_range_are_refused(column: str, values: list[int], field: str) -> None:
    good = mixed(2, seed=1).agreements
    columns = {name: getattr(good, name) for name in Agreements.__slots__}
    with pytest.raises(BadInput) as refused:
        Agreements(**columns | {column: np.array(values)})
    assert refused.value.field == field


def test_a_cycle_before_the_first_paid_one_is_refused() -> None:
    good = mixed(1, seed=3)
    columns = {name: getattr(good.agreements, name) for name in Agreements.__slots__}
    columns |= {"first_cycle": np.array([500]), "next_cycle": np.array([0])}
    wrong = Slice(Agreements(**columns), good.open, good.taken)
    with pytest.raises(BadInput, match="first paid cycle is number 500"):
        forecast_of_slices([wrong], horizon=HORIZON, rule=CapRule.SPLIT)
