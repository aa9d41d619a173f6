"""Every event of ipn.md §7: which changes are notified, as what, when, and which are not."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ipn_fixtures import (  # noqa: F401 - fixtures
    checker_fixture,
    flush,
    listener_fixture,
    receiver_fixture,
)
from ipn_receiver import Checker, Receiver
from wire_client import WireClient, yen

from amazonpay.sandbox import consents
from amazonpay.sandbox.notifications import outbox
from amazonpay.sandbox.options import Options
from amazonpay.sandbox.store import Store
from amazonpay.sandbox.world import World

pytestmark = pytest.mark.slow

STATE, ATTRIBUTE = "STATE_CHANGE", "ATTRIBUTE_CHANGE"
Told = list[tuple[str, str, str]]


def charge(amazon: WireClient, permission: str, **more: Any) -> str:
    return str(amazon.charge(permission, **more).json["chargeId"])


def patch(amazon: WireClient, permission: str, **change: Any) -> None:
    amazon.control("PATCH", f"/charge-permissions/{permission}", change)


def captured_at_once(amazon: WireClient, permission: str) -> Told:
    return [("CHARGE", charge(amazon, permission), STATE)]


def only_authorized(amazon: WireClient, permission: str) -> Told:
    charge(amazon, permission, captureNow=False)
    return []


def captured_later(amazon: WireClient, permission: str) -> Told:
    made = charge(amazon, permission, captureNow=False)
    amazon.api("POST", f"/charges/{made}/capture", {"captureAmount": yen(1000)}, key="c1")
    return [("CHARGE", made, STATE)]


def capture_initiated(amazon: WireClient, permission: str) -> Told:
    made = charge(amazon, permission, sim="CaptureInitiated")
    amazon.advance(30)
    return [("CHARGE", made, STATE)]


def capture_declined(amazon: WireClient, permission: str) -> Told:
    made = charge(amazon, permission, captureNow=False)
    amazon.api(
        *("POST", f"/charges/{made}/capture", {"captureAmount": yen(1000)}),
        key="c1",
        sim="AmazonRejected",
    )
    amazon.advance(30)
    # AmazonRejected takes the permission with it (states.md §3).
    return [("CHARGE", made, STATE), ("CHARGE_PERMISSION", permission, STATE)]


def pending(amazon: WireClient, permission: str, ending: str, **more: Any) -> str:
    patch(amazon, permission, behaviour=[f"Pending:{ending}"])
    made = charge(amazon, permission, canHandlePendingAuthorization=True, **more)
    amazon.advance(30)
    return made


def pending_authorized(amazon: WireClient, permission: str) -> Told:
    return [("CHARGE", pending(amazon, permission, "Authorized", captureNow=False), STATE)]


def pending_captured(amazon: WireClient, permission: str) -> Told:
    return [("CHARGE", pending(amazon, permission, "Authorized"), STATE)]


def pending_declined(amazon: WireClient, permission: str) -> Told:
    made = pending(amazon, permission, "HardDeclined")
    return [("CHARGE", made, STATE), ("CHARGE_PERMISSION", permission, STATE)]


def canceled(amazon: WireClient, permission: str) -> Told:
    made = charge(amazon, permission, captureNow=False)
    amazon.api("DELETE", f"/charges/{made}/cancel", {"cancellationReason": "test"})
    return [("CHARGE", made, STATE)]


def expired_unused(amazon: WireClient, permission: str) -> Told:
    made = charge(amazon, permission, captureNow=False)
    amazon.advance(30 * 86_400)
    return [("CHARGE", made, STATE)]


def refunded(amazon: WireClient, permission: str) -> Told:
    made = charge(amazon, permission)
    body = {"chargeId": made, "refundAmount": yen(400)}
    refund = amazon.api("POST", "/refunds", body, key="r1").json["refundId"]
    amazon.advance(30)
    return [("CHARGE", made, STATE), ("REFUND", refund, STATE)]


def declined_at_once(amazon: WireClient, permission: str) -> Told:
    assert amazon.charge(permission, sim="SoftDeclined").status == 422
    return []


def hard_declined(amazon: WireClient, permission: str) -> Told:
    assert amazon.charge(permission, sim="HardDeclined").status == 422
    return [("CHARGE_PERMISSION", permission, STATE)]


def blocked_and_back(amazon: WireClient, permission: str) -> Told:
    patch(amazon, permission, state="NonChargeable", reasonCode="PaymentMethodExpired")
    patch(amazon, permission, state="Chargeable")
    return [("CHARGE_PERMISSION", permission, STATE)] * 2


def closed_by_buyer(amazon: WireClient, permission: str) -> Told:
    patch(amazon, permission, state="Closed", reasonCode="BuyerClosed")
    return [("CHARGE_PERMISSION", permission, STATE)]


def closed_by_merchant_with_its_charges(amazon: WireClient, permission: str) -> Told:
    made = charge(amazon, permission, captureNow=False)
    body = {"closureReason": "test", "cancelPendingCharges": True}
    amazon.api("DELETE", f"/chargePermissions/{permission}/close", body)
    return [("CHARGE", made, STATE), ("CHARGE_PERMISSION", permission, STATE)]


def expired(amazon: WireClient, permission: str) -> Told:
    amazon.advance(400 * 86_400)
    return [("CHARGE_PERMISSION", permission, STATE)]


def other_limit(amazon: WireClient, permission: str) -> Told:
    patch(amazon, permission, amountLimit=5)
    return []


def other_metadata(amazon: WireClient, permission: str) -> Told:
    body = {"merchantMetadata": {"merchantReferenceId": "other"}}
    amazon.api("PATCH", f"/chargePermissions/{permission}", body)
    return []


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(step, id=step.__name__.replace("_", " "))
        for step in (
            *(captured_at_once, only_authorized, captured_later, capture_initiated),
            *(capture_declined, pending_authorized, pending_captured, pending_declined),
            *(canceled, expired_unused, refunded, declined_at_once, hard_declined),
            *(blocked_and_back, closed_by_buyer, closed_by_merchant_with_its_charges),
            *(expired, other_limit, other_metadata),
        )
    ],
)
def test_an_event_is_notified(
    amazon: WireClient,
    receiver: Receiver,
    checker: Checker,
    ready: dict[str, Any],
    happens: Callable[[WireClient, str], Told],
) -> None:
    permission = amazon.permission()
    expected = happens(amazon, permission)
    assert flush(amazon) == 0
    assert receiver.told == expected
    for arrival in receiver.arrivals:
        assert arrival.message["ChargePermissionId"] == permission
        assert arrival.message["MerchantID"] == ready["merchant_id"]
        assert checker.faults(arrival) == []


def test_a_change_of_an_attribute_is_noted_without_an_instant(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    row = consents.create(World(store=store, options=Options(), environment="sandbox"), {}, now=7)
    outbox.put_endpoint(store, "http://127.0.0.1:9/", style={}, now=0)
    details = json.loads(row.details)
    for changed in (
        details | {"paymentDescriptor": "Visa ****4444 (Amazon Pay)"},
        details | {"paymentDescriptor": "Visa ****4444 (Amazon Pay)", "other": 1},
        details | {"paymentDescriptor": "Visa ****4444 (Amazon Pay)", "shippingAddress": {}},
    ):
        store.save_permission(replace(row, details=json.dumps(changed)))
    execute = store.connection.execute
    noted = execute("SELECT at, object_id, notification_type FROM ipn_messages").fetchall()
    assert noted == [(None, row.id, ATTRIBUTE)] * 2
    # The sender dates it when it finds it: the permission's own instant may be months old.
    outbox.date_messages(store, now=99)
    assert outbox.soonest(store) == 99
    store.close()


def test_a_notification_carries_the_virtual_instant_of_its_change(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    made = charge(amazon, amazon.permission(), sim="CaptureInitiated")
    begun = amazon.api("GET", f"/charges/{made}").json["statusDetails"]["lastUpdatedTimestamp"]
    amazon.advance(7 * 86_400)
    flush(amazon)
    stamp = datetime.fromisoformat(receiver.arrivals[0].envelope["Timestamp"])
    # The clock jumped a week, but the capture ended thirty seconds after its beginning.
    waited = stamp.replace(microsecond=0) - datetime.fromisoformat(begun)
    assert waited == timedelta(seconds=30)


def test_a_notification_comes_at_once_and_by_itself(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    permission = amazon.permission()
    waits = []
    for _ in range(20):
        began = time.monotonic()
        before = len(receiver.arrivals)
        amazon.charge(permission, 1)
        waits.append(receiver.wait_for(before + 1)[-1].at - began)
    # 20 ms is the longest until somebody looks; a busy machine may be slow most of the time.
    assert sorted(waits)[2] < 0.05


def test_a_timer_that_nobody_asks_about_is_notified_too(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    made = charge(amazon, amazon.permission(), sim="CaptureInitiated")
    amazon.advance(29)
    assert receiver.wait_for(1)[0].told == ("CHARGE", made, STATE)


def test_what_is_rolled_back_or_replayed_is_not_notified_again(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    permission = amazon.permission()
    amazon.control("POST", "/faults", {"operation": "createCharge", "kind": "500_before"})
    assert amazon.charge(permission, key="k").status == 500
    for _ in range(3):
        assert amazon.charge(permission, key="k").status == 201
    flush(amazon)
    assert len(receiver.told) == 1


def test_without_an_endpoint_nothing_is_noted(amazon: WireClient) -> None:
    amazon.charge(amazon.permission())
    assert amazon.control("GET", "/ipn/messages") == {"items": [], "next": None}


def test_every_endpoint_is_told_with_the_same_message_id(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    amazon.control("POST", "/ipn/endpoints", {"url": receiver.url + "/second"})
    charge(amazon, amazon.permission())
    flush(amazon)
    assert sorted(arrival.path for arrival in receiver.arrivals) == ["/ipn", "/second"]
    assert len({arrival.envelope["MessageId"] for arrival in receiver.arrivals}) == 1
    assert len({arrival.envelope["UnsubscribeURL"] for arrival in receiver.arrivals}) == 2


def test_a_reset_forgets_messages_and_keeps_endpoints(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    charge(amazon, amazon.permission())
    flush(amazon)
    amazon.control("POST", "/reset")
    assert amazon.control("GET", "/ipn/messages")["items"] == []
    assert len(amazon.control("GET", "/ipn/endpoints")["items"]) == 1
    receiver.forget()
    charge(amazon, amazon.permission())
    assert len(receiver.wait_for(1)) == 1
