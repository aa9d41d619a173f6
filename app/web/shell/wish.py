"""What somebody asks for about a subscription, as forms send it, and the command that it means.

The staff and the customer ask alike; who may ask for what is for each room and for the engine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from billing.quotes import Situation, add_on_change, existing, plan_change
from plans.lifecycle import (
    AddCoupon,
    Cancel,
    ChangeNextDate,
    Command,
    EndTrialEarly,
    ExtendTrial,
    Pause,
    Reactivate,
    Refund,
    Resume,
    SkipCycles,
    Timing,
    Undo,
)

TIMINGS: Mapping[str, Timing] = {
    "now": Timing.NOW,
    "renewal": Timing.PERIOD_END,
    "on": Timing.ON_DATE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A question; `when` is a key of `TIMINGS`, or empty for what is usual.

    `code` names a plan, an add-on, a coupon or a waiting change, `until` is the first day of
    service again.
    """

    kind: str
    code: str = ""
    number: int = 0
    when: str = ""
    on: date | None = None
    until: date | None = None
    refund: str = "none"
    reason: str = ""

    def command(self, view: Situation, today: date) -> Command:
        """The command this means for a subscription; raises PlansError for what is not sold."""
        return _COMMANDS[self.kind](self, view, today)

    def timing(self, usual: Timing) -> Timing:
        """When it is to take effect."""
        return TIMINGS.get(self.when, usual)

    @property
    def day(self) -> date | None:
        """The day, where one was chosen."""
        return self.on if self.when == "on" else None

    def fields(self) -> dict[str, str]:
        """The wish as fields of a form or an address, without those that say nothing."""
        given = {
            "kind": self.kind,
            "code": self.code,
            "number": str(self.number or ""),
            "when": self.when,
            "on": str(self.on or ""),
            "until": str(self.until or ""),
            "refund": "" if self.refund == "none" else self.refund,
            "reason": self.reason,
        }
        return {name: value for name, value in given.items() if value}


def _plan(wish: Wish, view: Situation, today: date) -> Command:
    return plan_change(
        view,
        plan_code=wish.code or existing(view).plan_code,
        on=today,
        quantity=wish.number or None,
        timing=TIMINGS.get(wish.when),
        on_date=wish.day,
    )


def _add_on(wish: Wish, view: Situation, today: date) -> Command:
    return add_on_change(
        view,
        code=wish.code,
        quantity=wish.number,
        timing=TIMINGS.get(wish.when),
        on_date=wish.day,
    )


def _trial(wish: Wish, view: Situation, today: date) -> Command:
    trial, day = existing(view).trial, wish.on or today
    return EndTrialEarly(day) if trial is None or day < trial.ends_on else ExtendTrial(day)


def _pause(wish: Wish, view: Situation, today: date) -> Command:
    return Pause(timing=wish.timing(Timing.PERIOD_END), on_date=wish.day, until=wish.until)


def _cancel(wish: Wish, view: Situation, today: date) -> Command:
    return Cancel(wish.timing(Timing.PERIOD_END), wish.day, Refund(wish.refund))


_COMMANDS: dict[str, Callable[[Wish, Situation, date], Command]] = {
    "plan": _plan,
    "quantity": _plan,
    "add_on": _add_on,
    "coupon": lambda wish, view, today: AddCoupon(wish.code, wish.timing(Timing.NOW), wish.day),
    "date": lambda wish, view, today: ChangeNextDate(wish.on or today),
    "trial": _trial,
    "skip": lambda wish, view, today: SkipCycles(wish.number or 1),
    "pause": _pause,
    "resume": lambda wish, view, today: Resume(wish.on),
    "cancel": _cancel,
    "undo": lambda wish, view, today: Undo(wish.code),
    "reactivate": lambda wish, view, today: Reactivate(),
}
