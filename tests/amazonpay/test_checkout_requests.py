"""What we send in a checkout: canonical bytes, and combinations refused before they leave."""

import json

import pytest
from client_samples import STORE_ID
from hypothesis import given
from hypothesis import strategies as st

from amazonpay import (
    AddressDetails,
    AddressRestrictionType,
    CaptureCharge,
    ChargeChannel,
    ChargeInitiator,
    ChargePermissionType,
    CheckoutMode,
    CheckoutScope,
    CompleteCheckoutSession,
    CreateCharge,
    CreateCheckoutSession,
    CreateDeliveryTracker,
    CreateRefund,
    DeliveryDetail,
    DeliverySpecifications,
    FinalizeCheckoutSession,
    FrequencyUnit,
    InvalidArgument,
    MerchantMetadata,
    PaymentDetails,
    PaymentIntent,
    RecurringMetadata,
    RegionRestriction,
    UpdateCharge,
    UpdateCheckoutSession,
    WebCheckoutDetails,
)

MONTHLY = RecurringMetadata(frequency_unit=FrequencyUnit.MONTH, frequency_value=1, amount_yen=1500)
REVIEW = WebCheckoutDetails(checkout_review_return_url="https://shop.example.jp/r")
ONE_PAGE = WebCheckoutDetails(
    checkout_result_return_url="https://shop.example.jp/d",
    checkout_mode=CheckoutMode.PROCESS_ORDER,
)
ADDRESS = AddressDetails(
    name="山田 花子", address_line1="下目黒1-8-1", postal_code="153-0064", state_or_region="東京都"
)
ADDRESS_JSON = (
    '{"addressLine1":"下目黒1-8-1","countryCode":"JP","name":"山田 花子",'
    '"postalCode":"153-0064","stateOrRegion":"東京都"}'
)
PARCEL = DeliveryDetail(tracking_number="1", carrier_code="SAGAWA")
PAY_1500 = '"chargeAmount":{"amount":"1500","currencyCode":"JPY"}'


def session(**members):
    return CreateCheckoutSession(**{"store_id": STORE_ID, "web_checkout_details": REVIEW} | members)


CANONICAL = [
    pytest.param(
        session(),
        f'{{"storeId":"{STORE_ID}",'
        '"webCheckoutDetails":{"checkoutReviewReturnUrl":"https://shop.example.jp/r"}}',
        id="the least of a session",
    ),
    pytest.param(
        session(
            charge_permission_type=ChargePermissionType.RECURRING,
            recurring_metadata=MONTHLY,
            scopes=(CheckoutScope.NAME, CheckoutScope.PHONE_NUMBER),
            delivery_specifications=DeliverySpecifications(
                special_restrictions=("RestrictPOBoxes",),
                restriction_type=AddressRestrictionType.ALLOWED,
                restrictions={"JP": RegionRestriction(states_or_regions=("東京都",))},
            ),
            provider_reference_id="P-1",
        ),
        '{"chargePermissionType":"Recurring","deliverySpecifications":{"addressRestrictions":'
        '{"restrictions":{"JP":{"statesOrRegions":["東京都"]}},"type":"Allowed"},'
        '"specialRestrictions":["RestrictPOBoxes"]},'
        '"providerMetadata":{"providerReferenceId":"P-1"},"recurringMetadata":'
        '{"amount":{"amount":"1500","currencyCode":"JPY"},'
        '"frequency":{"unit":"Month","value":"1"}},'
        f'"scopes":["name","phoneNumber"],"storeId":"{STORE_ID}",'
        '"webCheckoutDetails":{"checkoutReviewReturnUrl":"https://shop.example.jp/r"}}',
        id="a recurring session",
    ),
    pytest.param(
        session(
            web_checkout_details=ONE_PAGE,
            payment_details=PaymentDetails(
                payment_intent=PaymentIntent.CONFIRM, charge_amount_yen=1500
            ),
            address_details=ADDRESS,
        ),
        f'{{"addressDetails":{ADDRESS_JSON},'
        f'"paymentDetails":{{{PAY_1500},"paymentIntent":"Confirm"}},"storeId":"{STORE_ID}",'
        '"webCheckoutDetails":{"checkoutMode":"ProcessOrder",'
        '"checkoutResultReturnUrl":"https://shop.example.jp/d"}}',
        id="a session on one page, with its address",
    ),
    pytest.param(
        UpdateCheckoutSession(
            payment_details=PaymentDetails(
                payment_intent=PaymentIntent.AUTHORIZE,
                charge_amount_yen=1500,
                can_handle_pending_authorization=True,
                extend_expiration=False,
            ),
            merchant_metadata=MerchantMetadata(merchant_reference_id="A"),
        ),
        '{"merchantMetadata":{"merchantReferenceId":"A"},"paymentDetails":{'
        f'"canHandlePendingAuthorization":true,{PAY_1500},"extendExpiration":false,'
        '"paymentIntent":"Authorize"}}',
        id="update",
    ),
    pytest.param(CompleteCheckoutSession(amount_yen=1500), f"{{{PAY_1500}}}", id="complete"),
    pytest.param(
        CompleteCheckoutSession(amount_yen=1500, total_order_amount_yen=2000),
        f'{{{PAY_1500},"totalOrderAmount":{{"amount":"2000","currencyCode":"JPY"}}}}',
        id="complete a part of the order",
    ),
    pytest.param(
        FinalizeCheckoutSession(
            amount_yen=1500,
            payment_intent=PaymentIntent.AUTHORIZE_WITH_CAPTURE,
            shipping_address=ADDRESS,
        ),
        f'{{{PAY_1500},"paymentIntent":"AuthorizeWithCapture","shippingAddress":{ADDRESS_JSON}}}',
        id="finalize",
    ),
    pytest.param(
        CreateDeliveryTracker(
            amazon_order_reference_id="S01-5797829-1888777", deliveries=(PARCEL,)
        ),
        '{"amazonOrderReferenceId":"S01-5797829-1888777",'
        '"deliveryDetails":[{"carrierCode":"SAGAWA","trackingNumber":"1"}]}',
        id="parcels of a CV1 order",
    ),
    pytest.param(
        CreateCharge(
            charge_permission_id="B03",
            amount_yen=1500,
            charge_initiator=ChargeInitiator.MERCHANT_RECURRING,
            channel=ChargeChannel.WEB,
            platform_id="PF",
            provider_reference_id="P",
            checkout_result_return_url="http://localhost:8080/x",
        ),
        '{"canHandlePendingAuthorization":false,"captureNow":true,"channel":"Web",'
        f'{PAY_1500},"chargeInitiator":"MITR","chargePermissionId":"B03","platformId":"PF",'
        '"providerMetadata":{"providerReferenceId":"P"},'
        '"webCheckoutDetails":{"checkoutResultReturnUrl":"http://localhost:8080/x"}}',
        id="a charge with everything",
    ),
]


@pytest.mark.parametrize(("request_", "text"), CANONICAL)
def test_canonical_bytes_of_a_checkout(request_, text):
    assert request_.to_bytes().decode() == text


def pay(**members):
    return PaymentDetails(**members)


def details(**members):
    return WebCheckoutDetails(**members)


RECURRING = ChargePermissionType.RECURRING
WITH_CAPTURE = PaymentIntent.AUTHORIZE_WITH_CAPTURE
REFUSED = [
    (lambda: session(charge_permission_type=RECURRING), "recurring_metadata"),
    (lambda: session(recurring_metadata=MONTHLY), "recurring_metadata"),
    (
        lambda: session(
            charge_permission_type=ChargePermissionType.ONE_TIME, recurring_metadata=MONTHLY
        ),
        "recurring_metadata",
    ),
    (lambda: UpdateCheckoutSession(charge_permission_type=RECURRING), "recurring_metadata"),
    (lambda: session(store_id=""), "store_id"),
    (lambda: session(charge_permission_id="C03-1"), "charge_permission_id"),
    (lambda: session(setup_only=True), "setup_only"),
    (lambda: session(address_details=ADDRESS), "address_details"),
    (lambda: session(web_checkout_details=ONE_PAGE), "payment_details"),
    (
        lambda: session(
            web_checkout_details=ONE_PAGE, payment_details=pay(payment_intent=WITH_CAPTURE)
        ),
        "payment_details",
    ),
    (lambda: session(supplementary_data="x" * 4097), "supplementary_data"),
    (UpdateCheckoutSession, "web_checkout_details"),
    (lambda: details(), "checkout_review_return_url"),
    (lambda: details(checkout_mode=CheckoutMode.PROCESS_ORDER), "checkout_result_return_url"),
    (pay, "payment_intent"),
    (
        lambda: pay(payment_intent=WITH_CAPTURE, can_handle_pending_authorization=True),
        "can_handle_pending_authorization",
    ),
    (
        lambda: FinalizeCheckoutSession(
            amount_yen=1, payment_intent=WITH_CAPTURE, can_handle_pending_authorization=True
        ),
        "can_handle_pending_authorization",
    ),
    (lambda: pay(charge_amount_yen=0), "charge_amount_yen"),
    (lambda: pay(total_order_amount_yen=10_000_001), "total_order_amount_yen"),
    (lambda: pay(presentment_currency="USD"), "presentment_currency"),
    (lambda: pay(charge_amount_yen=1, soft_descriptor="SHOP"), "soft_descriptor"),
    (lambda: CompleteCheckoutSession(amount_yen=0), "amount_yen"),
    (lambda: DeliverySpecifications(), "special_restrictions"),
    (lambda: DeliverySpecifications(restrictions={"JP": RegionRestriction()}), "restriction_type"),
    (
        lambda: DeliverySpecifications(
            restriction_type=AddressRestrictionType.ALLOWED,
            restrictions={"JPN": RegionRestriction()},
        ),
        "restrictions",
    ),
    (lambda: CreateDeliveryTracker(deliveries=(PARCEL,)), "charge_permission_id"),
    (
        lambda: CreateDeliveryTracker(
            charge_permission_id="C", amazon_order_reference_id="S", deliveries=(PARCEL,)
        ),
        "charge_permission_id",
    ),
    (lambda: CreateDeliveryTracker(charge_permission_id="C", deliveries=()), "deliveries"),
    (lambda: DeliveryDetail(tracking_number="", carrier_code="X"), "tracking_number"),
    (
        lambda: CreateCharge(charge_permission_id="C", amount_yen=1, soft_descriptor="SHOP"),
        "soft_descriptor",
    ),
    (lambda: CaptureCharge(amount_yen=1, soft_descriptor="SHOP"), "soft_descriptor"),
    (lambda: CreateRefund(charge_id="S", amount_yen=1, soft_descriptor=""), "soft_descriptor"),
    (lambda: UpdateCharge(members={}), "members"),
    (lambda: UpdateCharge(members={"amount": 1.5}), "members"),
    (lambda: UpdateCharge(members={"a": [{"b": "\ud800"}]}), "members"),
]


@pytest.mark.parametrize(("make", "field"), REFUSED)
def test_combinations_amazon_would_refuse(make, field):
    with pytest.raises(InvalidArgument) as caught:
        make()
    assert caught.value.field == field
    assert caught.value.remedy in str(caught.value)


URLS = {
    "https://shop.example.jp/戻る": True,
    "https://shop.example.jp:8443/a?b=c": True,
    "http://localhost:3000/": True,
    "http://127.0.0.1/": True,
    "http://[::1]:80/": True,
    "http://shop.example.jp/": False,
    "http://localhost.example.jp/": False,
    "ftp://localhost/": False,
    "//shop.example.jp/": False,
    "shop.example.jp": False,
    "https://": False,
    "https://[": False,
    "https://shop.example.jp/a b": False,
    "https://shop.example.jp/a\nb": False,
    "javascript:alert(1)": False,
    "": False,
    "https://x/" + "a" * 2048: False,
}


@pytest.mark.parametrize(("url", "usable"), URLS.items())
def test_a_return_address_is_https_or_this_machine(url, usable):
    if usable:
        assert details(checkout_result_return_url=url).to_json()["checkoutResultReturnUrl"] == url
        return
    with pytest.raises(InvalidArgument, match="checkout_result_return_url"):
        details(checkout_result_return_url=url)


def test_an_address_never_shows_itself():
    payment = pay(payment_intent=WITH_CAPTURE, charge_amount_yen=1)
    request = session(
        web_checkout_details=ONE_PAGE, address_details=ADDRESS, payment_details=payment
    )
    shown = repr(request)
    assert "花子" not in shown
    assert "下目黒" not in shown
    with pytest.raises(InvalidArgument) as caught:
        session(address_details=ADDRESS)
    assert "花子" not in str(caught.value)


LONGEST = {"name": 50, "address_line1": 180, "address_line2": 60, "address_line3": 60}
LONGEST |= {"city": 50, "county": 50, "district": 50}


@pytest.mark.parametrize(("field", "longest"), LONGEST.items())
def test_each_part_of_an_address_has_its_length(field, longest):
    parts = {name: getattr(ADDRESS, name) for name in AddressDetails.__slots__}
    assert AddressDetails(**parts | {field: "あ" * longest})
    with pytest.raises(InvalidArgument, match=field):
        AddressDetails(**parts | {field: "あ" * (longest + 1)})


@given(
    st.integers(1, 10_000_000),
    st.sampled_from(list(PaymentIntent)),
    st.none() | st.booleans(),
    st.text(max_size=256),
)
def test_a_session_update_loses_nothing(amount, intent, pending, reference):
    if intent == PaymentIntent.AUTHORIZE_WITH_CAPTURE:
        pending = None
    sent = json.loads(
        UpdateCheckoutSession(
            payment_details=pay(
                payment_intent=intent,
                charge_amount_yen=amount,
                can_handle_pending_authorization=pending,
            ),
            merchant_metadata=MerchantMetadata(merchant_reference_id=reference),
        ).to_bytes()
    )
    assert sent["paymentDetails"]["chargeAmount"] == {"amount": str(amount), "currencyCode": "JPY"}
    assert sent["paymentDetails"]["paymentIntent"] == intent
    assert sent["paymentDetails"].get("canHandlePendingAuthorization") is pending
    assert sent["merchantMetadata"] == {"merchantReferenceId": reference}
