"""Return addresses and shown expiry of charges, an order closed with its charge, control errors."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkout_flow import Checkout
from ipn_fixtures import (  # noqa: F401 - fixtures
    flush,
    listener_fixture,
    receiver_fixture,
)
from ipn_receiver import Receiver
from wire_client import WireClient

pytestmark = pytest.mark.slow

LOCAL = "http://localhost:3000/result"


@pytest.mark.parametrize(
    ("url", "status"),
    [
        pytest.param("https://shop.example.jp/result?a=1", 201, id="https"),
        pytest.param(LOCAL, 201, id="localhost in sandbox"),
        pytest.param(None, 201, id="absent"),
        pytest.param("http://shop.example.jp/result", 400, id="no TLS"),
        pytest.param("javascript:alert(1)", 400, id="a script"),
        pytest.param("shop", 400, id="no address"),
    ],
)
def test_a_charge_takes_the_return_addresses_of_a_checkout(
    amazon: WireClient, url: str | None, status: int
) -> None:
    web = {"checkoutResultReturnUrl": url}
    got = amazon.charge(amazon.permission(), webCheckoutDetails=web)
    assert got.status == status
    if status == 201:
        assert got.json["webCheckoutDetails"] == web
    else:
        assert got.reason == "InvalidParameterValue"
        assert "[webCheckoutDetails.checkoutResultReturnUrl]" in got.json["message"]


def test_closing_an_order_with_an_open_charge_tells_each_change_once(
    amazon: WireClient, receiver: Receiver, ready: dict[str, Any]
) -> None:
    checkout = Checkout(amazon, ready["store_id"])
    session = checkout.chosen(recurring=False, intent="Authorize")
    checkout.pay(session)
    done = checkout.complete(session).json
    permission, charge = done["chargePermissionId"], done["chargeId"]
    flush(amazon)
    receiver.forget()

    body = {"closureReason": "sold out", "cancelPendingCharges": True}
    closed = amazon.api("DELETE", f"/chargePermissions/{permission}/close", body).json
    flush(amazon)

    # Cancelling the charge must not make the order Chargeable for the blink before it is Closed.
    state = "STATE_CHANGE"
    assert sorted(receiver.told) == [
        ("CHARGE", charge, state),
        ("CHARGE_PERMISSION", permission, state),
    ]
    assert closed["statusDetails"]["state"] == "Closed"
    assert closed["limits"]["amountBalance"] == closed["limits"]["amountLimit"]
    status = amazon.api("GET", f"/charges/{charge}").json["statusDetails"]
    assert (status["state"], status["reasonCode"]) == ("Canceled", "ChargePermissionCanceled")


def test_the_shown_expiry_is_thirty_days_also_where_the_sandbox_ends_it_sooner(
    launch: Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]], tmp_path: Path
) -> None:
    two_days = 2 * 86_400
    _, ready = launch(tmp_path, "--throttle", "off", "--set", f"authorization_ms={two_days}000")
    amazon = WireClient.of(ready)
    amazon.set_clock("2026-04-01T00:00:00Z")
    charge = amazon.charge(amazon.permission(), captureNow=False).json
    assert charge["expirationTimestamp"] == "20260501T000000Z"
    amazon.advance(two_days + 1)
    after = amazon.api("GET", f"/charges/{charge['chargeId']}").json
    amazon.close()
    assert after["expirationTimestamp"] == "20260501T000000Z"
    assert after["statusDetails"]["state"] == "Canceled"
    assert after["statusDetails"]["reasonCode"] == "ExpiredUnused"


@pytest.mark.parametrize(
    ("method", "path", "status", "field"),
    [
        pytest.param("GET", "/chargez", 404, "path", id="no such path"),
        pytest.param("DELETE", "/charges", 405, "method", id="no such method"),
    ],
)
def test_a_wrong_control_call_is_told_in_json(
    amazon: WireClient, method: str, path: str, status: int, field: str
) -> None:
    got = amazon.control_raw(method, path)
    assert got.status == status
    assert got.json["error"]["field"] == field
    assert path in got.json["error"]["reason"]
