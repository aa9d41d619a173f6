"""What Amazon answers becomes typed objects; what is not as documented is malformed."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_helpers import CHARGE_ID, PERMISSION_ID, REFUND_ID, charge_json

from amazonpay import Charge, ChargePermission, ChargeState, Refund
from amazonpay.reading import MalformedResponse, read_object

PERMISSION = {
    "chargePermissionId": PERMISSION_ID,
    "chargePermissionType": "Recurring",
    "recurringMetadata": {
        "frequency": {"unit": "Month", "value": "1"},
        "amount": {"amount": "1500", "currencyCode": "JPY"},
    },
    "buyer": {"buyerId": "amzn1.account.X", "name": "山田 花子", "email": "hanako@example.jp"},
    "paymentPreferences": [None],
    "statusDetails": {
        "state": "NonChargeable",
        "reasons": [{"reasonCode": "PaymentMethodInvalid", "reasonDescription": None}],
        "lastUpdatedTimestamp": "20260401T000000Z",
    },
    "creationTimestamp": "20260301T000000Z",
    "expirationTimestamp": "20270501T000000Z",
    "merchantMetadata": {"merchantReferenceId": "SUB-1"},
    "releaseEnvironment": "Sandbox",
    "limits": {
        "amountLimit": {"amount": "100000", "currencyCode": "JPY"},
        "amountBalance": {"amount": "98500", "currencyCode": "JPY"},
    },
    "somethingNew": {"kept": True},
}
REFUND = {
    "refundId": REFUND_ID,
    "chargeId": CHARGE_ID,
    "refundAmount": {"amount": "500", "currencyCode": "JPY"},
    "statusDetails": {"state": "Declined", "reasonCode": "AmazonRejected"},
    "creationTimestamp": "20260401T123209Z",
}


def without(source, *path):
    copy = json.loads(json.dumps(source))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return copy


def test_charge_permission():
    permission = ChargePermission.from_json(PERMISSION, request_id="req-1")
    assert permission.state == "NonChargeable"
    assert [reason.code for reason in permission.reasons] == ["PaymentMethodInvalid"]
    assert (permission.amount_limit_yen, permission.amount_balance_yen) == (100_000, 98_500)
    assert (permission.frequency_unit, permission.frequency_value) == ("Month", "1")
    assert permission.recurring_amount_yen == 1500
    assert permission.expires_at == datetime(2027, 5, 1, tzinfo=UTC)
    assert permission.merchant_reference_id == "SUB-1"
    assert permission.raw["somethingNew"] == {"kept": True}
    assert permission.request_id == "req-1"


def test_the_least_a_migrated_permission_holds():
    bare = {"chargePermissionId": PERMISSION_ID, "statusDetails": {"state": "Chargeable"}}
    nulls = dict.fromkeys(PERMISSION) | bare
    assert ChargePermission.from_json(bare) == ChargePermission.from_json(nulls)
    assert ChargePermission.from_json(nulls).reasons == ()
    assert ChargePermission.from_json(nulls).amount_limit_yen is None


def test_the_buyer_never_shows_in_repr():
    shown = repr(ChargePermission.from_json(PERMISSION))
    assert "花子" not in shown
    assert "hanako@example.jp" not in shown


def test_charge():
    charge = Charge.from_json(charge_json())
    assert charge.state is ChargeState.CAPTURED
    assert (charge.charge_amount_yen, charge.captured_yen, charge.refunded_yen) == (1500, 1500, 0)
    assert charge.created_at == datetime(2026, 4, 1, tzinfo=UTC)
    assert charge.merchant_reference_id == "INV-1"
    assert charge.reason_code is None


def test_authorised_charge_has_no_captured_amount():
    charge = Charge.from_json(
        charge_json(captureAmount=None, refundedAmount=None, statusDetails={"state": "Authorized"})
    )
    assert charge.captured_yen is None
    assert charge.refunded_yen is None


def test_refund():
    refund = Refund.from_json(REFUND)
    assert (refund.refund_id, refund.charge_id) == (REFUND_ID, CHARGE_ID)
    assert (refund.state, refund.reason_code) == ("Declined", "AmazonRejected")
    assert refund.refund_amount_yen == 500


@given(state=st.text(min_size=1), reason=st.text())
def test_unknown_words_survive(state, reason):
    charge = Charge.from_json(charge_json(statusDetails={"state": state, "reasonCode": reason}))
    assert charge.state == state
    assert charge.reason_code == reason


MISSING = [
    (ChargePermission, PERMISSION, ("chargePermissionId",)),
    (ChargePermission, PERMISSION, ("statusDetails",)),
    (ChargePermission, PERMISSION, ("statusDetails", "state")),
    (ChargePermission, PERMISSION, ("statusDetails", "reasons", 0, "reasonCode")),
    (Charge, charge_json(), ("chargeId",)),
    (Charge, charge_json(), ("chargePermissionId",)),
    (Charge, charge_json(), ("chargeAmount",)),
    (Charge, charge_json(), ("chargeAmount", "amount")),
    (Charge, charge_json(), ("chargeAmount", "currencyCode")),
    (Charge, charge_json(), ("statusDetails",)),
    (Charge, charge_json(), ("statusDetails", "state")),
    (Refund, REFUND, ("refundId",)),
    (Refund, REFUND, ("chargeId",)),
    (Refund, REFUND, ("refundAmount",)),
    (Refund, REFUND, ("statusDetails",)),
]


@pytest.mark.parametrize(("kind", "source", "path"), MISSING)
def test_an_object_without_its_essentials_is_malformed(kind, source, path):
    named = [part for part in path if isinstance(part, str)]
    with pytest.raises(MalformedResponse, match=named[-1]):
        kind.from_json(without(source, *path))


AMOUNTS = ["500.0", "500.5", "5e2", "-1", "+1", "", " 500", "0500", "５００", "NaN", "9" * 13]


@pytest.mark.parametrize("amount", [*AMOUNTS, 500, 500.0, True, None, [], {}])
def test_an_amount_is_whole_yen_in_text_or_malformed(amount):
    price = {"amount": amount, "currencyCode": "JPY"}
    with pytest.raises(MalformedResponse, match="yen"):
        Charge.from_json(charge_json(chargeAmount=price))


WRONG_TYPES = [
    ("chargeAmount", "1500"),
    ("chargeAmount", {"amount": "15", "currencyCode": "USD"}),
    ("chargeId", 7),
    ("chargeId", ""),
    ("statusDetails", []),
    ("statusDetails", {"state": 1}),
    ("statusDetails", {"state": "Captured", "reasonCode": ["x"]}),
    ("merchantMetadata", "text"),
    ("creationTimestamp", 1_775_001_600),
    ("creationTimestamp", "20260231T000000Z"),
    ("creationTimestamp", "20260401T000000"),
    ("creationTimestamp", "20260401T000000+0900"),
    ("creationTimestamp", "yesterday"),
]


@pytest.mark.parametrize(("field", "value"), WRONG_TYPES)
def test_a_field_of_another_type_is_malformed_and_named(field, value):
    with pytest.raises(MalformedResponse, match=r"chargeAmount|state|reasonCode|" + field):
        Charge.from_json(charge_json(**{field: value}))


def test_reasons_must_be_objects():
    status = {"state": "Closed", "reasons": ["MerchantClosed"]}
    with pytest.raises(MalformedResponse, match="reasons"):
        ChargePermission.from_json(PERMISSION | {"statusDetails": status})


NOT_JSON = [
    pytest.param(b"", id="empty"),
    pytest.param(b"{", id="cut"),
    pytest.param(b"[]", id="a list"),
    pytest.param(b"null", id="null"),
    pytest.param(b'"x"', id="a text"),
    pytest.param(b'{"a": NaN}', id="NaN"),
    pytest.param(b'{"a": -Infinity}', id="Infinity"),
    pytest.param(b'{"a": 1, "a": 2}', id="duplicate keys"),
    pytest.param(b'{"a": {"b": 1, "b": 1}}', id="duplicate keys inside"),
    pytest.param(b'{"a": "\\ud800"}', id="lone surrogate"),
    pytest.param(b'{"a": "x\\u0000"}', id="NUL"),
    pytest.param(b'{"a": "\\\\\\u0000"}', id="NUL after a backslash"),
    pytest.param(b'{"a": "\xff"}', id="not UTF-8"),
    pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
    pytest.param('{"a": 1}'.encode("utf-16"), id="UTF-16"),
    pytest.param(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", id="deep nesting"),
    pytest.param(b'{"a":' + b"9" * 10_000 + b"}", id="a number of 10,000 digits"),
    pytest.param(b"\x1f\x8b\x08\x00rest", id="gzip"),
    pytest.param(b"<html>Bad gateway</html>", id="HTML"),
]


@pytest.mark.parametrize("body", NOT_JSON)
def test_what_is_not_one_json_object_is_malformed(body):
    with pytest.raises(MalformedResponse):
        read_object(body)


def test_escapes_that_mean_something_are_read():
    body = rb'{"a": "\u56db\u6708 \\u0000 \ud83d\ude00"}'
    assert read_object(body) == {"a": "四月 \\u0000 😀"}


@given(st.binary(max_size=200))
def test_no_bytes_whatever_do_more_than_be_malformed(body):
    with suppress(MalformedResponse):
        assert isinstance(read_object(body), dict)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(field=st.sampled_from(sorted(charge_json())), value=JSON)
def test_any_json_in_any_field_gives_a_charge_or_malformed(field, value):
    try:
        charge = Charge.from_json(charge_json(**{field: value}))
    except MalformedResponse:
        return
    assert type(charge.charge_amount_yen) is int
    assert charge.raw[field] == value


@pytest.mark.parametrize(
    "strange",
    [
        pytest.param({"shippingAddress": {"city": 7}}, id="address"),
        pytest.param({"billingAddress": ["東京都"]}, id="address of another type"),
        pytest.param(
            {"buyer": {"buyerId": "amzn1.account.X", "name": {"family": "山"}}}, id="name"
        ),
        pytest.param({"paymentPreferences": "Visa"}, id="payment"),
    ],
)
def test_strange_personal_data_do_not_stop_the_billing(strange):
    permission = ChargePermission.from_json(PERMISSION | strange)
    assert (permission.state, permission.amount_balance_yen) == ("NonChargeable", 98_500)
    assert permission.buyer_id == "amzn1.account.X"
    assert permission.raw.items() >= strange.items()
