"""Situations as the books hold them; twelve months agree with the forecast, charge by charge."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from small_books import AT, MERCHANT, SmallBooks
from sqlalchemy import Engine

from billing.cap.plan import Verdict
from billing.quotes import (
    Situation,
    UnknownSubscription,
    load_situation,
    plan_change,
    quote,
)
from billing.quotes.books import ImportedTime
from billing.quotes.cap import cap_outlook, planned
from billing.quotes.projecting import projected, year_after
from billing.store.database import open_engine
from billing.store.merchants import load_merchant
from billing.tables import metadata
from billing.views.forecast import forecast
from plans import BadInput, TaxCategory, TaxedYen
from plans.lifecycle import Actor, Cancel, Policy, Refund, Resume, Timing

ON = date(2026, 11, 22)  # of the cycle from 20 November to 20 December 28 of 30 days are left
DAYS_OF_A_YEAR = 364


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    metadata.create_all(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def books(engine: Engine) -> Iterator[SmallBooks]:
    with engine.begin() as connection:
        yield SmallBooks(connection)


def situation(books: SmallBooks, name: str = "one", **how) -> Situation:
    merchant = load_merchant(books.connection, MERCHANT)
    return load_situation(books.connection, merchant, subscription_id=name, at=AT, **how)


def upgrade(view: Situation, plan: str = "large", **how):
    command = plan_change(view, plan_code=plan, on=ON, **how)
    return quote(view, command, on=ON, at=AT, actor=Actor.STAFF, reason="test")


def morning(month: int, day: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)  # 9:00 in Tokyo


def shop(books: SmallBooks, **values) -> int:
    """One subscriber of a plan for 3,000; there is one for 10,000, too."""
    books.price(code="large", amount_yen=10_000)
    return books.subscription("one", price=books.price(), permission=books.permission(), **values)


def test_a_cycle_that_another_system_charged_is_taken_as_paid(books):
    """10,000×28/30 = 9,333.3; 3,000×28/30 = 2,800."""
    shop(books)
    view = situation(books)
    assert view.received == (TaxedYen(TaxCategory.STANDARD, 3_000),)
    assert upgrade(view).charge_today_yen == 9_333 - 2_800
    unpaid = situation(books, imported=ImportedTime.UNPAID)
    assert (unpaid.paid, upgrade(unpaid).charge_today_yen) == ((), 0)


@pytest.mark.parametrize(
    ("paid_yen", "credit_yen"),
    [
        # 2,500×28/30 = 2,333.3: what the invoice took counts, not today's price
        pytest.param(2_500, -2_333, id="paid"),
        pytest.param(0, None, id="unpaid time gives no credit"),
    ],
)
def test_an_invoice_says_what_was_paid(books, paid_yen, credit_yen):
    owner = shop(books)
    books.invoice(owner, "one-0000", 2_500, paid_yen=paid_yen, state="paid" if paid_yen else "open")
    lines = upgrade(situation(books)).lines
    assert next((line.amount_yen for line in lines if line.kind == "credit"), None) == credit_yen


def test_an_open_invoice_of_the_coming_cycle_must_be_settled_first(books):
    owner = shop(books, due_at=None, next_cycle=0, cycles_done=0)
    invoice = books.invoice(owner, "one-0000", 3_000)
    books.slot(invoice, owner, 1)
    view = situation(books)
    assert view.invoiced_cycle == 0
    assert [(c.on, c.amount_yen) for c in view.open_charges] == [(ON, 3_000)]
    with pytest.raises(BadInput, match="invoiced and not settled"):
        upgrade(view)


def test_what_shares_the_permission_is_in_the_cap(books):
    """45,000 and 10,000 on 20 December: 40,000 fit beside it, 5,000 come on 1 January."""
    permission = books.permission()
    books.price(code="large", amount_yen=10_000)
    books.subscription("one", price=books.price(), permission=permission)
    huge = books.price(code="huge", amount_yen=45_000)
    books.subscription("other", price=huge, permission=permission)
    books.cap(permission, month="2026-11", used=1_000)
    view = situation(books)
    assert {charge.amount_yen for charge in view.sharing} == {45_000}
    assert len(view.sharing) == 12
    found = upgrade(view, timing=Timing.PERIOD_END)
    assert (found.cap.verdict_before, found.cap.verdict) == (Verdict.OK, Verdict.SPLIT)
    first = found.cap.hits[0]
    assert first.charge.id.startswith("other/")
    assert [(f"{p.on:%m-%d}", p.amount_yen) for p in first.parts] == [
        ("12-20", 40_000),
        ("01-01", 5_000),
    ]


def test_any_event_or_charge_in_the_books_makes_another_quote(books):
    owner = shop(books)
    before = upgrade(situation(books))
    assert upgrade(situation(books)).quote_id == before.quote_id
    event = {"at": AT, "kind": "note", "actor": "staff", "reason": ""}
    states = {"state_before": "active", "state_after": "active"}
    for _ in range(2):
        books.add("subscription_event", subscription_id=owner, **event, **states)
    after = upgrade(situation(books))
    assert after.quote_id != before.quote_id
    assert after.today == before.today
    books.cap(1, used=10)
    assert upgrade(situation(books)).quote_id != after.quote_id


def test_who_is_not_there_is_told(books):
    shop(books)
    with pytest.raises(UnknownSubscription, match="'nobody'"):
        situation(books, "nobody")


STORED = {
    "active": {},
    "month's end": {
        "anchor_month": 10,
        "anchor_day": 31,
        "due_at": morning(11, 30),
    },
    "trial": {"state": "trialing", "first_cycle": 1, "cycles_done": 0},
    "unpaid": {"state": "past_due", "due_at": morning(11, 20), "next_cycle": 0, "cycles_done": 0},
    "moved date": {"due_at": morning(12, 24)},
    "paused": {"state": "paused", "due_at": None},
    "resumes": {"state": "paused", "due_at": morning(1, 5, 2027), "resume_on": date(2027, 1, 5)},
    "leaves": {"cancel_at_period_end": True},
    "canceled": {"state": "canceled", "due_at": None},
}


CHARGED_ON_THEIR_CYCLE = ("active", "month's end", "trial", "unpaid", "moved date", "leaves")


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize(
    "terms",
    [
        pytest.param({}, id="monthly"),
        pytest.param({"interval_unit": "week", "interval_count": 4}, id="four weeks"),
        pytest.param({"first_amount_yen": 500, "amount_yen": 61_000}, id="first price, over cap"),
    ],
)
def test_twelve_months_agree_with_the_forecast(books, name, terms):
    values = dict(STORED[name])
    if terms.get("interval_unit") == "week" and name in CHARGED_ON_THEIR_CYCLE:
        values["due_at"] = morning(12, 18)  # four weeks after 20 November
    books.subscription("one", price=books.price(**terms), permission=books.permission(), **values)
    merchant = load_merchant(books.connection, MERCHANT)
    foreseen = forecast(books.connection, merchant, at=AT, days=DAYS_OF_A_YEAR)
    view = situation(books)
    rows = _rows_without_a_change(view)
    assert [(row.charge.on, row.charge.amount_yen, row.verdict, row.parts) for row in rows] == [
        (charge.on, charge.amount_yen, charge.verdict, charge.parts) for charge in foreseen.charges
    ]


def _rows_without_a_change(view: Situation):
    """The months as they are, under the cap."""
    bills = projected(
        view, view.account, view.subscription, on=ON, until=year_after(ON), policy=Policy()
    )
    return cap_outlook(view, before=planned("one", bills), after=()).before


def test_a_stored_pause_can_be_ended(books):
    shop(books, state="paused", due_at=None)
    resumed = quote(situation(books), Resume(), on=ON, at=AT)
    assert (resumed.charge_today_yen, resumed.next_charge.on) == (0, date(2026, 12, 20))
    assert resumed.coming_before == ()


def test_a_full_refund_gives_back_what_the_invoice_took(books):
    owner = shop(books)
    books.invoice(owner, "one-0000", 2_500, paid_yen=2_500, state="paid")
    found = quote(
        situation(books),
        Cancel(Timing.NOW, refund=Refund.FULL),
        on=ON,
        at=AT,
        actor=Actor.STAFF,
        reason="goodwill",
    )
    assert found.refund_yen == 2_500
    assert found.overridden == ("refund_not_offered",)
