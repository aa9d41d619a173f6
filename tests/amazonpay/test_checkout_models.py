"""Sessions, buyers, addresses, reports and payouts as typed objects; nothing personal is shown."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from client_samples import (
    ADDRESS,
    BUYER,
    COMPLETED,
    DISBURSEMENT,
    DOCUMENT,
    REPORT,
    SCHEDULE,
    SESSION_ID,
    SIGNED_IN,
    TRACKER,
    session_json,
    yen,
)
from hypothesis import given
from hypothesis import strategies as st
from wire_helpers import CHARGE_ID, PERMISSION_ID

from amazonpay import (
    AuthorizationToken,
    Buyer,
    ChargePermission,
    CheckoutSession,
    CreatedReport,
    CreatedReportSchedule,
    DeliveryTracker,
    Disbursement,
    DisbursementPage,
    Report,
    ReportDocument,
    ReportPage,
    ReportSchedule,
    ReportScheduleList,
)
from amazonpay.reading import MalformedResponse, optional_report_instant

PERMISSION = {
    "chargePermissionId": PERMISSION_ID,
    "chargePermissionReferenceId": None,
    "chargePermissionType": "Recurring",
    "platformId": "PF",
    "buyer": BUYER,
    "shippingAddress": ADDRESS,
    "billingAddress": None,
    "paymentPreferences": [None, {"paymentDescriptor": "Visa ****1111"}, {}],
    "statusDetails": {"state": "Chargeable", "reasons": None},
    "presentmentCurrency": "JPY",
}


def test_an_open_session():
    session = CheckoutSession.from_json(session_json(), request_id="req-1")
    assert (session.checkout_session_id, session.state) == (SESSION_ID, "Open")
    assert [c.constraint_id for c in session.constraints] == ["ChargeAmountNotSet"]
    assert session.web_checkout_details.amazon_pay_redirect_url.startswith("https://payments.")
    assert session.payment_details.payment_intent == "AuthorizeWithCapture"
    assert session.payment_details.charge_amount_yen == 1500
    assert session.payment_details.can_handle_pending_authorization is False
    assert (session.frequency_unit, session.frequency_value) == ("Month", "1")
    assert session.recurring_amount_yen == 1500
    assert session.buyer.buyer_id == "amzn1.account.AHQZ2TEST"
    assert session.shipping_address.state_or_region == "東京都"
    assert session.billing_address is None
    assert session.payment_descriptors == ("Visa ****1111 (Amazon Pay)",)
    assert session.expires_at - session.created_at == timedelta(hours=24)
    assert session.raw["somethingNew"] == {"kept": True}


def test_a_completed_session_has_ids_and_no_person():
    session = CheckoutSession.from_json(COMPLETED)
    assert (session.charge_permission_id, session.charge_id) == (PERMISSION_ID, CHARGE_ID)
    assert session.buyer is None
    assert session.payment_details.charge_amount_yen is None
    assert session.constraints == ()


def test_the_least_a_session_holds():
    bare = {"checkoutSessionId": SESSION_ID, "statusDetails": {"state": "Canceled"}}
    assert CheckoutSession.from_json(dict.fromkeys(session_json()) | bare) == (
        CheckoutSession.from_json(bare)
    )


def test_several_shipping_addresses_are_json_inside_texts():
    texts = [json.dumps(ADDRESS), json.dumps({"name": "B"}, ensure_ascii=False)]
    session = CheckoutSession.from_json(session_json(shippingAddressList=texts))
    assert [address.name for address in session.shipping_addresses] == ["山田 花子", "B"]
    unreadable = session_json(shippingAddressList=["no json"])
    assert CheckoutSession.from_json(unreadable).shipping_addresses == ()


def test_a_permission_with_its_person():
    permission = ChargePermission.from_json(PERMISSION)
    assert permission.buyer.email == "hanako@example.jp"
    assert permission.buyer_id == permission.buyer.buyer_id
    assert permission.shipping_address.postal_code == "153-0064"
    assert permission.payment_descriptors == ("Visa ****1111",)
    assert (permission.platform_id, permission.presentment_currency) == ("PF", "JPY")


@pytest.mark.parametrize("buyer", [None, {}, {"buyerId": None, "name": None}])
def test_a_permission_whose_person_is_forgotten(buyer):
    permission = ChargePermission.from_json(PERMISSION | {"buyer": buyer})
    assert permission.buyer is None
    assert permission.buyer_id is None


def test_who_signed_in():
    buyer = Buyer.from_json(SIGNED_IN)
    assert (buyer.postal_code, buyer.country_code) == ("153-0064", "JP")
    assert buyer.phone_number is None
    assert buyer.shipping_address.address_line1 == "目黒区下目黒1-8-1"
    assert buyer.prime_membership_types == ()
    assert Buyer.from_json({"buyerId": "A"}) == Buyer.from_json(
        dict.fromkeys(SIGNED_IN) | {"buyerId": "A"}
    )


PERSONAL = [
    pytest.param(CheckoutSession.from_json(session_json(supplementaryData="花子")), id="session"),
    pytest.param(ChargePermission.from_json(PERMISSION), id="permission"),
    pytest.param(Buyer.from_json(SIGNED_IN), id="buyer"),
    pytest.param(Buyer.from_json(SIGNED_IN).shipping_address, id="address"),
]


@pytest.mark.parametrize("thing", PERSONAL)
def test_nobody_is_shown(thing):
    for secret in ("花子", "hanako", "目黒", "0064", "031234", "1111"):
        assert secret not in repr(thing)
        assert secret not in str(thing)


def test_links_and_tokens_are_not_shown():
    assert "SECRET" not in repr(ReportDocument.from_json(DOCUMENT))
    token = AuthorizationToken.from_json({"authorizationToken": "SECRET"})
    assert token.token == "SECRET"
    assert "SECRET" not in repr(token)


def test_a_report():
    report = Report.from_json(REPORT)
    assert (report.processing_status, report.report_type.known) == ("COMPLETED", True)
    assert report.start_time == datetime(2026, 3, 1, tzinfo=UTC)
    assert report.processing_ended_at == datetime(2026, 3, 14, 1, 0, 2, 500_000, tzinfo=UTC)
    assert report.report_document_id == "amzn1-doc-1"


def test_pages_and_lists():
    page = ReportPage.from_json({"reports": [REPORT, REPORT], "nextToken": "t"})
    assert (len(page.reports), page.next_token) == (2, "t")
    assert ReportPage.from_json({"reports": [], "nextToken": ""}).next_token is None
    schedules = ReportScheduleList.from_json({"reportSchedules": [SCHEDULE]})
    assert schedules.report_schedules[0].schedule_frequency == "P14D"
    payouts = DisbursementPage.from_json({"disbursements": [DISBURSEMENT]})
    assert payouts.disbursements[0].amount_yen == 1000
    assert payouts.next_token is None


def test_a_tracker():
    tracker = DeliveryTracker.from_json(TRACKER)
    assert tracker.charge_permission_id == PERMISSION_ID
    assert [d.carrier_code for d in tracker.deliveries] == ["YAMATO"]


@pytest.mark.parametrize(
    ("amount", "whole"),
    [("1000", 1000), ("1000.00", 1000), ("1000.0", 1000), ("-980.00", -980), ("0", 0)],
)
def test_payouts_in_yen(amount, whole):
    payout = Disbursement.from_json(DISBURSEMENT | {"amount": amount})
    assert payout.amount_yen == payout.amount == whole
    assert type(payout.amount_yen) is int
    assert payout.raw["amount"] == amount
    assert payout.transaction_time == datetime(2022, 12, 7, 17, 8, 26, 717_000, tzinfo=UTC)


def test_payouts_in_another_currency_stay_exact():
    payout = Disbursement.from_json(DISBURSEMENT | {"amount": "1000.50", "currencyCode": "USD"})
    assert (payout.amount, payout.amount_yen) == (Decimal("1000.50"), None)


MALFORMED = [
    (CheckoutSession, session_json(), "checkoutSessionId", None),
    (CheckoutSession, session_json(), "statusDetails", {}),
    (CheckoutSession, session_json(), "constraints", [{"description": "x"}]),
    (CheckoutSession, session_json(), "paymentDetails", {"chargeAmount": yen(1) | {"amount": 1}}),
    (CheckoutSession, session_json(), "paymentDetails", {"allowOvercharge": "yes"}),
    (Buyer, SIGNED_IN, "buyerId", ""),
    (Buyer, SIGNED_IN, "primeMembershipTypes", "PRIME"),
    (Report, REPORT, "reportId", None),
    (Report, REPORT, "startTime", "March"),
    (Report, REPORT, "endTime", "2026-02-31T00:00:00Z"),
    (ReportPage, {"reports": []}, "reports", None),
    (ReportPage, {"reports": []}, "reports", ["x"]),
    (ReportDocument, DOCUMENT, "url", None),
    (ReportSchedule, SCHEDULE, "reportScheduleId", 1),
    (ReportScheduleList, {"reportSchedules": []}, "reportSchedules", None),
    (CreatedReport, {"reportId": "R"}, "reportId", None),
    (CreatedReportSchedule, {"reportScheduleId": "R"}, "reportScheduleId", None),
    (DeliveryTracker, TRACKER, "deliveryDetails", "x"),
    (Disbursement, DISBURSEMENT, "amount", None),
    (Disbursement, DISBURSEMENT, "amount", "1000.50"),
    (Disbursement, DISBURSEMENT, "amount", "1e3"),
    (Disbursement, DISBURSEMENT, "amount", "1,000"),
    (Disbursement, DISBURSEMENT, "amount", 1000.0),
    (Disbursement, DISBURSEMENT, "currencyCode", None),
    (Disbursement, DISBURSEMENT, "settlementId", None),
    (DisbursementPage, {"disbursements": []}, "disbursements", {}),
    (AuthorizationToken, {"authorizationToken": "t"}, "authorizationToken", 7),
]


@pytest.mark.parametrize(("kind", "source", "field", "value"), MALFORMED)
def test_what_is_not_as_documented_is_malformed(kind, source, field, value):
    kind.from_json(source)
    with pytest.raises(MalformedResponse):
        kind.from_json(source | {field: value})


TIMES = ["20220804T010203Z", "2022-08-04T01:02:03Z", "2022-08-04T01-02-03Z"]


@pytest.mark.parametrize("text", [*TIMES, "2022-08-04T01:02:03.000Z"])
def test_report_times_in_every_form(text):
    expected = datetime(2022, 8, 4, 1, 2, 3, tzinfo=UTC)
    assert optional_report_instant({"at": text}, "at") == expected


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from(["%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H-%M-%S.%fZ"]),
)
def test_report_times_round_trip(at, form):
    text = at.strftime(form).rjust(len("2022-08-04T01:02:03.000000Z"), "0")
    assert optional_report_instant({"at": text}, "at") == at


WORDS = st.text(min_size=1)


@given(state=WORDS, constraint=WORDS, intent=WORDS, product=WORDS)
def test_words_from_the_future_survive(state, constraint, intent, product):
    session = CheckoutSession.from_json(
        session_json(
            statusDetails={"state": state, "reasonCode": product},
            constraints=[{"constraintId": constraint}],
            paymentDetails={"paymentIntent": intent},
            productType=product,
        )
    )
    assert (session.state, session.reason_code) == (state, product)
    assert session.constraints[0].constraint_id == constraint
    assert session.payment_details.payment_intent == intent


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(field=st.sampled_from(sorted(session_json())), value=JSON)
def test_any_json_gives_a_session_or_malformed(field, value):
    source = session_json(**{field: value})
    try:
        session = CheckoutSession.from_json(source)
    except MalformedResponse:
        return
    assert session.raw == source
