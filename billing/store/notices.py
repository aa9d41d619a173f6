"""The outbox: notices are written in the transaction of their cause, one per cause.

What becomes of them, who gets them and in which words, is in `billing.deliveries`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from billing.store.rows import Row, insert_unless_known, table_of
from billing.tables import NoticeRow
from plans.lifecycle import (
    Canceled,
    Cancellation,
    Event,
    Fact,
    PauseCause,
    Paused,
    Resumed,
    Scheduled,
)

__all__ = [
    "DUNNING_IS_OVER",
    "agreement_notice",
    "change_notices",
    "facts_text",
    "merchant_notice",
    "notice_row",
    "write_notices",
]

_NONE: Mapping[str, Any] = {}


def notice_row(
    slot: Row,
    *,
    kind: str,
    at: datetime,
    reason: str | None = None,
    next_try_at: datetime | None = None,
    step: int = 0,
    facts: Mapping[str, Any] = _NONE,
) -> dict[str, Any]:
    """A notice about a slot; `step` tells apart notices of one kind about the same slot."""
    return {
        "merchant_id": slot["merchant_id"],
        "subscription_id": slot["subscription_id"],
        "dedup_key": f"{slot['reference']}/{kind}/{step}",
        "kind": kind,
        "written_at": at,
        "amount_yen": slot["amount_yen"],
        "reason": reason,
        "next_try_at": next_try_at,
        "reference": slot["reference"],
        "facts": facts_text(facts),
    }


def agreement_notice(
    subscription: Row,
    *,
    kind: str,
    at: datetime,
    step: object,
    amount_yen: int | None = None,
    reason: str | None = None,
    facts: Mapping[str, Any] = _NONE,
) -> dict[str, Any]:
    """A notice about an agreement itself; `step` tells apart notices of one kind about it."""
    return {
        "merchant_id": subscription["merchant_id"],
        "subscription_id": subscription["id"],
        "dedup_key": f"{subscription['external_id']}/{kind}/{step}",
        "kind": kind,
        "written_at": at,
        "amount_yen": amount_yen,
        "reason": reason,
        "next_try_at": None,
        "reference": None,
        "facts": facts_text(facts),
    }


def merchant_notice(
    merchant_id: str, *, kind: str, at: datetime, step: object, reason: str
) -> dict[str, Any]:
    """A notice for the merchant's own people, about nobody's agreement."""
    nobody = {"merchant_id": merchant_id, "id": None, "external_id": merchant_id}
    return agreement_notice(nobody, kind=kind, at=at, step=step, reason=reason)


def write_notices(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Put notices into the outbox; a cause that was told before is not told again."""
    insert_unless_known(connection, table_of(NoticeRow), rows)


def change_notices(
    subscription: Row, events: Sequence[Event], *, at: datetime
) -> list[dict[str, Any]]:
    """What events of an agreement tell its customer: a pause, its end, the end of it all.

    What dunning brought about is told where dunning ends, with what was not paid. Why staff did
    something is theirs to tell: it stays in the history.
    """
    rows = []
    for event in events:
        told = _told(event.fact)
        if told is not None and event.reason != DUNNING_IS_OVER:
            kind, facts = told
            rows.append(
                agreement_notice(
                    subscription,
                    kind=kind,
                    at=at,
                    step=event.sequence,
                    facts=facts,
                )
            )
    return rows


DUNNING_IS_OVER = "dunning is over"
"""The reason that the engine gives for what the end of dunning does to an agreement."""


def _told(fact: Fact) -> tuple[str, dict[str, Any]] | None:
    match fact:
        case Paused(pause=pause):
            until = None if pause.until is None else pause.until.isoformat()
            skipped = pause.cause is PauseCause.SKIP
            return ("skipped" if skipped else "paused"), {"until": until}
        case Resumed(on=on):
            return "resumed", {"on": on.isoformat()}
        case Canceled(on=on, fee_yen=fee_yen):
            return "canceled", {"on": on.isoformat(), "fee_yen": fee_yen}
        case Scheduled(entry=entry) if isinstance(entry.change, Cancellation):
            return "cancel_scheduled", {"on": entry.on.isoformat()}
    return None


def facts_text(facts: Mapping[str, Any]) -> str | None:
    """Facts as canonical JSON; None for none."""
    if not facts:
        return None
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
