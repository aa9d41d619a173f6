"""Refunds that staff pay by a bank transfer: booked once, and never asked of Amazon as well."""

from datetime import date, timedelta

import pytest
from refund_desk import DAY, amazons_refunds, refund_rows, settle, states
from support.shop import OpenShop, Shop, subscriber

from billing import (
    PaidByHand,
    RefundOutcome,
    RefundOutcomeKind,
    RefundRequest,
    end_late_refund,
    record_refunds,
    request_refund,
    writing,
)
from billing.refunds import OpenRefund
from plans import BadInput

TRANSFER = PaidByHand("MUFG-2026-991", date(2026, 11, 30))
REFUND = "sub-001-0010-renewal/refund-1"


@pytest.fixture
def shop(opened: OpenShop) -> Shop:
    shop = opened(subscribers=[subscriber(1)])
    shop.charge_on(DAY)
    return shop


def ask(shop: Shop, amount_yen: int, by_hand: PaidByHand | None, late: str = "") -> RefundRequest:
    merchant, at = shop.engine.merchant, shop.clock.now()

    def work(connection: object) -> RefundRequest:
        if late:
            end_late_refund(
                connection, merchant, reference=late, actor="sato", reason="support", at=at
            )
        return request_refund(
            connection,
            merchant,
            request_id="hand" if by_hand else "amazon",
            amount_yen=amount_yen,
            reason="Amazon does not pay",
            actor="sato",
            at=at,
            subscription_id="sub-001",
            by_hand=by_hand,
        )

    return writing(shop.database, work)


def test_it_is_booked_once_and_amazon_hears_nothing(shop: Shop) -> None:
    made = ask(shop, 1_000, TRANSFER)
    again = ask(shop, 1_000, TRANSFER)
    assert (made.repeated, again.repeated) == (False, True)
    settle(shop)
    assert (states(shop), amazons_refunds(shop)) == (["by_hand"], [])
    assert shop.rows("SELECT refunded_yen, held_yen FROM refund_room") == [
        {"refunded_yen": 1_000, "held_yen": 0}
    ]
    balances = shop.balances()
    # 1,000 yen at 10 % hold 90 of tax: 1,980 - 180 of tax were sold, 910 of it are taken back.
    assert (balances["bank"], balances["amazon_receivable"]) == (-1_000, 1_980)
    assert (balances["sales:standard"], balances.get("refund_payable")) == (-890, None)
    (event,) = shop.rows("SELECT kind, actor, reason, detail FROM audit_event")
    assert (event["kind"], event["actor"]) == ("refund_paid_by_hand", "sato")
    assert '"bank_reference":"MUFG-2026-991"' in event["detail"]
    with pytest.raises(BadInput, match="at most 980 yen"):
        ask(shop, 981, None)
    assert shop.faults() == []


def test_what_amazon_declined_is_owed_and_paid_without_owing_it_twice(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    shop.charge_on(DAY)
    shop.amazon.call("POST", "/refund-outcomes", {"outcome": "AmazonRejected"})
    ask(shop, 1_980, None)
    settle(shop)
    ask(shop, 1_980, TRANSFER)
    assert states(shop) == ["declined", "by_hand"]
    assert refund_rows(shop)[1]["owed_before_yen"] == 1_980
    assert shop.balances() == {"amazon_receivable": 1_980, "bank": -1_980}
    assert shop.faults() == []


def test_one_under_way_is_not_paid_a_second_time(shop: Shop) -> None:
    ask(shop, 500, None)
    with pytest.raises(BadInput, match="at most 0 yen"):
        ask(shop, 500, TRANSFER)
    with pytest.raises(BadInput, match="in doubt is ended first"):
        ask(shop, 500, TRANSFER, late=REFUND)
    shop.engine.send_refunds()
    with pytest.raises(BadInput, match="until 2026-12-30"):
        ask(shop, 500, TRANSFER, late=REFUND)


def test_a_month_late_it_is_given_up_and_a_late_success_is_told(shop: Shop) -> None:
    ask(shop, 500, None)
    shop.engine.send_refunds()
    assert states(shop) == ["pending"]
    shop.clock.set(shop.clock.now() + timedelta(days=30))
    ask(shop, 500, TRANSFER, late=REFUND)
    assert states(shop) == ["declined", "by_hand"]
    before = len(amazons_refunds(shop))
    shop.engine.send_refunds()
    assert len(amazons_refunds(shop)) == before
    row = refund_rows(shop)[0]
    late = OpenRefund(row["id"], "x", row["idempotency_key"], b"", 500, row["refund_id"])
    outcome = RefundOutcome(late, RefundOutcomeKind.REFUNDED, refund_id=row["refund_id"])
    record_refunds(shop.database, shop.engine.merchant, [outcome], at=shop.clock.now())
    notices = [row["kind"] for row in shop.rows("SELECT kind FROM notice")]
    assert notices.count("refund_quarantined") == 1
    assert shop.faults() == []


@pytest.mark.parametrize(
    ("paid", "field"),
    [
        (PaidByHand(" ", date(2026, 11, 30)), "bank_reference"),
        (PaidByHand("x" * 65, date(2026, 11, 30)), "bank_reference"),
        (PaidByHand("T-1", date(2026, 12, 1)), "paid_on"),
    ],
    ids=["empty", "long", "tomorrow"],
)
def test_what_is_no_transfer(shop: Shop, paid: PaidByHand, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        ask(shop, 100, paid)
    assert caught.value.field == field
