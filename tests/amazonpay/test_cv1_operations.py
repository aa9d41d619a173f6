"""Every CV1 operation: its CV2 counterpart with parameters, or a clear no."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazonpay import AmazonPayClient
from amazonpay.cv1 import (
    IMPOSSIBLE,
    OPERATIONS,
    Cv1Kind,
    NotPossibleInCv2,
    cv2_call,
    cv2_operation,
)
from amazonpay.errors import InvalidArgument

ORDER = {"AmazonOrderReferenceId": "S01-5797829-1888777"}
AGREEMENT = {"AmazonBillingAgreementId": "C01-8824045-7416542"}
AUTHORIZATION = {"AmazonAuthorizationId": "S01-5797829-1888777-A043451"}
CAPTURE = {"AmazonCaptureId": "S01-5797829-1888777-C043451"}
REFUND = {"AmazonRefundId": "S01-5797829-1888777-R043451"}
CHARGE = "S01-5797829-1888777-C043451"
AUTHORIZING = {
    "AuthorizationReferenceId": "cycle-7",
    "AuthorizationAmount.Amount": "1980",
    "AuthorizationAmount.CurrencyCode": "JPY",
    "TransactionTimeout": "0",
}
CHARGED = {
    "canHandlePendingAuthorization": False,
    "captureNow": False,
    "chargeAmount": {"amount": "1980", "currencyCode": "JPY"},
    "merchantMetadata": {"merchantReferenceId": "cycle-7"},
}


def money(name):
    return {f"{name}.Amount": "1980", f"{name}.CurrencyCode": "JPY"}


YEN = {"amount": "1980", "currencyCode": "JPY"}

CALLS = [
    # operation, CV1 parameters, CV2 operation, client method, id in the path, body, key
    (
        "Authorize",
        ORDER | AUTHORIZING,
        "Create Charge",
        "create_charge",
        None,
        CHARGED | {"chargePermissionId": "S01-5797829-1888777"},
        "cycle-7",
    ),
    (
        "AuthorizeOnBillingAgreement",
        AGREEMENT | AUTHORIZING | {"CaptureNow": "true"},
        "Create Charge",
        "create_charge",
        None,
        CHARGED | {"chargePermissionId": "C01-8824045-7416542", "captureNow": True},
        "cycle-7",
    ),
    (
        "Capture",
        AUTHORIZATION | money("CaptureAmount") | {"CaptureReferenceId": "cap-1"},
        "Capture Charge",
        "capture_charge",
        CHARGE,
        {"captureAmount": YEN},
        "cap-1",
    ),
    (
        "CloseAuthorization",
        AUTHORIZATION | {"ClosureReason": "在庫なし"},
        "Cancel Charge",
        "cancel_charge",
        CHARGE,
        {"cancellationReason": "在庫なし"},
        None,
    ),
    (
        "GetAuthorizationDetails",
        AUTHORIZATION,
        "Get Charge",
        "get_charge",
        CHARGE,
        None,
        None,
    ),
    ("GetCaptureDetails", CAPTURE, "Get Charge", "get_charge", CHARGE, None, None),
    (
        "CancelOrderReference",
        ORDER | {"CancelationReason": "x"},
        "Close Charge Permission",
        "close_charge_permission",
        "S01-5797829-1888777",
        {"closureReason": "x", "cancelPendingCharges": True},
        None,
    ),
    (
        "CloseOrderReference",
        ORDER | {"ClosureReason": "x"},
        "Close Charge Permission",
        "close_charge_permission",
        "S01-5797829-1888777",
        {"closureReason": "x", "cancelPendingCharges": False},
        None,
    ),
    (
        "GetOrderReferenceDetails",
        ORDER | {"AddressConsentToken": "Atza|x"},
        "Get Charge Permission",
        "get_charge_permission",
        "S01-5797829-1888777",
        None,
        None,
    ),
    (
        "Refund",
        CAPTURE | money("RefundAmount") | {"RefundReferenceId": "ref-1"},
        "Create Refund",
        "create_refund",
        None,
        {"chargeId": CHARGE, "refundAmount": YEN},
        "ref-1",
    ),
    (
        "GetRefundDetails",
        REFUND,
        "Get Refund",
        "get_refund",
        "S01-5797829-1888777-R043451",
        None,
        None,
    ),
    (
        "CloseBillingAgreement",
        AGREEMENT | {"ClosureReason": "退会"},
        "Close Charge Permission",
        "close_charge_permission",
        "C01-8824045-7416542",
        {"closureReason": "退会", "cancelPendingCharges": False},
        None,
    ),
    (
        "GetBillingAgreementDetails",
        AGREEMENT,
        "Get Charge Permission",
        "get_charge_permission",
        "C01-8824045-7416542",
        None,
        None,
    ),
    (
        "SetBillingAgreementDetails",
        AGREEMENT
        | {
            "BillingAgreementAttributes.SellerNote": "n",
            "BillingAgreementAttributes.SellerBillingAgreementAttributes.StoreName": "店",
        },
        "Update Charge Permission",
        "update_charge_permission",
        "C01-8824045-7416542",
        {"merchantMetadata": {"noteToBuyer": "n", "merchantStoreName": "店"}},
        None,
    ),
]


@pytest.mark.parametrize(
    ("operation", "parameters", "cv2", "method", "target", "body", "key"),
    [pytest.param(*row, id=row[0]) for row in CALLS],
)
def test_each_operation(operation, parameters, cv2, method, target, body, key):
    call = cv2_call(operation, parameters)
    assert call.operation is cv2_operation(operation)
    assert (call.operation.cv2, call.operation.client_method) == (cv2, method)
    assert (call.target_id, call.idempotency_key) == (target, key)
    sent = None if call.request is None else json.loads(call.request.to_bytes())
    assert sent == body


def test_the_table_is_whole_and_the_client_has_every_method():
    assert set(OPERATIONS) == {row[0] for row in CALLS}
    assert all(hasattr(AmazonPayClient, row.client_method) for row in OPERATIONS.values())


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_row_names_its_object_once_and_no_parameter_twice(name):
    row = OPERATIONS[name]
    names = [one.cv1 for one in row.parameters]
    assert len(set(names)) == len(names)
    assert row.target.required
    assert ("becomes C" in row.target.rule) is (row.accepts is Cv1Kind.AUTHORIZATION)


@pytest.mark.parametrize(
    ("operation", "cv1_object", "state"),
    [
        ("Authorize", "OrderReference", "Open"),
        ("AuthorizeOnBillingAgreement", "BillingAgreement", "Open"),
        ("Refund", "Capture", "Completed"),
    ],
)
def test_preconditions_are_data(operation, cv1_object, state):
    condition = cv2_operation(operation).precondition
    assert condition is not None
    assert (condition.cv1_object, condition.cv1_state) == (cv1_object, state)


def test_the_other_operations_have_no_precondition():
    with_one = [name for name, row in OPERATIONS.items() if row.precondition]
    assert sorted(with_one) == ["Authorize", "AuthorizeOnBillingAgreement", "Refund"]


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cv2_cannot_do_says_why_and_what_instead(name):
    for ask in (cv2_operation, lambda operation: cv2_call(operation, {})):
        with pytest.raises(NotPossibleInCv2) as caught:
            ask(name)
        error = caught.value
        assert (error.operation, error.field, error.value) == (name, "cv1_operation", name)
        for part in (name, error.why, error.instead):
            assert part in str(error)
    assert name not in OPERATIONS


@pytest.mark.parametrize(
    "name", ["CreateOrderReferenceForId", "ValidateBillingAgreement", "ConfirmBillingAgreement"]
)
def test_the_operations_without_counterpart(name):
    assert name in IMPOSSIBLE


@pytest.mark.parametrize("name", ["", "authorize", "Authorise", "Create Charge", "X" * 5000])
def test_a_name_cv1_did_not_have(name):
    with pytest.raises(InvalidArgument, match="AuthorizeOnBillingAgreement") as caught:
        cv2_operation(name)
    assert not isinstance(caught.value, NotPossibleInCv2)


@pytest.mark.parametrize(
    ("timeout", "capture_now", "pending"),
    [("0", "false", False), ("0", "true", False), ("5", "false", True), ("1440", "false", True)],
)
def test_the_timeout_decides_whether_it_may_be_pending(timeout, capture_now, pending):
    parameters = AGREEMENT | AUTHORIZING
    parameters |= {"TransactionTimeout": timeout, "CaptureNow": capture_now}
    request = cv2_call("AuthorizeOnBillingAgreement", parameters).request
    assert request.can_handle_pending_authorization is pending
    assert request.capture_now is (capture_now == "true")


def test_seller_attributes_become_merchant_metadata():
    parameters = AGREEMENT | AUTHORIZING
    parameters |= {
        "SellerNote": "四月分",
        "SellerOrderAttributes.SellerOrderId": "INV-7",
        "SellerOrderAttributes.StoreName": "店",
        "SellerOrderAttributes.CustomInformation": "c",
        "InheritShippingAddress": "true",
        "SoftDescriptor": "SHOP",
    }
    request = cv2_call("AuthorizeOnBillingAgreement", parameters).request
    assert request.merchant_metadata.to_json() == {
        "merchantReferenceId": "INV-7",
        "merchantStoreName": "店",
        "noteToBuyer": "四月分",
        "customInformation": "c",
    }


def test_the_signing_parameters_of_cv1_are_ignored():
    extra = {"Action": "Authorize", "SellerId": "A", "Signature": "x", "Version": "2013-01-01"}
    assert cv2_call("Authorize", ORDER | AUTHORIZING | extra) == cv2_call(
        "Authorize", ORDER | AUTHORIZING
    )


REFUSED = [
    ("AmazonBillingAgreementId", {"AmazonBillingAgreementId": ""}),
    ("AmazonBillingAgreementId", {"AmazonBillingAgreementId": "S01-5797829-1888777"}),
    ("cv1_id", {"AmazonBillingAgreementId": "C01-8824045"}),
    ("TransactionTimeout", {"TransactionTimeout": ""}),
    ("TransactionTimeout", {"TransactionTimeout": "-1"}),
    ("TransactionTimeout", {"TransactionTimeout": "1440", "CaptureNow": "true"}),
    ("CaptureNow", {"CaptureNow": "True"}),
    ("AuthorizationAmount.CurrencyCode", {"AuthorizationAmount.CurrencyCode": "USD"}),
    ("AuthorizationAmount.Amount", {"AuthorizationAmount.Amount": "19.80"}),
    ("AuthorizationAmount.Amount", {"AuthorizationAmount.Amount": "1,980"}),
    ("AuthorizationAmount.Amount", {"AuthorizationAmount.Amount": "１９８０"}),
    ("AuthorizationAmount.Amount", {"AuthorizationAmount.Amount": "9" * 5000}),
    ("amount_yen", {"AuthorizationAmount.Amount": "0"}),
    ("AuthorizationReferenceId", {"AuthorizationReferenceId": "x" * 33}),
    ("AuthorizationReferenceId", {"AuthorizationReferenceId": "a b"}),
    ("SellerNote", {"SellerNote": "a", "SellerAuthorizationNote": "b"}),
    ("CaptureNoww", {"CaptureNoww": "true"}),
    ("note_to_buyer", {"SellerNote": "x" * 256}),
]


@pytest.mark.parametrize(
    ("field", "changes"),
    [pytest.param(*row, id=f"{number} {row[0]}") for number, row in enumerate(REFUSED)],
)
def test_a_parameter_that_does_not_fit_is_named(field, changes):
    with pytest.raises(InvalidArgument) as caught:
        cv2_call("AuthorizeOnBillingAgreement", AGREEMENT | AUTHORIZING | changes)
    assert caught.value.field == field


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_required_parameter_that_is_missing_is_named(name):
    parameters = next(row[1] for row in CALLS if row[0] == name)
    for one in OPERATIONS[name].parameters:
        if one.required:
            rest = {key: value for key, value in parameters.items() if key != one.cv1}
            with pytest.raises(InvalidArgument) as caught:
                cv2_call(name, rest)
            assert caught.value.field == one.cv1


@given(
    st.sampled_from(sorted(OPERATIONS)),
    st.dictionaries(
        st.sampled_from(sorted({p.cv1 for row in OPERATIONS.values() for p in row.parameters})),
        st.text(max_size=30),
    ),
)
def test_any_parameters_are_translated_or_refused(name, parameters):
    try:
        call = cv2_call(name, next(row[1] for row in CALLS if row[0] == name) | parameters)
    except InvalidArgument:
        return
    assert call.operation.cv1 == name
