"""Invariants that are checked at the moment a request reaches Amazon, or has its effect."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from simulation import shipping
from simulation.books import instant_of
from simulation.calendar import SOLD, due_at, start_of
from simulation.derived import derived_key
from simulation.view import SKEW_ALLOWED, View
from simulation.world import SECOND, instant, moment

_ATTEMPT = """SELECT a.id, a.idempotency_key, a.body, a.number, a.intended_at,
s.cycle, s.purpose, s.shipped_on, o.external_id, o.id AS owner_id, p.amazon_id AS permission
FROM attempt a JOIN charge_permission p ON p.id = a.permission_id
JOIN slot s ON s.id = a.slot_id JOIN subscription o ON o.id = s.subscription_id
WHERE a.merchant_id = 'shop' AND a.idempotency_key = ?"""
_REFUND = """SELECT id, body, state FROM refund
WHERE merchant_id = 'shop' AND idempotency_key = ?"""
_STOPPED = """SELECT MIN(at) AS at FROM subscription_event WHERE subscription_id = ?1
AND state_after IN ('paused', 'canceled') AND id > COALESCE((SELECT MAX(id)
FROM subscription_event WHERE subscription_id = ?1
AND state_after NOT IN ('paused', 'canceled')), 0)"""
_ROOM = """SELECT m.used_yen + m.held_yen AS yen FROM cap_month m
JOIN charge_permission p ON p.id = m.permission_id
WHERE p.merchant_id = 'shop' AND p.amazon_id = ? AND m.month = ?"""
_FAR_OFF = 120 * SECOND
_LONGEST_JUMP = timedelta(hours=26)


class Arrivals:
    """Told by the network of each request that reached Amazon, and of what Amazon answered."""

    def __init__(self, view: View) -> None:
        self._view = view

    def arrived(self, operation: str, about: str, key: str | None, body: bytes) -> None:
        """Before Amazon looks at the request; `about` is the id in its address."""
        self._view.arrivals.setdefault(operation, []).append(self._view.world.now)
        if key is not None:
            self.invariant_32_old_and_new_together(key, body)
        if operation in (shipping.CAPTURE, shipping.CANCEL):
            shipping.arrived(self._view, operation, about, key, body)
        if key is None:
            return
        if operation == shipping.CAPTURE:
            self.invariant_04_one_body_per_key(key, body)
            return
        is_charge = operation == "POST charges"
        found = self._view.rows(_ATTEMPT if is_charge else _REFUND, key)
        self.invariant_03_no_send_without_intent(key, body, found)
        is_first = key not in self._view.bodies
        self.invariant_04_one_body_per_key(key, body)
        if is_charge and found and is_first:
            self._first_arrival(found[0])
            shipping.invariant_41_goods_are_not_taken_at_once(self._view, found[0], body)

    def _first_arrival(self, attempt: dict[str, Any]) -> None:
        self.invariant_03_derived_key(attempt)
        self.invariant_29_no_new_key_while_reconciling(attempt)
        task = self._view.world.current
        if task is not None and abs(task.process.skew) > _FAR_OFF:
            self.invariant_13_not_before_due(attempt, early=_LONGEST_JUMP)
            return
        self.invariant_12_not_after_a_stop(attempt)
        self.invariant_13_not_before_due(attempt, early=SKEW_ALLOWED)
        self.invariant_30_no_new_key_under_the_brake(attempt)

    def invariant_03_no_send_without_intent(
        self, key: str, body: bytes, found: list[dict[str, Any]]
    ) -> None:
        """What arrives was committed in the books before, byte for byte."""
        if not found and self._view.went_back:
            return  # sent before the books were lost, and late
        if not found:
            self._view.broken("invariant_03", f"key {key} is not in the books")
        elif bytes(found[0]["body"]) != body:
            self._view.broken("invariant_03", f"key {key} came with other bytes than intended")

    def invariant_03_derived_key(self, attempt: dict[str, Any]) -> None:
        """The key is the one that what is charged derives, also after a restored backup."""
        key = derived_key(attempt, attempt["purpose"], self._view.setting.environment)
        if key != attempt["idempotency_key"]:
            self._view.broken("invariant_03", f"{attempt['idempotency_key']} is not {key}")

    def invariant_04_one_body_per_key(self, key: str, body: bytes) -> None:
        """All requests under one key are the same bytes."""
        if self._view.bodies.setdefault(key, body) != body:
            self._view.broken("invariant_04", f"key {key} came with two bodies")

    def invariant_32_old_and_new_together(self, key: str, body: bytes) -> None:
        """A key that one program began is sent by the other with the very bytes.

        All other invariants are those of every world; this one has an old and a new program. It is
        asked first: what differs between two programs is no replay gone wrong within one (3, 4).
        """
        if self._view.old_program is None:
            return
        old = self._view.old_program()
        if self._view.sent_by.setdefault(key, old) is not old:
            self._view.world.trace(f"key {key} sent by the other program")
            self._view.taken_over += 1
            if self._view.bodies.get(key, body) != body:
                self._view.broken("invariant_32", f"key {key} is spelled by two programs")

    def invariant_12_not_after_a_stop(self, attempt: dict[str, Any]) -> None:
        """Nothing is intended for an agreement that was paused or had ended."""
        if attempt["purpose"].startswith("end-"):
            return
        (row,) = self._view.rows(_STOPPED, attempt["owner_id"])
        if row["at"] is None:
            return
        margin = 2 * timedelta(seconds=self._view.setting.skew_seconds) + timedelta(seconds=1)
        if instant_of(row["at"]) + margin < instant_of(attempt["intended_at"]):
            self._view.broken(
                "invariant_12", f"{attempt['external_id']} stopped {row['at']}, charged after it"
            )

    def invariant_13_not_before_due(self, attempt: dict[str, Any], *, early: timedelta) -> None:
        """A cycle is not charged before it begins, by the oracle's calendar and true time.

        A clock that is far off may charge too early, but never by more than a jump that passes.
        """
        person = self._view.people.get(attempt["external_id"])
        if person is None or person.name in self._view.touched:
            return
        plan = SOLD[person.plan]
        on = start_of(plan, anchor=person.anchor, day=person.anchor_day, cycle=attempt["cycle"])
        due = due_at(on, hour=self._view.setting.charge_hour)
        if instant(self._view.world.now) < due - early:
            self._view.broken(
                "invariant_13", f"{person.name} cycle {attempt['cycle']} before {due}"
            )

    def invariant_29_no_new_key_while_reconciling(self, attempt: dict[str, Any]) -> None:
        """Books from a backup are compared with Amazon before anything new is begun."""
        since = self._view.reconciling_since
        if since is not None and moment(instant_of(attempt["intended_at"])) >= since:
            self._view.broken("invariant_29", f"{attempt['external_id']} has a new key")

    def invariant_30_no_new_key_under_the_brake(self, attempt: dict[str, Any]) -> None:
        """While the brake is pulled only keys of before are sent."""
        found = self._view.rows("SELECT pulled_at FROM brake WHERE pulled_at IS NOT NULL")
        if not found:
            return
        margin = SKEW_ALLOWED + 2 * timedelta(seconds=self._view.setting.skew_seconds)
        if instant_of(attempt["intended_at"]) > instant_of(found[0]["pulled_at"]) + margin:
            self._view.broken("invariant_30", f"{attempt['external_id']} intended under the brake")

    def answered(self, operation: str, key: str | None, answer: tuple[int, Any]) -> None:
        """Once Amazon has decided."""
        code = answer[1].get("reasonCode")
        if code == "DuplicateIdempotencyKey":
            self.invariant_05_no_duplicate_key(key)
        if operation == shipping.CAPTURE and code == "TransactionAmountExceeded":
            self._view.broken("invariant_41", f"capture {key} is above its charge")
        if operation == "POST refunds" and code == "TransactionAmountExceeded":
            self.invariant_18_refunds_within_the_charge(key)
        if operation != "POST charges" or key is None:
            return
        if code == "PeriodicAmountExceeded":
            self.invariant_08_the_plan_fits_the_cap(key)
        charge = self._view.amazon.by_key.get(key)
        if charge is not None:
            self.invariant_01_charged_once(charge.reference)
            self.invariant_08_our_view_is_not_lower(charge.permission, charge.month)

    def invariant_05_no_duplicate_key(self, key: str | None) -> None:
        """Amazon never says that a key was used for something else."""
        self._view.broken("invariant_05", f"key {key}")

    def invariant_18_refunds_within_the_charge(self, key: str | None) -> None:
        """No refund asks for more than is left of its charge."""
        self._view.broken("invariant_18", f"refund {key} is above its charge")

    def invariant_01_charged_once(self, reference: str) -> None:
        """At most one charge of a slot holds money."""
        alive = [c for c in self._view.amazon.by_reference[reference] if c.alive]
        if len(alive) > 1:
            self._view.broken("invariant_01", f"{reference} has {[c.id for c in alive]}")

    def invariant_08_the_plan_fits_the_cap(self, key: str) -> None:
        """Amazon never has to refuse a charge for the cap."""
        (row,) = self._view.rows(
            "SELECT p.amazon_id FROM attempt a JOIN charge_permission p ON p.id = a.permission_id "
            "WHERE a.merchant_id = 'shop' AND a.idempotency_key = ?",
            key,
        )
        permission = self._view.amazon.permissions[row["amazon_id"]]
        if permission.id in self._excused():
            return
        self._view.broken("invariant_08", f"PeriodicAmountExceeded for {permission.id}")

    def invariant_08_our_view_is_not_lower(self, permission: str, month: str) -> None:
        """What our books hold or used of a month covers what Amazon took of it."""
        if permission in self._excused():
            return
        taken = self._view.amazon.taken[permission, month]
        found = self._view.rows(_ROOM, permission, month)
        ours = found[0]["yen"] if found else 0
        if ours < taken:
            self._view.broken(
                "invariant_08", f"{permission} {month}: Amazon took {taken}, we count {ours}"
            )

    def _excused(self) -> set[str]:
        task = self._view.world.current
        if task is not None and abs(task.process.skew) > _FAR_OFF:
            # By a clock that is hours off nobody can tell the month: the whole world is excused.
            self._view.wrong_clock.update(self._view.amazon.permissions)
        return self._view.wrong_clock
