"""Chargebacks that Amazon tells of wait on the desk until somebody books or dismisses them."""

from datetime import date, timedelta

import pytest
from doubt_shop import PERMISSION
from support.shop import MERCHANT, OpenShop, Shop, subscriber

from billing import book_chargeback, insert_many, reading, table_of, writing
from billing.evidence import (
    Decision,
    DeskItem,
    DeskKind,
    Verdict,
    abandon,
    list_desk,
    release,
)
from billing.notifications import forget_old
from billing.tables import NotificationRow
from plans import BadInput

DAY = date(2026, 11, 30)
CASE = "P03-1234567-1234567-B000001"


@pytest.fixture
def shop(opened: OpenShop) -> Shop:
    shop = opened(subscribers=[subscriber(1)])
    shop.charge_on(DAY)
    now = shop.clock.now()
    row = {
        "merchant_id": MERCHANT,
        "kind": "change",
        "topic_arn": "arn:aws:sns:ap-northeast-1:291180941288:topic",
        "object_type": "CHARGEBACK",
        "object_id": CASE,
        "permission_amazon_id": PERMISSION,
        "sent_at": now,
        "received_at": now,
        "state": "attention",
        "look_at": now,
        "tries": 0,
    }
    rows = [row | {"message_id": f"message-{number}"} for number in (1, 2)]
    with shop.database.begin() as connection:
        insert_many(connection, table_of(NotificationRow), rows)
    return shop


def desk(shop: Shop) -> list[DeskItem]:
    with reading(shop.database) as connection:
        return list_desk(connection, shop.engine.merchant)


def test_it_waits_once_until_it_is_booked_under_its_case(shop: Shop) -> None:
    (item,) = desk(shop)
    assert (item.kind, item.name, item.permission) == (DeskKind.CHARGEBACK, CASE, PERMISSION)
    (charge,) = shop.rows("SELECT charge_id FROM attempt")
    merchant, at = shop.engine.merchant, shop.clock.now()
    writing(
        shop.database,
        lambda c: book_chargeback(
            c,
            merchant,
            charge_id=charge["charge_id"],
            amount_yen=1_980,
            on=DAY,
            reason="card stolen",
            actor="sato",
            at=at,
            case_id=CASE,
        ),
    )
    assert desk(shop) == []
    assert shop.balances()["chargebacks"] == 1_980
    assert kept(shop) == 0


def kept(shop: Shop) -> int:
    """Messages that are left a year later."""
    forget_old(shop.database, MERCHANT, at=shop.clock.now() + timedelta(days=365))
    return len(shop.rows("SELECT id FROM notification"))


def test_its_message_is_forgotten_only_once_somebody_has_acted(shop: Shop) -> None:
    assert kept(shop) == 2
    (item,) = desk(shop)
    merchant, at = shop.engine.merchant, shop.clock.now()
    writing(shop.database, lambda c: release(c, merchant, item, by="sato", reason="won", at=at))
    assert kept(shop) == 0


def test_one_that_was_withdrawn_is_put_away_with_a_reason(shop: Shop) -> None:
    (item,) = desk(shop)
    merchant, at = shop.engine.merchant, shop.clock.now() + timedelta(days=1)
    with pytest.raises(BadInput, match="says who it is and why"):
        writing(shop.database, lambda c: release(c, merchant, item, by="sato", reason=" ", at=at))
    decision = Decision(Verdict.DID_NOT_HAPPEN, "sato", "won")
    with pytest.raises(BadInput, match="book it"):
        writing(shop.database, lambda c: abandon(c, merchant, item, decision, at=at))
    writing(shop.database, lambda c: release(c, merchant, item, by="sato", reason="won", at=at))
    assert desk(shop) == []
    assert shop.rows("SELECT kind, actor, reason FROM audit_event") == [
        {"kind": "doubt_released", "actor": "sato", "reason": "won"}
    ]
