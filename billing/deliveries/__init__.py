"""Notices on their way to people and programs: mails, signed webhooks, a stream of events.

    notice (outbox) ─► plan: event, mail, webhooks ─► claim ─► send ─► record ─► sent | dead
                                                        ▲                 │
                                                        └── later, under the same id

The network is elsewhere: `scheduler.deliveries` drives this, `app` speaks SMTP and HTTP.
"""

from billing.deliveries.claiming import OutgoingWebhook, claim_mails, claim_webhooks
from billing.deliveries.endpoints import (
    Endpoint,
    add_endpoint,
    check_endpoint_url,
    disable_endpoint,
    enable_endpoint,
    endpoint_of,
    endpoints_of,
    is_loopback_host,
    rotate_endpoint,
)
from billing.deliveries.events import MerchantEvent, events_after
from billing.deliveries.kinds import KINDS, NoticeKind
from billing.deliveries.mails import OutgoingMail, UnusableAddress, message_of
from billing.deliveries.own_words import (
    OwnWords,
    load_own_words,
    reset_own_words,
    store_own_words,
    words_in_force,
)
from billing.deliveries.planning import plan_notices
from billing.deliveries.price_changes import (
    announcement_of,
    tell_price_changes,
    tell_price_stays,
)
from billing.deliveries.probing import probe_webhook
from billing.deliveries.recording import DeliveryOutcome, DeliveryResult, record_deliveries
from billing.deliveries.replaying import replay_events, retry_dead_mails
from billing.deliveries.rules import (
    BUYER_URL,
    NoticeRules,
    load_notice_rules,
    set_customer_language,
    store_notice_rules,
)
from billing.deliveries.schedule import GIVEN_UP_AFTER, LEASE, RETRY_SECONDS, next_try
from billing.deliveries.signing import signature_headers
from billing.deliveries.staff_news import tell_staff
from billing.deliveries.stored import (
    MailPreview,
    OutboxHealth,
    StoredDelivery,
    StoredNotice,
    list_notices,
    outbox_health,
    preview_notice,
)
from billing.deliveries.templates import Template
from billing.deliveries.upcoming import tell_upcoming

__all__ = [
    "BUYER_URL",
    "GIVEN_UP_AFTER",
    "KINDS",
    "LEASE",
    "RETRY_SECONDS",
    "DeliveryOutcome",
    "DeliveryResult",
    "Endpoint",
    "MailPreview",
    "MerchantEvent",
    "NoticeKind",
    "NoticeRules",
    "OutboxHealth",
    "OutgoingMail",
    "OutgoingWebhook",
    "OwnWords",
    "StoredDelivery",
    "StoredNotice",
    "Template",
    "UnusableAddress",
    "add_endpoint",
    "announcement_of",
    "check_endpoint_url",
    "claim_mails",
    "claim_webhooks",
    "disable_endpoint",
    "enable_endpoint",
    "endpoint_of",
    "endpoints_of",
    "events_after",
    "is_loopback_host",
    "list_notices",
    "load_notice_rules",
    "load_own_words",
    "message_of",
    "next_try",
    "outbox_health",
    "plan_notices",
    "preview_notice",
    "probe_webhook",
    "record_deliveries",
    "replay_events",
    "reset_own_words",
    "retry_dead_mails",
    "rotate_endpoint",
    "set_customer_language",
    "signature_headers",
    "store_notice_rules",
    "store_own_words",
    "tell_price_changes",
    "tell_price_stays",
    "tell_staff",
    "tell_upcoming",
    "words_in_force",
]
