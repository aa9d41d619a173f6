"""Tables of this room, and the triggers that note what Amazon would notify.

A trigger runs in the transaction of the change itself: no operation can forget a notification, and
none is noted for what was rolled back. Without an endpoint nothing is noted. A message is one
publication to the topic; each endpoint gets a delivery of it with a plan of its own.

Events: ipn.md §7. A synchronous authorization is told by its answer alone and not notified.
"""

from typing import Final

_TABLES: Final = """
CREATE TABLE ipn_endpoints (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, url TEXT NOT NULL UNIQUE,
    style TEXT NOT NULL, created_at INTEGER NOT NULL, confirmed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE ipn_messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER, object_type TEXT, object_id TEXT,
    permission_id TEXT, notification_type TEXT, type TEXT NOT NULL DEFAULT 'Notification',
    endpoint INTEGER, style TEXT NOT NULL DEFAULT '{}',
    message_id TEXT NOT NULL DEFAULT (lower(hex(randomblob(16)))),
    notification_id TEXT NOT NULL DEFAULT (lower(hex(randomblob(16)))),
    cv1 INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX ipn_messages_of_object ON ipn_messages (object_id, seq);
CREATE INDEX ipn_messages_confirmations ON ipn_messages (message_id) WHERE type <> 'Notification';
CREATE INDEX ipn_messages_undated ON ipn_messages (seq) WHERE at IS NULL;
CREATE TABLE ipn_deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, message INTEGER NOT NULL, endpoint INTEGER NOT NULL,
    url TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting', due_at INTEGER,
    tries INTEGER NOT NULL DEFAULT 0, fault TEXT, attempts TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX ipn_deliveries_due ON ipn_deliveries (endpoint, due_at) WHERE state = 'waiting';
CREATE INDEX ipn_deliveries_held ON ipn_deliveries (endpoint, seq)
    WHERE state = 'waiting' AND fault = 'reorder' AND tries = 0;
CREATE INDEX ipn_deliveries_of_message ON ipn_deliveries (message, seq);
CREATE TRIGGER ipn_fan_out AFTER INSERT ON ipn_messages BEGIN
    INSERT INTO ipn_deliveries (message, endpoint, url, due_at)
    SELECT NEW.seq, seq, url, NEW.at FROM ipn_endpoints
    WHERE NEW.endpoint IS NULL OR seq = NEW.endpoint ORDER BY seq;
END;
CREATE TRIGGER ipn_dated AFTER UPDATE OF at ON ipn_messages BEGIN
    UPDATE ipn_deliveries SET due_at = NEW.at WHERE message = NEW.seq AND state = 'waiting';
END;
"""

_ENDED_CHARGE: Final = "NEW.state IN ('Captured', 'Declined', 'Canceled')"
_ENDED_REFUND: Final = "NEW.state IN ('Refunded', 'Declined')"
_CHANGED: Final = "NEW.state <> OLD.state"
_DECIDED: Final = "(OLD.state = 'AuthorizationInitiated' AND NEW.state = 'Authorized')"
_PERMISSION_OF_REFUND: Final = "(SELECT permission_id FROM charges WHERE id = NEW.charge_id)"
# What the buyer can change on Amazon's pages, by its key in `permissions.details`.
_ATTRIBUTES: Final = (
    *("paymentDescriptor", "instrumentId", "paymentMethodChangedAt", "shippingAddress"),
)


def _state_trigger(name: str, event: str, when: str, columns: str) -> str:
    return _trigger(name, event, when, f"NEW.changed_at, {columns}, 'STATE_CHANGE'")


def _trigger(name: str, event: str, when: str, values: str) -> str:
    return f"""
CREATE TRIGGER ipn_{name} AFTER {event} WHEN {when} AND EXISTS (SELECT 1 FROM ipn_endpoints) BEGIN
    INSERT INTO ipn_messages (at, object_type, object_id, permission_id, cv1, notification_type)
    VALUES ({values});
END;
"""  # noqa: S608 - only literals of this module


def _any_attribute_changed() -> str:
    differences = (
        f"json_extract(OLD.details, '$.{key}') IS NOT json_extract(NEW.details, '$.{key}')"
        for key in _ATTRIBUTES
    )
    return f"NEW.details <> OLD.details AND ({' OR '.join(differences)})"


# An agreement migrated from CV1 is told of in CV1's form; its charges are made by CV2 (ipn.md §9).
_IN_CV1: Final = "coalesce(json_extract(NEW.details, '$.migrated'), 0)"
_CHARGE: Final = "'CHARGE', NEW.id, NEW.permission_id, 0"
_REFUND: Final = f"'REFUND', NEW.id, {_PERMISSION_OF_REFUND}, 0"
_PERMISSION: Final = f"'CHARGE_PERMISSION', NEW.id, NEW.id, {_IN_CV1}"

DDL: Final = "".join(
    (
        _TABLES,
        _state_trigger("charge_made", "INSERT ON charges", _ENDED_CHARGE, _CHARGE),
        _state_trigger(
            "charge_changed",
            "UPDATE OF state ON charges",
            f"{_CHANGED} AND ({_ENDED_CHARGE} OR {_DECIDED})",
            _CHARGE,
        ),
        _state_trigger("refund_made", "INSERT ON refunds", _ENDED_REFUND, _REFUND),
        _state_trigger(
            "refund_changed",
            "UPDATE OF state ON refunds",
            f"{_CHANGED} AND {_ENDED_REFUND}",
            _REFUND,
        ),
        _state_trigger(
            "permission_changed", "UPDATE OF state ON permissions", _CHANGED, _PERMISSION
        ),
        # No instant: an attribute has no time of change of its own, so the sender dates it.
        _trigger(
            "permission_attribute",
            "UPDATE OF details ON permissions",
            _any_attribute_changed(),
            f"NULL, {_PERMISSION}, 'ATTRIBUTE_CHANGE'",
        ),
    )
)

# Endpoints stay: they are settings of the account, as in Seller Central.
EMPTIED_BY_RESET: Final[tuple[str, ...]] = (
    "DELETE FROM ipn_deliveries",
    "DELETE FROM ipn_messages",
)
