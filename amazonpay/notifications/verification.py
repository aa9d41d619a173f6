"""The signature of an SNS envelope: the signed text, and whether the certificate's key made it.

Source: ipn §4, points 3 and 4.
"""

from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from amazonpay.notifications.envelope import Envelope
from amazonpay.notifications.errors import BadSignature

_HASHES: Final[dict[str, type[hashes.SHA1] | type[hashes.SHA256]]] = {
    "1": hashes.SHA1,
    "2": hashes.SHA256,
}


def string_to_sign(envelope: Envelope) -> bytes:
    """The signed text: names and values on lines of their own, in SNS's order, if present."""
    fields = (
        ("Message", envelope.message),
        ("MessageId", envelope.message_id),
        ("Subject", envelope.subject),
        ("SubscribeURL", envelope.subscribe_url),
        ("Timestamp", envelope.timestamp_text),
        ("Token", envelope.token),
        ("TopicArn", envelope.topic_arn),
        ("Type", envelope.type.value),
    )
    return "".join(f"{name}\n{value}\n" for name, value in fields if value is not None).encode()


def check_version(envelope: Envelope, *, minimum: int = 1) -> None:
    """Raises BadSignature unless SignatureVersion exists and is at least `minimum`."""
    version = envelope.signature_version
    if version not in _HASHES:
        raise BadSignature("SignatureVersion is neither 1 nor 2")
    if int(version) < minimum:
        raise BadSignature(f"SignatureVersion {version} is below the required {minimum}")


def check_signature(envelope: Envelope, *, public_key: rsa.RSAPublicKey, minimum: int = 1) -> None:
    """Raises BadSignature unless the key signed this envelope (RSASSA-PKCS1-v1_5).

    SignatureVersion 1 is SHA-1, 2 is SHA-256; the version itself is not signed, but a signature
    of one version never fits the other.
    """
    check_version(envelope, minimum=minimum)
    algorithm = _HASHES[envelope.signature_version]()
    try:
        public_key.verify(
            envelope.signature, string_to_sign(envelope), padding.PKCS1v15(), algorithm
        )
    except InvalidSignature:
        raise BadSignature("the signature does not fit the envelope") from None
    except UnsupportedAlgorithm:
        raise BadSignature(
            f"this machine's OpenSSL refuses {algorithm.name}, which SignatureVersion "
            f"{envelope.signature_version} needs. Allow it, or ask for SignatureVersion 2"
        ) from None
