"""What is written about refunds when answers clash, and how refunds keep Amazon's pace."""

import pytest
from refund_desk import DAY, amazons_refunds, ask, refund_rows, settle, states
from support.shop import OpenShop, Shop, subscriber

from billing import (
    OpenRefund,
    RefundOutcome,
    RefundOutcomeKind,
    claim_refunds,
    record_refunds,
)


def claimed(opened: OpenShop, *, refunds: int = 1) -> tuple[Shop, list[OpenRefund]]:
    """A shop with refunds of 500 yen in the hands of a worker."""
    shop = opened(subscribers=[subscriber(number) for number in range(1, refunds + 1)])
    shop.charge_on(DAY)
    for number in range(1, refunds + 1):
        name = f"sub-{number:03d}"
        ask(shop, amount_yen=500, subscription_id=name, request_id=name)
    merchant = shop.engine.merchant
    return shop, claim_refunds(shop.database, merchant, at=shop.clock.now(), worker_id="w")


def record(shop: Shop, *outcomes: RefundOutcome) -> None:
    record_refunds(shop.database, shop.engine.merchant, outcomes, at=shop.clock.now())


def notices(shop: Shop) -> list[str]:
    return [row["kind"] for row in shop.rows("SELECT kind FROM notice WHERE kind <> 'charged'")]


@pytest.mark.parametrize("kind", [RefundOutcomeKind.REFUNDED, RefundOutcomeKind.PENDING])
def test_money_that_moves_after_a_refusal_is_put_before_a_person(
    opened: OpenShop, kind: RefundOutcomeKind
) -> None:
    shop, (refund,) = claimed(opened)
    declined = RefundOutcomeKind.DECLINED
    record(shop, RefundOutcome(refund, declined, reason_code="AmazonRejected"))
    record(shop, RefundOutcome(refund, kind, refund_id="R1"))
    assert states(shop) == ["declined"], "a final state is never left"
    assert notices(shop) == ["refund_declined", "refund_quarantined"]
    assert shop.balances()["refund_payable"] == -500


def test_the_same_answer_twice_is_booked_once(opened: OpenShop) -> None:
    shop, (refund,) = claimed(opened)
    outcome = RefundOutcome(refund, RefundOutcomeKind.REFUNDED, refund_id="R1")
    record(shop, outcome, outcome)
    record(shop, outcome)
    assert states(shop) == ["refunded"]
    assert "refund_payable" not in shop.balances()
    assert notices(shop) == ["refunded"]
    assert shop.faults() == []


def test_an_answer_that_cannot_be_recorded_does_not_stop_the_others(opened: OpenShop) -> None:
    """Two refunds with one id at Amazon: the first is recorded, the second waits for a person."""
    shop, refunds = claimed(opened, refunds=3)
    kind = RefundOutcomeKind.REFUNDED
    record(
        shop,
        *(
            RefundOutcome(refund, kind, refund_id=refund_id)
            for refund, refund_id in zip(refunds, ["R1", "R1", "R3"], strict=True)
        ),
    )
    assert sorted(states(shop)) == ["quarantined", "refunded", "refunded"]
    (aside,) = [row for row in refund_rows(shop) if row["state"] == "quarantined"]
    assert "cannot be recorded" in aside["detail"]
    assert "refund_quarantined" in notices(shop)
    assert shop.balances()["refund_payable"] == -500
    assert shop.faults() == []


def test_a_throttled_refund_uses_nothing_up(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], endpoint={"paced": True, "in_flight": 2})
    shop.charge_on(DAY)
    ask(shop, amount_yen=500)
    shop.amazon.faults([{"operation": "createRefund", "kind": "429", "times": 1}])
    settle(shop, looks=1)
    (row,) = refund_rows(shop)
    assert (row["state"], row["refund_id"]) == ("intended", None)
    settle(shop)
    assert amazons_refunds(shop) == [("Refunded", 500)]
    assert len({row["idempotency_key"] for row in refund_rows(shop)}) == 1


def test_refunds_and_looks_at_them_have_a_pace_of_their_own(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], endpoint={"paced": True, "in_flight": 2})
    shop.charge_on(DAY)
    ask(shop, amount_yen=500)
    settle(shop)
    operations = {row["operation"] for row in shop.rows("SELECT operation FROM pacing")}
    assert operations == {"create_charge", "create_refund", "get_refund"}
