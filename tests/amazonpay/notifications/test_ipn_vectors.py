"""Every published notification vector, and deliveries in every dress they come in."""

import hashlib
import json

import pytest
from ipn_helpers import (
    CERT_URL,
    CHARGE_ID,
    KINDS,
    MERCHANT_ID,
    PERMISSION_ID,
    TOPIC_ARN,
    Deliveries,
    NoFetcher,
    message,
    notification,
    receive,
    signed,
    subscription,
    vectors,
)

from amazonpay.notifications import (
    BadSignature,
    Notification,
    NotificationRefused,
    NotificationRules,
    NotificationType,
    ObjectType,
    SubscriptionConfirmed,
    UntrustedUrl,
    parse_envelope,
    string_to_sign,
)

both = pytest.mark.parametrize("kind", KINDS)
VALID = [pytest.param(v, id=v["name"]) for v in vectors()["vectors"] if v["valid"]]
INVALID = [pytest.param(v, id=v["name"]) for v in vectors()["vectors"] if not v["valid"]]
REFUSALS = {
    "tampered Message": BadSignature,
    "certificate host outside AWS": UntrustedUrl,
    "certificate over plain http": UntrustedUrl,
    "SignatureVersion downgraded from 2 to 1": BadSignature,
    "unknown SignatureVersion": BadSignature,
}


def dressed(body, *, dress):
    """The same delivery in another dress."""
    envelope = json.loads(body)
    if dress == "pretty":
        return json.dumps(envelope, indent=2).encode()
    if dress == "escaped slashes":
        return json.dumps(envelope).replace("/", "\\/").encode()
    if dress == "reversed":
        return json.dumps(dict(reversed(envelope.items())), ensure_ascii=False).encode()
    assert dress == "Lambda"
    return json.dumps({name.replace("URL", "Url"): envelope[name] for name in envelope}).encode()


@pytest.mark.parametrize("vector", VALID + INVALID)
def test_the_signed_text_is_the_published_one(vector):
    text = string_to_sign(parse_envelope(vector["httpBody"].encode()))
    assert text.decode() == vector["stringToSign"]
    # SHA-1 here only compares with the published value.
    assert hashlib.sha1(text).hexdigest() == vector["stringToSignSha1"]
    assert hashlib.sha256(text).hexdigest() == vector["stringToSignSha256"]


@both
@pytest.mark.parametrize("vector", VALID)
def test_a_valid_vector_is_received(vector, kind):
    deliveries = Deliveries(kind)
    received = deliveries.receive(vector["httpBody"].encode())
    envelope = json.loads(vector["httpBody"])
    assert received.message_id == envelope["MessageId"]
    assert received.topic_arn == TOPIC_ARN
    assert deliveries.fetcher.urls[0] == vectors()["certUrlInVectors"] == CERT_URL
    if envelope["Type"] != "Notification":
        assert isinstance(received, SubscriptionConfirmed)
        assert deliveries.fetcher.urls[1:] == [envelope["SubscribeURL"]]
        return
    inner = json.loads(envelope["Message"])
    assert isinstance(received, Notification)
    assert received.object_type is ObjectType(inner["ObjectType"])
    assert received.object_type.known
    assert received.object_id == inner["ObjectId"]
    assert received.notification_type == inner["NotificationType"]
    assert received.raw == inner
    assert deliveries.fetcher.urls[1:] == []


@both
@pytest.mark.parametrize("vector", INVALID)
def test_an_invalid_vector_is_refused(vector, kind):
    with pytest.raises(NotificationRefused) as refused:
        receive(vector["httpBody"].encode(), kind)
    assert type(refused.value) is REFUSALS[vector["name"]]
    assert refused.value.http_status == 403


@pytest.mark.parametrize("vector", [v for v in INVALID if "certificate" in v.values[0]["name"]])
def test_a_vector_with_a_foreign_certificate_url_connects_nowhere(vector):
    with pytest.raises(UntrustedUrl):
        receive(vector["httpBody"].encode(), fetcher=NoFetcher())


@pytest.mark.parametrize("dress", ["pretty", "escaped slashes", "reversed", "Lambda"])
@pytest.mark.parametrize("vector", VALID)
def test_the_dress_of_a_delivery_does_not_matter(vector, dress):
    body = vector["httpBody"].encode()
    assert receive(dressed(body, dress=dress)) == receive(body)


@pytest.mark.parametrize("version", ["1", "2"])
def test_all_fields_of_a_notification_are_read(version):
    received = receive(signed(notification(SignatureVersion=version)))
    assert received.merchant_id == MERCHANT_ID
    assert (received.object_type, received.object_id) == ("CHARGE", CHARGE_ID)
    assert received.charge_permission_id == PERMISSION_ID
    assert received.notification_type is NotificationType.STATE_CHANGE
    assert received.notification_id == "aaaaaaaa-0000-4000-8000-000000000001"
    assert received.version == "V2"
    assert received.cv1_id is None
    assert received.sent_at.isoformat() == "2026-04-01T00:00:01+00:00"
    assert "A2EX" in repr(received)
    assert hash(received) == hash(received)


@pytest.mark.parametrize(("signed_as", "presented_as"), [("2", "1"), ("1", "2")])
def test_a_signature_of_one_version_never_passes_for_the_other(signed_as, presented_as):
    envelope = json.loads(signed(notification(SignatureVersion=signed_as)))
    with pytest.raises(BadSignature):
        receive(json.dumps(envelope | {"SignatureVersion": presented_as}).encode())


@pytest.mark.parametrize("version", ["0", "3", "01", "1.0", " 1", "2 ", "²", "sha256", "-1"])
def test_no_other_signature_version_exists(version):
    envelope = json.loads(signed(notification())) | {"SignatureVersion": version}
    with pytest.raises(BadSignature, match="neither 1 nor 2"):
        receive(json.dumps(envelope).encode(), fetcher=NoFetcher())


def test_sha_1_can_be_refused_before_anything_is_fetched():
    rules = NotificationRules(minimum_signature_version=2)
    with pytest.raises(BadSignature, match="below the required 2"):
        receive(signed(notification()), rules=rules, fetcher=NoFetcher())
    assert receive(signed(notification(SignatureVersion="2")), rules=rules)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"Message": json.dumps(message(ObjectId=CHARGE_ID[:-1] + "7"))}, id="Message"),
        pytest.param({"MessageId": "00000000-0000-4000-8000-000000000002"}, id="MessageId"),
        pytest.param({"Timestamp": "2026-04-01T00:00:02.000Z"}, id="Timestamp"),
        pytest.param({"Subject": "added"}, id="Subject added"),
        pytest.param({"Token": "added"}, id="Token added"),
        pytest.param({"SubscribeURL": "https://added"}, id="SubscribeURL added"),
        pytest.param(
            {"Type": "UnsubscribeConfirmation", "Token": "t", "SubscribeURL": "u"}, id="Type"
        ),
    ],
)
def test_a_change_to_any_signed_field_is_noticed(changes):
    with pytest.raises(BadSignature):
        receive(json.dumps(json.loads(signed(notification())) | changes).encode())


def test_a_field_cannot_be_moved_into_its_neighbour():
    # MessageId "X" + Subject "S" sign the same text as MessageId "X\nSubject\nS" alone would.
    envelope = json.loads(signed(notification(Subject="S")))
    moved = envelope | {"MessageId": envelope["MessageId"] + "\nSubject\nS"}
    del moved["Subject"]
    with pytest.raises(NotificationRefused, match="MessageId"):
        receive(json.dumps(moved).encode())


def test_a_subscription_with_the_key_of_somebody_else_is_refused():
    body = json.loads(signed(subscription())) | {
        "Signature": json.loads(signed(notification()))["Signature"]
    }
    deliveries = Deliveries("sync")
    with pytest.raises(BadSignature):
        deliveries.receive(json.dumps(body).encode())
    assert deliveries.fetcher.urls == [CERT_URL]
