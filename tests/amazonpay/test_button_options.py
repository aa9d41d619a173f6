"""What the page hands to Amazon's script: exact options, signatures, safe embedding."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_button_payloads import CAPTURE, ONE_PAGE, ONE_TIME, SIGN_IN, UPGRADE
from wire_helpers import throwaway_key, vectors

from amazonpay import Algorithm, Credentials, InvalidArgument, verify
from amazonpay.buttons import (
    ButtonAccount,
    ButtonColor,
    ButtonLook,
    ChangeAction,
    CheckoutLanguage,
    PageOptions,
    Placement,
    change_action,
    checkout_button,
    script_url,
    sign_button_payload,
    sign_in_button,
    upgrade_action,
)
from amazonpay.requests import AddressDetails, MerchantMetadata
from amazonpay.signing import string_to_sign
from amazonpay.states import ProductType

SESSION = "3f1d2b9e-6a51-4c5e-9f3a-0d6a2f9b7c11"
CART = ButtonLook(placement=Placement.CART)
ADDRESS = AddressDetails(
    name="山田 太郎",
    address_line1="下目黒1-8-1",
    postal_code="153-0064",
    state_or_region="東京都",
    phone_number="0312345678",
)


def credentials(key_id="SANDBOX-AEXAMPLEPUBLICKEYID0001", algorithm=Algorithm.V2):
    return Credentials(public_key_id=key_id, private_key=throwaway_key(), algorithm=algorithm)


def account(key_id="SANDBOX-AEXAMPLEPUBLICKEYID0001", environment="sandbox", **changes):
    return ButtonAccount(
        merchant_id="A2EXAMPLE",
        credentials=credentials(key_id, **changes),
        environment=environment,
    )


def button(payload=ONE_TIME, *, of=None, product_type=ProductType.PAY_ONLY, **changes):
    return checkout_button(
        account=of or account(), payload=payload, product_type=product_type, look=CART, **changes
    )


def verifies(config):
    return verify(
        public_key=throwaway_key().public_key(),
        algorithm=Algorithm(config["algorithm"]),
        to_sign=string_to_sign(
            algorithm=Algorithm(config["algorithm"]), text=config["payloadJSON"]
        ),
        signature=config["signature"],
    )


def named(rows):
    return [pytest.param(row, id=row["name"]) for row in rows]


@pytest.mark.parametrize("vector", named(vectors()["buttons"]))
def test_a_published_payload_is_carried_and_signed_byte_for_byte(vector):
    signed = sign_button_payload(
        credentials=credentials(algorithm=Algorithm(vector["algorithm"])),
        payload_json=vector["payload"],
    )
    config = signed.to_json()
    assert config["payloadJSON"] == vector["payload"]
    assert config["algorithm"] == vector["algorithm"]
    assert verifies(config)
    # The signature that was published with the vector fits the text we would send.
    assert verifies(config | {"signature": vector["signature"]})


def test_the_options_of_a_checkout_button():
    options = button(estimated_order_amount_yen=1980).to_json()
    config = options.pop("createCheckoutSessionConfig")
    assert options == {
        "merchantId": "A2EXAMPLE",
        "publicKeyId": "SANDBOX-AEXAMPLEPUBLICKEYID0001",
        "ledgerCurrency": "JPY",
        "checkoutLanguage": "ja_JP",
        "productType": "PayOnly",
        "placement": "Cart",
        "buttonColor": "Gold",
        "estimatedOrderAmount": {"amount": "1980", "currencyCode": "JPY"},
    }
    assert set(config) == {"payloadJSON", "signature", "algorithm", "publicKeyId"}
    assert config["payloadJSON"] == ONE_TIME.to_json_text()
    assert verifies(config)


def test_the_options_of_a_sign_in_button():
    look = ButtonLook(
        placement=Placement.HOME,
        button_color=ButtonColor.DARK_GRAY,
        checkout_language=CheckoutLanguage.EN_US,
    )
    options = sign_in_button(account=account(), payload=SIGN_IN, look=look).to_json()
    config = options.pop("signInConfig")
    assert options == {
        "merchantId": "A2EXAMPLE",
        "publicKeyId": "SANDBOX-AEXAMPLEPUBLICKEYID0001",
        "ledgerCurrency": "JPY",
        "checkoutLanguage": "en_US",
        "productType": "SignIn",
        "placement": "Home",
        "buttonColor": "DarkGray",
    }
    assert config["payloadJSON"] == SIGN_IN.to_json_text()
    assert verifies(config)


@pytest.mark.parametrize(
    ("key_id", "environment", "flag"),
    [
        ("SANDBOX-AEXAMPLE", "sandbox", None),
        ("LIVE-AEXAMPLE", "live", None),
        ("AEXAMPLE", "sandbox", True),
        ("AEXAMPLE", "live", False),
    ],
)
def test_the_flag_is_said_only_when_the_key_does_not_say_it(key_id, environment, flag):
    options = button(of=account(key_id, environment)).to_json()
    assert options.get("sandbox") is flag
    assert ("publicKeyId" in options) is (flag is None)
    assert options["createCheckoutSessionConfig"]["publicKeyId"] == key_id


def test_an_upgrade_action():
    options = upgrade_action(
        account=account(algorithm=Algorithm.V1), payload=UPGRADE, product_type=ProductType.PAY_ONLY
    ).to_json()
    assert set(options) == {
        "payloadJSON",
        "signature",
        "algorithm",
        "publicKeyId",
        "upgradeAction",
    }
    assert options["upgradeAction"] == "recurringUpgrade"
    assert options["algorithm"] == "AMZN-PAY-RSASSA-PSS"
    assert json.loads(options["payloadJSON"])["merchantId"] == "A2EXAMPLE"
    assert verifies(options)


@pytest.mark.parametrize("change", list(ChangeAction))
def test_a_change_action(change):
    options = change_action(checkout_session_id=SESSION, change=change)
    assert options.to_json() == {
        "amazonCheckoutSessionId": SESSION,
        "changeAction": change.value,
    }


@pytest.mark.parametrize("session", ["", "a b", "'", "</script>", "あ", "x" * 65])
def test_a_change_action_needs_a_session_id(session):
    with pytest.raises(InvalidArgument, match="checkout_session_id"):
        change_action(checkout_session_id=session, change=ChangeAction.CHANGE_PAYMENT)


def test_localhost_is_for_the_sandbox():
    payload = replace(SIGN_IN, sign_in_return_url="http://localhost:3000/back")
    assert sign_in_button(account=account(), payload=payload, look=CART)
    with pytest.raises(InvalidArgument) as caught:
        sign_in_button(account=account("LIVE-A", "live"), payload=payload, look=CART)
    assert caught.value.field == "sign_in_return_url"


@pytest.mark.parametrize(
    ("product_type", "one_page", "address", "fits"),
    [
        (ProductType.PAY_AND_SHIP, True, ADDRESS, True),
        (ProductType.PAY_AND_SHIP, True, None, False),
        (ProductType.PAY_ONLY, True, ADDRESS, False),
        (ProductType.PAY_ONLY, True, None, True),
        (ProductType.PAY_AND_SHIP, False, None, True),
        (ProductType.PAY_ONLY, False, None, True),
        (ProductType.SIGN_IN, False, None, False),
        (ProductType("Donation"), False, None, False),
    ],
)
def test_goods_on_one_page_need_the_address_and_nothing_else_does(
    product_type, one_page, address, fits
):
    payload = ONE_TIME
    if one_page:
        payload = replace(
            ONE_TIME,
            web_checkout_details=ONE_PAGE,
            payment_details=CAPTURE,
            address_details=address,
        )
    if fits:
        assert button(payload, product_type=product_type)
    else:
        with pytest.raises(InvalidArgument, match=r"address_details|product_type"):
            button(payload, product_type=product_type)


@pytest.mark.parametrize(
    ("field", "merchant_id", "key_id", "environment"),
    [
        ("merchant_id", "", "AEXAMPLE", "sandbox"),
        ("merchant_id", "A'B", "AEXAMPLE", "sandbox"),
        ("public_key_id", "A2", "LIVE-AEXAMPLE", "sandbox"),
        ("public_key_id", "A2", "sandbox-AEXAMPLE", "live"),
        ("public_key_id", "A2", "", "live"),
        ("public_key_id", "A2", "</script>", "live"),
        ("environment", "A2", "AEXAMPLE", "staging"),
    ],
)
def test_an_account_that_does_not_fit_together(field, merchant_id, key_id, environment):
    with pytest.raises(InvalidArgument) as caught:
        ButtonAccount(
            merchant_id=merchant_id, credentials=credentials(key_id), environment=environment
        )
    assert caught.value.field == field


@pytest.mark.parametrize("yen", [0, -1, 1.5, True, 10_000_001])
def test_an_estimate_is_whole_yen(yen):
    with pytest.raises(InvalidArgument, match="estimated_order_amount_yen"):
        button(estimated_order_amount_yen=yen)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '"x"', "{", '{"a": NaN}', '{"a": "\ud800"}', "[" * 100_000]
)
def test_a_payload_text_is_a_json_object(text):
    with pytest.raises(InvalidArgument, match="payload_json"):
        sign_button_payload(credentials=credentials(), payload_json=text)


@pytest.mark.parametrize(
    ("region", "host"), [("jp", "static-fe"), ("na", "static-na"), ("eu", "static-eu")]
)
def test_the_script_of_a_region(region, host):
    assert script_url(region) == f"https://{host}.payments-amazon.com/checkout.js"
    assert script_url() == script_url("jp")


def test_a_region_without_script():
    with pytest.raises(InvalidArgument, match="region"):
        script_url("cn")


def test_the_options_cannot_be_changed_from_outside():
    options = button()
    options.to_json()["merchantId"] = "OTHER"
    assert options.to_json()["merchantId"] == "A2EXAMPLE"


class Scripts(HTMLParser):
    """Collects what a browser would take as the text of script elements."""

    def __init__(self):
        super().__init__()
        self.texts = []
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


HOSTILE = [
    "</script><b>",
    "<!--<script>",
    "]]>",
    "\u2028\u2029",
    "&lt;",
    "';alert(1);//",
    '"\\',
    "\0",
]


@pytest.mark.parametrize("note", HOSTILE)
def test_hostile_text_stays_inside_its_script_element(note):
    payload = replace(ONE_TIME, merchant_metadata=MerchantMetadata(note_to_buyer=note))
    options = button(payload)
    text = options.to_json_script()
    page = Scripts()
    page.feed(f"<script>{text}</script>")
    assert page.tags == ["script"]
    assert json.loads("".join(page.texts)) == options.to_json()


@settings(max_examples=60)  # each example makes an RSA signature
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255))
def test_any_text_survives_page_and_parsing_and_still_verifies(note):
    payload = replace(ONE_TIME, merchant_metadata=MerchantMetadata(note_to_buyer=note))
    text = button(payload).to_json_script()
    assert text.isascii()
    assert not set("<>&'") & set(text)
    config = json.loads(text)["createCheckoutSessionConfig"]
    assert config["payloadJSON"] == payload.to_json_text()
    assert json.loads(config["payloadJSON"])["merchantMetadata"]["noteToBuyer"] == note
    assert verifies(config)


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=40), max_size=4))
def test_escaping_changes_no_value(value):
    options = PageOptions(json.dumps(value))
    assert json.loads(options.to_json_script()) == value
