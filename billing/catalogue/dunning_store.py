"""Which dunning schedule an invoice follows: frozen in the books when its dunning begins.

A new version of a schedule, or another schedule of the plan, is for invoices declined later.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from billing.catalogue.terms import terms_of
from billing.dates import charge_instant, civil_date, possible_months
from billing.dunning import RETRYABLE, CapAhead, charge_hour_of, next_waking_hour, wait_until
from billing.store.cap_room import effective_limit_yen
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_unless_known, table_of
from billing.tables import (
    CapHoldRow,
    CapMonthRow,
    ChargePermissionRow,
    DunningRow,
    InvoiceRow,
    OfferRow,
    OfferVersionRow,
    PlanRow,
    PriceRow,
    SubscriptionRow,
)
from plans import (
    ALWAYS,
    DEFAULT_SCHEDULE,
    BadInput,
    DunningEnd,
    DunningSchedule,
    Tries,
    offer_from_text,
    offer_text,
)

__all__ = [
    "Dunning",
    "SubscriptionAhead",
    "begin_dunning",
    "buyer_has_until",
    "caps_ahead",
    "dunning_of",
    "merchant_schedule",
    "quiet_until",
    "schedules_in_force",
    "subscription_ahead",
]

dunning_table = table_of(DunningRow)
_invoices = table_of(InvoiceRow)
_subscriptions = table_of(SubscriptionRow)
_prices = table_of(PriceRow)
_plans = table_of(PlanRow)
_offers = table_of(OfferRow)
_versions = table_of(OfferVersionRow)
_permissions = table_of(ChargePermissionRow)
_cap_months = table_of(CapMonthRow)
_cap_holds = table_of(CapHoldRow)

# The code in the value only; in the books the merchant's own rules have none.
_OWN_RULES = "merchant"


@dataclass(frozen=True, slots=True)
class Dunning:
    """The schedule of an invoice; `row` is to be written when its dunning begins only now."""

    schedule: DunningSchedule
    row: Mapping[str, Any] | None = None


def merchant_schedule(merchant: Merchant) -> DunningSchedule:
    """The merchant's own rules as a schedule, for plans that name none."""
    return DunningSchedule(
        code=_OWN_RULES,
        valid_from=ALWAYS,
        soft=Tries(merchant.dunning_days),
        end=DunningEnd(merchant.dunning_end),
    )


def dunning_of(
    connection: Connection, merchant: Merchant, invoice_ids: Iterable[int], *, at: datetime
) -> dict[int, Dunning]:
    """The schedule of each invoice: the frozen one, or the one that would be frozen at `at`."""
    wanted = sorted(set(invoice_ids))
    if not wanted:
        return {}
    rows = fetch(connection, select(dunning_table).where(dunning_table.c.invoice_id.in_(wanted)))
    found = {row["invoice_id"]: Dunning(_frozen(row)) for row in rows}
    missing = [invoice_id for invoice_id in wanted if invoice_id not in found]
    on = civil_date(at=at, timezone=merchant.timezone)
    return found | _to_begin(connection, merchant, missing, on)


def begin_dunning(connection: Connection, dunnings: Iterable[Dunning]) -> None:
    """Freeze what is not frozen yet; the first one of an invoice counts."""
    rows = [dict(dunning.row) for dunning in dunnings if dunning.row is not None]
    insert_unless_known(connection, dunning_table, rows)


def schedules_in_force(
    connection: Connection, merchant: Merchant, *, on: date
) -> dict[str, DunningSchedule]:
    """The version of each named schedule that holds on a date, by code."""
    statement = (
        select(_offers.c.code, _versions.c.valid_from, _versions.c.terms)
        .join(_versions, _versions.c.offer_id == _offers.c.id)
        .where(_offers.c.merchant_id == merchant.id)
        .where(_offers.c.section == DunningSchedule.section, _versions.c.valid_from <= on)
        .order_by(_versions.c.valid_from)
    )
    # Ascending: of each code the newest version is the last one.
    return {row["code"]: _schedule(**row) for row in fetch(connection, statement)}


def _frozen(row: Row) -> DunningSchedule:
    valid_from = row["schedule_from"] or ALWAYS
    return _schedule(row["schedule_code"] or _OWN_RULES, valid_from, row["terms"])


def _schedule(code: str, valid_from: date, terms: str) -> DunningSchedule:
    found = offer_from_text(
        section=DunningSchedule.section,
        code=code,
        valid_from=valid_from,
        names=("", ""),
        text=terms,
    )
    if not isinstance(found, DunningSchedule):
        raise AssertionError(f"{json.dumps(terms)} is no dunning schedule")
    return found


def _to_begin(
    connection: Connection, merchant: Merchant, invoice_ids: Sequence[int], on: date
) -> dict[int, Dunning]:
    if not invoice_ids:
        return {}
    known = schedules_in_force(connection, merchant, on=on)
    default = known.get(DEFAULT_SCHEDULE) or merchant_schedule(merchant)
    named = _schedule_names(connection, invoice_ids)
    return {
        invoice_id: _beginning(
            merchant, invoice_id, known.get(named[invoice_id] or "", default), on
        )
        for invoice_id in invoice_ids
    }


def _schedule_names(connection: Connection, invoice_ids: Sequence[int]) -> dict[int, str | None]:
    """What the plan of each invoice names: the plan that was billed, or the agreed one."""
    price_id = func.coalesce(_invoices.c.price_id, _subscriptions.c.price_id)
    statement = (
        select(_invoices.c.id, _plans.c.dunning)
        .join(_subscriptions, _subscriptions.c.id == _invoices.c.subscription_id)
        .join(_prices, _prices.c.id == price_id)
        .join(_plans, _plans.c.id == _prices.c.plan_id)
        .where(_invoices.c.id.in_(invoice_ids))
    )
    return {row["id"]: row["dunning"] for row in fetch(connection, statement)}


def _beginning(merchant: Merchant, invoice_id: int, schedule: DunningSchedule, on: date) -> Dunning:
    own = schedule.code == _OWN_RULES and schedule == merchant_schedule(merchant)
    return Dunning(
        schedule,
        {
            "invoice_id": invoice_id,
            "merchant_id": merchant.id,
            "schedule_code": None if own else schedule.code,
            "schedule_from": None if own else schedule.valid_from,
            "began_on": on,
            "ends_by": schedule.end.value,
            "ends_closed_by": schedule.closed_end.value,
            "terms": offer_text(schedule),
        },
    )


def buyer_has_until(
    schedule: DunningSchedule, slot: Row, merchant: Merchant, *, at: datetime
) -> datetime:
    """Until when the buyer may act, counted from the slot's first decline or from today."""
    on = civil_date(at=at, timezone=merchant.timezone)
    until = wait_until(schedule=schedule, began_on=slot["declined_on"] or on, on=on)
    hour = charge_hour_of(schedule=schedule, tries=None, charge_hour=merchant.charge_hour)
    return charge_instant(on=until, timezone=merchant.timezone, hour=hour)


def quiet_until(
    connection: Connection, merchant: Merchant, due: Sequence[Row], *, at: datetime
) -> dict[int, datetime]:
    """Slots whose try must wait for the morning, by id: their schedule does not charge at night.

    Only tries of the schedule wait. What a buyer has just cured, or a person asked for, does not.
    """
    tries = [
        slot
        for slot in due
        if slot["declines"]
        and slot["reason"] in RETRYABLE
        and slot["asked_attempt"] != slot["attempts"] + 1
    ]
    dunnings = dunning_of(connection, merchant, (slot["invoice_id"] for slot in tries), at=at)
    mornings = {
        slot["id"]: next_waking_hour(
            schedule=dunnings[slot["invoice_id"]].schedule, at=at, timezone=merchant.timezone
        )
        for slot in tries
    }
    return {slot_id: morning for slot_id, morning in mornings.items() if morning is not None}


def caps_ahead(
    connection: Connection,
    merchant: Merchant,
    declined: Mapping[int, Row],
    *,
    given_back: Sequence[int],
    at: datetime,
) -> dict[int, CapAhead]:
    """The room that each declined slot finds later, by slot id.

    What the attempts of `given_back` still hold counts as free. The caller holds the locks of the
    permissions.
    """
    permission_ids = sorted({slot["permission_id"] for slot in declined.values()})
    limits = _limits(connection, merchant, permission_ids)
    taken = _taken(connection, merchant, limits, at)
    held = select(_cap_holds).where(
        _cap_holds.c.attempt_id.in_(given_back), _cap_holds.c.state == "held"
    )
    for hold in fetch(connection, held):
        months = taken[hold["permission_id"]]
        months[hold["month"]] = months.get(hold["month"], 0) - hold["amount_yen"]
    return {
        slot_id: CapAhead(
            amount_yen=slot["amount_yen"],
            limit_yen=limits[slot["permission_id"]],
            rule=merchant.cap_rule,
            timezone=merchant.timezone,
            taken_yen=taken[slot["permission_id"]],
        )
        for slot_id, slot in declined.items()
    }


@dataclass(frozen=True, slots=True)
class SubscriptionAhead:
    """What a preview needs of a subscription: its plan, and the room of its charge permission."""

    plan_code: str
    cap: CapAhead


def subscription_ahead(
    connection: Connection, merchant: Merchant, *, subscription: str, at: datetime
) -> SubscriptionAhead:
    """The plan of a subscription and the cap that one of its cycles finds from `at` on.

    Raises BadInput for a subscription that is not there.
    """
    statement = select(_subscriptions).where(
        _subscriptions.c.merchant_id == merchant.id, _subscriptions.c.external_id == subscription
    )
    found = fetch(connection, statement)
    if not found:
        raise BadInput(
            field="subscription",
            value=subscription,
            rule="is not in the books of this merchant",
            remedy="use the id that it was imported with",
        )
    row = found[0]
    terms = terms_of(connection, [row["price_id"]])[row["price_id"]]
    amount_yen = terms.price.cycle_yen(quantity=row["quantity"])
    slot = {"permission_id": row["permission_id"], "amount_yen": amount_yen}
    caps = caps_ahead(connection, merchant, {row["id"]: slot}, given_back=(), at=at)
    return SubscriptionAhead(terms.plan.code, caps[row["id"]])


def _limits(
    connection: Connection, merchant: Merchant, permission_ids: Sequence[int]
) -> dict[int, int]:
    statement = select(_permissions.c.id, _permissions.c.amount_limit_yen)
    rows = fetch(connection, statement.where(_permissions.c.id.in_(permission_ids)))
    return {
        row["id"]: effective_limit_yen(merchant=merchant, amount_limit_yen=row["amount_limit_yen"])
        for row in rows
    }


def _taken(
    connection: Connection, merchant: Merchant, limits: Mapping[int, int], at: datetime
) -> dict[int, dict[str, int]]:
    """Yen used and held by permission and month; a limit learnt from Amazon counts as taken."""
    statement = select(_cap_months).where(
        _cap_months.c.permission_id.in_(list(limits)),
        _cap_months.c.month >= possible_months(at=at, timezone=merchant.timezone)[0],
    )
    taken: dict[int, dict[str, int]] = {permission_id: {} for permission_id in limits}
    for row in fetch(connection, statement):
        limit, learned = limits[row["permission_id"]], row["learned_limit_yen"]
        lowered = 0 if learned is None else max(0, limit - learned)
        taken[row["permission_id"]][row["month"]] = row["used_yen"] + row["held_yen"] + lowered
    return taken
