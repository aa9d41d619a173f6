"""The official Node SDK lives the whole life of a recurring agreement here, with both algorithms.

Nothing of ours builds, signs or sends these requests; we only play the buyer and the clock.
"""

import json
from collections.abc import Iterator

import pytest
from button_click import click
from node_sdk import NodeSdk, node_sdk
from shop_steps import (
    buyer_chooses,
    buyer_pays,
    charge_body,
    price,
    session_payload,
    session_update,
)
from support.sandbox import Sandbox

pytestmark = pytest.mark.xdist_group("node-sdk")


@pytest.fixture(params=["AMZN-PAY-RSASSA-PSS", "AMZN-PAY-RSASSA-PSS-V2"])
def sdk(request: pytest.FixtureRequest, amazon: Sandbox) -> Iterator[NodeSdk]:
    """A client of the SDK."""
    with node_sdk(amazon, algorithm=request.param) as client:
        yield client


def key(name: str) -> dict[str, str]:
    # The letter case of the SDK's README, kept in SignedHeaders by the SDK.
    return {"x-amz-pay-Idempotency-Key": name}


def consent(sdk: NodeSdk, amazon: Sandbox, *, intent: str = "AuthorizeWithCapture") -> str:
    """A recurring checkout from the first call to the completed one; the permission's id."""
    made = sdk("createCheckoutSession", session_payload(amazon.store_id), key("checkout"))
    assert (made.status, made.body["statusDetails"]["state"]) == (201, "Open")
    session_id = made.body["checkoutSessionId"]
    buyer_chooses(amazon, session_id)

    chosen = sdk("getCheckoutSession", session_id)
    assert chosen.body["buyer"]["email"]
    assert chosen.body["paymentPreferences"][0]["paymentDescriptor"]
    ready = sdk("updateCheckoutSession", session_id, session_update(1980, intent))
    assert ready.body["constraints"] == []
    assert ready.body["webCheckoutDetails"]["amazonPayRedirectUrl"].endswith(session_id)
    buyer_pays(amazon, session_id)

    wrong = sdk("completeCheckoutSession", session_id, {"chargeAmount": price(1)})
    assert (wrong.status, wrong.body["reasonCode"]) == (409, "AmountMismatch")
    done = sdk("completeCheckoutSession", session_id, {"chargeAmount": price(1980)})
    assert (done.status, done.body["statusDetails"]["state"]) == (200, "Completed")
    assert bool(done.body["chargeId"]) == (intent != "Confirm")
    permission_id: str = done.body["chargePermissionId"]
    return permission_id


def test_checkout_renewals_refund_and_close(sdk: NodeSdk, amazon: Sandbox) -> None:
    permission_id = consent(sdk, amazon)
    permission = sdk("getChargePermission", permission_id).body
    assert permission["statusDetails"]["state"] == "Chargeable"
    assert permission["merchantMetadata"]["merchantStoreName"] == "山のコーヒー"
    # 100,000 a month by default, 1,980 of it were taken at the checkout.
    assert permission["limits"] == {"amountLimit": price(100_000), "amountBalance": price(98_020)}

    first = sdk("createCharge", charge_body(permission_id, 1980), key("renewal-2"))
    again = sdk("createCharge", charge_body(permission_id, 1980), key("renewal-2"))
    assert (first.status, first.body["statusDetails"]["state"]) == (201, "Captured")
    assert again.body == first.body
    other = sdk("createCharge", charge_body(permission_id, 1981), key("renewal-2"))
    assert (other.status, other.body["reasonCode"]) == (400, "DuplicateIdempotencyKey")
    charge_id = first.body["chargeId"]
    assert sdk("getCharge", charge_id).body == first.body

    refund = sdk(
        "createRefund", {"chargeId": charge_id, "refundAmount": price(980)}, key("refund-1")
    )
    assert (refund.status, refund.body["statusDetails"]["state"]) == (201, "RefundInitiated")
    amazon.advance(31)
    refunded = sdk("getRefund", refund.body["refundId"]).body
    assert refunded["statusDetails"]["state"] == "Refunded"
    assert sdk("getCharge", charge_id).body["refundedAmount"] == price(980)

    changed = sdk(
        "updateChargePermission",
        permission_id,
        {"recurringMetadata": {"frequency": {"unit": "Month", "value": "2"}, "amount": None}},
    )
    assert changed.body["recurringMetadata"]["frequency"] == {"unit": "Month", "value": "2"}

    closed = sdk(
        "closeChargePermission",
        permission_id,
        {"closureReason": "お客様のご希望", "cancelPendingCharges": False},
    )
    assert closed.body["statusDetails"]["state"] == "Closed"
    assert closed.body["statusDetails"]["reasons"] == [
        {"reasonCode": "MerchantClosed", "reasonDescription": "お客様のご希望"}
    ]
    late = sdk("createCharge", charge_body(permission_id, 1980), key("renewal-3"))
    assert (late.status, late.body["reasonCode"]) == (422, "InvalidChargePermissionStatus")
    # Checkout and one renewal; the replay and the three refusals made no charge.
    assert [row["amount"] for row in amazon.charges()] == [1980, 1980]


def test_goods_are_authorised_then_captured_or_cancelled(sdk: NodeSdk, amazon: Sandbox) -> None:
    permission_id = consent(sdk, amazon, intent="Confirm")
    shipped = sdk("createCharge", charge_body(permission_id, 3000, capture=False), key("ship-1"))
    assert shipped.body["statusDetails"]["state"] == "Authorized"
    captured = sdk("captureCharge", shipped.body["chargeId"], {"captureAmount": price(2500)})
    assert captured.body["captureAmount"] == price(2500)

    returned = sdk("createCharge", charge_body(permission_id, 3000, capture=False), key("ship-2"))
    cancelled = sdk(
        "cancelCharge", returned.body["chargeId"], {"cancellationReason": "在庫がありません"}
    )
    assert cancelled.body["statusDetails"]["state"] == "Canceled"
    assert cancelled.body["statusDetails"]["reasonDescription"] == "在庫がありません"


@pytest.mark.parametrize(
    ("code", "permission_state"),
    [
        ("SoftDeclined", "Chargeable"),
        ("HardDeclined", "NonChargeable"),
        ("AmazonRejected", "Closed"),
        ("TransactionTimedOut", "Chargeable"),
    ],
)
def test_a_simulated_decline(
    sdk: NodeSdk, amazon: Sandbox, code: str, permission_state: str
) -> None:
    (permission,) = amazon.create_permissions([{}])
    permission_id = permission["chargePermissionId"]
    # This SDK signs every header that its caller gives, the simulation code too.
    headers = key("renewal-1") | {"x-amz-pay-simulation-code": code}
    declined = sdk("createCharge", charge_body(permission_id, 1980), headers)
    assert (declined.status, declined.body["reasonCode"]) == (422, code)
    after = sdk("getChargePermission", permission_id).body["statusDetails"]["state"]
    assert after == permission_state


def test_sign_in_reports_and_delivery(sdk: NodeSdk, amazon: Sandbox) -> None:
    buyer = amazon.call("GET", "/buyers")["items"][0]
    given = {"buyerId": buyer["buyerId"], "scopes": ["name", "email"]}
    token = amazon.call("POST", "/buyer-tokens", given)["buyerToken"]
    signed_in = sdk("getBuyer", token).body
    assert (signed_in["buyerId"], signed_in["email"]) == (buyer["buyerId"], buyer["email"])

    permission_id = consent(sdk, amazon)
    tracker = {
        "chargePermissionId": permission_id,
        "deliveryDetails": [{"trackingNumber": "123456789012", "carrierCode": "YAMATO"}],
    }
    assert sdk("deliveryTrackers", tracker, key("parcel-1")).body == tracker | {
        "amazonOrderReferenceId": None
    }

    kind = "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_SANDBOX_SETTLEMENT_DATA_"
    day = amazon.clock()
    wanted = {
        "reportType": kind,
        "startTime": day.strftime("%Y%m%dT000000Z"),
        "endTime": day.strftime("%Y%m%dT235959Z"),
    }
    report_id = sdk("createReport", wanted, key("report-1")).body["reportId"]
    amazon.advance(10)
    report = sdk("getReportById", report_id).body
    assert report["processingStatus"] == "COMPLETED"
    listed = sdk("getReports", {"reportTypes": [kind], "processingStatuses": ["COMPLETED"]})
    assert [row["reportId"] for row in listed.body["reports"]] == [report_id]
    document = sdk("getReportDocument", report["reportDocumentId"]).body
    assert document["compressionAlgorithm"] == "N/A"

    schedule = {
        "reportType": kind,
        "scheduleFrequency": "P1D",
        "nextReportCreationTime": day.strftime("%Y%m%dT235959Z"),
        "deleteExistingSchedule": True,
    }
    schedule_id = sdk("createReportSchedule", schedule, key("daily")).body["reportScheduleId"]
    assert sdk("getReportScheduleById", schedule_id).body["scheduleFrequency"] == "P1D"
    assert sdk("cancelReportSchedule", schedule_id).status == 204
    assert sdk("getReportSchedules", [kind]).body["reportSchedules"] == []


def test_refusals_reach_its_caller_in_amazons_shape(sdk: NodeSdk, amazon: Sandbox) -> None:
    unknown = sdk("getCharge", "S03-0000000-0000000-C000000")
    assert (unknown.status, unknown.body["reasonCode"]) == (404, "ResourceNotFound")
    assert unknown.headers["x-amz-pay-request-id"]
    (permission,) = amazon.create_permissions([{"amountLimit": 1000}])
    capped = sdk("createCharge", charge_body(permission["chargePermissionId"], 1001), key("cap"))
    assert (capped.status, capped.body["reasonCode"]) == (400, "PeriodicAmountExceeded")
    strange = charge_body(permission["chargePermissionId"], 1) | {"charge_amount": 1}
    refused = sdk("createCharge", strange, key("strange"))
    assert (refused.status, refused.body["reasonCode"]) == (400, "UnrecognizedField")


def test_a_button_that_it_signed_opens_the_checkout(
    sdk: NodeSdk, amazon: Sandbox, request: pytest.FixtureRequest
) -> None:
    algorithm: str = request.node.callspec.params["sdk"]
    text = json.dumps(session_payload(amazon.store_id), ensure_ascii=False)
    signature = sdk.sign(text)
    assert click(amazon, payload=text, signature=signature, algorithm=algorithm) == 200
    changed = text.replace("1980", "1")
    assert click(amazon, payload=changed, signature=signature, algorithm=algorithm) == 403
