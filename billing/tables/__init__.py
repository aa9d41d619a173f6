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
from billing.tables.captures import ActRow, ChargebackRow
from billing.tables.chain import (
    AuditEventRow,
    ChainLinkRow,
    EnvironmentAccountRow,
    EnvironmentMarkRow,
    GlobalBrakeRow,
    RestorationCheckRow,
    RestorationRow,
)
from billing.tables.deliveries import (
    DeliveryRow,
    EventHeadRow,
    NoticeRulesRow,
    NoticeTemplateRow,
    WebhookEndpointRow,
)
from billing.tables.dunning import DunningRow
from billing.tables.evidence import BalanceReadingRow, DoubtRow, PoisonRow, ProofRow
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
from billing.tables.notifications import NotificationRow, RefusedNotificationRow
from billing.tables.offers import OfferRow, OfferVersionRow
from billing.tables.refunds import RefundRoomRow, RefundRow

__all__ = [
    "ActRow",
    "AgreementRow",
    "AttemptRow",
    "AuditEventRow",
    "BalanceReadingRow",
    "BrakeRow",
    "CapHoldRow",
    "CapMonthRow",
    "ChainLinkRow",
    "ChargePermissionRow",
    "ChargebackRow",
    "CustomerRow",
    "DeliveryRow",
    "DoubtRow",
    "DunningRow",
    "EnvironmentAccountRow",
    "EnvironmentMarkRow",
    "EventHeadRow",
    "GlobalBrakeRow",
    "InvoiceLineRow",
    "InvoiceRow",
    "InvoiceTaxRow",
    "JournalRow",
    "MerchantRow",
    "NoticeRow",
    "NoticeRulesRow",
    "NoticeTemplateRow",
    "NotificationRow",
    "OfferRow",
    "OfferVersionRow",
    "PlanRow",
    "PoisonRow",
    "PostingRow",
    "PriceRow",
    "ProofRow",
    "QuoteRow",
    "RefundRoomRow",
    "RefundRow",
    "RefusedNotificationRow",
    "RestorationCheckRow",
    "RestorationRow",
    "SlotRow",
    "SubscriptionEventRow",
    "SubscriptionRow",
    "WebhookEndpointRow",
    "metadata",
]
