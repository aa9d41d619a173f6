"""The verifier against the published vectors: all of them, and all that must fail."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from wire_client import sign

from amazonpay.sandbox.signature import (
    Credentials,
    SignedRequest,
    parse_authorization,
    strings_to_sign,
    verify,
    verify_text,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "signing-vectors.json").read_text()
)
KEY = load_pem_private_key(VECTORS["throwawayKey"]["privateKeyPkcs8Pem"].encode(), None)
assert isinstance(KEY, RSAPrivateKey)
PUBLIC: RSAPublicKey = KEY.public_key()


def by_name(group: str) -> list[Any]:
    return [pytest.param(vector, id=vector["name"]) for vector in VECTORS[group]]


def request_of(vector: dict[str, Any], headers: dict[str, str]) -> SignedRequest:
    return SignedRequest(
        vector["method"], vector["path"], vector["query"], headers, vector["payload"].encode()
    )


@pytest.mark.parametrize("vector", by_name("nodeSdkRequests"))
def test_requests_of_the_node_sdk_verify(vector: dict[str, Any]) -> None:
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    credentials = parse_authorization(headers["authorization"])
    assert credentials is not None
    request = request_of(vector, headers)
    assert next(strings_to_sign(request, credentials)) == vector["stringToSign"]
    assert verify(PUBLIC, request, credentials) is None


@pytest.mark.parametrize("vector", by_name("crossSdkStyleRequests"))
def test_requests_in_the_style_of_other_sdks_verify(vector: dict[str, Any]) -> None:
    credentials = Credentials(
        vector["algorithm"], "SANDBOX-ANY", vector["signedHeaders"], vector["signature"]
    )
    request = request_of(vector, vector["headersSigned"])
    assert vector["stringToSign"] in list(strings_to_sign(request, credentials))
    assert verify(PUBLIC, request, credentials) is None


@pytest.mark.parametrize("vector", by_name("buttons"))
def test_button_payloads_verify(vector: dict[str, Any]) -> None:
    assert verify_text(
        PUBLIC,
        algorithm=vector["algorithm"],
        string_to_sign=vector["stringToSign"],
        signature=vector["signature"],
    )


@pytest.mark.parametrize("vector", by_name("mustFail"))
def test_what_must_fail_fails(vector: dict[str, Any]) -> None:
    assert not verify_text(
        PUBLIC,
        algorithm=vector["algorithm"],
        string_to_sign=vector["stringToSign"],
        signature=vector["signature"],
    )


@pytest.mark.parametrize(
    ("signed", "received"),
    [
        pytest.param("b=2&a=1", "b=2&a=1", id="as received"),
        pytest.param("a=1&b=2", "b=2&a=1", id="sorted pairs"),
        pytest.param("t=a%27b", "t=a'b", id="re-encoded per RFC 3986"),
        pytest.param("t=a%20b", "t=a+b", id="plus is a space"),
    ],
)
def test_a_query_verifies_in_each_of_its_three_forms(signed: str, received: str) -> None:
    header = _authorization(query=signed)
    assert _verified(header, query=received)
    assert not _verified(header, query=received + "&more=1")


def test_a_header_value_verifies_raw_or_with_collapsed_spaces() -> None:
    header = _authorization(headers={"accept": "application/json, text/html"})
    assert _verified(header, headers={"accept": "application/json,   text/html "})
    assert not _verified(header, headers={"accept": "application/json,text/html"})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"method": "POST"}, id="method"),
        pytest.param({"path": "/v2/charges/"}, id="path"),
        pytest.param({"body": b"x"}, id="body"),
        pytest.param({"headers": {"accept": "text/html"}}, id="signed header"),
    ],
)
def test_any_change_to_what_was_signed_breaks_the_signature(change: dict[str, Any]) -> None:
    header = _authorization(headers={"accept": "application/json"})
    assert _verified(header, headers={"accept": "application/json"})
    assert not _verified(header, **({"headers": {"accept": "application/json"}} | change))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Basic dXNlcjpwYXNz",
        "AMZN-PAY-RSASSA-PSS-V3 PublicKeyId=A, SignedHeaders=a, Signature=AA==",
        "AMZN-PAY-RSASSA-PSS PublicKeyId=A, Signature=AA==",
        "AMZN-PAY-RSASSA-PSS PublicKeyId=A, SignedHeaders=a, Signature=",
    ],
)
def test_an_authorization_of_another_form_is_not_read(text: str) -> None:
    assert parse_authorization(text) is None


def _authorization(*, query: str = "", headers: dict[str, str] | None = None) -> str:
    return sign(
        KEY,
        key_id="SANDBOX-A",
        method="GET",
        path="/v2/charges",
        headers=headers or {"x-amz-pay-region": "jp"},
        body=b"",
        query=query,
    )


def _verified(
    authorization: str,
    *,
    method: str = "GET",
    path: str = "/v2/charges",
    query: str = "",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> bool:
    credentials = parse_authorization(authorization)
    assert credentials is not None
    request = SignedRequest(method, path, query, headers or {"x-amz-pay-region": "jp"}, body)
    return verify(PUBLIC, request, credentials) is None
