"""What the staff ask for about a subscription, as a form sends it, and the command it means."""

from dataclasses import dataclass

from app.web.shell import TIMINGS, FormReader
from app.web.shell import Wish as AnyWish
from plans.lifecycle import Refund

__all__ = ["REFUNDS", "TIMINGS", "VERBS", "Wish", "read_wish"]

VERBS = (
    *("plan", "quantity", "add_on", "date", "trial", "skip"),
    *("pause", "resume", "cancel", "undo", "reactivate"),
)
REFUNDS = tuple(str(each) for each in Refund)
MOST_SEATS = 999_999
MOST_CYCLES = 24
MOST_REASON = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish(AnyWish):
    """A question of the staff, by the verb of its form."""

    @property
    def verb(self) -> str:
        """What the form calls it."""
        return self.kind

    def fields(self) -> dict[str, str]:
        """The wish as fields of a form, without those that say nothing."""
        given = AnyWish.fields(self)
        return {"verb": given.pop("kind"), **given, "refund": self.refund}


def read_wish(form: FormReader) -> Wish:
    """Read the form of any verb; faults are in `form.problems`."""
    verb = form.choice("verb", VERBS)
    when = form.choice("when", TIMINGS, required=False)
    on = form.optional_day("on", required=when == "on" or verb in ("date", "trial"))
    return Wish(
        kind=verb or VERBS[0],
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
