"""What the staff ask for about a subscription, as a form sends it, and the command it means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from app.web.backoffice.acting import existing
from app.web.shell import FormReader
from billing.quotes import Situation, plan_change
from plans.lifecycle import (
    AddAddOn,
    Cancel,
    ChangeAddOn,
    ChangeNextDate,
    Command,
    EndTrialEarly,
    ExtendTrial,
    Pause,
    Reactivate,
    Refund,
    RemoveAddOn,
    Resume,
    SkipCycles,
    Timing,
    Undo,
)

__all__ = ["REFUNDS", "TIMINGS", "VERBS", "Wish", "read_wish"]

TIMINGS: Mapping[str, Timing] = {
    "now": Timing.NOW,
    "renewal": Timing.PERIOD_END,
    "on": Timing.ON_DATE,
}
REFUNDS = tuple(str(each) for each in Refund)
MOST_SEATS = 999_999
MOST_CYCLES = 24
MOST_REASON = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A question of the staff; `when` is a key of `TIMINGS`, or empty for what is usual.

    `code` names a plan, an add-on or a waiting change, `until` is the first day of service again.
    """

    verb: str
    code: str = ""
    number: int = 0
    when: str = ""
    on: date | None = None
    until: date | None = None
    refund: str = "none"
    reason: str = ""

    def command(self, view: Situation, today: date) -> Command:
        """The command this means for a subscription; raises PlansError for what is not sold."""
        return _COMMANDS[self.verb](self, view, today)

    def timing(self, usual: Timing) -> Timing:
        """When it is to take effect."""
        return TIMINGS.get(self.when, usual)

    @property
    def day(self) -> date | None:
        """The day, where one was chosen."""
        return self.on if self.when == "on" else None

    def fields(self) -> dict[str, str]:
        """The wish as fields of a form, without those that say nothing."""
        given = {
            "verb": self.verb,
            "code": self.code,
            "number": str(self.number or ""),
            "when": self.when,
            "on": str(self.on or ""),
            "until": str(self.until or ""),
            "refund": self.refund,
            "reason": self.reason,
        }
        return {name: value for name, value in given.items() if value}


def read_wish(form: FormReader) -> Wish:
    """Read the form of any verb; faults are in `form.problems`."""
    verb = form.choice("verb", VERBS)
    when = form.choice("when", TIMINGS, required=False)
    on = form.optional_day("on", required=when == "on" or verb in ("date", "trial"))
    return Wish(
        verb=verb or VERBS[0],
        code=form.code("code", required=verb in ("plan", "add_on", "undo")),
        number=_number(form, verb),
        when=when,
        on=on,
        until=form.optional_day("until"),
        refund=form.choice("refund", REFUNDS, required=verb == "cancel") or "none",
        reason=form.text("reason", most=MOST_REASON, required=False),
    )


def _number(form: FormReader, verb: str) -> int:
    if verb == "skip":
        return form.whole("number", least=1, most=MOST_CYCLES)
    least = 0 if verb == "add_on" else 1
    wanted = verb in ("quantity", "add_on")
    return form.whole("number", least=least, most=MOST_SEATS, required=wanted)


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


def _trial(wish: Wish, view: Situation, today: date) -> Command:
    trial, day = existing(view).trial, wish.on or today
    return EndTrialEarly(day) if trial is None or day < trial.ends_on else ExtendTrial(day)


def _pause(wish: Wish, view: Situation, today: date) -> Command:
    return Pause(timing=wish.timing(Timing.PERIOD_END), on_date=wish.day, until=wish.until)


def _cancel(wish: Wish, view: Situation, today: date) -> Command:
    return Cancel(wish.timing(Timing.PERIOD_END), wish.day, Refund(wish.refund))


_COMMANDS: dict[str, Callable[[Wish, Situation, date], Command]] = {
    "plan": _plan,
    "quantity": _quantity,
    "add_on": _add_on,
    "date": lambda wish, view, today: ChangeNextDate(wish.on or today),
    "trial": _trial,
    "skip": lambda wish, view, today: SkipCycles(wish.number or 1),
    "pause": _pause,
    "resume": lambda wish, view, today: Resume(wish.on),
    "cancel": _cancel,
    "undo": lambda wish, view, today: Undo(wish.code),
    "reactivate": lambda wish, view, today: Reactivate(),
}
VERBS = tuple(_COMMANDS)
