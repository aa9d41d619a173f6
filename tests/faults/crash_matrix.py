"""The crash matrix: named points of the charging path × what Amazon answers, on one shop.

A cell charges one subscriber, dies at a point (or at two, one after the other), goes on with a
fresh engine on the same books until everything is settled, and must end as the same answers do
when nobody dies.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from faults_books import books_of
from sqlalchemy import Engine
from support.sandbox import Sandbox
from support.shop import MERCHANT, Shop, open_shop, subscriber
from turn_senders import KILLER, Killed

from amazonpay import CreateCharge, MerchantMetadata
from billing import (
    SubscriberRow,
    charge_instant,
    idempotency_key,
    open_engine,
    request_refund,
    writing,
)
from scheduler import AmazonEndpoint, ShiftedClock, start_engine

DAY = date(2026, 11, 16)
PERMISSION = "C03-0000001-0000001"
REFERENCE = "sub-001-0010-renewal"
# When the shop is looked at again: after the lease, after the waits of replays, of polls, and of
# the first day of dunning.
LATER = (
    timedelta(minutes=10),
    timedelta(hours=2),
    timedelta(days=1),
)
LEASE_OVER = timedelta(minutes=2)
OPENS = charge_instant(on=DAY - timedelta(days=1), timezone="Asia/Tokyo", hour=12)
TIMEOUT = 0.12


@dataclass(frozen=True)
class Answer:
    """How Amazon takes the first call: faults by kind, scripted results, or the buyer's doing."""

    fault: str | None = None
    behaviour: Sequence[str] = ()
    permission: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[Shop], None] | None = None

    @property
    def times_out(self) -> bool:
        """We wait in vain, so the wait should be short."""
        return self.fault is not None and self.fault.startswith("timeout")


def key_used_for_something_else(shop: Shop) -> None:
    """After a restore with another price list the derived key meets another body."""
    key = idempotency_key(
        merchant=MERCHANT,
        environment="sandbox",
        subscription="sub-001",
        cycle=10,
        purpose="renewal",
        attempt=1,
    )
    other = CreateCharge(
        charge_permission_id=PERMISSION,
        amount_yen=100,
        capture_now=True,
        merchant_metadata=MerchantMetadata(merchant_reference_id=REFERENCE),
    )
    with shop.engine.make_client() as client:
        client.create_charge(other.to_bytes(), idempotency_key=key)


FAULTS = {
    kind: Answer(fault=kind)
    for kind in (
        *("timeout_before", "timeout_after", "reset_before", "reset_after", "cut_body"),
        *("500_before", "500_after", "503", "429", "garbage"),
        *("processing_failure", "processing_failure_but_charged"),
    )
}
CHARGE_ANSWERS = {
    "captured": Answer(),
    **FAULTS,
    **{
        reason: Answer(behaviour=[reason])
        for reason in (
            *("SoftDeclined", "HardDeclined", "AmazonRejected", "TransactionTimedOut"),
            *("PaymentMethodNotAllowed", "MFANotCompleted", "ProcessingFailure"),
            "CaptureInitiated",
        )
    },
    "declined twice": Answer(behaviour=["SoftDeclined", "SoftDeclined"]),
    "PeriodicAmountExceeded": Answer(permission={"amountLimit": 1_000}),
    "closed by the buyer": Answer(permission={"state": "Closed", "reasonCode": "BuyerClosed"}),
    "DuplicateIdempotencyKey": Answer(prepare=key_used_for_something_else),
}
CHARGE_POINTS = (
    "cycle.opened",
    "charge.intended",
    "charge.before_send",
    "charge.after_send",
    "charge.before_record",
    "charge.recorded",
    "doubt.claimed",
)
REFUND_ANSWERS = {"refunded": Answer(), **FAULTS}
# What differs between a refund and a charge is tried on each commit, all of it in the night.
REFUND_ANSWERS_EACH_TIME = (
    *("refunded", "timeout_after", "500_before", "500_after", "cut_body", "429"),
    "processing_failure_but_charged",
)
REFUND_POINTS = (
    "refund.claimed",
    "refund.before_send",
    "refund.after_send",
    "refund.before_record",
    "refund.recorded",
)


def subscribers() -> list[SubscriberRow]:
    """One subscriber, due in the middle of a month."""
    return [
        subscriber(1, started_on=date(2026, 1, 16), anchor_day=16, next_charge_on=DAY),
    ]


Clean = tuple[dict[str, list[str]], frozenset[str]]
"""The books of an answer when nobody dies, and the points that it passes."""


@dataclass
class Bench:
    """A prepared database file that every cell copies, and one local Amazon Pay for all."""

    amazon: Sandbox
    template: Path
    books: Engine
    master_key: bytes
    undisturbed: dict[tuple[str, str], Clean] = field(default_factory=dict)

    def shop(self, answer: Answer) -> Shop:
        """The shop of one cell, at the moment when its charge is due."""
        self.books.dispose()
        shutil.copyfile(self.template, str(self.books.url.database))
        self.amazon.reset()
        wanted = {"amountLimit": 50_000, "behaviour": list(answer.behaviour)}
        self.amazon.create_permissions(
            [{"id": PERMISSION, "buyerId": "amzn1.account.BUYER1"} | wanted | answer.permission]
        )
        shop = self.reopened(answer, ShiftedClock(OPENS))
        shop.go_to(DAY)
        if answer.prepare is not None:
            answer.prepare(shop)
        return shop

    def reopened(self, answer: Answer, clock: ShiftedClock) -> Shop:
        """A new process on the same books: whatever the last one had open is gone."""
        self.books.dispose()
        engine = start_engine(
            database=self.books,
            merchant_id=MERCHANT,
            master_key=self.master_key,
            endpoint=AmazonEndpoint(
                base_url=self.amazon.base_url,
                paced=False,
                in_flight=1,
                deadline_seconds=TIMEOUT if answer.times_out else 10.0,
            ),
            clock=clock,
        )
        return Shop(self.books, self.amazon, engine, clock, self.master_key)

    def charge_cell(self, name: str, points: Sequence[str]) -> dict[str, list[str]]:
        """Charge with this answer, dying at the points in turn; the books when all is settled."""
        answer = CHARGE_ANSWERS[name]
        shop = self.shop(answer)
        self._strike("createCharge", answer)
        return self._play(shop, answer, points)

    def refund_cell(self, name: str, points: Sequence[str]) -> dict[str, list[str]]:
        """Charge, then give 990 yen back with this answer, dying at the points in turn."""
        answer = REFUND_ANSWERS[name]
        shop = self.shop(answer)
        shop.engine.run_due()
        writing(shop.database, lambda connection: ask_back(connection, shop))
        self._strike("createRefund", answer)
        return self._play(shop, answer, points)

    def _strike(self, operation: str, answer: Answer) -> None:
        if answer.fault is not None:
            seconds = {"seconds": 3 * TIMEOUT} if answer.times_out else {}
            self.amazon.faults([{"operation": operation, "kind": answer.fault} | seconds])

    def _play(self, shop: Shop, answer: Answer, points: Sequence[str]) -> dict[str, list[str]]:
        KILLER.points, KILLER.passed = list(points), set()
        begun = shop.clock.now()
        try:
            for late in (timedelta(0), *LATER):
                if not is_settled(shop):
                    self._move(shop, begun + late)
                    shop = self._run(shop, answer)
            return books_of(shop)
        finally:
            KILLER.points = []

    def _move(self, shop: Shop, at: datetime) -> None:
        self.amazon.set_clock(at)
        shop.clock.set(at)

    def _run(self, shop: Shop, answer: Answer) -> Shop:
        """One look at the shop; a process that dies in it is followed by another one."""
        while True:
            try:
                shop.engine.run_due()
                return shop
            except Killed:
                shop = self.reopened(answer, shop.clock)
                self._move(shop, shop.clock.now() + LEASE_OVER)


def is_settled(shop: Shop) -> bool:
    """Nothing waits for another look: paid or given back, or before a person."""
    (row,) = shop.rows(
        "SELECT (SELECT COUNT(*) FROM slot WHERE state IN ('paid', 'quarantined')) AS settled, "
        "(SELECT COUNT(*) FROM refund WHERE state <> 'refunded') AS waiting"
    )
    return row["settled"] > 0 and not row["waiting"]


def ask_back(connection: Any, shop: Shop) -> None:
    """Half of the payment is to be given back."""
    request_refund(
        connection,
        shop.engine.merchant,
        request_id="once",
        amount_yen=990,
        reason="goodwill",
        actor="staff",
        at=shop.clock.now(),
        subscription_id="sub-001",
    )


def make_bench(amazon: Sandbox, folder: Path) -> Bench:
    """Prepare the books that every cell copies."""
    template = folder / "template.sqlite3"
    amazon.reset()
    shop = open_shop(database_url=f"sqlite:///{template}", amazon=amazon, subscribers=subscribers())
    shop.database.dispose()
    # One engine for all cells: it keeps the compiled statements, which cost more than the work.
    return Bench(amazon, template, open_engine(f"sqlite:///{folder / 'cell'}"), shop.master_key)


def charges_of_slots(amazon: Sandbox) -> dict[str, int]:
    """How many charges Amazon holds per reference that took money or may."""
    counts: dict[str, int] = {}
    for charge in amazon.charges():
        if charge["state"] not in ("Declined", "Canceled"):
            name = str(charge["merchantReferenceId"])
            counts[name] = counts.get(name, 0) + 1
    return counts
