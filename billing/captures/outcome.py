"""What one call to Amazon meant for a capture, a cancellation or a closing. Pure.

Only a definite answer ends an act. Everything else is `UNKNOWN`, a state of its own. Amazon says
how a charge or a permission stands, so a refusal of what was done before is no contradiction: the
object itself tells.
"""

from dataclasses import dataclass
from enum import StrEnum

from amazonpay import AmazonPayError, Charge, ChargePermission, DefiniteRefusal, Misconfigured
from billing.dunning import BUYER_MUST_ACT, RETRYABLE
from billing.protocol.answers import ErrorKind, kind_of_error

ENDED = frozenset({"Canceled", "Declined"})
# The charge (or permission) is not in the state that the act needs: how it stands is asked.
WRONG_STATE = frozenset({"InvalidChargeStatus", "InvalidChargePermissionStatus"})


class ActOutcomeKind(StrEnum):
    """The ways an act can stand after a call."""

    DONE = "done"
    UNCHANGED = "unchanged"
    PENDING = "pending"
    DECLINED = "declined"
    THROTTLED = "throttled"
    MISCONFIGURED = "misconfigured"
    UNKNOWN = "unknown"
    CONTRADICTION = "contradiction"


BY_ERROR = {
    ErrorKind.OUR_FAULT: ActOutcomeKind.CONTRADICTION,
    ErrorKind.THROTTLED: ActOutcomeKind.THROTTLED,
    ErrorKind.MISCONFIGURED: ActOutcomeKind.MISCONFIGURED,
    ErrorKind.REFUSED: ActOutcomeKind.CONTRADICTION,
    ErrorKind.UNKNOWN: ActOutcomeKind.UNKNOWN,
}
"""What every error means, but a refusal that a rule covers."""


@dataclass(frozen=True, slots=True)
class OpenAct:
    """An unsettled act as a sender needs it; `body` is frozen, replays send the same bytes.

    `charge_id` is empty for a closing, `amount_yen` is of a capture. `asks` is true once Amazon
    works on it: then it is asked about, not sent again.
    """

    id: int
    kind: str
    charge_id: str
    permission_amazon_id: str
    idempotency_key: str
    body: bytes
    amount_yen: int | None
    asks: bool


@dataclass(frozen=True, slots=True)
class ActOutcome:
    """One call's meaning; `amazon_request_id` is what Amazon's support asks for."""

    act: OpenAct
    kind: ActOutcomeKind
    reason_code: str | None = None
    amazon_request_id: str | None = None
    detail: str | None = None


def from_charge_seen(act: OpenAct, charge: Charge) -> ActOutcome:
    """What the state of its charge says about a capture or a cancellation.

    A charge of another id, permission or sum than ours is a contradiction: a person looks.
    """
    mismatch = _mismatch(act, charge)
    if mismatch:
        return ActOutcome(act, ActOutcomeKind.CONTRADICTION, detail=mismatch)
    judge = _capture_of if act.kind == "capture" else _cancellation_of
    return judge(act, charge, str(charge.state))


def _mismatch(act: OpenAct, charge: Charge) -> str | None:
    if charge.charge_id != act.charge_id:
        return f"charge is {charge.charge_id}, we acted on {act.charge_id}"
    if charge.charge_permission_id != act.permission_amazon_id:
        return f"charge is on permission {charge.charge_permission_id}, not on ours"
    return None


def _capture_of(act: OpenAct, charge: Charge, state: str) -> ActOutcome:
    if state == "Captured":
        if charge.captured_yen == act.amount_yen:
            return ActOutcome(act, ActOutcomeKind.DONE)
        told = f"captured {charge.captured_yen} yen, we asked for {act.amount_yen}"
        return ActOutcome(act, ActOutcomeKind.CONTRADICTION, detail=told)
    if state == "CaptureInitiated":
        return ActOutcome(act, ActOutcomeKind.PENDING)
    if state in ENDED:
        return _lost(act, state, None if charge.reason_code is None else str(charge.reason_code))
    return _not_yet(act, state)


def _lost(act: OpenAct, state: str, reason: str | None) -> ActOutcome:
    """The authorisation ended without our money; the reason says what follows."""
    if reason in RETRYABLE | BUYER_MUST_ACT:
        return ActOutcome(act, ActOutcomeKind.DECLINED, reason_code=reason)
    told = f"charge is {state} for {reason!r}, which no rule of ours covers"
    return ActOutcome(act, ActOutcomeKind.CONTRADICTION, reason_code=reason, detail=told)


def _cancellation_of(act: OpenAct, charge: Charge, state: str) -> ActOutcome:
    if state in ENDED:
        reason = None if charge.reason_code is None else str(charge.reason_code)
        return ActOutcome(act, ActOutcomeKind.DONE, reason_code=reason)
    if state in ("Captured", "CaptureInitiated"):
        told = f"charge is {state}, and we had not asked for its money"
        return ActOutcome(act, ActOutcomeKind.CONTRADICTION, detail=told)
    return _not_yet(act, state)


def _not_yet(act: OpenAct, state: str) -> ActOutcome:
    return ActOutcome(act, ActOutcomeKind.UNCHANGED, detail=f"charge is still {state}")


def from_permission_seen(act: OpenAct, permission: ChargePermission) -> ActOutcome:
    """What the state of its permission says about a closing."""
    if permission.charge_permission_id != act.permission_amazon_id:
        told = f"permission is {permission.charge_permission_id}, not ours"
        return ActOutcome(act, ActOutcomeKind.CONTRADICTION, detail=told)
    if str(permission.state) == "Closed":
        reason = str(permission.reasons[0].code) if permission.reasons else None
        return ActOutcome(act, ActOutcomeKind.DONE, reason_code=reason)
    told = f"permission is still {permission.state}"
    return ActOutcome(act, ActOutcomeKind.UNCHANGED, detail=told)


def from_act_error(act: OpenAct, error: AmazonPayError) -> ActOutcome:
    """Sort an error: what is definite for this act, what is not, and what is our own fault."""
    if isinstance(error, DefiniteRefusal) and not isinstance(error, Misconfigured):
        return _from_refusal(act, error)
    kind = BY_ERROR[kind_of_error(error)]
    detail = None if kind is ActOutcomeKind.THROTTLED else str(error)
    return ActOutcome(act, kind, detail=detail)


def _from_refusal(act: OpenAct, error: DefiniteRefusal) -> ActOutcome:
    reason = str(error.reason_code)
    # Only a capture can be declined. All else is our own wrong request: a person decides.
    known = act.kind == "capture" and reason in (RETRYABLE | BUYER_MUST_ACT) - WRONG_STATE - OURS
    return ActOutcome(
        act,
        ActOutcomeKind.DECLINED if known else ActOutcomeKind.CONTRADICTION,
        reason_code=reason,
        amazon_request_id=error.request_id,
        detail=str(error),
    )


# Refusals that speak of our request, not of the buyer: more than was authorised, a wrong id.
OURS = frozenset(
    {"TransactionAmountExceeded", "TransactionCountExceeded", "ResourceNotFound"}
    | {"UnauthorizedAccess"}
)
