"""Whether a charge that somebody names is the attempt's own. Pure."""

from dataclasses import replace

from amazonpay import Charge
from billing.outcome import OpenAttempt, Outcome, OutcomeKind, from_charge

STANDING = frozenset({OutcomeKind.CAPTURED, OutcomeKind.PENDING})


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
    attempt: OpenAttempt, charges: tuple[Charge, ...], *, reference: str
) -> list[Outcome]:
    """The outcomes of those candidates that are the attempt's own, whatever became of them."""
    outcomes = [outcome_of_named(attempt, charge, reference=reference) for charge in charges]
    return [o for o in outcomes if o.kind is not OutcomeKind.CONTRADICTION]
