"""Plans in test: side by side with the live shop, on sandbox keys or not at all."""

from collections.abc import Iterator
from datetime import date

import pytest
from conftest import log_in_as
from fastapi import FastAPI
from sqlalchemy import text
from test_settings_account import IDS, app_of, pem, signed_in
from web_books import Browser, WebBooks, open_books

from billing import load_catalogue, reading, store_catalogue, store_merchant, writing
from billing.settings import load_account, twin_of
from plans import Catalogue, parse_catalogue

ON = date(2026, 12, 31)
LIST = """
plans:
- code: tea
  name: {ja: お茶, en: Tea}
  price: 3000
  tax: reduced
  every: {unit: month, count: 1}
- code: cake
  name: {ja: ケーキ, en: Cake}
  price: 5000
  tax: reduced
  every: {unit: month, count: 1}
"""


@pytest.fixture
def live(sqlite_url: str) -> Iterator[WebBooks]:
    """A live shop with a price list; its owner has no second factor to keep the test short."""
    books = open_books(sqlite_url)
    with books.database.begin() as connection:
        store_merchant(connection, merchant_id="shop", environment="sandbox", rules={})
        connection.execute(
            text(
                "UPDATE merchant SET environment = 'live', seller_id = 'A1SELLER' WHERE id = 'shop'"
            )
        )
        store_catalogue(connection, "shop", parse_catalogue(LIST))
    yield WebBooks(books.database, merchant_id="shop")
    books.database.dispose()


def shop_of_tests(books: WebBooks, name: str = "shop-sandbox") -> WebBooks:
    writing(
        books.database,
        lambda c: store_merchant(c, merchant_id=name, environment="sandbox", rules={}),
    )
    return WebBooks(books.database, merchant_id=name)


def give_keys(books: WebBooks, browser: Browser) -> None:
    fields = browser.form_of("/settings", "/settings") | IDS | {"public_key_id": "SANDBOX-KEY1"}
    files = {"private_key": ("key.pem", pem(), "application/x-pem-file")}
    assert browser.send("POST", "/settings", data=fields, files=files).status_code == 303


def switch(browser: Browser, plan: str, to: str) -> tuple[int, str]:
    form = browser.form_of("/settings/plans", "/settings/plans") | {"plan": plan, "to": to}
    answer = browser.send("POST", "/settings/plans", data=form)
    return answer.status_code, answer.text


def sold(app: FastAPI) -> list[str]:
    page = Browser(app).get("/my/join?lang=en").text
    return [name for name in ("Tea", "Cake") if name in page]


def test_a_plan_is_tested_on_sandbox_keys_or_not_at_all(live: WebBooks) -> None:
    test = shop_of_tests(live)
    app = app_of(test)
    owner = signed_in(app)
    # The test shop has no keys and no seller yet: it is nobody's twin.
    status, page = switch_first(owner)
    assert status == 409
    assert "no sandbox keys" in page
    give_keys(test, owner)
    shown = owner.get("/settings/plans").text
    assert "¥3,000" in shown
    assert sold(app) == []
    assert switch(owner, "tea", "on")[0] == 303
    assert switch(owner, "tea", "on")[0] == 303, "twice is once"
    assert sold(app) == ["Tea"]
    with reading(live.database) as connection:
        here, there = (load_catalogue(connection, each) for each in ("shop", "shop-sandbox"))
    assert there.price_on("tea", ON).content_hash == here.price_on("tea", ON).content_hash
    assert Browser(app).get("/my/join/plans/tea").status_code == 200
    assert switch(owner, "tea", "off")[0] == 303
    assert sold(app) == []
    assert Browser(app).get("/my/join/plans/tea").status_code == 404
    assert switch(owner, "tea", "on")[0] == 303
    assert switch(owner, "nothing", "on")[0] == 409
    sql = "SELECT actor, reason, merchant_id FROM audit_event WHERE kind = 'plan_test' ORDER BY id"
    with reading(live.database) as connection:
        told = [tuple(row) for row in connection.execute(text(sql))]
    # Without a family tea may become cake: it came along, and is sold to nobody.
    switched = ("cake: off", "tea: on", "tea: off", "tea: on")
    assert told == [("staff", each, "shop-sandbox") for each in switched]
    with reading(live.database) as connection:
        assert {*load_catalogue(connection, "shop").plans} == {"tea", "cake"}, "live is as it was"


WHOLE = (
    LIST
    + """
- code: jam
  name: {ja: ジャム, en: Jam}
  price: 1000
  tax: reduced
  every: {unit: month, count: 1}
  dunning: gentle
- code: ham
  name: {ja: ハム, en: Ham}
  price: 2000
  tax: reduced
  every: {unit: month, count: 1}
families:
- {code: sweets, plans: [tea, cake]}
- {code: savoury, plans: [ham]}
add_ons:
- {code: sugar, name: {ja: 砂糖, en: Sugar}, price: 100, tax: reduced, plans: [cake, jam]}
- {code: salt, name: {ja: 塩, en: Salt}, price: 100, tax: reduced, plans: [ham]}
coupons:
- {code: hello, name: {ja: 初回, en: Hello}, off: {yen: 500}}
- {code: hammy, name: {ja: ハム割, en: Ham}, off: {yen: 500}, plans: [ham]}
dunning:
- {code: gentle, soft: {days: [2, 9]}}
- {code: unused, soft: {days: [1]}}
"""
)


def test_a_test_of_a_plan_is_the_whole_plan(live: WebBooks) -> None:
    """Tea may become cake, cake has sugar, jam has it too: that comes along, ham does not."""
    test = shop_of_tests(live)
    app = app_of(test)
    owner = signed_in(app)
    give_keys(test, owner)

    def stored(merchant: str) -> Catalogue:
        with reading(live.database) as connection:
            return load_catalogue(connection, merchant)

    def give_live(price_list: str) -> None:
        given = parse_catalogue(price_list)
        writing(live.database, lambda c: store_catalogue(c, "shop", given))

    give_live(WHOLE)
    for _ in range(2):
        assert switch(owner, "tea", "on")[0] == 303
    there = stored("shop-sandbox")
    assert {*there.plans} == {"tea", "cake", "jam"}
    assert {(each.section, each.code) for each in there.offers} == {
        ("families", "sweets"),
        ("add_ons", "sugar"),
        ("coupons", "hello"),
        ("dunning", "gentle"),
    }
    here = stored("shop")
    assert there.add_on_on("sugar", ON) == here.add_on_on("sugar", ON)
    assert sold(app) == ["Tea"], "what came along is sold to nobody"
    assert "not as in the live shop" not in owner.get("/settings/plans").text
    # The live shop gets a coupon for cake, which tea may become: the test is not whole any more.
    give_live(
        WHOLE.replace(
            "dunning:\n- {",
            "- {code: new, name: {ja: 新, en: New}, off: {yen: 9}, plans: [cake]}\ndunning:\n- {",
        )
    )
    page = owner.get("/settings/plans").text
    assert page.count("not as in the live shop") == 1
    assert "Copy what is new" in page
    assert switch(owner, "tea", "on")[0] == 303
    assert stored("shop-sandbox").coupon_on("new", ON).plans == {"cake"}
    assert "not as in the live shop" not in owner.get("/settings/plans").text
    sql = "SELECT count(*) FROM audit_event WHERE kind = 'plan_test'"
    with reading(live.database) as connection:
        assert connection.execute(text(sql)).scalar_one() == 3, "tea on, cake and jam off"


def switch_first(browser: Browser) -> tuple[int, str]:
    """There is no row to press yet; somebody sends the form all the same."""
    form = browser.form_of("/settings", "/settings/check") | {"plan": "tea", "to": "on"}
    answer = browser.send("POST", "/settings/plans", data=form)
    return answer.status_code, answer.text


def test_other_terms_of_the_same_date_are_said(live: WebBooks) -> None:
    test = shop_of_tests(live)
    owner = signed_in(app_of(test))
    give_keys(test, owner)
    other = parse_catalogue(LIST.replace("3000", "2000"))
    writing(live.database, lambda c: store_catalogue(c, "shop-sandbox", other))
    assert "In test, but not as in the live shop" in owner.get("/settings/plans").text
    status, page = switch(owner, "tea", "on")
    assert status == 409
    assert "other terms for tea at the same date" in page


def test_a_seller_id_alone_makes_no_pair(live: WebBooks) -> None:
    """Whoever types the seller id of another shop of the database sees nothing of that shop."""
    stranger = shop_of_tests(live, "other")
    owner = signed_in(app_of(stranger))
    give_keys(stranger, owner)
    with reading(live.database) as connection:
        mine = load_account(connection, merchant_id="other")
        assert mine.seller_id == load_account(connection, merchant_id="shop").seller_id
        assert twin_of(connection, mine) is None
    assert "¥3,000" not in owner.get("/settings/plans").text
    assert ">shop<" not in owner.get("/settings").text


@pytest.mark.parametrize("role", ["viewer", "support", "finance"])
def test_only_owners_switch(live: WebBooks, role: str) -> None:
    app = app_of(shop_of_tests(live))
    browser = log_in_as(WebBooks(live.database, merchant_id="shop-sandbox"), app, role)
    assert browser.get("/settings/plans").status_code == 403
