"""Why the engine refuses something, as the key of words and the form field it belongs beside."""

from collections.abc import Mapping

from app.web.shell import FormReader, Words
from billing.agreements import (
    AgreementRefused,
    ChangeUnderWay,
    ChargingStopped,
    PermissionNotReady,
    QuoteOver,
)
from billing.quotes import CapRefuses
from plans import (
    BadInput,
    NoLongerSold,
    NoPriceYet,
    NotReplaceable,
    UnknownOffer,
    UnknownPlan,
)
from plans.lifecycle import DeadlinePassed, MinimumTermOpen, Refused

Said = tuple[str, Mapping[str, object]]
BEGINNING = "my.refused."

_BY_TYPE: tuple[tuple[type[Exception], str], ...] = (
    (NotReplaceable, "not_replaceable"),
    (NoLongerSold, "not_sold"),
    (NoPriceYet, "not_sold"),
    (UnknownPlan, "not_sold"),
    (UnknownOffer, "not_sold"),
    (CapRefuses, "cap"),
    (ChangeUnderWay, "under_way"),
    (ChargingStopped, "stopped"),
    (PermissionNotReady, "permission"),
    (QuoteOver, "over"),
    (AgreementRefused, "under_way"),
)


def said(refused: Exception, words: Words) -> Said:
    """The key of the words for a refusal, with their figures."""
    code = _code(refused)
    key = BEGINNING + code
    return (key if words.knows(key) else f"{BEGINNING}other"), _figures(refused, words)


def refuse(
    form: FormReader, refused: Exception, words: Words, *, fields: Mapping[str, str]
) -> None:
    """Put a refusal beside its field; `fields` maps the engine's names to the form's.

    The name `""` is the field of everything else.
    """
    named = refused.field if isinstance(refused, BadInput) else ""
    key, figures = said(refused, words)
    form.refuse(fields.get(named, fields[""]), key, **figures)


def _code(refused: Exception) -> str:
    for kind, code in _BY_TYPE:
        if isinstance(refused, kind):
            return code
    if isinstance(refused, Refused):
        return refused.code
    return refused.field if isinstance(refused, BadInput) else "other"


def _figures(refused: Exception, words: Words) -> Mapping[str, object]:
    match refused:
        case DeadlinePassed(deadline=deadline, charge_on=charge_on):
            return {"deadline": words.day(deadline), "charge_on": words.day(charge_on)}
        case MinimumTermOpen(remaining_cycles=remaining):
            return {"remaining": f"{remaining:,}"}
        case BadInput(value=value):
            return {"value": str(value)}
        case _:
            return {}
