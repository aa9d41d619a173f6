"""How an envelope looks: keys and their order, headers, signature, and every switch of it."""

import base64
import json
import re
import uuid
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from ipn_fixtures import (  # noqa: F401 - fixtures
    checker_fixture,
    flush,
    listener_fixture,
    receiver_fixture,
)
from ipn_receiver import Arrival, Checker, Receiver
from wire_client import WireClient

from amazonpay.sandbox.notifications.envelope import Sender, compose, string_to_sign
from amazonpay.sandbox.notifications.outbox import Endpoint, Message
from amazonpay.sandbox.notifications.seal import Seal, load_seal
from amazonpay.sandbox.notifications.style import Style

pytestmark = pytest.mark.slow

KEYS = (
    *("Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion", "Signature"),
    *("SigningCertURL", "UnsubscribeURL"),
)
CHARGE, PERMISSION = "S03-1234567-1234567-C123456", "C03-1234567-1234567"


def sent(amazon: WireClient, heard: Receiver, **switches: Any) -> Arrival:
    body = {"objectType": "CHARGE", "objectId": CHARGE, "chargePermissionId": PERMISSION}
    amazon.control("POST", "/ipn/send", body | switches)
    return heard.wait_for(1)[-1]


def test_a_notification_looks_as_amazon_sns_sends_it(
    amazon: WireClient,
    receiver: Receiver,
    checker: Checker,
    ready: dict[str, Any],
) -> None:
    arrival = sent(amazon, receiver)
    envelope, arn = arrival.envelope, ready["ipn_topic_arn"]
    assert tuple(envelope) == KEYS
    assert (envelope["Type"], envelope["SignatureVersion"]) == ("Notification", "1")
    assert envelope["TopicArn"] == arn
    assert uuid.UUID(envelope["MessageId"]).version == 4
    assert re.fullmatch(r"2026-04-01T00:0\d:\d\d\.\d{3}Z", envelope["Timestamp"])
    assert re.fullmatch(
        r"https://sns\.ap-northeast-1\.amazonaws\.com/\?Action=Unsubscribe&SubscriptionArn="
        + re.escape(arn)
        + ":[0-9a-f-]{36}",
        envelope["UnsubscribeURL"],
    )
    assert {name: arrival.headers[name] for name in arrival.headers if name.startswith("x-")} == {
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-message-id": envelope["MessageId"],
        "x-amz-sns-topic-arn": arn,
        "x-amz-sns-subscription-arn": envelope["UnsubscribeURL"].partition("Arn=")[2],
    }
    assert arrival.headers["content-type"] == "text/plain; charset=UTF-8"
    assert arrival.headers["user-agent"] == "Amazon Simple Notification Service Agent"
    assert checker.faults(arrival) == []


def test_the_message_has_the_recorded_keys_in_the_recorded_order(
    amazon: WireClient,
    receiver: Receiver,
    ready: dict[str, Any],
) -> None:
    message = sent(amazon, receiver).message
    assert uuid.UUID(message.pop("NotificationId")).version == 4
    assert list(message.items()) == [
        ("MerchantID", ready["merchant_id"]),
        ("ChargePermissionId", PERMISSION),
        ("ObjectType", "CHARGE"),
        ("ObjectId", CHARGE),
        ("NotificationType", "STATE_CHANGE"),
        ("NotificationVersion", "V2"),
    ]


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({}, id="pretty"),
        pytest.param({"pretty": False}, id="compact"),
        pytest.param({"subject": "お知らせ"}, id="subject"),
        pytest.param({"lambdaNames": True}, id="Lambda names"),
        pytest.param({"lowerCamelKeys": True}, id="lower camel keys"),
        pytest.param({"extra": {"メモ": "山田 \u2028 \n 花子", "n": [1, None]}}, id="extra"),
        pytest.param({"objectType": "BUYER", "notificationType": "MOVED"}, id="unknown words"),
        pytest.param({"timestamp": "2020-01-01T09:00:00+09:00"}, id="old"),
        pytest.param({"merchantId": "A9SOMEBODYELSE"}, id="another merchant"),
    ],
)
def test_every_spelling_is_signed_well(
    amazon: WireClient,
    receiver: Receiver,
    checker: Checker,
    version: str,
    switches: dict[str, Any],
) -> None:
    arrival = sent(amazon, receiver, signatureVersion=version, **switches)
    assert arrival.envelope["SignatureVersion"] == version
    assert checker.faults(arrival) == []


def test_each_switch_changes_what_it_says(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    switches: dict[str, Any] = {
        "subject": "note",
        "lambdaNames": True,
        "lowerCamelKeys": True,
        "pretty": False,
        "merchantId": "A9SOMEBODYELSE",
        "timestamp": "2020-01-01T09:00:00+09:00",
        "extra": {"More": 1},
    }
    arrival = sent(amazon, receiver, **switches)
    assert tuple(arrival.envelope) == (
        *("Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp"),
        *("SignatureVersion", "Signature", "SigningCertUrl", "UnsubscribeUrl"),
    )
    assert arrival.envelope["Timestamp"] == "2020-01-01T00:00:00.000Z"
    assert arrival.message["merchantID"] == "A9SOMEBODYELSE"
    assert list(arrival.message)[1:4] == ["chargePermissionId", "objectType", "objectId"]
    assert arrival.message["More"] == 1
    assert b"\n" not in arrival.body


def test_switches_of_an_endpoint_hold_for_all_and_a_message_may_override_them(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    url = receiver.url + "/ipn"
    amazon.control("POST", "/ipn/endpoints", {"url": url, "signatureVersion": 2, "pretty": False})
    listed = amazon.control("GET", "/ipn/endpoints")["items"]
    assert [item["style"] for item in listed] == [{"signatureVersion": "2", "pretty": False}]
    amazon.charge(amazon.permission())
    receiver.wait_for(1)
    sent(amazon, receiver, signatureVersion="1")
    receiver.wait_for(2)
    assert [a.envelope["SignatureVersion"] for a in receiver.arrivals] == ["2", "1"]
    assert all(b"\n" not in arrival.body for arrival in receiver.arrivals)


@pytest.mark.parametrize(
    ("switches", "faults"),
    [
        ({"forgery": "signature"}, ["signature"]),
        ({"forgery": "message"}, ["signature"]),
        ({"forgery": "certificate"}, ["host"]),
        ({"certificate": "expired"}, ["expired"]),
    ],
)
def test_a_forged_envelope_is_wrong_in_one_point(
    amazon: WireClient,
    receiver: Receiver,
    checker: Checker,
    switches: dict[str, Any],
    faults: list[str],
) -> None:
    arrival = sent(amazon, receiver, **switches)
    assert checker.faults(arrival) == faults
    assert len(base64.b64decode(arrival.envelope["Signature"])) == 256
    tampered = switches.get("forgery") == "message"
    assert (arrival.message["ObjectId"] != CHARGE) is tampered


def test_the_certificates(amazon: WireClient, receiver: Receiver, checker: Checker) -> None:
    urls = [
        sent(amazon, receiver, certificate=which).envelope["SigningCertURL"]
        for which in ("valid", "expired")
    ]
    receiver.wait_for(2)
    urls = [arrival.envelope["SigningCertURL"] for arrival in receiver.arrivals]
    assert len(set(urls)) == 2
    for url, is_valid in zip(urls, (True, False), strict=True):
        certificate = checker.certificate(url)
        (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        assert name.value == "sns.amazonaws.com"
        key = certificate.public_key()
        assert isinstance(key, RSAPublicKey)
        assert key.key_size == 2048
        assert (certificate.not_valid_after_utc > datetime.now(UTC)) is is_valid
    for path in ("/__sns/", "/__sns/SimpleNotificationService-" + "0" * 32 + ".pem", "/__sns/a/b"):
        assert amazon.send("GET", path, {}, b"").status in (400, 404)


@pytest.mark.parametrize(
    ("object_type", "object_id", "told", "tag"),
    [
        ("CHARGE", CHARGE, "PaymentCapture", "AmazonCaptureId"),
        ("REFUND", "S03-1234567-1234567-R123456", "PaymentRefund", "AmazonRefundId"),
        (
            *("CHARGEBACK", "S03-1234567-1234567-B123456"),
            *("ChargebackDetailedNotification", "AmazonChargebackId"),
        ),
        (
            *("CHARGE_PERMISSION", "S01-1234567-1234567"),
            *("OrderReferenceNotification", "AmazonOrderReferenceId"),
        ),
        (
            *("CHARGE_PERMISSION", "C01-1234567-1234567"),
            *("BillingAgreementNotification", "AmazonBillingAgreementId"),
        ),
    ],
)
def test_a_message_in_the_old_form(
    amazon: WireClient,
    receiver: Receiver,
    checker: Checker,
    object_type: str,
    object_id: str,
    told: str,
    tag: str,
) -> None:
    arrival = sent(amazon, receiver, objectType=object_type, objectId=object_id, v1=True)
    message = arrival.message
    assert message["NotificationType"] == told
    assert "NotificationVersion" not in message
    assert message["ReleaseEnvironment"] == "Sandbox"
    data = ElementTree.fromstring(message["NotificationData"])
    assert [element.text for element in data.iter() if element.tag.endswith("}" + tag)] == [
        object_id
    ]
    assert checker.faults(arrival) == []


def test_a_migrated_agreement_keeps_sending_old_messages(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    permission = amazon.permission(id="C01-1234567-1234567", migrated=True)
    amazon.charge(permission)
    amazon.control("PATCH", f"/charge-permissions/{permission}", {"state": "Closed"})
    flush(amazon)
    charge, closed = (arrival.message for arrival in receiver.arrivals)
    assert charge["ObjectType"] == "CHARGE"
    assert closed["NotificationType"] == "BillingAgreementNotification"
    assert permission in closed["NotificationData"]


@pytest.fixture(scope="module")
def seal(tmp_path_factory: pytest.TempPathFactory) -> Seal:
    return load_seal(tmp_path_factory.mktemp("seal"))


def test_the_seal_outlives_a_restart_and_a_spoilt_key(tmp_path: Path, seal: Seal) -> None:
    first = load_seal(tmp_path)
    assert load_seal(tmp_path).certificates == first.certificates
    assert (tmp_path / "sns_key.pem").stat().st_mode & 0o777 == 0o600
    (tmp_path / "sns_key.pem").write_text("-----BEGIN nothing")
    assert load_seal(tmp_path).certificates != first.certificates
    assert seal.certificate_file("other.pem") is None


texts = st.text(st.characters(codec="utf-8"), max_size=40)


@given(
    words=st.tuples(texts, texts, texts),
    subject=st.none() | st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"))),
    style=st.builds(
        dict,
        signature_version=st.sampled_from(["1", "2"]),
        lambda_names=st.booleans(),
        pretty=st.booleans(),
        v1=st.booleans(),
    ),
)
def test_any_text_survives_and_is_what_was_signed(
    seal: Seal, words: tuple[str, str, str], subject: str | None, style: dict[str, Any]
) -> None:
    sender = Sender(
        topic_arn="arn:aws:sns:ap-northeast-1:123456789012:A2EXAMPLEJP0001",
        merchant_id="A2EXAMPLEJP0001",
        environment="sandbox",
        seal=seal,
    )
    ids = ("0" * 32, "1" * 32)
    message = Message(1, 5, words[0], words[1], words[2], "T", "Notification", None, {}, *ids, 0)
    endpoint = Endpoint(1, "e", "http://127.0.0.1/", {}, 0, False)
    options = Style(subject=subject, **style)
    envelope = json.loads(compose(message, options, sender=sender, endpoint=endpoint).body)
    again = seal.sign(string_to_sign(envelope), version=options.signature_version)
    assert envelope["Signature"] == again
    assert envelope.get("Subject") == subject
    if not options.v1:
        assert json.loads(envelope["Message"])["ObjectId"] == words[1]
