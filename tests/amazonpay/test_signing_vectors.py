"""Every published signing vector, and the algebra around them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_helpers import throwaway_key, vectors

from amazonpay import Algorithm, InvalidArgument, sign_payload, verify
from amazonpay.signing import (
    authorization_header,
    canonical_query,
    canonical_request,
    format_date,
    sign,
    signed_header_names,
    string_to_sign,
)

REQUESTS = vectors()["nodeSdkRequests"] + vectors()["crossSdkStyleRequests"]


def named(rows):
    return [pytest.param(row, id=row["name"]) for row in rows]


def signed_headers_of(vector):
    names = vector["signedHeaders"].split(";")
    sent = vector.get("headersSigned") or vector["headers"]
    values = {name.lower(): value for name, value in sent.items()}
    return {name: values[name.lower()] for name in names}


@pytest.mark.parametrize("vector", named(REQUESTS))
def test_canonical_request_and_string_to_sign_match_to_the_byte(vector):
    text = canonical_request(
        method=vector["method"],
        path=vector["path"],
        query=vector["query"],
        headers=signed_headers_of(vector),
        body=vector["payload"].encode(),
        signed_headers=vector["signedHeaders"],
    )
    assert text == vector["canonicalRequest"]
    algorithm = Algorithm(vector["algorithm"])
    assert string_to_sign(algorithm=algorithm, text=text) == vector["stringToSign"]


@pytest.mark.parametrize("vector", named(REQUESTS + vectors()["buttons"]))
def test_the_published_signature_verifies_and_so_does_ours(vector):
    algorithm = Algorithm(vector["algorithm"])
    assert algorithm.salt_length == vector["saltLength"]
    to_sign = vector["stringToSign"]
    ours = sign(private_key=throwaway_key(), algorithm=algorithm, to_sign=to_sign)
    public = throwaway_key().public_key()
    for signature in (vector["signature"], ours):
        assert verify(public_key=public, algorithm=algorithm, to_sign=to_sign, signature=signature)


@pytest.mark.parametrize("vector", named(vectors()["buttons"]))
def test_a_button_payload_is_signed_byte_for_byte(vector):
    algorithm = Algorithm(vector["algorithm"])
    payload = vector["payload"]
    assert string_to_sign(algorithm=algorithm, text=payload) == vector["stringToSign"]
    ours = sign_payload(private_key=throwaway_key(), algorithm=algorithm, payload=payload)
    assert verify(
        public_key=throwaway_key().public_key(),
        algorithm=algorithm,
        to_sign=vector["stringToSign"],
        signature=ours,
    )


@pytest.mark.parametrize("vector", named(vectors()["mustFail"]))
def test_what_must_fail_fails(vector):
    assert not verify(
        public_key=throwaway_key().public_key(),
        algorithm=Algorithm(vector["algorithm"]),
        to_sign=vector["stringToSign"],
        signature=vector["signature"],
    )


@pytest.mark.parametrize("signature", ["", "é", "not base64!", "AAAA"])
def test_a_signature_that_is_none_fails_without_an_exception(signature):
    public = throwaway_key().public_key()
    assert not verify(public_key=public, algorithm=Algorithm.V2, to_sign="x", signature=signature)


@pytest.mark.parametrize(
    ("made_with", "read_as"), [(Algorithm.V1, Algorithm.V2), (Algorithm.V2, Algorithm.V1)]
)
def test_the_salt_length_is_part_of_the_check(made_with, read_as):
    signature = sign(private_key=throwaway_key(), algorithm=made_with, to_sign="x")
    public = throwaway_key().public_key()
    assert not verify(public_key=public, algorithm=read_as, to_sign="x", signature=signature)


QUERIES = [
    pytest.param([], "", id="empty"),
    pytest.param(
        [("reportTypes", "_B_"), ("pageSize", "10"), ("reportTypes", "_A_")],
        "pageSize=10&reportTypes=_A_&reportTypes=_B_",
        id="names sorted, then values",
    ),
    pytest.param(
        [("nextToken", "a+b/c=d e~f'(g)*!h&日本")],
        "nextToken=a%2Bb%2Fc%3Dd%20e~f%27%28g%29%2A%21h%26%E6%97%A5%E6%9C%AC",
        id="RFC 3986: only letters, digits and - _ . ~ stay",
    ),
]


@pytest.mark.parametrize(("parameters", "expected"), QUERIES)
def test_canonical_query(parameters, expected):
    assert canonical_query(parameters) == expected


def test_authorization_header_has_the_documented_shape():
    headers = {"accept": "application/json", "x-amz-pay-date": "20260401T000000Z"}
    value = authorization_header(
        private_key=throwaway_key(),
        public_key_id="SANDBOX-A",
        algorithm=Algorithm.V2,
        method="GET",
        path="/v2/charges/S03",
        query="",
        headers=headers,
        body=b"",
    )
    start, _, signature = value.rpartition("Signature=")
    assert start == (
        "AMZN-PAY-RSASSA-PSS-V2 PublicKeyId=SANDBOX-A, SignedHeaders=accept;x-amz-pay-date, "
    )
    assert len(signature) == 344  # base64 of 256 bytes: ceil(256 / 3) * 4


DATES = [
    pytest.param(datetime(2026, 4, 1, tzinfo=UTC), "20260401T000000Z", id="utc"),
    pytest.param(
        datetime(2026, 4, 1, 9, tzinfo=timezone(timedelta(hours=9))),
        "20260401T000000Z",
        id="09:00 in Tokyo is midnight UTC",
    ),
]


@pytest.mark.parametrize(("at", "expected"), DATES)
def test_the_date_is_compact_utc(at, expected):
    assert format_date(at) == expected


def test_a_date_without_zone_is_refused():
    naive = datetime(2026, 4, 1, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(InvalidArgument, match="time zone"):
        format_date(naive)


@given(st.dictionaries(st.from_regex(r"[A-Za-z-]{1,20}", fullmatch=True), st.text(max_size=9)))
def test_header_order_never_matters(headers):
    lowered = {name.lower(): value for name, value in headers.items()}
    backwards = dict(reversed(lowered.items()))

    def canonical(chosen):
        return canonical_request(method="GET", path="/", query="", headers=chosen, body=b"")

    assert canonical(lowered) == canonical(backwards)
    assert signed_header_names(lowered) == ";".join(sorted(lowered))
