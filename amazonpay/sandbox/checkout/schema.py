"""Tables of this room; `sandbox.schema` joins them with the others.

`due_at` of a session is when it expires, and once it has ended when it is forgotten. Buyers are
stored only where they differ from the test buyers that everybody starts with.
"""

DDL = """
CREATE TABLE IF NOT EXISTS checkout_sessions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL, reason TEXT, reason_description TEXT,
    product_type TEXT NOT NULL, charge_permission_type TEXT NOT NULL,
    recurring TEXT, payment TEXT NOT NULL, metadata TEXT NOT NULL, web TEXT NOT NULL,
    extras TEXT NOT NULL, buyer_id TEXT, instrument_id TEXT, address_id TEXT,
    charge_permission_id TEXT, charge_id TEXT, outcome TEXT, approved_at INTEGER,
    changed_at INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS checkout_sessions_due ON checkout_sessions (due_at);
CREATE TABLE IF NOT EXISTS buyers (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    document TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS buyer_tokens (
    token TEXT PRIMARY KEY, buyer_id TEXT NOT NULL, scopes TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS delivery_trackers (
    tracking_number TEXT PRIMARY KEY, carrier_code TEXT NOT NULL, permission_id TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS permissions_of_buyer ON permissions (buyer_id);
"""
EMPTIED_BY_RESET = (
    "DELETE FROM checkout_sessions",
    "DELETE FROM buyers",
    "DELETE FROM buyer_tokens",
    "DELETE FROM delivery_trackers",
    "DELETE FROM meta WHERE key GLOB 'authorization_token:*'",
)
