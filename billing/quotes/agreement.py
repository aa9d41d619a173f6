"""An agreement as it is stored: the life cycle's value, and where the money stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from billing.quotes.values import Account
from billing.rows import Row, fetch, table_of
from billing.tables import AgreementRow
from plans.lifecycle import Subscription, value_from_json, value_to_json

__all__ = ["Agreement", "agreement_text", "load_agreements"]

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
    statement = select(_agreements).where(_agreements.c.subscription_id.in_(ids))
    return {row["subscription_id"]: _agreement(row) for row in fetch(connection, statement)}


def _agreement(row: Row) -> Agreement:
    body = value_from_json(_Body, row["body"])
    return Agreement(
        body.subscription, body.account, body.when_paid, body.declined, row["pending_quote_id"]
    )


def agreement_text(agreement: Agreement) -> str:
    """Write what `load_agreements` reads back."""
    body = _Body(agreement.subscription, agreement.account, agreement.when_paid, agreement.declined)
    return value_to_json(body)
