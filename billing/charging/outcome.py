"""What one call to Amazon meant for an attempt. Pure: no network, no database, no clock.

Only a definite answer for the attempt's own key ends it. Everything else is `UNKNOWN`, a state
of its own, and never becomes a decline.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from amazonpay import (
    AmazonPayError,
    Charge,
    DefiniteRefusal,
    Misconfigured,
)
from billing.dunning import BUYER_MUST_ACT, RETRYABLE
from billing.protocol.answers import ErrorKind, kind_of_error

CAP_REFUSAL = "PeriodicAmountExceeded"
# Of one permission it says that it is not ours; only when all say so is it our credentials.
FOREIGN = "UnauthorizedAccess"
PENDING_STATES = frozenset({"AuthorizationInitiated", "CaptureInitiated", "Authorized"})


class OutcomeKind(StrEnum):
    """The ways an attempt can stand after a call."""

    CAPTURED = "captured"
    AUTHORIZED = "authorized"
    RELEASED = "released"
    PENDING = "pending"
    DECLINED = "declined"
    CAP_REFUSED = "cap_refused"
    THROTTLED = "throttled"
    MISCONFIGURED = "misconfigured"
    UNKNOWN = "unknown"
    CONTRADICTION = "contradiction"


BY_ERROR = {
    ErrorKind.OUR_FAULT: OutcomeKind.CONTRADICTION,
    ErrorKind.THROTTLED: OutcomeKind.THROTTLED,
    ErrorKind.MISCONFIGURED: OutcomeKind.MISCONFIGURED,
    ErrorKind.UNKNOWN: OutcomeKind.UNKNOWN,
}
"""What every error but a refusal of the attempt itself means for it."""


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An unsettled attempt as a sender needs it; `body` is frozen, replays send the same bytes.

    Room is held in the months up to `send_by`; after it nothing may be sent without new holds.
    """

    id: int
    slot_id: int
    permission_amazon_id: str
    idempotency_key: str
    body: bytes
    amount_yen: int
    send_by: datetime
    charge_id: str | None = None

    @property
    def captures_later(self) -> bool:
        """The frozen bytes ask for an authorisation only; the money is taken by a capture."""
        return json.loads(self.body).get("captureNow") is False


@dataclass(frozen=True, slots=True)
class Outcome:
    """One call's meaning. Yen figures are Amazon's own view: of the cap after a cap refusal, of
    what was captured where less may be captured than was authorised (None: all of it).
    """

    attempt: OpenAttempt
    kind: OutcomeKind
    charge_id: str | None = None
    reason_code: str | None = None
    request_id: str | None = None
    detail: str | None = None
    limit_yen: int | None = None
    balance_yen: int | None = None
    captured_yen: int | None = None
    lapses_at: datetime | None = None


def from_charge(attempt: OpenAttempt, charge: Charge) -> Outcome:
    """Read a Charge that Amazon returned for the attempt.

    Another amount, currency or permission than we asked for is a contradiction: the slot is set
    aside for a person and nothing advances. A state we do not know is unknown, never a decline.
    """
    state = str(charge.state)
    reason = None if charge.reason_code is None else str(charge.reason_code)
    mismatch = _mismatch(attempt, charge)
    if mismatch:
        known_as = attempt.charge_id or charge.charge_id
        return Outcome(attempt, OutcomeKind.CONTRADICTION, charge_id=known_as, detail=mismatch)
    if state == "Captured":
        taken = charge.captured_yen if attempt.captures_later else None
        captured = OutcomeKind.CAPTURED
        return Outcome(attempt, captured, charge_id=charge.charge_id, captured_yen=taken)
    if state == "Authorized" and attempt.captures_later:
        authorized = OutcomeKind.AUTHORIZED
        lapses_at = charge.expires_at
        return Outcome(attempt, authorized, charge_id=charge.charge_id, lapses_at=lapses_at)
    if state in PENDING_STATES:
        return Outcome(attempt, OutcomeKind.PENDING, charge_id=charge.charge_id)
    if state in {"Declined", "Canceled"}:
        return _from_final_refusal(attempt, charge.charge_id, state, reason)
    return Outcome(
        attempt,
        OutcomeKind.UNKNOWN,
        charge_id=charge.charge_id,
        detail=f"charge state {state!r} is not one we know",
    )


def _from_final_refusal(
    attempt: OpenAttempt, charge_id: str, state: str, reason: str | None
) -> Outcome:
    if reason in RETRYABLE | BUYER_MUST_ACT:
        return Outcome(attempt, OutcomeKind.DECLINED, charge_id=charge_id, reason_code=reason)
    return Outcome(
        attempt,
        OutcomeKind.CONTRADICTION,
        charge_id=charge_id,
        reason_code=reason,
        detail=f"charge is {state} for {reason!r}, which no rule of ours covers",
    )


def _mismatch(attempt: OpenAttempt, charge: Charge) -> str | None:
    if attempt.charge_id not in (None, charge.charge_id):
        return f"charge is {charge.charge_id}, we asked about {attempt.charge_id}"
    if charge.charge_permission_id != attempt.permission_amazon_id:
        return f"charge is on permission {charge.charge_permission_id}, not on ours"
    if charge.charge_amount_yen != attempt.amount_yen:
        return f"charge is of {charge.charge_amount_yen} yen, we asked for {attempt.amount_yen}"
    captured = charge.captured_yen
    whole = captured == attempt.amount_yen or attempt.captures_later
    if str(charge.state) == "Captured" and not whole:
        return f"captured {captured} yen, we asked for {attempt.amount_yen}"
    return None


def from_error(attempt: OpenAttempt, error: AmazonPayError) -> Outcome:
    """Sort an error: what is definite for this key, what is not, and what is our own fault."""
    if isinstance(error, DefiniteRefusal) and _is_about_this(error):
        return _from_refusal(attempt, error)
    kind = BY_ERROR[kind_of_error(error)]
    detail = None if kind is OutcomeKind.THROTTLED else str(error)
    return Outcome(attempt, kind, detail=detail)


def _is_about_this(refusal: DefiniteRefusal) -> bool:
    """A refusal of this attempt; one that would meet every request is no answer about it."""
    return not isinstance(refusal, Misconfigured) or str(refusal.reason_code) == FOREIGN


def _from_refusal(attempt: OpenAttempt, error: DefiniteRefusal) -> Outcome:
    reason = str(error.reason_code)
    if reason == CAP_REFUSAL:
        kind = OutcomeKind.CAP_REFUSED
    elif reason in RETRYABLE | BUYER_MUST_ACT:
        kind = OutcomeKind.DECLINED
    else:
        # Our request was wrong, or the code is new to us: no rule covers it, so a person decides.
        kind = OutcomeKind.CONTRADICTION
    return Outcome(
        attempt,
        kind,
        reason_code=reason,
        request_id=error.request_id,
        detail=str(error),
    )
