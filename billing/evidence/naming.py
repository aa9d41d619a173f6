"""Whether a charge that somebody names is the attempt's own. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from amazonpay import Charge
from billing.charging.outcome import OpenAttempt, Outcome, OutcomeKind, from_charge
from billing.dates import CLOCK_MARGIN

STANDING = frozenset({OutcomeKind.CAPTURED, OutcomeKind.AUTHORIZED, OutcomeKind.PENDING})


def outcome_of_named(attempt: OpenAttempt, charge: Charge, *, reference: str) -> Outcome:
    """What the charge means for the attempt; a contradiction when it is another one's.

    Two slots of a permission may be of one amount, so the reference that we sent must be there
    too: permission and amount alone do not tell them apart.
    """
    named = replace(attempt, charge_id=charge.charge_id)
    if charge.merchant_reference_id != reference:
        return Outcome(
            named,
            OutcomeKind.CONTRADICTION,
            charge_id=charge.charge_id,
            detail=f"charge is for {charge.merchant_reference_id!r}, not for {reference!r}",
        )
    return from_charge(named, charge)


def own_charge(
    attempt: OpenAttempt, charges: Sequence[Charge], *, reference: str, intended_at: datetime
) -> list[Outcome]:
    """The outcomes of those candidates that are the attempt's own, whatever became of them.

    All tries of a slot have one reference. So a decline counts only when its charge was made after
    the attempt was: an earlier try's no is none to this one.
    """
    found = [(c, outcome_of_named(attempt, c, reference=reference)) for c in charges]
    return [
        outcome
        for charge, outcome in found
        if outcome.kind in STANDING
        or (outcome.kind is not OutcomeKind.CONTRADICTION and _is_since(charge, intended_at))
    ]


def _is_since(charge: Charge, intended_at: datetime) -> bool:
    return charge.created_at is not None and charge.created_at >= intended_at - CLOCK_MARGIN
