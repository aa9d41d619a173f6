"""Several merchants in one database, each with subscribers due, all charged by one Amazon Pay."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, Engine, text
from support.sandbox import Sandbox
from support.schema import at_head
from support.shop import CATALOGUE, consent, subscriber

from billing import (
    MerchantKeys,
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
from billing.store.merchants import load_merchant
from plans import parse_catalogue
from scheduler import AmazonEndpoint, BillingEngine, ShiftedClock, start_engine
from scheduler.fleet import AllMerchants

DAY = date(2026, 11, 30)


@dataclass
class Town:
    """A database of several merchants and what serves them."""

    database: Engine
    amazon: Sandbox
    master_key: bytes
    clock: ShiftedClock

    def engine(self, merchant_id: str) -> BillingEngine:
        """The engine of one merchant."""
        return start_engine(
            database=self.database,
            merchant_id=merchant_id,
            master_key=self.master_key,
            endpoint=AmazonEndpoint(base_url=self.amazon.base_url, paced=False, in_flight=4),
            clock=self.clock,
        )

    def fleet(self) -> AllMerchants:
        """All merchants of the database."""
        return AllMerchants(self.database, self.clock, self.engine)

    def paid(self) -> dict[str, int]:
        """Paid slots of each merchant that has any."""
        sql = "SELECT merchant_id, COUNT(*) FROM slot WHERE state = 'paid' GROUP BY merchant_id"
        with reading(self.database) as connection:
            return {str(row[0]): int(row[1]) for row in connection.execute(text(sql))}

    def order(self) -> list[str]:
        """The merchants of all attempts in the order in which they were begun."""
        with reading(self.database) as connection:
            found = text("SELECT merchant_id FROM attempt ORDER BY intended_at, id")
            return list(connection.execute(found).scalars())


def open_town(url: str, amazon: Sandbox, due: Mapping[str, int]) -> Town:
    """Merchants with so many subscribers each, due on 2026-11-30, at nine o'clock of that day."""
    town = Town(
        database=open_engine(url),
        amazon=amazon,
        master_key=decode_master_key(new_master_key()),
        clock=ShiftedClock(charge_instant(on=DAY, timezone="Asia/Tokyo", hour=9)),
    )
    at_head(town.database)
    amazon.set_clock(town.clock.now())
    for number, (name, count) in enumerate(due.items(), start=1):
        _add(town, name, number * 10_000, count)
    return town


def _add(town: Town, name: str, first: int, count: int) -> None:
    keys = MerchantKeys(
        seller_id=town.amazon.merchant_id,
        store_id=town.amazon.store_id,
        public_key_id=town.amazon.public_key_id,
        private_key_pem=town.amazon.private_key_file.read_bytes(),
    )
    rows = [subscriber(number) for number in range(first, first + count)]

    def fill(connection: Connection) -> None:
        store_merchant(connection, merchant_id=name, environment="sandbox", rules={})
        store_keys(connection, merchant_id=name, keys=keys, master_key=town.master_key)
        store_catalogue(connection, name, parse_catalogue(CATALOGUE))
        merchant = load_merchant(connection, name)
        at = charge_instant(on=date(2026, 11, 22), timezone="Asia/Tokyo", hour=12)
        store_subscribers(connection, merchant, rows, at=at)

    writing(town.database, fill)
    consent(town.amazon, rows, {}, 50_000)
