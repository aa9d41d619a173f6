"""The checkout pages without a browser: choose, agree, return, pay, cancel."""

from collections.abc import Iterator
from typing import Any

import pytest
from button_payloads import MONTHLY, button_fields, one_page_payload, recurring_payload
from page_browser import SUZUKI, YAMADA, Page, PageBrowser, session_id, state_of
from wire_client import WireClient, yen

SHOP = "http://localhost:3000"


@pytest.fixture
def web(amazon: WireClient) -> Iterator[PageBrowser]:
    browser = PageBrowser(amazon.base_url)
    yield browser
    browser.close()


def begin(web: PageBrowser, ready: dict[str, Any], payload: dict[str, Any], **more: str) -> Page:
    """The first page with choices, logged in."""
    return web.log_in(web.click(ready, payload, **more))


def redirect_url(amazon: WireClient, session: str, **payment: Any) -> str:
    """The merchant's update; the path of `amazonPayRedirectUrl`."""
    details = {"paymentIntent": "AuthorizeWithCapture", "chargeAmount": yen(1980), **payment}
    body = {
        "webCheckoutDetails": {"checkoutResultReturnUrl": f"{SHOP}/result?order=7"},
        "paymentDetails": details,
    }
    got = amazon.api("PATCH", f"/checkoutSessions/{session}", body)
    url: str = got.json["webCheckoutDetails"]["amazonPayRedirectUrl"]
    return url[url.index("/checkout/") :]


@pytest.mark.parametrize(
    ("language", "consent"),
    [
        pytest.param("ja_JP", "珈琲定期便 に継続支払い（毎月 1,980円）を承認します", id="japanese"),
        pytest.param(
            "en_US", "recurring payments to 珈琲定期便 (¥1,980 every month)", id="english"
        ),
    ],
)
def test_a_recurring_checkout_from_the_button_to_the_permission(
    amazon: WireClient, web: PageBrowser, ready: dict[str, Any], language: str, consent: str
) -> None:
    page = begin(web, ready, recurring_payload(ready, SHOP), checkoutLanguage=language)
    assert page.status == 200
    assert page.language == language[:2]
    assert consent in page.text

    back = web.choose(page, instrument="card-4444", address="address-2")
    assert back.status == 303
    assert back.location.startswith(f"{SHOP}/review?amazonCheckoutSessionId=")
    session = session_id(back)
    got = amazon.api("GET", f"/checkoutSessions/{session}").json
    assert got["buyer"]["name"] == "山田 花子"
    assert got["shippingAddress"]["stateOrRegion"] == "沖縄県"
    assert "4444" in got["paymentPreferences"][0]["paymentDescriptor"]

    processing = web.get(redirect_url(amazon, session))
    done = web.submit(processing, "/checkout/processing")
    assert done.location == f"{SHOP}/result?order=7&amazonCheckoutSessionId={session}"
    completed = amazon.api(
        "POST", f"/checkoutSessions/{session}/complete", {"chargeAmount": yen(1980)}
    )
    assert completed.status == 200, completed.raw
    assert completed.json["chargePermissionId"].startswith("C03-")


@pytest.mark.parametrize(
    ("recurring", "ja", "en"),
    [
        pytest.param(MONTHLY, "毎月 1,980円", "¥1,980 every month", id="monthly"),
        pytest.param(
            MONTHLY | {"frequency": {"unit": "Week", "value": "2"}},
            "2週間ごと 1,980円",
            "¥1,980 every 2 weeks",
            id="every-two-weeks",
        ),
        pytest.param(
            {"frequency": {"unit": "Year", "value": "1"}},
            "毎年（金額は毎回異なる場合があります）",
            "every year, the amount may differ each time",
            id="no-amount",
        ),
        pytest.param(
            {"frequency": {"unit": "Variable", "value": "0"}},
            "お支払いの間隔と金額は不定期",
            "amount and interval may differ each time",
            id="variable-no-amount",
        ),
        pytest.param(
            MONTHLY | {"frequency": {"unit": "Variable", "value": "0"}},
            "1回 1,980円（お支払いの間隔は不定期）",
            "¥1,980 each time, at irregular intervals",
            id="variable",
        ),
    ],
)
def test_the_consent_names_amount_and_frequency(
    web: PageBrowser, ready: dict[str, Any], recurring: dict[str, Any], ja: str, en: str
) -> None:
    page = begin(web, ready, recurring_payload(ready, SHOP, recurringMetadata=recurring))
    assert ja in page.text
    assert en in web.get(page.url + "&lang=en").text
    assert en in web.get(page.url).text, "the switch is remembered"


def test_the_consent_must_be_ticked(web: PageBrowser, ready: dict[str, Any]) -> None:
    page = begin(web, ready, recurring_payload(ready, SHOP))
    refused = web.choose(page, consent=None, instrument="card-0005")
    assert refused.status == 422
    assert "チェックを入れてください" in refused.text
    assert refused.form("/checkout/pay").fields["instrument"] == "card-0005", "the choice is kept"


def test_a_one_time_payment_asks_for_no_consent(web: PageBrowser, ready: dict[str, Any]) -> None:
    payload = recurring_payload(ready, SHOP)
    del payload["chargePermissionType"], payload["recurringMetadata"]
    page = begin(web, ready, payload, productType="PayOnly")
    assert "consent" not in page.html
    assert "お届け先" not in page.text
    assert web.choose(page, consent=None).location.startswith(f"{SHOP}/review?")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("instrument", "card-9999", id="unknown-card"),
        pytest.param("instrument", None, id="no-card"),
        pytest.param("address", "address-99", id="unknown-address"),
        pytest.param("address", "' OR 1=1 --", id="hostile-address"),
    ],
)
def test_only_what_is_listed_can_be_chosen(
    web: PageBrowser, ready: dict[str, Any], field: str, value: str | None
) -> None:
    page = begin(web, ready, recurring_payload(ready, SHOP))
    refused = web.choose(page, **{field: value})
    assert refused.status == 422
    assert "一覧から選んでください" in refused.text


def test_the_one_page_checkout_pays_at_once(
    amazon: WireClient, web: PageBrowser, ready: dict[str, Any]
) -> None:
    page = begin(web, ready, one_page_payload(ready, SHOP))
    assert "1,980円 を支払う" in page.text
    back = web.choose(page)
    assert back.location.startswith(f"{SHOP}/result?amazonCheckoutSessionId=")
    body = {"chargeAmount": yen(1980)}
    got = amazon.api("POST", f"/checkoutSessions/{session_id(back)}/complete", body)
    assert got.status == 200, got.raw
    assert got.json["chargeId"] is not None


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        pytest.param("card-3064", "BuyerCanceled", id="canceled-by-the-buyer"),
        pytest.param("card-3434", "Declined", id="declined"),
    ],
)
def test_a_simulated_card_ends_the_session_on_the_way_back(
    amazon: WireClient, web: PageBrowser, ready: dict[str, Any], card: str, reason: str
) -> None:
    back = web.choose(begin(web, ready, one_page_payload(ready, SHOP)), instrument=card)
    assert back.location.startswith(f"{SHOP}/result?")
    assert state_of(amazon, session_id(back)) == ("Canceled", reason)


@pytest.mark.parametrize("logged_in", [True, False], ids=["after-log-in", "before-log-in"])
def test_cancelling_leads_to_the_shops_cancel_page(
    amazon: WireClient, web: PageBrowser, ready: dict[str, Any], logged_in: bool
) -> None:
    page = web.click(ready, recurring_payload(ready, SHOP))
    page = web.log_in(page) if logged_in else page
    session = page.url.partition("amazonCheckoutSessionId=")[2]
    back = web.submit(page, "/checkout/cancel")
    assert back.location.startswith(f"{SHOP}/cancelled")
    assert state_of(amazon, session) == ("Canceled", "BuyerCanceled")


def test_without_a_cancel_page_the_buyer_returns_to_the_review_page(
    web: PageBrowser, ready: dict[str, Any]
) -> None:
    payload = recurring_payload(ready, SHOP)
    del payload["webCheckoutDetails"]["checkoutCancelUrl"]
    back = web.submit(web.click(ready, payload), "/checkout/cancel")
    assert back.location.startswith(f"{SHOP}/review?amazonCheckoutSessionId=")


def test_an_expired_session_is_told_as_such(
    amazon: WireClient, web: PageBrowser, ready: dict[str, Any]
) -> None:
    page = begin(web, ready, recurring_payload(ready, SHOP))
    amazon.advance(24 * 3600 + 1)
    refused = web.choose(page)
    assert refused.status == 409
    assert "Canceled Expired" in refused.text


def test_changing_the_payment_keeps_the_address(
    amazon: WireClient, web: PageBrowser, ready: dict[str, Any]
) -> None:
    page = begin(web, ready, recurring_payload(ready, SHOP))
    session = session_id(web.choose(page, address="address-2"))
    query = f"amazonCheckoutSessionId={session}"
    change = web.get(f"/checkout/change?{query}&changeAction=changePayment")
    back = web.submit(change, "/checkout/change", instrument="card-0000")
    assert back.location == f"{SHOP}/review?{query}"
    got = amazon.api("GET", f"/checkoutSessions/{session}").json
    assert "0000" in got["paymentPreferences"][0]["paymentDescriptor"]
    assert got["shippingAddress"]["stateOrRegion"] == "沖縄県"


def test_an_address_can_be_added_and_chosen(
    amazon: WireClient, web: PageBrowser, ready: dict[str, Any]
) -> None:
    page = begin(web, ready, recurring_payload(ready, SHOP))
    entry = web.get(page.url.replace("/pay?", "/address?"))
    wrong = web.submit(entry, "/checkout/address", name="山田 花子", postalCode="12")
    assert wrong.status == 422
    given = {
        "name": "<b>山田</b>",
        "postalCode": "604-8571",
        "stateOrRegion": "京都府",
        "addressLine1": "京都市中京区寺町通御池上る",
        "phoneNumber": "075-000-0000",
    }
    page = web.submit(entry, "/checkout/address", **given)
    assert "<b>山田" not in page.html, "text is escaped"
    session = session_id(web.choose(page, address="address-3"))
    got = amazon.api("GET", f"/checkoutSessions/{session}").json["shippingAddress"]
    assert (got["stateOrRegion"], got["countryCode"]) == ("京都府", "JP")


def test_another_buyer_cannot_pay_for_this_one(
    amazon: WireClient, web: PageBrowser, ready: dict[str, Any]
) -> None:
    page = begin(web, ready, recurring_payload(ready, SHOP))
    processing = redirect_url(amazon, session_id(web.choose(page)))
    other = PageBrowser(web.base_url)
    refused = other.log_in(other.get(processing), SUZUKI)
    other.close()
    assert refused.status == 403
    assert "別の購入者" in refused.text


def test_a_session_that_is_not_ready_cannot_be_paid(
    web: PageBrowser, ready: dict[str, Any]
) -> None:
    session = session_id(web.choose(begin(web, ready, recurring_payload(ready, SHOP))))
    assert web.get(f"/checkout/processing?amazonCheckoutSessionId={session}").status == 409


def test_a_session_made_through_the_api_is_opened_by_its_id(
    amazon: WireClient, web: PageBrowser, ready: dict[str, Any]
) -> None:
    got = amazon.api("POST", "/checkoutSessions", recurring_payload(ready, SHOP), key="made1")
    path = f"/checkout/pay?amazonCheckoutSessionId={got.json['checkoutSessionId']}"
    assert web.choose(web.log_in(web.get(path), YAMADA)).location.startswith(f"{SHOP}/review?")


def test_a_one_time_agreement_becomes_recurring(
    amazon: WireClient, web: PageBrowser, ready: dict[str, Any]
) -> None:
    once = one_page_payload(ready, SHOP)
    del once["chargePermissionType"], once["recurringMetadata"]
    session = session_id(web.choose(begin(web, ready, once), consent=None))
    body = {"chargeAmount": yen(1980)}
    first = amazon.api("POST", f"/checkoutSessions/{session}/complete", body).json
    payload = {
        "storeId": ready["store_id"],
        "chargePermissionId": first["chargePermissionId"],
        "chargePermissionType": "Recurring",
        "recurringMetadata": MONTHLY,
        "webCheckoutDetails": {"checkoutResultReturnUrl": f"{SHOP}/upgraded"},
        "merchantMetadata": {"merchantStoreName": "珈琲定期便"},
    }
    from_button = web.post("/checkout/upgrade", button_fields(ready, payload))
    assert "毎月 1,980円" in from_button.text
    assert web.submit(from_button, "/checkout/agree").status == 422, "the consent is needed"
    back = web.submit(from_button, "/checkout/agree", consent="yes")
    assert back.location.startswith(f"{SHOP}/upgraded?amazonCheckoutSessionId=")
    done = amazon.api("POST", f"/checkoutSessions/{session_id(back)}/complete", body)
    assert done.json["chargePermissionId"].startswith("C03-"), done.raw
