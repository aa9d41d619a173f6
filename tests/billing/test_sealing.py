"""Private keys at rest: they open only where they belong, and nothing here ever tells them."""

import base64
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.store.sealing import (
    BadMasterKey,
    CannotUnseal,
    decode_master_key,
    new_master_key,
    seal,
    unseal,
)

MASTER = bytes(range(32))
SECRET = b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
OWNER = {"merchant_id": "shop", "public_key_id": "SANDBOX-A"}


def sealed(secret: bytes = SECRET) -> bytes:
    return seal(secret, master_key=MASTER, **OWNER)


@given(
    secret=st.binary(max_size=4_000),
    master_key=st.binary(min_size=32, max_size=32),
    merchant=st.text(max_size=20),
    key_id=st.text(max_size=20),
)
def test_what_was_sealed_opens_again(
    secret: bytes, master_key: bytes, merchant: str, key_id: str
) -> None:
    of = {"master_key": master_key, "merchant_id": merchant, "public_key_id": key_id}
    assert unseal(seal(secret, **of), **of) == secret


def test_the_same_secret_never_looks_the_same_twice() -> None:
    assert sealed() != sealed()
    assert SECRET not in sealed()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"merchant_id": "other"}, id="another merchant's row"),
        pytest.param({"public_key_id": "SANDBOX-B"}, id="another key id"),
        pytest.param({"merchant_id": "shopS", "public_key_id": "ANDBOX-A"}, id="letters moved"),
        pytest.param({"master_key": bytes(32)}, id="another master key"),
    ],
)
def test_it_opens_only_for_its_owner_under_its_master_key(change: dict[str, object]) -> None:
    with pytest.raises(CannotUnseal) as refused:
        unseal(sealed(), **({"master_key": MASTER, **OWNER} | change))
    assert "AUTOPAY_MASTER_KEY" in str(refused.value)


@given(position=st.integers(0), bit=st.integers(0, 7))
def test_a_single_changed_bit_is_noticed(position: int, bit: int) -> None:
    tampered = bytearray(sealed())
    tampered[position % len(tampered)] ^= 1 << bit
    with pytest.raises(CannotUnseal):
        unseal(bytes(tampered), master_key=MASTER, **OWNER)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 11, 12, 13, 27, 28, 60])
def test_a_cut_row_is_noticed(length: int) -> None:
    with pytest.raises(CannotUnseal):
        unseal(sealed()[:length], master_key=MASTER, **OWNER)


def test_no_message_shows_the_secret_or_the_master_key() -> None:
    with pytest.raises(CannotUnseal) as refused:
        unseal(sealed(), master_key=bytes(32), **OWNER)
    told = "".join(traceback.format_exception(refused.value)) + repr(refused.value.args)
    for secret in (SECRET.decode(), "c2VjcmV0", MASTER.hex(), base64.b64encode(MASTER).decode()):
        assert secret not in told


def test_a_new_master_key_is_32_bytes_and_never_the_same() -> None:
    keys = {new_master_key() for _ in range(20)}
    assert len(keys) == 20
    assert {len(decode_master_key(key)) for key in keys} == {32}


def test_white_space_around_a_master_key_is_no_matter() -> None:
    assert decode_master_key(f" {base64.b64encode(MASTER).decode()}\n") == MASTER


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("c2VjcmV0", id="too short"),
        pytest.param(base64.b64encode(bytes(33)).decode(), id="too long"),
        pytest.param("correct horse battery staple!", id="a password"),
        pytest.param(MASTER.hex(), id="hexadecimal"),
        pytest.param("秘密の鍵", id="not even ASCII"),
    ],
)
def test_a_bad_master_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(BadMasterKey) as refused:
        decode_master_key(text)
    told = "".join(traceback.format_exception(refused.value))
    assert "openssl rand -base64 32" in told
    assert not text or text not in told
