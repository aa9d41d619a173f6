"""Money: invoices, the charge protocol (intend, send, record), the cap, dunning and the ledger.

This is the public door; `scheduler` and `app` use what is listed here and nothing else.
"""

from billing import checkpoints
from billing.audit import AuditReport, Finding, UnknownAuditMerchant, audit_books
from billing.audit_amazon import AmazonAudit, AmazonUnreachable, audit_amazon
from billing.audit_sql import Family
from billing.brake import Brake, check_clock, load_brake, pull_brake, release_brake
from billing.cap_plan import (
    CapRule,
    CapVerdict,
    PlannedCharge,
    first_day_with_room,
    plan_charges,
)
from billing.catalogue_store import (
    CatalogueChange,
    OfferAlreadySet,
    PriceAlreadySet,
    PriceList,
    RowRefused,
    TermsAlreadySet,
    load_catalogue,
    load_price_list,
    store_catalogue,
    yearly_yen,
)
from billing.charge_story import AttemptStory, BookedJournal, ChargeStory, charge_story
from billing.database import DatabaseUnavailable, open_engine, reading, writing
from billing.dates import charge_instant, civil_date, possible_months
from billing.doubt import claim_unsettled, workers_with_unsettled
from billing.dunning import parse_schedule
from billing.ending import end_waits
from billing.forecast import ComingCharge, DayTotal, Forecast, forecast
from billing.history import (
    ChargeHistoryRow,
    ChargeTotals,
    Cursor,
    charge_history,
    charge_totals,
    latest_moment,
)
from billing.idempotency import idempotency_key
from billing.intend import body_fingerprint, intend_due_slots
from billing.merchants import (
    Merchant,
    MerchantKeys,
    NoKeys,
    UnknownMerchant,
    WrongEnvironment,
    check_environment,
    load_credentials,
    load_merchant,
    store_keys,
    store_merchant,
)
from billing.opening import open_due_cycles
from billing.outcome import OpenAttempt, Outcome, OutcomeKind
from billing.record import record_outcomes
from billing.refunds import (
    OpenRefund,
    RefundableCharge,
    RefundOutcome,
    RefundOutcomeKind,
    RefundRequest,
    StoredRefund,
    TaxPart,
    claim_refunds,
    record_refunds,
    refund_remedy,
    refundable_charges,
    refunds_of_request,
    refunds_of_slot,
    request_refund,
    send_refund,
    spread_refund,
    workers_with_open_refunds,
)
from billing.registration_number import check_digit_holds, normalise_registration_number
from billing.retrying import check_retry, make_due
from billing.rows import insert_many, insert_unless_known, table_of
from billing.sealing import BadMasterKey, CannotUnseal, decode_master_key, new_master_key
from billing.send import send
from billing.stored_quotes import StoredQuote, stored_quote
from billing.subscribers_store import (
    ImportStatus,
    SubscriberRow,
    SubscribersChange,
    check_subscriber,
    store_subscribers,
)
from billing.subscription_story import (
    EventStory,
    NextCharge,
    SlotStory,
    SubscriptionStory,
    subscription_story,
)
from billing.sweep import (
    WatchedPermission,
    permissions_to_read,
    permissions_waiting,
    record_permissions,
)
from billing.tables import SlotRow, SubscriptionRow
from billing.tax import (
    PriceMode,
    RateTotal,
    TaxLine,
    TaxRounding,
    split_discount,
    tax_by_rate,
)

__all__ = [
    "AmazonAudit",
    "AmazonUnreachable",
    "AttemptStory",
    "AuditReport",
    "BadMasterKey",
    "BookedJournal",
    "Brake",
    "CannotUnseal",
    "CapRule",
    "CapVerdict",
    "CatalogueChange",
    "ChargeHistoryRow",
    "ChargeStory",
    "ChargeTotals",
    "ComingCharge",
    "Cursor",
    "DatabaseUnavailable",
    "DayTotal",
    "EventStory",
    "Family",
    "Finding",
    "Forecast",
    "ImportStatus",
    "Merchant",
    "MerchantKeys",
    "NextCharge",
    "NoKeys",
    "OfferAlreadySet",
    "OpenAttempt",
    "OpenRefund",
    "Outcome",
    "OutcomeKind",
    "PlannedCharge",
    "PriceAlreadySet",
    "PriceList",
    "PriceMode",
    "RateTotal",
    "RefundOutcome",
    "RefundOutcomeKind",
    "RefundRequest",
    "RefundableCharge",
    "RowRefused",
    "SlotRow",
    "SlotStory",
    "StoredQuote",
    "StoredRefund",
    "SubscriberRow",
    "SubscribersChange",
    "SubscriptionRow",
    "SubscriptionStory",
    "TaxLine",
    "TaxPart",
    "TaxRounding",
    "TermsAlreadySet",
    "UnknownAuditMerchant",
    "UnknownMerchant",
    "WatchedPermission",
    "WrongEnvironment",
    "audit_amazon",
    "audit_books",
    "body_fingerprint",
    "charge_history",
    "charge_instant",
    "charge_story",
    "charge_totals",
    "check_clock",
    "check_digit_holds",
    "check_environment",
    "check_retry",
    "check_subscriber",
    "checkpoints",
    "civil_date",
    "claim_refunds",
    "claim_unsettled",
    "decode_master_key",
    "end_waits",
    "first_day_with_room",
    "forecast",
    "idempotency_key",
    "insert_many",
    "insert_unless_known",
    "intend_due_slots",
    "latest_moment",
    "load_brake",
    "load_catalogue",
    "load_credentials",
    "load_merchant",
    "load_price_list",
    "make_due",
    "new_master_key",
    "normalise_registration_number",
    "open_due_cycles",
    "open_engine",
    "parse_schedule",
    "permissions_to_read",
    "permissions_waiting",
    "plan_charges",
    "possible_months",
    "pull_brake",
    "reading",
    "record_outcomes",
    "record_permissions",
    "record_refunds",
    "refund_remedy",
    "refundable_charges",
    "refunds_of_request",
    "refunds_of_slot",
    "release_brake",
    "request_refund",
    "send",
    "send_refund",
    "split_discount",
    "spread_refund",
    "store_catalogue",
    "store_keys",
    "store_merchant",
    "store_subscribers",
    "stored_quote",
    "subscription_story",
    "table_of",
    "tax_by_rate",
    "workers_with_open_refunds",
    "workers_with_unsettled",
    "writing",
    "yearly_yen",
]
