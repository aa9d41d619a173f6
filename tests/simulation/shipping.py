"""Invariants of goods: nothing is taken before its shipment, and no authorisation ends twice.

Checked when a capture or a cancellation reaches Amazon, and in the scans of the books.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

from simulation.books import instant_of
from simulation.calendar import SOLD
from simulation.derived import derived_key
from simulation.view import SKEW_ALLOWED, View
from simulation.world import instant, moment

CAPTURE: Final = "POST charges/capture"
CANCEL: Final = "DELETE charges/cancel"
_LEASE: Final = timedelta(seconds=60)
_STUCK_AFTER: Final = timedelta(hours=26)

_ACT = """SELECT c.idempotency_key, c.body, c.kind, c.amount_yen, c.requested_at, c.look_at,
a.charge_id, a.number, s.cycle, s.purpose, s.shipped_on, s.reference, s.amount_yen AS shipped_yen,
o.external_id FROM act c JOIN attempt a ON a.id = c.attempt_id JOIN slot s ON s.id = a.slot_id
JOIN subscription o ON o.id = s.subscription_id WHERE c.merchant_id = 'shop' AND {}"""
_BY_KEY: Final = _ACT.format("c.idempotency_key = ?")
_BY_CHARGE: Final = _ACT.format("c.kind = 'cancel' AND a.charge_id = ?")


def arrived(view: View, operation: str, charge_id: str, key: str | None, body: bytes) -> None:
    """A capture or a cancellation, before Amazon looks at it."""
    asked = (_BY_KEY, key) if operation == CAPTURE else (_BY_CHARGE, charge_id)
    found = view.rows(*asked)
    if not found:
        if not view.went_back:
            view.broken("invariant_03", f"{operation} of {charge_id} is not in the books")
        return
    (act,) = found
    invariant_03_of_acts(view, act, charge_id, key, body)
    if (operation, charge_id) in view.acted:
        return
    view.acted.add((operation, charge_id))
    invariant_30_no_new_act_under_the_brake(view, act)
    if operation == CAPTURE:
        invariant_41_only_what_was_shipped(view, act, body)


def invariant_03_of_acts(
    view: View, act: dict[str, Any], charge_id: str, key: str | None, body: bytes
) -> None:
    """What arrives was committed before: this charge, these bytes, the derived key."""
    if bytes(act["body"]) != body or act["charge_id"] != charge_id:
        view.broken("invariant_03", f"{act['reference']} came with other bytes than intended")
    derived = derived_key(act, f"{act['purpose']}/{act['kind']}-1", view.setting.environment)
    if derived != act["idempotency_key"] or key not in (None, derived):
        view.broken("invariant_03", f"{key} is not {derived}")


def invariant_30_no_new_act_under_the_brake(view: View, act: dict[str, Any]) -> None:
    """While the brake is pulled, or books are compared, no act is begun."""
    margin = SKEW_ALLOWED + 2 * timedelta(seconds=view.setting.skew_seconds)
    claimed = instant_of(act["look_at"]) - _LEASE
    for row in view.rows("SELECT pulled_at FROM brake WHERE pulled_at IS NOT NULL"):
        if claimed > instant_of(row["pulled_at"]) + margin:
            view.broken("invariant_30", f"{act['reference']} was begun under the brake")
    since = view.reconciling_since
    if since is not None and moment(claimed) > since + margin // timedelta(microseconds=1):
        view.broken("invariant_29", f"{act['reference']} was begun while books were compared")


def invariant_41_only_what_was_shipped(view: View, act: dict[str, Any], body: bytes) -> None:
    """A capture asks for what was shipped, and only once something was."""
    asked = int(json.loads(body)["captureAmount"]["amount"])
    if act["shipped_on"] is None:
        view.broken("invariant_41", f"{act['reference']} is captured and was not shipped")
    elif asked != act["shipped_yen"]:
        view.broken("invariant_41", f"{act['reference']}: {asked}, shipped {act['shipped_yen']}")


def invariant_41_goods_are_not_taken_at_once(
    view: View, attempt: dict[str, Any], body: bytes
) -> None:
    """A renewal of goods is authorised; only what has left may be charged at once."""
    person = view.people.get(attempt["external_id"])
    if person is None or person.name in view.touched or not SOLD[person.plan].shipped:
        return
    if attempt["purpose"] != "renewal" or not json.loads(body).get("captureNow", True):
        return
    if attempt["shipped_on"] is None:
        view.broken("invariant_41", f"{person.name} cycle {attempt['cycle']} is taken at once")


def invariant_41_captured_was_shipped(view: View) -> None:
    """What was authorised and is captured has left; books from a backup may have lost the day."""
    if not view.went_back:
        view.none(
            "invariant_41",
            "SELECT s.reference FROM attempt a JOIN slot s ON s.id = a.slot_id WHERE "
            "a.state = 'captured' AND a.authorized_yen IS NOT NULL AND s.shipped_on IS NULL",
        )


def invariant_42_one_end_of_each_authorisation(view: View) -> None:
    """An authorised charge is captured or cancelled or waits: books and acts say the same."""
    view.none(
        "invariant_42",
        "SELECT c.reference, c.state, a.state AS charge FROM act c JOIN attempt a "
        "ON a.id = c.attempt_id WHERE (c.kind, c.state, a.state) IN (VALUES "
        "('capture', 'done', 'authorized'), ('capture', 'done', 'canceled'), "
        "('capture', 'declined', 'captured'), ('cancel', 'done', 'captured'), "
        "('cancel', 'done', 'authorized'))",
    )
    view.none(
        "invariant_42",
        "SELECT slot_id, COUNT(*) FROM attempt WHERE state IN ('intended', 'in_doubt', 'pending', "
        "'authorized', 'captured') GROUP BY slot_id HAVING COUNT(*) > 1",
    )


def invariant_33_goods_are_not_forgotten(view: View) -> None:
    """What was shipped is captured or declined; what was not is authorised anew in time."""
    late = f"{instant(view.world.now) - _STUCK_AFTER:%Y-%m-%d %H:%M:%S.%f}"
    view.none(
        "invariant_34",
        "SELECT reference, kind, state FROM act WHERE state IN ('intended', 'in_doubt', 'pending') "
        "AND requested_at < ?",
        late,
    )
    view.none(
        "invariant_33",
        "SELECT s.reference, a.lapses_at FROM attempt a JOIN slot s ON s.id = a.slot_id "
        "WHERE a.state = 'authorized' AND s.state = 'authorized' AND a.lapses_at < ?",
        late,
    )
