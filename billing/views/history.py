"""Charge history: every attempt with what people need to know about it, streamed page by page."""

from collections.abc import Collection, Generator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    func,
    or_,
    select,
    tuple_,
)

from billing.store.rows import Row, among, is_word, table_of
from billing.tables import (
    AttemptRow,
    ChargePermissionRow,
    CustomerRow,
    InvoiceRow,
    MerchantRow,
    PlanRow,
    PriceRow,
    SlotRow,
    SubscriptionRow,
)
from billing.tables.money import ATTEMPT_STATES
from billing.views.narrowing import (
    EVERYTHING,
    Narrowing,
    is_few,
    joined_for,
    narrowed,
    order_of,
    own_rows,
)

__all__ = [
    "ChargeHistoryRow",
    "ChargeTotals",
    "Narrowing",
    "charge_history",
    "charge_totals",
    "charges_of_slots",
]

ROWS_AT_A_TIME = 500
UNSETTLED = ("intended", "in_doubt", "pending")

attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
permissions = table_of(ChargePermissionRow)
subscriptions = table_of(SubscriptionRow)
customers = table_of(CustomerRow)
invoices = table_of(InvoiceRow)
prices = table_of(PriceRow)
plan_table = table_of(PlanRow)
merchants = table_of(MerchantRow)

# The words users of Japanese billing tools know; a decline is worded by what its slot does next.
STATE_WORDS = {
    "intended": "課金処理中",
    "in_doubt": "結果未確定",
    "pending": "課金処理中",
    "authorized": "承認済み",
    "captured": "受領済み",
    "declined": "課金失敗",
    "refused": "上限超過",
    "canceled": "承認取消",
}
LAST_DECLINE_WORDS = {
    "due": "リトライ待ち",
    "waiting_buyer": "お客様対応待ち",
    "uncollectible": "リトライ終了",
}

Cursor = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class ChargeHistoryRow:
    """One attempt; `cursor` continues a listing after it. Yen are whole, instants are UTC."""

    attempt_id: int
    at: datetime
    subscription: str
    customer_name: str
    plan_code: str
    cycle: int
    purpose: str
    amount_yen: int
    state: str
    state_ja: str
    reason_code: str | None
    charge_id: str | None
    charge_permission_id: str
    attempt: int
    reference: str

    @property
    def cursor(self) -> Cursor:
        """What to give as `after` to go on behind this row."""
        return self.at, self.attempt_id


@dataclass(frozen=True, slots=True)
class ChargeTotals:
    """Attempts of a filter: how many, how many captured and for how much, and yen per state."""

    attempts: int
    captured: int
    captured_yen: int
    yen_by_state: dict[str, int]
    attempts_by_state: dict[str, int]


def charge_history(
    connection: Connection,
    *,
    merchant_id: str,
    date_from: date | None = None,
    date_to: date | None = None,
    state: str | None = None,
    search: str | None = None,
    narrowing: Narrowing = EVERYTHING,
    limit: int | None = None,
    after: Cursor | None = None,
    newest_first: bool = True,
) -> Generator[ChargeHistoryRow]:
    """Stream attempts in the order of their intent; `after` is the cursor of the last row seen.

    Dates are the merchant's civil dates, both included. `search` finds parts of the subscription
    or customer id, name, e-mail, charge or permission id. Raises ValueError for a state that no
    attempt has; checked at once, before the first row is asked for.
    """
    statement = select(*_COLUMNS).select_from(_JOINED)
    chosen = _filter(connection, merchant_id, date_from, date_to, state, search)
    few = state in UNSETTLED or is_few(connection, merchant_id, narrowing)
    chosen += narrowed(connection, merchant_id, narrowing, few=few)
    own = own_rows(connection, merchant_id, narrowing, few=few)
    if limit is None and connection.dialect.name == "postgresql":
        # Of a cursor PostgreSQL thinks that a tenth is read; who waits for a file waits for a row.
        connection.exec_driver_sql("SET LOCAL cursor_tuple_fraction = 0.0001")
    order = [c.desc() if newest_first else c for c in order_of(connection, is_few=few)]
    if few and limit is not None and not search:
        # Those of the page are chosen before anything else is looked up for them.
        of_page = select(attempts.c.id).select_from(joined_for(narrowing)).where(own, *chosen)
        of_page = _behind(of_page, after, newest_first).order_by(*order).limit(limit)
        ids = connection.execute(of_page).scalars().all()
        statement = statement.where(among(connection, attempts.c.id, ids))
    else:
        statement = _behind(statement.where(own, *chosen), after, newest_first).limit(limit)
    return _stream(connection, statement.order_by(*order), as_written=not few)


def charges_of_slots(
    connection: Connection, *, slot_ids: Collection[int]
) -> list[ChargeHistoryRow]:
    """All attempts to pay these slots, oldest first.

    Sorted here: a database that is asked for the order may walk through the whole history in it.
    """
    statement = select(*_COLUMNS).select_from(_JOINED).where(attempts.c.slot_id.in_(list(slot_ids)))
    return sorted(_stream(connection, statement), key=lambda row: row.cursor)


def charge_totals(
    connection: Connection,
    *,
    merchant_id: str,
    date_from: date | None = None,
    date_to: date | None = None,
    state: str | None = None,
    search: str | None = None,
    narrowing: Narrowing = EVERYTHING,
) -> ChargeTotals:
    """Sum what `charge_history` lists for the same filter; raises as it does.

    The cost grows with the attempts of the filter: without dates, with the whole history.
    """
    chosen = _filter(connection, merchant_id, date_from, date_to, state, search)
    chosen += narrowed(connection, merchant_id, narrowing)
    asks_for_people = search or narrowing.asks_for_people
    own = own_rows(connection, merchant_id, narrowing)
    statement = (
        select(attempts.c.state, func.count(), func.sum(attempts.c.amount_yen))
        .select_from(_JOINED if asks_for_people else attempts)
        .where(own, *chosen)
        .group_by(attempts.c.state)
    )
    found = {name: (count, int(yen)) for name, count, yen in connection.execute(statement)}
    captured, captured_yen = found.get("captured", (0, 0))
    return ChargeTotals(
        attempts=sum(count for count, _ in found.values()),
        captured=captured,
        captured_yen=captured_yen,
        yen_by_state={name: yen for name, (_, yen) in sorted(found.items())},
        attempts_by_state={name: count for name, (count, _) in sorted(found.items())},
    )


_JOINED = (
    attempts.join(slots, slots.c.id == attempts.c.slot_id)
    .join(permissions, permissions.c.id == attempts.c.permission_id)
    .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
    .join(customers, customers.c.id == subscriptions.c.customer_id)
    .join(invoices, invoices.c.id == slots.c.invoice_id)
    # The price that held then: the agreement may be on another one by now.
    .join(prices, prices.c.id == func.coalesce(invoices.c.price_id, subscriptions.c.price_id))
    .join(plan_table, plan_table.c.id == prices.c.plan_id)
)

_COLUMNS: tuple[ColumnElement[Any], ...] = (
    attempts.c.id.label("attempt_id"),
    attempts.c.intended_at.label("at"),
    subscriptions.c.external_id.label("subscription"),
    customers.c.name.label("customer_name"),
    plan_table.c.code.label("plan_code"),
    slots.c.cycle,
    slots.c.purpose,
    attempts.c.amount_yen,
    attempts.c.state,
    slots.c.state.label("slot_state"),
    slots.c.attempts.label("slot_attempts"),
    attempts.c.reason_code,
    attempts.c.charge_id,
    permissions.c.amazon_id.label("charge_permission_id"),
    attempts.c.number.label("attempt"),
    slots.c.reference,
)


def _filter(
    connection: Connection,
    merchant_id: str,
    date_from: date | None,
    date_to: date | None,
    state: str | None,
    search: str | None,
) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = []
    if state is not None:
        chosen += _of_state(_checked_state(state))
    if search is not None and search.strip():
        chosen.append(_matches(search.strip()))
    if date_from is not None or date_to is not None:
        zone = _zone(connection, merchant_id)
        if date_from is not None:
            chosen.append(attempts.c.intended_at >= _midnight(date_from, zone))
        if date_to is not None and date_to < date.max:
            chosen.append(attempts.c.intended_at < _midnight(date_to + timedelta(days=1), zone))
    return chosen


def _checked_state(state: str) -> str:
    if state not in ATTEMPT_STATES:
        raise ValueError(f"state {state!r}: use one of {', '.join(ATTEMPT_STATES)}")
    return state


def _of_state(state: str) -> list[ColumnElement[bool]]:
    """The state, and the condition of the partial index that holds its few rows."""
    of_index = [is_word(attempts.c.state, state)]
    if state in UNSETTLED:
        of_index.append(is_word(attempts.c.state, *UNSETTLED))
    return of_index


def _matches(search: str) -> ColumnElement[bool]:
    columns = (
        subscriptions.c.external_id,
        customers.c.external_id,
        customers.c.name,
        customers.c.email,
        attempts.c.charge_id,
        permissions.c.amazon_id,
    )
    # autoescape: a % or _ that somebody types is looked for as such.
    return or_(*(column.icontains(search, autoescape=True) for column in columns))


def _zone(connection: Connection, merchant_id: str) -> ZoneInfo:
    statement = select(merchants.c.timezone).where(merchants.c.id == merchant_id)
    # Without the merchant there are no rows to list either; any zone does.
    return ZoneInfo(connection.execute(statement).scalar() or "UTC")


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, time(), tzinfo=zone)


def _behind(statement: Select[Any], after: Cursor | None, newest_first: bool) -> Select[Any]:
    if after is None:
        return statement
    key = tuple_(attempts.c.intended_at, attempts.c.id)
    return statement.where(key < tuple_(*after) if newest_first else key > tuple_(*after))


def _stream(
    connection: Connection, statement: Select[Any], *, as_written: bool = False
) -> Generator[ChargeHistoryRow]:
    """`as_written` joins beginning with the attempts: to weigh all orders of eight tables takes
    PostgreSQL longer than to read a page of them in that order."""
    options = {"yield_per": ROWS_AT_A_TIME}
    if as_written and connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL join_collapse_limit = 1")
    with connection.execute(statement, execution_options=options) as result:
        if as_written and connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL join_collapse_limit TO DEFAULT")
        for found in result.mappings():
            row = dict(found)
            state_ja = _state_ja(row)
            del row["slot_state"], row["slot_attempts"]
            yield ChargeHistoryRow(**row, state_ja=state_ja)


def _state_ja(row: Row) -> str:
    is_last = row["attempt"] == row["slot_attempts"]
    if row["state"] == "declined" and is_last:
        return LAST_DECLINE_WORDS.get(row["slot_state"], STATE_WORDS["declined"])
    return STATE_WORDS[row["state"]]


def latest_moment(connection: Connection, merchant_id: str) -> datetime:
    """When the merchant's last charge was intended; the year 1970 for books without any."""
    statement = select(func.max(attempts.c.intended_at)).where(
        attempts.c.merchant_id == merchant_id
    )
    return connection.execute(statement).scalar() or datetime(1970, 1, 1, tzinfo=UTC)
