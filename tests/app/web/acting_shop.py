"""A shop whose staff acts: pages with an engine behind them, and browsers of four people."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import httpx
from conftest import log_in_as
from fastapi import FastAPI
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber
from web_books import PASSWORD, Browser, WebBooks

from app.web import create_app

DAY = date(2026, 11, 30)
SUBSCRIBERS = [
    subscriber(1),
    subscriber(2, plan_code="studio"),
    subscriber(3, plan_code="team", quantity=3),
    subscriber(4),
    subscriber(5),
    subscriber(6, next_charge_on=date(2026, 12, 20), anchor_day=20, started_on=date(2026, 1, 20)),
]
BEHAVIOURS = {"C03-0000005-0000001": ["SoftDeclined"]}


@dataclass
class ActingShop:
    """The shop, its pages, and its people: `owner` besides support, finance and viewer."""

    shop: Shop
    app: FastAPI
    owner: Browser
    others: dict[str, Browser] = field(default_factory=dict)

    def who(self, role: str) -> Browser:
        """The browser of somebody of a role, called like it."""
        if role == "owner":
            return self.owner
        if role not in self.others:
            books = WebBooks(self.shop.database, merchant_id="shop")
            self.others[role] = log_in_as(books, self.app, role)
        return self.others[role]

    def get(self, path: str, role: str = "owner", status: int = 200) -> str:
        """A page in English."""
        mark = "&" if "?" in path else "?"
        answer = self.who(role).get(f"{path}{mark}lang=en")
        assert answer.status_code == status, (path, answer.status_code)
        return answer.text

    def send(self, page: str, action: str, role: str = "owner", **fields: str) -> httpx.Response:
        """Fill in a form of a page and send it."""
        return self.who(role).post_form(page, action, **fields)

    def done(self, page: str, action: str, role: str = "owner", **fields: str) -> str:
        """Send a form that is carried out; where it leads to."""
        answer = self.send(page, action, role, **fields)
        assert answer.status_code == 303, (answer.status_code, answer.text[:4000])
        return str(answer.headers["location"])

    def id_of(self, number: int) -> int:
        """The row of a subscription."""
        sql = "SELECT id FROM subscription WHERE external_id = :i"
        return int(self.shop.rows(sql, i=f"sub-{number:03d}")[0]["id"])

    def attempt(self, reference: str) -> int:
        """The captured attempt of a slot."""
        sql = (
            "SELECT attempt.id FROM attempt JOIN slot ON slot.id = attempt.slot_id "
            "WHERE slot.reference = :r AND attempt.state = 'captured'"
        )
        return int(self.shop.rows(sql, r=reference)[0]["id"])

    def audit(self, like: str) -> list[tuple[str, str]]:
        """(kind, who) of audit events, in their order."""
        sql = "SELECT kind, actor FROM audit_event WHERE kind LIKE :k ORDER BY id"
        return [(row["kind"], row["actor"]) for row in self.shop.rows(sql, k=like)]


@contextmanager
def acting(
    database_url: str, sandbox: Sandbox, *, signed_in: bool = True, **rules: Any
) -> Iterator[ActingShop]:
    """Six subscribers, five charged on 30 November: 1, 4 pay 1,980, 2 pays 29,800, 3 pays 4,440.

    5 is declined softly and tried again on 1 December; 6 is due on 20 December. It is noon.
    Tests with a real browser sign in there: nothing may run asyncio in their thread.
    """
    with opening(database_url, sandbox) as opened:
        shop = opened(subscribers=SUBSCRIBERS, behaviours=BEHAVIOURS, **rules)
        shop.charge_on(DAY)
        shop.go_to(DAY, hour=12)
        app = create_app(
            database=shop.database,
            merchant=shop.engine.merchant,
            staff_password=PASSWORD,
            clock=shop.clock,
            master_key=shop.master_key,
            charging=lambda: shop.engine,
        )
        owner = Browser(app)
        if signed_in:
            assert owner.log_in().status_code == 303
        yield ActingShop(shop, app, owner)
