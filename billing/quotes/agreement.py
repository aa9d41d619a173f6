"""An agreement as it is stored: the life cycle's value, and where the money stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from billing.quotes.values import Account
from billing.store.rows import Row, among, fetch, table_of
from billing.tables import AgreementRow
from plans.lifecycle import Subscription, value_from_json, value_to_json

__all__ = [
    "Agreement",
    "agreement_from_text",
    "agreement_text",
    "agreements_of_merchant",
    "load_agreements",
]

_agreements = table_of(AgreementRow)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Where a changed subscription stands.

    `when_paid` is the account once the invoice of the next cycle is paid; None while there is no
    such invoice. `declined` counts the changes that Amazon declined to charge; they left no event.
    `pending_quote_id` names the change whose charge is under way.
    """

    subscription: Subscription
    account: Account
    when_paid: Account | None = None
    declined: int = 0
    pending_quote_id: str | None = None

    @property
    def credit_yen(self) -> int:
        """Open credit, as the ledger knows it."""
        return sum(lot.amount_yen for lot in self.account.credit)


@dataclass(frozen=True, slots=True)
class _Body:
    """What the text of an agreement holds."""

    subscription: Subscription
    account: Account
    when_paid: Account | None
    declined: int


def load_agreements(
    connection: Connection, subscription_ids: Iterable[int]
) -> dict[int, Agreement]:
    """Read the agreements of subscriptions that have one, by the subscription's row id."""
    ids = sorted(set(subscription_ids))
    if not ids:
        return {}
    wanted = among(connection, _agreements.c.subscription_id, ids)
    statement = select(_agreements).where(wanted)
    return {row["subscription_id"]: _agreement(row) for row in fetch(connection, statement)}


def agreements_of_merchant(connection: Connection, merchant_id: str) -> dict[int, Agreement]:
    """Read every changed agreement of a merchant, by the subscription's row id."""
    statement = select(_agreements).where(_agreements.c.merchant_id == merchant_id)
    return {row["subscription_id"]: _agreement(row) for row in fetch(connection, statement)}


def _agreement(row: Row) -> Agreement:
    return agreement_from_text(row["body"], pending_quote_id=row["pending_quote_id"])


def agreement_from_text(text: str, *, pending_quote_id: str | None = None) -> Agreement:
    """Read what `agreement_text` wrote; raises BadInput."""
    body = value_from_json(_Body, text)
    return Agreement(
        body.subscription, body.account, body.when_paid, body.declined, pending_quote_id
    )


def agreement_text(agreement: Agreement) -> str:
    """Write what `load_agreements` reads back."""
    body = _Body(agreement.subscription, agreement.account, agreement.when_paid, agreement.declined)
    return value_to_json(body)
