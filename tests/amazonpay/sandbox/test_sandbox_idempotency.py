"""One key, one effect: replays, refusals, and what leaves a key free."""

import threading
import time
from typing import Any

import pytest
from wire_client import Got, WireClient, yen

pytestmark = pytest.mark.slow


def charges_stored(amazon: WireClient) -> int:
    return len(amazon.control("GET", "/charges")["items"])


def test_a_repeated_call_gets_the_first_answer_byte_for_byte(amazon: WireClient) -> None:
    permission = amazon.permission()
    first = amazon.charge(permission, key="k1")
    amazon.advance(400 * 86_400)
    again = amazon.charge(permission, key="k1")
    assert (again.status, again.raw) == (first.status, first.raw)
    assert charges_stored(amazon) == 1
    log = amazon.control("GET", "/requests")["items"]
    assert [line["replayed"] for line in log] == [False, True]
    assert log[0]["bodySha256"] == log[1]["bodySha256"]


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(
            b'{"chargeAmount":{"currencyCode":"JPY","amount":"500"},"chargePermissionId":"%b"}',
            id="key order",
        ),
        pytest.param(
            b'{ "chargePermissionId" : "%b",\n"chargeAmount":{"amount":"500",'
            b'"currencyCode":"J\\u0050Y"} }',
            id="spaces and escapes",
        ),
    ],
)
def test_a_differently_spelled_body_is_the_same_request(amazon: WireClient, same: bytes) -> None:
    permission = amazon.permission()
    body = {"chargePermissionId": permission, "chargeAmount": yen(500)}
    first = amazon.api("POST", "/charges", body, key="k1")
    again = amazon.api("POST", "/charges", same % permission.encode(), key="k1")
    assert again.raw == first.raw
    again = amazon.api("POST", "/charges/", body, key="k1", prefix="/sandbox/v2")
    assert again.raw == first.raw


def test_a_key_for_another_request_is_refused(amazon: WireClient) -> None:
    permission = amazon.permission()
    charge = amazon.charge(permission, 500, key="k1").json["chargeId"]
    got = amazon.charge(permission, 501, key="k1")
    assert (got.status, got.reason) == (400, "DuplicateIdempotencyKey")
    refund = {"chargeId": charge, "refundAmount": yen(500)}
    assert amazon.api("POST", "/refunds", refund, key="k1").reason == "DuplicateIdempotencyKey"
    assert charges_stored(amazon) == 1


def test_a_decline_is_kept_under_its_key(amazon: WireClient) -> None:
    permission = amazon.permission(behaviour=["SoftDeclined", "ok"])
    assert amazon.charge(permission, key="k1").reason == "SoftDeclined"
    # The replay takes no entry of the script: a new key finds "ok".
    assert amazon.charge(permission, key="k1").reason == "SoftDeclined"
    assert amazon.charge(permission, key="k2").status == 201


def test_a_cap_refusal_is_kept_under_its_key(amazon: WireClient) -> None:
    permission = amazon.permission(amountLimit=100)
    assert amazon.charge(permission, 101, key="k1").reason == "PeriodicAmountExceeded"
    amazon.control("PATCH", f"/charge-permissions/{permission}", {"amountLimit": 1000})
    assert amazon.charge(permission, 101, key="k1").reason == "PeriodicAmountExceeded"


def test_a_processing_failure_leaves_its_key_free(amazon: WireClient) -> None:
    permission = amazon.permission(behaviour=["ProcessingFailure"])
    got = amazon.charge(permission, key="k1")
    assert (got.status, got.reason) == (500, "ProcessingFailure")
    assert amazon.charge(permission, key="k1").status == 201


def test_keys_are_for_posts_only_and_capture_may_lack_one(amazon: WireClient) -> None:
    permission = amazon.permission()
    charge = amazon.charge(permission, 500, key="k1", captureNow=False).json["chargeId"]
    assert amazon.api("GET", f"/charges/{charge}", key="k1").status == 200
    body = {"captureAmount": yen(500)}
    assert amazon.api("POST", f"/charges/{charge}/capture", body).status == 200
    got = amazon.api("POST", f"/charges/{charge}/capture", body)
    assert (got.status, got.reason) == (422, "InvalidChargeStatus")


def test_a_repeated_capture_or_refund_moves_money_once(amazon: WireClient) -> None:
    charge = amazon.charge(amazon.permission(), 500, captureNow=False).json["chargeId"]
    calls: list[tuple[str, dict[str, Any]]] = [
        (f"/charges/{charge}/capture", {"captureAmount": yen(400)}),
        ("/refunds", {"chargeId": charge, "refundAmount": yen(100)}),
    ]
    for n, (path, body) in enumerate(calls):
        first = amazon.api("POST", path, body, key=f"k{n}")
        assert first.status < 300
        assert amazon.api("POST", path, body, key=f"k{n}").raw == first.raw
    stats = amazon.control("GET", "/stats")
    assert (stats["capturedYen"], stats["refunds"], stats["replayed"]) == (400, 1, 2)


def test_a_duplicate_waits_for_the_call_that_is_still_running(
    amazon: WireClient, ready: dict[str, Any]
) -> None:
    permission = amazon.permission()
    fault = {"operation": "CreateCharge", "kind": "slow", "seconds": 0.4}
    amazon.control("POST", "/faults", [fault])
    answers: list[Got] = []

    def slow_call() -> None:
        other = WireClient.of(ready)
        other.date = amazon.date
        answers.append(other.charge(permission, key="k1"))
        other.close()

    thread = threading.Thread(target=slow_call)
    thread.start()
    while amazon.control("GET", "/faults"):
        time.sleep(0.01)
    duplicate = amazon.charge(permission, key="k1")
    thread.join()
    assert duplicate.raw == answers[0].raw
    log = amazon.control("GET", "/requests")["items"]
    assert [(line["replayed"], line["fault"]) for line in log] == [(False, "slow"), (True, None)]
