"""Refusals of the life cycle: each has a `code` for programs beside field, value, rule and remedy.

Refused
├── NotInThisState       the table does not allow the command in this state
├── NotForThisActor      a customer cannot report a charge, Amazon cannot pause
├── AlreadyDone          nothing would change
├── OutOfOrder           a report that does not fit what was reported before
├── WrongMoment          instant and civil date do not belong together, or lie in the past
├── UnknownSchedule      no waiting change of that id
├── Conflict             a waiting change stands in the way; says which to undo
├── StillNeeded          an undo that would break a later change; says which
├── ReasonNeeded         staff override a guard only with a reason
└── GuardRefused         a guard for customers, which staff may override
    ├── MinimumTermOpen  paid cycles are still owed; holds count and fee
    └── DeadlinePassed   too late for the coming charge; holds the deadline
"""

from __future__ import annotations

from datetime import date

from plans.errors import BadInput
from plans.lifecycle.states import SubscriptionState

__all__ = [
    "AlreadyDone",
    "Conflict",
    "DeadlinePassed",
    "GuardRefused",
    "MinimumTermOpen",
    "NotForThisActor",
    "NotInThisState",
    "OutOfOrder",
    "ReasonNeeded",
    "Refused",
    "StillNeeded",
    "UnknownSchedule",
    "WrongMoment",
]


class Refused(BadInput):
    """A command that is not carried out; `code` is stable and meant for programs."""

    def __init__(self, *, code: str, field: str, value: object, rule: str, remedy: str) -> None:
        self.code = code
        super().__init__(field=field, value=value, rule=rule, remedy=remedy)


class NotInThisState(Refused):
    """The table of states and commands does not allow it."""

    def __init__(
        self, *, code: str, command: str, state: SubscriptionState | None, rule: str, remedy: str
    ) -> None:
        self.command = command
        self.state = state
        super().__init__(
            code=code,
            field="state",
            value=None if state is None else state.value,
            rule=f"{command} is not possible: {rule}",
            remedy=remedy,
        )


class NotForThisActor(Refused):
    """Somebody who may not give this command gave it."""

    def __init__(self, *, command: str, actor: str, allowed: tuple[str, ...]) -> None:
        super().__init__(
            code="actor_not_allowed",
            field="actor",
            value=actor,
            rule=f"{command} is given by {', '.join(allowed)} only",
            remedy="use the command that is meant for this actor",
        )


class AlreadyDone(Refused):
    """Carrying it out would change nothing; a repeated report is safe to ignore."""

    def __init__(self, *, field: str, value: object, rule: str) -> None:
        super().__init__(
            code="already_done", field=field, value=value, rule=rule, remedy="nothing is left to do"
        )


class OutOfOrder(Refused):
    """A report of the engine that does not fit the subscription's books."""


class WrongMoment(Refused):
    """Time and date of a command contradict each other, or the date asked for is past."""

    def __init__(self, *, field: str, value: object, rule: str, remedy: str) -> None:
        super().__init__(code="wrong_moment", field=field, value=value, rule=rule, remedy=remedy)


class UnknownSchedule(Refused):
    """No change of that id is waiting."""

    def __init__(self, *, schedule_id: str, waiting: tuple[str, ...]) -> None:
        super().__init__(
            code="unknown_schedule",
            field="schedule_id",
            value=schedule_id,
            rule="no change of that id is waiting; one in force cannot be undone",
            remedy=f"use one of: {', '.join(waiting) or '(none)'}",
        )


class Conflict(Refused):
    """A waiting change stands in the way; `undo` names what to undo first."""

    def __init__(self, *, code: str, field: str, value: object, rule: str, undo: str) -> None:
        self.undo = undo
        super().__init__(
            code=code,
            field=field,
            value=value,
            rule=rule,
            remedy=f"undo {undo} first, then ask again",
        )


class StillNeeded(Refused):
    """Another waiting change depends on the one that would be undone."""

    def __init__(self, *, schedule_id: str, needed_by: str, why: str) -> None:
        self.needed_by = needed_by
        super().__init__(
            code="still_needed",
            field="schedule_id",
            value=schedule_id,
            rule=f"{needed_by} depends on it: {why}",
            remedy=f"undo {needed_by} first",
        )


class ReasonNeeded(Refused):
    """Staff may override a guard, but the books must say why."""

    def __init__(self, *, guards: tuple[str, ...]) -> None:
        self.guards = guards
        super().__init__(
            code="reason_needed",
            field="reason",
            value="",
            rule=f"overriding {', '.join(guards)} needs a reason",
            remedy="say in a few words why, it is recorded",
        )


class GuardRefused(Refused):
    """A rule for customers; staff may override it with a reason."""


class MinimumTermOpen(GuardRefused):
    """The customer agreed to more paid cycles; says how many are left and what leaving costs."""

    def __init__(self, *, remaining_cycles: int, fee_yen: int | None, remedy: str) -> None:
        self.remaining_cycles = remaining_cycles
        self.fee_yen = fee_yen
        fee = "" if fee_yen is None else f"; the fee for leaving now is ¥{fee_yen:,}"
        super().__init__(
            code="minimum_term",
            field="remaining_cycles",
            value=remaining_cycles,
            rule=f"paid cycles of the minimum term are still owed on that date{fee}",
            remedy=remedy,
        )


class DeadlinePassed(GuardRefused):
    """The coming charge can no longer be changed; `deadline` was the last day (until 23:59)."""

    def __init__(self, *, deadline: date, charge_on: date) -> None:
        self.deadline = deadline
        self.charge_on = charge_on
        super().__init__(
            code="deadline_passed",
            field="on",
            value=deadline.isoformat(),
            rule=f"the charge of {charge_on} could be changed until {deadline} 23:59",
            remedy=f"choose a date after {charge_on}",
        )
