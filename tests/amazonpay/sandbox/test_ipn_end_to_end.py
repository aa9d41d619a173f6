"""From the local Amazon Pay to the client's own receiver: only what is genuine gets through."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from ipn_fixtures import (  # noqa: F401 - fixtures
    flush,
    listener_fixture,
    receiver_fixture,
)
from ipn_receiver import Receiver
from wire_client import WireClient, yen

from amazonpay.notifications import (
    BadSignature,
    LocalCertificateFetcher,
    Notification,
    NotificationReceiver,
    NotificationRefused,
    NotificationRules,
    ObjectType,
    OutsideTimeWindow,
    SubscriptionConfirmed,
    UntrustedCertificate,
    UntrustedUrl,
    WrongMerchant,
)

pytestmark = pytest.mark.slow

NOW = datetime(2026, 4, 1, 0, 1, tzinfo=UTC)
UNKNOWN = {
    "objectType": "CHARGE",
    "objectId": "S03-1234567-1234567-C123456",
    "chargePermissionId": "C03-1234567-1234567",
}


@pytest.fixture
def shop(ready: dict[str, Any]) -> NotificationReceiver:
    """A web hook of a merchant whose clock agrees with the local Amazon Pay's."""
    return NotificationReceiver(
        merchant_id=ready["merchant_id"],
        environment="sandbox",
        topic_arns=[ready["ipn_topic_arn"]],
        clock=lambda: NOW,
        fetcher=LocalCertificateFetcher(base_url=ready["base_url"]),
        rules=NotificationRules(),
    )


def read(shop: NotificationReceiver, heard: Receiver) -> list[Notification]:
    found = [shop.receive(arrival.body) for arrival in heard.arrivals]
    assert all(isinstance(each, Notification) for each in found)
    return [each for each in found if isinstance(each, Notification)]


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({}, id="plain"),
        pytest.param({"pretty": False, "lambdaNames": True}, id="compact, Lambda names"),
        pytest.param({"lowerCamelKeys": True, "subject": "件名"}, id="camel keys, subject"),
    ],
)
def test_the_life_of_a_charge_is_understood(
    amazon: WireClient,
    receiver: Receiver,
    shop: NotificationReceiver,
    version: str,
    switches: dict[str, Any],
) -> None:
    style = {"url": receiver.url + "/ipn", "signatureVersion": version, **switches}
    amazon.control("POST", "/ipn/endpoints", style)
    permission = amazon.permission()
    charge = amazon.charge(permission).json["chargeId"]
    body = {"chargeId": charge, "refundAmount": yen(1)}
    refund = amazon.api("POST", "/refunds", body, key="r").json["refundId"]
    amazon.advance(30)
    amazon.control("PATCH", f"/charge-permissions/{permission}", {"state": "Closed"})
    amazon.control("POST", "/ipn/send", {"chargeback": charge})
    flush(amazon)
    found = read(shop, receiver)
    assert [each.object_type for each in found] == [
        *(ObjectType.CHARGE, ObjectType.REFUND),
        *(ObjectType.CHARGE_PERMISSION, ObjectType.CHARGEBACK),
    ]
    assert [each.object_id for each in found[:3]] == [charge, refund, permission]
    assert {each.charge_permission_id for each in found} == {permission}


def test_messages_of_the_old_api_are_understood(
    amazon: WireClient,
    receiver: Receiver,
    shop: NotificationReceiver,
) -> None:
    agreement = amazon.permission(id="C01-1234567-1234567", migrated=True)
    amazon.control("PATCH", f"/charge-permissions/{agreement}", {"state": "Closed"})
    for object_type, last in (("CHARGE", "C123456"), ("REFUND", "R123456")):
        body = {"objectType": object_type, "objectId": f"S01-1234567-1234567-{last}", "v1": True}
        amazon.control("POST", "/ipn/send", body | {"chargePermissionId": agreement})
    flush(amazon)
    found = read(shop, receiver)
    assert [(each.version, each.object_id) for each in found] == [
        ("V1", agreement),
        ("V1", "S01-1234567-1234567-C123456"),
        ("V1", "S01-1234567-1234567-R123456"),
    ]


@pytest.mark.parametrize(
    ("switches", "refused"),
    [
        ({"forgery": "message"}, BadSignature),
        ({"forgery": "signature"}, BadSignature),
        ({"forgery": "certificate"}, UntrustedUrl),
        ({"certificate": "expired"}, UntrustedCertificate),
        ({"merchantId": "A9SOMEBODYELSE"}, WrongMerchant),
        ({"timestamp": "2026-03-30T00:00:00Z"}, OutsideTimeWindow),
        ({"timestamp": "2026-04-01T00:10:00Z"}, OutsideTimeWindow),
    ],
)
def test_what_is_wrong_on_purpose_is_refused(
    amazon: WireClient,
    receiver: Receiver,
    shop: NotificationReceiver,
    switches: dict[str, Any],
    refused: type[NotificationRefused],
) -> None:
    amazon.control("POST", "/ipn/send", UNKNOWN | switches)
    arrival = receiver.wait_for(1)[0]
    with pytest.raises(refused):
        shop.receive(arrival.body)


def test_of_forged_copies_only_the_genuine_ones_get_through(
    amazon: WireClient,
    receiver: Receiver,
    shop: NotificationReceiver,
) -> None:
    answer_of = answers(shop)
    receiver.answer = lambda arrival: answer_of(arrival.body)
    amazon.control("POST", "/faults", [{"kind": "forge", "times": 3}])
    permission = amazon.permission()
    for _ in range(3):
        amazon.charge(permission, 1)
    flush(amazon)
    statuses = [
        attempt["status"]
        for item in amazon.control("GET", "/ipn/messages")["items"]
        for attempt in item["deliveries"][0]["attempts"]
    ]
    assert statuses == [403, 200] * 3


def answers(shop: NotificationReceiver) -> Callable[[bytes], int]:
    def answer(body: bytes) -> int:
        try:
            shop.receive(body)
        except NotificationRefused:
            return 403
        return 200

    return answer


def test_a_subscription_is_confirmed(
    amazon: WireClient,
    receiver: Receiver,
    shop: NotificationReceiver,
) -> None:
    amazon.control("POST", "/ipn/subscription-confirmation")
    arrival = receiver.wait_for(1)[0]
    assert isinstance(shop.receive(arrival.body), SubscriptionConfirmed)
    assert amazon.control("GET", "/ipn/endpoints")["items"][0]["confirmed"] is True
