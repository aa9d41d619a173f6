"""The control surface's view of the store: the truth, in pages, for tests and audits to compare."""

import json

from amazonpay.sandbox.control_input import ControlRefused, Json
from amazonpay.sandbox.instants import iso
from amazonpay.sandbox.rows import Charge, LoggedRequest, Permission, Refund
from amazonpay.sandbox.world import World

# One line per list and filter; every filter is served by an index.
_PAGES = {
    ("charges", None): "SELECT * FROM charges WHERE seq > ? ORDER BY seq LIMIT ?",
    ("charges", "chargePermissionId"): (
        "SELECT * FROM charges WHERE seq > ? AND permission_id = ? ORDER BY seq LIMIT ?"
    ),
    ("charges", "merchantReferenceId"): (
        "SELECT * FROM charges WHERE seq > ? AND merchant_reference_id = ? ORDER BY seq LIMIT ?"
    ),
    ("refunds", None): "SELECT * FROM refunds WHERE seq > ? ORDER BY seq LIMIT ?",
    ("refunds", "chargeId"): (
        "SELECT * FROM refunds WHERE seq > ? AND charge_id = ? ORDER BY seq LIMIT ?"
    ),
    ("permissions", None): "SELECT * FROM permissions WHERE seq > ? ORDER BY seq LIMIT ?",
    ("requests", None): "SELECT * FROM requests WHERE seq > ? ORDER BY seq LIMIT ?",
}


def page(
    world: World, table: str, *, limit: int, after: int, filters: dict[str, str], now: int
) -> Json:
    """`{"items": […], "next": token or null}`; `next` goes into `?after=` of the next call."""
    rows = world.store.connection.execute(*_query(table, limit + 1, after, filters)).fetchall()
    items = [_item(world, table, row, now) for row in rows[:limit]]
    return {"items": items, "next": str(rows[limit - 1][0]) if len(rows) > limit else None}


def _query(
    table: str, limit: int, after: int, filters: dict[str, str]
) -> tuple[str, tuple[int | str, ...]]:
    if len(filters) > 1:
        raise ControlRefused(None, f"only one filter at a time; {', '.join(filters)} were given")
    name, value = next(iter(filters.items()), (None, None))
    query = _PAGES.get((table, name))
    if query is None:
        known = ", ".join(key for of, key in _PAGES if of == table and key) or "none"
        raise ControlRefused(name, f"is not a filter of this list; known: {known}")
    return query, (after, limit) if value is None else (after, value, limit)


def _item(world: World, table: str, row: tuple[object, ...], now: int) -> Json:
    if table == "charges":
        return charge_item(Charge(*row))  # type: ignore[arg-type]  # SQLite columns are the fields
    if table == "refunds":
        return refund_item(world, Refund(*row))  # type: ignore[arg-type]  # as above
    if table == "permissions":
        return permission_item(world, Permission(*row), now)  # type: ignore[arg-type]  # as above
    return _request_item(LoggedRequest(*row[1:]))  # type: ignore[arg-type]  # as above


def permission_item(world: World, row: Permission, now: int) -> Json:
    """A permission with its cap figures of the current month."""
    recurring = None if row.recurring is None else json.loads(row.recurring)
    return {
        "chargePermissionId": row.id,
        "buyerId": row.buyer_id,
        "state": row.state,
        "reasonCode": row.reason_code,
        "amountLimit": row.amount_limit,
        "amountBalance": world.balance(row, now),
        "currency": "JPY",
        "frequency": None if recurring is None else recurring["frequency"],
        "behaviour": json.loads(row.behaviour),
        "merchantReferenceId": json.loads(row.metadata)["merchantReferenceId"],
        "createdAt": iso(row.created_at),
        "updatedAt": iso(row.changed_at),
        "expiresAt": iso(row.expires_at),
    }


def charge_item(row: Charge) -> Json:
    """A charge; `capturedAmount` is 0 until the money is taken."""
    captured = row.capture_amount or 0
    return {
        "chargePermissionId": row.permission_id,
        "chargeId": row.id,
        "amount": row.amount,
        "currency": "JPY",
        "state": row.state,
        "reasonCode": row.reason_code,
        "idempotencyKey": row.idempotency_key,
        "merchantReferenceId": row.merchant_reference_id,
        "createdAt": iso(row.created_at),
        "updatedAt": iso(row.changed_at),
        "capturedAmount": captured if row.state == "Captured" else 0,
        "refundedAmount": row.refunded,
        "capMonth": row.cap_month,
    }


def refund_item(world: World, row: Refund) -> Json:
    """A refund with the permission and reference of its charge."""
    charge = world.charge(row.charge_id)
    return {
        "chargePermissionId": charge.permission_id,
        "chargeId": row.charge_id,
        "refundId": row.id,
        "amount": row.amount,
        "currency": "JPY",
        "state": row.state,
        "reasonCode": row.reason_code,
        "idempotencyKey": row.idempotency_key,
        "merchantReferenceId": charge.merchant_reference_id,
        "createdAt": iso(row.created_at),
        "updatedAt": iso(row.changed_at),
    }


def _request_item(row: LoggedRequest) -> Json:
    """A log line; `status` is null where a fault let no answer out."""
    return {
        "at": iso(row.at),
        "operation": row.operation,
        "idempotencyKey": row.idempotency_key,
        "bodySha256": row.body_sha256,
        "status": row.status,
        "replayed": bool(row.replayed),
        "reasonCode": row.reason_code,
        "fault": row.fault,
        "requestId": row.request_id,
        "objectId": row.object_id,
    }


_STATS = {
    "chargePermissions": "SELECT count(*) FROM permissions",
    "charges": "SELECT count(*) FROM charges",
    "capturedCharges": "SELECT count(*) FROM charges WHERE state = 'Captured'",
    "capturedYen": "SELECT sum(capture_amount) FROM charges WHERE state = 'Captured'",
    "refunds": "SELECT count(*) FROM refunds",
    "refundedYen": "SELECT sum(amount) FROM refunds WHERE state = 'Refunded'",
    "requests": "SELECT count(*) FROM requests",
    "replayed": "SELECT count(*) FROM requests WHERE replayed = 1",
    "throttled": "SELECT count(*) FROM requests WHERE reason_code = 'TooManyRequests'",
    # Merchant references that hold more than one charge which took or may take money.
    "duplicates": (
        "SELECT count(*) FROM (SELECT 1 FROM charges WHERE merchant_reference_id IS NOT NULL "
        "AND state NOT IN ('Declined', 'Canceled') GROUP BY merchant_reference_id "
        "HAVING count(*) > 1)"
    ),
}


def stats(world: World, now: int) -> Json:
    """Counts and totals for cheap checks; reads whole tables, so not for every call."""
    execute = world.store.connection.execute
    figures = {name: execute(query).fetchone()[0] or 0 for name, query in _STATS.items()}
    return {"now": iso(now), **figures}
