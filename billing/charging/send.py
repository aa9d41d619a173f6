"""The only place that calls Amazon to take money. No database here, no transaction is open."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from amazonpay import AmazonPayClient, AmazonPayError
from billing.charging.outcome import OpenAttempt, Outcome, OutcomeKind, from_charge, from_error
from billing.protocol.checkpoints import reached

NOTHING_HAPPENED = frozenset({OutcomeKind.THROTTLED, OutcomeKind.MISCONFIGURED})


def send(client: AmazonPayClient, attempt: OpenAttempt, *, now: Callable[[], datetime]) -> Outcome:
    """Send the attempt's frozen bytes under its key; safe to repeat for ever.

    A charge that Amazon still works on is asked about instead. After a cap refusal Amazon's own
    limit and balance are read, so that the next plan starts from its figures. A sender that was
    asleep for too long sends nothing: the months it holds room in may be over.
    """
    if attempt.charge_id is not None:
        return _ask(client, attempt, attempt.charge_id)
    if now() > attempt.send_by:
        return Outcome(
            attempt, OutcomeKind.UNKNOWN, detail=f"not sent: it is past {attempt.send_by}"
        )
    try:
        reached("charge.before_send")
        charge = client.create_charge(attempt.body, idempotency_key=attempt.idempotency_key)
        reached("charge.after_send")
        return from_charge(attempt, charge)
    except AmazonPayError as error:
        outcome = from_error(attempt, error)
    if outcome.kind is OutcomeKind.CAP_REFUSED:
        return _with_amazons_figures(client, outcome)
    return outcome


def _ask(client: AmazonPayClient, attempt: OpenAttempt, charge_id: str) -> Outcome:
    try:
        return from_charge(attempt, client.get_charge(charge_id))
    except AmazonPayError as error:
        outcome = from_error(attempt, error)
    if outcome.kind in NOTHING_HAPPENED:
        return outcome
    # Not being able to read a charge says nothing about the charge, whatever code refused it.
    return replace(outcome, kind=OutcomeKind.UNKNOWN, reason_code=None)


def _with_amazons_figures(client: AmazonPayClient, outcome: Outcome) -> Outcome:
    try:
        permission = client.get_charge_permission(outcome.attempt.permission_amazon_id)
    except AmazonPayError:
        return outcome
    return replace(
        outcome,
        limit_yen=permission.amount_limit_yen,
        balance_yen=permission.amount_balance_yen,
    )
