"""A small shop for scenario tests: real books, a real local Amazon Pay, the engine between them.

Times are given as Japanese civil dates; a day is played at the merchant's charge hour, 9:00 JST.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine, text

from billing import (
    ImportStatus,
    MerchantKeys,
    SubscriberRow,
    audit_books,
    charge_instant,
    decode_master_key,
    new_master_key,
    open_engine,
    reading,
    store_catalogue,
    store_keys,
    store_merchant,
    store_subscribers,
    writing,
)
from billing.agreements import act
from billing.store.merchants import load_merchant
from plans import parse_catalogue
from plans.lifecycle import Actor, Command
from scheduler import AmazonEndpoint, BillingEngine, RunReport, ShiftedClock, start_engine
from support.sandbox import Sandbox
from support.schema import at_head

MERCHANT = "shop"

CATALOGUE = """
plans:
  - {code: basic, name: {ja: ベーシック, en: Basic}, price: 1980, tax: standard,
     every: {unit: month, count: 1}}
  - {code: studio, name: {ja: スタジオ, en: Studio}, price: 29800, tax: standard,
     every: {unit: month, count: 1}}
  - {code: team, name: {ja: チーム, en: Team}, price: 1480, tax: standard,
     every: {unit: month, count: 1}, per_seat: true}
  - {code: coffee, name: {ja: コーヒー, en: Coffee}, price: 3240, tax: reduced,
     every: {unit: month, count: 1}, first_price: 1980, minimum_cycles: 3}
  - {code: gift, name: {ja: 初回無料, en: First free}, price: 1980, tax: standard,
     every: {unit: month, count: 1}, first_price: 0}
  - {code: yearly, name: {ja: 年額, en: Yearly}, price: 98000, tax: standard,
     every: {unit: year, count: 1}}
"""


def subscriber(number: int, **changes: Any) -> SubscriberRow:
    """Subscriber `number` of the basic plan, due on 2026-11-30; change what the test is about."""
    values: dict[str, Any] = {
        "line": number + 1,
        "external_id": f"sub-{number:03d}",
        "name": f"山田 {number}",
        "kana": "",
        "email": f"user{number}@example.jp",
        "plan_code": "basic",
        "quantity": 1,
        "started_on": date(2026, 1, 30),
        "anchor_day": 30,
        "next_charge_on": date(2026, 11, 30),
        "status": ImportStatus.ACTIVE,
        "resume_on": None,
        "charge_permission_id": f"C03-{number:07d}-0000001",
        "buyer_id": f"amzn1.account.BUYER{number}",
        "postal_code": "",
        "minimum_cycles_done": None,
        "note": "",
    }
    return SubscriberRow(**(values | changes))


@dataclass
class Shop:
    """One merchant with subscribers; `engine` bills them through `amazon`."""

    database: Engine
    amazon: Sandbox
    engine: BillingEngine
    clock: ShiftedClock
    master_key: bytes

    def charge_on(self, on: date, *, hour: int = 9) -> RunReport:
        """Play one charge run at `hour` o'clock JST of a day, after a look at waiting buyers."""
        self.go_to(on, hour=hour)
        self.engine.watch()
        return self.engine.run_due()

    def go_to(self, on: date, *, hour: int = 9) -> datetime:
        """Move our clock and Amazon's to `hour` o'clock JST of a day."""
        at = charge_instant(on=on, timezone="Asia/Tokyo", hour=hour)
        self.amazon.set_clock(at)
        self.clock.set(at)
        return at

    def act(self, command: Command, on: date) -> None:
        """Have the staff decide a command for sub-001 without a quote, at noon JST of a day."""
        at = self.go_to(on, hour=12)
        writing(
            self.database,
            lambda connection: act(
                connection,
                self.engine.merchant,
                subscription_id="sub-001",
                command=command,
                actor=Actor.STAFF,
                reason="phone call",
                at=at,
            ),
        )

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """Rows of a query on the books."""
        with reading(self.database) as connection:
            return [dict(row) for row in connection.execute(text(sql), parameters).mappings()]

    def slot(self, reference: str) -> dict[str, Any]:
        """One slot by its reference, such as "sub-001-0010-renewal"."""
        (row,) = self.rows("SELECT * FROM slot WHERE reference = :r", r=reference)
        return row

    def subscription(self, external_id: str) -> dict[str, Any]:
        """One subscription row."""
        (row,) = self.rows("SELECT * FROM subscription WHERE external_id = :i", i=external_id)
        return row

    def balances(self) -> dict[str, int]:
        """Ledger balances by account, debit positive, yen; without accounts at zero."""
        rows = self.rows("SELECT account, SUM(amount_yen) AS yen FROM posting GROUP BY account")
        return {row["account"]: int(row["yen"]) for row in rows if row["yen"]}

    def taken(self) -> list[tuple[str, int]]:
        """What Amazon captured, by its own list: (reference, yen), sorted."""
        return sorted(
            (charge["merchantReferenceId"] or "", charge["amount"])
            for charge in self.amazon.charges()
            if charge["state"] == "Captured"
        )

    def faults(self, at: datetime | None = None) -> list[str]:
        """What the independent audit finds in the books."""
        with reading(self.database) as connection:
            report = audit_books(connection, merchant_id=MERCHANT, at=at or self.clock.now())
        return [f"{finding.kind} {finding.subject}" for finding in report.findings]


OpenShop = Callable[..., Shop]


def open_shop(
    *,
    database_url: str,
    amazon: Sandbox,
    subscribers: Sequence[SubscriberRow],
    behaviours: dict[str, list[str]] | None = None,
    amount_limit_yen: int = 50_000,
    endpoint: dict[str, Any] | None = None,
    catalogue: str | None = None,
    **rules: Any,
) -> Shop:
    """A shop whose buyers consented; `rules` are columns of the merchant, e.g. cap_rule="defer"."""
    database = open_engine(database_url)
    at_head(database)
    master_key = decode_master_key(new_master_key())
    keys = MerchantKeys(
        seller_id=amazon.merchant_id,
        store_id=amazon.store_id,
        public_key_id=amazon.public_key_id,
        private_key_pem=amazon.private_key_file.read_bytes(),
    )

    def fill(connection: Any) -> None:
        store_merchant(connection, merchant_id=MERCHANT, environment="sandbox", rules=rules)
        store_keys(connection, merchant_id=MERCHANT, keys=keys, master_key=master_key)
        store_catalogue(connection, MERCHANT, parse_catalogue(catalogue or CATALOGUE))
        merchant = load_merchant(connection, MERCHANT)
        at = charge_instant(on=date(2026, 11, 22), timezone="Asia/Tokyo", hour=12)
        assert store_subscribers(connection, merchant, subscribers, at=at).differing == ()

    writing(database, fill)
    consent(amazon, subscribers, behaviours or {}, amount_limit_yen)
    clock = ShiftedClock(charge_instant(on=date(2026, 11, 22), timezone="Asia/Tokyo", hour=12))
    engine = start_engine(
        database=database,
        merchant_id=MERCHANT,
        master_key=master_key,
        endpoint=AmazonEndpoint(
            base_url=amazon.base_url, **({"paced": False, "in_flight": 8} | (endpoint or {}))
        ),
        clock=clock,
    )
    return Shop(database, amazon, engine, clock, master_key)


@contextmanager
def opening(database_url: str, amazon: Sandbox) -> Iterator[OpenShop]:
    """A way to open shops on one database, closed at the end."""
    shops: list[Shop] = []

    def _open(**arguments: Any) -> Shop:
        shops.append(open_shop(database_url=database_url, amazon=amazon, **arguments))
        return shops[-1]

    yield _open
    for shop in shops:
        shop.database.dispose()


def consent(
    amazon: Sandbox,
    subscribers: Sequence[SubscriberRow],
    behaviours: dict[str, list[str]],
    amount_limit_yen: int,
) -> None:
    """Make the charge permissions of the subscribers at Amazon's, each once."""
    owners = {row.charge_permission_id: row.buyer_id for row in subscribers}
    amazon.create_permissions(
        {
            "id": permission_id,
            "buyerId": buyer_id,
            "amountLimit": amount_limit_yen,
            "behaviour": behaviours.get(permission_id, []),
        }
        for permission_id, buyer_id in owners.items()
    )
