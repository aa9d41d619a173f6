"""Subscribers who come from another system: what such a row must satisfy, and how it is stored.

The rules read no clock and no other row, so that the same file gets the same verdict on any day.
Storing is one transaction of the caller: all rows are written, or none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, select

from billing.cap.plan import CapRule
from billing.catalogue.catalogue_store import (
    PriceList,
    RowRefused,
    StoredTerms,
    check_cap,
    check_terms,
    load_price_list,
    lock_merchant,
    plan_refused,
)
from billing.catalogue.terms import Terms
from billing.dates import charge_instant
from billing.store.events import event_row
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_many, insert_returning_ids, table_of
from billing.tables import ChargePermissionRow, CustomerRow, SubscriptionEventRow, SubscriptionRow
from plans import Anchor, UnknownPlan, cycle_on_or_after, cycle_start

__all__ = [
    "ImportStatus",
    "SubscriberRow",
    "SubscribersChange",
    "check_subscriber",
    "store_subscribers",
]

customers = table_of(CustomerRow)
permissions = table_of(ChargePermissionRow)
subscriptions = table_of(SubscriptionRow)

# Part of every import hash; raise it when a field is added to SubscriberRow, and only then.
_HASH_SCHEME = "subscriber-v1"
# SQLite takes 32,766 variables in one statement, PostgreSQL 65,535.
_KEYS_PER_QUERY = 1_000


class ImportStatus(StrEnum):
    """How another system says where a subscription stands."""

    ACTIVE = "active"
    TRIALING = "trialing"
    PAST_DUE = "past_due"
    PAUSED = "paused"
    CANCEL_SCHEDULED = "cancel_scheduled"  # active until `next_charge_on`, then it ends
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberRow:
    """One subscription of one customer as the other system left it, normalised.

    `line` is where the row stood in its file and no part of what it says. `minimum_cycles_done`
    is None where the other system did not count.
    """

    line: int = field(compare=False)
    external_id: str
    name: str
    kana: str
    email: str
    plan_code: str
    quantity: int
    started_on: date
    anchor_day: int | None
    next_charge_on: date | None
    status: ImportStatus
    resume_on: date | None
    charge_permission_id: str
    buyer_id: str
    postal_code: str
    minimum_cycles_done: int | None
    note: str

    @property
    def content_hash(self) -> str:
        """Fingerprint all that the row says (64 hex digits): the same row, the same hash."""
        said = asdict(self)
        del said["line"]
        canonical = json.dumps([_HASH_SCHEME, said], default=date.isoformat, sort_keys=True)
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()

    @property
    def will_be_charged(self) -> bool:
        """Tell whether a charge is still to come unless somebody changes the subscription."""
        return self.status not in (ImportStatus.CANCELED, ImportStatus.CANCEL_SCHEDULED)


@dataclass(frozen=True, slots=True)
class SubscribersChange:
    """What an import did; where `differing` is not empty, nothing was written.

    Each entry of `differing` is a row and why it cannot be added to what is stored.
    """

    added: int
    unchanged: int
    differing: tuple[tuple[SubscriberRow, RowRefused], ...]


def check_subscriber(
    row: SubscriberRow, *, prices: PriceList, cap_yen: int, cap_rule: CapRule
) -> None:
    """Refuse a row that the engine could not go on from; raises RowRefused for the first fault."""
    try:
        terms = prices.at_start(row.plan_code, started_on=row.started_on).terms
    except UnknownPlan as unknown:
        raise plan_refused(unknown) from unknown
    check_terms(price=terms.price, quantity=row.quantity, anchor_day=row.anchor_day)
    _check_next_charge(row)
    _check_on_grid(row, terms)
    _check_resume(row, terms)
    if row.will_be_charged:
        check_cap(price=terms.price, quantity=row.quantity, cap_yen=cap_yen, cap_rule=cap_rule)


def store_subscribers(
    connection: Connection, merchant: Merchant, rows: Sequence[SubscriberRow], *, at: datetime
) -> SubscribersChange:
    """Write the rows that are new, in the caller's transaction; `at` dates their events.

    The rows must have passed `check_subscriber`. A row whose id is stored with the same content
    is left alone. One with other content is refused, and then nothing is written at all: a
    subscription that is here is changed by its own verbs, which keep the books right. Raises
    UnknownPlan and UnknownMerchant.
    """
    lock_merchant(connection, merchant.id)
    ids = (row.external_id for row in rows)
    known = _known(connection, subscriptions, "external_id", merchant, ids)
    new = [row for row in rows if row.external_id not in known]
    differing = _differing(connection, merchant, rows, known)
    if not differing:
        _insert(connection, merchant, new, at)
    unchanged = sum(_is_stored(row, known) for row in rows)
    return SubscribersChange(0 if differing else len(new), unchanged, differing)


def _anchor(row: SubscriberRow, terms: Terms) -> Anchor:
    """Count from the month of sign-up, on the agreed day even if that month lacks it."""
    day = row.started_on.day if row.anchor_day is None else row.anchor_day
    return terms.anchor(row.started_on.year, row.started_on.month, day)


def _start(row: SubscriberRow, terms: Terms, cycle: int) -> date:
    return cycle_start(anchor=_anchor(row, terms), interval=terms.price.interval, cycle=cycle)


def _next_cycle(row: SubscriberRow, terms: Terms) -> int:
    """Number the cycle that is charged next; of a canceled row, the one that never came."""
    if row.next_charge_on is None:
        return row.minimum_cycles_done or 0
    return cycle_on_or_after(
        anchor=_anchor(row, terms), interval=terms.price.interval, on=row.next_charge_on
    )


def _check_next_charge(row: SubscriberRow) -> None:
    canceled = row.status is ImportStatus.CANCELED
    if canceled and row.next_charge_on is not None:
        raise RowRefused(
            "next_charge_on",
            row.next_charge_on,
            rule="a canceled subscription is never charged again",
            remedy="leave it empty, or use status cancel_scheduled",
            ja="解約済みの契約に次回課金日があります。空欄にするか、状態を見直してください。",
        )
    if not canceled and row.next_charge_on is None:
        raise RowRefused(
            "next_charge_on",
            None,
            rule=f"a subscription that is {row.status.value} has a next charge",
            remedy="give its date, or use status canceled",
            ja="次回課金日がありません。日付を入れるか、状態を canceled にしてください。",
        )
    if row.next_charge_on is not None and row.next_charge_on < row.started_on:
        raise RowRefused(
            "next_charge_on",
            row.next_charge_on,
            rule=f"lies before started_on ({row.started_on})",
            remedy="correct one of the two dates",
            ja=f"次回課金日が開始日 ({row.started_on}) より前です。どちらかを直してください。",
        )


def _check_on_grid(row: SubscriberRow, terms: Terms) -> None:
    cycle = _next_cycle(row, terms)
    if row.next_charge_on is None or _start(row, terms, cycle) == row.next_charge_on:
        return
    first = max(0, cycle - 1)
    before, after = _start(row, terms, first), _start(row, terms, first + 1)
    raise RowRefused(
        "next_charge_on",
        row.next_charge_on,
        rule=f"is no charge date of a plan {terms.price.interval.text_en} from {row.started_on} on",
        remedy=f"the nearest ones are {before} and {after}; correct it or the anchor",
        ja=f"課金周期に合いません。近い課金日は {before} と {after} です。",
    )


def _check_resume(row: SubscriberRow, terms: Terms) -> None:
    if row.resume_on is None:
        return
    if row.status is not ImportStatus.PAUSED:
        raise RowRefused(
            "resume_on",
            row.resume_on,
            rule=f"only a paused subscription resumes, this one is {row.status.value}",
            remedy="leave it empty, or use status paused",
            ja="再開日は休止中 (paused) の契約だけに入れてください。",
        )
    earliest = max(row.started_on, _start(row, terms, max(0, _next_cycle(row, terms) - 1)))
    if row.resume_on < earliest:
        raise RowRefused(
            "resume_on",
            row.resume_on,
            rule=f"lies before {earliest}, the start of the period that next_charge_on ends",
            remedy="give a later date, or leave it empty to resume by hand",
            ja=f"再開日が現在の契約期間の開始 ({earliest}) より前です。直すか空欄にしてください。",
        )


def _known(
    connection: Connection, table: Table, key: str, merchant: Merchant, keys: Iterable[str]
) -> dict[str, Row]:
    """Find stored rows of the merchant by the text that names them."""
    found: dict[str, Row] = {}
    remaining = iter(dict.fromkeys(keys))
    while batch := list(islice(remaining, _KEYS_PER_QUERY)):
        statement = select(table).where(table.c.merchant_id == merchant.id, table.c[key].in_(batch))
        found |= {row[key]: row for row in fetch(connection, statement)}
    return found


def _known_permissions(
    connection: Connection, merchant: Merchant, rows: Iterable[SubscriberRow]
) -> dict[str, Row]:
    ids = (row.charge_permission_id for row in rows)
    return _known(connection, permissions, "amazon_id", merchant, ids)


def _is_stored(row: SubscriberRow, known: Mapping[str, Row]) -> bool:
    return row.external_id in known and known[row.external_id]["import_hash"] == row.content_hash


def _differing(
    connection: Connection,
    merchant: Merchant,
    rows: Sequence[SubscriberRow],
    known: Mapping[str, Row],
) -> tuple[tuple[SubscriberRow, RowRefused], ...]:
    """List rows whose subscription, customer or charge permission is stored as something else."""
    new = [row for row in rows if row.external_id not in known]
    new_ids = (row.external_id for row in new)
    taken = _known(connection, customers, "external_id", merchant, new_ids)
    owners = _known_permissions(connection, merchant, new)
    differing: list[tuple[SubscriberRow, RowRefused]] = []
    for row in rows:
        if _is_stored(row, known):
            continue
        owner = owners.get(row.charge_permission_id)
        if row.external_id in known or row.external_id in taken:
            differing.append((row, _changed(row)))
        elif owner and owner["buyer_id"] != row.buyer_id:
            differing.append((row, _other_buyer(row)))
    return tuple(differing)


def _changed(row: SubscriberRow) -> RowRefused:
    return RowRefused(
        "external_id",
        row.external_id,
        rule="is stored already and this row says something else",
        remedy="take the row out and change the subscription itself (autopay subscription --help)",
        ja="登録済みの契約と内容が異なります。行を外し、契約の変更操作で直してください。",
    )


def _other_buyer(row: SubscriberRow) -> RowRefused:
    return RowRefused(
        "buyer_id",
        row.buyer_id,
        rule=f"charge permission {row.charge_permission_id} is stored with another buyer",
        remedy="correct the buyer or the charge permission",
        ja="この支払い許可は別の購入者で登録済みです。どちらかを直してください。",
    )


def _insert(
    connection: Connection, merchant: Merchant, rows: Sequence[SubscriberRow], at: datetime
) -> None:
    prices = load_price_list(connection, merchant.id)
    permission_ids = _store_permissions(connection, merchant, rows)
    customer_ids = insert_returning_ids(
        connection, customers, [_customer_row(merchant, row) for row in rows]
    )
    values = [
        _subscription_row(merchant, row, prices.at_start(row.plan_code, started_on=row.started_on))
        | {
            "customer_id": customer_id,
            "permission_id": permission_ids[row.charge_permission_id],
        }
        for row, customer_id in zip(rows, customer_ids, strict=True)
    ]
    ids = insert_returning_ids(connection, subscriptions, values)
    events = [
        event_row(
            value | {"id": subscription_id},
            at=at,
            kind="imported",
            state=value["state"],
            reason="subscribers file",
            actor="import",
        )
        for value, subscription_id in zip(values, ids, strict=True)
    ]
    insert_many(connection, table_of(SubscriptionEventRow), events)


def _store_permissions(
    connection: Connection, merchant: Merchant, rows: Sequence[SubscriberRow]
) -> dict[str, int]:
    stored = _known_permissions(connection, merchant, rows)
    new = {
        row.charge_permission_id: {
            "merchant_id": merchant.id,
            "amazon_id": row.charge_permission_id,
            "buyer_id": row.buyer_id,
            "state": "Chargeable",
        }
        for row in rows
        if row.charge_permission_id not in stored
    }
    ids = insert_returning_ids(connection, permissions, list(new.values()))
    known = {amazon_id: row["id"] for amazon_id, row in stored.items()}
    return known | dict(zip(new, ids, strict=True))


def _customer_row(merchant: Merchant, row: SubscriberRow) -> dict[str, Any]:
    names = ("external_id", "name", "kana", "email", "postal_code", "note")
    return {"merchant_id": merchant.id} | {name: getattr(row, name) for name in names}


def _subscription_row(
    merchant: Merchant, row: SubscriberRow, stored: StoredTerms
) -> dict[str, Any]:
    anchor = _anchor(row, stored.terms)
    next_cycle = _next_cycle(row, stored.terms)
    # A trial is no cycle: the first paid one is the one that is due next.
    first_cycle = next_cycle if row.status is ImportStatus.TRIALING else 0
    done = row.minimum_cycles_done
    scheduled = row.status is ImportStatus.CANCEL_SCHEDULED
    return {
        "merchant_id": merchant.id,
        "external_id": row.external_id,
        "price_id": stored.price_id,
        "quantity": row.quantity,
        "state": "active" if scheduled else row.status.value,
        "started_on": row.started_on,
        "anchor_year": anchor.year,
        "anchor_month": anchor.month,
        "anchor_day": anchor.day,
        "first_cycle": first_cycle,
        "next_cycle": next_cycle,
        "cycles_done": next_cycle - first_cycle if done is None else done,
        "due_at": _due_at(merchant, row),
        "resume_on": row.resume_on,
        "cancel_at_period_end": scheduled,
        "import_hash": row.content_hash,
    }


def _due_at(merchant: Merchant, row: SubscriberRow) -> datetime | None:
    """When the scheduler looks next; never, for a pause without an end and for the canceled."""
    on = row.resume_on if row.status is ImportStatus.PAUSED else row.next_charge_on
    if on is None:
        return None
    return charge_instant(on=on, timezone=merchant.timezone, hour=merchant.charge_hour)
