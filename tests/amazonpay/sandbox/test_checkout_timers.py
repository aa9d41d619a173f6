"""Sessions expire after a day and are forgotten after thirty, buyer data too; restarts keep all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkout_flow import Checkout
from wire_client import WireClient

pytestmark = pytest.mark.slow

DAY = 86_400


@pytest.fixture
def shop(amazon: WireClient, ready: dict[str, Any]) -> Checkout:
    return Checkout(amazon, ready["store_id"])


def test_a_session_expires_after_a_day(shop: Checkout) -> None:
    session = shop.paid()
    shop.amazon.advance(DAY - 60)
    assert shop.get(session)["statusDetails"]["state"] == "Open"
    shop.amazon.advance(60)
    body = shop.get(session)
    assert (body["statusDetails"]["state"], body["statusDetails"]["reasonCode"]) == (
        "Canceled",
        "Expired",
    )
    assert shop.complete(session).reason == "InvalidCheckoutSessionStatus"


def test_every_session_is_forgotten_thirty_days_after_it_was_made(shop: Checkout) -> None:
    expired, canceled, completed = shop.button(), shop.paid(), shop.paid()
    shop.amazon.control("POST", f"/checkout-sessions/{canceled}/cancel")
    permission = shop.complete(completed).json["chargePermissionId"]
    shop.amazon.advance(30 * DAY - 60)
    for session in (expired, canceled, completed):
        assert shop.get(session)["statusDetails"]["state"] != "Open"
    shop.amazon.advance(60)
    for session in (expired, canceled, completed):
        assert shop.get(session)["reasonCode"] == "ResourceNotFound"
    assert shop.amazon.control("GET", "/checkout-sessions")["items"] == []
    assert shop.state(permission) == ("Chargeable", None)


def test_a_jump_over_everything_fires_in_order(shop: Checkout) -> None:
    session = shop.paid(card="0701", intent="Authorize", pending=True)
    charge = shop.complete(session).json["chargeId"]
    shop.amazon.advance(31 * DAY)
    body = shop.amazon.api("GET", f"/charges/{charge}").json
    # Authorized 30 seconds after it began, expired after its thirty days.
    assert body["statusDetails"]["reasonCode"] == "ExpiredUnused"
    assert shop.get(session)["reasonCode"] == "ResourceNotFound"


@pytest.mark.parametrize("recurring", [True, False], ids=["recurring", "one-time"])
def test_buyer_data_are_kept_for_thirty_days(shop: Checkout, recurring: bool) -> None:
    session = shop.paid(recurring=recurring, intent="Confirm")
    permission = shop.complete(session).json["chargePermissionId"]
    if recurring:
        # An open agreement keeps them; the days count from the closing.
        shop.amazon.advance(40 * DAY)
        assert shop.permission(permission)["buyer"] is not None
        shop.amazon.control("PATCH", f"/charge-permissions/{permission}", {"state": "Closed"})
    shop.amazon.advance(30 * DAY - 60)
    assert shop.permission(permission)["shippingAddress"] is not None
    shop.amazon.advance(60)
    body = shop.permission(permission)
    assert (body["buyer"], body["shippingAddress"], body["billingAddress"]) == (None, None, None)
    assert body["limits"] is not None


def test_a_restart_keeps_sessions_buyers_and_timers(
    launch: Callable[..., tuple[Any, dict[str, Any]]], tmp_path: Path
) -> None:
    process, ready = launch(tmp_path, "--throttle", "off", "--clock", "2026-04-01T00:00:00Z")
    shop = Checkout(WireClient.of(ready), ready["store_id"])
    shop.amazon.set_clock("2026-04-01T00:01:00Z")
    shop.amazon.control("POST", "/buyers", {"name": "新人", "email": "new@example.jp"})
    opened, paid = shop.button(), shop.paid(card="0701", intent="Authorize", pending=True)
    order = shop.complete(paid).json
    token = shop.amazon.control("POST", "/buyer-tokens", {"email": "new@example.jp"})["buyerToken"]
    before = shop.get(opened)
    shop.amazon.close()
    process.terminate()
    process.wait(timeout=10)
    _, ready = launch(tmp_path, "--throttle", "off")
    shop = Checkout(WireClient.of(ready), ready["store_id"])
    shop.amazon.set_clock("2026-04-01T00:02:00Z")
    assert shop.get(opened) == before
    assert shop.get(paid)["chargePermissionId"] == order["chargePermissionId"]
    assert shop.amazon.api("GET", f"/buyers/{token}").status == 200
    charge = shop.amazon.api("GET", f"/charges/{order['chargeId']}").json
    assert charge["statusDetails"]["state"] == "Authorized"
    shop.amazon.close()


def test_reset_empties_the_room(shop: Checkout) -> None:
    session = shop.paid()
    shop.amazon.control("POST", "/buyers", {"name": "新人", "email": "new@example.jp"})
    shop.amazon.control("POST", "/reset", {"now": "2026-04-01T00:00:00Z"})
    shop.amazon.set_clock("2026-04-01T00:00:00Z")
    assert shop.get(session)["reasonCode"] == "ResourceNotFound"
    assert len(shop.amazon.control("GET", "/buyers")["items"]) == 3
