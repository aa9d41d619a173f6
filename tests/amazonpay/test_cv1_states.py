"""Every row of the CV1 state maps, and the reasons for which CV1 declined."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazonpay.cv1 import (
    STATE_MAPPINGS,
    Cv1Object,
    charge_permission_state_from_cv1,
    charge_permission_state_from_cv1_order_reference,
    charge_reason_from_cv1,
    charge_state_from_cv1_authorization,
    charge_state_from_cv1_capture,
    refund_state_from_cv1,
    state_mappings,
)
from amazonpay.errors import InvalidArgument


@pytest.mark.parametrize(
    ("state", "reason", "charge_state"),
    [
        ("Pending", None, "AuthorizationInitiated"),
        ("Open", None, "Authorized"),
        ("Closed", "MaxAmountCaptured", "Captured"),
        ("Closed", "ExpiredUnused", "Canceled"),
        ("Closed", "AmazonClosed", "Canceled"),
        ("Closed", "OrderReferenceCanceled", "Canceled"),
        ("Closed", "SellerClosed", "Canceled"),
        ("Closed", "maxamountcaptured", "Canceled"),
        ("Declined", "InvalidPaymentMethod", "Declined"),
        ("Declined", None, "Declined"),
    ],
)
def test_authorizations(state, reason, charge_state):
    found = charge_state_from_cv1_authorization(state, reason_code=reason)
    assert found == charge_state
    assert found.known


@pytest.mark.parametrize("reason", [None, ""])
def test_a_closed_authorization_without_reason_is_not_guessed(reason):
    with pytest.raises(InvalidArgument) as caught:
        charge_state_from_cv1_authorization("Closed", reason_code=reason)
    assert caught.value.field == "reason_code"


@pytest.mark.parametrize(
    ("state", "charge_state"),
    [
        ("Pending", "CaptureInitiated"),
        ("Completed", "Captured"),
        ("Closed", "Canceled"),
        ("Declined", "Declined"),
    ],
)
def test_captures(state, charge_state):
    assert charge_state_from_cv1_capture(state) == charge_state


@pytest.mark.parametrize(
    ("state", "captured", "permission_state"),
    [
        ("Open", False, "Chargeable"),
        ("Open", True, "Closed"),
        ("Closed", False, "Closed"),
        ("Closed", True, "Closed"),
        ("Canceled", False, "Closed"),
        ("Canceled", True, "Closed"),
        ("Suspended", False, "NonChargeable"),
        ("Suspended", True, "NonChargeable"),
    ],
)
def test_order_references(state, captured, permission_state):
    found = charge_permission_state_from_cv1_order_reference(state, captured=captured)
    assert found == permission_state


@pytest.mark.parametrize(
    ("state", "refund_state"),
    [("Pending", "RefundInitiated"), ("Completed", "Refunded"), ("Declined", "Declined")],
)
def test_refunds(state, refund_state):
    assert refund_state_from_cv1(state) == refund_state


@pytest.mark.parametrize(
    ("reason", "soft", "cv2"),
    [
        ("InvalidPaymentMethod", True, "SoftDeclined"),
        ("InvalidPaymentMethod", False, "HardDeclined"),
        ("InvalidPaymentMethod", None, "HardDeclined"),
        ("AmazonRejected", None, "AmazonRejected"),
        ("AmazonRejected", True, "AmazonRejected"),
        ("ProcessingFailure", None, "ProcessingFailure"),
        ("TransactionTimedOut", None, "TransactionTimedOut"),
    ],
)
def test_decline_reasons(reason, soft, cv2):
    found = charge_reason_from_cv1(reason, soft_decline=soft)
    assert found == cv2
    assert found.known


UNKNOWN = ["", "open", "Opened", " Open", "Draft", "Chargeable", "Open\n", "オープン"]


@pytest.mark.parametrize("state", UNKNOWN)
def test_states_that_cv1_did_not_have_are_refused(state):
    for refused in (
        charge_state_from_cv1_authorization,
        charge_state_from_cv1_capture,
        refund_state_from_cv1,
        lambda text: charge_permission_state_from_cv1_order_reference(text, captured=False),
        charge_reason_from_cv1,
    ):
        with pytest.raises(InvalidArgument) as caught:
            refused(state)
        assert caught.value.field in ("state", "reason_code")


@pytest.mark.parametrize(
    ("cv1_object", "cv2_state", "cv1_states"),
    [
        (Cv1Object.AUTHORIZATION, "Captured", ["Closed"]),
        (Cv1Object.AUTHORIZATION, "CaptureInitiated", []),
        (Cv1Object.CAPTURE, "Captured", ["Completed"]),
        (Cv1Object.ORDER_REFERENCE, "Closed", ["Open", "Closed", "Canceled"]),
        (Cv1Object.BILLING_AGREEMENT, "Closed", ["Closed", "Canceled"]),
        (Cv1Object.BILLING_AGREEMENT, "Chargeable", ["Open"]),
        (Cv1Object.REFUND, "Refunded", ["Completed"]),
        (Cv1Object.REFUND, "Closed", []),
        (Cv1Object.REFUND, "anything", []),
    ],
)
def test_the_way_back_gives_every_candidate(cv1_object, cv2_state, cv1_states):
    rows = state_mappings(cv1_object=cv1_object, cv2_state=cv2_state)
    assert [row.cv1_state for row in rows] == cv1_states


def test_the_table_and_the_agreement_function_agree():
    rows = [row for row in STATE_MAPPINGS if row.cv1_object is Cv1Object.BILLING_AGREEMENT]
    assert {row.cv1_state for row in rows} == {"Open", "Closed", "Canceled", "Suspended"}
    for row in rows:
        assert charge_permission_state_from_cv1(row.cv1_state) == row.cv2_state


def test_the_table_is_whole_and_has_no_row_twice():
    # 5 authorization, 4 capture, 5 order reference, 4 agreement and 3 refund rows.
    assert len(STATE_MAPPINGS) == 21
    assert len({(row.cv1_object, row.cv1_state, row.condition) for row in STATE_MAPPINGS}) == 21
    assert all(row.cv2_state.known for row in STATE_MAPPINGS)


@given(st.sampled_from(STATE_MAPPINGS))
def test_each_row_is_found_on_the_way_back(row):
    assert row in state_mappings(cv1_object=row.cv1_object, cv2_state=row.cv2_state)
