"""A shop that has been played, behind the pages of the back office."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import pytest
from fastapi import FastAPI
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber
from web_books import PASSWORD, Browser

from app.web import create_app
from app.web.shell import remembered

DAY = date(2026, 11, 30)
SHARED = "C03-0000003-0000001"
BEHAVIOURS = {
    "C03-0000002-0000001": ["SoftDeclined"],
    "C03-0000005-0000001": ["HardDeclined"],
    "C03-0000006-0000001": ["SoftDeclined"],
}
SUBSCRIBERS = [
    subscriber(1),
    subscriber(2),
    subscriber(3, plan_code="studio"),
    subscriber(4, plan_code="studio", charge_permission_id=SHARED, buyer_id="amzn1.account.BUYER3"),
    subscriber(5),
    subscriber(6, plan_code="team", quantity=3),
    subscriber(7, next_charge_on=date(2026, 12, 3), anchor_day=3, started_on=date(2026, 1, 3)),
    subscriber(8, next_charge_on=date(2026, 12, 20), anchor_day=20, started_on=date(2026, 1, 20)),
]


@dataclass
class DeskShop:
    """The shop and its pages."""

    shop: Shop
    app: FastAPI

    @cached_property
    def owner(self) -> Browser:
        """The owner's browser, logged in."""
        browser = Browser(self.app)
        assert browser.log_in().status_code == 303
        return browser

    def get(self, path: str) -> str:
        """The page of a path in English."""
        answer = self.owner.get(path + ("&" if "?" in path else "?") + "lang=en")
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def id_of(self, table: str, external_id: str) -> int:
        """The row of a customer or subscription."""
        sql = f"SELECT id FROM {table} WHERE external_id = :i"
        return int(self.shop.rows(sql, i=external_id)[0]["id"])


@contextmanager
def played(database_url: str, sandbox: Sandbox) -> Iterator[DeskShop]:
    """Eight subscribers, six of them charged on 30 November; see the figures in the tests.

    1 pays 1,980. 2 is declined softly (tried again on 1 December). 3 and 4 share a permission:
    29,800 of 3 are paid, of 4 only 20,200 fit under 50,000 and 9,600 wait for 1 December. 5 is
    declined for good and waits for its buyer. 6 owes 3 × 1,480 = 4,440 and is declined softly. 7 is
    due on 3 December with a permission that cannot be charged, 8 on 20 December.
    """
    with opening(database_url, sandbox) as opened:
        shop = opened(subscribers=SUBSCRIBERS, behaviours=BEHAVIOURS)
        shop.charge_on(DAY)
        shop.amazon.patch_permission(
            "C03-0000007-0000001", state="NonChargeable", reasonCode="BillingAddressDeleted"
        )
        shop.go_to(DAY, hour=12)
        shop.engine.sweep()
        app = create_app(
            database=shop.database,
            merchant=shop.engine.merchant,
            staff_password=PASSWORD,
            clock=shop.clock,
            master_key=shop.master_key,
        )
        with pytest.MonkeyPatch.context() as patched:
            # A busy machine would keep figures for a while, and these tests look again at once.
            patched.setattr(remembered, "QUICK_SECONDS", math.inf)
            yield DeskShop(shop, app)
