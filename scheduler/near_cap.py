"""Reads Amazon's balance of permissions that the next charges bring near their limit."""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from amazonpay import AmazonPayClient, AmazonPayError, ChargePermission
from billing import Merchant
from billing.evidence import NearCap, permissions_near_cap, record_balances
from scheduler import pacing
from scheduler.pacing import Quota
from scheduler.senders import Senders

# A bucket of its own: it shares Amazon's quota of the operation with the watch, not with charges.
GET_CHARGE_PERMISSION = "get_charge_permission"
THREADS = 4

Seen = tuple[NearCap, ChargePermission | None]


def read_near_cap(
    *,
    engine: Engine,
    merchant: Merchant,
    make_client: Callable[[], AmazonPayClient],
    quota: Quota | None,
    now: Callable[[], datetime],
    limit: int,
    only: Collection[int] | None,
) -> int:
    """Read those whose next charge is near the limit; returns how many were read.

    What cannot be read is charged by our own figures: Amazon refuses what does not fit, and that
    costs no decline.
    """
    near = permissions_near_cap(engine, merchant, at=now(), limit=limit, only=only)
    if not near:
        return 0
    waits = _waits(engine, merchant, quota, len(near), now())
    seen: list[Seen] = []
    with Senders[Seen](make_client, threads=min(THREADS, len(near))) as senders:
        for each, wait in zip(near, waits, strict=True):
            senders.submit(
                partial(_read, near=each), failed=partial(_unread, each), wait_seconds=wait
            )
        while senders.outstanding:
            seen += senders.collect(wait_seconds=1.0)
    read = [(each, found) for each, found in seen if found is not None]
    record_balances(engine, merchant, read, at=now())
    return len(read)


def _waits(
    engine: Engine, merchant: Merchant, quota: Quota | None, calls: int, at: datetime
) -> list[float]:
    if quota is None:
        return [0.0] * calls
    return pacing.take(
        engine,
        merchant_id=merchant.id,
        operation=GET_CHARGE_PERMISSION,
        quota=quota,
        calls=calls,
        now=at,
    )


def _read(client: AmazonPayClient, *, near: NearCap) -> Seen:
    try:
        return near, client.get_charge_permission(near.amazon_id)
    except AmazonPayError:
        return near, None


def _unread(near: NearCap, _error: Exception) -> Seen:
    return near, None
