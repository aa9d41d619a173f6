"""What is no proof: every part of a passkey's answer that could be false, false once."""

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from support.authenticator import (
    BACKED_UP,
    ELIGIBLE,
    PRESENT,
    VERIFIED,
    Authenticator,
    cbor,
    plain,
)

from app.web.staff.ceremonies import (
    LONGEST_ANSWER,
    MadeCredential,
    NoProof,
    RelyingParty,
    check_made,
    check_proof,
    credential_id_of,
    options_to_make,
    options_to_prove,
    user_handle,
)
from app.web.staff.passkey_desk import party_at

PARTY = RelyingParty("my.example.jp", "https://my.example.jp")
CHALLENGE = bytes(range(32))
HANDLE = user_handle(merchant_id="web", staff_id=1)


def authenticator() -> Authenticator:
    return Authenticator(origin=PARTY.origin)


def asked_to_make() -> str:
    return options_to_make(
        party=PARTY,
        challenge=CHALLENGE,
        name="hana",
        handle=HANDLE,
        known=[],
        verification="preferred",
    )


def made(sent: str, verification: Any = "preferred") -> MadeCredential:
    return check_made(sent, party=PARTY, challenge=CHALLENGE, verification=verification)


def asked_to_prove() -> str:
    return options_to_prove(party=PARTY, challenge=CHALLENGE, known=[], verification="preferred")


def proved(sent: str, key: Authenticator, verification: Any = "preferred") -> int:
    return check_proof(
        sent,
        party=PARTY,
        challenge=CHALLENGE,
        verification=verification,
        public_key=key.cose(),
        handle=HANDLE,
    )


def test_a_right_one_is_taken() -> None:
    key = authenticator()
    found = made(key.make(asked_to_make()))
    assert found.credential.credential_id == plain(key.id)
    assert found.credential.transports == ("internal",), "what nobody knows yet is left out"
    assert (found.public_key, found.sign_count) == (key.cose(), 0)
    proof = key.prove(asked_to_prove())
    assert credential_id_of(proof) == plain(key.id)
    assert proved(proof, key) == 1
    assert proved(key.prove(asked_to_prove(), flags=PRESENT), key) == 2, "no PIN was asked for"
    synced = PRESENT | VERIFIED | ELIGIBLE | BACKED_UP
    assert proved(key.prove(asked_to_prove(), flags=synced), key) == 3


COMMON: dict[str, dict[str, Any]] = {
    "another challenge": {"client": {"challenge": plain(bytes(32))}},
    "no challenge": {"client": {"challenge": ""}},
    "a part of the challenge": {"client": {"challenge": plain(CHALLENGE[:31])}},
    "a challenge that is a number": {"client": {"challenge": 7}},
    "another origin": {"client": {"origin": "https://evil.example"}},
    "an origin below ours": {"client": {"origin": "https://x.my.example.jp"}},
    "an origin that begins as ours": {"client": {"origin": "https://my.example.jp.evil.example"}},
    "http": {"client": {"origin": "http://my.example.jp"}},
    "another port": {"client": {"origin": "https://my.example.jp:8443"}},
    "inside another page": {"client": {"crossOrigin": True}},
    "below another page": {"client": {"topOrigin": "https://evil.example"}},
    "another kind": {"client": {"type": "payment.get"}},
    "another host signed": {"rp_id": "evil.example"},
    "nobody there": {"flags": VERIFIED},
    "backed up though it cannot be": {"flags": PRESENT | BACKED_UP},
    "data left over": {"flags": PRESENT | 0x80},
    "another type": {"told": {"type": "password"}},
    "raw id differs": {"told": {"rawId": plain(b"other")}},
    "id not canonical": {"id": "AA=="},
    "no response": {"told": {"response": None}},
    "an empty response": {"told": {"response": {}}},
}


@pytest.mark.parametrize("lies", COMMON.values(), ids=list(COMMON))
def test_a_false_part_is_no_proof(lies: dict[str, Any]) -> None:
    key = authenticator()
    with pytest.raises(NoProof):
        made(key.make(asked_to_make(), **lies))
    with pytest.raises(NoProof):
        proved(key.prove(asked_to_prove(), **lies), key)


POINT = {1: 2, 3: -7, -1: 1, -2: b"x" * 32, -3: b"y" * 32}
MAKING: dict[str, dict[str, Any]] = {
    "an answer to the other question": {"client": {"type": "webauthn.get"}},
    "no key": {"cose": b""},
    "a key that is no map": {"cose": cbor("key")},
    "a key without a kind": {"cose": cbor({3: -7})},
    "an unknown kind of signature": {"cose": cbor(POINT | {3: -65535})},
    "a point off the curve": {"cose": cbor(POINT)},
    "an unknown attestation": {"attested": {"fmt": "of-the-future"}},
    "an attestation without its signature": {"attested": {"fmt": "packed"}},
    "a statement where none is": {"attested": {"attStmt": {"sig": b"0"}}},
    "no data": {"attested": {"authData": b""}},
    "another id inside": {"id": plain(b"another")},
}


@pytest.mark.parametrize("lies", MAKING.values(), ids=list(MAKING))
def test_a_passkey_that_is_not_well_made_is_not_taken(lies: dict[str, Any]) -> None:
    with pytest.raises(NoProof):
        made(authenticator().make(asked_to_make(), **lies))


PROVING: dict[str, dict[str, Any]] = {
    "an answer to the other question": {"client": {"type": "webauthn.create"}},
    "another key": {"key": ec.generate_private_key(ec.SECP256R1())},
    "no signature": {"signature": b""},
    "a signature of nothing": {"signature": bytes(70)},
    "another account's handle": {"handle": plain(hashlib.sha256(b"other").digest())},
}


@pytest.mark.parametrize("lies", PROVING.values(), ids=list(PROVING))
def test_an_answer_that_is_not_signed_as_asked_is_no_proof(lies: dict[str, Any]) -> None:
    key = authenticator()
    key.make(asked_to_make())
    with pytest.raises(NoProof):
        proved(key.prove(asked_to_prove(), **lies), key)


def test_what_was_signed_cannot_be_changed() -> None:
    key = authenticator()
    proof = json.loads(key.prove(asked_to_prove()))
    other = json.loads(key.prove(asked_to_prove()))
    for part in ("authenticatorData", "signature"):
        mixed = proof | {"response": proof["response"] | {part: other["response"][part]}}
        with pytest.raises(NoProof):
            proved(json.dumps(mixed), key)


def test_where_it_is_required_the_holder_is_verified() -> None:
    key = authenticator()
    for verification in ("required", "preferred", "discouraged"):
        ask = options_to_prove(
            party=PARTY, challenge=CHALLENGE, known=[], verification=verification
        )
        assert json.loads(ask)["userVerification"] == verification
    made(key.make(asked_to_make()), "required")
    assert proved(key.prove(asked_to_prove()), key, "required") == 1
    with pytest.raises(NoProof):
        made(key.make(asked_to_make(), flags=PRESENT), "required")
    with pytest.raises(NoProof):
        proved(key.prove(asked_to_prove(), flags=PRESENT), key, "required")


KEY = authenticator()
PROOF, FRESH = json.loads(KEY.prove(asked_to_prove())), json.loads(KEY.make(asked_to_make()))


@given(st.one_of(st.text(max_size=40), st.binary(max_size=40).map(plain)))
@settings(max_examples=50, deadline=None)
def test_whatever_is_sent_is_one_refusal(rubbish: str) -> None:
    for sent, name in ((PROOF, "authenticatorData"), (FRESH, "attestationObject")):
        damaged = json.dumps(sent | {"response": sent["response"] | {name: rubbish}})
        for text in (rubbish, damaged):
            with pytest.raises(NoProof):
                made(text)
            with pytest.raises(NoProof):
                proved(text, KEY)


def test_deep_rubbish_is_refused_too() -> None:
    deep = b"\x81" * (LONGEST_ANSWER // 2)
    for sent in ("[" * LONGEST_ANSWER, '{"id":' * 2000):
        with pytest.raises(NoProof):
            credential_id_of(sent)
    key = authenticator()
    with pytest.raises(NoProof):
        made(key.make(asked_to_make(), cose=deep))


@pytest.mark.parametrize(
    ("address", "party"),
    [
        ("https://my.example.jp", PARTY),
        ("https://my.example.jp/", PARTY),
        ("https://MY.example.jp:443", PARTY),
        ("https://my.example.jp:8443", RelyingParty("my.example.jp", "https://my.example.jp:8443")),
        ("https://例え.jp", RelyingParty("xn--r8jz45g.jp", "https://xn--r8jz45g.jp")),
        ("http://localhost", RelyingParty("localhost", "http://localhost")),
        ("http://localhost:8000", RelyingParty("localhost", "http://localhost:8000")),
        ("http://my.example.jp", None),
        ("https://192.0.2.7", None),
        ("https://[2001:db8::7]", None),
        ("http://127.0.0.1:8000", None),
        ("https://a..b", None),
    ],
)
def test_passkeys_are_made_for_a_named_host_by_https(
    address: str, party: RelyingParty | None
) -> None:
    assert party_at(address) == party
