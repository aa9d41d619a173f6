"""Reads the charge permissions that wait for their buyer, and ends waits whose time is up."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from amazonpay import AmazonPayClient, AmazonPayError, ChargePermission
from billing import (
    Merchant,
    WatchedPermission,
    end_waits,
    permissions_to_read,
    record_permissions,
)
from scheduler import pacing
from scheduler.pacing import Quota
from scheduler.senders import Senders

GET_CHARGE_PERMISSION = "get_charge_permission"
SLICE = 200
THREADS = 4

Seen = tuple[WatchedPermission, ChargePermission | None]


def watch_permissions(
    *,
    engine: Engine,
    merchant: Merchant,
    make_client: Callable[[], AmazonPayClient],
    quota: Quota | None,
    now: Callable[[], datetime],
) -> int:
    """Read every permission that a slot waits for; returns how many were read.

    One that cannot be read now keeps its state and is read again an hour later.
    """
    read = 0
    while watched := permissions_to_read(engine, merchant, at=now(), limit=SLICE):
        waits = _waits(engine, merchant, quota, len(watched), now())
        with Senders[Seen](make_client, threads=THREADS) as senders:
            seen = _read_all(senders, watched, waits)
        record_permissions(engine, merchant, seen, at=now())
        read += sum(1 for _, permission in seen if permission is not None)
    end_waits(engine, merchant, at=now())
    return read


def _waits(
    engine: Engine, merchant: Merchant, quota: Quota | None, calls: int, now: datetime
) -> list[float]:
    if quota is None:
        return [0.0] * calls
    return pacing.take(
        engine,
        merchant_id=merchant.id,
        operation=GET_CHARGE_PERMISSION,
        quota=quota,
        calls=calls,
        now=now,
    )


def _read_all(
    senders: Senders[Seen], watched: list[WatchedPermission], waits: list[float]
) -> list[Seen]:
    for permission, wait in zip(watched, waits, strict=True):
        senders.submit(
            partial(_read, watched=permission),
            failed=partial(_unread, permission),
            wait_seconds=wait,
        )
    seen: list[Seen] = []
    while senders.outstanding:
        seen += senders.collect(wait_seconds=1.0)
    return seen


def _read(client: AmazonPayClient, *, watched: WatchedPermission) -> Seen:
    try:
        return watched, client.get_charge_permission(watched.amazon_id)
    except AmazonPayError:
        return watched, None


def _unread(watched: WatchedPermission, _error: Exception) -> Seen:
    return watched, None
