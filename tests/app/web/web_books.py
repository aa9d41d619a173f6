"""Small books with hostile names in them, and a browser that needs no server."""

import asyncio
import html
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import Engine
from support.schema import at_head

from billing import SlotRow, load_merchant, open_engine, reading, store_merchant, writing

PASSWORD = "一つだけの password"
SCRIPT = "<script>alert('名前')</script>"
FORMULA = '=HYPERLINK("http://evil.example","山田")'
TABLES = SlotRow.metadata.tables
START = datetime(2026, 11, 30, 15, 30, tzinfo=UTC)  # 1 December 00:30 in Japan
NOW = datetime(2026, 12, 31, tzinfo=UTC)


class FixedClock:
    """Always the last day of 2026, UTC."""

    def now(self) -> datetime:
        return NOW


@dataclass
class WebBooks:
    """An open database with one customer per name and one captured charge for each of them."""

    database: Engine
    merchant_id: str = "web"
    added: int = 0
    price_id: int = 1  # of the plan that is added first; those of others have their own

    @property
    def merchant(self) -> Any:
        with reading(self.database) as connection:
            return load_merchant(connection, self.merchant_id)

    def insert(self, table: str, **values: Any) -> int:
        row = {"merchant_id": self.merchant_id} | values
        known = {name: value for name, value in row.items() if name in TABLES[table].c}

        def work(connection: Any) -> int:
            result = connection.execute(TABLES[table].insert().values(**known))
            return int(result.inserted_primary_key[0])

        return writing(self.database, work)

    def add_charge(
        self,
        *,
        name: str = "山田 花子",
        at: datetime | None = None,
        amount_yen: int = 1980,
        state: str = "captured",
        reason_code: str | None = None,
    ) -> int:
        """A customer with one invoice and one attempt; returns the attempt's id."""
        number = self.added = self.added + 1
        at = at or START + timedelta(minutes=number)
        customer = self.insert(
            "customer",
            external_id=f"c-{number}",
            name=name,
            kana="",
            email="a@b.example",
            postal_code="",
            note="",
        )
        permission = self.insert(
            "charge_permission",
            amazon_id=f"B03-{number:07}-0000000",
            buyer_id="b",
            state="Chargeable",
        )
        subscription = self._add_subscription(number, customer, permission)
        paid = state == "captured"
        invoice = self._add_invoice(number, subscription, amount_yen, paid=paid)
        slot = self.insert(
            "slot",
            subscription_id=subscription,
            invoice_id=invoice,
            cycle=0,
            part=1,
            permission_id=permission,
            purpose="renewal",
            amount_yen=amount_yen,
            reference=f"s-{number}-0000-renewal",
            state="paid" if paid else "due",
            first_due_at=at,
            due_at=at,
            attempts=1,
            declines=0,
            cap_moves=0,
        )
        return self.insert(
            "attempt",
            slot_id=slot,
            permission_id=permission,
            number=1,
            body=b"{}",
            idempotency_key=f"key-{number}",
            amount_yen=amount_yen,
            state=state,
            worker_id="w",
            intended_at=at,
            look_at=at,
            sends=1,
            answered_at=at,
            charge_id=f"S03-{number:07}-C000000" if paid else None,
            reason_code=reason_code,
        )

    def add_plan(self) -> None:
        plan = self.insert("plan", code="light", name_ja="ライト", name_en="Light")
        self.price_id = self.insert(
            "price",
            plan_id=plan,
            valid_from=date(2026, 1, 1),
            amount_yen=1980,
            tax_category="standard",
            interval_unit="month",
            interval_count=1,
            anchor_rule="keep_day",
            per_seat=False,
            trial_days=0,
            minimum_cycles=0,
            physical=False,
            content_hash="h",
        )

    def _add_subscription(self, number: int, customer: int, permission: int) -> int:
        return self.insert(
            "subscription",
            external_id=f"s-{number}",
            customer_id=customer,
            price_id=self.price_id,
            permission_id=permission,
            quantity=1,
            state="active",
            started_on=date(2026, 12, 1),
            anchor_year=2026,
            anchor_month=12,
            anchor_day=1,
            first_cycle=0,
            next_cycle=1,
            cycles_done=1,
            cancel_at_period_end=False,
        )

    def _add_invoice(self, number: int, subscription: int, yen: int, *, paid: bool) -> int:
        invoice = self.insert(
            "invoice",
            subscription_id=subscription,
            cycle=0,
            number=f"s-{number}-0000",
            state="paid" if paid else "open",
            issued_on=date(2026, 12, 1),
            period_start=date(2026, 12, 1),
            period_end=date(2027, 1, 1),
            total_yen=yen,
            paid_yen=yen if paid else 0,
        )
        self.insert(
            "invoice_line",
            invoice_id=invoice,
            position=1,
            kind="plan",
            quantity=1,
            description_ja="ライト 12月分",
            description_en="Light, December",
            unit_yen=yen,
            amount_yen=yen,
            tax_category="standard",
        )
        tax = yen * 10 // 110
        self.insert(
            "invoice_tax",
            invoice_id=invoice,
            tax_category="standard",
            rate_percent="10",
            gross_yen=yen,
            tax_yen=tax,
            net_yen=yen - tax,
        )
        return invoice


def open_books(url: str) -> WebBooks:
    """Books of a merchant with one plan and no charge yet."""
    database = open_engine(url)
    at_head(database)
    add_merchant(database, "web")
    books = WebBooks(database)
    books.add_plan()
    return books


def add_merchant(database: Engine, merchant_id: str) -> None:
    """A sandbox merchant with the default rules and no keys."""
    writing(
        database,
        lambda connection: store_merchant(
            connection, merchant_id=merchant_id, environment="sandbox", rules={}
        ),
    )


@dataclass
class Browser:
    """Keeps cookies and reads forms, as a person's browser does; never follows redirects."""

    app: FastAPI
    base_url: str = "http://autopay.test"
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return asyncio.run(self._send(method, path, **arguments))

    async def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=("192.0.2.1", 5000))
        async with httpx.AsyncClient(
            transport=transport, base_url=self.base_url, cookies=self.cookies
        ) as client:
            answer = await client.request(method, path, **arguments)
            self.cookies = client.cookies
            return answer

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        return self.send("GET", path, **arguments)

    def post_form(self, page: str, action: str, **fields: str) -> httpx.Response:
        """Fill in the form of a page that posts to `action`, and send it: token, id and all."""
        return self.send("POST", action, data=self.form_of(page, action) | fields)

    def form_of(self, page: str, action: str) -> dict[str, str]:
        """The hidden fields of that form, drawn afresh."""
        text = self.get(page).text
        found = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', text, re.DOTALL)
        assert found, f"{page} has no form for {action}"
        inputs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[0])
        return {name: html.unescape(value) for name, value in inputs}

    def token(self, path: str) -> str:
        found = re.search(r'name="form_token" value="(\w+)"', self.get(path).text)
        assert found, f"{path} has no form"
        return found[1]

    def log_in(self, **changes: str) -> httpx.Response:
        """As the owner whose password is a setting, unless told otherwise."""
        fields = {"form_token": self.token("/login"), "user": "staff", "password": PASSWORD}
        return self.send("POST", "/login", data=fields | changes)


def sign_in_as_customer(app: FastAPI, customer_id: int) -> Browser:
    """A browser with the session of a customer, as any way to sign in would begin it."""
    sessions = app.state.shell.sessions
    begun = writing(
        sessions.database,
        lambda connection: sessions.begin_customer(connection, customer_id=customer_id),
    )
    browser = Browser(app)
    browser.cookies.set("autopay_my", begun, domain="autopay.test", path="/")
    return browser
