"""The buyer's own account: agreements, their payments, the wallet."""

from collections.abc import Iterator
from typing import Any

import pytest
from button_payloads import one_page_payload
from page_browser import SUZUKI, PageBrowser, session_id
from wire_client import WireClient, yen

SHOP = "http://localhost:3000"
HOME = "/jr/your-account"


@pytest.fixture
def web(amazon: WireClient) -> Iterator[PageBrowser]:
    browser = PageBrowser(amazon.base_url)
    yield browser
    browser.close()


@pytest.fixture
def agreement(amazon: WireClient, web: PageBrowser, ready: dict[str, Any]) -> str:
    """A monthly agreement of Yamada with card 1111 and its first charge; she is logged in."""
    back = web.submit(
        web.log_in(web.click(ready, one_page_payload(ready, SHOP))), "/checkout/pay", consent="yes"
    )
    body = {"chargeAmount": yen(1980)}
    done = amazon.api("POST", f"/checkoutSessions/{session_id(back)}/complete", body)
    assert done.status == 200, done.raw
    return str(done.json["chargePermissionId"])


def permission(amazon: WireClient, agreement: str) -> tuple[str, str | None]:
    status = amazon.api("GET", f"/chargePermissions/{agreement}").json["statusDetails"]
    reasons = status["reasons"] or [{"reasonCode": None}]
    return status["state"], reasons[0]["reasonCode"]


def test_agreements_are_listed_and_shown(
    amazon: WireClient, web: PageBrowser, agreement: str
) -> None:
    amazon.charge(agreement, 2500, merchantMetadata={"merchantReferenceId": "INV-2"})
    listed = web.get(HOME)
    assert f"{HOME}/ba/{agreement}" in listed.html
    assert "珈琲定期便" in listed.text
    page = web.get(f"{HOME}/ba/{agreement}")
    for text in ("毎月 1,980円", "有効", "2,500円", "支払い済み", "2026年4月1日", "1111"):
        assert text in page.text


def test_a_payment_is_shown_by_charge_id_and_by_order_id(
    amazon: WireClient, web: PageBrowser, agreement: str
) -> None:
    charge = amazon.charge(agreement, 2500).json["chargeId"]
    for order in (charge, charge[:19]):
        page = web.get(f"{HOME}/orders/{order}")
        assert page.status == 200
        assert "2,500円" in page.text
        assert charge in page.text


def test_an_agreement_is_ended_after_a_confirmation(
    amazon: WireClient, web: PageBrowser, agreement: str
) -> None:
    question = web.get(f"{HOME}/ba/{agreement}/end")
    assert permission(amazon, agreement) == ("Chargeable", None), "asking ends nothing"
    page = web.submit(question, "/end")
    assert "契約を終了しました" in page.text
    assert "/payment-method" not in page.html
    assert permission(amazon, agreement) == ("Closed", "BuyerClosed")
    assert amazon.charge(agreement).status == 422


def test_an_ended_agreement_cannot_be_ended_again(
    web: PageBrowser, agreement: str, amazon: WireClient
) -> None:
    question = web.get(f"{HOME}/ba/{agreement}/end")
    web.submit(question, "/end")
    assert web.submit(question, "/end").status == 422


def test_a_new_payment_method_revives_an_agreement(
    amazon: WireClient, web: PageBrowser, agreement: str
) -> None:
    wallet = web.get(f"{HOME}/wallet")
    gone = web.submit(wallet, "/wallet/delete", instrument="card-1111")
    assert "削除しました" in gone.text
    assert "1111" not in gone.text
    assert permission(amazon, agreement) == ("NonChargeable", "PaymentMethodDeleted")
    assert "別の方法に変更してください" in web.get(f"{HOME}/ba/{agreement}").text

    choice = web.get(f"{HOME}/ba/{agreement}/payment-method")
    page = web.submit(choice, "/payment-method", instrument="card-4444")
    assert "変更しました" in page.text
    assert permission(amazon, agreement) == ("Chargeable", None)
    assert amazon.charge(agreement).status == 201


def test_a_card_that_is_not_in_the_wallet_is_refused(web: PageBrowser, agreement: str) -> None:
    choice = web.get(f"{HOME}/ba/{agreement}/payment-method")
    assert web.submit(choice, "/payment-method", instrument="card-9").status == 400


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/ba/{id}", id="agreement"),
        pytest.param("/ba/{id}/end", id="end"),
        pytest.param("/ba/{id}/payment-method", id="payment-method"),
        pytest.param("/orders/{charge}", id="order"),
    ],
)
def test_another_buyer_sees_nothing_of_it(amazon: WireClient, agreement: str, path: str) -> None:
    charge = amazon.charge(agreement).json["chargeId"]
    other = PageBrowser(amazon.base_url)
    other.log_in(other.get(HOME), SUZUKI)
    page = other.get(HOME + path.format(id=agreement, charge=charge))
    other.close()
    assert page.status == 404


@pytest.mark.parametrize("path", ["/ba/{id}", "/ba/{id}/end", "/ba/{id}/payment-method", "/wallet"])
def test_nobody_sees_anything_without_a_log_in(
    amazon: WireClient, agreement: str, path: str
) -> None:
    other = PageBrowser(amazon.base_url)
    page = other.get(HOME + path.format(id=agreement))
    assert page.form("/signin/log-in")
    assert "珈琲定期便" not in page.text
    back = other.log_in(page)
    other.close()
    assert back.url.endswith(path.format(id=agreement)), "the log-in leads back to the deep link"


def test_the_buyer_of_an_agreement_made_by_the_control_surface_can_log_in(
    amazon: WireClient, web: PageBrowser
) -> None:
    made = amazon.permission(frequency={"unit": "Month", "value": "1"}, amount=1980)
    page = web.get(f"{HOME}/ba/{made}")
    owner = page.forms[1].buttons[0][1]
    page = web.log_in(page, owner)
    assert made in page.text
    web.submit(web.get(f"{HOME}/ba/{made}/end"), "/end")
    assert permission(amazon, made) == ("Closed", "BuyerClosed")


def test_a_long_history_is_shown_in_pages(
    amazon: WireClient, web: PageBrowser, agreement: str
) -> None:
    amazon.control("PATCH", f"/charge-permissions/{agreement}", {"amountLimit": 10_000_000})
    for number in range(30):
        assert amazon.charge(agreement, 1000 + number).status == 201
    first = web.get(f"{HOME}/ba/{agreement}")
    assert "1,029円" in first.text
    assert "1,005円" not in first.text
    older = first.html.split("?before=")[1].split('"')[0]
    second = web.get(f"{HOME}/ba/{agreement}?before={older}")
    assert "1,005円" in second.text
    assert "1,029円" not in second.text


def test_signing_out(web: PageBrowser, agreement: str) -> None:
    page = web.submit(web.get(HOME), "/jr/sign-out")
    assert "ログアウトしました" in page.text
    assert web.get(HOME).form("/signin/log-in")


def test_after_a_reset_the_browser_is_still_served(
    amazon: WireClient, web: PageBrowser, agreement: str
) -> None:
    amazon.control("POST", "/reset")
    assert web.get(f"{HOME}/ba/{agreement}").status == 404
    assert web.get(HOME).status == 200


def test_a_wrong_e_mail_address_is_told(web: PageBrowser, amazon: WireClient) -> None:
    page = web.log_in(web.get(HOME), "nobody@example.jp")
    assert page.status == 422
    assert "テスト購入者はいません" in page.text
    assert page.form("/signin/log-in").fields["next"] == HOME
