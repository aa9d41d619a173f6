"""The brake on guessing: waits that double, for one account, one source, or one device.

A try is counted before it is looked at and taken back when it was right, so that many at once
gain nothing. A browser in which the person signed in before has a count of its own: strangers'
guesses at an account never slow its owner down there.
"""

import hashlib
import ipaddress
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, delete, select

from app.web.shell.tables import sign_in_failures as failures
from billing import fresh_row

FREE = {"source": 3, "device": 5, "account": 20, "code": 3}
LONGEST = {"source": 900, "device": 900, "account": 900, "code": 3600}
"""Failures that cost nothing, and the longest wait in seconds, by what is counted."""

FORGET_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Counted:
    """One thing that failures are counted for."""

    kind: str
    name: str

    @property
    def key_hash(self) -> str:
        """What is kept of it: no address and no name stands in the table."""
        return hashlib.sha256(f"{self.kind}\x00{self.name}".encode()).hexdigest()


def counted_for(*, account: str, source: str, device: str | None) -> list[Counted]:
    """What a try with a password counts for; `device` only where the account knows it."""
    if device is not None:
        return [Counted("device", f"{account}\x00{device}")]
    return [Counted("source", network_of(source)), Counted("account", account)]


def network_of(source: str) -> str:
    """The address; of IPv6 the network, for one person has billions of addresses there."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def wait_seconds(
    connection: Connection, *, merchant_id: str, counted: Sequence[Counted], at: datetime
) -> int:
    """Whole seconds until the next try is looked at; 0 = it is now."""
    known = _known(connection, merchant_id, counted)
    waits = [
        _wait(each.kind, *known[each.key_hash], at) for each in counted if each.key_hash in known
    ]
    return max(waits, default=0)


def count_try(
    connection: Connection, *, merchant_id: str, counted: Sequence[Counted], at: datetime
) -> None:
    """Count a try as failed, before anybody knows whether it is."""
    long_ago = at - FORGET_AFTER
    # Of many first tries at once each counts; all take the rows in one order.
    for key_hash in sorted(each.key_hash for each in counted):
        row = {"merchant_id": merchant_id, "key_hash": key_hash, "failures": 1, "last_at": at}
        connection.execute(
            fresh_row(connection, failures, row).on_conflict_do_update(
                index_elements=["merchant_id", "key_hash"],
                set_={
                    "failures": case(
                        (failures.c.last_at > long_ago, failures.c.failures + 1), else_=1
                    ),
                    "last_at": at,
                },
            )
        )
    connection.execute(delete(failures).where(failures.c.last_at < long_ago))


def forgive(connection: Connection, *, merchant_id: str, counted: Sequence[Counted]) -> None:
    """The try was right: start anew."""
    connection.execute(
        delete(failures).where(
            failures.c.merchant_id == merchant_id,
            failures.c.key_hash.in_([each.key_hash for each in counted]),
        )
    )


def _known(
    connection: Connection, merchant_id: str, counted: Sequence[Counted]
) -> Mapping[str, tuple[int, datetime]]:
    statement = (
        select(failures.c.key_hash, failures.c.failures, failures.c.last_at)
        .where(
            failures.c.merchant_id == merchant_id,
            failures.c.key_hash.in_([each.key_hash for each in counted]),
        )
        .order_by(failures.c.key_hash)
        .with_for_update()
    )
    return {row.key_hash: (row.failures, row.last_at) for row in connection.execute(statement)}


def _wait(kind: str, number: int, last_at: datetime, at: datetime) -> int:
    if number < FREE[kind] or at - last_at >= FORGET_AFTER:
        return 0
    wait = min(1 << min(number - FREE[kind] + 1, 20), LONGEST[kind])
    return max(0, math.ceil((last_at + timedelta(seconds=wait) - at).total_seconds()))
