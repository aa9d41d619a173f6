"""What can be given back of captured charges, and how an amount is spread over them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from billing.store.merchants import Merchant
from billing.store.rows import fetch, insert_unless_known, is_word, table_of
from billing.tables import (
    AttemptRow,
    ChargebackRow,
    RefundRoomRow,
    RefundRow,
    SlotRow,
    SubscriptionRow,
)
from plans import BadInput

attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
subscriptions = table_of(SubscriptionRow)
refunds = table_of(RefundRow)
rooms = table_of(RefundRoomRow)
chargebacks = table_of(ChargebackRow)

OPEN = ("intended", "in_doubt", "pending", "quarantined")
GIVEN_BACK = ("refunded", "by_hand")
TAKEN = ("refunded_yen", "busy_yen", "owed_yen", "refunds")
# What Amazon allows of one charge unless the merchant's rule says otherwise; UNCERTAIN there.
MOST_REFUNDS = 10


@dataclass(frozen=True, slots=True)
class RefundableCharge:
    """A captured charge and what of it, in yen, can be given back.

    `busy_yen` is what a refund under way takes; until it is done no other one may begin.
    `owed_yen` is owed already, since Amazon declined to give it back before.
    """

    attempt_id: int
    attempt: int
    charge_id: str
    charged_at: datetime
    reference: str
    slot_id: int
    invoice_id: int
    subscription_id: int
    subscription: str
    cycle: int
    purpose: str
    captured_yen: int
    refunded_yen: int
    busy_yen: int
    owed_yen: int
    refunds: int
    taken_back_yen: int = 0
    most_refunds: int = MOST_REFUNDS

    @property
    def left_yen(self) -> int:
        """What is neither given back, on its way, nor taken back by a bank; 0 at least."""
        gone = self.refunded_yen + self.busy_yen + self.taken_back_yen
        return max(0, self.captured_yen - gone)

    @property
    def free_yen(self) -> int:
        """What a new refund may take now; nothing while another one of the charge is open, or
        when Amazon would make no further one of it."""
        return 0 if self.busy_yen or self.is_full else self.left_yen

    @property
    def is_full(self) -> bool:
        """As many refunds as Amazon makes of one charge were asked for."""
        return self.refunds >= self.most_refunds


def refundable_charges(
    connection: Connection,
    merchant: Merchant,
    *,
    charge_id: str | None = None,
    subscription_id: str | None = None,
    lock: bool = False,
) -> list[RefundableCharge]:
    """The captured charge of Amazon's id, or all of a subscription, newest first.

    With `lock` nobody else takes anything from them until the transaction ends. Raises `BadInput`
    when neither or both are given, or when there is no such charge.
    """
    if (charge_id is None) == (subscription_id is None):
        raise BadInput(
            field="charge_id",
            value=charge_id,
            rule="a refund is of one charge or of one subscription",
            remedy="give charge_id or subscription_id",
        )
    wanted = (
        subscriptions.c.external_id == subscription_id
        if charge_id is None
        else attempts.c.charge_id == charge_id
    )
    found = fetch(connection, _statement(merchant, wanted))
    if not found:
        raise BadInput(
            field="charge_id" if subscription_id is None else "subscription_id",
            value=charge_id or subscription_id,
            rule="only what Amazon captured can be given back, and nothing of this was captured",
            remedy="look the charge up with: autopay charges --search TEXT",
        )
    most = merchant.refunds_per_charge
    charges = [RefundableCharge(**row, most_refunds=most) for row in found]
    if not lock:
        return charges
    lock_charges(connection, charges)
    # Read again: what was read before the lock may have been taken meanwhile.
    again = fetch(connection, _statement(merchant, wanted))
    return [RefundableCharge(**row, most_refunds=most) for row in again]


def _statement(merchant: Merchant, wanted: ColumnElement[bool]) -> Any:
    mine = (attempts.c.merchant_id == merchant.id, attempts.c.charge_id.is_not(None), wanted)
    taken = _taken(mine)
    return (
        select(
            attempts.c.id.label("attempt_id"),
            attempts.c.number.label("attempt"),
            attempts.c.charge_id,
            attempts.c.intended_at.label("charged_at"),
            attempts.c.amount_yen.label("captured_yen"),
            slots.c.reference,
            slots.c.id.label("slot_id"),
            slots.c.invoice_id,
            slots.c.subscription_id,
            subscriptions.c.external_id.label("subscription"),
            slots.c.cycle,
            slots.c.purpose,
            *(func.coalesce(taken.c[name], 0).label(name) for name in TAKEN),
            _taken_back().label("taken_back_yen"),
        )
        .join(slots, slots.c.id == attempts.c.slot_id)
        .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        .outerjoin(taken, taken.c.attempt_id == attempts.c.id)
        .where(is_word(attempts.c.state, "captured"), *mine)
        .order_by(attempts.c.intended_at.desc(), attempts.c.id.desc())
    )


def _taken_back() -> Any:
    """What banks took back of the charge."""
    total = select(func.coalesce(func.sum(chargebacks.c.amount_yen), 0))
    return total.where(chargebacks.c.attempt_id == attempts.c.id).scalar_subquery()


def _taken(mine: Sequence[ColumnElement[bool]]) -> Any:
    """Per charge: given back, on its way, owed since a refund was declined, and how many.

    Of the charges in question only: no database would see by itself that the sums of all the
    others are not needed.
    """
    charges = (
        select(attempts.c.id)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        .where(*mine)
    )
    amount = refunds.c.amount_yen
    of_desk = case((is_word(refunds.c.origin, "desk"), refunds.c.owed_before_yen), else_=0)
    declined = _sum_where(is_word(refunds.c.state, "declined"), amount)
    return (
        select(
            refunds.c.attempt_id,
            _sum_where(is_word(refunds.c.state, *GIVEN_BACK), amount).label("refunded_yen"),
            _sum_where(is_word(refunds.c.state, *OPEN), amount).label("busy_yen"),
            (declined - func.sum(of_desk)).label("owed_yen"),
            func.count().label("refunds"),
        )
        .where(refunds.c.attempt_id.in_(charges))
        .group_by(refunds.c.attempt_id)
        .subquery("taken")
    )


def _sum_where(condition: ColumnElement[bool], value: Any) -> ColumnElement[int]:
    return func.sum(case((condition, value), else_=0))


def spread_refund(
    amount_yen: int | None, charges: Sequence[RefundableCharge]
) -> list[tuple[RefundableCharge, int]]:
    """How much of which charge is given back: the newest first, each as far as it goes.

    None is all that can be given back now. Raises `BadInput` that says how much that is.
    """
    free_yen = sum(charge.free_yen for charge in charges)
    wanted = free_yen if amount_yen is None else amount_yen
    if wanted < 1 or wanted > free_yen:
        raise BadInput(
            field="amount_yen",
            value="all" if amount_yen is None else amount_yen,
            rule=f"at most {free_yen} yen can be given back now{_why_not_more(charges)}",
            remedy="ask for that much or less" if free_yen else "there is nothing to ask for now",
        )
    parts: list[tuple[RefundableCharge, int]] = []
    for charge in charges:
        taken = min(charge.free_yen, wanted - sum(yen for _, yen in parts))
        if taken:
            parts.append((charge, taken))
    return parts


def _why_not_more(charges: Sequence[RefundableCharge]) -> str:
    captured = sum(charge.captured_yen for charge in charges)
    refunded = sum(charge.refunded_yen for charge in charges)
    busy = sum(charge.busy_yen for charge in charges)
    later = sum(charge.left_yen for charge in charges if charge.busy_yen)
    told = f" ({captured} yen were captured, {refunded} given back, {busy} are on their way"
    back = sum(charge.taken_back_yen for charge in charges)
    full = sum(charge.left_yen for charge in charges if charge.is_full)
    told += f", {back} taken back by banks" if back else ""
    told += f", {full} are of charges with {charges[0].most_refunds} refunds" if full else ""
    return told + (f"; {later} more once those have arrived)" if later else ")")


def lock_charges(connection: Connection, charges: Sequence[RefundableCharge]) -> None:
    """Keep every other request from these charges until the transaction ends."""
    rows = [
        {
            "attempt_id": charge.attempt_id,
            "limit_yen": charge.captured_yen,
            "refunded_yen": 0,
            "held_yen": 0,
        }
        for charge in sorted(charges, key=lambda charge: charge.attempt_id)
    ]
    insert_unless_known(connection, rooms, rows)
    ids = [row["attempt_id"] for row in rows]
    lock = select(rooms.c.attempt_id).where(rooms.c.attempt_id.in_(ids))
    connection.execute(lock.order_by(rooms.c.attempt_id).with_for_update()).all()
