"""Every table of the engine, on SQLite and on PostgreSQL alike.

Constraints here guard money: one slot per (subscription, cycle, purpose), one open or successful
attempt per slot, one attempt per idempotency key, and `used + held <= limit` per cap month.
Loops use Core statements on `Table.__table__`; objects are for screens.
"""

from billing.tables.agreements import (
    AgreementRow,
    ChargePermissionRow,
    CustomerRow,
    MerchantRow,
    PlanRow,
    PriceRow,
    QuoteRow,
    SubscriptionEventRow,
    SubscriptionRow,
)
from billing.tables.books import JournalRow, NoticeRow, PostingRow
from billing.tables.brakes import BrakeRow
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
from billing.tables.refunds import RefundRoomRow, RefundRow

__all__ = [
    "AgreementRow",
    "AttemptRow",
    "BrakeRow",
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
    "QuoteRow",
    "RefundRoomRow",
    "RefundRow",
    "SlotRow",
    "SubscriptionEventRow",
    "SubscriptionRow",
    "metadata",
]
