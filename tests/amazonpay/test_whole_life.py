"""The whole life of agreements: our client, both kinds, against a local Amazon Pay over TLS."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from support.sandbox import Sandbox, SandboxStarter
from whole_life_shop import LOOK, MONTHLY, RESULT, REVIEW, Shop, listening, parameter

from amazonpay import (
    CancelCharge,
    CaptureCharge,
    ChargePermissionReason,
    ChargePermissionState,
    ChargePermissionType,
    ChargeState,
    CheckoutConstraint,
    CheckoutMode,
    CheckoutScope,
    CheckoutSessionState,
    CloseChargePermission,
    CompleteCheckoutSession,
    CreateCharge,
    CreateRefund,
    CreateReport,
    DefiniteRefusal,
    ErrorCode,
    FrequencyUnit,
    GetDisbursements,
    GetReports,
    MerchantMetadata,
    Misconfigured,
    PaymentDetails,
    PaymentIntent,
    ProductType,
    RefundState,
    ReportProcessingStatus,
    ReportType,
    SettlementTransactionType,
    WebCheckoutDetails,
    charge_id_from_cv1,
    parse_settlement_report,
)
from amazonpay.buttons import (
    CheckoutSessionPayload,
    SignInPayload,
    UpgradePayload,
    checkout_button,
    sign_in_button,
    upgrade_action,
)
from amazonpay.cv1 import cv2_call
from amazonpay.notifications import ObjectType

START = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def tls_sandbox(start_sandbox: SandboxStarter) -> Iterator[Sandbox]:
    running = start_sandbox(clock=START, options=["--tls"])
    yield running
    start_sandbox.end(running)


@pytest.fixture(params=["sync", "async"])
def shop(tls_sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Shop]:
    tls_sandbox.call("POST", "/reset", {"now": START.isoformat()})
    opened = Shop(tls_sandbox, kind=request.param)
    yield opened
    opened.close()


def renewal(permission_id: str, *, yen: int = 1_980, reference: str = "inv-7") -> CreateCharge:
    return CreateCharge(
        charge_permission_id=permission_id,
        amount_yen=yen,
        merchant_metadata=MerchantMetadata(merchant_reference_id=reference),
    )


def test_from_the_button_to_the_agreement(shop: Shop) -> None:
    session_id = shop.chosen()
    session = shop.amazon.get_checkout_session(session_id)
    assert session.state == CheckoutSessionState.OPEN
    assert session.buyer.name == "山田 花子"
    assert session.shipping_address.state_or_region == "東京都"
    assert "4444" in session.payment_descriptors[0]
    assert (session.frequency_unit, session.recurring_amount_yen) == (FrequencyUnit.MONTH, 1_980)
    assert {each.constraint_id for each in session.constraints} == {
        CheckoutConstraint.CHARGE_AMOUNT_NOT_SET,
        CheckoutConstraint.CHECKOUT_RESULT_RETURN_URL_NOT_SET,
        CheckoutConstraint.PAYMENT_INTENT_NOT_SET,
    }

    done = shop.completed(session_id, intent=PaymentIntent.AUTHORIZE_WITH_CAPTURE, yen=1_980)
    assert (done.state, done.pending) == (CheckoutSessionState.COMPLETED, False)
    assert shop.amazon.get_charge(done.charge_id).state == ChargeState.CAPTURED
    permission = shop.amazon.get_charge_permission(done.charge_permission_id)
    assert permission.state == ChargePermissionState.CHARGEABLE
    assert permission.buyer_id == session.buyer.buyer_id
    # 100,000 - 1,980: the first charge counts.
    assert (permission.amount_limit_yen, permission.amount_balance_yen) == (100_000, 98_020)


def test_a_renewal_is_charged_once_whatever_happens_to_the_answer(shop: Shop) -> None:
    permission_id = shop.agreed()
    body = renewal(permission_id).to_bytes()
    shop.sandbox.faults([{"operation": "createCharge", "kind": "reset_after"}])
    first = shop.amazon.create_charge(body, idempotency_key="cust-1-cycle-7")
    again = shop.amazon.create_charge(body, idempotency_key="cust-1-cycle-7")
    assert first == again
    with pytest.raises(DefiniteRefusal) as refused:
        shop.amazon.create_charge(
            renewal(permission_id, yen=1_981), idempotency_key="cust-1-cycle-7"
        )
    assert refused.value.reason_code == ErrorCode.DUPLICATE_IDEMPOTENCY_KEY
    (charge,) = shop.sandbox.charges()
    assert (charge["chargeId"], charge["amount"]) == (first.charge_id, 1_980)


def test_a_decline_then_another_card_then_the_money(shop: Shop) -> None:
    permission_id = shop.agreed()
    shop.sandbox.patch_permission(permission_id, behaviour=["SoftDeclined", "HardDeclined"])
    for key, code in (("a", ErrorCode.SOFT_DECLINED), ("b", ErrorCode.HARD_DECLINED)):
        with pytest.raises(DefiniteRefusal) as refused:
            shop.amazon.create_charge(renewal(permission_id), idempotency_key=key)
        assert refused.value.reason_code == code
    permission = shop.amazon.get_charge_permission(permission_id)
    assert permission.state == ChargePermissionState.NON_CHARGEABLE
    assert permission.reasons[0].code == ChargePermissionReason.PAYMENT_METHOD_INVALID

    shop.change_card(permission_id, "card-0005")
    mended = shop.amazon.get_charge_permission(permission_id)
    assert mended.state == ChargePermissionState.CHARGEABLE
    assert "0005" in mended.payment_descriptors[0]
    paid = shop.amazon.create_charge(renewal(permission_id), idempotency_key="c")
    assert paid.captured_yen == 1_980


def test_the_change_of_the_card_is_told_by_a_notification(shop: Shop) -> None:
    permission_id = shop.agreed()
    with listening(shop) as bodies:
        shop.sandbox.patch_permission(permission_id, behaviour=["HardDeclined"])
        with pytest.raises(DefiniteRefusal):
            shop.amazon.create_charge(renewal(permission_id), idempotency_key="a")
        shop.change_card(permission_id, "card-0005")
        paid = shop.amazon.create_charge(renewal(permission_id), idempotency_key="b")
        assert shop.sandbox.call("POST", "/ipn/flush")["flushed"]
    receiver = shop.receiver()
    heard = [receiver.receive(body) for body in bodies]
    assert {each.charge_permission_id for each in heard} == {permission_id}
    told = [(each.object_type, each.object_id) for each in heard]
    # NonChargeable, then Chargeable with the other card; then the money.
    assert told.count((ObjectType.CHARGE_PERMISSION, permission_id)) >= 2
    assert (ObjectType.CHARGE, paid.charge_id) in told


def test_capture_at_dispatch_and_give_a_part_back(shop: Shop) -> None:
    done = shop.completed(shop.chosen(), intent=PaymentIntent.AUTHORIZE, yen=3_000)
    charge = shop.amazon.get_charge(done.charge_id)
    assert (charge.state, charge.captured_yen) == (ChargeState.AUTHORIZED, None)
    shop.sandbox.advance(2 * 86_400)
    captured = shop.amazon.capture_charge(
        done.charge_id, CaptureCharge(amount_yen=2_500), idempotency_key="capture"
    )
    assert (captured.state, captured.captured_yen) == (ChargeState.CAPTURED, 2_500)

    refund = shop.amazon.create_refund(
        CreateRefund(charge_id=done.charge_id, amount_yen=700), idempotency_key="refund"
    )
    assert refund.state == RefundState.REFUND_INITIATED
    shop.sandbox.advance(30)
    assert shop.amazon.get_refund(refund.refund_id).state == RefundState.REFUNDED
    assert shop.amazon.get_charge(done.charge_id).refunded_yen == 700
    with pytest.raises(DefiniteRefusal) as refused:
        shop.amazon.cancel_charge(done.charge_id, CancelCharge(cancellation_reason="out of stock"))
    assert refused.value.reason_code == ErrorCode.INVALID_CHARGE_STATUS


def test_the_report_tells_the_charges_that_were_made(shop: Shop) -> None:
    permission_id = shop.agreed()
    made = {}
    for number, yen in enumerate((1_980, 500, 98), start=1):
        request = renewal(permission_id, yen=yen, reference=f"inv-{number}")
        charge = shop.amazon.create_charge(request, idempotency_key=f"cycle-{number}")
        made[charge.charge_id] = (f"inv-{number}", yen)
    created = shop.amazon.create_report(
        CreateReport(
            report_type=ReportType.SANDBOX_SETTLEMENT,
            start_time=START,
            end_time=START + timedelta(days=30),
        ),
        idempotency_key="report",
    )
    shop.sandbox.advance(5)
    report = shop.amazon.get_report(created.report_id)
    assert report.processing_status == ReportProcessingStatus.COMPLETED
    content = shop.amazon.download_report_document(report.report_document_id)
    rows = parse_settlement_report(content).rows
    captures = {
        row.amazon_transaction_id: (row.seller_reference_id, row.transaction_amount_yen)
        for row in rows
        if row.transaction_type == SettlementTransactionType.CAPTURE
    }
    assert captures == made
    pages = list(shop.amazon.report_pages(GetReports(page_size=1)))
    assert [each.report_id for page in pages for each in page.reports] == [created.report_id]


def test_what_was_paid_out_is_what_was_charged_less_the_fees(shop: Shop) -> None:
    permission_id = shop.agreed()
    shop.amazon.create_charge(renewal(permission_id, yen=10_000), idempotency_key="one")
    shop.sandbox.advance(17 * 86_400)
    (page,) = shop.amazon.disbursement_pages(
        GetDisbursements(start_time=START, end_time=START + timedelta(days=17))
    )
    (payout,) = page.disbursements
    rows = shop.sandbox.call("GET", "/transactions")["items"]
    assert payout.amount_yen == sum(row["netAmount"] for row in rows)
    assert payout.seller_id == shop.sandbox.merchant_id
    assert START < payout.transaction_time <= START + timedelta(days=17)


def test_who_signed_in(shop: Shop) -> None:
    options = sign_in_button(
        account=shop.account,
        payload=SignInPayload(
            sign_in_return_url=f"{REVIEW}?from=header",
            store_id=shop.sandbox.store_id,
            sign_in_scopes=(CheckoutScope.NAME, CheckoutScope.EMAIL),
        ),
        look=LOOK,
    )
    back = shop.buyer.submit(shop.buyer.click(options), "/signin/consent")
    buyer = shop.amazon.get_buyer(parameter(back, "buyerToken"))
    assert (buyer.name, buyer.email) == ("山田 花子", "hanako.yamada@example.jp")
    assert (buyer.phone_number, buyer.shipping_address) == (None, None)


def test_a_one_time_payment_becomes_a_recurring_one(shop: Shop) -> None:
    once = shop.completed(
        shop.chosen(recurring=False),
        intent=PaymentIntent.AUTHORIZE_WITH_CAPTURE,
        yen=1_980,
    )
    assert once.charge_permission_id is not None
    options = upgrade_action(
        account=shop.account,
        payload=UpgradePayload(
            store_id=shop.sandbox.store_id,
            charge_permission_id=once.charge_permission_id,
            recurring_metadata=MONTHLY,
            web_checkout_details=WebCheckoutDetails(checkout_result_return_url=RESULT),
        ),
        product_type=ProductType.PAY_AND_SHIP,
    )
    page = shop.buyer.upgrade(options)
    session_id = parameter(
        shop.buyer.submit(page, "/checkout/agree", consent="yes"), "amazonCheckoutSessionId"
    )
    done = shop.amazon.complete_checkout_session(
        session_id, CompleteCheckoutSession(amount_yen=1_980), idempotency_key="upgraded"
    )
    assert done.charge_id is None
    permission = shop.amazon.get_charge_permission(done.charge_permission_id)
    assert permission.type == ChargePermissionType.RECURRING
    assert permission.frequency_unit == FrequencyUnit.MONTH


def test_the_one_page_checkout_needs_no_review_page(shop: Shop) -> None:
    options = checkout_button(
        account=shop.account,
        payload=CheckoutSessionPayload(
            store_id=shop.sandbox.store_id,
            web_checkout_details=WebCheckoutDetails(
                checkout_mode=CheckoutMode.PROCESS_ORDER, checkout_result_return_url=RESULT
            ),
            charge_permission_type=ChargePermissionType.RECURRING,
            recurring_metadata=MONTHLY,
            payment_details=PaymentDetails(
                payment_intent=PaymentIntent.AUTHORIZE_WITH_CAPTURE, charge_amount_yen=1_980
            ),
        ),
        product_type=ProductType.PAY_ONLY,
        look=LOOK,
    )
    back = shop.buyer.submit(shop.buyer.click(options), "/checkout/pay", consent="yes")
    done = shop.amazon.complete_checkout_session(
        parameter(back, "amazonCheckoutSessionId"),
        CompleteCheckoutSession(amount_yen=1_980),
        idempotency_key="one-page",
    )
    assert shop.amazon.get_charge(done.charge_id).captured_yen == 1_980


def test_the_end_is_final(shop: Shop) -> None:
    permission_id = shop.agreed()
    closed = shop.amazon.close_charge_permission(
        permission_id, CloseChargePermission(closure_reason="退会")
    )
    assert closed.state == ChargePermissionState.CLOSED
    assert (closed.reasons[0].code, closed.reasons[0].description) == (
        ChargePermissionReason.MERCHANT_CLOSED,
        "退会",
    )
    with pytest.raises(DefiniteRefusal) as refused:
        shop.amazon.create_charge(renewal(permission_id), idempotency_key="late")
    assert refused.value.reason_code == ErrorCode.INVALID_CHARGE_PERMISSION_STATUS


def test_an_agreement_of_cv1_goes_on_under_its_ids(shop: Shop) -> None:
    agreement, authorization = "C01-8824045-7416542", "S01-5797829-1888777-A043451"
    shop.sandbox.create_permissions(
        [{"id": agreement, "migrated": True, "amountLimit": 50_000, "nulls": ["limits"]}]
    )
    planted = {"id": charge_id_from_cv1(authorization), "chargePermissionId": agreement}
    shop.sandbox.call("POST", "/charges", planted | {"amount": 1_200, "state": "Authorized"})

    def perform(operation: str, **parameters: str):
        call = cv2_call(operation, {name.replace("_", "."): v for name, v in parameters.items()})
        given = [part for part in (call.target_id, call.request) if part is not None]
        named = {} if call.idempotency_key is None else {"idempotency_key": call.idempotency_key}
        return getattr(shop.amazon, call.operation.client_method)(*given, **named)

    money = {"CaptureAmount_Amount": "1200", "CaptureAmount_CurrencyCode": "JPY"}
    old = perform(
        "Capture", AmazonAuthorizationId=authorization, CaptureReferenceId="cap-1", **money
    )
    assert (old.charge_id, old.state) == (planted["id"], ChargeState.CAPTURED)
    permission = perform("GetBillingAgreementDetails", AmazonBillingAgreementId=agreement)
    assert (permission.charge_permission_id, permission.amount_limit_yen) == (agreement, None)
    renewed = shop.amazon.create_charge(renewal(agreement), idempotency_key="cv1-cycle-8")
    assert renewed.charge_permission_id == agreement
    ended = perform("CloseBillingAgreement", AmazonBillingAgreementId=agreement, ClosureReason="x")
    assert ended.state == ChargePermissionState.CLOSED


def test_a_key_is_replaced_while_charges_go_on(shop: Shop) -> None:
    permission_id = shop.agreed()
    old, new = shop.new_key(), shop.new_key()
    both, only_old = shop.client(old, new), shop.client(old)
    first = both.create_charge(renewal(permission_id), idempotency_key="before")
    shop.sandbox.call("DELETE", f"/keys/{old.public_key_id}")
    second = both.create_charge(renewal(permission_id), idempotency_key="after")
    assert first.charge_id != second.charge_id
    with pytest.raises(Misconfigured):
        only_old.get_charge(first.charge_id)
    shop.sandbox.call("DELETE", f"/keys/{new.public_key_id}")
