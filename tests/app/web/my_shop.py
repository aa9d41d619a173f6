"""A shop in the middle of December behind My Page, with the browsers of its customers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import pytest
from fastapi import FastAPI
from support.postgres import fresh_database
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber
from web_books import PASSWORD, Browser, sign_in_as_customer

from app.web import create_app
from billing import reading
from billing.quotes import Situation, load_situation

CATALOGUE = """
plans:
  - {code: basic, name: {ja: ベーシック, en: Basic}, price: 1980, tax: standard,
     every: {unit: month, count: 1}}
  - {code: pro, name: {ja: プロ, en: Pro}, price: 3980, tax: standard,
     every: {unit: month, count: 1}}
  - {code: studio, name: {ja: スタジオ, en: Studio}, price: 60000, tax: standard,
     every: {unit: month, count: 1}}
  - {code: team, name: {ja: チーム, en: Team}, price: 1480, tax: standard,
     every: {unit: month, count: 1}, per_seat: true}
  - {code: coffee, name: {ja: コーヒー, en: Coffee}, price: 3240, tax: reduced,
     every: {unit: month, count: 1}, minimum_cycles: 14}
add_ons:
  - {code: storage, name: {ja: 追加容量, en: Storage}, price: 300, tax: standard}
coupons:
  - {code: HALF, valid_from: 2026-01-01, name: {ja: 半額, en: Half}, off: {percent: 50}, cycles: 4}
"""
BILLED = date(2026, 11, 30)
TODAY = date(2026, 12, 10)
BEHAVIOURS = {
    "C03-0000003-0000001": ["SoftDeclined"],
    "C03-0000004-0000001": ["HardDeclined"],
    "C03-0000012-0000001": ["HardDeclined"],
}
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
SUBSCRIBERS = [
    *(subscriber(number) for number in (1, 2, 3, 4, 7, 8, 9, 10, 11, 12)),
    subscriber(5, plan_code="team", quantity=3),
    subscriber(6, plan_code="coffee", minimum_cycles_done=11),
]


@dataclass
class MyShop:
    """The shop and its pages; customer and subscription `number` belong together."""

    shop: Shop
    app: FastAPI

    def browser(self, number: int, app: FastAPI | None = None) -> Browser:
        """The customer signed in, reading English."""
        browser = sign_in_as_customer(app or self.app, self.id_of("customer", number))
        browser.cookies.set("autopay_lang", "en", domain="autopay.test", path="/")
        return browser

    def path(self, number: int, page: str = "") -> str:
        """A page of a subscription."""
        return f"/my/subscriptions/{self.id_of('subscription', number)}{page}"

    def id_of(self, table: str, number: int) -> int:
        """The row of a customer or subscription."""
        sql = f"SELECT id FROM {table} WHERE external_id = :i"
        return int(self.shop.rows(sql, i=f"sub-{number:03d}")[0]["id"])

    def charge(self, number: int) -> int:
        """The newest slot of a subscription."""
        sql = "SELECT MAX(id) AS id FROM slot WHERE subscription_id = :i"
        return int(self.shop.rows(sql, i=self.id_of("subscription", number))[0]["id"])

    def situation(self, number: int) -> Situation:
        """What the engine answers questions of a subscription by."""
        with reading(self.shop.database) as connection:
            return load_situation(
                connection,
                self.shop.engine.merchant,
                subscription_id=f"sub-{number:03d}",
                at=self.shop.clock.now(),
            )

    def app_with(self, **changes: object) -> FastAPI:
        """The pages with other settings."""
        return app_of(self.shop, **changes)


def app_of(shop: Shop, **changes: object) -> FastAPI:
    """The pages of a shop that charges from them."""
    given = {"charging": lambda: shop.engine, "retention_offer": "pause"} | changes
    return create_app(
        database=shop.database,
        merchant=shop.engine.merchant,
        staff_password=PASSWORD,
        clock=shop.clock,
        master_key=shop.master_key,
        **given,  # type: ignore[arg-type] # a test passes what create_app takes
    )


@contextmanager
def my_shop(database_url: str, sandbox: Sandbox) -> Iterator[MyShop]:
    """Twelve subscribers charged on 30 November, ten days later.

    Of basic: 3 was declined softly, 4 and 12 for good. 5 has three seats, 6 owes two cycles of
    fourteen. Nothing was tried again since.
    """
    with opening(database_url, sandbox) as opened:
        shop = opened(subscribers=SUBSCRIBERS, behaviours=BEHAVIOURS, catalogue=CATALOGUE)
        shop.charge_on(BILLED)
        shop.go_to(TODAY, hour=12)
        yield MyShop(shop, app_of(shop))


@contextmanager
def shop_on(kind: str, request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[MyShop]:
    """The shop on `sqlite` or `postgresql`, for the tests of a module."""
    sandbox.reset()
    if kind == "sqlite":
        folder = request.getfixturevalue("tmp_path_factory").mktemp("my")
        with my_shop(f"sqlite:///{folder / 'autopay.sqlite3'}", sandbox) as shop:
            yield shop
        return
    server = request.getfixturevalue("postgres_server")
    with fresh_database(server) as url, my_shop(url, sandbox) as shop:
        yield shop
