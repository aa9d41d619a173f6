"""Money back against a real local Amazon Pay: never twice, never lost, whatever gets lost."""

from datetime import date, timedelta

import pytest
from refund_desk import DAY, amazons_refunds, ask, refund_rows, settle, states
from sqlalchemy.exc import IntegrityError
from support.shop import OpenShop, subscriber

import scheduler.refunds
from amazonpay import CreateRefund
from billing import OpenRefund, RefundOutcome, RefundOutcomeKind, RefundRequest, writing
from plans import BadInput
from scheduler import RunStopped

LOST = [
    "timeout_before",
    "timeout_after",
    "reset_before",
    "reset_after",
    "cut_body",
    "500_before",
    "500_after",
    "503",
    "garbage",
    "processing_failure",
]


def paid_shop(opened: OpenShop, *, subscribers: int = 1, **arguments: object):
    """A shop whose subscribers paid 1,980 yen on 30 November."""
    rows = [subscriber(number) for number in range(1, subscribers + 1)]
    shop = opened(subscribers=rows, **arguments)
    shop.charge_on(DAY)
    return shop


def test_a_refund_is_sent_by_the_next_run_and_booked_when_amazon_has_made_it(
    opened: OpenShop,
) -> None:
    shop = paid_shop(opened)
    request = ask(shop, amount_yen=500)
    assert states(shop) == ["intended"]
    # 500 of 1,980 yen with 180 yen of tax: 500 × 180 / 1,980 = 45.45 → 45, net 455
    assert shop.balances() == {
        "amazon_receivable": 1_980,
        "sales:standard": -1_800 + 455,
        "consumption_tax:standard": -180 + 45,
        "refund_payable": -500,
    }
    report = shop.charge_on(DAY, hour=10)
    assert report.refunds == {RefundOutcomeKind.PENDING: 1}
    assert states(shop) == ["pending"]
    assert shop.balances()["refund_payable"] == -500, "it is not on the buyer's account yet"
    settle(shop)
    assert states(shop) == ["refunded"]
    assert shop.balances()["amazon_receivable"] == 1_480
    assert "refund_payable" not in shop.balances()
    assert amazons_refunds(shop) == [("Refunded", 500)]
    assert isinstance(request, RefundRequest)
    assert shop.faults() == []


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_is_found_by_sending_the_same_key(opened: OpenShop, kind: str) -> None:
    shop = paid_shop(opened, endpoint={"deadline_seconds": 0.4})
    ask(shop, amount_yen=1_980)
    shop.amazon.faults([{"operation": "createRefund", "kind": kind, "times": 1, "seconds": 2}])
    settle(shop)
    assert amazons_refunds(shop) == [("Refunded", 1_980)]
    sent = [r for r in shop.amazon.requests() if r["operation"] == "CreateRefund"]
    assert len({request["idempotencyKey"] for request in sent}) == 1
    assert len({request["bodySha256"] for request in sent}) == 1
    assert states(shop) == ["refunded"]
    assert shop.balances() == {}, "everything that was charged was given back"
    assert shop.faults() == []


def test_what_stays_unknown_is_in_doubt_and_holds_its_room(opened: OpenShop) -> None:
    shop = paid_shop(opened)
    ask(shop, amount_yen=1_500)
    shop.amazon.faults([{"operation": "createRefund", "kind": "500_after", "times": 3}])
    shop.charge_on(DAY, hour=10)
    assert states(shop) == ["in_doubt"]
    with pytest.raises(BadInput, match="at most 0 yen can be given back now"):
        ask(shop, amount_yen=1, request_id="another")
    assert shop.faults() == []
    assert shop.faults(shop.clock.now() + timedelta(days=2)) == [
        "refund_in_doubt_too_long sub-001-0010-renewal/refund-1",
    ]
    settle(shop)
    assert amazons_refunds(shop) == [("Refunded", 1_500)]
    assert shop.faults() == []


def test_a_silent_amazon_gets_no_further_refunds(opened: OpenShop) -> None:
    shop = paid_shop(opened, subscribers=3)
    for number in (1, 2, 3):
        ask(shop, amount_yen=100, subscription_id=f"sub-00{number}", request_id=f"r{number}")
    shop.amazon.faults([{"operation": "createRefund", "kind": "503", "times": 100}])
    shop.charge_on(DAY, hour=10)
    assert states(shop) == ["in_doubt"] * 3
    shop.amazon.clear_faults()
    settle(shop)
    assert states(shop) == ["refunded"] * 3


@pytest.mark.parametrize("reason", ["AmazonRejected", "ProcessingFailure"])
def test_a_declined_refund_stays_owed_and_is_told_to_a_person(
    opened: OpenShop, reason: str
) -> None:
    shop = paid_shop(opened)
    shop.amazon.call("POST", "/refund-outcomes", {"outcome": reason})
    ask(shop, amount_yen=500)
    settle(shop)
    assert states(shop) == ["declined"]
    assert shop.balances()["refund_payable"] == -500
    notices = shop.rows("SELECT kind, reason, amount_yen FROM notice WHERE kind <> 'charged'")
    assert notices == [{"kind": "refund_declined", "reason": reason, "amount_yen": 500}]
    assert shop.faults() == []


def test_asking_again_after_a_decline_owes_nothing_twice(opened: OpenShop) -> None:
    """500 yen were owed and declined; of the 700 asked for then only 200 are newly owed."""
    shop = paid_shop(opened)
    shop.amazon.call("POST", "/refund-outcomes", {"outcome": "AmazonRejected"})
    ask(shop, amount_yen=500)
    settle(shop)
    ask(shop, amount_yen=700, request_id="again")
    assert shop.balances()["refund_payable"] == -700
    settle(shop)
    assert states(shop) == ["declined", "refunded"]
    assert "refund_payable" not in shop.balances()
    assert len({row["idempotency_key"] for row in refund_rows(shop)}) == 2
    assert shop.faults() == []


def test_a_refusal_at_once_is_a_decline(opened: OpenShop) -> None:
    """Somebody gave the money back by hand: Amazon's limit is used up, and it says so."""
    shop = paid_shop(opened)
    client = shop.engine.make_client()
    (charge,) = shop.amazon.charges()
    by_hand = CreateRefund(charge_id=charge["chargeId"], amount_yen=1_900)
    client.create_refund(by_hand, idempotency_key="by-hand")
    ask(shop, amount_yen=1_980)
    settle(shop)
    (row,) = refund_rows(shop)
    assert (row["state"], row["reason_code"]) == ("declined", "TransactionAmountExceeded")
    client.close()


def test_a_second_use_of_a_key_with_other_bytes_is_set_aside(opened: OpenShop) -> None:
    """As after a restored backup: the key is used at Amazon, for another amount."""
    shop = paid_shop(opened)
    ask(shop, amount_yen=500)
    (row,) = refund_rows(shop)
    client = shop.engine.make_client()
    (charge,) = shop.amazon.charges()
    before = CreateRefund(charge_id=charge["chargeId"], amount_yen=400)
    client.create_refund(before, idempotency_key=row["idempotency_key"])
    client.close()
    settle(shop)
    assert states(shop) == ["quarantined"]
    assert amazons_refunds(shop) == [("Refunded", 400)]
    kinds = [r["kind"] for r in shop.rows("SELECT kind FROM notice WHERE kind <> 'charged'")]
    assert kinds == ["refund_quarantined"]


def test_an_amount_is_spread_over_charges_newest_first(opened: OpenShop) -> None:
    shop = paid_shop(opened)
    shop.charge_on(date(2026, 12, 30))
    request = ask(shop, amount_yen=2_500)
    parts = [(refund.reference, refund.amount_yen) for refund in request.refunds]
    assert parts == [
        ("sub-001-0011-renewal/refund-1", 1_980),
        ("sub-001-0010-renewal/refund-1", 520),
    ]
    settle(shop)
    assert sorted(yen for _, yen in amazons_refunds(shop)) == [520, 1_980]
    with pytest.raises(BadInput, match="at most 1460 yen"):
        ask(shop, amount_yen=1_461, request_id="more")
    assert shop.faults() == []


def test_the_same_request_twice_is_one_refund(opened: OpenShop) -> None:
    shop = paid_shop(opened)
    first = ask(shop, amount_yen=500)
    second = ask(shop, amount_yen=500)
    assert (first.repeated, second.repeated) == (False, True)
    assert second.refunds == first.refunds
    settle(shop)
    third = ask(shop, amount_yen=None)
    assert [refund.state for refund in third.refunds] == ["refunded"]
    with pytest.raises(BadInput, match="stands for one request"):
        ask(shop, amount_yen=400)
    assert amazons_refunds(shop) == [("Refunded", 500)]


def test_all_is_what_is_left(opened: OpenShop) -> None:
    shop = paid_shop(opened)
    ask(shop, amount_yen=980)
    settle(shop)
    assert ask(shop, amount_yen=None, request_id="rest").amount_yen == 1_000
    settle(shop)
    assert shop.balances() == {}
    with pytest.raises(BadInput, match="at most 0 yen"):
        ask(shop, amount_yen=None, request_id="nothing left")


def test_a_debt_that_the_caller_booked_is_not_booked_again(opened: OpenShop) -> None:
    shop = paid_shop(opened)
    before = shop.balances()
    ask(shop, amount_yen=500, owed_already=True)
    assert shop.balances() == before
    settle(shop)
    assert shop.balances()["refund_payable"] == 500, "clears what the caller booked"


def test_a_refund_gives_no_room_under_the_cap_back(opened: OpenShop) -> None:
    shop = paid_shop(opened)
    before = shop.rows("SELECT used_yen, held_yen FROM cap_month")
    ask(shop, amount_yen=1_980)
    settle(shop)
    assert shop.rows("SELECT used_yen, held_yen FROM cap_month") == before


def test_a_request_that_is_rolled_back_leaves_nothing(opened: OpenShop) -> None:
    shop = paid_shop(opened)

    def fail(connection) -> None:
        ask(shop, amount_yen=500, connection=connection)
        raise IntegrityError("planted", None, ValueError("planted"))

    with pytest.raises(IntegrityError):
        writing(shop.database, fail)
    assert refund_rows(shop) == []
    settle(shop)
    assert amazons_refunds(shop) == []


def test_refused_credentials_stop_the_run_and_the_refund_waits(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = paid_shop(opened)
    ask(shop, amount_yen=500)

    def refuse(_client: object, refund: OpenRefund, **_named: object) -> RefundOutcome:
        return RefundOutcome(refund, RefundOutcomeKind.MISCONFIGURED, detail="key is disabled")

    with monkeypatch.context() as patched:
        patched.setattr(scheduler.refunds, "send_refund", refuse)
        with pytest.raises(RunStopped, match="key is disabled"):
            shop.charge_on(DAY, hour=10)
    assert states(shop) == ["intended"]
    settle(shop)
    assert states(shop) == ["refunded"]
