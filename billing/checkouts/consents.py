"""Consents as evidence: the very HTML that somebody saw, its hash, the words' version, the time.

Kept for as long as the books (the outer limit of the rescission right alone is five years). For
every last screen: a sign-up, a plan change, a new payment method.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_returning_ids, table_of
from billing.tables import ConsentRow

__all__ = ["Consent", "ConsentShown", "record_consent", "record_text", "stored_consents"]

consents = table_of(ConsentRow)

LONGEST_AGENT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentShown:
    """What was shown on the last screen: `html` as it was drawn, in which words and language.

    `offer` are its figures as plain values; `source` and `agent` are who sent the form.
    """

    kind: str
    html: str
    language: str
    wording: str
    offer: Mapping[str, object]
    source: str
    agent: str

    @property
    def html_hash(self) -> str:
        """SHA-256 of the HTML, 64 hex digits."""
        return hashlib.sha256(self.html.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Consent:
    """A stored consent; `is_intact` when the HTML still has the hash it was stored with."""

    id: int
    kind: str
    language: str
    wording: str
    html: str
    html_hash: str
    offer: str
    agreed_at: datetime

    @property
    def is_intact(self) -> bool:
        """Whether nobody has touched the HTML."""
        return hashlib.sha256(self.html.encode()).hexdigest() == self.html_hash


def record_consent(
    connection: Connection,
    merchant: Merchant,
    shown: ConsentShown,
    *,
    at: datetime,
    checkout_id: str | None = None,
    customer_id: int | None = None,
    subscription_id: int | None = None,
) -> int:
    """Store what somebody has just agreed to; returns the row's id. It can never be changed."""
    row = {
        "merchant_id": merchant.id,
        "kind": shown.kind,
        "checkout_id": checkout_id,
        "customer_id": customer_id,
        "subscription_id": subscription_id,
        "language": shown.language,
        "wording": shown.wording,
        "html": shown.html,
        "html_hash": shown.html_hash,
        "offer": record_text(shown.offer),
        "source": shown.source,
        "agent": shown.agent[:LONGEST_AGENT],
        "agreed_at": at,
    }
    (row_id,) = insert_returning_ids(connection, consents, [row])
    return row_id


def record_text(offer: Mapping[str, object]) -> str:
    """The figures of a consent as they are stored: two of the same figures are the same text."""
    return json.dumps(dict(offer), ensure_ascii=False, sort_keys=True)


def stored_consents(
    connection: Connection,
    merchant: Merchant,
    *,
    checkout_id: str | None = None,
    customer_id: int | None = None,
) -> Sequence[Consent]:
    """The consents of a checkout or of a customer, oldest first."""
    statement = select(consents).where(consents.c.merchant_id == merchant.id)
    if checkout_id is not None:
        statement = statement.where(consents.c.checkout_id == checkout_id)
    if customer_id is not None:
        statement = statement.where(consents.c.customer_id == customer_id)
    return [_consent(row) for row in fetch(connection, statement.order_by(consents.c.id))]


def _consent(row: Row) -> Consent:
    names = ("id", "kind", "language", "wording", "html", "html_hash", "offer", "agreed_at")
    return Consent(**{name: row[name] for name in names})
