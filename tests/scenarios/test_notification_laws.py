"""Any permutation and multiset of genuine notifications ends in the state of a GET sweep.

Invariants 23 and 35. One world at Amazon, changed in every way that notifications tell of; from one
copy of the books per example, what came in whatever order is compared with asking for everything.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from amazon_hints import DAY, deliver, hint, of_permission
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refund_desk import ask
from support.sandbox import Sandbox
from support.shop import MERCHANT, Shop, open_shop, subscriber

from billing import end_waits, open_engine, writing
from billing.agreements import act
from plans.lifecycle import Actor, SkipCycles
from scheduler.inbox import InboxRun
from scheduler.watch import PermissionWatch

EXAMPLES = 300 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 8
BEHAVIOURS = {2: ["HardDeclined"], 3: ["CaptureInitiated"], 7: ["HardDeclined"]}

BOOKS = (
    "SELECT reference, state, reason, declines FROM slot ORDER BY reference",
    "SELECT idempotency_key, state, charge_id, reason_code FROM attempt ORDER BY 1",
    "SELECT number, state, paid_yen FROM invoice ORDER BY number",
    "SELECT reference, kind FROM journal ORDER BY reference",
    "SELECT account, SUM(amount_yen) FROM posting GROUP BY account ORDER BY account",
    "SELECT external_id, state, next_cycle, due_at, cancel_at_period_end FROM subscription",
    "SELECT subscription_id, body, credit_yen FROM agreement ORDER BY 1",
    "SELECT subscription_id, kind, state_after, actor FROM subscription_event ORDER BY 1, 2, 3",
    "SELECT amazon_id, state, state_reason, amount_limit_yen, expires_at FROM charge_permission",
    "SELECT reference, state, refund_id FROM refund ORDER BY reference",
    "SELECT dedup_key, kind, reason FROM notice ORDER BY dedup_key",
    "SELECT permission_id, month, used_yen, held_yen FROM cap_month ORDER BY 1, 2",
)


Books = set[tuple[Any, ...]]


@dataclass(frozen=True)
class StillClock:
    """Time stands still, so that two histories have the same instants."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True)
class World:
    """The books before anything was heard, and every message that Amazon has sent since."""

    shop: Shop
    at: datetime
    file: Path
    hints: Sequence[dict[str, Any]]
    folder: Path

    def copied(self, name: str) -> Shop:
        """The same shop on a copy of its books, at a moment that does not pass."""
        file = self.folder / f"{name}.sqlite3"
        shutil.copy(self.file, file)
        database = open_engine(f"sqlite:///{file}")
        clock: Any = StillClock(self.at)
        engine = replace(self.shop.engine, database=database, clock=clock)
        return replace(self.shop, database=database, engine=engine, clock=clock)


@pytest.fixture(scope="module")
def world(shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Eight buyers; after the charges of a day each of them, or Amazon, does something."""
    folder = tmp_path_factory.mktemp("laws")
    file = folder / "before.sqlite3"
    rows = [subscriber(number) for number in range(1, 9)]
    ids = [row.charge_permission_id for row in rows]
    shop = open_shop(
        database_url=f"sqlite:///{file}",
        amazon=shared_sandbox,
        subscribers=rows,
        behaviours={ids[number - 1]: answers for number, answers in BEHAVIOURS.items()},
        sweep_days=40,
    )
    shop.charge_on(DAY)
    ask(shop, amount_yen=500, subscription_id="sub-004")
    shop.engine.send_refunds()
    writing(shop.database, lambda connection: _skip_one(connection, shop))
    shop.database.dispose()
    at = shop.clock.now() + timedelta(hours=2)
    for position, change in {
        0: {"state": "Closed", "reasonCode": "BuyerClosed"},
        1: {"paymentMethod": "updated"},
        4: {"amountLimit": 20_000},
        5: {"state": "Closed", "reasonCode": "AmazonClosed"},
        6: {"state": "Closed", "reasonCode": "BuyerClosed"},
        7: {"state": "NonChargeable"},
    }.items():
        shop.amazon.patch_permission(ids[position], **change)
    shop.amazon.set_clock(at)
    shop.clock.set(at)
    yield World(shop, at, file, _messages(shop, ids), folder)
    shop.database.dispose()


def _skip_one(connection: Any, shop: Shop) -> None:
    act(
        connection,
        shop.engine.merchant,
        subscription_id="sub-006",
        command=SkipCycles(1),
        actor=Actor.STAFF,
        reason="holiday",
        at=shop.clock.now(),
    )


def _messages(shop: Shop, ids: Sequence[str]) -> list[dict[str, Any]]:
    charges = [
        hint("CHARGE", charge["chargeId"], charge["chargePermissionId"])
        for charge in shop.amazon.charges()
    ]
    refunds = [hint("REFUND", refund["refundId"], ids[3]) for refund in shop.amazon.refunds()]
    stranger = hint("CHARGE", "S03-9999999-9999999-C999999", "C03-9999999-9999999")
    return [*map(of_permission, ids), *charges, *refunds, stranger]


def books(shop: Shop) -> Books:
    return {(sql, *row.values()) for sql in BOOKS for row in shop.rows(sql)}


def hear(shop: Shop) -> None:
    """Work the inbox off, without charging what was cured: Amazon's side must stand still."""
    engine = shop.engine
    InboxRun(
        engine=shop.database,
        merchant=engine.merchant,
        make_client=engine.make_client,
        worker_id="here",
        quota=None,
        now=shop.clock.now,
    ).process()
    end_waits(shop.database, engine.merchant, at=shop.clock.now())


def ask_for_everything(shop: Shop) -> None:
    """What hourly polling and the nightly sweep do when every notification is lost."""
    engine = shop.engine
    engine.run_due()
    watch = PermissionWatch(
        shop.database, engine.merchant, engine.make_client, None, shop.clock.now
    )
    watch.waiting()
    watch.coming()


@pytest.fixture(scope="module")
def asked_for(world: World) -> Books:
    """The books after a sweep without a single message."""
    twin = world.copied("twin")
    untouched = books(twin)
    ask_for_everything(twin)
    found = books(twin)
    twin.database.dispose()
    assert len(found - untouched) >= 20, "nothing to compare"
    return found


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_and_number_of_messages_is_a_sweep(
    world: World, asked_for: Books, data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(world.hints), max_size=10), label="duplicates")
    arrivals = data.draw(st.permutations([*world.hints, *again]), label="order")
    cuts = data.draw(st.sets(st.integers(1, len(arrivals) - 1), max_size=3), label="processed at")
    shop = world.copied("example")
    for start, end in pairwise([0, *sorted(cuts), len(arrivals)]):
        deliver(shop, *arrivals[start:end], first=start + 1)
        hear(shop)
    assert books(shop) ^ asked_for == set()
    shop.database.dispose()


def test_messages_after_a_sweep_change_nothing(world: World, asked_for: Books) -> None:
    """Late by the whole sweep: all is known already."""
    shop = world.copied("late")
    ask_for_everything(shop)
    deliver(shop, *world.hints)
    hear(shop)
    assert books(shop) ^ asked_for == set()
    assert {row["merchant_id"] for row in shop.rows("SELECT * FROM notification")} == {MERCHANT}
    shop.database.dispose()
