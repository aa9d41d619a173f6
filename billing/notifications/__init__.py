"""The inbox: genuine notifications are kept before Amazon is answered, and looked into later.

    keep ─► claim objects ─► (Get at Amazon) ─► record as polling does ─► settle
                 ▲                                                        │
                 └── parked: an object our books do not know yet ◄────────┘

A notification is a hint to look and never a fact, so its order, number and age do not matter.
"""

from billing.notifications.claiming import (
    HINT_LEASE,
    ObjectHint,
    Target,
    claim_objects,
    has_waiting,
    release_claims,
    workers_with_claims,
)
from billing.notifications.desk import (
    InboxFilter,
    StoredNotification,
    UnknownNotification,
    list_notifications,
    retry_notification,
    show_notification,
)
from billing.notifications.keeping import Arrival, Kept, forget_old, keep_arrival
from billing.notifications.listening import Listening, load_listening, parse_topics
from billing.notifications.refused import RefusedCount, add_refused, refused_counts
from billing.notifications.settling import Looked, LookedKind, settle_looked
from billing.notifications.words import InboxResult

__all__ = [
    "HINT_LEASE",
    "Arrival",
    "InboxFilter",
    "InboxResult",
    "Kept",
    "Listening",
    "Looked",
    "LookedKind",
    "ObjectHint",
    "RefusedCount",
    "StoredNotification",
    "Target",
    "UnknownNotification",
    "add_refused",
    "claim_objects",
    "forget_old",
    "has_waiting",
    "keep_arrival",
    "list_notifications",
    "load_listening",
    "parse_topics",
    "refused_counts",
    "release_claims",
    "retry_notification",
    "settle_looked",
    "show_notification",
    "workers_with_claims",
]
