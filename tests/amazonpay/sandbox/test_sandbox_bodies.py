"""Bodies are read as strictly as Amazon reads them; nothing malformed ends in a 500."""

from typing import Any

import pytest
from wire_client import WireClient, yen

pytestmark = pytest.mark.slow


def body_with(**change: Any) -> dict[str, Any]:
    return {"chargePermissionId": "P", "chargeAmount": yen(500), "captureNow": True} | change


def amount(value: Any, currency: Any = "JPY") -> dict[str, Any]:
    return body_with(chargeAmount={"amount": value, "currencyCode": currency})


BAD_CHARGES = [
    pytest.param(b"", "MissingParameterValue", id="empty"),
    pytest.param(b"{", "InvalidRequestFormat", id="cut JSON"),
    pytest.param(b"[]", "InvalidRequestFormat", id="array"),
    pytest.param(b"\xff\xfe{}", "InvalidRequestFormat", id="not UTF-8"),
    pytest.param(b'{"a":NaN}', "InvalidRequestFormat", id="NaN"),
    pytest.param(b"[" * 100_000, "InvalidRequestFormat", id="too deep"),
    pytest.param(b'{"chargeAmount":' + b"9" * 5_000 + b"}", "InvalidRequestFormat", id="huge"),
    pytest.param(b'{"softDescriptor":"\\ud800"}', "InvalidRequestFormat", id="half a character"),
    pytest.param(body_with(color="red"), "UnrecognizedField", id="unknown field"),
    pytest.param(
        body_with(merchantMetadata={"color": "red"}), "UnrecognizedField", id="unknown inside"
    ),
    pytest.param({"chargeAmount": yen(1)}, "MissingParameterValue", id="no permission"),
    pytest.param({"chargePermissionId": "P"}, "MissingParameterValue", id="no amount"),
    pytest.param(body_with(chargeAmount=None), "MissingParameterValue", id="null amount"),
    pytest.param(body_with(chargeAmount="500"), "InvalidRequestFormat", id="amount no object"),
    pytest.param(amount(None), "MissingParameterValue", id="no figure"),
    pytest.param(amount("500", None), "MissingParameterValue", id="no currency"),
    pytest.param(amount("500", "USD"), "CurrencyMismatch", id="dollars"),
    pytest.param(amount("500", "yen"), "InvalidParameterValue", id="no currency code"),
    pytest.param(amount("0"), "InvalidParameterValue", id="zero"),
    pytest.param(amount(0), "InvalidParameterValue", id="zero number"),
    pytest.param(amount("-5"), "InvalidParameterValue", id="negative"),
    pytest.param(amount("500.00"), "InvalidParameterValue", id="fraction text"),
    pytest.param(amount(500.5), "InvalidParameterValue", id="fraction"),
    pytest.param(amount("５００"), "InvalidParameterValue", id="full-width digits"),
    pytest.param(amount("0500"), "InvalidParameterValue", id="leading zero"),
    pytest.param(amount(" 500"), "InvalidParameterValue", id="space"),
    pytest.param(amount(True), "InvalidRequestFormat", id="true"),
    pytest.param(amount(["1"]), "InvalidRequestFormat", id="list"),
    pytest.param(body_with(captureNow="true"), "InvalidRequestFormat", id="flag as text"),
    pytest.param(body_with(chargePermissionId=7), "InvalidRequestFormat", id="id as number"),
    pytest.param(body_with(chargeInitiator="ME"), "InvalidParameterValue", id="initiator"),
    pytest.param(body_with(channel="Fax"), "InvalidParameterValue", id="channel"),
    pytest.param(
        body_with(merchantMetadata={"merchantReferenceId": "x" * 257}),
        "InvalidParameterValue",
        id="reference too long",
    ),
    pytest.param(body_with(softDescriptor="x" * 17), "InvalidParameterValue", id="descriptor"),
]


@pytest.mark.parametrize(("body", "reason"), BAD_CHARGES)
def test_a_bad_create_charge_body(amazon: WireClient, body: Any, reason: str) -> None:
    got = amazon.api("POST", "/charges", body, key="k1")
    assert (got.status, got.reason) == (400, reason)
    assert list(got.json) == ["reasonCode", "message"]
    assert amazon.control("GET", "/charges")["items"] == []


def test_a_refused_body_leaves_its_key_free(amazon: WireClient) -> None:
    permission = amazon.permission()
    assert amazon.charge(permission, "0", key="k1").reason == "InvalidParameterValue"
    assert amazon.charge(permission, "500", key="k1").status == 201


def test_a_body_over_a_mebibyte_is_refused(amazon: WireClient) -> None:
    got = amazon.send("POST", "/v2/charges", {}, b" " * ((1 << 20) + 1))
    assert (got.status, got.reason) == (400, "InvalidRequest")


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        pytest.param(None, "MissingHeader", id="none"),
        pytest.param("", "MissingHeaderValue", id="empty"),
        pytest.param("a" * 33, "InvalidHeaderValue", id="33 characters"),
        pytest.param("a b", "InvalidHeaderValue", id="space inside"),
        pytest.param("a.b", "InvalidHeaderValue", id="dot"),
    ],
)
@pytest.mark.parametrize("path", ["/charges", "/refunds"])
def test_creating_needs_a_good_idempotency_key(
    amazon: WireClient, path: str, key: str | None, reason: str
) -> None:
    got = amazon.api("POST", path, body_with(), key=key)
    assert (got.status, got.reason) == (400, reason)


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        pytest.param("POST", "/refunds", {"refundAmount": yen(1)}, "MissingParameterValue", id="r"),
        pytest.param("POST", "/charges/{c}/capture", {}, "MissingParameterValue", id="capture"),
        pytest.param("DELETE", "/charges/{c}/cancel", None, "MissingParameterValue", id="cancel"),
        pytest.param(
            "DELETE",
            "/charges/{c}/cancel",
            {"cancellationReason": "x" * 256},
            "InvalidParameterValue",
            id="reason of 256",
        ),
        pytest.param(
            "DELETE", "/chargePermissions/{p}/close", {}, "MissingParameterValue", id="close"
        ),
        pytest.param(
            "PATCH", "/chargePermissions/{p}", {"buyer": {}}, "UnrecognizedField", id="update"
        ),
        pytest.param(
            "PATCH",
            "/chargePermissions/{p}",
            {"recurringMetadata": {"frequency": {"unit": "Variable", "value": "1"}}},
            "InvalidParameterValue",
            id="variable is 0",
        ),
        pytest.param(
            "PATCH",
            "/chargePermissions/{p}",
            {"recurringMetadata": {"frequency": {"unit": "Month", "value": "0"}}},
            "InvalidParameterValue",
            id="month is not 0",
        ),
    ],
)
def test_bad_bodies_of_other_operations(
    amazon: WireClient, method: str, path: str, body: Any, reason: str
) -> None:
    permission = amazon.permission()
    charge = amazon.charge(permission, captureNow=False).json["chargeId"]
    before = amazon.api("GET", f"/charges/{charge}").json
    key = "k2" if method == "POST" else None
    got = amazon.api(method, path.format(c=charge, p=permission), body, key=key)
    assert (got.status, got.reason) == (400, reason)
    assert amazon.api("GET", f"/charges/{charge}").json == before
