"""What we send: canonical bytes, fixed for ever, and values refused before they leave."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazonpay import (
    CancelCharge,
    CaptureCharge,
    CloseChargePermission,
    CreateCharge,
    CreateRefund,
    FrequencyUnit,
    InvalidArgument,
    MerchantMetadata,
    RecurringMetadata,
    UpdateChargePermission,
)

# These bytes are stored with attempts and replayed years later: they may never change.
FROZEN = [
    pytest.param(
        CreateCharge(charge_permission_id="C03-1442027-5744374", amount_yen=1500),
        '{"canHandlePendingAuthorization":false,"captureNow":true,'
        '"chargeAmount":{"amount":"1500","currencyCode":"JPY"},'
        '"chargePermissionId":"C03-1442027-5744374"}',
        id="create charge",
    ),
    pytest.param(
        CreateCharge(
            charge_permission_id="C03-1442027-5744374",
            amount_yen=1,
            capture_now=False,
            can_handle_pending_authorization=True,
            merchant_metadata=MerchantMetadata(
                merchant_reference_id="INV-1", note_to_buyer='四月分/"A"'
            ),
        ),
        '{"canHandlePendingAuthorization":true,"captureNow":false,'
        '"chargeAmount":{"amount":"1","currencyCode":"JPY"},'
        '"chargePermissionId":"C03-1442027-5744374",'
        '"merchantMetadata":{"merchantReferenceId":"INV-1","noteToBuyer":"四月分/\\"A\\""}}',
        id="create charge, authorise only, with texts",
    ),
    pytest.param(
        CaptureCharge(amount_yen=10_000_000),
        '{"captureAmount":{"amount":"10000000","currencyCode":"JPY"}}',
        id="capture",
    ),
    pytest.param(
        CancelCharge(cancellation_reason="在庫なし"),
        '{"cancellationReason":"在庫なし"}',
        id="cancel",
    ),
    pytest.param(
        CreateRefund(charge_id="S03-5890444-1926095-C064126", amount_yen=980),
        '{"chargeId":"S03-5890444-1926095-C064126",'
        '"refundAmount":{"amount":"980","currencyCode":"JPY"}}',
        id="refund",
    ),
    pytest.param(
        CloseChargePermission(closure_reason="退会"),
        '{"cancelPendingCharges":false,"closureReason":"退会"}',
        id="close",
    ),
    pytest.param(
        UpdateChargePermission(
            recurring_metadata=RecurringMetadata(
                frequency_unit=FrequencyUnit.MONTH, frequency_value=1, amount_yen=1500
            )
        ),
        '{"recurringMetadata":{"amount":{"amount":"1500","currencyCode":"JPY"},'
        '"frequency":{"unit":"Month","value":"1"}}}',
        id="update, the frequency value is text",
    ),
    pytest.param(
        UpdateChargePermission(
            merchant_metadata=MerchantMetadata(merchant_store_name="店"),
            recurring_metadata=RecurringMetadata(
                frequency_unit=FrequencyUnit.VARIABLE, frequency_value=0
            ),
        ),
        '{"merchantMetadata":{"merchantStoreName":"店"},'
        '"recurringMetadata":{"amount":null,"frequency":{"unit":"Variable","value":"0"}}}',
        id="update, variable",
    ),
]


@pytest.mark.parametrize(("request_", "text"), FROZEN)
def test_canonical_bytes(request_, text):
    assert request_.to_bytes() == text.encode("utf-8")


def charge(**changes):
    values = {"charge_permission_id": "C03-1442027-5744374", "amount_yen": 1} | changes
    return CreateCharge(**values)


REFUSED = [
    pytest.param(lambda: charge(amount_yen=0), "amount_yen", id="0 yen"),
    pytest.param(lambda: charge(amount_yen=-1), "amount_yen", id="negative"),
    pytest.param(lambda: charge(amount_yen=10_000_001), "amount_yen", id="over 10,000,000"),
    pytest.param(lambda: charge(amount_yen=500.0), "amount_yen", id="a float"),
    pytest.param(lambda: charge(amount_yen=True), "amount_yen", id="a bool"),
    pytest.param(lambda: charge(amount_yen="500"), "amount_yen", id="a text"),
    pytest.param(lambda: CaptureCharge(amount_yen=0), "amount_yen", id="capture of 0"),
    pytest.param(
        lambda: CreateRefund(charge_id="S03", amount_yen=0), "amount_yen", id="refund of 0"
    ),
    pytest.param(
        lambda: charge(charge_permission_id=""), "charge_permission_id", id="no permission"
    ),
    pytest.param(
        lambda: charge(capture_now=True, can_handle_pending_authorization=True),
        "can_handle_pending_authorization",
        id="capture now and pending",
    ),
    pytest.param(
        lambda: CloseChargePermission(closure_reason=""), "closure_reason", id="empty reason"
    ),
    pytest.param(
        lambda: CloseChargePermission(closure_reason="x" * 256), "closure_reason", id="256 long"
    ),
    pytest.param(
        lambda: CancelCharge(cancellation_reason="\ud800"), "cancellation_reason", id="surrogate"
    ),
    pytest.param(
        lambda: MerchantMetadata(merchant_store_name="x" * 51), "merchant_store_name", id="51 long"
    ),
    pytest.param(UpdateChargePermission, "merchant_metadata", id="an update of nothing"),
    pytest.param(
        lambda: RecurringMetadata(frequency_unit=FrequencyUnit.MONTH, frequency_value=0),
        "frequency_value",
        id="every 0 months",
    ),
    pytest.param(
        lambda: RecurringMetadata(frequency_unit=FrequencyUnit.VARIABLE, frequency_value=1),
        "frequency_value",
        id="variable with a value",
    ),
    pytest.param(
        lambda: RecurringMetadata(frequency_unit=FrequencyUnit.DAY, frequency_value=-3),
        "frequency_value",
        id="every -3 days",
    ),
]


@pytest.mark.parametrize(("make", "field"), REFUSED)
def test_what_amazon_would_refuse_is_refused_here(make, field):
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert caught.value.field == field
    assert caught.value.remedy in str(caught.value)


@given(st.integers(min_value=1, max_value=10_000_000), st.text(max_size=255))
def test_the_body_is_a_pure_function_and_loses_nothing(yen, note):
    def body():
        return charge(
            amount_yen=yen, merchant_metadata=MerchantMetadata(note_to_buyer=note)
        ).to_bytes()

    assert body() == body()
    sent = json.loads(body())
    assert sent["chargeAmount"] == {"amount": str(yen), "currencyCode": "JPY"}
    assert sent["merchantMetadata"] == {"noteToBuyer": note}
