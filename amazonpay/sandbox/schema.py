"""The tables. Every query of an API call is served by one of these indexes, never by a scan.

The partial indexes hold only rows that still have something to do, so that looking for the next
timer costs the same with a hundred charges stored and with a million.
"""

from amazonpay.sandbox.checkout import schema as checkout
from amazonpay.sandbox.notifications import schema as notifications
from amazonpay.sandbox.settlement import schema as settlement

SCHEMA_VERSION = 2

# A file of version 1 has no `details`; the tables of the rooms are made where they are missing.
FROM_VERSION_1 = "ALTER TABLE permissions ADD COLUMN details TEXT NOT NULL DEFAULT '{}';"
ROOMS = checkout.DDL + notifications.DDL + settlement.DDL

DDL = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE permissions (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, buyer_id TEXT NOT NULL, kind TEXT NOT NULL,
    state TEXT NOT NULL, reason_code TEXT, reason_description TEXT,
    changed_at INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    amount_limit INTEGER NOT NULL, recurring TEXT, metadata TEXT NOT NULL, behaviour TEXT NOT NULL,
    details TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX permissions_expiry ON permissions (expires_at) WHERE state <> 'Closed';
CREATE TABLE charges (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, permission_id TEXT NOT NULL,
    amount INTEGER NOT NULL, state TEXT NOT NULL, reason_code TEXT, reason_description TEXT,
    changed_at INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    authorized_at INTEGER, capture_now INTEGER NOT NULL, capture_amount INTEGER,
    refund_reserved INTEGER NOT NULL, refunded INTEGER NOT NULL, refund_count INTEGER NOT NULL,
    cap_month TEXT NOT NULL, idempotency_key TEXT, merchant_reference_id TEXT,
    details TEXT NOT NULL, due_at INTEGER, due_state TEXT, due_reason TEXT
);
CREATE INDEX charges_due ON charges (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX charges_of_permission ON charges (permission_id, seq);
CREATE INDEX charges_open ON charges (permission_id)
    WHERE state IN ('AuthorizationInitiated', 'Authorized');
CREATE INDEX charges_reference ON charges (merchant_reference_id);
CREATE TABLE refunds (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, charge_id TEXT NOT NULL,
    amount INTEGER NOT NULL, state TEXT NOT NULL, reason_code TEXT, reason_description TEXT,
    changed_at INTEGER NOT NULL, created_at INTEGER NOT NULL, idempotency_key TEXT, due_at INTEGER
);
CREATE INDEX refunds_due ON refunds (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX refunds_of_charge ON refunds (charge_id, seq);
CREATE TABLE cap_months (
    permission_id TEXT NOT NULL, month TEXT NOT NULL, used INTEGER NOT NULL CHECK (used >= 0),
    PRIMARY KEY (permission_id, month)
) WITHOUT ROWID;
CREATE TABLE answers (
    key TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE requests (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, operation TEXT NOT NULL, idempotency_key TEXT,
    body_sha256 TEXT NOT NULL, status INTEGER, replayed INTEGER NOT NULL, reason_code TEXT,
    fault TEXT, request_id TEXT NOT NULL, object_id TEXT
);
"""

EMPTIED_BY_RESET = (
    "DELETE FROM permissions",
    "DELETE FROM charges",
    "DELETE FROM refunds",
    "DELETE FROM cap_months",
    "DELETE FROM answers",
    "DELETE FROM requests",
    *checkout.EMPTIED_BY_RESET,
    *notifications.EMPTIED_BY_RESET,
    *settlement.EMPTIED_BY_RESET,
)
