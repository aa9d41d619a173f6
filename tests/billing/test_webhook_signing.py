"""Signatures of webhooks as their receivers check them, ids that never change, the schedule."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.deliveries import GIVEN_UP_AFTER, RETRY_SECONDS, next_try, signature_headers
from billing.deliveries.events import event_id
from billing.deliveries.signing import secret_bytes, secret_text
from plans import BadInput

AT = datetime(2021, 2, 25, 17, 21, 10, 900_000, tzinfo=UTC)


def test_a_signature_as_the_convention_documents_it() -> None:
    """Worked out by hand from the convention: HMAC-SHA256 of id.timestamp.body, in base64."""
    secret = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signature_headers(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1_614_265_330, UTC),
        body=b'{"test": 2432232314}',
        secrets=[secret],
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(body=st.binary(max_size=200), old=st.binary(min_size=24, max_size=64))
def test_during_a_rotation_either_secret_verifies(body: bytes, old: bytes) -> None:
    new = b"n" * 32
    headers = signature_headers(message_id="msg_1", at=AT, body=body, secrets=[new, old])
    signed = b"msg_1." + headers["webhook-timestamp"].encode() + b"." + body
    given_ = headers["webhook-signature"].split(" ")
    for secret in (new, old):
        mac = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        assert f"v1,{mac}" in given_
    assert headers["webhook-timestamp"] == str(int(AT.timestamp()))  # whole seconds, cut off


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_***", "w" * 400])
def test_an_unusable_secret_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        secret_bytes(text)
    assert text in ("", "whsec_") or text not in str(refused.value)


def test_a_secret_survives_its_text() -> None:
    assert secret_bytes(secret_text(bytes(range(32)))) == bytes(range(32))


def test_the_id_of_an_event_is_that_of_its_cause() -> None:
    ours = event_id("shop", "one-0001-renewal/charged/0")
    assert ours == "msg_02f2896d80b2014259addb05c3bd419a"
    assert event_id("shop", "one-0001-renewal/charged/1") != ours
    assert event_id("shop2", "one-0001-renewal/charged/0") != ours


def test_tries_spread_over_three_days() -> None:
    # 30 + 90 + 270 + 810 + 2,430 + 7,290 + 21,870 + 3 × 65,610 + 29,580 = 259,200 = 72 h
    assert sum(RETRY_SECONDS) == 259_200 == GIVEN_UP_AFTER.total_seconds()
    at, tries = AT, 1
    while (later := next_try(tries=tries, at=at)) is not None:
        assert later > at
        at, tries = later, tries + 1
    assert tries == 12
    assert at - AT == timedelta(days=3)


def test_the_schedule_has_no_chance_in_it() -> None:
    assert [next_try(tries=1, at=AT) for _ in range(3)] == [AT + timedelta(seconds=30)] * 3
