"""Verifies request signatures, strictly and independently of any client (signing.md §1–§6).

A request is accepted when its signature verifies, with the declared salt length, over one of the
canonical forms that the official SDKs produce: header values raw or with their white space
normalised in either of two ways; the query as received, sorted, or decoded and encoded again.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final
from urllib.parse import quote, unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

_HASH: Final = SHA256()
_PADDINGS: Final = {
    "AMZN-PAY-RSASSA-PSS": PSS(mgf=MGF1(SHA256()), salt_length=20),
    "AMZN-PAY-RSASSA-PSS-V2": PSS(mgf=MGF1(SHA256()), salt_length=32),
}
_AUTHORIZATION: Final = re.compile(
    r"(?P<algorithm>[A-Z0-9-]+) +PublicKeyId=(?P<key_id>[A-Za-z0-9-]+), *"
    r"SignedHeaders=(?P<signed_headers>[A-Za-z0-9;_-]+), *"
    r"Signature=(?P<signature>[A-Za-z0-9+/]+=*)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The parts of an `Authorization` header."""

    algorithm: str
    key_id: str
    signed_headers: str
    signature: str


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What is signed: the request as received. Header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def parse_authorization(header: str) -> Credentials | None:
    """The parts of an `Authorization` header, None when it is not of Amazon Pay's form."""
    match = _AUTHORIZATION.fullmatch(header)
    if match is None or match["algorithm"] not in _PADDINGS:
        return None
    return Credentials(
        match["algorithm"], match["key_id"], match["signed_headers"], match["signature"]
    )


def verify_text(key: RSAPublicKey, *, algorithm: str, string_to_sign: str, signature: str) -> bool:
    """Whether a base64 signature is valid for a text under the declared algorithm."""
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, string_to_sign.encode(), _PADDINGS[algorithm], _HASH)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def strings_to_sign(request: SignedRequest, credentials: Credentials) -> Iterator[str]:
    """Every string that one of the SDKs could have signed for this request, likeliest first."""
    seen = set()
    body_hash = hashlib.sha256(request.body).hexdigest()
    for query in _query_forms(request.query):
        for names, form in product(_name_forms(credentials.signed_headers), _VALUE_FORMS):
            text = _canonical_request(request, names, query, body_hash, form)
            if text not in seen:
                seen.add(text)
                yield f"{credentials.algorithm}\n{hashlib.sha256(text.encode()).hexdigest()}"


def verify(key: RSAPublicKey, request: SignedRequest, credentials: Credentials) -> str | None:
    """None when the signature is good, else the string that should have been signed."""
    expected = ""
    for string_to_sign in strings_to_sign(request, credentials):
        if verify_text(
            key,
            algorithm=credentials.algorithm,
            string_to_sign=string_to_sign,
            signature=credentials.signature,
        ):
            return None
        expected = expected or string_to_sign
    return expected


def _canonical_request(
    request: SignedRequest,
    signed_headers: str,
    query: str,
    body_hash: str,
    form: Callable[[str], str],
) -> str:
    names = sorted(set(signed_headers.lower().split(";")))
    values = (form(request.headers.get(name, "")) for name in names)
    lines = "".join(f"{name}:{value}\n" for name, value in zip(names, values, strict=True))
    # The list of signed headers is taken verbatim: the Node SDK keeps the caller's letter case.
    return "\n".join((request.method, request.path, query, lines, signed_headers, body_hash))


def _as_received(value: str) -> str:
    return value


def _collapsed(value: str) -> str:
    """.NET: every run of white space becomes one space."""
    return " ".join(value.split())


def _each_space(value: str) -> str:
    """Java: every character of white space becomes a space of its own."""
    return re.sub(r"\s", " ", value.strip())


_VALUE_FORMS: Final = (_as_received, _collapsed, _each_space)


def _name_forms(signed_headers: str) -> tuple[str, ...]:
    """The list as it came; where it names a header twice, as one client does, also without."""
    once = ";".join(dict.fromkeys(signed_headers.split(";")))
    return (signed_headers,) if once == signed_headers else (signed_headers, once)


def _query_forms(query: str) -> tuple[str, ...]:
    if not query:
        return ("",)
    pairs = query.split("&")
    decoded = (pair.partition("=") for pair in pairs)
    encoded = sorted(f"{_rfc3986(name)}={_rfc3986(value)}" for name, _, value in decoded)
    return query, "&".join(sorted(pairs)), "&".join(encoded)


def _rfc3986(text: str) -> str:
    return quote(unquote(text.replace("+", " ")), safe="-_.~")
