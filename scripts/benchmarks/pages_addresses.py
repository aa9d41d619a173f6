"""Every GET page of the router with ids filled in, and the questions that readers ask of them.

A route whose ids nobody has named here stops the benchmark, so that no page goes unmeasured.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fastapi import FastAPI
from sqlalchemy import Connection, Engine, text

from app.web import create_app
from app.web.shell.rooms import routes_of
from billing import (
    Merchant,
    civil_date,
    load_merchant,
    reading,
    store_catalogue,
    writing,
)
from billing.agreements import keep_quote
from billing.bulk_work import CHARGE_AGAIN, PlannedRow, draft_bulk
from billing.catalogue.offers_store import store_offers
from billing.quotes import load_situation, quote
from plans import PriceMigration, PriceRef, parse_catalogue
from plans.lifecycle import Actor, SkipCycles
from scheduler import SystemClock
from scripts.benchmarks.pages_books import MERCHANT

PASSWORD = "benchmark of pages"  # noqa: S105 - of a database that lives for minutes
BARE = "/health"
# Its answer is the state of the engine for another program; it needs a token and draws nothing.
LEFT_OUT = ("/metrics",)
FILES = (".csv", ".json")
BULK_ROWS = 1_000
OFFERS = """
plans:
  - code: second
    name: {ja: 別, en: Other}
    tax: standard
    every: {unit: month, count: 1}
    prices:
      - {valid_from: 2020-01-01, price: 980}
      - {valid_from: NEXT, price: 1080}
add_ons:
  - {code: sticker, name: {ja: シール, en: Sticker}, price: 300, per_seat: true, tax: standard,
     recurring: false}
"""


class PageWithoutExample(Exception):
    """A GET route has an id for which the benchmark knows no row."""


@dataclass(frozen=True, slots=True)
class Page:
    """One address; of a file only the beginning is waited for."""

    address: str
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """What the readers walk through, and the session of a customer among them."""

    pages: tuple[Page, ...]
    customer_session: str


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that pages with ids show."""

    subscription: int
    external_id: str
    slot: int
    failed_slot: int
    attempt: int
    charge_id: str
    approval: int
    job: int
    quote_id: str
    staff_quote_id: str
    price_move: str


def prepare_walk(database: Engine) -> Walk:
    """Find or make a row for every page with an id; raises `PageWithoutExample`."""
    with reading(database) as connection:
        merchant = load_merchant(connection, MERCHANT)
    app = create_app(
        database=database, merchant=merchant, staff_password=PASSWORD, clock=SystemClock()
    )
    at = datetime.now(UTC)
    rows = writing(database, lambda connection: _rows(connection, merchant, at))
    sessions = app.state.shell.sessions
    session = writing(database, lambda c: sessions.begin_customer(c, customer_id=rows.subscription))
    today = civil_date(at=at, timezone=merchant.timezone)
    return Walk((*pages_of(app, _ids(rows)), *_questions(rows, today)), session)


def pages_of(app: FastAPI, ids: dict[str, dict[str, object]]) -> list[Page]:
    """Every GET page of an application; `ids` are by the beginning of the path, then by name."""
    return [
        Page(_filled(path, ids), path.endswith(FILES))
        for method, path in routes_of(app)
        if method == "GET" and path not in LEFT_OUT
    ]


def _filled(path: str, ids: dict[str, dict[str, object]]) -> str:
    known = {
        name: value
        for begin in sorted(ids, key=len)
        if path.startswith(begin)
        for name, value in ids[begin].items()
    }
    missing = [name for name in re.findall(r"{(\w+)}", path) if name not in known]
    if missing:
        raise PageWithoutExample(
            f"GET {path} needs an example of {', '.join(missing)}: name one in {__name__}"
        )
    return path.format(**known)


def _ids(rows: _Rows) -> dict[str, dict[str, object]]:
    return {
        "/": {
            "attempt_id": rows.attempt,
            "customer_id": rows.subscription,
            "subscription_id": rows.subscription,
            "slot_id": rows.failed_slot,
            "approval_id": rows.approval,
            "job_id": rows.job,
            "quote_id": rows.staff_quote_id,
            "passkey_id": 0,  # nobody has one here
            "name": "style.css",
            "code": rows.price_move,
        },
        "/my/": {
            "charge_id": rows.slot,
            "quote_id": rows.quote_id,
            "plan_code": "second",
            "code": "sticker",
            # Nobody's: what a stranger gets who guesses one.
            "checkout_id": "0" * 32,
        },
        "/my/extras/": {"subscription_id": rows.external_id},
        "/my/payment/": {"subscription_id": rows.external_id},
    }


def _questions(rows: _Rows, today: date) -> Sequence[Page]:
    """What people ask of lists: names, periods, states, amounts, later pages."""
    month_ago, year_ago = today - timedelta(days=30), today - timedelta(days=300)
    months = [f"{today + timedelta(days=31 * ahead):%Y-%m}" for ahead in (-3, 1, 6)]
    staff = (
        *("/customers?search=山田 5", "/customers?search=user77", "/customers?after=60000"),
        *(
            "/customers?search=%25",
            "/customers?search=山_田",
            f"/customers?search={rows.charge_id}",
        ),
        f"/customers/{rows.subscription}?steps=all",
        *("/charges?state=declined", "/charges?state=in_doubt", "/charges?state=captured"),
        f"/charges?from={month_ago}&to={today}",
        f"/charges?from={year_ago}&to={today}",
        f"/charges?from={year_ago}&to={today}&search=山田 777",
        *("/charges?search=山田 777", "/charges?search=%25", "/charges?search=user4242@"),
        *("/charges?yen_from=3000&yen_to=3500", "/charges?yen_from=900000"),
        *("/charges?customer=c-0000777", "/charges?permission=C03-0000777-0000001"),
        *(f"/calendar?month={month}" for month in months),
        f"/calendar/day?on={today + timedelta(days=1)}&only=all",
        f"/finance?month={months[0]}",
        f"/finance/rows?kind=chargebacks&from={today.replace(day=1)}&to={today}",
        *("/failures?state=retrying", "/failures?state=waiting_buyer&reason=HardDeclined"),
        f"/failures/declined?from={year_ago}&to={today}&reason=SoftDeclined",
        *("/settings/log?actor=staff 7", "/settings/log?kind=nothing", "/settings/log?below=500"),
        f"/subscriptions/{rows.subscription}/decide?verb=skip&number=1",
    )
    own = f"/my/subscriptions/{rows.subscription}/decide?kind=cancel"
    return [Page(address) for address in (*staff, own)]


def _rows(connection: Connection, merchant: Merchant, at: datetime) -> _Rows:
    def one(sql: str, **values: Any) -> Any:
        return connection.execute(text(sql), values).one()

    most = one("SELECT max(id) FROM subscription")[0]
    # The newest of the first half that is neither past due nor gone.
    owner = one(
        "SELECT id, external_id FROM subscription WHERE id <= :half AND state = 'active' "
        "ORDER BY id DESC LIMIT 1",
        half=max(2, most // 2),
    )
    paid = one(
        "SELECT s.id, a.id AS attempt, a.charge_id FROM slot s JOIN attempt a ON a.slot_id = s.id "
        "WHERE s.subscription_id = :id AND a.state = 'captured' ORDER BY s.cycle DESC LIMIT 1",
        id=owner.id,
    )
    failed = one("SELECT max(id) FROM slot WHERE state = 'waiting_buyer'")[0]
    own, move = owner.external_id, _offers(connection, merchant, at)
    return _Rows(
        subscription=owner.id,
        external_id=owner.external_id,
        slot=paid.id,
        failed_slot=failed,
        attempt=paid.attempt,
        charge_id=paid.charge_id,
        approval=_approval(connection, merchant, paid.attempt, at),
        job=_job(connection, merchant, at),
        quote_id=_quote(connection, merchant, own, Actor.CUSTOMER, at),
        staff_quote_id=_quote(connection, merchant, own, Actor.STAFF, at),
        price_move=move,
    )


def _approval(connection: Connection, merchant: Merchant, attempt: int, at: datetime) -> int:
    made = text(
        "INSERT INTO refund_approval (merchant_id, attempt_id, request_id, amount_yen, reason, "
        "state, asked_by, asked_at, expires_at) VALUES (:merchant, :attempt, 'walk', 100, "
        "'returned', 'waiting', 'someone', :at, :until) ON CONFLICT DO NOTHING"
    )
    values = {"merchant": merchant.id, "attempt": attempt}
    connection.execute(made, values | {"at": at, "until": at + timedelta(days=7)})
    return int(connection.execute(text("SELECT max(id) FROM refund_approval")).scalar_one())


def _job(connection: Connection, merchant: Merchant, at: datetime) -> int:
    planned = [PlannedRow(f"s-{number}", amount_yen=1_980) for number in range(BULK_ROWS)]
    job = draft_bulk(
        connection,
        merchant,
        kind=CHARGE_AGAIN,
        request_id=f"walk {at.isoformat()}",
        terms={},
        planned=planned,
        by="benchmark",
        at=at,
    )
    return job.id


def _offers(connection: Connection, merchant: Merchant, at: datetime) -> str:
    """Store offers and a change of the price that nobody pays: others would change forecasts."""
    today = civil_date(at=at, timezone=merchant.timezone)
    later = today + timedelta(days=90)
    offers = parse_catalogue(OFFERS.replace("NEXT", later.isoformat()))
    store_catalogue(connection, merchant.id, offers)
    change = PriceMigration(
        code="walk",
        valid_from=today,
        old=PriceRef("second", date(2020, 1, 1)),
        new=PriceRef("second", later),
        notice_on=today + timedelta(days=30),
        effective_on=later,
    )
    store_offers(connection, merchant.id, [change])
    return change.code


def _quote(
    connection: Connection, merchant: Merchant, external_id: str, actor: Actor, at: datetime
) -> str:
    asked = quote(
        load_situation(connection, merchant, subscription_id=external_id, at=at),
        SkipCycles(1),
        on=civil_date(at=at, timezone=merchant.timezone),
        at=at,
        actor=actor,
        reason="benchmark",
    )
    keep_quote(connection, merchant, asked)
    return asked.quote_id
