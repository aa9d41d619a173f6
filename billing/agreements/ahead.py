"""What changed agreements will be charged: the very bills that their quotes promised."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from billing.catalogue.catalogue_store import load_catalogue
from billing.quotes.agreement import Agreement
from billing.quotes.bills import Bill
from billing.quotes.books import ENGINE_RULES, with_merchant
from billing.quotes.projecting import projected
from billing.quotes.values import CapRoom, Situation
from billing.store.merchants import Merchant
from plans import Catalogue
from plans.lifecycle import Policy

__all__ = ["AgreementsAhead"]

_POLICY = Policy()


class AgreementsAhead:
    """Looks ahead from `on`, up to the day before `until`; the price list is read when needed."""

    def __init__(
        self, connection: Connection, merchant: Merchant, *, on: date, until: date
    ) -> None:
        self._connection = connection
        self._merchant = merchant
        self._on = on
        self._until = until
        self._catalogue: Catalogue | None = None

    def charges(self, agreement: Agreement, *, first_cycle: int) -> tuple[Bill, ...]:
        """List the bills that will take money, oldest first; what is invoiced is not among them."""
        subscription = agreement.subscription
        invoiced = None if agreement.when_paid is None else subscription.next_cycle
        view = Situation(
            subscription=subscription,
            catalogue=self._prices(),
            cap=CapRoom(self._merchant.cap_yen, self._merchant.cap_rule),
            rules=with_merchant(ENGINE_RULES, self._merchant),
            first_cycle=first_cycle,
            invoiced_cycle=invoiced,
        )
        bills = projected(
            view, agreement.account, subscription, on=self._on, until=self._until, policy=_POLICY
        )
        return tuple(bill for bill in bills if bill.charge_yen)

    def _prices(self) -> Catalogue:
        if self._catalogue is None:
            self._catalogue = load_catalogue(self._connection, self._merchant.id)
        return self._catalogue
