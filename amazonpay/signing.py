"""Request signatures of Amazon Pay v2: canonical request, string to sign, Authorization header.

Everything here is a pure function of its arguments; the date is one of them. Two algorithms
differ only in name and salt length. Source: signing reference §1 to §5 and §8; every published
test vector is a test.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from amazonpay.errors import InvalidArgument
from amazonpay.keys import PrivateKey


class Algorithm(StrEnum):
    """Name of the signature scheme, as it stands in the Authorization header."""

    V1 = "AMZN-PAY-RSASSA-PSS"
    V2 = "AMZN-PAY-RSASSA-PSS-V2"

    @property
    def salt_length(self) -> int:
        """Bytes of PSS salt that the name declares."""
        return 20 if self is Algorithm.V1 else 32


_UNRESERVED: Final = "-_.~"
"""RFC 3986: besides letters and digits, only these stay literal in a query string."""


def format_date(at: datetime) -> str:
    """`x-amz-pay-date` in the compact form, `20260401T000000Z`. `at` must be aware."""
    if at.utcoffset() is None:
        raise InvalidArgument(
            "at", at, "an instant carries its time zone", "Pass an aware datetime, best in UTC"
        )
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def canonical_query(parameters: Iterable[tuple[str, str]]) -> str:
    """The query string as it is both signed and sent: encoded, then sorted by name and value.

    Raises InvalidArgument for text that has no UTF-8 form.
    """
    encoded = ((_query_part(name), _query_part(value)) for name, value in parameters)
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _query_part(text: str) -> str:
    try:
        return quote(text, safe=_UNRESERVED)
    except UnicodeEncodeError:
        raise InvalidArgument(
            "query", text, "Unicode text without lone surrogates", "Correct the value"
        ) from None


def signed_header_names(headers: Mapping[str, str]) -> str:
    """The SignedHeaders list: names in lower case, sorted, joined by semicolons."""
    return ";".join(sorted(name.lower() for name in headers))


def canonical_request(
    *,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    signed_headers: str | None = None,
) -> str:
    """The six-part text whose hash is signed.

    `headers` are exactly those to be signed. `signed_headers` is their list as it stands in a
    received Authorization header; it is taken verbatim, because one official SDK keeps the
    caller's letter case there while its header lines are in lower case.
    """
    lines = sorted((name.lower(), value) for name, value in headers.items())
    return "\n".join(
        (
            method.upper(),
            path,
            query,
            "".join(f"{name}:{value}\n" for name, value in lines),
            signed_header_names(headers) if signed_headers is None else signed_headers,
            hashlib.sha256(body).hexdigest(),
        )
    )


def string_to_sign(*, algorithm: Algorithm, text: str) -> str:
    """Algorithm name and hash of `text`: a canonical request, or a button's payload."""
    return f"{algorithm.value}\n{hashlib.sha256(text.encode()).hexdigest()}"


def sign(*, private_key: PrivateKey, algorithm: Algorithm, to_sign: str) -> str:
    """The signature over a string to sign, in base64. PSS is salted: no two are alike."""
    signature = private_key.sign(to_sign.encode(), salt_length=algorithm.salt_length)
    return base64.b64encode(signature).decode()


def sign_payload(*, private_key: PrivateKey, algorithm: Algorithm, payload: str) -> str:
    """The signature of a button or sign-in payload.

    The page must carry the very same text in `payloadJSON`: sign what is sent, never re-encode.
    """
    return sign(
        private_key=private_key,
        algorithm=algorithm,
        to_sign=string_to_sign(algorithm=algorithm, text=payload),
    )


def verify(
    *, public_key: rsa.RSAPublicKey, algorithm: Algorithm, to_sign: str, signature: str
) -> bool:
    """True when `signature` fits under the salt length the algorithm declares, no other."""
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=algorithm.salt_length)
    try:
        raw = base64.b64decode(signature, validate=True)
        public_key.verify(raw, to_sign.encode(), scheme, hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def authorization_header(
    *,
    private_key: PrivateKey,
    public_key_id: str,
    algorithm: Algorithm,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
) -> str:
    """The Authorization header of a request; all `headers` given are signed."""
    text = canonical_request(method=method, path=path, query=query, headers=headers, body=body)
    signature = sign(
        private_key=private_key,
        algorithm=algorithm,
        to_sign=string_to_sign(algorithm=algorithm, text=text),
    )
    return (
        f"{algorithm.value} PublicKeyId={public_key_id}, "
        f"SignedHeaders={signed_header_names(headers)}, Signature={signature}"
    )
