"""The columnar forecast says of every charge in the books what `forecast` says of it."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from price_moves_cases import migration, store_migration
from small_books import AT, MERCHANT, SmallBooks
from sqlalchemy import Connection, Engine

from billing.cap.plan import CapPart, Verdict
from billing.mass_forecast import (
    VERDICTS,
    Horizon,
    Judged,
    MassForecast,
    forecast_in_mass,
    horizon_of,
    judged_pieces,
    names_of_hits,
)
from billing.mass_forecast.reading import read_slices
from billing.store.database import open_engine
from billing.store.merchants import Merchant, load_merchant
from billing.tables import metadata
from billing.views.forecast import Forecast, forecast
from plans import (
    BadInput,
    CyclePrice,
    Grandfathering,
    Interval,
    Month,
    Plan,
    Price,
    SetupFee,
    TaxCategory,
    Unit,
    price_text,
)

# When, which subscription, cycle, yen, verdict, parts, expected to fail
Told = tuple[date, str, int, int, Verdict, tuple[CapPart, ...], bool]
YEAR = 365


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    metadata.create_all(opened)
    yield opened
    opened.dispose()


def told_by_forecast(seen: Forecast) -> Counter[Told]:
    return Counter(
        (c.on, c.subscription, c.cycle, c.amount_yen, c.verdict, c.parts, bool(c.expected_failure))
        for c in seen.charges
    )


def told_by_columns(judged: Judged) -> Iterator[Told]:
    charges, agreements = judged.charges, judged.of.agreements
    for n in range(len(charges)):
        on, amount_yen = charges.on[n].item(), int(charges.amount_yen[n])
        yield (
            on,
            str(agreements.subscription[charges.row[n]]),
            int(charges.cycle[n]),
            amount_yen,
            VERDICTS[judged.verdict[n]],
            judged.parts_of(n),
            bool(judged.failing[n]),
        )


def all_told(
    connection: Connection, merchant: Merchant, horizon: Horizon, *, rows: int, charges: int
) -> Counter[Told]:
    return Counter(
        told
        for part in read_slices(connection, merchant, horizon, at_once=rows)
        for judged in judged_pieces(part, horizon=horizon, rule=merchant.cap_rule, at_most=charges)
        for told in told_by_columns(judged)
    )


class RandomBooks:
    """Subscriptions of every kind, sharing permissions, with unpaid slots and cap months.

    Every third price is left for another one of the same terms, and that one for a third.
    """

    def __init__(self, books: SmallBooks, *, seed: int) -> None:
        self.books, self.chance = books, random.Random(seed)
        self.prices = [self._price(number) for number in range(12)]
        for number, (_, terms) in enumerate(self.prices[::3]):
            self._migrations(3 * number, terms)

    def write(self, *, permissions: int) -> None:
        self.permissions = [self._permission() for _ in range(permissions)]
        for number in range(1, permissions * 3 // 2):
            self._subscription(number)

    def _price(self, number: int) -> tuple[int, dict[str, Any]]:
        unit, count, rule = self.chance.choice(
            [
                ("month", 1, "keep_day"),
                ("month", 1, "last_day"),
                ("month", 2, "statute"),
                ("month", 1, "statute"),
                ("year", 1, "keep_day"),
                ("week", 2, "keep_day"),
                ("day", 10, "statute"),
            ]
        )
        terms = {
            "interval_unit": unit,
            "interval_count": count,
            "anchor_rule": rule,
            "per_seat": self.chance.random() < 0.5,
            "first_amount_yen": self.chance.choice([None, 100]),
        }
        amount = self.chance.choice([500, 3_000, 20_000, 49_999, 98_000])
        return self.books.price(code=f"p{number}", amount_yen=amount, **terms), terms

    def _migrations(self, number: int, terms: dict[str, Any]) -> None:
        codes = [f"p{number}", f"p{number}-dearer", f"p{number}-again"]
        for amount_yen, old, new in zip((4_100, 52_300), codes, codes[1:], strict=False):
            self.books.price(code=new, amount_yen=amount_yen, **terms)
            kept, stays = (self._moment(300).date() for _ in range(2))
            stay = self.chance.choice(
                [None, Grandfathering(date(2025, 9, 1)), Grandfathering(until=max(kept, stays))]
            )
            store_migration(self.books, migration(old, new, on=kept, stay=stay))

    def _permission(self) -> int:
        permission = self.books.permission(
            amount_limit_yen=self.chance.choice([None, 100_000, 30_000, 50_000]),
            state=self.chance.choice(["Chargeable"] * 8 + ["Closed"]),
            expires_at=self.chance.choice([None, None, None, self._moment(300)]),
        )
        for month in ("2026-10", "2026-11", "2026-12", "2027-12"):
            if self.chance.random() < 0.1:
                used, held = self.chance.randrange(40_000), self.chance.randrange(10_000)
                self.books.cap(permission, month=month, used=used, held=held)
        return permission

    def _moment(self, days: int) -> datetime:
        hours = self.chance.randrange(days * 24)
        return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hours)

    def _subscription(self, number: int) -> None:
        price, terms = self.chance.choice(self.prices)
        state = self.chance.choice(["active"] * 6 + ["trialing", "past_due", "paused", "canceled"])
        next_cycle = self.chance.randrange(1, 30)
        unsettled = self.chance.random() < 0.2
        due_at = None if unsettled else self._moment(90)
        resumes = self.chance.random() < 0.5 and state == "paused"
        permission = self.chance.choice(self.permissions)
        owner = self.books.subscription(
            str(number),
            price=price,
            permission=permission,
            state=state,
            started_on=date(2025, 1, 1) + timedelta(days=self.chance.randrange(600)),
            quantity=self.chance.randrange(1, 6) if terms["per_seat"] else 1,
            anchor_year=2025,
            anchor_month=self.chance.randrange(1, 13),
            anchor_day=self.chance.choice([1, 15, 28, 29, 30, 31]),
            first_cycle=self.chance.choice([0, next_cycle]),
            next_cycle=next_cycle,
            due_at=due_at,
            resume_on=self._moment(90).date() if resumes else None,
            cancel_at_period_end=self.chance.random() < 0.1,
        )
        if unsettled:
            self._slots(owner, permission, next_cycle)

    def _slots(self, owner: int, permission: int, cycle: int) -> None:
        invoice = self.books.invoice(owner, f"i{owner}", 3_000, cycle=cycle)
        states = ["due", "open", "waiting_buyer", "refused", "quarantined", "paid"]
        for part in range(1, self.chance.randrange(2, 4)):
            self.books.slot(
                invoice,
                owner,
                permission,
                cycle=cycle,
                purpose=f"part-{part}",
                reference=f"i{invoice}-{part}",
                part=part,
                amount_yen=self.chance.choice([1, 3_000, 45_000, 60_000]),
                state=self.chance.choice(states),
                due_at=self._moment(60),
            )


def totals_by_hand(seen: Forecast) -> dict[tuple[Month, Verdict], tuple[int, int]]:
    totals: dict[tuple[Month, Verdict], tuple[int, int]] = {}
    for charge in seen.charges:
        key = (Month.of(charge.on), charge.verdict)
        count, yen = totals.get(key, (0, 0))
        totals[key] = (count + 1, yen + charge.amount_yen)
    return totals


def totals_of_columns(seen: MassForecast) -> dict[tuple[Month, Verdict], tuple[int, int]]:
    return {
        (month.month, verdict): (total.charges, total.amount_yen)
        for month in seen.months
        for verdict, total in month.by_verdict.items()
        if total.charges
    }


@pytest.mark.parametrize("rule", ["split", "defer", "refuse"])
def test_every_charge_of_mixed_books(engine: Engine, rule: str) -> None:
    with engine.begin() as connection:
        books = SmallBooks(connection, cap_rule=rule)
        RandomBooks(books, seed=2026).write(permissions=200)
        merchant = load_merchant(connection, MERCHANT)
        exact = forecast(connection, merchant, at=AT, days=YEAR)
        horizon = horizon_of(first=exact.first, days=YEAR)
        told = all_told(connection, merchant, horizon, rows=37, charges=500)
        totals = forecast_in_mass(connection, merchant, at=AT, days=YEAR, top=10_000)
    assert told == told_by_forecast(exact)
    assert {charge.plan_code.partition("-")[2] for charge in exact.charges} >= {"dearer", "again"}
    assert (totals.first, totals.last) == (exact.first, exact.last)
    assert totals.days == exact.days()
    assert totals_of_columns(totals) == totals_by_hand(exact)
    assert 0 < totals.tight < totals.permissions
    failing = [charge.amount_yen for charge in exact.charges if charge.expected_failure]
    assert sum(month.expected_to_fail_yen for month in totals.months) == sum(failing) > 0
    first_hits: dict[str, date] = {}
    for charge in exact.charges:
        if charge.verdict is not Verdict.OK:
            first_hits.setdefault(charge.charge_permission_id, charge.on)
    assert len(totals.hits) == totals.tight == len(first_hits)
    assert [hit.on for hit in totals.hits] == sorted(first_hits.values())


@pytest.mark.parametrize(("rows", "charges"), [(1, 1), (7, 100), (1_000, 1_000_000)])
def test_how_the_books_are_cut_changes_nothing(sqlite_url: str, rows: int, charges: int) -> None:
    engine = open_engine(sqlite_url)
    metadata.create_all(engine)
    with engine.begin() as connection:
        RandomBooks(SmallBooks(connection), seed=7).write(permissions=60)
        merchant = load_merchant(connection, MERCHANT)
        exact = forecast(connection, merchant, at=AT, days=90)
        horizon = horizon_of(first=exact.first, days=90)
        told = all_told(connection, merchant, horizon, rows=rows, charges=charges)
    engine.dispose()
    assert told == told_by_forecast(exact)


def test_who_hits_the_cap_and_when(engine: Engine) -> None:
    """98,000 on 15 December under 50,000: 48,000 move to 1 January; the other one fits."""
    with engine.begin() as connection:
        books = SmallBooks(connection)
        year = books.price(code="year", amount_yen=98_000, interval_unit="year")
        anchor = {"anchor_year": 2025, "anchor_month": 12, "anchor_day": 15}
        due = datetime(2026, 12, 15, tzinfo=UTC)
        books.subscription("fits", price=books.price(), permission=books.permission())
        books.subscription("hits", price=year, permission=books.permission(), due_at=due, **anchor)
        seen = forecast_in_mass(connection, load_merchant(connection, MERCHANT), at=AT, days=60)
        (hit,) = seen.hits
        names = names_of_hits(connection, [hit.subscription])[hit.subscription]
    assert (names.subscription, names.customer_name) == ("hits", "顧客 hits")
    assert names.charge_permission_id == "B01-0000000-0000002"
    assert (hit.on, hit.verdict) == (date(2026, 12, 15), Verdict.SPLIT)
    assert hit.parts == (
        CapPart(date(2026, 12, 15), 50_000),
        CapPart(date(2027, 1, 1), 48_000),
    )
    assert (seen.subscriptions, seen.permissions, seen.tight) == (2, 2, 1)
    # 20 December, 20 January: 3,000 each
    assert (seen.charges, seen.amount_yen) == (3, 104_000)
    december = seen.months[1]
    assert december.month == Month(2026, 12)
    assert december.by_verdict[Verdict.SPLIT].amount_yen == 98_000
    assert december.by_verdict[Verdict.OK].amount_yen == 3_000


def test_a_free_first_cycle_is_no_charge(engine: Engine) -> None:
    with engine.begin() as connection:
        books = SmallBooks(connection)
        price = books.price(first_amount_yen=0)
        books.subscription("free", price=price, permission=books.permission(), first_cycle=1)
        seen = forecast_in_mass(connection, load_merchant(connection, MERCHANT), at=AT, days=60)
    assert (seen.charges, seen.amount_yen) == (1, 3_000)  # 20 January; December is free


def test_a_price_of_the_nth_cycle(engine: Engine) -> None:
    """A fee of 2,000 with the first cycle; cycles 3 and 4 for 1,500 instead of 3,000."""
    terms = Price(
        plan_code="basic",
        valid_from=date(1970, 1, 1),
        amount_yen=3_000,
        tax_category=TaxCategory.STANDARD,
        interval=Interval(Unit.MONTH),
        setup_fee=SetupFee(2_000, TaxCategory.STANDARD),
        cycle_prices=(CyclePrice(3, 4, 1_500),),
    )
    text = price_text(Plan("basic", "甲", "A"), terms)
    with engine.begin() as connection:
        books = SmallBooks(connection)
        price = books.price(terms=text)
        books.subscription("one", price=price, permission=books.permission(), first_cycle=1)
        seen = forecast_in_mass(connection, load_merchant(connection, MERCHANT), at=AT, days=190)
    assert [month.amount_yen for month in seen.months] == [
        *(0, 5_000, 3_000, 1_500, 1_500, 3_000, 3_000)  # November to May
    ]


def test_subscribers_move_to_the_price_of_a_migration(engine: Engine) -> None:
    """3,000 until January, 3,500 from February; who came before 2026 pays 3,000 until March."""
    with engine.begin() as connection:
        books = SmallBooks(connection)
        old, _ = books.price(code="old"), books.price(code="new", amount_yen=3_500)
        stay = Grandfathering(date(2026, 1, 1), date(2027, 3, 31))
        store_migration(books, migration("old", "new", on=date(2027, 2, 1), stay=stay))
        for name, started in (("first", date(2025, 12, 31)), ("later", date(2026, 1, 1))):
            permission = books.permission()
            books.subscription(name, price=old, permission=permission, started_on=started)
        seen = forecast_in_mass(connection, load_merchant(connection, MERCHANT), at=AT, days=190)
    assert [month.amount_yen for month in seen.months] == [
        *(0, 6_000, 6_000, 6_500, 6_500, 7_000, 7_000)  # November to May
    ]


def test_nothing_is_agreed_so_nothing_comes(engine: Engine) -> None:
    with engine.begin() as connection:
        SmallBooks(connection)
        seen = forecast_in_mass(connection, load_merchant(connection, MERCHANT), at=AT, days=60)
    assert (seen.subscriptions, seen.charges, seen.days, seen.hits) == (0, 0, (), ())
    assert [str(month.month) for month in seen.months] == ["2026-11", "2026-12", "2027-01"]


@pytest.mark.parametrize("days", [-1, 3_661])
def test_a_horizon_out_of_range_is_refused(days: int) -> None:
    with pytest.raises(BadInput, match="days"):
        horizon_of(first=date(2026, 11, 22), days=days)
