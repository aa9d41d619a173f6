"""Create and Get Refund (api.md §9): always asynchronous, bounded per charge."""

from dataclasses import replace
from typing import Final

from amazonpay.sandbox import fields, ids, shapes
from amazonpay.sandbox.refusals import Refused, amount_exceeded, wrong_charge_state
from amazonpay.sandbox.rows import Charge, Refund
from amazonpay.sandbox.settlement.refund_outcomes import decline_later, take_decline
from amazonpay.sandbox.world import Reply, Request, World

MOST_REFUNDS: Final = 10
HIGHEST_REFUND_YEN: Final = 10_000_000
# In Japan a refund may exceed the captured amount by the lesser of these two.
_EXTRA_PERCENT: Final = 15
_EXTRA_YEN: Final = 8_400


def refundable_yen(captured_yen: int) -> int:
    """The most that may be given back in total for a captured amount."""
    extra = min(captured_yen * _EXTRA_PERCENT // 100, _EXTRA_YEN)
    return min(captured_yen + extra, HIGHEST_REFUND_YEN)


def get_refund(world: World, request: Request) -> Reply:
    """200 with the refund."""
    row = world.refund(request.target_id)
    return Reply(200, shapes.refund(row, world.environment), row.id)


def create_refund(world: World, request: Request) -> Reply:
    """201 with state RefundInitiated; thirty seconds later it is Refunded or Declined."""
    fields.only(request.body, ("chargeId", "refundAmount", "softDescriptor"))
    charge_id = fields.required_text(request.body, "chargeId", longest=64)
    amount = fields.required_price(request.body, "refundAmount")
    fields.text(request.body, "softDescriptor", longest=16)
    charge = world.charge(charge_id)
    _require_refundable(charge, amount)
    row = _opened(world, charge, amount, request)
    most = refundable_yen(charge.capture_amount or 0)
    reason = take_decline(world, charge, yen=amount, refundable_yen=most)
    ends_at = request.now + world.options.refund_ms
    if reason is None:
        row = replace(row, due_at=ends_at)
    else:
        decline_later(world, row, reason=reason, due_at=ends_at)
    world.store.add_refund(row)
    world.store.save_charge(
        replace(
            charge,
            refund_reserved=charge.refund_reserved + amount,
            refund_count=charge.refund_count + 1,
        )
    )
    return Reply(201, shapes.refund(row, world.environment), row.id)


def _require_refundable(charge: Charge, amount: int) -> None:
    if charge.state != "Captured":
        raise wrong_charge_state(charge.id, charge.state, "refunded")
    if charge.refund_count >= MOST_REFUNDS:
        raise Refused(
            422,
            "TransactionCountExceeded",
            f"The Charge [{charge.id}] has {MOST_REFUNDS} Refunds already.",
        )
    left = refundable_yen(charge.capture_amount or 0) - charge.refund_reserved
    if amount > left:
        raise amount_exceeded(
            f"{amount} JPY exceed the {left} JPY that can still be refunded on [{charge.id}]."
        )


def _opened(world: World, charge: Charge, amount: int, request: Request) -> Refund:
    return Refund(
        seq=world.store.next_seq("refunds"),
        id=ids.refund_id(charge.id, charge.refund_count + 1),
        charge_id=charge.id,
        amount=amount,
        state="RefundInitiated",
        reason_code=None,
        reason_description=None,
        changed_at=request.now,
        created_at=request.now,
        idempotency_key=request.idempotency_key,
        due_at=None,
    )
