"""What looking into an object came to: done, tried again later, or shown to a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from billing.notifications.claiming import ObjectHint
from billing.notifications.words import InboxResult
from billing.protocol.checkpoints import reached
from billing.store.database import writing
from billing.store.merchants import Merchant
from billing.store.rows import is_word, table_of, update_many
from billing.tables import AttemptRow, ChargePermissionRow, NotificationRow, RefundRow

notifications = table_of(NotificationRow)
permissions = table_of(ChargePermissionRow)
attempts = table_of(AttemptRow)
refunds = table_of(RefundRow)

# Waits in minutes before an object that is not known, or could not be read, is looked into again.
# The first covers our own commit, the last a subscriber who is imported the next day.
LATER_MINUTES = (1, 5, 15, 60, 180, 360, 720, 720)
THROTTLED_WAIT = timedelta(seconds=5)


class LookedKind(StrEnum):
    """How a look ended."""

    READ = "read"
    NOTHING_TO_READ = "nothing_to_read"
    UNKNOWN_OBJECT = "unknown_object"
    UNREACHABLE = "unreachable"
    THROTTLED = "throttled"


@dataclass(frozen=True, slots=True)
class Looked:
    """One object and how looking into it ended."""

    hint: ObjectHint
    kind: LookedKind


def settle_looked(
    engine: Engine, merchant: Merchant, looked: Sequence[Looked], *, at: datetime
) -> None:
    """Settle the messages of each object; record what Amazon said before, never after.

    An object that is not known may be one whose answer got lost: what is in doubt on its
    permission is due to be asked about at once.
    """
    if not looked:
        return
    reached("notification.before_settle")
    writing(engine, lambda connection: _settle(connection, merchant, looked, at))


def _settle(
    connection: Connection, merchant: Merchant, looked: Sequence[Looked], at: datetime
) -> None:
    rows = [
        {"id": row_id} | changes
        for each in looked
        for changes in [_changes(each, at)]
        for row_id in each.hint.rows
    ]
    update_many(connection, notifications, rows)
    unknown = [each.hint for each in looked if each.kind is LookedKind.UNKNOWN_OBJECT]
    _hasten_doubts(connection, merchant, unknown, at)


def _changes(looked: Looked, at: datetime) -> dict[str, Any]:
    hint = looked.hint
    match looked.kind:
        case LookedKind.READ:
            return _done(hint, at, InboxResult.READ)
        case LookedKind.NOTHING_TO_READ:
            aside = hint.is_set_aside
            return _done(hint, at, InboxResult.SET_ASIDE if aside else InboxResult.SETTLED_BEFORE)
        case LookedKind.THROTTLED:
            return _row("waiting", at + THROTTLED_WAIT, hint.tries, None, None)
        case LookedKind.UNKNOWN_OBJECT:
            return _later(hint, at, "parked", InboxResult.UNKNOWN_OBJECT)
        case LookedKind.UNREACHABLE:
            return _later(hint, at, "waiting", InboxResult.UNREACHABLE)


def _done(hint: ObjectHint, at: datetime, result: InboxResult) -> dict[str, Any]:
    return _row("done", at, hint.tries + 1, at, result)


def _later(hint: ObjectHint, at: datetime, state: str, result: InboxResult) -> dict[str, Any]:
    if hint.tries >= len(LATER_MINUTES):
        return _row("attention", at, hint.tries + 1, at, result)
    look_at = at + timedelta(minutes=LATER_MINUTES[hint.tries])
    return _row(state, look_at, hint.tries + 1, None, result)


def _row(
    state: str, look_at: datetime, tries: int, handled_at: datetime | None, result: str | None
) -> dict[str, Any]:
    return {
        "state": state,
        "look_at": look_at,
        "tries": tries,
        "worker_id": None,
        "handled_at": handled_at,
        "result": result,
    }


def _hasten_doubts(
    connection: Connection, merchant: Merchant, hints: Sequence[ObjectHint], at: datetime
) -> None:
    charged = {h.permission_id for h in hints if h.object_type == "CHARGE" and h.permission_id}
    refunded = {h.permission_id for h in hints if h.object_type == "REFUND" and h.permission_id}
    if charged:
        connection.execute(
            update(attempts)
            .where(attempts.c.permission_id.in_(_ours(merchant, charged)))
            .where(is_word(attempts.c.state, "in_doubt"), attempts.c.charge_id.is_(None))
            .where(attempts.c.look_at > at)
            .values(look_at=at)
        )
    if refunded:
        ours = select(attempts.c.id).where(attempts.c.permission_id.in_(_ours(merchant, refunded)))
        connection.execute(
            update(refunds)
            .where(refunds.c.attempt_id.in_(ours), refunds.c.refund_id.is_(None))
            .where(is_word(refunds.c.state, "in_doubt"), refunds.c.look_at > at)
            .values(look_at=at)
        )


def _ours(merchant: Merchant, amazon_ids: set[str]) -> Any:
    return select(permissions.c.id).where(
        permissions.c.merchant_id == merchant.id, permissions.c.amazon_id.in_(sorted(amazon_ids))
    )
