"""Simulation codes and scripts: the answer now and what becomes of it."""

from typing import Any

import pytest
from wire_client import WireClient, yen

pytestmark = pytest.mark.slow


def permission_state(amazon: WireClient, permission: str) -> tuple[str, str | None]:
    status = amazon.api("GET", f"/chargePermissions/{permission}").json["statusDetails"]
    return status["state"], status["reasons"] and status["reasons"][0]["reasonCode"]


def charge_state(amazon: WireClient, charge: str) -> tuple[str, str | None]:
    status = amazon.api("GET", f"/charges/{charge}").json["statusDetails"]
    return status["state"], status["reasonCode"]


DECLINES = [
    ("SoftDeclined", ("Chargeable", None)),
    ("HardDeclined", ("NonChargeable", "PaymentMethodInvalid")),
    ("AmazonRejected", ("Closed", "AmazonCanceled")),
    ("TransactionTimedOut", ("Chargeable", None)),
]
SCRIPT_ONLY = [
    ("PaymentMethodNotAllowed", ("NonChargeable", "PaymentMethodNotAllowed")),
    ("MFANotCompleted", ("Chargeable", None)),
]


@pytest.mark.parametrize(("code", "afterwards"), DECLINES)
def test_a_declined_charge_by_header(
    amazon: WireClient, code: str, afterwards: tuple[str, str | None]
) -> None:
    permission = amazon.permission()
    got = amazon.charge(permission, sim=code)
    assert (got.status, got.reason) == (422, code)
    assert permission_state(amazon, permission) == afterwards
    assert amazon.control("GET", "/charges")["items"] == []


@pytest.mark.parametrize(("code", "afterwards"), DECLINES + SCRIPT_ONLY)
def test_a_declined_charge_by_script(
    amazon: WireClient, code: str, afterwards: tuple[str, str | None]
) -> None:
    permission = amazon.permission(behaviour=["ok", code])
    assert amazon.charge(permission).status == 201
    got = amazon.charge(permission)
    assert (got.status, got.reason) == (422, code)
    assert permission_state(amazon, permission) == afterwards


def test_after_a_hard_decline_the_buyer_changes_the_payment_method(amazon: WireClient) -> None:
    permission = amazon.permission(behaviour=["HardDeclined"])
    amazon.charge(permission)
    got = amazon.charge(permission)
    assert (got.status, got.reason) == (422, "InvalidChargePermissionStatus")
    path = f"/charge-permissions/{permission}"
    amazon.control("PATCH", path, {"paymentMethod": "updated"})
    assert permission_state(amazon, permission) == ("Chargeable", None)
    assert amazon.charge(permission).status == 201


def test_a_capture_that_takes_its_time(amazon: WireClient) -> None:
    got = amazon.charge(amazon.permission(), 500, sim="CaptureInitiated")
    assert got.status == 201
    assert got.json["statusDetails"]["state"] == "CaptureInitiated"
    assert got.json["captureAmount"] is None
    charge = got.json["chargeId"]
    amazon.advance(28)
    assert charge_state(amazon, charge) == ("CaptureInitiated", None)
    amazon.advance(2)
    assert charge_state(amazon, charge) == ("Captured", None)
    # The timer fired at its own instant, 30 s after creation, not when we looked.
    stored = amazon.control("GET", "/charges")["items"][0]
    assert seconds(stored["updatedAt"]) - seconds(stored["createdAt"]) == pytest.approx(30)


def seconds(iso: str) -> float:
    hours, minutes, rest = iso[11:-1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


@pytest.mark.parametrize(
    ("end", "charge_end", "permission_end"),
    [
        ("Authorized", ("Authorized", None), ("Chargeable", None)),
        ("SoftDeclined", ("Declined", "SoftDeclined"), ("Chargeable", None)),
        (
            "HardDeclined",
            ("Declined", "HardDeclined"),
            ("NonChargeable", "PaymentMethodInvalid"),
        ),
        ("TransactionTimedOut", ("Declined", "TransactionTimedOut"), ("Chargeable", None)),
    ],
)
def test_a_pending_authorization_by_script(
    amazon: WireClient,
    end: str,
    charge_end: tuple[str, str | None],
    permission_end: tuple[str, str | None],
) -> None:
    permission = amazon.permission(behaviour=[f"Pending:{end}"])
    got = amazon.charge(permission, captureNow=False, canHandlePendingAuthorization=True)
    assert got.status == 201
    assert got.json["statusDetails"]["state"] == "AuthorizationInitiated"
    amazon.advance(30)
    assert charge_state(amazon, got.json["chargeId"]) == charge_end
    assert permission_state(amazon, permission) == permission_end


def test_a_pending_result_needs_a_caller_that_can_wait(amazon: WireClient) -> None:
    permission = amazon.permission(behaviour=["Pending:Authorized"])
    assert amazon.charge(permission).reason == "TransactionTimedOut"


def test_a_pending_charge_with_capture_now_ends_captured(amazon: WireClient) -> None:
    permission = amazon.permission(behaviour=["Pending:Authorized"])
    charge = amazon.charge(permission, canHandlePendingAuthorization=True).json["chargeId"]
    amazon.advance(30)
    assert charge_state(amazon, charge) == ("Captured", None)


@pytest.mark.parametrize(
    ("code", "end"),
    [("CaptureInitiated", ("Captured", None)), ("AmazonRejected", ("Declined", "AmazonRejected"))],
)
def test_codes_of_capture(amazon: WireClient, code: str, end: tuple[str, str | None]) -> None:
    charge = amazon.charge(amazon.permission(), 500, captureNow=False).json["chargeId"]
    body = {"captureAmount": yen(500)}
    got = amazon.api("POST", f"/charges/{charge}/capture", body, key="k", sim=code)
    assert got.status == 200
    assert got.json["statusDetails"]["state"] == "CaptureInitiated"
    amazon.advance(30)
    assert charge_state(amazon, charge) == end


def test_code_of_close(amazon: WireClient) -> None:
    permission = amazon.permission()
    path, body = f"/chargePermissions/{permission}/close", {"closureReason": "x"}
    assert amazon.api("DELETE", path, body, sim="AmazonClosed").status == 200
    assert permission_state(amazon, permission) == ("Closed", "AmazonClosed")


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        pytest.param("POST", "/charges", {}, "softdeclined", id="spelling"),
        pytest.param("POST", "/charges", {}, "Pending:Authorized", id="script word"),
        pytest.param("POST", "/charges", {}, "ProcessingFailure", id="no such code"),
        pytest.param("POST", "/refunds", {}, "AmazonRejected", id="refund has none"),
        pytest.param("GET", "/charges/x", None, "SoftDeclined", id="GET"),
        pytest.param("PATCH", "/chargePermissions/x", {}, "AmazonClosed", id="update"),
    ],
)
def test_codes_that_amazon_does_not_have_are_refused(
    amazon: WireClient, method: str, path: str, body: Any, code: str
) -> None:
    got = amazon.api(method, path, body, key="k" if method == "POST" else None, sim=code)
    assert (got.status, got.reason) == (400, "InvalidSandboxSimulationSpecified")


def test_capture_initiated_requires_capture_now(amazon: WireClient) -> None:
    got = amazon.charge(amazon.permission(), sim="CaptureInitiated", captureNow=False)
    assert (got.status, got.reason) == (400, "InvalidSandboxSimulationSpecified")
