"""Doubts where a wrong turn would charge twice, or leave them open for ever."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from doubt_shop import REFERENCE, attempt, hear, look, move, open_in_doubt, proofs
from shipments_desk import DAY as GOODS_DAY
from shipments_desk import goods_shop
from sqlalchemy import text
from support.shop import OpenShop, Shop

from amazonpay import AmazonPayClient
from billing import reading, writing
from billing.evidence import (
    Decision,
    DeskItem,
    Verdict,
    begin_rest,
    book_found,
    decide_no_effect,
    desk_item,
    note_decision,
    release,
)
from billing.evidence.acting import park
from plans import BadInput
from scheduler import run

InDoubt = Callable[[str], Shop]
NO = Decision(Verdict.DID_NOT_HAPPEN, "sato", "not in Seller Central")


@pytest.fixture
def in_doubt(opened: OpenShop, monkeypatch: pytest.MonkeyPatch) -> InDoubt:
    monkeypatch.setattr(run, "REPLAY_WAITS", ())
    return lambda kind: open_in_doubt(opened, kind)


def do(shop: Shop, *statements: str, **values: Any) -> None:
    with shop.database.begin() as connection:
        for statement in statements:
            connection.execute(text(statement), values)


def item(shop: Shop) -> DeskItem:
    with reading(shop.database) as connection:
        return desk_item(connection, shop.engine.merchant, name=REFERENCE)


def let_go(shop: Shop) -> None:
    merchant, found, at = shop.engine.merchant, item(shop), shop.clock.now()
    writing(shop.database, lambda c: release(c, merchant, found, by="sato", reason="again", at=at))


def decide(shop: Shop) -> None:
    merchant, rules = shop.engine.merchant, shop.engine.doubts

    def work(connection: Any) -> None:
        found = desk_item(connection, merchant, name=REFERENCE)
        begin_rest(connection, merchant, found, at=shop.clock.now())
        note_decision(connection, merchant, found, NO, rules=rules, at=shop.clock.now())

    writing(shop.database, work)
    move(shop, hours=13)
    found, at = item(shop), shop.clock.now()
    writing(shop.database, lambda c: decide_no_effect(c, merchant, found, NO, rules=rules, at=at))


def test_money_taken_after_a_refusal_is_never_given_back_to_the_machine(in_doubt: InDoubt) -> None:
    """The slot waits because Amazon took money after its no. That a worker once died with the
    attempt is in the books as well, and says nothing about the money."""
    shop = in_doubt("500_after")
    do(
        shop,
        "UPDATE attempt SET state = 'refused', answered_at = intended_at",
        "UPDATE slot SET state = 'quarantined', reason = 'charge X after a refusal'",
        "INSERT INTO poison (merchant_id, step, subject, tries, error, first_at, last_at, retry_at)"
        " SELECT merchant_id, 'sending', idempotency_key, 1, 'the worker died', intended_at,"
        " intended_at, intended_at FROM attempt",
    )
    with pytest.raises(BadInput, match="its attempt was answered"):
        let_go(shop)
    assert shop.slot(REFERENCE)["state"] == "quarantined"


def test_what_has_an_id_at_amazon_is_not_decided_away(in_doubt: InDoubt) -> None:
    """Pending for too long, it was set aside with its charge's id."""
    shop = in_doubt("500_after")
    (charge,) = shop.amazon.charges()
    do(
        shop,
        "DELETE FROM doubt",
        "UPDATE attempt SET charge_id = :id",
        "UPDATE slot SET state = 'quarantined', reason = 'pending_too_long'",
        id=charge["chargeId"],
    )
    with pytest.raises(BadInput, match=f"Amazon has charge {charge['chargeId']} of it"):
        decide(shop)
    assert attempt(shop)["state"] == "in_doubt"


def test_what_has_an_id_at_amazon_is_read_by_the_janitor(in_doubt: InDoubt) -> None:
    shop = in_doubt("500_after")
    (charge,) = shop.amazon.charges()
    shop.amazon.clear_faults()
    do(shop, "UPDATE attempt SET charge_id = :id", id=charge["chargeId"])
    assert look(shop, hours=13) == {REFERENCE: "happened"}
    assert shop.slot(REFERENCE)["state"] == "paid"


def test_what_amazon_answered_meanwhile_is_not_put_before_a_person(in_doubt: InDoubt) -> None:
    """A message told of its charge just after the janitor had judged."""
    shop = in_doubt("500_after")
    do(
        shop,
        "UPDATE attempt SET state = 'captured'",
        "UPDATE slot SET state = 'paid'",
    )
    with shop.database.begin() as connection:
        (attempt_id,) = connection.execute(text("SELECT id FROM attempt")).scalars()
        assert park(connection, [attempt_id], why="unknown", at=shop.clock.now()) == []
    assert shop.slot(REFERENCE)["state"] == "paid"


def test_a_charge_that_is_named_but_cannot_be_read_keeps_the_doubt_open(
    in_doubt: InDoubt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two proofs say no; then a message names a charge that Amazon does not show just now."""
    shop = in_doubt("500_before")
    hear(shop)
    move(shop, hours=13)
    hear(shop)
    with shop.database.begin() as connection:
        connection.execute(text("UPDATE doubt SET look_at = rested_at"))
    reads = AmazonPayClient.get_charge_permission

    def told_meanwhile(self: AmazonPayClient, permission: str) -> Any:
        """While the janitor reads the balance the message arrives."""
        if not shop.rows("SELECT id FROM notification WHERE object_type = 'CHARGE'"):
            hear(shop, "S03-0000009-0000009-C000009", "CHARGE")
        return reads(self, permission)

    monkeypatch.setattr(AmazonPayClient, "get_charge_permission", told_meanwhile)
    assert look(shop, hours=0) == {REFERENCE: "wait"}
    assert proofs(shop) == [("balance", "did_not_happen")]
    assert attempt(shop)["state"] == "in_doubt"
    assert look(shop, hours=1.1) == {REFERENCE: "wait"}


def test_a_person_books_goods_that_were_authorised(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "REPLAY_WAITS", ())
    shop = goods_shop(opened)
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_after", "times": 1_000}])
    for hour in range(9, 18):
        shop.charge_on(GOODS_DAY, hour=hour)
    shop.charge_on(GOODS_DAY + timedelta(days=1), hour=10)
    (charge,) = shop.amazon.charges()
    shop.amazon.clear_faults()
    with shop.engine.make_client() as client:
        found = client.get_charge(charge["chargeId"])
    book_found(shop.database, shop.engine.merchant, item(shop), found, at=shop.clock.now())
    assert shop.slot(REFERENCE)["state"] == "authorized"
