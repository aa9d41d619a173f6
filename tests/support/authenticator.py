"""A passkey in software: makes ES256 credentials and signs with them, right or wrong on purpose.

Written from the standard (WebAuthn level 3, 6.1 and 6.5; CBOR is RFC 8949, COSE keys RFC 9053), not
with the library that checks it: one that is wrong about both sides would agree with itself.
"""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
NO_AAGUID = bytes(16)

Cbor = int | bytes | str | dict[Any, Any]


def cbor(value: Cbor) -> bytes:
    """Canonical enough CBOR of whole numbers, bytes, texts and maps, in the order given."""
    match value:
        case int() if value < 0:
            return _head(1, -1 - value)
        case int():
            return _head(0, value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case dict():
            pairs = b"".join(cbor(key) + cbor(each) for key, each in value.items())
            return _head(5, len(value)) + pairs
    raise TypeError(value)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    size = 1 if number < 1 << 8 else 2 if number < 1 << 16 else 4
    return bytes([major << 5 | 23 + size.bit_length()]) + number.to_bytes(size)


def plain(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_plain(text: str) -> bytes:
    """Bytes of base64url."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One credential; what it claims can be changed by `lies` of a ceremony."""

    origin: str = "http://localhost"
    counts: bool = True
    count: int = 0
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    handle: str | None = None

    def make(self, asked: str, **lies: Any) -> str:
        """What `navigator.credentials.create` would give for the question, as JSON."""
        question = json.loads(asked)
        self.handle = question["user"]["id"]
        client = self._client("webauthn.create", question, lies)
        told = self._data(question["rp"]["id"], lies, flags=ATTESTED)
        told += lies.get("aaguid", NO_AAGUID) + len(self.id).to_bytes(2) + self.id
        told += lies.get("cose", self.cose())
        attested = {"fmt": "none", "attStmt": {}, "authData": told} | lies.get("attested", {})
        return self._sent(
            {
                "clientDataJSON": plain(client),
                "attestationObject": plain(cbor(attested)),
                "transports": ["internal", "of-the-future"],
            },
            lies,
        )

    def prove(self, asked: str, **lies: Any) -> str:
        """What `navigator.credentials.get` would give for the question, as JSON."""
        question = json.loads(asked)
        self.count += 1 if self.counts else 0
        client = self._client("webauthn.get", question, lies)
        told = self._data(question["rpId"], lies)
        signed = told + hashlib.sha256(client).digest()
        signer: ec.EllipticCurvePrivateKey = lies.get("key", self.key)
        signature = signer.sign(signed, ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": plain(client),
            "authenticatorData": plain(told),
            "signature": plain(lies.get("signature", signature)),
        }
        if handle := lies.get("handle", self.handle):
            response["userHandle"] = handle
        return self._sent(response, lies)

    def cose(self) -> bytes:
        """The public key as COSE: EC2, ES256, P-256, x and y."""
        numbers = self.key.public_key().public_numbers()
        return cbor({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})

    def _client(self, kind: str, question: dict[str, Any], lies: dict[str, Any]) -> bytes:
        told = {
            "type": kind,
            "challenge": question["challenge"],
            "origin": self.origin,
            "crossOrigin": False,
        }
        return json.dumps(told | lies.get("client", {})).encode()

    def _data(self, rp_id: str, lies: dict[str, Any], flags: int = 0) -> bytes:
        told = lies.get("flags", PRESENT | VERIFIED) | flags
        count = lies.get("count", self.count)
        host = hashlib.sha256(lies.get("rp_id", rp_id).encode()).digest()
        return host + bytes([told]) + int(count).to_bytes(4)

    def _sent(self, response: dict[str, Any], lies: dict[str, Any]) -> str:
        name = lies.get("id", plain(self.id))
        told = {"id": name, "rawId": name, "type": "public-key", "response": response}
        return json.dumps(told | lies.get("told", {}))
