"""Timers, refunds, closing: the paths of states.md one by one."""

import pytest
from wire_client import WireClient, yen

pytestmark = pytest.mark.slow

DAY = 86_400


def authorized(amazon: WireClient, permission: str, amount: int = 500) -> str:
    return str(amazon.charge(permission, amount, captureNow=False).json["chargeId"])


def status(amazon: WireClient, path: str) -> tuple[str, str | None]:
    details = amazon.api("GET", path).json["statusDetails"]
    return details["state"], details["reasonCode"]


def capture(amazon: WireClient, charge: str, amount: int = 500) -> tuple[int, str | None]:
    got = amazon.api("POST", f"/charges/{charge}/capture", {"captureAmount": yen(amount)})
    return got.status, got.json.get("reasonCode")


def close(amazon: WireClient, permission: str, *, cancel: bool) -> int:
    body = {"closureReason": "end", "cancelPendingCharges": cancel}
    return amazon.api("DELETE", f"/chargePermissions/{permission}/close", body).status


def test_a_partial_capture_happens_once(amazon: WireClient) -> None:
    charge = authorized(amazon, amazon.permission())
    assert capture(amazon, charge, 501) == (400, "TransactionAmountExceeded")
    assert capture(amazon, charge, 200) == (200, None)
    assert capture(amazon, charge, 300) == (422, "InvalidChargeStatus")
    assert amazon.api("GET", f"/charges/{charge}").json["captureAmount"] == yen(200)


@pytest.mark.parametrize(
    ("days", "state"), [(6, "Captured"), (8, "CaptureInitiated")], ids=["in time", "late"]
)
def test_seven_days_after_the_authorization_a_capture_takes_its_time(
    amazon: WireClient, days: int, state: str
) -> None:
    charge = authorized(amazon, amazon.permission())
    amazon.advance(days * DAY)
    assert capture(amazon, charge) == (200, None)
    assert status(amazon, f"/charges/{charge}") == (state, None)
    amazon.advance(30)
    assert status(amazon, f"/charges/{charge}") == ("Captured", None)


def test_an_authorization_expires_unused_after_thirty_days(amazon: WireClient) -> None:
    charge = authorized(amazon, amazon.permission())
    amazon.advance(30 * DAY - 60)
    assert status(amazon, f"/charges/{charge}") == ("Authorized", None)
    amazon.advance(60)
    assert status(amazon, f"/charges/{charge}") == ("Canceled", "ExpiredUnused")
    assert capture(amazon, charge) == (422, "InvalidChargeStatus")


def test_a_cancelled_charge_names_its_reason(amazon: WireClient) -> None:
    charge = authorized(amazon, amazon.permission())
    path = f"/charges/{charge}/cancel"
    got = amazon.api("DELETE", path, {"cancellationReason": "在庫切れ"})
    assert got.status == 200
    assert got.json["statusDetails"]["reasonDescription"] == "在庫切れ"
    assert status(amazon, f"/charges/{charge}") == ("Canceled", "MerchantCanceled")
    again = amazon.api("DELETE", path, {"cancellationReason": "x"})
    assert (again.status, again.reason) == (422, "InvalidChargeStatus")


@pytest.mark.parametrize(
    ("cancel", "state"),
    [(True, ("Canceled", "ChargePermissionCanceled")), (False, ("Authorized", None))],
)
def test_closing_cancels_open_charges_only_when_told(
    amazon: WireClient, cancel: bool, state: tuple[str, str | None]
) -> None:
    permission = amazon.permission()
    open_charge, taken = authorized(amazon, permission), authorized(amazon, permission)
    capture(amazon, taken)
    assert close(amazon, permission, cancel=cancel) == 200
    assert status(amazon, f"/charges/{open_charge}") == state
    assert status(amazon, f"/charges/{taken}") == ("Captured", None)
    assert close(amazon, permission, cancel=cancel) == 422
    assert amazon.charge(permission).reason == "InvalidChargePermissionStatus"
    got = amazon.api("PATCH", f"/chargePermissions/{permission}", {"merchantMetadata": {}})
    assert (got.status, got.reason) == (422, "ChargePermissionNotModifiable")


def test_a_permission_lives_thirteen_months_from_its_last_charge(amazon: WireClient) -> None:
    idle, used = amazon.permission(), amazon.permission()
    amazon.set_clock("2026-06-01T00:00:00Z")
    assert amazon.charge(used).status == 201
    amazon.set_clock("2027-05-01T00:01:00Z")
    details = amazon.api("GET", f"/chargePermissions/{idle}").json["statusDetails"]
    assert (details["state"], details["reasons"][0]["reasonCode"]) == ("Closed", "Expired")
    # It expired at its own instant, thirteen months after 1 April 2026.
    assert details["lastUpdatedTimestamp"][:8] == "20270501"
    assert amazon.charge(used).status == 201
    got = amazon.api("GET", f"/chargePermissions/{used}").json
    assert got["expirationTimestamp"][:8] == "20280601"


def refund(amazon: WireClient, charge: str, amount: int, key: str) -> tuple[int, str | None]:
    body = {"chargeId": charge, "refundAmount": yen(amount)}
    got = amazon.api("POST", "/refunds", body, key=key)
    return got.status, got.json.get("reasonCode")


def test_a_refund_is_done_thirty_seconds_later(amazon: WireClient) -> None:
    charge = amazon.charge(amazon.permission(), 1000).json["chargeId"]
    body = {"chargeId": charge, "refundAmount": yen(300)}
    refund_id = amazon.api("POST", "/refunds", body, key="r").json["refundId"]
    amazon.advance(25)
    assert status(amazon, f"/refunds/{refund_id}") == ("RefundInitiated", None)
    assert amazon.api("GET", f"/charges/{charge}").json["refundedAmount"] == yen(0)
    amazon.advance(5)
    assert status(amazon, f"/refunds/{refund_id}") == ("Refunded", None)
    assert amazon.api("GET", f"/charges/{charge}").json["refundedAmount"] == yen(300)


@pytest.mark.parametrize(
    ("captured", "most"),
    [
        (1000, 1150),  # 15 %
        (56_000, 64_400),  # 15 % and ¥8,400 are the same here
        (90_000, 98_400),  # ¥8,400
    ],
)
def test_refunds_may_exceed_the_captured_amount_a_little(
    amazon: WireClient, captured: int, most: int
) -> None:
    charge = amazon.charge(amazon.permission(), captured).json["chargeId"]
    assert refund(amazon, charge, captured, "r1") == (201, None)
    left = most - captured
    assert refund(amazon, charge, left + 1, "r2") == (400, "TransactionAmountExceeded")
    assert refund(amazon, charge, left, "r3") == (201, None)
    assert refund(amazon, charge, 1, "r4") == (400, "TransactionAmountExceeded")


def test_refunds_need_a_captured_charge_and_end_at_ten(amazon: WireClient) -> None:
    permission = amazon.permission()
    charge = authorized(amazon, permission)
    assert refund(amazon, charge, 1, "r") == (422, "InvalidChargeStatus")
    assert refund(amazon, "S03-0000000-0000000-C000000", 1, "q") == (404, "ResourceNotFound")
    capture(amazon, charge)
    assert {refund(amazon, charge, 1, f"r{n}") for n in range(10)} == {(201, None)}
    assert refund(amazon, charge, 1, "r10") == (422, "TransactionCountExceeded")
