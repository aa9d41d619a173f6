"""The button script and the pages in a real browser, with a real shop on another port."""

from typing import Any

import pytest
from browser_shop import Shop
from button_payloads import one_page_payload, recurring_payload, sign_in_payload
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from wire_client import WireClient

YAMADA = "山田 花子"
FIELDS_WITHOUT_LABEL = (
    "[...document.querySelectorAll('input:not([type=hidden])')]"
    ".filter(field => field.labels.length === 0).length"
)


def begin(page: Page, shop: Shop) -> None:
    """From the shop's button to the page with the choices."""
    page.goto(shop.url)
    page.locator("#pay button").click()
    page.get_by_role("button", name=YAMADA).click()


def test_a_whole_recurring_checkout(page: Page, shop: Shop, ready: dict[str, Any]) -> None:
    shop.payload = recurring_payload(ready, shop.url)
    begin(page, shop)
    page.get_by_label("MasterCard ****4444").check()
    page.get_by_label("継続支払い（毎月 1,980円）を承認します").check()
    page.get_by_role("button", name="ショップに戻って続ける").click()
    expect(page.locator("#buyer")).to_have_text(YAMADA)
    expect(page.locator("#card")).to_contain_text("4444")
    page.locator("#confirm").click()
    expect(page.get_by_role("status")).to_contain_text("処理しています")
    expect(page.get_by_role("heading", name="result 200")).to_be_visible()
    assert shop.completed is not None
    assert shop.completed.json["statusDetails"]["state"] == "Completed"
    permission = shop.api("GET", f"/chargePermissions/{shop.completed.json['chargePermissionId']}")
    assert permission.json["statusDetails"]["state"] == "Chargeable"
    assert permission.json["recurringMetadata"]["amount"]["amount"] == "1980"


def test_the_consent_cannot_be_left_out(page: Page, shop: Shop, ready: dict[str, Any]) -> None:
    shop.payload = recurring_payload(ready, shop.url)
    begin(page, shop)
    page.get_by_role("button", name="ショップに戻って続ける").click()
    assert "/checkout/pay" in page.url
    assert page.locator("input[name=consent]:invalid").count() == 1


def test_a_buyer_cancels(page: Page, shop: Shop, ready: dict[str, Any]) -> None:
    shop.payload = recurring_payload(ready, shop.url)
    begin(page, shop)
    page.get_by_role("button", name="キャンセルしてショップに戻る").click()
    expect(page.get_by_role("heading", name="/cancelled")).to_be_visible()


def test_one_page_pays_at_once(page: Page, shop: Shop, ready: dict[str, Any]) -> None:
    shop.payload = one_page_payload(ready, shop.url)
    shop.options = {"productType": "PayOnly", "checkoutLanguage": "en_US"}
    begin(page, shop)
    page.get_by_label("I authorize recurring payments").check()
    page.get_by_role("button", name="Pay ¥1,980").click()
    expect(page.get_by_role("heading", name="result 200")).to_be_visible()


def test_address_and_payment_are_changed_from_the_review_page(
    page: Page, shop: Shop, ready: dict[str, Any]
) -> None:
    shop.payload = recurring_payload(ready, shop.url)
    begin(page, shop)
    page.locator("input[name=consent]").check()
    page.get_by_role("button", name="ショップに戻って続ける").click()
    page.locator("#change").click()
    page.get_by_label("JCB ****0000").check()
    page.get_by_role("button", name="変更を保存").click()
    expect(page.locator("#card")).to_contain_text("0000")
    page.locator("#move").click()
    page.get_by_role("link", name="新しい住所を追加").click()
    for label, value in (
        ("氏名", "山田 次郎"),
        ("郵便番号", "604-8571"),
        ("都道府県", "京都府"),
        ("市区町村", "京都市中京区寺町通御池上る"),
        ("電話番号", "075-000-0000"),
    ):
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="住所を追加").click()
    page.get_by_label("山田 次郎").check()
    page.get_by_role("button", name="変更を保存").click()
    expect(page.locator("#address")).to_contain_text("京都府")
    expect(page.locator("#card")).to_contain_text("0000")


def test_sign_in_and_get_buyer(page: Page, shop: Shop, ready: dict[str, Any]) -> None:
    shop.payload = sign_in_payload(ready, shop.url)
    shop.options = {"productType": "SignIn"}
    shop.config_name = "signInConfig"
    begin(page, shop)
    page.get_by_role("button", name="続行").click()
    expect(page.get_by_role("heading", name=f"hello {YAMADA}")).to_be_visible()
    assert "?from=header&buyerToken=" in page.url
    assert shop.buyer is not None
    assert shop.buyer.json["buyerId"].startswith("amzn1.account.")


def test_the_account_page_ends_an_agreement(page: Page, shop: Shop, ready: dict[str, Any]) -> None:
    shop.payload = one_page_payload(ready, shop.url)
    begin(page, shop)
    page.locator("input[name=consent]").check()
    page.get_by_role("button", name="1,980円 を支払う").click()
    expect(page.get_by_role("heading", name="result 200")).to_be_visible()
    assert shop.completed is not None
    agreement = shop.completed.json["chargePermissionId"]
    page.goto(f"{ready['base_url']}/jr/your-account/ba/{agreement}")
    expect(page.get_by_role("cell", name="1,980円")).to_be_visible()
    page.get_by_role("link", name="契約を終了").click()
    page.get_by_role("button", name="契約を終了する").click()
    expect(page.get_by_role("status")).to_contain_text("終了しました")
    got = shop.api("GET", f"/chargePermissions/{agreement}").json
    assert got["statusDetails"]["reasons"][0]["reasonCode"] == "BuyerClosed"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("amazon.Pay.initCheckout(options);", id="initCheckout"),
        pytest.param(
            "const {createCheckoutSessionConfig, ...rest} = options;"
            "const button = amazon.Pay.renderButton('#pay', rest);"
            "button.onClick(() => button.initCheckout({createCheckoutSessionConfig}));"
            "document.querySelector('#pay .local-amazon-pay').shadowRoot"
            ".querySelector('button').click();",
            id="onClick",
        ),
        pytest.param(
            "document.querySelector('#own').onclick = () => amazon.Pay.initCheckout(options);"
            "document.querySelector('#own').click();",
            id="own-button",
        ),
        pytest.param(
            "options.createCheckoutSessionConfig.payloadJSON += '';"
            "amazon.Pay.renderButton(document.querySelector('#pay'), options);"
            "document.querySelector('#pay .local-amazon-pay').shadowRoot"
            ".querySelector('button').click();",
            id="element-instead-of-selector",
        ),
    ],
)
def test_every_way_to_start_a_checkout(
    page: Page, shop: Shop, ready: dict[str, Any], script: str
) -> None:
    shop.payload = recurring_payload(ready, shop.url)
    shop.page_script = script
    page.goto(shop.url)
    expect(page.get_by_role("heading", name="ログイン")).to_be_visible()


def test_the_older_style_asks_the_shop_for_a_session(
    page: Page, shop: Shop, ready: dict[str, Any]
) -> None:
    shop.payload = recurring_payload(ready, shop.url)
    shop.page_script = (
        "delete options.createCheckoutSessionConfig;"
        "options.createCheckoutSession = {url: '/session', method: 'GET'};"
        "amazon.Pay.renderButton('#pay', options);"
    )
    begin(page, shop)
    expect(page.locator("input[name=consent]")).to_be_visible()


def test_a_one_time_agreement_is_upgraded(page: Page, shop: Shop, ready: dict[str, Any]) -> None:
    recurring = recurring_payload(ready, shop.url)
    shop.payload = one_page_payload(ready, shop.url)
    del shop.payload["chargePermissionType"], shop.payload["recurringMetadata"]
    begin(page, shop)
    page.get_by_role("button", name="1,980円 を支払う").click()
    expect(page.get_by_role("heading", name="result 200")).to_be_visible()
    assert shop.completed is not None
    shop.payload = {
        "storeId": ready["store_id"],
        "chargePermissionId": shop.completed.json["chargePermissionId"],
        "webCheckoutDetails": {"checkoutResultReturnUrl": f"{shop.url}/result"},
        "recurringMetadata": recurring["recurringMetadata"],
    }
    shop.page_script = (
        "amazon.Pay.bindUpgradeAction('#own', "
        "{...options.createCheckoutSessionConfig, merchantId: options.merchantId});"
    )
    page.goto(shop.url)
    page.locator("#own").click()
    page.get_by_label("毎月 1,980円").check()
    page.get_by_role("button", name="同意して続ける").click()
    expect(page.get_by_role("heading", name="result 200")).to_be_visible()
    assert shop.completed.json["chargePermissionId"].startswith("C03-")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param({"merchantId": ""}, "merchantId is required", id="merchant"),
        pytest.param({"placement": "Roof"}, "placement is", id="placement"),
        pytest.param({"ledgerCurrency": "USD"}, "ledgerCurrency is", id="currency"),
        pytest.param({"productType": "SignIn"}, "signInConfig is required", id="no-config"),
        pytest.param(
            {"createCheckoutSessionConfig": {"payloadJSON": {"storeId": "x"}, "signature": "y"}},
            "must be the very text that was signed",
            id="object-as-payload",
        ),
        pytest.param(
            {"estimatedOrderAmount": {"amount": "1.5", "currencyCode": "JPY"}},
            "estimatedOrderAmount must be",
            id="amount",
        ),
    ],
)
def test_wrong_options_are_told_on_the_button_and_in_the_console(
    page: Page, shop: Shop, ready: dict[str, Any], options: dict[str, Any], told: str
) -> None:
    errors: list[ConsoleMessage] = []
    page.on("console", lambda message: errors.append(message))
    shop.payload = recurring_payload(ready, shop.url)
    shop.options = options
    page.goto(shop.url)
    expect(page.get_by_role("alert")).to_contain_text(told)
    assert any(told in message.text for message in errors if message.type == "error")
    # It says that it is disabled, but a click reaches it all the same.
    page.locator("#pay button").click(force=True)
    assert page.url.rstrip("/") == shop.url


def test_a_payload_that_was_changed_in_the_page_is_refused(
    page: Page, shop: Shop, ready: dict[str, Any]
) -> None:
    shop.payload = recurring_payload(ready, shop.url)
    shop.page_script = (
        "const config = options.createCheckoutSessionConfig;"
        "config.payloadJSON = config.payloadJSON.replace('1980', '1');"
        "amazon.Pay.renderButton('#pay', options);"
    )
    page.goto(shop.url)
    page.locator("#pay button").click()
    expect(page.get_by_role("alert")).to_contain_text("署名が payloadJSON と一致しません")


def test_signout_of_the_script_ends_the_log_in(
    page: Page, shop: Shop, ready: dict[str, Any]
) -> None:
    shop.payload = recurring_payload(ready, shop.url)
    begin(page, shop)
    expect(page.locator("input[name=consent]")).to_be_visible()
    page.goto(shop.url)
    page.evaluate("() => new Promise(done => amazon.Pay.signout(done))")
    page.locator("#pay button").click()
    expect(page.get_by_role("heading", name="ログイン")).to_be_visible()


def test_every_page_works_without_javascript(
    browser: Browser, shop: Shop, ready: dict[str, Any], amazon: WireClient
) -> None:
    session = amazon.api("POST", "/checkoutSessions", recurring_payload(ready, shop.url), key="k1")
    plain = browser.new_context(locale="ja-JP", java_script_enabled=False)
    page = plain.new_page()
    found = session.json["checkoutSessionId"]
    page.goto(f"{ready['base_url']}/checkout/pay?amazonCheckoutSessionId={found}")
    page.get_by_label("メールアドレス").fill("hanako.yamada@example.jp")
    page.get_by_label("パスワード").fill("any")
    page.get_by_role("button", name="ログイン", exact=True).click()
    page.locator("input[name=consent]").check()
    page.get_by_role("button", name="ショップに戻って続ける").click()
    page.locator("#confirm").click()
    page.get_by_role("button", name="ショップへ戻る").click()
    expect(page.get_by_role("heading", name="result 200")).to_be_visible()
    plain.close()


@pytest.mark.parametrize("language", ["ja-JP", "en-US"])
@pytest.mark.parametrize("width", [360, 1280], ids=["phone", "desktop"])
def test_pages_fit_their_window_and_name_their_fields(
    browser: Browser, shop: Shop, ready: dict[str, Any], language: str, width: int
) -> None:
    context = browser.new_context(locale=language, viewport={"width": width, "height": 800})
    page = context.new_page()
    shop.payload = recurring_payload(ready, shop.url)
    shop.options = {"checkoutLanguage": language.replace("-", "_")}
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    begin(page, shop)
    for path in (page.url, "/jr/your-account", "/jr/your-account/wallet"):
        page.goto(path if "://" in path else ready["base_url"] + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.documentElement.lang") == language[:2]
        assert page.evaluate(FIELDS_WITHOUT_LABEL) == 0
    context.close()
    assert not errors
