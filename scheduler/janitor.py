"""The janitor: looks for proofs where replays gave none, and parks what stays unknown.

Its GETs have the throttle buckets of their own operations; it never sends a key.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta

from sqlalchemy import Engine

from amazonpay import AmazonPayClient, AmazonPayError, Charge, ChargePermission
from billing import Merchant, forget_recovered, writing
from billing.evidence import (
    Doubt,
    DoubtRules,
    JanitorReport,
    Look,
    doubts_to_look_at,
    record_looks,
)
from scheduler import pacing
from scheduler.pacing import Quota
from scheduler.senders import Senders

GET_CHARGE, GET_CHARGE_PERMISSION = "get_charge", "get_charge_permission"
SLICE = 100
THREADS = 4
# A row that has not failed for so long has recovered; its count begins anew.
RECOVERED_AFTER = timedelta(days=1)


def clear_doubts(
    *,
    engine: Engine,
    merchant: Merchant,
    make_client: Callable[[], AmazonPayClient],
    quota: Quota | None,
    rules: DoubtRules,
    now: Callable[[], datetime],
    stopping: Callable[[], bool] = lambda: False,
) -> JanitorReport:
    """Look at every resting doubt whose moment has come; returns what became of them.

    A doubt about which Amazon does not answer stays as it is and is looked at an hour later.
    """
    total = JanitorReport()
    while not stopping():
        doubts = doubts_to_look_at(engine, merchant, at=now(), limit=SLICE)
        if not doubts:
            break
        waits = _waits(engine, merchant, quota, doubts, now())
        with Senders[Look](make_client, threads=min(THREADS, len(doubts))) as senders:
            looks = _look_at_all(senders, doubts, waits)
        _add(total, record_looks(engine, merchant, looks, rules=rules, at=now()))
    before = now() - RECOVERED_AFTER
    writing(engine, lambda c: forget_recovered(c, merchant, before=before))
    return total


def _add(total: JanitorReport, more: JanitorReport) -> None:
    total.looked += more.looked
    total.booked += more.booked
    total.closed += more.closed
    total.parked += more.parked
    total.woken += more.woken
    total.failed += more.failed
    total.rulings |= more.rulings


def _waits(
    engine: Engine, merchant: Merchant, quota: Quota | None, doubts: Sequence[Doubt], at: datetime
) -> list[float]:
    """Seconds that each doubt waits: for its turn to read the permission and its candidates."""
    if quota is None:
        return [0.0] * len(doubts)

    def take(operation: str, calls: int) -> list[float]:
        return pacing.take(
            engine, merchant_id=merchant.id, operation=operation, quota=quota, calls=calls, now=at
        )

    permissions = take(GET_CHARGE_PERMISSION, len(doubts))
    charges = take(GET_CHARGE, sum(len(doubt.candidates) for doubt in doubts))
    waits, used = [], 0
    for doubt, wait in zip(doubts, permissions, strict=True):
        used += len(doubt.candidates)
        last = charges[used - 1] if doubt.candidates else 0.0
        waits.append(max(wait, last))
    return waits


def _look_at_all(
    senders: Senders[Look], doubts: Sequence[Doubt], waits: Sequence[float]
) -> list[Look]:
    for doubt, wait in zip(doubts, waits, strict=True):
        senders.submit(_looking(doubt), failed=_nothing_seen(doubt), wait_seconds=wait)
    looks: list[Look] = []
    while senders.outstanding:
        looks += senders.collect(wait_seconds=1.0)
    return looks


def _looking(doubt: Doubt) -> Callable[[AmazonPayClient], Look]:
    return lambda client: look_at(client, doubt)


def _nothing_seen(doubt: Doubt) -> Callable[[Exception], Look]:
    return lambda _error: Look(doubt, None)


def look_at(client: AmazonPayClient, doubt: Doubt) -> Look:
    """Read the permission and the candidates of one doubt; what cannot be read is left out."""
    charges = [_charge(client, charge_id) for charge_id in doubt.candidates]
    return Look(doubt, _permission(client, doubt), tuple(c for c in charges if c is not None))


def _permission(client: AmazonPayClient, doubt: Doubt) -> ChargePermission | None:
    try:
        return client.get_charge_permission(doubt.attempt.permission_amazon_id)
    except AmazonPayError:
        return None


def _charge(client: AmazonPayClient, charge_id: str) -> Charge | None:
    try:
        return client.get_charge(charge_id)
    except AmazonPayError:
        return None


def read_charge(make_client: Callable[[], AmazonPayClient], charge_id: str) -> Charge:
    """One charge as Amazon has it now; raises what the client raises."""
    with closing(make_client()) as client:
        return client.get_charge(charge_id)
