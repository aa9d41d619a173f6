"""Asking for refunds, keeping those that need a second person, and carrying out what that says.

Every step is an audit event. The charge is locked while a refund is judged, so that two small
refunds at the same moment cannot pass the limit together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select, update

from billing.approvals.rule import (
    KEPT_FOR,
    ApprovalRefused,
    check_decider,
    needs_second_person,
)
from billing.refunds import (
    RefundableCharge,
    RefundRequest,
    refundable_charges,
    refunds_of_request,
    request_refund,
    spread_refund,
)
from billing.store.events import write_audit_event
from billing.store.merchants import Merchant
from billing.store.notices import facts_text
from billing.store.rows import Row, fetch, insert_many, table_of
from billing.tables import AttemptRow, RefundApprovalRow, SlotRow, SubscriptionRow

__all__ = [
    "Approval",
    "UnknownApproval",
    "approvals_of_charge",
    "decide_approval",
    "give_back",
    "list_approvals",
    "load_approval",
]

approvals = table_of(RefundApprovalRow)
attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
subscriptions = table_of(SubscriptionRow)


class UnknownApproval(Exception):
    """The merchant has no request for approval of that number."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A refund that needs a second person; yen are whole.

    `state` is waiting, approved, declined, withdrawn or expired, as of when it was read.
    """

    id: int
    attempt_id: int
    charge_id: str
    reference: str
    subscription_id: int
    subscription: str
    request_id: str
    amount_yen: int
    reason: str
    state: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str | None


def give_back(
    connection: Connection,
    merchant: Merchant,
    *,
    charge_id: str,
    amount_yen: int,
    reason: str,
    by: str,
    request_id: str,
    at: datetime,
) -> RefundRequest | Approval:
    """Owe the amount back at once, or keep the request until a second person agrees.

    The same `request_id` again gives what it made first. Raises `BadInput` as `request_refund`
    does, and `ApprovalRefused` while another request for the charge waits.
    """
    (charge,) = refundable_charges(connection, merchant, charge_id=charge_id, lock=True)
    known = _of_request(connection, merchant, request_id, at)
    if known is not None:
        return known
    above = needs_second_person(
        amount_yen=amount_yen,
        given_back_yen=charge.refunded_yen + charge.busy_yen,
        limit_yen=merchant.refund_approval_yen,
    )
    made_before = refunds_of_request(connection, merchant, request_id=request_id)
    _make_way(connection, merchant, charge, at)
    if above and not made_before:
        spread_refund(amount_yen, [charge])  # refuses what could not be given back anyway
        return _ask(connection, merchant, charge, amount_yen, reason, by, request_id, at)
    return request_refund(
        connection,
        merchant,
        request_id=request_id,
        amount_yen=amount_yen,
        reason=reason,
        actor=by,
        at=at,
        charge_id=charge_id,
    )


def decide_approval(
    connection: Connection,
    merchant: Merchant,
    *,
    approval_id: int,
    to: str,
    by: str,
    note: str,
    at: datetime,
) -> Approval:
    """Approve, decline or withdraw; an approval requests the refund in this very transaction.

    One that is decided or expired is given as it stands, and nothing is done again. Raises
    `UnknownApproval`, `ApprovalRefused`, and `BadInput` when the money is not there any more.
    """
    found = _one(connection, merchant, approval_id, at, lock=True)
    if found.state == "expired":
        _expire(connection, merchant, found, at)
    if found.state != "waiting":
        return found
    check_decider(to=to, by=by, asked_by=found.asked_by)
    if to == "approved":
        request_refund(
            connection,
            merchant,
            request_id=found.request_id,
            amount_yen=found.amount_yen,
            reason=found.reason,
            actor=found.asked_by,
            at=at,
            charge_id=found.charge_id,
        )
    decided = {"state": to, "decided_by": by, "decided_at": at, "note": note}
    _settle(connection, merchant, found, decided, by=by, at=at)
    return _one(connection, merchant, approval_id, at)


def load_approval(
    connection: Connection, merchant: Merchant, *, approval_id: int, at: datetime
) -> Approval:
    """One request for approval; raises `UnknownApproval`."""
    return _one(connection, merchant, approval_id, at)


def list_approvals(
    connection: Connection, merchant: Merchant, *, waiting: bool, at: datetime, limit: int
) -> list[Approval]:
    """Those that wait, the oldest first; or those that are over, the newest first."""
    is_waiting = (approvals.c.state == "waiting") & (approvals.c.expires_at > at)
    order = approvals.c.id if waiting else approvals.c.id.desc()
    statement = _statement(merchant).where(is_waiting if waiting else ~is_waiting)
    return [_read(row, at) for row in fetch(connection, statement.order_by(order).limit(limit))]


def approvals_of_charge(
    connection: Connection, merchant: Merchant, *, attempt_id: int, at: datetime
) -> list[Approval]:
    """Every request about one charge, the newest first."""
    mine = _statement(merchant).where(approvals.c.attempt_id == attempt_id)
    return [_read(row, at) for row in fetch(connection, mine.order_by(approvals.c.id.desc()))]


def _make_way(
    connection: Connection, merchant: Merchant, charge: RefundableCharge, at: datetime
) -> None:
    """Put an expired request for the charge away; raises `ApprovalRefused` for one that waits.

    While one waits nothing else goes back of the charge either: what a second person looks at
    must still be there when he agrees.
    """
    for found in approvals_of_charge(connection, merchant, attempt_id=charge.attempt_id, at=at):
        if found.state == "waiting":
            raise ApprovalRefused(
                code="waits_already",
                field="charge_id",
                value=charge.charge_id,
                rule=f"{found.asked_by} asked for {found.amount_yen} yen of it already",
                remedy="let that be decided first",
            )
        if found.state == "expired":
            _expire(connection, merchant, found, at)


def _ask(
    connection: Connection,
    merchant: Merchant,
    charge: RefundableCharge,
    amount_yen: int,
    reason: str,
    by: str,
    request_id: str,
    at: datetime,
) -> Approval:
    row = {
        "merchant_id": merchant.id,
        "attempt_id": charge.attempt_id,
        "request_id": request_id,
        "amount_yen": amount_yen,
        "reason": reason,
        "state": "waiting",
        "asked_by": by,
        "asked_at": at,
        "expires_at": at + KEPT_FOR,
    }
    insert_many(connection, approvals, [row])
    made = _of_request(connection, merchant, request_id, at)
    if made is None:
        raise AssertionError(f"request {request_id} was written and is not there")
    _note(connection, merchant, made, "asked", by=by, reason=reason, at=at)
    return made


def _expire(connection: Connection, merchant: Merchant, found: Approval, at: datetime) -> None:
    stored = select(approvals.c.state).where(approvals.c.id == found.id)
    if connection.execute(stored).scalar_one() == "waiting":
        expired = {"state": "expired", "decided_at": at}
        _settle(connection, merchant, found, expired, by="engine", at=at)


def _settle(
    connection: Connection,
    merchant: Merchant,
    found: Approval,
    values: dict[str, Any],
    *,
    by: str,
    at: datetime,
) -> None:
    connection.execute(update(approvals).where(approvals.c.id == found.id).values(values))
    reason = values.get("note") or found.reason
    _note(connection, merchant, found, values["state"], by=by, reason=reason, at=at)


def _note(
    connection: Connection,
    merchant: Merchant,
    found: Approval,
    step: str,
    *,
    by: str,
    reason: str,
    at: datetime,
) -> None:
    facts = {
        "approval": found.id,
        "charge_id": found.charge_id,
        "amount_yen": found.amount_yen,
        "request_id": found.request_id,
    }
    write_audit_event(
        connection,
        merchant_id=merchant.id,
        kind=f"refund_approval_{step}",
        actor=by,
        reason=reason,
        at=at,
        detail=facts_text(facts),
    )


def _of_request(
    connection: Connection, merchant: Merchant, request_id: str, at: datetime
) -> Approval | None:
    mine = _statement(merchant).where(approvals.c.request_id == request_id)
    found = fetch(connection, mine)
    return _read(found[0], at) if found else None


def _one(
    connection: Connection,
    merchant: Merchant,
    approval_id: int,
    at: datetime,
    *,
    lock: bool = False,
) -> Approval:
    if lock:
        row = select(approvals.c.id).where(
            approvals.c.id == approval_id, approvals.c.merchant_id == merchant.id
        )
        connection.execute(row.with_for_update()).all()
    found = fetch(connection, _statement(merchant).where(approvals.c.id == approval_id))
    if not found:
        raise UnknownApproval(f"merchant {merchant.id} has no request for approval {approval_id}")
    return _read(found[0], at)


def _statement(merchant: Merchant) -> Select[Any]:
    return (
        select(
            approvals,
            attempts.c.charge_id,
            slots.c.reference,
            slots.c.subscription_id,
            subscriptions.c.external_id.label("subscription"),
        )
        .join(attempts, attempts.c.id == approvals.c.attempt_id)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        .where(approvals.c.merchant_id == merchant.id)
    )


def _read(row: Row, at: datetime) -> Approval:
    over = row["state"] == "waiting" and row["expires_at"] <= at
    values = {name: row[name] for name in Approval.__dataclass_fields__}
    return Approval(**values | {"state": "expired" if over else row["state"]})
