"""Envelopes that are not exactly what SNS sends, and who a notification may come from."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from ipn_helpers import (
    KINDS,
    NOW,
    TOPIC_ARN,
    Deliveries,
    NoFetcher,
    message,
    notification,
    receive,
    signed,
    subscription,
)

from amazonpay import AmazonPayError, InvalidArgument
from amazonpay.notifications import (
    MalformedNotification,
    NotificationRefused,
    NotificationRules,
    OutsideTimeWindow,
    WrongTopic,
    parse_envelope,
)
from amazonpay.notifications.envelope import MAX_BODY_BYTES

GOOD = json.loads(signed(notification()))
OTHER_TOPIC = "arn:aws:sns:eu-west-1:111111111111:stranger"


def changed(**changes):
    members = GOOD | changes
    return json.dumps({name: value for name, value in members.items() if value != ...}).encode()


MALFORMED = {
    "empty": b"",
    "no JSON": b"Type=Notification",
    "cut short": json.dumps(GOOD).encode()[:-1],
    "two objects": json.dumps(GOOD).encode() * 2,
    "an array": b"[" + json.dumps(GOOD).encode() + b"]",
    "a text": b'"Notification"',
    "not UTF-8": json.dumps(GOOD).encode().replace(b"Notification", b"\xff", 1),
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
    "NaN": changed(extra=float("nan")),
    "too deep": b'{"Type":' + b"[" * 100_000,
    "absurd number": b'{"Type":' + b"9" * 100_000 + b"}",
    "half a surrogate": json.dumps(GOOD).encode().replace(b"STATE", b"\\ud800", 1),
    "NUL": changed(Subject="a\0b"),
    "duplicate key": json.dumps(GOOD).encode()[:-1] + b',"Type":"Notification"}',
    "duplicate key, escaped": json.dumps(GOOD).encode()[:-1] + b',"T\\u0079pe":"Notification"}',
    "both spellings": changed(SigningCertUrl=GOOD["SigningCertURL"]),
    "too long": json.dumps(GOOD).encode() + b" " * MAX_BODY_BYTES,
    "no Type": changed(Type=...),
    "unknown Type": changed(Type="Alarm"),
    "Type in lower case": changed(Type="notification"),
    "Type is a number": changed(Type=1),
    "no Message": changed(Message=...),
    "Message is an object": changed(Message=message()),
    "empty Message": changed(Message=""),
    "no MessageId": changed(MessageId=...),
    "MessageId with line break": changed(MessageId="a\nb"),
    "no TopicArn": changed(TopicArn=...),
    "TopicArn is none": changed(TopicArn="topic"),
    "TopicArn of another service": changed(TopicArn=TOPIC_ARN.replace("sns", "sqs")),
    "TopicArn with line break": changed(TopicArn=TOPIC_ARN + "\n"),
    "no Timestamp": changed(Timestamp=...),
    "Timestamp without zone": changed(Timestamp="2026-04-01T00:00:01.000"),
    "Timestamp in Tokyo": changed(Timestamp="2026-04-01T09:00:01.000+09:00"),
    "Timestamp of no day": changed(Timestamp="2026-02-30T00:00:01.000Z"),
    "Timestamp in other digits": changed(Timestamp="２０２６-04-01T00:00:01.000Z"),
    "no SignatureVersion": changed(SignatureVersion=...),
    "SignatureVersion is a number": changed(SignatureVersion=1),
    "no Signature": changed(Signature=...),
    "empty Signature": changed(Signature=""),
    "Signature is no Base64": changed(Signature="!" * 344),
    "Signature with line breaks": changed(Signature=GOOD["Signature"][:76] + "\n"),
    "Signature in URL alphabet": changed(Signature="-_" * 172),
    "Signature without padding": changed(Signature=GOOD["Signature"].rstrip("=")),
    "Signature with stray bits": changed(Signature="AB=="),
    "Signature without end": changed(Signature="AAAA" * 4000),
    "Subject is a number": changed(Subject=5),
    "Subject with line break": changed(Subject="a\nTimestamp\nb"),
    "confirmation without Token": signed(subscription(Token="t")).replace(b'"Token"', b'"tok"'),
    "confirmation without SubscribeURL": signed(subscription()).replace(b'"Subscr', b'"subscr'),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("kind", KINDS)
def test_what_sns_does_not_send_is_malformed(body, kind):
    with pytest.raises(MalformedNotification) as refused:
        receive(body, kind, fetcher=NoFetcher())
    assert refused.value.http_status == 400
    assert isinstance(refused.value, NotificationRefused)
    assert isinstance(refused.value, AmazonPayError)
    # Neither the text nor a chained error may carry the body into a log.
    assert len(refused.value.reason) < 200
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_largest_body_is_read():
    body = json.dumps(GOOD).encode()
    padded = body + b" " * (MAX_BODY_BYTES - len(body))
    assert receive(padded) == receive(body)


def test_null_stands_for_absent():
    assert parse_envelope(changed(Subject=None, Token=None)) == parse_envelope(changed())


def test_nobody_can_learn_the_unsigned_unsubscribe_url():
    assert "nsubscribe" not in repr(parse_envelope(changed()))


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [("00:00:01.000Z", 0), ("00:00:01.123Z", 123_000), ("00:00:01Z", 0), ("00:00:01.5Z", 500_000)],
)
def test_timestamps_are_instants_in_utc(text, microsecond):
    envelope = parse_envelope(changed(Timestamp=f"2026-04-01T{text}"))
    assert envelope.timestamp == datetime(2026, 4, 1, 0, 0, 1, microsecond, UTC)


DAY, MINUTE, MS = timedelta(hours=24), timedelta(minutes=1), timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("age", "accepted"),
    [
        pytest.param(DAY, True, id="24 hours old"),
        pytest.param(DAY + MS, False, id="a moment older"),
        pytest.param(-5 * MINUTE, True, id="5 minutes ahead"),
        pytest.param(-5 * MINUTE - MS, False, id="a moment further ahead"),
        pytest.param(timedelta(days=-36500), False, id="a century ahead"),
    ],
)
def test_the_window_of_timestamps(age, accepted):
    body = signed(notification(Timestamp="2026-04-01T00:00:01.000Z"))
    now = datetime(2026, 4, 1, 0, 0, 1, tzinfo=UTC) + age
    if accepted:
        assert receive(body, clock=lambda: now)
        return
    with pytest.raises(OutsideTimeWindow) as refused:
        receive(body, clock=lambda: now, fetcher=NoFetcher())
    assert refused.value.http_status == 403


def test_the_window_is_a_setting():
    rules = NotificationRules(max_age=timedelta(minutes=1), max_ahead=timedelta(0))
    with pytest.raises(OutsideTimeWindow, match="0:01:00"):
        receive(signed(notification()), rules=rules)


def test_a_stranger_who_does_not_know_the_topic_makes_us_fetch_nothing():
    with pytest.raises(WrongTopic) as refused:
        receive(signed(notification(TopicArn=OTHER_TOPIC)), fetcher=NoFetcher())
    assert refused.value.topic_arn == OTHER_TOPIC
    assert not refused.value.verified


def test_several_topics_may_be_listed():
    deliveries = Deliveries("sync", topic_arns=(TOPIC_ARN, OTHER_TOPIC))
    for topic_arn in (TOPIC_ARN, OTHER_TOPIC):
        received = deliveries.receive(signed(notification(TopicArn=topic_arn)))
        assert received.topic_arn == topic_arn


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_list_the_operator_learns_the_topic_from_a_verified_envelope(kind):
    with pytest.raises(WrongTopic, match="TESTAPP") as refused:
        receive(signed(notification()), kind, topic_arns=())
    assert refused.value.verified
    assert refused.value.http_status == 403


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"merchant_id": "a2example"}, "merchant_id"),
        ({"merchant_id": ""}, "merchant_id"),
        ({"environment": "production"}, "environment"),
        ({"topic_arns": ["*"]}, "topic_arns"),
        ({"topic_arns": TOPIC_ARN}, "topic_arns"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_settings_without_their_shape_are_refused(options, field, kind):
    with pytest.raises(InvalidArgument, match=field):
        Deliveries(kind, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"max_age": timedelta(-1)},
        {"max_ahead": timedelta(-1)},
        {"minimum_signature_version": 3},
        {"certificate_path": "("},
    ],
    ids=lambda options: next(iter(options)),
)
def test_rules_that_make_no_sense_are_refused(options):
    with pytest.raises(InvalidArgument, match=next(iter(options))):
        NotificationRules(**options)


def test_a_clock_without_a_zone_is_a_mistake_of_ours():
    with pytest.raises(InvalidArgument, match="clock"):
        receive(signed(notification()), clock=lambda: NOW.replace(tzinfo=None))
