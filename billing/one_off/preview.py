"""What a one-off would do now: its tax, the room under the cap, and why it cannot be, if so.

Reads only. The verdict is that of the moment: the room is held when the charge is intended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from billing.dates import civil_date, first_of_next_month, possible_months
from billing.one_off.order import OneOff
from billing.quotes.agreement import load_agreements
from billing.store.brake import load_brake
from billing.store.cap_room import effective_limit_yen
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of
from billing.store.subscriptions import load_subscription
from billing.tables import CapMonthRow
from billing.tax import RateTotal, TaxBreakdown, tax_by_rate
from plans import BadInput

cap_months = table_of(CapMonthRow)

CHARGEABLE = ("pending", "trialing", "active", "past_due")


@dataclass(frozen=True, slots=True)
class OneOffPreview:
    """What would be charged now. `room_yen` is what the cap leaves, `refused` why it cannot be
    charged (None when it can), `room_from` the day on which the cap would have room again."""

    order: OneOff
    charge_permission_id: str
    total_yen: int
    rates: tuple[RateTotal, ...]
    room_yen: int
    refused: BadInput | None = None
    room_from: date | None = None


def preview_one_off(
    connection: Connection, merchant: Merchant, *, order: OneOff, at: datetime
) -> OneOffPreview:
    """Work out tax and cap of a one-off at `at`; nothing is written.

    Raises `BadInput` for an unknown subscription and for a tax category without a rate.
    """
    owner = load_subscription(connection, merchant, subscription_id=order.subscription_id)
    tax = taxed(merchant, order, at=at)
    room_yen, limit_yen = _room(connection, merchant, owner, at)
    refused = refusal(connection, merchant, owner, at=at)
    room_from = None
    if refused is None and tax.total_yen > room_yen:
        on = civil_date(at=at, timezone=merchant.timezone)
        room_from = first_of_next_month(on) if tax.total_yen <= limit_yen else None
        refused = _no_room(tax.total_yen, room_yen, limit_yen, room_from)
    return OneOffPreview(
        order, owner["amazon_id"], tax.total_yen, tax.rates, room_yen, refused, room_from
    )


def taxed(merchant: Merchant, order: OneOff, *, at: datetime) -> TaxBreakdown:
    """The tax of the order, supplied today."""
    on = civil_date(at=at, timezone=merchant.timezone)
    return tax_by_rate(lines=order.items, on=on, rounding=merchant.tax_rounding)


def refusal(
    connection: Connection, merchant: Merchant, owner: Row, *, at: datetime
) -> BadInput | None:
    """Why nothing can be charged to the subscription now, apart from the cap; None if it can."""
    brake = load_brake(connection, merchant.id)
    name = owner["external_id"]
    if brake.is_pulled:
        return _said("brake", "pulled", brake.words, "ask again when the brake is released")
    if owner["state"] not in CHARGEABLE:
        rule = f"is {owner['state']}, and nothing is charged for that"
        return _said("subscription", name, rule, "resume it first, or collect it another way")
    if owner["permission_state"] != "Chargeable":
        why = owner["state_reason"] or owner["permission_state"]
        rule = f"Amazon Pay does not let it be charged ({why})"
        remedy = "let the buyer update the payment method first"
        return _said("charge_permission", owner["amazon_id"], rule, remedy)
    agreement = load_agreements(connection, [owner["id"]]).get(owner["id"])
    if agreement is not None and agreement.pending_quote_id is not None:
        rule = f"the charge of quote {agreement.pending_quote_id} is under way"
        return _said("subscription", name, rule, "wait for its outcome, then ask again")
    return None


def _room(connection: Connection, merchant: Merchant, owner: Row, at: datetime) -> tuple[int, int]:
    """Room in yen of all months that a charge may count in now, and the limit of an empty one."""
    limit_yen = effective_limit_yen(merchant=merchant, amount_limit_yen=owner["amount_limit_yen"])
    months = possible_months(at=at, timezone=merchant.timezone)
    statement = select(cap_months).where(
        cap_months.c.permission_id == owner["permission_id"], cap_months.c.month.in_(months)
    )
    rows = fetch(connection, statement)
    return min([limit_yen, *_rooms(rows, limit_yen)]), limit_yen


def _rooms(rows: Sequence[Row], limit_yen: int) -> list[int]:
    return [
        max(
            0,
            min(limit_yen, row["learned_limit_yen"] or limit_yen)
            - row["used_yen"]
            - row["held_yen"],
        )
        for row in rows
    ]


def _no_room(total_yen: int, room_yen: int, limit_yen: int, room_from: date | None) -> BadInput:
    remedy = (
        f"charge {room_yen} yen or less now, or ask again from {room_from} on"
        if room_from
        else f"no month has room for more than {limit_yen} yen; charge it in parts"
    )
    rule = f"the monthly cap of the permission has room for {room_yen} yen now"
    return _said("total_yen", total_yen, rule, remedy)


def _said(field: str, value: object, rule: str, remedy: str) -> BadInput:
    return BadInput(field=field, value=value, rule=rule, remedy=remedy)
