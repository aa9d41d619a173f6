"""Endpoints, hand-made messages, confirmations and the truth, on the control surface."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ipn_fixtures import (  # noqa: F401 - fixtures
    checker_fixture,
    flush,
    listener_fixture,
    receiver_fixture,
)
from ipn_receiver import Checker, Receiver
from wire_client import WireClient, yen

from amazonpay.sandbox.notifications.urls import checked_url

pytestmark = pytest.mark.slow

UNKNOWN = {"objectType": "CHARGE", "objectId": "S03-1234567-1234567-C123456"}


def refusal(amazon: WireClient, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    got = amazon.control_raw(method, path, body)
    return got.status, got.json["error"]["field"]


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:8000/ipn", "https://shop.example/hook?x=1", "http://[::1]:81/"),
        *("http://localhost", "HTTPS://shop.example/"),
    ],
)
def test_a_url_that_is_taken(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "shop.example", "ftp://shop.example/", "http://", "http:///x", "file:///etc/hosts"),
        *("http://user@shop.example/", "http://user:pass@shop.example/", "http://@shop.example/"),
        *("http://shop.example/#part", "http://shop.example:0/", "http://shop.example:99999/"),
        *(
            "http://shop.example:x/",
            "http://shop example/",
            "http://shop.example/\n",
            "http://[::1/",
        ),
        *("http://店.example/", "javascript:alert(1)", "http://h/" + "x" * 2048),
    ],
)
def test_a_url_that_is_refused(amazon: WireClient, url: str) -> None:
    assert refusal(amazon, "POST", "/ipn/endpoints", {"url": url}) == (400, "url")
    assert amazon.control("GET", "/ipn/endpoints") == {"items": []}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": 1}, "url"),
        ({"url": "http://h/", "more": 1}, "more"),
        ({"url": "http://h/", "signatureVersion": 3}, "signatureVersion"),
        ({"url": "http://h/", "pretty": "yes"}, "pretty"),
        ({"url": "http://h/", "subject": "two\nlines"}, "subject"),
        ({"url": "http://h/", "certificate": "other"}, "certificate"),
        ({"url": "http://h/", "forgery": "all"}, "forgery"),
        ({"url": "http://h/", "timestamp": "yesterday"}, "timestamp"),
        ({"url": "http://h/", "extra": [1]}, "extra"),
        ({"url": "http://h/", "extra": {"x": "\ud800"}}, None),
        ({"url": "http://h/", "extra": {"x": math.nan}}, "extra"),
        ({"url": "http://h/", "extra": {"x": "x" * 20_000}}, "extra"),
        ([], None),
    ],
)
def test_a_wrong_endpoint_is_refused(amazon: WireClient, body: Any, field: str | None) -> None:
    got = amazon.control_raw("POST", "/ipn/endpoints", json.dumps(body).encode())
    assert (got.status, got.json["error"]["field"]) == (400, field)


def test_endpoints_are_added_changed_and_removed(amazon: WireClient) -> None:
    first = amazon.control("POST", "/ipn/endpoints", {"url": "http://127.0.0.1:9/a"})
    amazon.control("POST", "/ipn/endpoints", {"url": "http://127.0.0.1:9/b"})
    again = amazon.control(
        "POST", "/ipn/endpoints", {"url": "http://127.0.0.1:9/a", "lambdaNames": True}
    )
    assert (again["id"], again["style"]) == (first["id"], {"lambdaNames": True})
    left = amazon.control("DELETE", f"/ipn/endpoints/{first['id']}")["items"]
    assert [item["url"] for item in left] == ["http://127.0.0.1:9/b"]
    assert refusal(amazon, "DELETE", f"/ipn/endpoints/{first['id']}") == (404, "id")
    assert amazon.control("DELETE", "/ipn/endpoints") == {"items": []}


def test_there_is_room_for_sixteen_endpoints(amazon: WireClient) -> None:
    for n in range(16):
        amazon.control("POST", "/ipn/endpoints", {"url": f"http://127.0.0.1:9/{n}"})
    more = {"url": "http://127.0.0.1:9/17"}
    assert refusal(amazon, "POST", "/ipn/endpoints", more) == (400, "url")
    amazon.control("POST", "/ipn/endpoints", {"url": "http://127.0.0.1:9/0", "pretty": False})
    amazon.control("DELETE", "/ipn/endpoints")


def test_a_chargeback_on_demand(amazon: WireClient, receiver: Receiver) -> None:
    permission = amazon.permission()
    charge = amazon.charge(permission).json["chargeId"]
    flush(amazon)
    amazon.control("POST", "/ipn/send", {"chargeback": charge})
    flush(amazon)
    said = receiver.arrivals[-1].message
    assert (said["ObjectType"], said["NotificationType"]) == ("CHARGEBACK", "STATE_CHANGE")
    assert re.fullmatch(re.escape(charge[:19]) + r"-B\d{6}", said["ObjectId"])
    assert said["ChargePermissionId"] == permission


def test_the_permission_of_a_known_object_is_found(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    permission = amazon.permission()
    charge = amazon.charge(permission).json["chargeId"]
    body = {"chargeId": charge, "refundAmount": yen(1)}
    refund = amazon.api("POST", "/refunds", body, key="r").json["refundId"]
    flush(amazon)
    receiver.forget()
    for object_type, object_id in (
        *(("CHARGE", charge), ("REFUND", refund), ("CHARGE_PERMISSION", permission)),
    ):
        amazon.control("POST", "/ipn/send", {"objectType": object_type, "objectId": object_id})
    flush(amazon)
    assert [a.message["ChargePermissionId"] for a in receiver.arrivals] == [permission] * 3


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "objectType"),
        ({"objectType": "CHARGE"}, 400, "objectId"),
        (UNKNOWN, 400, "chargePermissionId"),
        ({"chargeback": "S03-0000000-0000000-C000000"}, 400, "chargePermissionId"),
        (UNKNOWN | {"chargePermissionId": "x", "endpoint": "none"}, 404, "id"),
        (UNKNOWN | {"chargePermissionId": "x", "signatureVersion": "9"}, 400, "signatureVersion"),
        (UNKNOWN | {"colour": "red"}, 400, "colour"),
    ],
)
def test_a_wrong_message_is_refused(
    amazon: WireClient,
    receiver: Receiver,
    body: dict[str, Any],
    status: int,
    field: str,
) -> None:
    assert refusal(amazon, "POST", "/ipn/send", body) == (status, field)
    assert receiver.arrivals == []


def test_a_message_to_nobody_is_refused(amazon: WireClient) -> None:
    body = {"objectType": "CHARGE_PERMISSION", "objectId": "C03-1234567-1234567"}
    assert refusal(amazon, "POST", "/ipn/send", body)[0] == 409
    assert refusal(amazon, "POST", "/ipn/subscription-confirmation", {})[0] == 409


def test_a_message_can_go_to_one_endpoint(amazon: WireClient, receiver: Receiver) -> None:
    second = amazon.control("POST", "/ipn/endpoints", {"url": receiver.url + "/second"})
    body = UNKNOWN | {"chargePermissionId": "C03-1234567-1234567", "endpoint": second["id"]}
    amazon.control("POST", "/ipn/send", body)
    flush(amazon)
    assert [arrival.path for arrival in receiver.arrivals] == ["/second"]


@pytest.mark.parametrize("lambda_names", [False, True])
def test_a_subscription_is_confirmed_by_its_url(
    amazon: WireClient,
    receiver: Receiver,
    checker: Checker,
    ready: dict[str, Any],
    lambda_names: bool,
) -> None:
    amazon.control("POST", "/ipn/subscription-confirmation", {"lambdaNames": lambda_names})
    arrival = receiver.wait_for(1)[0]
    envelope = arrival.envelope
    end = "Url" if lambda_names else "URL"
    assert tuple(envelope) == (
        *("Type", "MessageId", "Token", "TopicArn", "Message", "Subscribe" + end, "Timestamp"),
        *("SignatureVersion", "Signature", "SigningCert" + end),
    )
    assert envelope["Type"] == "SubscriptionConfirmation"
    assert arrival.headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    assert "x-amz-sns-subscription-arn" not in arrival.headers
    assert checker.faults(arrival) == []
    parts = urlsplit(envelope["Subscribe" + end])
    assert parts.netloc == "sns.ap-northeast-1.amazonaws.com"
    assert amazon.control("GET", "/ipn/endpoints")["items"][0]["confirmed"] is False
    wrong = amazon.send("GET", f"/__sns/?{parts.query}0", {}, b"")
    assert (wrong.status, wrong.raw[:15]) == (400, b"<ErrorResponse>")
    got = amazon.send("GET", f"/__sns/?{parts.query}", {}, b"")
    (endpoint,) = amazon.control("GET", "/ipn/endpoints")["items"]
    assert got.status == 200
    assert f"<SubscriptionArn>{endpoint['subscriptionArn']}</SubscriptionArn>" in got.raw.decode()
    assert endpoint["subscriptionArn"].startswith(ready["ipn_topic_arn"] + ":")
    assert endpoint["confirmed"] is True


def test_the_unsubscribe_url_ends_the_subscription(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    amazon.control("POST", "/ipn/subscription-confirmation", {"type": "UnsubscribeConfirmation"})
    amazon.charge(amazon.permission())
    first, second = receiver.wait_for(2)
    assert first.envelope["Type"] == "UnsubscribeConfirmation"
    query = urlsplit(second.envelope["UnsubscribeURL"]).query
    assert amazon.send("GET", f"/__sns/?{query}", {}, b"").status == 200
    assert amazon.control("GET", "/ipn/endpoints") == {"items": []}
    assert amazon.send("GET", f"/__sns/?{query}", {}, b"").status == 400


def test_the_truth_in_pages(amazon: WireClient, receiver: Receiver) -> None:
    permission = amazon.permission()
    charges = [amazon.charge(permission, 1).json["chargeId"] for _ in range(5)]
    flush(amazon)
    first = amazon.control("GET", "/ipn/messages?limit=3")
    rest = amazon.control("GET", f"/ipn/messages?limit=3&after={first['next']}")
    items = first["items"] + rest["items"]
    assert [item["objectId"] for item in items] == charges
    assert rest["next"] is None
    sent = {arrival.envelope["MessageId"]: arrival for arrival in receiver.arrivals}
    for item in items:
        arrival = sent[item["messageId"]]
        assert item["at"] == arrival.envelope["Timestamp"]
        assert item["notificationId"] == arrival.message["NotificationId"]
        (row,) = item["deliveries"]
        assert (row["state"], row["url"]) == ("delivered", receiver.url + "/ipn")
        assert [(each["copy"], each["status"]) for each in row["attempts"]] == [("genuine", 200)]
    one = amazon.control("GET", f"/ipn/messages?objectId={charges[2]}")["items"]
    assert one == [items[2]]
    assert refusal(amazon, "GET", "/ipn/messages?colour=red") == (400, "colour")


def test_a_wrong_url_on_the_command_line_is_bad_usage(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "amazonpay.sandbox", "--dir", str(tmp_path)]
    done = subprocess.run(
        [*command, "--ipn-url", "ftp://h/"], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    assert "http://host" in done.stderr
