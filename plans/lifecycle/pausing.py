"""Pause and resume."""

from __future__ import annotations

from datetime import date

from plans.calendar import AnchorRule, cycle_on_or_after
from plans.lifecycle.changes import PauseChange
from plans.lifecycle.commands import PaidDays, Pause, Resume
from plans.lifecycle.context import Context
from plans.lifecycle.effects import resumed
from plans.lifecycle.facts import Fact, PauseEndMoved
from plans.lifecycle.refusals import AlreadyDone, Conflict, Refused, WrongMoment
from plans.lifecycle.scheduling import carry_out, check_not_past, effective_date
from plans.lifecycle.subscription import Subscription, present, start_of
from plans.lifecycle.terms import check_count
from plans.lifecycle.values import PauseCause, PermissionState, ResumeMode, Timing

__all__ = ["check_can_charge_again", "pause", "resume"]


def pause(subscription: Subscription, command: Pause, context: Context) -> tuple[Fact, ...]:
    """Stop charging and serving, now or from a date on."""
    due = effective_date(
        subscription, timing=command.timing, on_date=command.on_date, on=context.on
    )
    until = _until(subscription, command, due)
    _check_mode(subscription, command.mode)
    change = PauseChange(
        until=until,
        mode=command.mode,
        cause=PauseCause.REQUESTED,
        banks_days=command.paid_days is PaidDays.BANK,
    )
    bound = command.timing is Timing.PERIOD_END or command.cycles is not None
    return carry_out(subscription, change, due=due, bound=bound, context=context)


def resume(subscription: Subscription, command: Resume, context: Context) -> tuple[Fact, ...]:
    """End the pause now, or set the date it ends on."""
    running = present(subscription.pause, field="pause")
    mode = command.mode or running.mode
    check_can_charge_again(subscription)
    if command.on_date is None or command.on_date == context.on:
        return (resumed(subscription, on=context.on, mode=mode),)
    check_not_past("on_date", command.on_date, on=context.on)
    _check_mode(subscription, mode)
    if (command.on_date, mode) == (running.until, running.mode):
        raise AlreadyDone(
            field="on_date", value=command.on_date.isoformat(), rule="the pause ends that day"
        )
    for entry in subscription.queue:
        if isinstance(entry.change, PauseChange) and entry.on < command.on_date:
            raise Conflict(
                code="pause_in_pause",
                field="on_date",
                value=command.on_date.isoformat(),
                rule=f"{entry.id} pauses from {entry.on}",
                undo=entry.id,
            )
    return (PauseEndMoved(command.on_date, mode),)


def check_can_charge_again(subscription: Subscription) -> None:
    """Refuse to go on where Amazon will not let us charge for it; raises Refused."""
    permission, pause = subscription.permission, subscription.pause
    stopped_by_it = pause is not None and pause.cause is PauseCause.PERMISSION
    if permission.state is PermissionState.CLOSED or (
        stopped_by_it and not subscription.chargeable
    ):
        raise Refused(
            code="permission",
            field="permission",
            value=permission.state.value,
            rule=f"the charge permission cannot be charged ({permission.reason})",
            remedy="let the customer choose a payment method at Amazon first",
        )


def _until(subscription: Subscription, command: Pause, due: date) -> date | None:
    """Give the first day of service after the pause, None until somebody resumes."""
    if command.cycles is not None and command.until is not None:
        raise Refused(
            code="bad_input",
            field="until",
            value=command.until.isoformat(),
            rule="a pause lasts for cycles or until a date",
            remedy="give one of the two",
        )
    if command.cycles is not None:
        check_count("cycles", command.cycles)
        reached = cycle_on_or_after(
            anchor=subscription.anchor, interval=subscription.interval, on=due
        )
        return start_of(subscription, max(subscription.next_cycle, reached) + command.cycles)
    if command.until is not None and command.until <= due:
        raise WrongMoment(
            field="until",
            value=command.until.isoformat(),
            rule=f"the pause begins on {due}",
            remedy="give a later date",
        )
    return command.until


def _check_mode(subscription: Subscription, mode: ResumeMode) -> None:
    """Cycles that start on every month's last day cannot restart on another one."""
    if mode is ResumeMode.RESTART and subscription.anchor_rule is AnchorRule.LAST_DAY:
        raise Refused(
            code="cannot_restart",
            field="mode",
            value=mode.value,
            rule="cycles of this plan start on the last day of the month",
            remedy="resume with the same anchor",
        )
