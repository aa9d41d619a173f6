"""From the words of the command line to commands of the life cycle.

Each function gives an `Asks`: what is asked once the subscription is known. Where no timing is
given, more takes effect now and less at the next renewal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import typer

from app.commands.asking import Asks, existing
from app.commands.subscription_words import queue_line
from app.problems import Refused
from billing.quotes import Situation, add_on_change, plan_change
from plans.lifecycle import (
    AddAddOn,
    AddCoupon,
    Cancel,
    ChangeAnchor,
    ChangeNextDate,
    Command,
    EndTrialEarly,
    ExtendTrial,
    PaidDays,
    Pause,
    Reactivate,
    Refund,
    RemoveAddOn,
    RemoveCoupon,
    Resume,
    ResumeMode,
    SkipCycles,
    Timing,
    Undo,
)

__all__ = [
    "Moment",
    "always",
    "moment_of",
    "to_add_on",
    "to_cancel",
    "to_change",
    "to_coupon",
    "to_pause",
    "to_plan",
    "to_quantity",
    "to_reactivate",
    "to_resume",
    "to_skip",
    "to_trial_end",
    "to_undo",
    "without_add_on",
    "without_coupon",
]

_TIMINGS = {"now": Timing.NOW, "renewal": Timing.PERIOD_END}


@dataclass(frozen=True, slots=True)
class Moment:
    """When a change takes effect; both None: as is usual for the change."""

    timing: Timing | None = None
    on_date: date | None = None

    def usual(self, timing: Timing) -> Timing:
        """The timing that was asked for, or else this one."""
        return self.timing or timing


def moment_of(when: str | None, on_date: date | None) -> Moment:
    """Read `--when` and `--on`; raises BadParameter when both are given."""
    if when is not None and on_date is not None:
        raise typer.BadParameter("give --on or --when, not both", param_hint="--on")
    if on_date is not None:
        return Moment(Timing.ON_DATE, on_date)
    return Moment() if when is None else Moment(_TIMINGS[when])


def to_plan(plan: str, *, quantity: int | None, moment: Moment) -> Asks:
    """Move to a plan; an upgrade is made now and everything else at renewal, unless told."""
    return lambda view, today: plan_change(
        view,
        plan_code=plan,
        on=today,
        quantity=quantity,
        timing=moment.timing,
        on_date=moment.on_date,
    )


def to_quantity(quantity: int, *, moment: Moment) -> Asks:
    """Set the seats on the plan as it is."""

    def ask(view: Situation, today: date) -> Command:
        plan = existing(view).plan_code
        return to_plan(plan, quantity=quantity, moment=moment)(view, today)

    return ask


def to_add_on(text: str, *, moment: Moment) -> Asks:
    """Read `CODE` or `CODE=N`: take an add-on, or set the number of one that is held."""
    code, mark, number = text.partition("=")
    if not code or (mark and not number.isascii()) or (mark and not number.isdigit()):
        raise typer.BadParameter(f"{text!r} is not CODE or CODE=N", param_hint="--add-on")
    count = int(number) if mark else 1

    def ask(view: Situation, today: date) -> Command:
        if not mark or not count:  # giving up has an option of its own: 0 is refused
            return AddAddOn(code, count, moment.usual(Timing.NOW), moment.on_date)
        return add_on_change(
            view, code=code, quantity=count, timing=moment.timing, on_date=moment.on_date
        )

    return ask


def without_add_on(code: str, *, moment: Moment) -> Asks:
    """Give an add-on up."""
    return always(RemoveAddOn(code, moment.usual(Timing.PERIOD_END), moment.on_date))


def to_coupon(code: str, *, moment: Moment) -> Asks:
    """Put a coupon on."""
    return always(AddCoupon(code, moment.usual(Timing.NOW), moment.on_date))


def without_coupon(code: str, *, moment: Moment) -> Asks:
    """Take a coupon off."""
    return always(RemoveCoupon(code, moment.usual(Timing.NOW), moment.on_date))


def to_trial_end(day: date) -> Asks:
    """Move the end of the trial, sooner or later."""

    def ask(view: Situation, today: date) -> Command:
        trial = existing(view).trial
        return EndTrialEarly(day) if trial is None or day < trial.ends_on else ExtendTrial(day)

    return ask


def to_pause(
    *, moment: Moment, cycles: int | None, until: date | None, paid_days: str, mode: str
) -> Asks:
    """Stop charging and serving for a while."""
    if cycles is not None and until is not None:
        raise typer.BadParameter("give --cycles or --until, not both", param_hint="--until")
    return always(
        Pause(
            timing=moment.usual(Timing.PERIOD_END),
            on_date=moment.on_date,
            cycles=cycles,
            until=until,
            paid_days=PaidDays(paid_days),
            mode=ResumeMode(mode),
        )
    )


def to_resume(*, on_date: date | None, mode: str | None) -> Asks:
    """End the pause now, or set the day it ends on."""
    return always(Resume(on_date, None if mode is None else ResumeMode(mode)))


def to_skip(*, cycles: int, from_cycle: int | None) -> Asks:
    """Leave whole cycles out."""
    return always(SkipCycles(cycles, from_cycle))


def to_cancel(*, moment: Moment, refund: str) -> Asks:
    """End the agreement."""
    return always(Cancel(moment.usual(Timing.PERIOD_END), moment.on_date, Refund(refund)))


def to_reactivate() -> Asks:
    """Go on after all."""
    return always(Reactivate())


def to_undo(change_id: str | None) -> Asks:
    """Take a waiting change back; without an id the only one there is.

    Raises `Refused`, when asked, if there is not just one.
    """

    def ask(view: Situation, today: date) -> Command:
        value = existing(view)
        if change_id is not None:
            return Undo(change_id)
        if not value.queue:
            raise Refused(
                f"change_id: nothing waits on subscription {value.id!r}, and what is in force "
                "cannot be undone; make the opposite change"
            )
        if len(value.queue) > 1:
            raise Refused(
                f"change_id: {len(value.queue)} changes wait on subscription {value.id!r}; "
                f"name the one to undo: {queue_line(value)}"
            )
        return Undo(value.queue[0].id)

    return ask


def always(command: Command) -> Asks:
    """Ask for a command that does not depend on the subscription."""
    return lambda view, today: command


# Options of `change` that each ask for one thing, and how it is asked for.
_CHANGES: dict[str, Callable[[Any, Moment], Asks]] = {
    "--plan": lambda code, moment: to_plan(code, quantity=None, moment=moment),
    "--quantity": lambda count, moment: to_quantity(count, moment=moment),
    "--add-on": lambda text, moment: to_add_on(text, moment=moment),
    "--remove-add-on": lambda code, moment: without_add_on(code, moment=moment),
    "--coupon": lambda code, moment: to_coupon(code, moment=moment),
    "--remove-coupon": lambda code, moment: without_coupon(code, moment=moment),
    "--next-date": lambda day, moment: always(ChangeNextDate(day)),
    "--anchor": lambda day, moment: always(ChangeAnchor(day)),
    "--trial-end": lambda day, moment: to_trial_end(day),
}
_DATED = ("--next-date", "--anchor", "--trial-end")


def to_change(given: Mapping[str, Any]) -> Asks:
    """Read the options of `change`, by their names; raises BadParameter unless they ask one thing.

    Of the options that ask for a change just one may be given, but seats go with a plan.
    """
    moment = moment_of(given["--when"], given["--on"])
    asked = [name for name in _CHANGES if given[name] is not None]
    if asked == ["--plan", "--quantity"]:
        return to_plan(given["--plan"], quantity=given["--quantity"], moment=moment)
    if not asked:
        names = ", ".join(_CHANGES)
        raise typer.BadParameter(f"say what to change: one of {names}, or --quote")
    if len(asked) > 1:
        raise typer.BadParameter(
            "one change at a time, for each has its own quote", param_hint=" and ".join(asked)
        )
    (name,) = asked
    if name in _DATED and moment != Moment():
        raise typer.BadParameter(f"{name} is itself the date; leave --on and --when out")
    return _CHANGES[name](given[name], moment)
