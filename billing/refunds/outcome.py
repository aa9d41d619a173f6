"""What one call to Amazon meant for a refund. Pure: no network, no database, no clock.

Only a definite answer for the refund's own key ends it. Everything else is `UNKNOWN`, a state of
its own, and never becomes a decline.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from amazonpay import (
    AmazonPayError,
    DefiniteRefusal,
    Misconfigured,
    Refund,
)
from billing.protocol.answers import ErrorKind, kind_of_error

PENDING_STATES = frozenset({"RefundInitiated", "Pending"})
# What Amazon may answer to a refund that it will not make; the money is owed all the same.
REFUSALS = frozenset(
    {
        "AmazonRejected",
        "InvalidChargeStatus",
        "ProcessingFailure",
        "TransactionAmountExceeded",
        "TransactionCountExceeded",
    }
)


class RefundOutcomeKind(StrEnum):
    """The ways a refund can stand after a call."""

    REFUNDED = "refunded"
    PENDING = "pending"
    DECLINED = "declined"
    THROTTLED = "throttled"
    MISCONFIGURED = "misconfigured"
    UNKNOWN = "unknown"
    CONTRADICTION = "contradiction"


BY_ERROR = {
    ErrorKind.OUR_FAULT: RefundOutcomeKind.CONTRADICTION,
    ErrorKind.THROTTLED: RefundOutcomeKind.THROTTLED,
    ErrorKind.MISCONFIGURED: RefundOutcomeKind.MISCONFIGURED,
    ErrorKind.UNKNOWN: RefundOutcomeKind.UNKNOWN,
}
"""What every error but a refusal of the refund itself means for it."""


@dataclass(frozen=True, slots=True)
class OpenRefund:
    """An unsettled refund as a sender needs it; `body` is frozen, replays send the same bytes.

    After `send_by` it is not sent any more; without one it is only asked about.
    """

    id: int
    charge_id: str
    idempotency_key: str
    body: bytes
    amount_yen: int
    refund_id: str | None = None
    send_by: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    """One call's meaning; `amazon_request_id` is what Amazon's support asks for."""

    refund: OpenRefund
    kind: RefundOutcomeKind
    refund_id: str | None = None
    reason_code: str | None = None
    amazon_request_id: str | None = None
    detail: str | None = None


def from_refund(refund: OpenRefund, answer: Refund) -> RefundOutcome:
    """Read a Refund that Amazon returned for the refund.

    Another amount or charge than we asked for is a contradiction: a person looks. A state that we
    do not know is unknown, never a decline.
    """
    state = str(answer.state)
    mismatch = _mismatch(refund, answer)
    if mismatch:
        # A foreign refund's id stays in the detail: as ours it could clash with its true owner's.
        return RefundOutcome(refund, RefundOutcomeKind.CONTRADICTION, detail=mismatch)
    if state == "Refunded":
        return RefundOutcome(refund, RefundOutcomeKind.REFUNDED, refund_id=answer.refund_id)
    if state in PENDING_STATES:
        return RefundOutcome(refund, RefundOutcomeKind.PENDING, refund_id=answer.refund_id)
    if state == "Declined":
        return RefundOutcome(
            refund,
            RefundOutcomeKind.DECLINED,
            refund_id=answer.refund_id,
            reason_code=None if answer.reason_code is None else str(answer.reason_code),
            detail=answer.reason_description,
        )
    return RefundOutcome(
        refund,
        RefundOutcomeKind.UNKNOWN,
        refund_id=answer.refund_id,
        detail=f"refund state {state!r} is not one we know",
    )


def _mismatch(refund: OpenRefund, answer: Refund) -> str | None:
    if refund.refund_id not in (None, answer.refund_id):
        return f"refund is {answer.refund_id}, we asked about {refund.refund_id}"
    if answer.charge_id != refund.charge_id:
        return f"refund {answer.refund_id} is of charge {answer.charge_id}, not of ours"
    if answer.refund_amount_yen != refund.amount_yen:
        asked, made = refund.amount_yen, answer.refund_amount_yen
        return f"refund {answer.refund_id} is of {made} yen, we asked for {asked}"
    return None


def from_refund_error(refund: OpenRefund, error: AmazonPayError) -> RefundOutcome:
    """Sort an error: what is definite for this key, what is not, and what is our own fault."""
    if isinstance(error, DefiniteRefusal) and not isinstance(error, Misconfigured):
        return _from_refusal(refund, error)
    kind = BY_ERROR[kind_of_error(error)]
    detail = None if kind is RefundOutcomeKind.THROTTLED else str(error)
    return RefundOutcome(refund, kind, detail=detail)


def _from_refusal(refund: OpenRefund, error: DefiniteRefusal) -> RefundOutcome:
    reason = str(error.reason_code)
    # A code outside the list is our own wrong request, or new to us: a person decides.
    known = reason in REFUSALS
    return RefundOutcome(
        refund,
        RefundOutcomeKind.DECLINED if known else RefundOutcomeKind.CONTRADICTION,
        reason_code=reason,
        amazon_request_id=error.request_id,
        detail=str(error),
    )
