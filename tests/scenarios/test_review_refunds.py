"""Refunds where a wrong turn would give money back twice, or cost more with every year."""

from datetime import timedelta
from typing import Any

import pytest
from refund_desk import DAY, amazons_refunds, ask, settle, states
from sqlalchemy import text
from support.shop import OpenShop, Shop, subscriber

from billing import claim_refunds, reading, send_refund, writing
from billing.evidence import (
    Decision,
    DeskItem,
    Verdict,
    book_refund,
    decide_no_effect,
    deciding,
    desk_item,
    no_refund,
    note_decision,
    refund_in_question,
    release,
)
from billing.refunds.outcome import OpenRefund
from billing.refunds.refundable import _statement, attempts
from plans import BadInput

REFERENCE = "sub-001-0010-renewal/refund-1"
NO = Decision(Verdict.DID_NOT_HAPPEN, "sato", "not in Seller Central")


def asked(opened: OpenShop) -> Shop:
    """A charge is paid, and 500 yen of it are to be given back."""
    shop = opened(subscribers=[subscriber(1)])
    shop.charge_on(DAY)
    ask(shop, amount_yen=500)
    return shop


def do(shop: Shop, sql: str, **values: Any) -> None:
    with shop.database.begin() as connection:
        connection.execute(text(sql), values)


def set_aside(shop: Shop) -> None:
    """Somebody claims it, and what Amazon says contradicts our books."""
    claim(shop)
    do(shop, "UPDATE refund SET state = 'quarantined', worker_id = NULL, sends = sends + 1")


def claim(shop: Shop) -> list[OpenRefund]:
    return claim_refunds(shop.database, shop.engine.merchant, at=shop.clock.now(), worker_id="w")


def item(shop: Shop) -> DeskItem:
    with reading(shop.database) as connection:
        return desk_item(connection, shop.engine.merchant, name=REFERENCE)


def note(shop: Shop) -> None:
    merchant, rules, at = shop.engine.merchant, shop.engine.doubts, shop.clock.now()
    found = item(shop)
    writing(shop.database, lambda c: note_decision(c, merchant, found, NO, rules=rules, at=at))


def decide(shop: Shop) -> None:
    merchant, rules, at = shop.engine.merchant, shop.engine.doubts, shop.clock.now()
    found = item(shop)
    writing(shop.database, lambda c: decide_no_effect(c, merchant, found, NO, rules=rules, at=at))


def later(shop: Shop, hours: float) -> None:
    at = shop.clock.now() + timedelta(hours=hours)
    shop.amazon.set_clock(at)
    shop.clock.set(at)


def test_a_key_that_was_sent_again_is_sealed_anew(opened: OpenShop) -> None:
    """Decided upon at 9, released at 11 and sent again: at 23 a sender of 11 may still send."""
    shop = asked(opened)
    set_aside(shop)
    note(shop)
    later(shop, 2)
    writing(
        shop.database,
        lambda c: release(
            c, shop.engine.merchant, item(shop), by="sato", reason="again", at=shop.clock.now()
        ),
    )
    set_aside(shop)
    note(shop)
    later(shop, 11.9)
    with pytest.raises(BadInput, match="late sender"):
        decide(shop)
    later(shop, 0.5)
    decide(shop)


def test_a_sender_that_was_asleep_for_too_long_sends_nothing(opened: OpenShop) -> None:
    """Its key may be sealed by now, and the money given back under another one."""
    shop = asked(opened)
    (mine,) = claim(shop)
    later(shop, 1)
    with shop.engine.make_client() as client:
        outcome = send_refund(client, mine, now=shop.clock.now)
    assert (outcome.kind, amazons_refunds(shop)) == ("unknown", [])
    settle(shop)
    assert states(shop) == ["refunded"]


def test_what_a_person_decides_is_not_sent_meanwhile(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = asked(opened)
    set_aside(shop)
    record = deciding.record_refunds

    def claimed_first(*arguments: Any, **named: Any) -> None:
        assert claim(shop) == []
        record(*arguments, **named)

    monkeypatch.setattr(deciding, "record_refunds", claimed_first)
    refund = writing(shop.database, lambda c: refund_in_question(c, item(shop)))
    book_refund(
        shop.database, shop.engine.merchant, item(shop), no_refund(refund), at=shop.clock.now()
    )
    assert states(shop) == ["declined"]


def test_a_refund_with_an_id_at_amazon_is_not_decided_away(opened: OpenShop) -> None:
    shop = asked(opened)
    set_aside(shop)
    do(shop, "UPDATE refund SET refund_id = 'S03-0000001-0000001-R000001'")
    note(shop)
    later(shop, 13)
    with pytest.raises(BadInput, match="Amazon has refund S03"):
        decide(shop)


def test_a_request_looks_at_the_refunds_of_its_own_charges_only(opened: OpenShop) -> None:
    """Not at every refund that was ever made."""
    shop = asked(opened)
    statement = _statement(shop.engine.merchant, attempts.c.charge_id == "S03")
    words = str(statement.compile(shop.database, compile_kwargs={"literal_binds": True}))
    explain = "EXPLAIN QUERY PLAN" if shop.database.dialect.name == "sqlite" else "EXPLAIN"
    with shop.database.begin() as connection:
        if shop.database.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = [str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {words}")]
    assert not [step for step in plan if step.startswith("SCAN refund")], plan
    assert not [step for step in plan if "Seq Scan on refund" in step], plan
