"""Goods where it could go wrong: short shipments beside the chain, a released doubt, no end."""

from datetime import date

import pytest
from shipments_desk import DAY, GOODS, acts, authorized_shop, hours_later, settle, ship, slots
from sqlalchemy import text
from support.shop import OpenShop, Shop, subscriber

from billing import (
    Shipment,
    ShipmentsRefused,
    audit_chain,
    book_chargeback,
    chain_books,
    reading,
    record_shipments,
    writing,
)
from billing.captures import authorized, awaited_shipments, requesting
from billing.evidence import desk_item, release
from plans import BadInput
from scheduler import captures

FIRST = "sub-001-0010-renewal"


def chain_faults(shop: Shop) -> list[str]:
    with reading(shop.database) as connection:
        found = audit_chain(connection, at=shop.clock.now()).findings
    return [f"{finding.kind} {finding.subject}" for finding in found]


def test_a_short_shipment_is_no_fault_of_the_chain(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    chain_books(shop.database, at=shop.clock.now())
    ship(shop, amount_yen=2_160)
    assert chain_faults(shop) == []


def test_a_shipment_of_nothing_is_not_one_of_everything(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    with pytest.raises(ShipmentsRefused, match="give what was shipped"):
        ship(shop, amount_yen=0)
    assert slots(shop) == ["authorized"]


def test_the_due_day_of_goods_is_the_merchants_day(opened: OpenShop) -> None:
    """Due on 30 November at 3:00 in Japan, which is 29 November 18:00 UTC."""
    shop = opened(subscribers=[subscriber(1)], catalogue=GOODS, charge_hour=3)
    shop.charge_on(DAY, hour=3)
    with reading(shop.database) as connection:
        (waiting,) = awaited_shipments(connection, shop.engine.merchant)
    assert waiting.due_on == date(2026, 11, 30)


def set_aside(shop: Shop) -> None:
    """As after a contradiction: the capture waits for a person, and so does its slot."""
    with shop.database.begin() as connection:
        for statement in (
            "UPDATE act SET state = 'quarantined'",
            f"UPDATE slot SET state = 'quarantined', reason = 'odd' WHERE reference = '{FIRST}'",
            f"UPDATE attempt SET state = 'in_doubt' WHERE id = (SELECT MIN(a.id) FROM attempt a "
            f"JOIN slot s ON s.id = a.slot_id WHERE s.reference = '{FIRST}')",
        ):
            connection.execute(text(statement))


def let_go(shop: Shop) -> None:
    """A person gives the slot back to the machine."""
    merchant, at = shop.engine.merchant, shop.clock.now()
    writing(
        shop.database,
        lambda c: release(
            c, merchant, desk_item(c, merchant, name=FIRST), by="sato", reason="again", at=at
        ),
    )


def test_what_a_person_gives_back_is_captured_after_all(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    ship(shop)
    set_aside(shop)
    let_go(shop)
    settle(shop, looks=1)
    shop.engine.run_due()
    assert slots(shop) == ["paid"]
    assert shop.rows("SELECT state FROM act") == [{"state": "done"}]
    assert shop.faults() == []


def test_one_act_set_aside_keeps_no_other_charge_waiting(opened: OpenShop) -> None:
    """A charge has one act that did not fail, and this one's is set aside while Amazon still has
    it authorised. Whoever cancels what is too old must not try to write a second one, again and
    again: every shipment of the merchant would wait."""
    shop = authorized_shop(opened, subscribers=2)
    ship(shop)
    set_aside(shop)
    with shop.database.begin() as connection:
        connection.execute(text("UPDATE slot SET state = 'authorized'"))
        connection.execute(text("UPDATE attempt SET state = 'authorized'"))
    with pytest.raises(ShipmentsRefused, match="capture or a cancellation that a person"):
        ship_again(shop)
    hours_later(shop, 24 * 27)
    shop.engine.settle_shipments()
    assert acts(shop) == [("capture", "quarantined"), ("cancel", "done")]


def ship_again(shop: Shop) -> None:
    with shop.database.begin() as connection:
        connection.execute(text("UPDATE slot SET shipped_on = NULL"))
    ship(shop)


@pytest.mark.parametrize("fault", ["500_before", "garbage"])
def test_a_capture_without_an_end_is_put_before_a_person(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(captures, "REPLAY_WAITS", ())
    shop = authorized_shop(opened)
    shop.amazon.faults([{"operation": "captureCharge", "kind": fault, "times": 1_000}])
    ship(shop)
    settle(shop, looks=1)
    for _ in range(4):
        hours_later(shop, 24 * 8)
        shop.engine.settle_shipments()
    assert acts(shop) == [("capture", "quarantined")]
    assert slots(shop) == ["quarantined"]


def test_a_bank_takes_nothing_back_before_the_merchants_day_of_the_charge(opened: OpenShop) -> None:
    """Charged on 30 November at 3:00 in Japan, which is 29 November in UTC."""
    shop = opened(subscribers=[subscriber(1)], charge_hour=3)
    shop.charge_on(DAY, hour=3)
    (charge,) = shop.rows("SELECT charge_id FROM attempt")
    with pytest.raises(BadInput, match="between the charge of 2026-11-30 and today"):
        writing(
            shop.database,
            lambda c: book_chargeback(
                c,
                shop.engine.merchant,
                charge_id=charge["charge_id"],
                amount_yen=1,
                on=date(2026, 11, 29),
                reason="card stolen",
                actor="staff",
                at=shop.clock.now(),
            ),
        )


def test_a_large_file_of_shipments_takes_its_locks_in_parts(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No database takes a list of any length."""
    shop = authorized_shop(opened, subscribers=3)
    monkeypatch.setattr(authorized, "AT_A_TIME", 1)
    monkeypatch.setattr(requesting, "AT_A_TIME", 1)
    shipments = [Shipment(f"sub-00{n}-0010-renewal", DAY, 2_160) for n in (3, 1, 2)]
    merchant, at = shop.engine.merchant, shop.clock.now()
    writing(
        shop.database,
        lambda c: record_shipments(c, merchant, shipments, actor="warehouse", at=at),
    )
    settle(shop, looks=1)
    assert slots(shop) == ["paid"] * 3
    assert shop.faults() == []
