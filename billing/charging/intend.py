"""Intends charges: in one transaction, due slots become attempts with key, body and held room.

Nothing is sent here. After the commit a crash anywhere leaves an attempt whose very bytes and key
can be sent again. Lock order everywhere: charge permission, then slot and attempt. Charges of one
permission go one after another, since its subscriptions share one cap.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, exists, or_

from amazonpay import CreateCharge, MerchantMetadata
from billing.agreements.reports import Report, ReportKind, book_reports
from billing.cap.verdict import (
    WORTH_TELLING,
    Charge,
    Move,
    Refuse,
    Split,
    Verdict,
    judge,
    rule_of_try,
)
from billing.catalogue import dunning_store
from billing.charging.already_made import KnownCharge, taken_in, verdict_of
from billing.charging.due_slots import (
    captured_later,
    charged_already,
    first_due_slot_of_each,
    lock_owners,
    lock_permissions,
    oldest_due,
)
from billing.charging.one_off_purpose import is_one_off
from billing.charging.outcome import OpenAttempt
from billing.charging.split_rest import rest_rows
from billing.dates import SEND_WINDOW, possible_months
from billing.protocol.checkpoints import reached
from billing.protocol.idempotency import idempotency_key
from billing.quotes.agreement import Agreement, load_agreements
from billing.store.brake import load_brake
from billing.store.cap_room import effective_limit_yen, hold, load_cap_months, make_room
from billing.store.database import writing
from billing.store.events import event_row
from billing.store.merchants import Merchant
from billing.store.notices import notice_row, write_notices
from billing.store.rows import (
    Row,
    insert_many,
    insert_returning_ids,
    is_word,
    table_of,
    update_many,
)
from billing.tables import (
    AttemptRow,
    SlotRow,
    SubscriptionEventRow,
    SubscriptionRow,
)

slots = table_of(SlotRow)
attempts = table_of(AttemptRow)
subscriptions = table_of(SubscriptionRow)

# How long a sender may be silent before anyone else may replay its attempt. A replay carries the
# same key, so a sender that wakes up later does no harm.
LEASE = timedelta(seconds=60)
UNSETTLED = ("intended", "in_doubt", "pending")
END_PURPOSE = "end-"
CHARGEABLE_STATES = ("pending", "trialing", "active", "past_due")


@dataclass(slots=True)
class _Work:
    """Everything one transaction of this module writes."""

    captured_later: set[int] = field(default_factory=set)
    dunnings: dict[int, dunning_store.Dunning] = field(default_factory=dict)
    begun: list[dunning_store.Dunning] = field(default_factory=list)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    attempted: list[Row] = field(default_factory=list)
    slots: list[dict[str, Any]] = field(default_factory=list)
    rests: list[tuple[Row, int, datetime]] = field(default_factory=list)
    past_due: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)


def intend_due_slots(
    engine: Engine,
    merchant: Merchant,
    *,
    at: datetime,
    worker_id: str,
    limit: int = 200,
    only: Collection[int] | None = None,
    charged: Mapping[int, KnownCharge] | None = None,
) -> tuple[int, list[OpenAttempt]]:
    """Claim up to `limit` due slots; returns how many were handled and the attempts to send.

    `only` names the slots that somebody wants charged now. A slot without room under the cap is
    moved, split or refused by the merchant's rule instead. While the brake is pulled nothing is
    intended.

    `charged` names charges that Amazon has made already, by slot, where the books lost them: those
    slots alone, under the brake too. Their attempts have Amazon's id and yen from the start, and
    the months it was made in, whatever the cap says now; whoever takes one up, also after a death,
    asks about it and sends nothing.
    """
    handled, opened = writing(
        engine,
        lambda c: _intend(c, merchant, at, worker_id, limit, only, charged),
    )
    if opened:
        reached("charge.intended")
    return handled, opened


def _intend(
    connection: Connection,
    merchant: Merchant,
    at: datetime,
    worker_id: str,
    limit: int,
    only: Collection[int] | None,
    charged: Mapping[int, KnownCharge] | None,
) -> tuple[int, list[OpenAttempt]]:
    if charged is None and load_brake(connection, merchant.id).is_pulled:
        return 0, []
    wanted_slots = to_be_charged(merchant, at=at, only=only)
    if charged is not None:
        only, wanted_slots = charged.keys(), charged_already(charged, at=at)
    # A run leaves out what another one holds; who asked for these very slots waits for them.
    found = oldest_due(connection, merchant, due=wanted_slots, limit=limit)
    if not found:
        return 0, []
    locked = lock_permissions(connection, set(found.values()), skip_locked=only is None)
    ours = [slot_id for slot_id, permission_id in found.items() if permission_id in locked]
    held = lock_owners(connection, ours, skip_locked=only is None)
    ours = [slot_id for slot_id in ours if slot_id in held]
    due = first_due_slot_of_each(connection, ours, due=wanted_slots, held=locked)
    known = charged or {}
    months = possible_months(at=at, timezone=merchant.timezone)
    made_in = {
        slot_id: possible_months(at=charge.made_at or at, timezone=merchant.timezone)
        for slot_id, charge in known.items()
    }
    limits = {
        row["id"]: effective_limit_yen(merchant=merchant, amount_limit_yen=row["amount_limit_yen"])
        for row in locked.values()
    }
    wanted = {slot["permission_id"] for slot in due}
    caps = load_cap_months(
        connection,
        limits={p: limits[p] for p in limits if p in wanted},
        months=sorted({*months, *chain.from_iterable(made_in.values())}),
    )
    work = _Work()
    changed = load_agreements(connection, [slot["subscription_id"] for slot in due])
    work.captured_later = captured_later(connection, due)
    stuck = [s["invoice_id"] for s in due if locked[s["permission_id"]]["state"] != "Chargeable"]
    work.dunnings = dunning_store.dunning_of(connection, merchant, stuck, at=at)
    mornings = dunning_store.quiet_until(connection, merchant, due, at=at)
    for slot in due:
        permission = locked[slot["permission_id"]]
        agreement = changed.get(slot["subscription_id"])
        if slot["id"] in mornings and slot["id"] not in known:
            work.slots.append(_changed(slot, due_at=mornings[slot["id"]]))
        elif permission["state"] != "Chargeable" and slot["id"] not in known:
            _wait_for_buyer(work, slot, permission, merchant, at, agreement)
        else:
            rooms = [(month, caps[slot["permission_id"], month].room_yen) for month in months]
            limit_yen, made = limits[slot["permission_id"]], known.get(slot["id"])
            verdict = _judged(slot, rooms, limit_yen, merchant, made)
            _apply(work, verdict, slot, permission, merchant, at, worker_id, agreement)
    for attempt in work.attempts:
        made = known.get(attempt["slot_id"])
        attempt["charge_id"] = None if made is None else made.charge_id
    make_room(connection, taken=taken_in(work.attempts, made_in))
    opened = _write(connection, work, months, made_in)
    book_reports(connection, merchant, work.reports, at=at)
    return len(due), opened


def to_be_charged(
    merchant: Merchant, *, at: datetime, only: Collection[int] | None
) -> tuple[ColumnElement[bool], ...]:
    """SQL: due, nothing in flight on the permission, and the agreement neither paused nor ended.

    A slot that waits for a person holds its room, but not the buyer's other agreements. Whether
    Amazon allows a charge beside an open authorisation is not documented, so by default the next
    charge of the permission waits for the shipment.
    """
    alone = (_has_attempt("authorized"),) if merchant.open_authorizations == "one" else ()
    in_flight = or_(_has_attempt(*UNSETTLED), *alone)
    # What is settled when an agreement ends is owed after its end.
    going_on = or_(
        subscriptions.c.state.in_(CHARGEABLE_STATES), slots.c.purpose.like(f"{END_PURPOSE}%")
    )
    due = (is_word(slots.c.state, "due"), slots.c.due_at <= at, ~in_flight, going_on)
    return due if only is None else (*due, slots.c.id.in_(list(only)))


def _has_attempt(*states: str) -> ColumnElement[bool]:
    """The permission of the slot has an attempt in one of these states, and not set aside.

    Each question has an index of its own; states of two indices would be looked for in all the
    attempts that were ever made.
    """
    owner = slots.alias("owner")
    return exists().where(
        attempts.c.permission_id == slots.c.permission_id,
        is_word(attempts.c.state, *states),
        owner.c.id == attempts.c.slot_id,
        owner.c.state != "quarantined",
    )


def _wait_for_buyer(
    work: _Work,
    slot: Row,
    permission: Row,
    merchant: Merchant,
    at: datetime,
    agreement: Agreement | None,
) -> None:
    reason = permission["state_reason"] or permission["state"]
    if _is_now_or_never(slot, agreement):
        _call_off(work, slot, reason)
        return
    dunning = work.dunnings[slot["invoice_id"]]
    work.begun.append(dunning)
    until = dunning_store.buyer_has_until(dunning.schedule, slot, merchant, at=at)
    work.slots.append(_changed(slot, state="waiting_buyer", due_at=until, reason=reason))
    if agreement is not None:
        work.reports.append(
            Report(ReportKind.DECLINED, slot["subscription_id"], slot["invoice_id"], reason)
        )
    elif slot["owner_state"] != "past_due":
        owner = {**slot, "id": slot["subscription_id"], "state": slot["owner_state"]}
        work.past_due.append({"id": owner["id"], "state": "past_due"})
        event = event_row(owner, at=at, kind="past_due", state="past_due", reason=reason)
        work.events.append(event)
    work.notices.append(
        notice_row(slot, kind="payment_method_needed", at=at, reason=reason, step=slot["attempts"])
    )


def _judged(
    slot: Row,
    rooms: Sequence[tuple[str, int]],
    limit_yen: int,
    merchant: Merchant,
    made: KnownCharge | None,
) -> Verdict:
    if made is not None:
        return verdict_of(
            made,
            amount_yen=slot["amount_yen"],
            rooms=rooms,
            timezone=merchant.timezone,
            charge_hour=merchant.charge_hour,
        )
    return judge(
        amount_yen=slot["amount_yen"],
        rooms=rooms,
        limit_yen=limit_yen,
        rule=rule_of_try(merchant.cap_rule, declines=slot["declines"]),
        timezone=merchant.timezone,
        charge_hour=merchant.charge_hour,
    )


def _is_now_or_never(slot: Row, agreement: Agreement | None) -> bool:
    """A one-off, and a change that was confirmed, is charged now and whole, or not at all."""
    if is_one_off(slot["purpose"]):
        return True
    waits = agreement is not None and agreement.pending_quote_id is not None
    return waits and slot["purpose"].split(":")[0] != "renewal"


def _call_off(work: _Work, slot: Row, reason: str) -> None:
    off = ReportKind.ONE_OFF_OFF if is_one_off(slot["purpose"]) else ReportKind.CHANGE_OFF
    work.slots.append(_changed(slot, state="refused", reason=reason))
    work.reports.append(Report(off, slot["subscription_id"], slot["invoice_id"], reason))


def _apply(
    work: _Work,
    verdict: Verdict,
    slot: Row,
    permission: Row,
    merchant: Merchant,
    at: datetime,
    worker_id: str,
    agreement: Agreement | None,
) -> None:
    if _is_now_or_never(slot, agreement) and not isinstance(verdict, Charge):
        _call_off(work, slot, "cap")
        return
    match verdict:
        case Charge(amount_yen=amount):
            _attempt(work, slot, permission, merchant, at, worker_id, amount)
        case Split(amount_yen=amount, rest_yen=rest, rest_at=rest_at):
            _attempt(work, slot, permission, merchant, at, worker_id, amount)
            work.rests.append((slot, rest, rest_at))
            work.notices.append(_cap_notice(slot, at, rest_at))
        case Move(to=to):
            moves = slot["cap_moves"] + 1
            work.slots.append(_changed(slot, due_at=to, cap_moves=moves, reason="cap"))
            if to - at >= WORTH_TELLING:
                work.notices.append(_cap_notice(slot, at, to))
        case Refuse(reason=reason):
            work.slots.append(_changed(slot, state="refused", reason=reason))
            work.notices.append(notice_row(slot, kind="cap_refused", at=at, reason=reason))


def _cap_notice(slot: Row, at: datetime, to: datetime) -> dict[str, Any]:
    return notice_row(
        slot, kind="cap_moved", at=at, reason="cap", next_try_at=to, step=slot["cap_moves"]
    )


def _attempt(
    work: _Work,
    slot: Row,
    permission: Row,
    merchant: Merchant,
    at: datetime,
    worker_id: str,
    amount_yen: int,
) -> None:
    number = slot["attempts"] + 1
    body = charge_body(
        permission_amazon_id=permission["amazon_id"],
        amount_yen=amount_yen,
        reference=slot["reference"],
        capture_now=slot["id"] not in work.captured_later,
        pending_allowed=merchant.pending_authorizations,
    )
    key = idempotency_key(
        merchant=merchant.id,
        environment=merchant.environment,
        subscription=slot["subscription"],
        cycle=slot["cycle"],
        purpose=slot["purpose"],
        attempt=number,
    )
    work.attempted.append(permission)
    work.attempts.append(
        {
            "merchant_id": merchant.id,
            "slot_id": slot["id"],
            "permission_id": permission["id"],
            "number": number,
            "idempotency_key": key,
            "body": body,
            "amount_yen": amount_yen,
            "state": "intended",
            "worker_id": worker_id,
            "intended_at": at,
            "look_at": at + LEASE,
            "sends": 0,
        }
    )
    moved = slot["cap_moves"] + (amount_yen != slot["amount_yen"])
    work.slots.append(
        _changed(slot, state="open", attempts=number, amount_yen=amount_yen, cap_moves=moved)
    )


def charge_body(
    *,
    permission_amazon_id: str,
    amount_yen: int,
    reference: str,
    capture_now: bool = True,
    pending_allowed: bool = False,
) -> bytes:
    """The frozen Create Charge body of a slot: no clock, no random, no free text in it.

    Only an authorisation may stay pending (`pending_allowed`): Amazon refuses the two together.
    """
    return CreateCharge(
        charge_permission_id=permission_amazon_id,
        amount_yen=amount_yen,
        capture_now=capture_now,
        can_handle_pending_authorization=pending_allowed and not capture_now,
        merchant_metadata=MerchantMetadata(merchant_reference_id=reference),
    ).to_bytes()


def body_fingerprint(body: bytes) -> str:
    """Hex SHA-256 of a body, as logs and Amazon's request list show it."""
    return hashlib.sha256(body).hexdigest()


def _changed(slot: Row, **changes: Any) -> dict[str, Any]:
    names = ("id", "state", "due_at", "attempts", "amount_yen", "cap_moves", "reason")
    return {name: slot[name] for name in names} | changes


def _write(
    connection: Connection,
    work: _Work,
    months: Sequence[str],
    made_in: Mapping[int, Sequence[str]],
) -> list[OpenAttempt]:
    ids = insert_returning_ids(connection, attempts, work.attempts)
    hold(
        connection,
        [
            {
                "attempt_id": attempt_id,
                "month": month,
                "permission_id": row["permission_id"],
                "amount_yen": row["amount_yen"],
                "state": "held",
            }
            for attempt_id, row in zip(ids, work.attempts, strict=True)
            for month in made_in.get(row["slot_id"], months)
        ],
    )
    dunning_store.begin_dunning(connection, work.begun)
    update_many(connection, slots, work.slots)
    insert_many(connection, slots, rest_rows(connection, work.rests))
    update_many(connection, subscriptions, work.past_due)
    insert_many(connection, table_of(SubscriptionEventRow), work.events)
    write_notices(connection, work.notices)
    return [
        OpenAttempt(
            id=attempt_id,
            slot_id=row["slot_id"],
            permission_amazon_id=permission["amazon_id"],
            idempotency_key=row["idempotency_key"],
            body=row["body"],
            amount_yen=row["amount_yen"],
            send_by=row["intended_at"] + SEND_WINDOW,
            charge_id=row["charge_id"],
        )
        for attempt_id, row, permission in zip(ids, work.attempts, work.attempted, strict=True)
    ]
