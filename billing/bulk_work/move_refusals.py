"""Why an agreement is not moved: a word that the pages have in every language, and a detail."""

from __future__ import annotations

from billing.agreements import ChangeUnderWay, ChargingStopped, PermissionNotReady
from billing.bulk_work.move_question import LeftOut
from billing.quotes import CapRefuses, StaleQuote
from plans import BadInput, NoLongerSold, NoPriceYet, NotReplaceable, UnknownOffer, UnknownPlan
from plans.lifecycle import Conflict, DeadlinePassed, MinimumTermOpen, NotInThisState, StillNeeded

__all__ = ["why_not_moved"]

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (NotReplaceable, "move_not_replaceable"),
    (NoLongerSold, "move_not_sold"),
    (NoPriceYet, "move_not_sold"),
    (UnknownPlan, "move_not_sold"),
    (UnknownOffer, "move_not_sold"),
    (CapRefuses, "move_cap"),
    (StaleQuote, "move_changed"),
    (ChangeUnderWay, "move_charging"),
    (ChargingStopped, "move_braked"),
    (PermissionNotReady, "move_permission"),
    (Conflict, "move_conflict"),
    (StillNeeded, "move_conflict"),
    (MinimumTermOpen, "move_minimum_term"),
    (DeadlinePassed, "move_deadline_passed"),
    (NotInThisState, "move_state"),
)
_OF_FIELDS = {"quantity": "move_quantity", "subscription": "move_invoice"}


def why_not_moved(refused: Exception) -> tuple[str, str | None]:
    """Give the word and the detail; what has no word of its own is told as the engine told it."""
    if isinstance(refused, LeftOut):
        return refused.reason, refused.detail
    for kind, word in _WORDS:
        if isinstance(refused, kind):
            return word, None
    if isinstance(refused, BadInput):
        known = _OF_FIELDS.get(refused.field)
        return ("refused", refused.rule) if known is None else (known, str(refused.value))
    return "refused", str(refused)
