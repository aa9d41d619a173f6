"""The only place that calls Amazon to give money back. No database, no transaction is open."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from amazonpay import AmazonPayClient, AmazonPayError
from billing.protocol.checkpoints import reached
from billing.refunds.outcome import (
    OpenRefund,
    RefundOutcome,
    RefundOutcomeKind,
    from_refund,
    from_refund_error,
)

NOTHING_HAPPENED = frozenset({RefundOutcomeKind.THROTTLED, RefundOutcomeKind.MISCONFIGURED})


def send_refund(
    client: AmazonPayClient, refund: OpenRefund, *, now: Callable[[], datetime]
) -> RefundOutcome:
    """Send the refund's frozen bytes under its key; safe to repeat for ever.

    One that Amazon has accepted is asked about instead. There is no list of refunds at Amazon,
    so an answer that was lost is found by the same key alone. A sender that was asleep for too
    long sends nothing: a person may have said meanwhile that the refund was never made.
    """
    if refund.refund_id is not None:
        return _ask(client, refund, refund.refund_id)
    if refund.send_by is None or now() > refund.send_by:
        told = f"not sent: it is past {refund.send_by}"
        return RefundOutcome(refund, RefundOutcomeKind.UNKNOWN, detail=told)
    try:
        reached("refund.before_send")
        answer = client.create_refund(refund.body, idempotency_key=refund.idempotency_key)
        reached("refund.after_send")
        return from_refund(refund, answer)
    except AmazonPayError as error:
        return from_refund_error(refund, error)


def _ask(client: AmazonPayClient, refund: OpenRefund, refund_id: str) -> RefundOutcome:
    try:
        return from_refund(refund, client.get_refund(refund_id))
    except AmazonPayError as error:
        outcome = from_refund_error(refund, error)
    if outcome.kind in NOTHING_HAPPENED:
        return outcome
    # Not being able to read a refund says nothing about the refund, whatever code refused it.
    return replace(outcome, kind=RefundOutcomeKind.UNKNOWN, reason_code=None)
