"""The options that `amazonpay.buttons` makes, taken by the button script as they are."""

from typing import Any

import pytest
from browser_shop import Shop
from playwright.sync_api import Page, expect

from amazonpay import (
    CheckoutMode,
    CheckoutScope,
    Credentials,
    FrequencyUnit,
    PaymentDetails,
    PaymentIntent,
    ProductType,
    RecurringMetadata,
    WebCheckoutDetails,
    load_private_key,
)
from amazonpay.buttons import (
    ButtonAccount,
    ButtonLook,
    CheckoutSessionPayload,
    Placement,
    SignInPayload,
    UpgradePayload,
    checkout_button,
    sign_in_button,
    upgrade_action,
)

YAMADA = "山田 花子"
LOOK = ButtonLook(placement=Placement.CART)
MONTHLY = RecurringMetadata(frequency_unit=FrequencyUnit.MONTH, frequency_value=1, amount_yen=1_980)


@pytest.fixture
def account(ready: dict[str, Any]) -> ButtonAccount:
    with open(ready["private_key_file"], "rb") as file:
        key = load_private_key(file.read())
    credentials = Credentials(public_key_id=ready["public_key_id"], private_key=key)
    return ButtonAccount(
        merchant_id=ready["merchant_id"], credentials=credentials, environment="sandbox"
    )


def at_localhost(shop: Shop) -> str:
    """The shop under the one name that Amazon lets go without https."""
    return shop.url.replace("127.0.0.1", "localhost")


def paid_at_once(shop: Shop, account: ButtonAccount) -> str:
    """Options of a one-time, one-page checkout, as they stand in the page."""
    payload = CheckoutSessionPayload(
        store_id=shop.ready["store_id"],
        web_checkout_details=WebCheckoutDetails(
            checkout_mode=CheckoutMode.PROCESS_ORDER,
            checkout_result_return_url=f"{at_localhost(shop)}/result",
        ),
        payment_details=PaymentDetails(
            payment_intent=PaymentIntent.AUTHORIZE_WITH_CAPTURE, charge_amount_yen=1_980
        ),
    )
    return checkout_button(
        account=account, payload=payload, product_type=ProductType.PAY_ONLY, look=LOOK
    ).to_json_script()


def upgraded(shop: Shop, account: ButtonAccount, permission_id: str) -> str:
    payload = UpgradePayload(
        store_id=shop.ready["store_id"],
        charge_permission_id=permission_id,
        recurring_metadata=MONTHLY,
        web_checkout_details=WebCheckoutDetails(
            checkout_result_return_url=f"{at_localhost(shop)}/result"
        ),
    )
    return upgrade_action(
        account=account, payload=payload, product_type=ProductType.PAY_ONLY
    ).to_json_script()


def test_a_payment_and_its_upgrade(page: Page, shop: Shop, account: ButtonAccount) -> None:
    shop.page_script = f"amazon.Pay.renderButton('#pay', {paid_at_once(shop, account)});"
    page.goto(at_localhost(shop))
    page.locator("#pay button").click()
    page.get_by_role("button", name=YAMADA).click()
    page.get_by_role("button", name="1,980円 を支払う").click()
    expect(page.get_by_role("heading", name="result 200")).to_be_visible()
    assert shop.completed is not None
    once = shop.completed.json["chargePermissionId"]

    shop.page_script = f"amazon.Pay.bindUpgradeAction('#own', {upgraded(shop, account, once)});"
    page.goto(at_localhost(shop))
    page.locator("#own").click()
    page.get_by_label("毎月 1,980円").check()
    page.get_by_role("button", name="同意して続ける").click()
    expect(page.get_by_role("heading", name="result 200")).to_be_visible()
    assert (once[0], shop.completed.json["chargePermissionId"][0]) == ("S", "C")


def test_a_sign_in(page: Page, shop: Shop, account: ButtonAccount) -> None:
    payload = SignInPayload(
        sign_in_return_url=f"{at_localhost(shop)}/signed-in",
        store_id=shop.ready["store_id"],
        sign_in_scopes=(CheckoutScope.NAME,),
    )
    options = sign_in_button(account=account, payload=payload, look=LOOK).to_json_script()
    shop.page_script = f"amazon.Pay.renderButton('#pay', {options});"
    page.goto(at_localhost(shop))
    page.locator("#pay button").click()
    page.get_by_role("button", name=YAMADA).click()
    page.locator("form[action*='/signin/consent'] button").click()
    expect(page.get_by_role("heading", name=f"hello {YAMADA}")).to_be_visible()
