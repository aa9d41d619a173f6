"""One bad row must not keep the others from being charged, today or for ever."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from support import shop as shop_module
from support.sandbox import Sandbox
from support.shop import OpenShop, opening, subscriber

import scheduler.run
import scheduler.watch
from amazonpay import ErrorCode, Misconfigured
from billing import ImportStatus, Outcome, OutcomeKind, open_due_cycles, send
from billing.charging.outcome import from_error
from scheduler import AmazonSilent, RunStopped

DAY = date(2026, 11, 30)


@pytest.fixture
def opened(sqlite_url: str, sandbox: Sandbox) -> Iterator[OpenShop]:
    with opening(sqlite_url, sandbox) as open_one:
        yield open_one


def test_a_free_first_cycle_neither_fails_nor_blocks_the_others(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        shop_module,
        "CATALOGUE",
        shop_module.CATALOGUE.replace("first_price: 1980", "first_price: 0"),
    )
    shop = opened(
        subscribers=[
            subscriber(1, plan_code="coffee", status=ImportStatus.TRIALING),
            subscriber(2),
        ]
    )
    shop.charge_on(DAY)
    assert shop.taken() == [("sub-002-0010-renewal", 1980)]
    assert shop.subscription("sub-001")["next_cycle"] == 11  # free, and the cycle goes on
    assert shop.faults() == []


def test_an_invoice_that_cannot_be_stored_does_not_block_the_others(opened: OpenShop) -> None:
    """A first price may be as large as any; the invoice's CHECK ends at 1,000,000,000 yen."""
    shop = opened(subscribers=[subscriber(1, plan_code="team"), subscriber(2)])
    with shop.database.begin() as connection:
        connection.execute(
            text("UPDATE subscription SET quantity = 1000000 WHERE external_id = 'sub-001'")
        )
    shop.charge_on(DAY)
    assert shop.taken() == [("sub-002-0010-renewal", 1980)]


def test_rows_that_cannot_be_opened_do_not_starve_later_ones(opened: OpenShop) -> None:
    """`limit` bad rows at the front of the queue (here 2 for 200)."""
    shop = opened(subscribers=[subscriber(number) for number in range(1, 5)])
    with shop.database.begin() as connection:
        connection.execute(
            text("UPDATE subscription SET quantity = 2 WHERE external_id < 'sub-003'")
        )
    at = shop.go_to(DAY)
    after = None
    for _ in range(3):
        done = open_due_cycles(shop.database, shop.engine.merchant, at=at, after=after, limit=2)
        after = done.next_from
    assert len(shop.rows("SELECT id FROM invoice")) == 2


def test_a_foreign_permission_does_not_stop_the_merchant(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """errors-and-throttling.md: 401 UnauthorizedAccess = "not your object / not allowed"."""

    def answering(client: Any, attempt: Any, *, now: Any) -> Any:
        if attempt.permission_amazon_id == "C03-0000001-0000001":
            refusal = Misconfigured(401, ErrorCode.UNAUTHORIZED_ACCESS, "not yours", None)
            return from_error(attempt, refusal)
        return send(client, attempt, now=now)

    monkeypatch.setattr(scheduler.run, "send", answering)
    monkeypatch.setattr(scheduler.run, "SLICE", 2)  # the window; 200 unpaced, 40 live, 10 sandbox
    shop = opened(subscribers=[subscriber(number) for number in range(1, 12)])
    for hour in (9, 12, 15):
        with suppress(RunStopped):
            shop.charge_on(DAY, hour=hour)
    assert len(shop.taken()) == 10


def test_an_unreadable_permission_does_not_starve_the_watch(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slice of 2 for 200: permission 1 is unknown at Amazon, 3 and 4 get a new payment method."""
    monkeypatch.setattr(scheduler.watch, "SLICE", 2)
    numbers = range(1, 5)
    ids = [f"C03-{number:07d}-0000001" for number in numbers]
    shop = opened(
        subscribers=[subscriber(number) for number in numbers],
        behaviours={permission: ["HardDeclined"] for permission in ids},
    )
    shop.charge_on(DAY)
    with shop.database.begin() as connection:  # as if Amazon answered 404 for it
        connection.execute(
            text(
                "UPDATE charge_permission SET amazon_id = 'C03-9999999-9999999' "
                "WHERE amazon_id = :i"
            ),
            {"i": ids[0]},
        )
    for permission in ids[2:]:
        shop.amazon.patch_permission(permission, paymentMethod="updated")
    for days in range(1, 10):
        shop.charge_on(DAY + timedelta(days=days))
    assert len(shop.taken()) == 2


def test_a_quarantined_slot_does_not_freeze_the_buyers_other_agreements(opened: OpenShop) -> None:
    shared = {"charge_permission_id": "C03-7777777-7777777", "buyer_id": "amzn1.account.SHARED"}
    other = subscriber(
        2, started_on=date(2026, 1, 1), anchor_day=1, next_charge_on=date(2026, 12, 1), **shared
    )
    shop = opened(
        subscribers=[subscriber(1, **shared), other],
        behaviours={"C03-7777777-7777777": ["CaptureInitiated"]},
    )
    shop.charge_on(DAY)
    with shop.database.begin() as connection:  # the charge we ask about is another than ours
        connection.execute(text("UPDATE attempt SET amount_yen = 1979"))
        connection.execute(text("UPDATE cap_hold SET amount_yen = 1979"))
        connection.execute(text("UPDATE cap_month SET held_yen = 1979"))
    shop.charge_on(DAY, hour=12)
    assert shop.slot("sub-001-0010-renewal")["state"] == "quarantined"
    for days in range(1, 90, 7):
        shop.charge_on(DAY + timedelta(days=days))
    assert "sub-002-0011-renewal" in [reference for reference, _ in shop.taken()]


def test_one_run_processes_all_that_is_due(opened: OpenShop) -> None:
    """Contract: `autopay run` = process what is due now. Four cycles are due on 28 February."""
    shop = opened(subscribers=[subscriber(1)])
    at = shop.go_to(date(2027, 2, 28))
    shop.engine.run_due()
    late = shop.rows(
        "SELECT external_id, due_at FROM subscription WHERE due_at < :at", at=str(at)[:19]
    )
    assert late == []


def test_attempts_that_stay_unknown_do_not_silence_the_merchant(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """reliability.md 2.1 no. 6: Amazon keeps a 500 under 80 keys and replays it for ever."""

    def answering(client: Any, attempt: Any, *, now: Any) -> Any:
        if attempt.permission_amazon_id < "C03-0000081":
            return Outcome(attempt, OutcomeKind.UNKNOWN, detail="500 for ever")
        return send(client, attempt, now=now)

    monkeypatch.setattr(scheduler.run, "send", answering)
    monkeypatch.setattr(scheduler.run, "SLICE", 40)  # the window of a paced live merchant
    later = [
        subscriber(
            number,
            started_on=date(2026, 1, 1),
            anchor_day=5,
            next_charge_on=date(2026, 12, 5),
        )
        for number in range(81, 86)
    ]
    shop = opened(subscribers=[*(subscriber(number) for number in range(1, 81)), *later])
    for days in range(12):
        with suppress(AmazonSilent):
            shop.charge_on(DAY + timedelta(days=days))
    assert len(shop.taken()) == 5
