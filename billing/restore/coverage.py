"""Whether a report of Amazon's can speak for the time that restored books lost.

A charge of that time may have been made under a key that the books have not derived yet: a first
key was proved to have had no effect, or Amazon refused it and forgot it. Only a list of all charges
says that there was none; balances do not, for a refund may have given room back.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from billing.restore.restoration import Restoration
from billing.store.merchants import Merchant
from billing.store.rows import is_word, table_of
from billing.tables import AttemptRow, RefundRow

_attempts = table_of(AttemptRow)
_refunds = table_of(RefundRow)

BEFORE = timedelta(hours=24)
"""How far before the last moment of the books Amazon is asked: clocks and late answers."""

# Of our own charges and refunds so many are looked for in a report, the newest of its time.
CONTROLS = 500


@dataclass(frozen=True, slots=True)
class Span:
    """From one instant to another."""

    since: datetime
    until: datetime


def lost_time(restoration: Restoration) -> Span:
    """What restored books may have lost: from a day before they end until they were stopped."""
    since = (restoration.restored_to or restoration.begun_at) - BEFORE
    return Span(since, restoration.begun_at)


def why_not_covered(
    *, lost: Span, told: Span | None, at: datetime, listing: timedelta, missing: int
) -> str | None:
    """Why reports that hold all of `told`, read at `at`, do not speak for `lost`; None if they do.

    `listing` is how long Amazon may take to list a charge, `missing` how many of our own charges
    and refunds of that time are not in them.
    """
    if told is None:
        return f"no report says that it holds all from {_m(lost.since)} to {_m(lost.until)}"
    if told.since > lost.since:
        return f"the report begins at {_m(told.since)}, charges may be lost from {_m(lost.since)}"
    if told.until < lost.until:
        return f"the report ends at {_m(told.until)}, charges may be lost until {_m(lost.until)}"
    listed_at = lost.until + listing
    if at < listed_at:
        return f"Amazon may list charges late: fetch the report again after {_m(listed_at)}"
    if missing:
        return f"{missing} charges or refunds of our own books are not in the report"
    return None


def missing_controls(
    connection: Connection,
    merchant: Merchant,
    *,
    since: datetime,
    charge_ids: Collection[str],
    refund_ids: Collection[str],
) -> int:
    """How many of our captured charges and done refunds since then the reports do not name."""
    named = (
        (_attempts.c.charge_id, _attempts.c.intended_at, _attempts, "captured", charge_ids),
        (_refunds.c.refund_id, _refunds.c.requested_at, _refunds, "refunded", refund_ids),
    )
    missing = 0
    for amazon_id, moment, table, state, listed in named:
        statement = (
            select(amazon_id)
            .where(table.c.merchant_id == merchant.id, is_word(table.c.state, state))
            .where(moment >= since, amazon_id.is_not(None))
            .order_by(moment.desc())
            .limit(CONTROLS)
        )
        missing += len(set(connection.execute(statement).scalars()) - set(listed))
    return missing


def unproved(found: Mapping[str, Any]) -> list[str]:
    """Why the comparison of a merchant does not show that nothing is lost any more; [] if it does.

    `found` is what was kept of it; one of an older program shows nothing.
    """
    reasons = [found.get("not_covered", "it was compared without a report")]
    for name, what in (
        ("charges_unread", "of its charges Amazon gave no answer"),
        ("refunds_unread", "of its refunds Amazon gave no answer"),
        ("untaken", "of its charges could not be booked"),
    ):
        many = len(found.get(name, ()))
        reasons.append(f"{many} {what}" if many else None)
    return [reason for reason in reasons if reason]


def _m(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
