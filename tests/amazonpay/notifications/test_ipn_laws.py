"""Laws: no change of meaning passes, and no bytes raise anything but a refusal."""

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ipn_helpers import (
    CERT_URL,
    MERCHANT_ID,
    CountingFetcher,
    Deliveries,
    certificate_pem,
    message,
    notification,
    signed,
    subscription,
    vectors,
)

from amazonpay.notifications import (
    FetchFailed,
    MalformedNotification,
    NotificationRefused,
    certificate_url,
    parse_envelope,
    string_to_sign,
)
from amazonpay.notifications.cv1 import ids_in_xml

BODIES = [vector["httpBody"].encode() for vector in vectors()["vectors"] if vector["valid"]]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


class OnlyTheRightPlace(CountingFetcher):
    """Has a certificate under one URL only, as SNS does."""

    def fetch(self, url):
        if str(url) != CERT_URL:
            raise FetchFailed("the answer has status 404")
        return certificate_pem()


def outcome(body):
    return Deliveries("sync", OnlyTheRightPlace()).receive(body)


@given(body=st.sampled_from(BODIES), at=st.integers(min_value=0), byte=st.integers(0, 255))
def test_one_byte_more_or_less_never_changes_the_meaning(body, at, byte):
    changed = bytearray(body)
    changed[at % len(body)] = byte
    try:
        received = outcome(bytes(changed))
    except NotificationRefused:
        return
    # Let through is only what means the same: white space, an escape, an unsigned URL.
    assert received == outcome(body)


@given(
    body=st.sampled_from(BODIES),
    start=st.integers(min_value=0),
    length=st.integers(0, 20),
    put=st.binary(max_size=20),
)
def test_a_patch_never_changes_the_meaning(body, start, length, put):
    start %= len(body)
    changed = body[:start] + put + body[start + length :]
    try:
        received = outcome(changed)
    except NotificationRefused:
        return
    assert received == outcome(body)


def test_every_single_bit_of_a_signature_counts():
    envelope = json.loads(BODIES[0])
    signature = base64.b64decode(envelope["Signature"])
    for bit in range(0, len(signature) * 8, 37):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        forged = envelope | {"Signature": base64.b64encode(flipped).decode()}
        with pytest.raises(NotificationRefused):
            outcome(json.dumps(forged).encode())


@given(body=st.binary())
@example(body=b"\xef\xbb\xbf{}")
@example(body=b"[" * 200_000)
def test_arbitrary_bytes_are_refused(body):
    with pytest.raises(NotificationRefused):
        outcome(body)


@given(changes=st.dictionaries(st.sampled_from([*json.loads(BODIES[5]), "Subject"]), JSON))
def test_arbitrary_values_in_an_envelope_are_refused(changes):
    body = json.dumps(json.loads(BODIES[5]) | changes).encode()
    try:
        received = outcome(body)
    except NotificationRefused:
        return
    assert received == outcome(BODIES[5])


@given(
    changes=st.dictionaries(
        st.sampled_from([*message(), "NotificationData", "SellerId", "ReleaseEnvironment"]), JSON
    )
)
def test_arbitrary_values_in_a_signed_message_are_read_or_refused(changes):
    inner = json.dumps(message() | changes)
    with suppress(NotificationRefused):
        assert outcome(signed(notification(inner))).merchant_id == MERCHANT_ID


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1))
def test_arbitrary_signed_texts_are_refused(text):
    with pytest.raises(NotificationRefused):
        outcome(signed(notification(text)))


@given(
    url=st.one_of(
        st.text(),
        st.from_regex(r"https://sns\..*amazonaws\.com.*\.pem"),
        st.builds(
            lambda at, put: CERT_URL[: at % 100] + put + CERT_URL[at % 100 :],
            st.integers(0, 200),
            st.text(min_size=1, max_size=3),
        ),
    )
)
def test_a_url_is_pinned_exactly_or_not_at_all(url):
    try:
        pinned = certificate_url(url)
    except NotificationRefused:
        return
    assert str(pinned) == url
    assert url.isascii()
    assert not set(url) & set("@?#%\\ \t\r\n;[]")
    assert pinned.host.startswith("sns.")
    assert pinned.host.removesuffix(".cn").endswith(".amazonaws.com")


@given(text=st.text())
@example(text='<?xml version="1.0" encoding="UTF-16"?><a/>')
def test_arbitrary_xml_gives_ids_or_is_malformed(text):
    with suppress(MalformedNotification):
        assert ids_in_xml(text) == {}


@given(subject=st.text(max_size=40), inner=st.text(min_size=1, max_size=80))
def test_two_envelopes_with_one_signed_text_are_one(subject, inner):
    # The signed text separates fields by line breaks: none may hide in a field.
    members = notification(inner, Subject=subject) | {"Signature": "AAAA"}
    glued = members | {"MessageId": members["MessageId"] + f"\nSubject\n{subject}"}
    del glued["Subject"]
    with pytest.raises(MalformedNotification):
        parse_envelope(json.dumps(glued).encode())


def test_confirmations_and_notifications_sign_different_texts():
    texts = {string_to_sign(parse_envelope(body)) for body in BODIES}
    texts.add(string_to_sign(parse_envelope(signed(subscription()))))
    assert len(texts) == len(BODIES) + 1
