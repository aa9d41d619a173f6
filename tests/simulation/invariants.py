"""Invariants over the whole books, compared with the oracle; numbers as in docs/simulation.md.

Safety ones hold at every moment and are scanned every few virtual days; liveness ones hold once
the faults have ended and things have settled.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from simulation.aside import invariant_37_no_false_quarantine
from simulation.books import instant_of
from simulation.calendar import SOLD, due_at, price_of, start_of
from simulation.shipping import (
    invariant_33_goods_are_not_forgotten,
    invariant_41_captured_was_shipped,
    invariant_42_one_end_of_each_authorisation,
)
from simulation.told import (
    invariant_23_permissions_equal_amazon,
    invariant_26_everybody_was_told,
)
from simulation.view import View
from simulation.world import SECOND, instant

_FINAL: Final = {
    "attempt": "('captured', 'declined', 'refused')",
    "slot": "('paid', 'uncollectible')",
    "refund": "('refunded', 'declined')",
}
_STUCK_AFTER: Final = timedelta(hours=26)
_INTENDED: Final = """SELECT idempotency_key AS k, COALESCE(authorized_yen, amount_yen) AS yen
FROM attempt"""
_OPEN_KEYS: Final = """SELECT a.idempotency_key AS k FROM attempt a
WHERE a.state IN ('intended', 'in_doubt', 'pending') OR (a.state = 'authorized' AND EXISTS
(SELECT 1 FROM act c WHERE c.attempt_id = a.id AND c.state IN ('intended', 'in_doubt', 'pending')))
"""


def invariant_01_charged_once(view: View) -> None:
    """For each slot at most one charge at Amazon holds money."""
    for reference, charges in view.amazon.by_reference.items():
        if sum(charge.alive for charge in charges) > 1:
            view.broken("invariant_01", f"{reference} was charged twice")


def invariant_02_one_key_in_flight(view: View) -> None:
    """For each slot at most one key is under way or in doubt."""
    view.none(
        "invariant_02",
        "SELECT slot_id, COUNT(*) AS keys FROM attempt "
        "WHERE state IN ('intended', 'in_doubt', 'pending') GROUP BY slot_id HAVING COUNT(*) > 1",
    )


def invariant_06_next_try_after_a_definite_no(view: View) -> None:
    """A further attempt exists only where every earlier one has a definite no."""
    view.none(
        "invariant_06",
        "SELECT b.slot_id, b.number FROM attempt b JOIN attempt a ON a.slot_id = b.slot_id "
        "AND a.number < b.number WHERE a.state NOT IN ('declined', 'refused', 'canceled')",
    )


def invariant_07_no_effect_denied(view: View) -> None:
    """No attempt counts as a no while Amazon holds money for its key."""
    sql = """SELECT idempotency_key AS k FROM attempt
    WHERE state IN ('declined', 'refused', 'canceled')"""
    for row in view.rows(sql):
        charge = view.amazon.by_key.get(row["k"])
        if charge is not None and charge.alive:
            view.broken("invariant_07", f"{charge.reference}: {charge.id} is {charge.state}")


def invariant_08_months_cover_amazon(view: View) -> None:
    """No month of a permission is above its limit, and our view is never below the truth."""
    ours = {
        (row["p"], row["month"]): row["yen"]
        for row in view.rows(
            "SELECT p.amazon_id AS p, m.month, m.used_yen + m.held_yen AS yen FROM cap_month m "
            "JOIN charge_permission p ON p.id = m.permission_id"
        )
    }
    for (permission, month), taken in view.amazon.taken.items():
        if taken > view.amazon.permissions[permission].limit:
            view.broken("invariant_08", f"{permission} {month}: {taken} yen taken")
        if permission in view.wrong_clock or view.reconciling_since is not None:
            continue  # books from a backup lack what is being looked for; nothing begins (29)
        if ours.get((permission, month), 0) < taken:
            view.broken("invariant_08", f"{permission} {month}: Amazon took {taken} yen")


def invariant_09_room_within_the_cap(view: View) -> None:
    """What is used and held of a month is never above the cap."""
    view.none(
        "invariant_09",
        "SELECT * FROM cap_month WHERE used_yen + held_yen > ?",
        view.setting.cap_yen,
    )


def invariant_10_room_released_once(view: View) -> None:
    """Each month's room is the sum of its holds, and a hold ends with its attempt alone."""
    view.none(
        "invariant_10",
        "SELECT h.* FROM cap_hold h JOIN attempt a ON a.id = h.attempt_id WHERE h.state <> "
        "CASE a.state WHEN 'captured' THEN 'used' WHEN 'declined' THEN 'released' "
        "WHEN 'refused' THEN 'released' WHEN 'canceled' THEN ? ELSE 'held' END",
        "used" if view.setting.cap_of_canceled == "kept" else "released",
    )
    view.none(
        "invariant_10",
        "SELECT m.permission_id, m.month, m.used_yen, m.held_yen FROM cap_month m LEFT JOIN "
        "cap_hold h ON h.permission_id = m.permission_id AND h.month = m.month GROUP BY 1, 2 "
        "HAVING m.used_yen <> TOTAL(CASE h.state WHEN 'used' THEN h.amount_yen END) "
        "OR m.held_yen <> TOTAL(CASE h.state WHEN 'held' THEN h.amount_yen END)",
    )


def invariant_11_amounts(view: View) -> None:
    """Amazon took what was intended; the slots of an invoice are its total; plain prices hold."""
    for row in view.rows(_INTENDED):
        charge = view.amazon.by_key.get(row["k"])
        if charge is not None and charge.amount != row["yen"]:
            view.broken("invariant_11", f"{charge.reference}: {charge.amount} not {row['yen']}")
    view.none(
        "invariant_11",
        "SELECT i.number, i.total_yen FROM invoice i JOIN slot s ON s.invoice_id = i.id "
        "WHERE i.state <> 'void' GROUP BY i.id HAVING SUM(s.amount_yen) <> "
        "i.total_yen - i.offset_yen",
    )
    for row in view.rows(
        "SELECT i.total_yen AS yen, i.cycle, o.external_id AS name FROM invoice i "
        "JOIN subscription o ON o.id = i.subscription_id WHERE i.purpose = 'renewal'"
    ):
        person = view.people[row["name"]]
        if person.name in view.touched:
            continue
        plan = SOLD[person.plan]
        yen = price_of(plan, quantity=person.quantity, cycle=row["cycle"], first_cycle=0)
        if yen != row["yen"]:
            view.broken("invariant_11", f"{person.name} cycle {row['cycle']}: {row['yen']} yen")


def invariant_14_cycles_by_number(view: View) -> None:
    """Cycles follow one another without gap, and every date is counted from the anchor."""
    view.none(
        "invariant_14",
        "SELECT subscription_id FROM invoice WHERE purpose = 'renewal' GROUP BY subscription_id "
        "HAVING COUNT(*) <> MAX(cycle) - MIN(cycle) + 1 AND subscription_id NOT IN "
        "(SELECT subscription_id FROM agreement UNION SELECT subscription_id "
        "FROM subscription_event WHERE kind = 'resumed')",
    )
    for row in view.rows(
        "SELECT external_id AS name, next_cycle AS cycle, due_at, state FROM subscription"
    ):
        person = view.people[row["name"]]
        if person.name in view.touched or row["due_at"] is None or row["state"] == "paused":
            continue
        plan = SOLD[person.plan]
        on = start_of(plan, anchor=person.anchor, day=person.anchor_day, cycle=row["cycle"])
        if instant_of(row["due_at"]) != due_at(on, hour=view.setting.charge_hour):
            view.broken("invariant_14", f"{person.name} cycle {row['cycle']} due {row['due_at']}")


def invariant_14_next_cycle_after_payment(view: View) -> None:
    """The cycle's number has gone up exactly where its invoice is settled."""
    view.none(
        "invariant_14",
        "SELECT o.external_id, i.cycle, i.state, o.next_cycle FROM invoice i JOIN subscription o "
        "ON o.id = i.subscription_id WHERE i.purpose = 'renewal' AND o.id NOT IN "
        "(SELECT subscription_id FROM agreement) AND ((i.state = 'open' AND "
        "o.next_cycle <> i.cycle) OR (i.state IN ('paid', 'uncollectible') "
        "AND o.next_cycle <= i.cycle))",
    )


def invariant_15_final_stays_final(view: View) -> None:
    """A final state is never left, except that a person is called for a contradiction."""
    for table, words in _FINAL.items():
        sql = f"SELECT id, state FROM {table}"
        now = {row["id"]: row["state"] for row in view.rows(sql)}
        for (kind, row_id), state in view.final.items():
            if kind == table and now.get(row_id) not in (state, "quarantined"):
                view.broken("invariant_15", f"{table} {row_id}: {state} → {now.get(row_id)}")
        ended = {row_id: state for row_id, state in now.items() if f"'{state}'" in words}
        view.final.update({(table, row_id): state for row_id, state in ended.items()})


def invariant_16_ledger(view: View) -> None:
    """Every journal sums to zero, and what was booked before is still there."""
    view.none(
        "invariant_16",
        "SELECT journal_id, SUM(amount_yen) FROM posting GROUP BY journal_id "
        "HAVING SUM(amount_yen) <> 0",
    )
    last = view.ledger.get("last", 0)
    sql = (
        "SELECT COUNT(*) AS n, TOTAL(journal_id * (7 + ABS(amount_yen))) AS h "
        "FROM posting WHERE journal_id <= ?"
    )
    (before,) = view.rows(sql, last)
    if last and int(before["h"]) != view.ledger["hash"]:
        view.broken("invariant_16", "booked postings were changed or removed")
    (newest,) = view.rows("SELECT COALESCE(MAX(id), 0) AS id FROM journal")
    (now,) = view.rows(sql, newest["id"])
    view.ledger.update(last=newest["id"], hash=int(now["h"]))


def invariant_17_cash_in_transit(view: View) -> None:
    """What Amazon owes us in the books is what was captured and not given back."""
    (booked,) = view.rows(
        "SELECT COALESCE(SUM(amount_yen), 0) AS yen FROM posting "
        "WHERE account = 'amazon_receivable'"
    )
    (captured,) = view.rows(
        "SELECT COALESCE(SUM(amount_yen), 0) AS yen FROM attempt WHERE state = 'captured'"
    )
    (refunded,) = view.rows(
        "SELECT COALESCE(SUM(amount_yen), 0) AS yen FROM refund WHERE state = 'refunded'"
    )
    if booked["yen"] != captured["yen"] - refunded["yen"]:
        view.broken("invariant_17", f"{booked['yen']} ≠ {captured['yen']} - {refunded['yen']} yen")


def invariant_17_captured_is_captured(view: View) -> None:
    """What counts as paid was captured at Amazon, yen for yen."""
    sql = "SELECT charge_id AS id, amount_yen AS yen FROM attempt WHERE state = 'captured'"
    for row in view.rows(sql):
        charge = view.amazon.charges.get(row["id"])
        if charge is None or charge.captured != row["yen"]:
            view.broken("invariant_17", f"{row['id']} counts as {row['yen']} yen")


def invariant_18_refunds_within_charges(view: View) -> None:
    """Refunds of a charge, those under way included, are never above it."""
    view.none(
        "invariant_18",
        "SELECT a.charge_id, a.amount_yen, SUM(r.amount_yen) FROM refund r JOIN attempt a "
        "ON a.id = r.attempt_id WHERE r.state <> 'declined' GROUP BY a.id "
        "HAVING SUM(r.amount_yen) > a.amount_yen",
    )
    for charge_id in view.amazon.refunds_of:
        if view.amazon.returned(charge_id) > view.amazon.charges[charge_id].captured:
            view.broken("invariant_18", f"{charge_id}: more went back than was captured")


def invariant_25_a_decline_was_said(view: View) -> None:
    """Only Amazon's own definite no makes a decline: no 429 (24), no 5xx, no silence."""
    sql = "SELECT idempotency_key AS k, state, reason_code FROM attempt WHERE state IN {}"
    for row in view.rows(sql.format("('declined', 'refused')")):
        charge = view.amazon.by_key.get(row["k"])
        if charge is not None and charge.state == "Declined":
            continue
        if charge is None and row["reason_code"] == "NoEffect":
            continue  # the janitor proved that nothing had come of it, and is right
        if row["reason_code"] not in view.amazon.refused.get(row["k"], ()):
            view.broken("invariant_25", f"key {row['k']}: Amazon never said {row['reason_code']}")
    view.none(
        "invariant_24",
        "SELECT s.reference, s.declines, COUNT(a.id) FROM slot s LEFT JOIN attempt a "
        "ON a.slot_id = s.id AND a.state IN ('declined', 'canceled') GROUP BY s.id "
        "HAVING s.declines > COUNT(a.id)",
    )


def invariant_26_charged_is_told_when_it_is(view: View) -> None:
    """The notice "charged" is written for each captured charge, and for no other."""
    view.none(
        "invariant_26",
        "SELECT s.reference FROM slot s JOIN notice n ON n.merchant_id = s.merchant_id "
        "AND n.dedup_key = s.reference || '/charged/0' "
        "WHERE s.state NOT IN ('paid', 'quarantined')",
    )
    view.none(
        "invariant_26",
        "SELECT s.reference FROM slot s WHERE s.state = 'paid' AND NOT EXISTS "
        "(SELECT 1 FROM notice n WHERE n.merchant_id = s.merchant_id "
        "AND n.dedup_key = s.reference || '/charged/0')",
    )


def invariant_28_pace(view: View) -> None:
    """In any window no more calls than burst and rate allow, and 1 % more."""
    if not view.setting.paced or view.setting.skew_seconds or view.setting.clock_jump:
        return
    burst, per_second = (10, 4) if view.setting.environment == "live" else (2, 1)
    interval = SECOND * 100 // (101 * per_second)
    earliest = 0
    for at in view.arrivals.get("POST charges", ()):
        earliest = max(earliest, at) + interval
        if earliest - at > (burst + 2) * interval:
            view.broken("invariant_28", f"too fast at {instant(at)}")
            return


SAFETY: Final[tuple[Callable[[View], None], ...]] = (
    invariant_01_charged_once,
    invariant_02_one_key_in_flight,
    invariant_06_next_try_after_a_definite_no,
    invariant_07_no_effect_denied,
    invariant_08_months_cover_amazon,
    invariant_09_room_within_the_cap,
    invariant_10_room_released_once,
    invariant_11_amounts,
    invariant_14_cycles_by_number,
    invariant_14_next_cycle_after_payment,
    invariant_15_final_stays_final,
    invariant_16_ledger,
    invariant_17_cash_in_transit,
    invariant_17_captured_is_captured,
    invariant_18_refunds_within_charges,
    invariant_25_a_decline_was_said,
    invariant_26_charged_is_told_when_it_is,
    invariant_28_pace,
    invariant_41_captured_was_shipped,
    invariant_42_one_end_of_each_authorisation,
)


def invariant_33_nothing_forgotten(view: View) -> None:
    """What was due a day ago was begun: cycles are open, slots are tried, moved or waiting."""
    late = f"{instant(view.world.now) - _STUCK_AFTER:%Y-%m-%d %H:%M:%S.%f}"
    view.none(
        "invariant_33",
        "SELECT external_id, due_at FROM subscription WHERE due_at < ? AND state <> 'canceled' "
        "AND id NOT IN (SELECT subscription_id FROM agreement WHERE pending_quote_id IS NOT NULL)",
        late,
    )
    view.none(
        "invariant_33",
        "SELECT s.reference, s.due_at FROM slot s JOIN subscription o "
        "ON o.id = s.subscription_id WHERE s.state = 'due' AND s.due_at < ? "
        "AND o.state NOT IN ('paused', 'canceled') AND s.permission_id NOT IN "
        "(SELECT permission_id FROM attempt WHERE state IN "
        "('intended', 'in_doubt', 'pending', 'authorized'))",
        late,
    )
    view.none(
        "invariant_33",
        "SELECT o.external_id, i.number FROM invoice i JOIN subscription o "
        "ON o.id = i.subscription_id WHERE i.state = 'open' AND NOT EXISTS "
        "(SELECT 1 FROM slot s WHERE s.invoice_id = i.id AND s.state IN "
        "('due', 'open', 'authorized', 'waiting_buyer', 'quarantined', 'refused'))",
    )
    if view.setting.dunning_end != "keep_open":
        view.none(
            "invariant_33",
            "SELECT reference, due_at FROM slot WHERE state = 'waiting_buyer' AND due_at < ?",
            late,
        )


def invariant_33_every_cycle_came(view: View) -> None:
    """Each plain agreement that still runs has had every cycle, by the oracle's calendar."""
    for row in view.rows(
        "SELECT o.external_id AS name, o.next_cycle AS cycle, o.state FROM subscription o "
        "WHERE o.state = 'active' AND o.due_at IS NOT NULL"
    ):
        person = view.people[row["name"]]
        if person.name in view.touched:
            continue
        plan = SOLD[person.plan]
        on = start_of(plan, anchor=person.anchor, day=person.anchor_day, cycle=row["cycle"])
        if due_at(on, hour=view.setting.charge_hour) < instant(view.world.now) - _STUCK_AFTER:
            view.broken("invariant_33", f"{person.name} stands at cycle {row['cycle']}")


def invariant_34_no_doubt_left(view: View) -> None:
    """Nothing is in doubt any more, except what a person was called for."""
    late = f"{instant(view.world.now) - _STUCK_AFTER:%Y-%m-%d %H:%M:%S.%f}"
    for row in view.rows(
        "SELECT s.reference, a.state FROM attempt a JOIN slot s "
        "ON s.id = a.slot_id WHERE a.state IN ('intended', 'in_doubt', 'pending') "
        "AND s.state <> 'quarantined' AND a.intended_at < ?",
        late,
    ):
        view.broken("invariant_34", f"{row['reference']} is still {row['state']}")


def invariant_35_books_equal_amazon(view: View) -> None:
    """Every charge and refund is the same in the books and at Amazon."""
    view.amazon.settle_due()
    ours = {
        row["id"]: row["yen"]
        for row in view.rows(
            "SELECT charge_id AS id, amount_yen AS yen FROM attempt WHERE state = 'captured'"
        )
    }
    open_keys = {row["k"] for row in view.rows(_OPEN_KEYS)}
    theirs = {
        charge.id: charge.captured
        for charge in view.amazon.charges.values()
        if charge.state == "Captured" and charge.key not in open_keys
    }
    if ours != theirs:
        only = sorted(set(ours.items()) ^ set(theirs.items()))
        view.broken("invariant_35", f"charges differ: {only[:3]}")
    _refunds_equal(view)


def _refunds_equal(view: View) -> None:
    ours = {
        row["k"]: row["yen"]
        for row in view.rows(
            "SELECT idempotency_key AS k, amount_yen AS yen FROM refund WHERE state = 'refunded'"
        )
    }
    late = instant(view.world.now) - _STUCK_AFTER
    theirs = {
        refund.key: refund.amount
        for refund in view.amazon.refunds.values()
        if refund.state == "Refunded" and instant(refund.settles_at) < late
    }
    lost = sorted(set(theirs.items()) - set(ours.items()))
    made_up = [key for key in ours if key not in view.amazon.refund_by_key]
    if lost or made_up:
        view.broken("invariant_35", f"refunds differ: lost {lost[:3]}, made up {made_up[:3]}")


def invariant_36_no_room_leaked(view: View) -> None:
    """Room is held only where an attempt is open."""
    view.none(
        "invariant_36",
        "SELECT m.* FROM cap_month m WHERE m.held_yen > 0 AND NOT EXISTS (SELECT 1 FROM attempt a "
        "WHERE a.permission_id = m.permission_id "
        "AND a.state IN ('intended', 'in_doubt', 'pending', 'authorized'))",
    )


LIVENESS: Final[tuple[Callable[[View], None], ...]] = (
    invariant_33_nothing_forgotten,
    invariant_33_every_cycle_came,
    invariant_33_goods_are_not_forgotten,
    invariant_34_no_doubt_left,
    invariant_35_books_equal_amazon,
    invariant_36_no_room_leaked,
    invariant_37_no_false_quarantine,
    invariant_23_permissions_equal_amazon,
    invariant_26_everybody_was_told,
)
