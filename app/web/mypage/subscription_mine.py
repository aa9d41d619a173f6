"""What the pages of a customer's subscriptions share; everything is looked up by the session."""

from dataclasses import dataclass
from datetime import date, datetime

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.shell import Shell, customer_of, row_number
from billing import Merchant, StoredQuote, civil_date, load_merchant, stored_quote
from billing.agreements import UnknownQuote
from billing.desk import CustomerCard, OwnedSubscription, PermissionFacts, customer_card
from billing.quotes import Situation, load_situation
from plans.lifecycle import EarlyLeave, Policy

SUBSCRIPTION = "/my/subscriptions/{subscription_id}"
CHANGE = f"{SUBSCRIPTION}/change"
PAUSE = f"{SUBSCRIPTION}/pause"
CANCEL = f"{SUBSCRIPTION}/cancel"
UNDO = f"{SUBSCRIPTION}/undo"
DECIDE = f"{SUBSCRIPTION}/decide"
QUOTE = "/my/quotes/{quote_id}"


@dataclass(frozen=True, slots=True)
class Held:
    """One subscription of the customer who is signed in, and the permission that pays it."""

    owned: OwnedSubscription
    permission: PermissionFacts

    @property
    def id(self) -> str:
        """The merchant's id, by which the engine knows it."""
        return self.owned.external_id

    def path(self, pattern: str) -> str:
        """One of its pages."""
        return pattern.replace("{subscription_id}", str(self.owned.id))


@dataclass(frozen=True, slots=True)
class Mine:
    """One merchant's My Page."""

    shell: Shell

    @property
    def policy(self) -> Policy:
        """What customers may do themselves."""
        return Policy(leave_early=EarlyLeave(self.shell.leave_early))

    def now(self) -> datetime:
        """The instant by the clock of the books."""
        return self.shell.clock.now()

    def today(self) -> date:
        """The merchant's date."""
        return civil_date(at=self.now(), timezone=self.shell.merchant.timezone)

    def merchant(self, connection: Connection) -> Merchant:
        """The merchant by its rules of now; staff may have changed them."""
        return load_merchant(connection, self.shell.merchant.id)

    def card(self, connection: Connection, request: Request) -> CustomerCard:
        """The customer who is signed in; raises 404 when the merchant has her no longer."""
        found = customer_card(
            connection,
            self.merchant(connection),
            customer_id=customer_of(request).customer_id,
            at=self.now(),
        )
        if found is None:
            raise HTTPException(404)
        return found

    def held(self, connection: Connection, request: Request) -> list[Held]:
        """Her subscriptions, the newest first, those that have ended last."""
        return held_of(self.card(connection, request))

    def find(self, connection: Connection, request: Request, subscription_id: str) -> Held:
        """The subscription of an address; raises 404 for one that is not hers."""
        number = row_number(subscription_id)
        for each in self.held(connection, request):
            if each.owned.id == number:
                return each
        raise HTTPException(404)

    def one(self, request: Request, subscription_id: str) -> Held:
        """The same on a snapshot of its own."""
        return self.shell.read(lambda c: self.find(c, request, subscription_id))

    def quote(self, request: Request, quote_id: str) -> tuple[Held, StoredQuote]:
        """A quote that she asked for, with its subscription; raises 404 for anybody else's."""

        def work(connection: Connection) -> tuple[list[Held], StoredQuote]:
            merchant = self.merchant(connection)
            return self.held(connection, request), stored_quote(
                connection, merchant, quote_id=quote_id
            )

        try:
            held, found = self.shell.read(work)
        except UnknownQuote:
            raise HTTPException(404) from None
        for each in held:
            if each.id == found.quote.subscription_id:
                return each, found
        raise HTTPException(404)

    def situation(self, held: Held) -> Situation:
        """What every question about a subscription rests on, as of now."""
        return self.shell.read(lambda connection: self.situation_of(connection, held))

    def situation_of(self, connection: Connection, held: Held) -> Situation:
        """The same on the caller's snapshot."""
        return load_situation(
            connection, self.merchant(connection), subscription_id=held.id, at=self.now()
        )

    def look(self, request: Request, subscription_id: str) -> tuple[Held, Situation]:
        """A subscription of hers and its situation, of one moment; raises 404 as `find` does."""

        def work(connection: Connection) -> tuple[Held, Situation]:
            held = self.find(connection, request, subscription_id)
            return held, self.situation_of(connection, held)

        return self.shell.read(work)

    def page(
        self, request: Request, template: str, *, status: int = 200, **values: object
    ) -> Response:
        """Draw a page of this room."""
        return self.shell.pages.page(
            request, f"mypage/{template}", status=status, today=self.today(), **values
        )


def held_of(card: CustomerCard) -> list[Held]:
    """The subscriptions of a customer, the newest first, those that have ended last."""
    permissions = {each.id: each for each in card.permissions}
    held = [Held(each, permissions[each.permission_id]) for each in card.subscriptions]
    return sorted(held, key=lambda each: (each.owned.state == "canceled", -each.owned.id))
