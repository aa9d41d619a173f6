"""What a customer asks for, as forms send it, and the command of the life cycle that it means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from app.web.mypage.subscription_mine import existing
from billing.quotes import Situation, plan_change
from plans.lifecycle import (
    AddAddOn,
    Cancel,
    ChangeAddOn,
    ChangeNextDate,
    Command,
    Pause,
    RemoveAddOn,
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
    """A question of a customer; `when` is a key of `TIMINGS`, or empty for what is usual.

    `code` names a plan, an add-on or a waiting change, `until` is the first day of service again.
    """

    kind: str
    code: str = ""
    number: int = 0
    when: str = ""
    on: date | None = None
    until: date | None = None
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
            "reason": self.reason,
        }
        return {name: value for name, value in given.items() if value}


def _plan(wish: Wish, view: Situation, today: date) -> Command:
    return plan_change(
        view,
        plan_code=wish.code,
        on=today,
        quantity=wish.number or None,
        timing=TIMINGS.get(wish.when),
        on_date=wish.day,
    )


def _quantity(wish: Wish, view: Situation, today: date) -> Command:
    return plan_change(
        view,
        plan_code=existing(view).plan_code,
        on=today,
        quantity=wish.number,
        timing=TIMINGS.get(wish.when),
        on_date=wish.day,
    )


def _add_on(wish: Wish, view: Situation, today: date) -> Command:
    """More of it takes effect now and less with the next period, unless told."""
    held = {each.code: each.quantity for each in existing(view).add_ons}.get(wish.code, 0)
    if not wish.number:
        return RemoveAddOn(wish.code, wish.timing(Timing.PERIOD_END), wish.day)
    if not held:
        return AddAddOn(wish.code, wish.number, wish.timing(Timing.NOW), wish.day)
    usual = Timing.NOW if wish.number >= held else Timing.PERIOD_END
    return ChangeAddOn(wish.code, wish.number, wish.timing(usual), wish.day)


def _pause(wish: Wish, view: Situation, today: date) -> Command:
    timing = wish.timing(Timing.PERIOD_END)
    return Pause(timing=timing, on_date=wish.day, until=wish.until)


def _move(wish: Wish, view: Situation, today: date) -> Command:
    return ChangeNextDate(wish.on or today)


def _cancel(wish: Wish, view: Situation, today: date) -> Command:
    return Cancel(wish.timing(Timing.PERIOD_END), wish.day)


_COMMANDS: dict[str, Callable[[Wish, Situation, date], Command]] = {
    "plan": _plan,
    "quantity": _quantity,
    "add_on": _add_on,
    "skip": lambda wish, view, today: SkipCycles(wish.number or 1),
    "pause": _pause,
    "resume": lambda wish, view, today: Resume(wish.on),
    "move": _move,
    "cancel": _cancel,
    "undo": lambda wish, view, today: Undo(wish.code),
}
