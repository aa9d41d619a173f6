"""What the other official SDKs send is understood byte for byte, and what nobody signed is not."""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from raw_wire import Line, Raw, line_to
from wire_client import WireClient, yen
from wire_styles import KEY, SALT, SIMULATION, STYLES, V1, V2, Call, Query, Signed, Style

pytestmark = pytest.mark.slow

AT = datetime(2026, 4, 1, 0, 0, 5, tzinfo=UTC)
NOTE = "4月分のご請求です。</b> https://shop.example.jp/会員?月=4&x=\"'"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Shop:
    """A program that speaks in one style over one connection, or over many as the Node SDK does."""

    def __init__(self, style: Style, base_url: str) -> None:
        self.style = style
        self.base_url = base_url
        self.line = Line(base_url)
        self.at = AT

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> Raw:
        """One call, signed for this moment; what every answer must carry is checked."""
        return self.send(self.signed(method, path, body, **more))

    def signed(self, method: str, path: str, body: Any = None, **more: Any) -> Signed:
        return self.style.request(Call(method=method, path=path, body=body, **more), self.at)

    def send(self, signed: Signed) -> Raw:
        got = self.line.say(signed.packet)
        if got.headers.get("connection") == "close":
            self.line.close()
            self.line = Line(self.base_url)
        assert UUID.fullmatch(got.headers["x-amz-pay-request-id"])
        assert got.headers["content-type"] == "application/json"
        if got.status >= 400:
            # The Java SDK cannot bear an error without a body.
            assert list(got.json) == ["reasonCode", "message"]
        return got

    def charge(self, permission: str, amount: str, **more: Any) -> Raw:
        fields = {"captureNow": True} | more.pop("fields", {})
        body = {"chargePermissionId": permission, "chargeAmount": price(amount), **fields}
        return self("POST", "/charges", body, **({"key": uuid.uuid4().hex} | more))


def price(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "JPY"}


VARIANTS = [
    pytest.param((style, algorithm), id=f"{style.name} {'V2' if algorithm == V2 else 'V1'}")
    for style in STYLES
    for algorithm in style.algorithms
]


@pytest.fixture(params=VARIANTS)
def shop(request: pytest.FixtureRequest, amazon: WireClient) -> Iterator[Shop]:
    make, algorithm = request.param
    shop = Shop(make(amazon.key, amazon.key_id, algorithm), amazon.base_url)
    yield shop
    shop.line.close()


def test_the_life_of_a_permission(shop: Shop, amazon: WireClient) -> None:
    permission = amazon.permission(amountLimit=50_000)
    path = f"/chargePermissions/{permission}"
    assert shop("GET", path).json["limits"]["amountBalance"] == yen(50_000)
    changed = {
        "merchantMetadata": {"merchantReferenceId": "会員-7", "noteToBuyer": NOTE},
        "recurringMetadata": {"frequency": {"unit": "Month", "value": "3"}, "amount": price("980")},
    }
    got = shop("PATCH", path, changed)
    assert (got.status, got.json["merchantMetadata"]["noteToBuyer"]) == (200, NOTE)
    assert got.json["recurringMetadata"] == changed["recurringMetadata"]

    first = shop.charge(permission, "1500", key="k-1", fields={"captureNow": False})
    assert (first.status, first.json["statusDetails"]["state"]) == (201, "Authorized")
    again = shop.charge(permission, "1500", key="k-1", fields={"captureNow": False})
    assert (again.status, again.body) == (201, first.body)
    other = shop.charge(permission, "1501", key="k-1", fields={"captureNow": False})
    assert (other.status, other.reason) == (400, "DuplicateIdempotencyKey")

    charge = first.json["chargeId"]
    key = {"key": uuid.uuid4().hex} if shop.style.adds_keys else {}
    got = shop("POST", f"/charges/{charge}/capture", {"captureAmount": price("1200")}, **key)
    assert (got.status, got.json["captureAmount"]) == (200, yen(1_200))

    open_id = shop.charge(permission, "700", fields={"captureNow": False}).json["chargeId"]
    got = shop("DELETE", f"/charges/{open_id}/cancel", {"cancellationReason": "在庫切れ"})
    assert (got.status, got.json["statusDetails"]["reasonDescription"]) == (200, "在庫切れ")

    wish = {"chargeId": charge, "refundAmount": price("200")}
    refund = shop("POST", "/refunds", wish, key="r-1")
    assert (refund.status, refund.json["statusDetails"]["state"]) == (201, "RefundInitiated")
    amazon.advance(30)
    shop.at += timedelta(seconds=30)
    got = shop("GET", f"/refunds/{refund.json['refundId']}")
    assert (got.status, got.json["statusDetails"]["state"]) == (200, "Refunded")

    reason = {"closureReason": "解約 <退会>", "cancelPendingCharges": False}
    got = shop("DELETE", f"{path}/close", reason)
    assert (got.status, got.json["statusDetails"]["state"]) == (200, "Closed")
    assert got.json["statusDetails"]["reasons"][0]["reasonDescription"] == "解約 <退会>"
    late = shop.charge(permission, "1")
    assert (late.status, late.reason) == (422, "InvalidChargePermissionStatus")


def test_a_simulation_code_works_signed_or_not(shop: Shop, amazon: WireClient) -> None:
    got = shop.charge(amazon.permission(), "500", simulation="HardDeclined")
    assert (got.status, got.reason) == (422, "HardDeclined")


def test_headers_that_a_plugin_adds_do_no_harm(shop: Shop, amazon: WireClient) -> None:
    extra = {"platformid": "A2EXAMPLEPLATFORM", "x-amz-pay-integrator-id": "A3EXAMPLE"}
    assert shop.charge(amazon.permission(), "500", headers=extra).status == 201


def test_a_retry_is_answered_once_and_for_all(shop: Shop, amazon: WireClient) -> None:
    permission = amazon.permission()
    amazon.control("POST", "/faults", [{"operation": "createCharge", "kind": "503"}])
    wish = {"chargePermissionId": permission, "chargeAmount": price("800"), "captureNow": True}
    signed = shop.signed("POST", "/charges", wish, key="once")
    assert shop.send(signed).status == 503
    amazon.advance(7)
    if shop.style.resigns:
        shop.at += timedelta(seconds=7)
        signed = shop.signed("POST", "/charges", wish, key="once")
    first, second = shop.send(signed), shop.send(signed)
    assert (first.status, second.status) == (201, 201)
    assert second.body == first.body
    assert len(amazon.control("GET", "/charges")["items"]) == 1


QUERIES: dict[str, Query] = {
    "comma, unsorted": {"pageSize": "5", "processingStatuses": "COMPLETED,FAILED"},
    "colons": {"createdSince": "2026-03-01T00:00:00Z"},
    "marks that SDKs encode in two ways": {"createdSince": "2026-03-01 00~00*(!)'"},
    "list": {"reportTypes": ["_A_", "_B_"], "pageSize": "2"},
    "Japanese": {"reportTypes": "精算"},
}


def test_a_query_is_verified_in_every_encoding(shop: Shop) -> None:
    for name, query in QUERIES.items():
        sent = shop.signed("GET", "/reports", query=query)
        if not sent.target.isascii() or " " in sent.target:
            # Java builds no URI of these: its user must encode first, and signs what he encoded.
            continue
        got = shop.send(sent)
        assert got.status in (200, 400), (name, got.body)


def test_white_space_in_a_signed_value(shop: Shop, amazon: WireClient) -> None:
    permission = amazon.permission()
    for value in ("two  spaces", "tab\tinside", "wide   gap \t end"):
        headers = {"x-amz-pay-platform-version": value}
        assert shop.charge(permission, "500", headers=headers).status == 201, value


def test_a_key_in_the_callers_letter_case(amazon: WireClient) -> None:
    # Node lists the caller's spelling in SignedHeaders and signs a lower-case line.
    node = next(style for style in STYLES if style.name == "Node")(amazon.key, amazon.key_id)
    node.listed = lambda names: _as_given(names)  # type: ignore[method-assign]  # one test's Node
    body = {"chargePermissionId": amazon.permission(), "chargeAmount": price("10")}
    signed = _signed_as_listed(node, Call(method="POST", path="/charges", body=body, key="CaSe-1"))
    with line_to(amazon.base_url) as line:
        assert line.say(signed.packet).status == 201


def _as_given(names: Any) -> str:
    spelled = {KEY: "X-Amz-Pay-Idempotency-Key"}
    return ";".join(spelled.get(name, name) for name in sorted(names))


def _signed_as_listed(style: Style, call: Call) -> Signed:
    """Signs over the list as it is shown, which in the Node SDK is one and the same."""
    real = style.sign

    def sign(canonical: str, salt: int | None) -> str:
        head, _, names_and_hash = canonical.rpartition("\n\n")
        names, _, body_hash = names_and_hash.partition("\n")
        return real(f"{head}\n\n{_as_given(names.split(';'))}\n{body_hash}", salt)

    style.sign = sign  # type: ignore[method-assign]  # one test's Node
    return style.request(call, AT)


# What must fail, each made of a request that is good as it stands.

Spoil = Callable[[Signed], Signed]


def _header(signed: Signed, wanted: str, change: Callable[[str], str]) -> Signed:
    pairs = [(n, change(v) if n.lower() == wanted else v) for n, v in signed.headers]
    return replace(signed, headers=pairs)


def _body(signed: Signed) -> Signed:
    return replace(signed, body=signed.body.replace(b"500", b"501"))


def _authorization(change: Callable[[str], str]) -> Spoil:
    return lambda signed: _header(signed, "authorization", change)


def _without(name: str) -> Callable[[str], str]:
    return lambda value: value.replace(f";{name}", "")


def _other_algorithm(value: str) -> str:
    return value.replace(V2, V1) if value.startswith(V2) else value.replace(V1, V2, 1)


def _flip(value: str) -> str:
    head, _, signature = value.rpartition("Signature=")
    return f"{head}Signature={signature[:40]}{'A' if signature[40] != 'A' else 'B'}{signature[41:]}"


SPOILT: dict[str, Spoil] = {
    "body": _body,
    "path": lambda s: replace(s, target=s.target.replace("charges", "charges/")),
    "environment": lambda s: replace(s, target="/sandbox" + s.target.replace("/sandbox", "")),
    "query added": lambda s: replace(s, target=s.target + "?a=b"),
    "host": lambda s: _header(s, "x-amz-pay-host", lambda _: "pay-api.amazon.com"),
    "date": lambda s: _header(s, "x-amz-pay-date", lambda v: v.replace("05Z", "06Z")),
    "region case": lambda s: _header(s, "x-amz-pay-region", str.swapcase),
    "key": lambda s: _header(s, KEY, lambda v: v + "x"),
    "accept": lambda s: _header(s, "accept", lambda _: "*/*"),
    "one letter of the signature": _authorization(_flip),
    "the other algorithm's name": _authorization(_other_algorithm),
    "date not listed": _authorization(_without("x-amz-pay-date")),
    "key not listed": _authorization(_without(KEY)),
}


def test_what_was_changed_after_signing_is_refused(shop: Shop, amazon: WireClient) -> None:
    wish = {"chargePermissionId": amazon.permission(), "chargeAmount": price("500")}
    good = shop.signed("POST", "/charges", wish, key="good")
    for name, spoil in SPOILT.items():
        bad = spoil(good)
        if bad.packet == good.packet:
            # This style has it already: Ruby's path names the environment anyway.
            assert name == "environment"
            continue
        got = shop.send(bad)
        assert (got.status, got.reason) == (403, "InvalidRequestSignature"), name
    assert amazon.control("GET", "/charges")["items"] == []
    assert shop.send(good).status == 201


def test_the_salt_of_the_other_algorithm_is_refused(shop: Shop, amazon: WireClient) -> None:
    call = Call(method="GET", path=f"/chargePermissions/{amazon.permission()}")
    wrong = next(salt for name, salt in SALT.items() if name != shop.style.algorithm)
    got = shop.send(shop.style.request(call, AT, salt=wrong))
    assert (got.status, got.reason) == (403, "InvalidRequestSignature")
    assert shop.style.algorithm in got.json["message"]


def test_the_key_of_another_merchant_is_refused(shop: Shop, amazon: WireClient) -> None:
    shop.style.key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    got = shop("GET", f"/chargePermissions/{amazon.permission()}")
    assert (got.status, got.reason) == (403, "InvalidRequestSignature")


@pytest.mark.parametrize("hours", [-1, 1], ids=["stale", "future"])
def test_a_date_outside_the_window_is_refused(shop: Shop, hours: int) -> None:
    shop.at += timedelta(hours=hours)
    got = shop("GET", "/charges/none")
    assert (got.status, got.reason) == (400, "InvalidHeaderValue")


def test_errors_of_every_kind_have_id_and_body(shop: Shop) -> None:
    missing = shop("GET", "/charges/S03-0000000-0000000-C000000")
    assert (missing.status, missing.reason) == (404, "ResourceNotFound")
    method = shop("PUT", "/charges", {})
    assert (method.status, method.reason) == (405, "RequestNotSupported")
    unknown = shop("GET", "/somethingElse")
    assert (unknown.status, unknown.reason) == (404, "ResourceNotFound")
    large = shop("PATCH", "/chargePermissions/x", {"merchantMetadata": "長" * 400_000})
    assert (large.status, large.reason) == (400, "InvalidRequest")
    odd = shop.charge("C03-0000000-0000000", "1", headers={SIMULATION: "NoSuchCode"})
    assert (odd.status, odd.reason) == (400, "InvalidSandboxSimulationSpecified")
