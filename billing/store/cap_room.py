"""Room under the monthly cap, as the database holds it: used + held ≤ limit per cap month.

A charge takes room in every month it could count in. Room is held with the intent, becomes used
with the capture, and is given back only by a definite "no".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from billing.store.merchants import Merchant
from billing.store.rows import Row, add_many, among, fetch, insert_many, table_of
from billing.tables import CapHoldRow, CapMonthRow

cap_months = table_of(CapMonthRow)
cap_holds = table_of(CapHoldRow)

CapKey = tuple[int, str]  # (charge permission row id, month "2026-12")


@dataclass(slots=True)
class CapMonth:
    """One cap month as read under the permission's lock; yen."""

    limit_yen: int
    used_yen: int
    held_yen: int

    @property
    def room_yen(self) -> int:
        """What may still be charged; never negative."""
        return max(0, self.limit_yen - self.used_yen - self.held_yen)


def effective_limit_yen(*, merchant: Merchant, amount_limit_yen: int | None) -> int:
    """The lower of the merchant's setting and Amazon's `amountLimit` where that is known."""
    if amount_limit_yen is None:
        return merchant.cap_yen
    return min(merchant.cap_yen, amount_limit_yen)


def load_cap_months(
    connection: Connection, *, limits: Mapping[int, int], months: Sequence[str]
) -> dict[CapKey, CapMonth]:
    """Cap months of the given permissions (row id → effective limit), created where missing.

    The caller holds the lock of every permission. A limit learnt from Amazon's balance stays for
    its month; a limit below what is already taken leaves no room but breaks no constraint.
    """
    known = _read(connection, list(limits), months)
    missing = [(p, m) for p in limits for m in months if (p, m) not in known]
    insert_many(
        connection,
        cap_months,
        [
            {
                "permission_id": permission_id,
                "month": month,
                "limit_yen": limits[permission_id],
                "learned_limit_yen": None,
                "used_yen": 0,
                "held_yen": 0,
            }
            for permission_id, month in missing
        ],
    )
    found = {key: _cap_month(row, limits[key[0]]) for key, row in known.items()}
    _write_changed_limits(connection, known, found)
    return found | {key: CapMonth(limits[key[0]], 0, 0) for key in missing}


def _read(
    connection: Connection, permission_ids: Sequence[int], months: Sequence[str]
) -> dict[CapKey, Row]:
    statement = select(cap_months).where(
        among(connection, cap_months.c.permission_id, permission_ids),
        cap_months.c.month.in_(months),
    )
    rows = fetch(connection, statement)
    return {(row["permission_id"], row["month"]): row for row in rows}


def _cap_month(row: Row, limit_yen: int) -> CapMonth:
    learned = row["learned_limit_yen"]
    wanted = limit_yen if learned is None else min(limit_yen, learned)
    taken = row["used_yen"] + row["held_yen"]
    return CapMonth(max(wanted, taken), row["used_yen"], row["held_yen"])


def _write_changed_limits(
    connection: Connection,
    known: Mapping[CapKey, Row],
    found: Mapping[CapKey, CapMonth],
) -> None:
    changed = [
        {"p": key[0], "m": key[1], "limit": month.limit_yen}
        for key, month in found.items()
        if month.limit_yen != known[key]["limit_yen"]
    ]
    if changed:
        statement = _one_month(bindparam("p"), bindparam("m")).values(limit_yen=bindparam("limit"))
        connection.execute(statement, changed)


def _one_month(permission_id: Any, month: Any) -> Any:
    return update(cap_months).where(
        cap_months.c.permission_id == permission_id, cap_months.c.month == month
    )


def make_room(connection: Connection, *, taken: Mapping[CapKey, int]) -> None:
    """Raise limits where Amazon has taken more already (yen by cap month) than they leave room for.

    It was within Amazon's own limit when it was taken; the next look lowers ours again.
    """
    whole = cap_months.c.used_yen + cap_months.c.held_yen + bindparam("yen")
    statement = (
        _one_month(bindparam("p"), bindparam("m"))
        .where(cap_months.c.limit_yen < whole)
        .values(limit_yen=whole)
    )
    if taken:
        rows = [{"p": key[0], "m": key[1], "yen": yen} for key, yen in taken.items()]
        connection.execute(statement, rows)


def hold(connection: Connection, holds: Sequence[dict[str, Any]]) -> None:
    """Take room: rows of `cap_hold` in state held. The table's CHECK refuses a breach."""
    if not holds:
        return
    insert_many(connection, cap_holds, holds)
    _move(connection, holds, held=1, used=0)


def settle_holds(connection: Connection, attempt_ids: Sequence[int], *, captured: bool) -> None:
    """Turn the holds of attempts into used room (captured), or give it back (a definite no)."""
    if not attempt_ids:
        return
    settled = (
        update(cap_holds)
        .where(among(connection, cap_holds.c.attempt_id, attempt_ids), cap_holds.c.state == "held")
        .values(state="used" if captured else "released")
        .returning(cap_holds.c.permission_id, cap_holds.c.month, cap_holds.c.amount_yen)
    )
    _move(connection, fetch(connection, settled), held=-1, used=1 if captured else 0)


def _move(connection: Connection, rows: Sequence[Row], *, held: int, used: int) -> None:
    moved = [
        {
            "permission_id": row["permission_id"],
            "month": row["month"],
            "held_yen": held * row["amount_yen"],
            "used_yen": used * row["amount_yen"],
        }
        for row in rows
    ]
    add_many(connection, cap_months, moved, key=("permission_id", "month"))


def learn_balance(
    connection: Connection, *, attempt_id: int, permission_id: int, balance_yen: int
) -> None:
    """Amazon's balance is lower than our own view: its figure is the room that is left.

    It holds for the months the refused attempt could have counted in.
    """
    months = select(cap_holds.c.month).where(cap_holds.c.attempt_id == attempt_id)
    taken = cap_months.c.used_yen + cap_months.c.held_yen
    connection.execute(
        update(cap_months)
        .where(cap_months.c.permission_id == permission_id, cap_months.c.month.in_(months))
        .where(cap_months.c.limit_yen > taken + balance_yen)
        .values(limit_yen=taken + balance_yen, learned_limit_yen=taken + balance_yen)
    )
