"""Two different people end a restoration: proved by Amazon's own lists, or saying that it is not.

Without such a list nobody knows whether a charge was made under a key that the books lost. So who
goes on without one says so, each of the two; it stays in the chained events, with what was missing.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select, update

from billing.restore.coverage import unproved
from billing.restore.reopened_doubts import rest_doubts
from billing.restore.restoration import Restoration, check_words, last_restoration, locked_open
from billing.store.events import write_audit_event
from billing.store.merchants import load_merchant
from billing.store.rows import table_of
from billing.tables import MerchantRow, RestorationRow
from plans import BadInput

_restorations = table_of(RestorationRow)
_merchants = table_of(MerchantRow)


def reopen(
    connection: Connection, *, by: str, reason: str, at: datetime, without_report: bool = False
) -> Restoration:
    """Approve the end of the open restoration; the second person's approval ends it.

    `without_report` is the word of who knows that lost charges may be unknown still. What the books
    hold in doubt is then not sent again: the janitor looks for proofs, people look at refunds.
    Raises BadInput when none is open, a merchant was not compared yet, a comparison proves nothing
    (unless `without_report`), or the same person comes twice.
    """
    name = by.strip()
    check_words("by", name)
    check_words("reason", reason)
    open_one = locked_open(connection)
    _check_compared(connection, open_one)
    missing = what_is_unproved(open_one)
    if missing and not without_report:
        raise _nothing_proved(missing)
    first = open_one.first_by
    if first is not None and first.lower() == name.lower():
        raise BadInput(
            field="by",
            value=by,
            rule="two different people end a restoration, and this one has approved already",
            remedy="let somebody else look at: autopay restore show; then give that name",
        )
    approved = {"first_by": name, "first_at": at}
    ended = {"second_by": name, "state": "over", "ended_at": at}
    mine = update(_restorations).where(_restorations.c.number == open_one.number)
    connection.execute(mine.values(approved if first is None else ended))
    resting = {} if first is None else _rest(connection, open_one, missing, at)
    detail = {"unproved": missing, "resting": resting} if missing else None
    write_audit_event(
        connection,
        kind="restoration_approved" if first is None else "restoration_over",
        actor=name,
        reason=reason,
        at=at,
        detail=None if detail is None else json.dumps(detail, ensure_ascii=False, sort_keys=True),
    )
    now = last_restoration(connection)
    if now is None:
        raise AssertionError("a restoration that was just approved is not there")
    return now


def what_is_unproved(restoration: Restoration) -> dict[str, list[str]]:
    """Why nothing shows that no charge is lost any more, by merchant; empty when it is shown."""
    reasons = {merchant: unproved(found) for merchant, found in restoration.found.items()}
    return {merchant: each for merchant, each in sorted(reasons.items()) if each}


def _rest(
    connection: Connection,
    restoration: Restoration,
    missing: Mapping[str, list[str]],
    at: datetime,
) -> dict[str, tuple[int, int]]:
    """Keys of what is in doubt, of merchants of whom nothing is proved; charges and refunds."""
    return {
        merchant: rest_doubts(connection, load_merchant(connection, merchant), restoration, at=at)
        for merchant in missing
    }


def _nothing_proved(missing: Mapping[str, list[str]]) -> BadInput:
    return BadInput(
        field="report",
        value="; ".join(f"{name}: {', '.join(each)}" for name, each in missing.items()),
        rule="a charge that the backup lost may be known to Amazon under a later key alone, and "
        "only a report of all the lost time shows that there is none",
        remedy="autopay restore reconcile --report FILE --from MOMENT --until MOMENT for each of "
        "them; where there is no report, two people may say so: --without-report",
    )


def _check_compared(connection: Connection, restoration: Restoration) -> None:
    """Every merchant that can charge, or has, must have been compared with Amazon."""
    with_keys = select(_merchants.c.id).where(_merchants.c.sealed_private_key.is_not(None))
    missing = sorted(set(connection.execute(with_keys).scalars()) - restoration.found.keys())
    if missing:
        raise BadInput(
            field="merchant",
            value=", ".join(missing),
            rule="each merchant is compared with Amazon before new charges begin",
            remedy="run for each of them: AUTOPAY_MERCHANT=ID autopay restore reconcile",
        )
