"""Books with one subscription, notices to write, and deliveries to plan, claim and record."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prepared import migrated, one_invoice
from small_books import MERCHANT, SmallBooks
from sqlalchemy import Engine, text

from billing import load_merchant, open_engine, reading, writing
from billing.deliveries import (
    DeliveryOutcome,
    DeliveryResult,
    OutgoingMail,
    OutgoingWebhook,
    add_endpoint,
    claim_mails,
    claim_webhooks,
    events_after,
    plan_notices,
    record_deliveries,
    store_notice_rules,
)
from billing.store.merchants import Merchant
from billing.store.notices import notice_row, write_notices

AT = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
KEY = bytes(32)
SLOT = {
    "merchant_id": MERCHANT,
    "subscription_id": 1,
    "reference": "one-0001-renewal",
    "amount_yen": 3_000,
}


@dataclass
class Desk:
    """Everything one does with notices, on one database."""

    engine: Engine
    merchant: Merchant

    def tell(self, *steps: int, kind: str = "charged", at: datetime = AT, **values: Any) -> None:
        """Write notices of one kind, one per step."""
        rows = [notice_row(SLOT, kind=kind, at=at, step=step, **values) for step in steps]
        writing(self.engine, lambda c: write_notices(c, rows))

    def plan(self, *, at: datetime = AT) -> int:
        """Plan all there is."""
        planned = 0
        while more := plan_notices(self.engine, self.merchant, at=at):
            planned += more
        return planned

    def rules(self, **given: Any) -> None:
        """Set rules of notices."""
        writing(self.engine, lambda c: store_notice_rules(c, MERCHANT, given))

    def endpoint(self, code: str = "shop", *, at: datetime = AT) -> str:
        """Add a webhook; returns its secret."""
        return writing(
            self.engine,
            lambda c: add_endpoint(
                c, self.merchant, code=code, url="https://shop.example/h", at=at, master_key=KEY
            ),
        )

    def mails(
        self, *, at: datetime = AT, worker: str = "w1", limit: int = 20
    ) -> list[OutgoingMail]:
        """Claim mails."""
        return claim_mails(self.engine, self.merchant, worker_id=worker, at=at, limit=limit)

    def webhooks(
        self, *, at: datetime = AT, worker: str = "w1", limit: int = 32
    ) -> list[OutgoingWebhook]:
        """Claim webhooks."""
        return claim_webhooks(
            self.engine, self.merchant, worker_id=worker, at=at, master_key=KEY, limit=limit
        )

    def answer(
        self,
        message: OutgoingMail | OutgoingWebhook,
        result: DeliveryResult = DeliveryResult.SENT,
        *,
        at: datetime = AT,
        detail: str = "",
    ) -> None:
        """Record what became of a message."""
        outcome = DeliveryOutcome(message.delivery_id, message.tries, result, detail)
        record_deliveries(self.engine, [outcome], at=at)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query."""
        with reading(self.engine) as connection:
            return [dict(row) for row in connection.execute(text(sql)).mappings()]

    def states(self) -> list[str]:
        """States of the deliveries, in the order of planning."""
        return [row["state"] for row in self.rows("SELECT state FROM delivery ORDER BY id")]

    def open_notices(self) -> int:
        """How many notices have something left to send, or are not planned."""
        (row,) = self.rows("SELECT COUNT(*) AS n FROM notice WHERE delivered_at IS NULL")
        return int(row["n"])

    def cursors(self, *, after: int = 0) -> list[tuple[int, str]]:
        """(cursor, kind) of the events behind a cursor."""
        with reading(self.engine) as connection:
            found = events_after(connection, self.merchant, after=after, limit=1000)
        return [(event.position, event.kind) for event in found]


@contextmanager
def desk_at(database_url: str) -> Iterator[Desk]:
    """A desk on an empty database."""
    with migrated(database_url) as engine:
        writing(engine, lambda c: one_invoice(SmallBooks(c)) and None)
        with reading(engine) as connection:
            merchant = load_merchant(connection, MERCHANT)
        yield Desk(engine, merchant)


def with_mail(desk: Desk) -> Desk:
    """The desk of a merchant that sends mails."""
    desk.rules(mail_from="billing@shop.example", staff_email="staff@shop.example")
    return desk


@contextmanager
def copied_desk(template: Path, folder: Path) -> Iterator[Desk]:
    """A desk on a copy of a SQLite file that `desk_at` has made: quicker than making it."""
    file = folder / "desk.sqlite3"
    shutil.copyfile(template, file)
    engine = open_engine(f"sqlite:///{file}")
    try:
        with reading(engine) as connection:
            merchant = load_merchant(connection, MERCHANT)
        yield Desk(engine, merchant)
    finally:
        engine.dispose()
