"""Answers of Amazon Pay for the client's tests, in the reference's key order, with its nulls."""

from typing import Any

from wire_helpers import CHARGE_ID, PERMISSION_ID, charge_json

SESSION_ID = "26be7331-7dc2-4722-be22-f7e75582d3ef"
REPORT_ID = "A08439021T39K6DTX4JS8"
STORE_ID = "amzn1.application-oa2-client.8b5e45312b5248b69eeaacde0e1a1b3c"


def yen(amount: int) -> dict[str, str]:
    """A price."""
    return {"amount": str(amount), "currencyCode": "JPY"}


ADDRESS = {
    "name": "山田 花子",
    "addressLine1": "目黒区下目黒1-8-1",
    "addressLine2": "アルコタワー",
    "addressLine3": None,
    "city": None,
    "county": None,
    "district": None,
    "stateOrRegion": "東京都",
    "postalCode": "153-0064",
    "countryCode": "JP",
    "phoneNumber": "0312345678",
}
BUYER = {
    "buyerId": "amzn1.account.AHQZ2TEST",
    "name": "山田 花子",
    "email": "hanako@example.jp",
    "phoneNumber": "0312345678",
    "primeMembershipTypes": None,
}
SIGNED_IN = {
    "buyerId": "amzn1.account.AHQZ2TEST",
    "name": "山田 花子",
    "email": "hanako@example.jp",
    "postalCode": "153-0064",
    "countryCode": "JP",
    "phoneNumber": None,
    "shippingAddress": ADDRESS,
    "billingAddress": None,
    "primeMembershipTypes": [],
}


def session_json(**changes: Any) -> dict[str, Any]:
    """An Open recurring session after the buyer's return."""
    return {
        "checkoutSessionId": SESSION_ID,
        "webCheckoutDetails": {
            "checkoutReviewReturnUrl": "https://shop.example.jp/review",
            "checkoutResultReturnUrl": "https://shop.example.jp/done",
            "checkoutCancelUrl": None,
            "amazonPayRedirectUrl": "https://payments.amazon.co.jp/checkout/processing?x=1",
            "checkoutMode": None,
        },
        "chargePermissionType": "Recurring",
        "recurringMetadata": {"frequency": {"unit": "Month", "value": "1"}, "amount": yen(1500)},
        "productType": "PayAndShip",
        "paymentDetails": {
            "paymentIntent": "AuthorizeWithCapture",
            "canHandlePendingAuthorization": False,
            "chargeAmount": yen(1500),
            "totalOrderAmount": None,
            "presentmentCurrency": "JPY",
            "softDescriptor": None,
            "allowOvercharge": None,
            "extendExpiration": None,
        },
        "merchantMetadata": {
            "merchantReferenceId": "SUB-1",
            "merchantStoreName": "店",
            "noteToBuyer": None,
            "customInformation": None,
        },
        "supplementaryData": None,
        "buyer": BUYER,
        "billingAddress": None,
        "paymentPreferences": [{"paymentDescriptor": "Visa ****1111 (Amazon Pay)"}],
        "statusDetails": {
            "state": "Open",
            "reasonCode": None,
            "reasonDescription": None,
            "lastUpdatedTimestamp": "20260401T000000Z",
        },
        "shippingAddress": ADDRESS,
        "platformId": None,
        "chargePermissionId": None,
        "chargeId": None,
        "constraints": [
            {"constraintId": "ChargeAmountNotSet", "description": "chargeAmount is not set."}
        ],
        "creationTimestamp": "20260401T000000Z",
        "expirationTimestamp": "20260402T000000Z",
        "storeId": STORE_ID,
        "deliverySpecifications": None,
        "providerMetadata": {"providerReferenceId": None},
        "releaseEnvironment": "Sandbox",
        "checkoutButtonText": None,
        "somethingNew": {"kept": True},
    } | changes


COMPLETED = session_json(
    statusDetails={"state": "Completed", "lastUpdatedTimestamp": "20260401T000100Z"},
    buyer=None,
    shippingAddress=None,
    paymentPreferences=None,
    paymentDetails=None,
    constraints=None,
    chargePermissionId=PERMISSION_ID,
    chargeId=CHARGE_ID,
)
REPORT = {
    "reportId": REPORT_ID,
    "reportType": "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_SETTLEMENT_DATA_",
    "startTime": "20260301T000000Z",
    "endTime": "20260314T000000Z",
    "createdTime": "20260314T010000Z",
    "processingStatus": "COMPLETED",
    "processingStartTime": "20260314T010001Z",
    "processingEndTime": "2026-03-14T01:00:02.5Z",
    "reportDocumentId": "amzn1-doc-1",
}
DOCUMENT = {
    "reportDocumentId": "amzn1-doc-1",
    "url": "https://reports.example.com/file?signature=SECRET",
    "compressionAlgorithm": "N/A",
}
SCHEDULE = {
    "reportScheduleId": "SCHED1",
    "reportType": "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_REFUND_DATA_",
    "scheduleFrequency": "P14D",
    "nextReportCreationTime": "20260415T000000Z",
}
DISBURSEMENT = {
    "sellerId": "A1EXAMPLE",
    "settlementId": "S-1",
    "amazonDisbursementReferenceId": "AMZN-REF-1",
    "amount": "1000.00",
    "currencyCode": "JPY",
    "transactionTime": "2022-12-07T17:08:26.717Z",
}
TRACKER = {
    "chargePermissionId": PERMISSION_ID,
    "amazonOrderReferenceId": None,
    "deliveryDetails": [{"trackingNumber": "1234", "carrierCode": "YAMATO"}],
}
CHARGE = charge_json()
