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
from billing.tables.approvals import RefundApprovalRow
from billing.tables.books import JournalRow, NoticeRow, PostingRow
from billing.tables.brakes import BrakeRow
from billing.tables.bulk import BulkJobRow, BulkRowRow
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
from billing.tables.customers import (
    BuyerLinkRow,
    CheckoutRow,
    ConsentRow,
    MailLinkRow,
    SavedMethodRow,
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
from billing.tables.proofs import AmazonReportRow, PermissionReplacementRow, RefundByHandRow
from billing.tables.refunds import RefundRoomRow, RefundRow
from billing.tables.staff import (
    FormUseRow,
    KnownDeviceRow,
    PasskeyChallengeRow,
    PasskeyRow,
    RecoveryCodeRow,
    SignInFailureRow,
    StaffUserRow,
    WebSessionRow,
)

__all__ = [
    "ActRow",
    "AgreementRow",
    "AmazonReportRow",
    "AttemptRow",
    "AuditEventRow",
    "BalanceReadingRow",
    "BrakeRow",
    "BulkJobRow",
    "BulkRowRow",
    "BuyerLinkRow",
    "CapHoldRow",
    "CapMonthRow",
    "ChainLinkRow",
    "ChargePermissionRow",
    "ChargebackRow",
    "CheckoutRow",
    "ConsentRow",
    "CustomerRow",
    "DeliveryRow",
    "DoubtRow",
    "DunningRow",
    "EnvironmentAccountRow",
    "EnvironmentMarkRow",
    "EventHeadRow",
    "FormUseRow",
    "GlobalBrakeRow",
    "InvoiceLineRow",
    "InvoiceRow",
    "InvoiceTaxRow",
    "JournalRow",
    "KnownDeviceRow",
    "MailLinkRow",
    "MerchantRow",
    "NoticeRow",
    "NoticeRulesRow",
    "NoticeTemplateRow",
    "NotificationRow",
    "OfferRow",
    "OfferVersionRow",
    "PasskeyChallengeRow",
    "PasskeyRow",
    "PermissionReplacementRow",
    "PlanRow",
    "PoisonRow",
    "PostingRow",
    "PriceRow",
    "ProofRow",
    "QuoteRow",
    "RecoveryCodeRow",
    "RefundApprovalRow",
    "RefundByHandRow",
    "RefundRoomRow",
    "RefundRow",
    "RefusedNotificationRow",
    "RestorationCheckRow",
    "RestorationRow",
    "SavedMethodRow",
    "SignInFailureRow",
    "SlotRow",
    "StaffUserRow",
    "SubscriptionEventRow",
    "SubscriptionRow",
    "WebSessionRow",
    "WebhookEndpointRow",
    "metadata",
]
