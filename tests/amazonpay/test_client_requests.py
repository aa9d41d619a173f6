"""What leaves the client: method, path, headers, exact bytes, and a signature that verifies."""

import hashlib

import httpx
import pytest
from wire_helpers import (
    CHARGE_ID,
    KINDS,
    PERMISSION_ID,
    REFUND_ID,
    REQUEST,
    call,
    charge_json,
    create,
    throwaway_key,
)

from amazonpay import (
    Algorithm,
    AmazonPayClient,
    CancelCharge,
    CaptureCharge,
    CloseChargePermission,
    CreateRefund,
    Credentials,
    InvalidArgument,
    MerchantMetadata,
    UpdateChargePermission,
    verify,
)
from amazonpay.signing import canonical_request, string_to_sign

both_clients = pytest.mark.parametrize("kind", KINDS)
FIVE = "accept;content-type;x-amz-pay-date;x-amz-pay-host;x-amz-pay-region"
SIX = "accept;content-type;x-amz-pay-date;x-amz-pay-host;x-amz-pay-idempotency-key;x-amz-pay-region"

CAPTURE = CaptureCharge(amount_yen=1500)
CANCEL = CancelCharge(cancellation_reason="x")
REFUND = CreateRefund(charge_id=CHARGE_ID, amount_yen=1)
CLOSE = CloseChargePermission(closure_reason="x")
UPDATE = UpdateChargePermission(merchant_metadata=MerchantMetadata(note_to_buyer="四月"))

ANY_OBJECT = charge_json() | {
    "refundId": REFUND_ID,
    "refundAmount": {"amount": "1", "currencyCode": "JPY"},
}

OPERATIONS = [
    pytest.param(
        lambda c: c.get_charge_permission(PERMISSION_ID),
        "GET",
        f"/chargePermissions/{PERMISSION_ID}",
        b"",
        id="get charge permission",
    ),
    pytest.param(
        lambda c: c.update_charge_permission(PERMISSION_ID, UPDATE),
        "PATCH",
        f"/chargePermissions/{PERMISSION_ID}",
        UPDATE.to_bytes(),
        id="update charge permission",
    ),
    pytest.param(
        lambda c: c.close_charge_permission(PERMISSION_ID, CLOSE),
        "DELETE",
        f"/chargePermissions/{PERMISSION_ID}/close",
        CLOSE.to_bytes(),
        id="close charge permission",
    ),
    pytest.param(
        lambda c: c.create_charge(REQUEST, idempotency_key="k"),
        "POST",
        "/charges",
        REQUEST.to_bytes(),
        id="create charge",
    ),
    pytest.param(
        lambda c: c.create_charge(b'{"frozen": "bytes"}', idempotency_key="k"),
        "POST",
        "/charges",
        b'{"frozen": "bytes"}',
        id="create charge from frozen bytes",
    ),
    pytest.param(
        lambda c: c.get_charge(CHARGE_ID), "GET", f"/charges/{CHARGE_ID}", b"", id="get charge"
    ),
    pytest.param(
        lambda c: c.capture_charge(CHARGE_ID, CAPTURE, idempotency_key="k"),
        "POST",
        f"/charges/{CHARGE_ID}/capture",
        CAPTURE.to_bytes(),
        id="capture charge",
    ),
    pytest.param(
        lambda c: c.cancel_charge(CHARGE_ID, CANCEL),
        "DELETE",
        f"/charges/{CHARGE_ID}/cancel",
        CANCEL.to_bytes(),
        id="cancel charge",
    ),
    pytest.param(
        lambda c: c.create_refund(REFUND, idempotency_key="k"),
        "POST",
        "/refunds",
        REFUND.to_bytes(),
        id="create refund",
    ),
    pytest.param(
        lambda c: c.get_refund(REFUND_ID), "GET", f"/refunds/{REFUND_ID}", b"", id="get refund"
    ),
]


def recorded(kind, operation, **options):
    """The one request that `operation` sends."""
    seen = []

    def handler(request):
        seen.append(request)
        return httpx.Response(200, json=ANY_OBJECT)

    call(kind, operation, handler=handler, **options)
    (request,) = seen
    return request


def signature_verifies(request):
    algorithm, _, rest = request.headers["authorization"].partition(" ")
    parts = dict(part.split("=", 1) for part in rest.split(", "))
    text = canonical_request(
        method=request.method,
        path=request.url.raw_path.decode(),
        query="",
        headers={name: request.headers[name] for name in parts["SignedHeaders"].split(";")},
        body=request.content,
    )
    return verify(
        public_key=throwaway_key().public_key(),
        algorithm=Algorithm(algorithm),
        to_sign=string_to_sign(algorithm=Algorithm(algorithm), text=text),
        signature=parts["Signature"],
    )


@both_clients
@pytest.mark.parametrize(("operation", "method", "path", "body"), OPERATIONS)
def test_every_operation_is_sent_signed_and_byte_exact(kind, operation, method, path, body):
    request = recorded(kind, operation)
    assert request.method == method
    assert str(request.url) == f"https://pay-api.amazon.jp/v2{path}"
    assert request.content == body
    assert request.headers["x-amz-pay-date"] == "20260401T000000Z"
    assert request.headers["x-amz-pay-host"] == "pay-api.amazon.jp"
    assert request.headers["x-amz-pay-region"] == "jp"
    assert request.headers["accept"] == request.headers["content-type"] == "application/json"
    assert request.headers.get("x-amz-pay-idempotency-key") == ("k" if method == "POST" else None)
    signed = SIX if method == "POST" else FIVE
    assert f"SignedHeaders={signed}, " in request.headers["authorization"]
    assert signature_verifies(request)


@both_clients
@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_both_algorithms(kind, algorithm):
    credentials = Credentials(
        public_key_id="SANDBOX-A", private_key=throwaway_key(), algorithm=algorithm
    )
    request = recorded(kind, create, credentials=credentials)
    assert request.headers["authorization"].startswith(f"{algorithm.value} PublicKeyId=SANDBOX-A,")
    assert signature_verifies(request)


@both_clients
@pytest.mark.parametrize(
    ("key_id", "environment", "path"),
    [
        ("SANDBOX-AEXAMPLE", "sandbox", "/v2/charges"),
        ("sandbox-aexample", "sandbox", "/v2/charges"),
        ("LIVE-AEXAMPLE", "live", "/v2/charges"),
        ("AEXAMPLE", "sandbox", "/sandbox/v2/charges"),
        ("AEXAMPLE", "live", "/live/v2/charges"),
    ],
)
def test_the_path_names_the_environment_unless_the_key_does(kind, key_id, environment, path):
    request = recorded(kind, create, key_id=key_id, environment=environment)
    assert request.url.path == path


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://localhost:8080/", "localhost:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("https://pay.example.jp:8443", "pay.example.jp:8443"),
        ("https://Pay-API.amazon.jp", "pay-api.amazon.jp"),
    ],
)
def test_the_signed_host_is_that_of_the_base_url(base_url, host):
    request = recorded("sync", create, base_url=base_url)
    assert request.headers["x-amz-pay-host"] == host
    assert request.headers["host"] == host


@both_clients
def test_the_simulation_code_goes_along_unsigned(kind):
    request = recorded(
        kind,
        lambda c: c.create_charge(REQUEST, idempotency_key="k", simulation_code="SoftDeclined"),
    )
    assert request.headers["x-amz-pay-simulation-code"] == "SoftDeclined"
    assert "simulation" not in request.headers["authorization"]
    assert signature_verifies(request)


def build(*, key_id="SANDBOX-A", environment="sandbox", **options):
    credentials = Credentials(public_key_id=key_id, private_key=throwaway_key())
    return AmazonPayClient(
        credentials=credentials, environment=environment, clock=lambda: None, **options
    )


CONTRADICTIONS = [
    pytest.param({"environment": "live"}, "sandbox key", id="sandbox key, live settings"),
    pytest.param({"key_id": "LIVE-A"}, "live key", id="live key, sandbox settings"),
    pytest.param({"environment": "production"}, "sandbox or live", id="unknown environment"),
    pytest.param({"key_id": ""}, "letters", id="empty key id"),
    pytest.param({"key_id": "A, Signature=x"}, "letters", id="key id with a comma"),
    pytest.param({"base_url": "http://pay-api.amazon.jp"}, "https", id="plain http"),
    pytest.param({"base_url": "pay-api.amazon.jp"}, "scheme", id="no scheme"),
    pytest.param({"base_url": "https://u:p@pay-api.amazon.jp"}, "scheme", id="user name"),
    pytest.param({"base_url": "https://pay-api.amazon.jp/v2"}, "scheme", id="with a path"),
    pytest.param({"base_url": "https://pay-api.amazon.jp:x"}, "scheme", id="bad port"),
    pytest.param({"base_url": "https://pay api.jp"}, "scheme", id="a space"),
    pytest.param({"region": "jp\r\nx: y"}, "region", id="line break in the region"),
    pytest.param({"deadline_seconds": 0}, "deadline_seconds", id="no time at all"),
    pytest.param({"ca_file": "/nonexistent/ca.pem"}, "ca_file", id="no such CA file"),
]


@pytest.mark.parametrize(("options", "says"), CONTRADICTIONS)
def test_settings_that_contradict_are_one_line_at_construction(options, says):
    with pytest.raises(InvalidArgument, match=says) as caught:
        build(**options)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy in str(caught.value)


@pytest.mark.parametrize("content", ["", "no certificate", "証明書"])
def test_a_ca_file_without_a_certificate_is_named(tmp_path, content):
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(content, "utf-8")
    with pytest.raises(InvalidArgument, match="ca_file"):
        build(ca_file=ca_file)


NEVER_SENT = [
    pytest.param(
        lambda c: c.create_charge(REQUEST, idempotency_key="x" * 33), {}, id="key too long"
    ),
    pytest.param(lambda c: c.create_charge(REQUEST, idempotency_key=""), {}, id="empty key"),
    pytest.param(
        lambda c: c.create_charge(REQUEST, idempotency_key="a b"), {}, id="key with a space"
    ),
    pytest.param(
        lambda c: c.create_charge(REQUEST, idempotency_key="k\n"), {}, id="key with a line end"
    ),
    pytest.param(lambda c: c.get_charge("../refunds/x"), {}, id="id with a path"),
    pytest.param(lambda c: c.get_charge(""), {}, id="empty id"),
    pytest.param(lambda c: c.get_charge("S03?x=1"), {}, id="id with a query"),
    pytest.param(
        lambda c: c.create_charge(REQUEST, idempotency_key="k", simulation_code="a\r\nb: c"),
        {},
        id="simulation code with a line break",
    ),
    pytest.param(
        lambda c: c.create_charge(REQUEST, idempotency_key="k", simulation_code="SoftDeclined"),
        {"key_id": "LIVE-A", "environment": "live"},
        id="simulation in live",
    ),
]


@both_clients
@pytest.mark.parametrize(("operation", "options"), NEVER_SENT)
def test_what_breaks_a_rule_never_leaves(kind, operation, options):
    def handler(_):
        raise AssertionError("it was sent")

    with pytest.raises(InvalidArgument):
        call(kind, operation, handler=handler, **options)


def test_the_same_bytes_and_key_go_out_on_every_replay():
    frozen = REQUEST.to_bytes()
    seen = [
        recorded("sync", lambda c: c.create_charge(frozen, idempotency_key="k")) for _ in range(2)
    ]
    assert {hashlib.sha256(r.content).hexdigest() for r in seen} == {
        hashlib.sha256(frozen).hexdigest()
    }
    assert seen[0].headers["authorization"] != seen[1].headers["authorization"]  # PSS is salted
