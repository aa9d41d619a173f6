"""Customers: found by the beginning of a name, and everything about one of them."""

from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.backoffice.desk import Desk
from app.web.shell import ANY_STAFF, Room, row_number
from billing.desk import (
    CustomerCard,
    FoundCustomer,
    InvoiceFacts,
    Step,
    customer_card,
    invoices_of,
    search_customers,
    timeline,
)

ROWS_ON_A_PAGE = 50
MOST_LETTERS = 100
STEPS, MOST_STEPS = 30, 300


def add_customers(room: Room, desk: Desk) -> None:
    """`/customers`, and one of them."""
    page = CustomerPages(desk)
    room.get("/customers", page.listing, access=ANY_STAFF)
    room.get("/customers/{customer_id}", page.customer, access=ANY_STAFF)


@dataclass(frozen=True, slots=True)
class CustomerPages:
    """Who buys, and what happened with each."""

    desk: Desk

    def listing(self, request: Request) -> Response:
        """Customers whose name, id, mail or Amazon id begins with what was typed."""
        asked = request.query_params
        typed = asked.get("search", "").strip().replace("\u3000", " ")
        text = "".join(letter for letter in typed if letter.isprintable())[:MOST_LETTERS]
        after = asked.get("after", "")
        begin = row_number(after) if after else 0
        merchant = self.desk.shell.merchant

        def work(connection: Connection) -> list[FoundCustomer]:
            return search_customers(
                connection, merchant, text=text, after=begin, limit=ROWS_ON_A_PAGE + 1
            )

        rows = self.desk.shell.read(work)
        shown, more = rows[:ROWS_ON_A_PAGE], len(rows) > ROWS_ON_A_PAGE
        following = {"search": text} if text else {}
        return self.desk.page(
            request,
            "customers.html",
            rows=shown,
            search=text,
            next=f"/customers?{urlencode(following | {'after': shown[-1].id})}" if more else "",
        )

    def customer(self, request: Request, customer_id: str) -> Response:
        """One customer: agreements, permissions and their room, invoices, all that happened."""
        number = row_number(customer_id)
        everything = request.query_params.get("steps") == "all"
        shell = self.desk.shell

        def work(
            connection: Connection,
        ) -> tuple[CustomerCard | None, list[InvoiceFacts], list[Step]]:
            card = customer_card(
                connection, shell.merchant, customer_id=number, at=shell.clock.now()
            )
            if card is None:
                return None, [], []
            ids = [each.id for each in card.subscriptions]
            limit = MOST_STEPS if everything else STEPS + 1
            steps = timeline(connection, subscription_ids=ids, limit=limit)
            return card, invoices_of(connection, subscription_ids=ids), steps

        card, invoices, steps = shell.read(work)
        if card is None:
            raise HTTPException(404)
        return self.desk.page(
            request,
            "customer.html",
            card=card,
            invoices=invoices,
            steps=steps if everything else steps[:STEPS],
            more=not everything and len(steps) > STEPS,
        )
