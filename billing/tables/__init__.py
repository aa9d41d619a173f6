"""Every table of the engine, on SQLite and on PostgreSQL alike.

Constraints here guard money: one slot per (subscription, cycle, purpose), one open or successful
attempt per slot, one attempt per idempotency key, and `used + held <= limit` per cap month.
Loops use Core statements on `Table.__table__`; objects are for screens.
"""

from billing.tables.agreements import (
    ChargePermissionRow,
    CustomerRow,
    MerchantRow,
    PlanRow,
    PriceRow,
    SubscriptionEventRow,
    SubscriptionRow,
)
from billing.tables.books import JournalRow, NoticeRow, PostingRow
from billing.tables.money import (
    AttemptRow,
    CapHoldRow,
    CapMonthRow,
    InvoiceLineRow,
    InvoiceRow,
    InvoiceTaxRow,
    SlotRow,
)
from billing.tables.naming import metadata
from billing.tables.offers import OfferRow, OfferVersionRow

__all__ = [
    "AttemptRow",
    "CapHoldRow",
    "CapMonthRow",
    "ChargePermissionRow",
    "CustomerRow",
    "InvoiceLineRow",
    "InvoiceRow",
    "InvoiceTaxRow",
    "JournalRow",
    "MerchantRow",
    "NoticeRow",
    "OfferRow",
    "OfferVersionRow",
    "PlanRow",
    "PostingRow",
    "PriceRow",
    "SlotRow",
    "SubscriptionEventRow",
    "SubscriptionRow",
    "metadata",
]
