"""Payloads of buttons: what they say, always in the same bytes, and what they refuse to say."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_helpers import vectors

from amazonpay.buttons import CheckoutSessionPayload, SignInPayload, UpgradePayload
from amazonpay.errors import InvalidArgument
from amazonpay.requests import (
    MerchantMetadata,
    PaymentDetails,
    RecurringMetadata,
    WebCheckoutDetails,
)
from amazonpay.states import (
    ChargePermissionType,
    CheckoutMode,
    CheckoutScope,
    FrequencyUnit,
    PaymentIntent,
)

STORE = "amzn1.application-oa2-client.example"
REVIEW = WebCheckoutDetails(checkout_review_return_url="https://shop.example.jp/review")
ONE_PAGE = WebCheckoutDetails(
    checkout_mode=CheckoutMode.PROCESS_ORDER,
    checkout_result_return_url="https://shop.example.jp/result",
)
MONTHLY = RecurringMetadata(frequency_unit=FrequencyUnit.MONTH, frequency_value=1, amount_yen=1500)
VARIABLE = RecurringMetadata(frequency_unit=FrequencyUnit.VARIABLE, frequency_value=0)
CAPTURE = PaymentDetails(
    payment_intent=PaymentIntent.AUTHORIZE_WITH_CAPTURE, charge_amount_yen=1500
)
RECURRING = ChargePermissionType.RECURRING
ONE_TIME = CheckoutSessionPayload(store_id=STORE, web_checkout_details=REVIEW)
SIGN_IN = SignInPayload(sign_in_return_url="https://shop.example.jp/signin", store_id=STORE)
UPGRADE = UpgradePayload(
    store_id=STORE,
    charge_permission_id="S03-5890444-1926095",
    recurring_metadata=MONTHLY,
    web_checkout_details=WebCheckoutDetails(
        checkout_result_return_url="https://shop.example.jp/result"
    ),
)


def published(name):
    return next(row["payload"] for row in vectors()["buttons"] if row["name"] == name)


def test_the_published_recurring_payload():
    payload = CheckoutSessionPayload(
        store_id=STORE,
        web_checkout_details=REVIEW,
        scopes=(
            CheckoutScope.NAME,
            CheckoutScope.EMAIL,
            CheckoutScope.PHONE_NUMBER,
            CheckoutScope.BILLING_ADDRESS,
        ),
        charge_permission_type=RECURRING,
        recurring_metadata=MONTHLY,
    )
    assert json.loads(payload.to_json_text()) == json.loads(published("button-recurring-v2"))


def test_the_published_one_page_payload():
    payload = CheckoutSessionPayload(
        store_id=STORE,
        web_checkout_details=ONE_PAGE,
        charge_permission_type=RECURRING,
        recurring_metadata=VARIABLE,
        payment_details=CAPTURE,
    )
    theirs = json.loads(published("button-object-payload-v2"))
    # The product type is an option of the button; the vector repeats it inside.
    assert theirs.pop("productType") == "PayOnly"
    assert json.loads(payload.to_json_text()) == theirs


def test_the_published_sign_in_payload_to_the_byte():
    payload = replace(
        SIGN_IN,
        sign_in_scopes=(
            CheckoutScope.NAME,
            CheckoutScope.EMAIL,
            CheckoutScope.POSTAL_CODE,
            CheckoutScope.SHIPPING_ADDRESS,
            CheckoutScope.PHONE_NUMBER,
        ),
    )
    assert payload.to_json_text() == published("signin-v2")


def test_an_upgrade_names_account_permission_and_plan():
    text = UPGRADE.to_json_text(merchant_id="A1", checkout_language="ja_JP", product_type="PayOnly")
    assert json.loads(text) == {
        "merchantId": "A1",
        "ledgerCurrency": "JPY",
        "checkoutLanguage": "ja_JP",
        "productType": "PayOnly",
        "webCheckoutDetails": {"checkoutResultReturnUrl": "https://shop.example.jp/result"},
        "storeId": STORE,
        "chargePermissionId": "S03-5890444-1926095",
        "chargePermissionType": "Recurring",
        "recurringMetadata": {
            "frequency": {"unit": "Month", "value": "1"},
            "amount": {"amount": "1500", "currencyCode": "JPY"},
        },
    }


def test_the_type_is_always_said_and_nothing_else_is_added():
    assert json.loads(ONE_TIME.to_json_text()) == {
        "storeId": STORE,
        "webCheckoutDetails": {"checkoutReviewReturnUrl": "https://shop.example.jp/review"},
        "chargePermissionType": "OneTime",
    }


REFUSED = [
    ("recurring_metadata", {"charge_permission_type": RECURRING}),
    ("recurring_metadata", {"recurring_metadata": MONTHLY}),
    ("charge_permission_type", {"charge_permission_type": ChargePermissionType("Weekly")}),
    (
        "charge_permission_type",
        {"charge_permission_type": ChargePermissionType.PAYMENT_METHOD_ON_FILE},
    ),
    ("store_id", {"store_id": "amzn1.application-oa2-client."}),
    ("store_id", {"store_id": "example"}),
    ("scopes", {"scopes": (CheckoutScope.NAME, CheckoutScope.NAME)}),
    ("scopes", {"scopes": (CheckoutScope("shoeSize"),)}),
    ("payment_details", {"web_checkout_details": ONE_PAGE}),
    (
        "payment_details",
        {
            "web_checkout_details": ONE_PAGE,
            "payment_details": PaymentDetails(payment_intent=PaymentIntent.CONFIRM),
        },
    ),
    (
        "checkout_review_return_url",
        {
            "web_checkout_details": replace(
                ONE_PAGE, checkout_review_return_url="https://shop.example.jp/review"
            ),
            "payment_details": CAPTURE,
        },
    ),
    (
        "checkout_review_return_url",
        {
            "web_checkout_details": WebCheckoutDetails(
                checkout_result_return_url="https://shop.example.jp/result"
            )
        },
    ),
    (
        "checkout_mode",
        {"web_checkout_details": replace(REVIEW, checkout_mode=CheckoutMode("Fast"))},
    ),
    (
        "payment_intent",
        {"payment_details": PaymentDetails(payment_intent=PaymentIntent("Reserve"))},
    ),
    (
        "extend_expiration",
        {
            "charge_permission_type": RECURRING,
            "recurring_metadata": MONTHLY,
            "payment_details": PaymentDetails(extend_expiration=True),
        },
    ),
]


@pytest.mark.parametrize(
    ("field", "changes"),
    [pytest.param(*row, id=f"{number} {row[0]}") for number, row in enumerate(REFUSED)],
)
def test_a_payload_amazon_would_refuse_is_not_made(field, changes):
    with pytest.raises(InvalidArgument) as caught:
        replace(ONE_TIME, **changes)
    assert caught.value.field == field
    assert caught.value.rule
    assert caught.value.remedy


USABLE_URLS = [
    "https://shop.example.jp/review",
    "https://shop.example.jp:8443/r?a=1&b=%E3%81%82",
    "https://xn--r8jz45g.example/",
    "http://localhost/review",
    "http://localhost:3000/review?x=1",
]
REFUSED_URLS = [
    "",
    "/review",
    "shop.example.jp/review",
    "http://shop.example.jp/review",
    "http://localhost.example.jp/",
    "http://localhost@shop.example.jp/",
    "https://user:pass@shop.example.jp/",
    "https://",
    "https:///review",
    "https://shop.example.jp/#top",
    "https://shop.example.jp/a b",
    "https://shop.example.jp/\n",
    "https://shop.example.jp/\\evil",
    'https://shop.example.jp/"',
    "https://日本.example/",
    "https://shop.example.jp:port/",
    "https://[::1/",
    "javascript:alert(1)",
    "ftp://shop.example.jp/",
]


@pytest.mark.parametrize("url", USABLE_URLS)
def test_addresses_a_buyer_can_be_sent_to(url):
    assert replace(SIGN_IN, sign_in_return_url=url).sign_in_return_url == url


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_other_addresses_are_refused_everywhere(url):
    with pytest.raises(InvalidArgument) as caught:
        replace(SIGN_IN, sign_in_return_url=url)
    assert caught.value.field == "sign_in_return_url"
    with pytest.raises(InvalidArgument):
        replace(ONE_TIME, web_checkout_details=replace(REVIEW, checkout_cancel_url=url))
    with pytest.raises(InvalidArgument):
        replace(UPGRADE, web_checkout_details=WebCheckoutDetails(checkout_result_return_url=url))


@pytest.mark.parametrize("permission", ["C03-5890444-1926095", "S03-5890444-1926095-C064126", ""])
def test_only_a_one_time_permission_is_upgraded(permission):
    with pytest.raises(InvalidArgument, match="one-time"):
        replace(UPGRADE, charge_permission_id=permission)


def test_an_upgrade_returns_to_a_result_page():
    with pytest.raises(InvalidArgument, match="result page"):
        replace(UPGRADE, web_checkout_details=REVIEW)


@given(st.text(max_size=60))
def test_any_url_text_is_taken_or_refused_and_never_breaks(url):
    try:
        payload = replace(SIGN_IN, sign_in_return_url=url)
    except InvalidArgument:
        return
    assert json.loads(payload.to_json_text())["signInReturnUrl"] == url


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255))
def test_any_text_survives_and_the_payload_is_ascii(note):
    payload = replace(ONE_TIME, merchant_metadata=MerchantMetadata(note_to_buyer=note))
    text = payload.to_json_text()
    assert text.isascii()
    assert text == replace(payload).to_json_text()
    assert json.loads(text)["merchantMetadata"] == {"noteToBuyer": note}
