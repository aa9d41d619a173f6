"""Refunds that Amazon declines, and what chargebacks and claims leave to refund."""

from typing import Any

import pytest
from settlement_wire import give_back, listed, take
from wire_client import WireClient


def state_of(amazon: WireClient, refund: str) -> tuple[str, str | None]:
    status = amazon.api("GET", f"/refunds/{refund}").json["statusDetails"]
    return status["state"], status["reasonCode"]


@pytest.mark.parametrize("reason", ["AmazonRejected", "ProcessingFailure"])
def test_a_scripted_refund_is_initiated_and_declined_later(amazon: WireClient, reason: str) -> None:
    charge = take(amazon, amazon.permission(), 1_000)
    amazon.control("POST", "/refund-outcomes", {"outcome": reason})
    got = give_back(amazon, charge, 400, "refund")
    assert (got.status, got.json["statusDetails"]["state"]) == (201, "RefundInitiated")
    refund = got.json["refundId"]
    amazon.advance(20)
    assert state_of(amazon, refund) == ("RefundInitiated", None)
    amazon.advance(11)
    assert state_of(amazon, refund) == ("Declined", reason)
    assert amazon.api("GET", f"/charges/{charge}").json["refundedAmount"]["amount"] == "0"
    assert [row["type"] for row in listed(amazon, "/transactions")] == ["Capture"]


def test_a_declined_refund_gives_its_room_back(amazon: WireClient) -> None:
    charge = take(amazon, amazon.permission(), 1_000)
    amazon.control("POST", "/refund-outcomes", {"outcome": "AmazonRejected"})
    give_back(amazon, charge, 1_150, "first")
    assert give_back(amazon, charge, 1, "too-much").reason == "TransactionAmountExceeded"
    amazon.advance(31)
    second = give_back(amazon, charge, 1_150, "second")
    assert second.status == 201
    amazon.advance(31)
    assert state_of(amazon, second.json["refundId"]) == ("Refunded", None)


def test_outcomes_are_taken_in_order_and_by_charge(amazon: WireClient) -> None:
    permission = amazon.permission()
    one, other = (take(amazon, permission, 1_000) for _ in range(2))
    amazon.control(
        "POST",
        "/refund-outcomes",
        [
            {"outcome": "ProcessingFailure", "chargeId": other},
            {"outcome": "ok"},
            {"outcome": "AmazonRejected", "times": 2},
        ],
    )
    refunds = [
        give_back(amazon, charge, 10, f"refund-{n}").json["refundId"]
        for n, charge in enumerate((one, one, other, other, one))
    ]
    assert amazon.control("GET", "/refund-outcomes") == []
    amazon.advance(31)
    assert [state_of(amazon, refund) for refund in refunds] == [
        ("Refunded", None),
        ("Declined", "AmazonRejected"),
        ("Declined", "ProcessingFailure"),
        ("Declined", "AmazonRejected"),
        ("Refunded", None),
    ]


def test_a_replayed_refund_does_not_use_an_outcome_up(amazon: WireClient) -> None:
    charge = take(amazon, amazon.permission(), 1_000)
    amazon.control("POST", "/refund-outcomes", {"outcome": "AmazonRejected", "times": 2})
    first = give_back(amazon, charge, 10, "same")
    assert give_back(amazon, charge, 10, "same").raw == first.raw
    assert len(amazon.control("GET", "/refund-outcomes")) == 1
    assert amazon.control("DELETE", "/refund-outcomes") == []


def test_what_a_chargeback_gave_cannot_be_refunded_again(amazon: WireClient) -> None:
    charge = take(amazon, amazon.permission(), 1_000)
    made = amazon.control("POST", "/chargebacks", {"chargeId": charge})
    assert (made["amount"], made["type"]) == (1_000, "Chargeback")
    refund = give_back(amazon, charge, 1_000, "refund").json["refundId"]
    amazon.advance(31)
    assert state_of(amazon, refund) == ("Declined", "ProcessingFailure")


def test_chargebacks_and_claims_take_money_without_giving_the_fee_back(amazon: WireClient) -> None:
    charge = take(amazon, amazon.permission(), 1_000)
    claim = {"chargeId": charge, "amount": 300, "type": "A to Z Guarantee Claim"}
    amazon.control("POST", "/chargebacks", claim)
    amazon.control("POST", "/chargebacks", {"chargeId": charge})
    amazon.control("POST", "/adjustments", {"amount": -50, "type": "Debt"})
    rows = listed(amazon, "/transactions")
    assert [(row["type"], row["netAmount"]) for row in rows] == [
        ("Capture", 961),
        ("A to Z Guarantee Claim", -300),
        ("Chargeback", -700),
        ("Debt", -50),
    ]
    assert len(listed(amazon, "/chargebacks")) == 2


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        pytest.param("/refund-outcomes", {"outcome": "no"}, "[0].outcome", id="unknown outcome"),
        pytest.param("/refund-outcomes", {}, "[0].outcome", id="no outcome"),
        pytest.param("/refund-outcomes", [1], "[0]", id="no object"),
        pytest.param("/chargebacks", {}, "chargeId", id="no charge"),
        pytest.param("/adjustments", {"amount": 0}, "amount", id="nothing to adjust"),
        pytest.param("/adjustments", {"amount": 1.5}, "amount", id="half a yen"),
        pytest.param("/settlements/close", {"x": 1}, "x", id="unknown field"),
    ],
)
def test_wrong_orders_name_the_field(amazon: WireClient, path: str, body: Any, field: str) -> None:
    got = amazon.control_raw("POST", path, body)
    assert (got.status, got.json["error"]["field"]) == (400, field)


def test_an_unknown_charge_cannot_be_charged_back(amazon: WireClient) -> None:
    body = {"chargeId": "S03-0000000-0000000-C000000"}
    assert amazon.control_raw("POST", "/chargebacks", body).status == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"feeRounding": "bank"}, "feeRounding", id="unknown rounding"),
        pytest.param({"cycleDays": 0}, "cycleDays", id="no days"),
        pytest.param({"payoutsOnHold": 1}, "payoutsOnHold", id="no flag"),
        pytest.param({"feeBasisPoints": 10_001}, "feeBasisPoints", id="more than all"),
        pytest.param(
            {"feeEffectiveFrom": "2026-04-01T00:00:00Z"}, "feeBasisPoints", id="instant alone"
        ),
        pytest.param({"accountOpenedAt": "soon"}, "accountOpenedAt", id="no instant"),
        pytest.param({"cycledays": 1}, "cycledays", id="unknown name"),
    ],
)
def test_a_wrong_switch_changes_nothing(
    amazon: WireClient, change: dict[str, Any], field: str
) -> None:
    before = amazon.control("GET", "/settlement-options")
    got = amazon.control_raw("PATCH", "/settlement-options", {"reserveFixedYen": 5, **change})
    assert (got.status, got.json["error"]["field"]) == (400, field)
    assert amazon.control("GET", "/settlement-options") == before
