"""CV1 states and decline reasons, and what CV2 reports for the same object.

The table is data, so that it can be read in both directions; several CV1 states may share a CV2
state, so the way back gives candidates. Source: migration reference §6.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from amazonpay.errors import InvalidArgument
from amazonpay.states import ChargePermissionState, ChargeReason, ChargeState, RefundState

Cv2State = ChargeState | ChargePermissionState | RefundState


class Cv1Object(StrEnum):
    """The five objects of CV1."""

    AUTHORIZATION = "Authorization"
    CAPTURE = "Capture"
    ORDER_REFERENCE = "OrderReference"
    BILLING_AGREEMENT = "BillingAgreement"
    REFUND = "Refund"


@dataclass(frozen=True, slots=True)
class StateMapping:
    """One row: the object's state in CV1 (with what else must hold) and its state in CV2."""

    cv1_object: Cv1Object
    cv1_state: str
    cv2_state: Cv2State
    condition: str = ""


_FULLY_CAPTURED: Final = "MaxAmountCaptured"
_WHEN_CAPTURED: Final = "reason MaxAmountCaptured"
_OTHERWISE: Final = "any other reason"
_BEFORE: Final = "before a successful capture"
_AFTER: Final = "after a successful capture"


def _rows() -> Iterator[StateMapping]:
    row = StateMapping
    which: Cv1Object = Cv1Object.AUTHORIZATION
    yield row(which, "Pending", ChargeState.AUTHORIZATION_INITIATED)
    yield row(which, "Open", ChargeState.AUTHORIZED)
    yield row(which, "Closed", ChargeState.CAPTURED, _WHEN_CAPTURED)
    yield row(which, "Closed", ChargeState.CANCELED, _OTHERWISE)
    yield row(which, "Declined", ChargeState.DECLINED)
    which = Cv1Object.CAPTURE
    yield row(which, "Pending", ChargeState.CAPTURE_INITIATED)
    yield row(which, "Completed", ChargeState.CAPTURED)
    yield row(which, "Closed", ChargeState.CANCELED)
    yield row(which, "Declined", ChargeState.DECLINED)
    which = Cv1Object.ORDER_REFERENCE
    yield row(which, "Open", ChargePermissionState.CHARGEABLE, _BEFORE)
    yield row(which, "Open", ChargePermissionState.CLOSED, _AFTER)
    yield row(which, "Closed", ChargePermissionState.CLOSED)
    yield row(which, "Canceled", ChargePermissionState.CLOSED)
    yield row(which, "Suspended", ChargePermissionState.NON_CHARGEABLE)
    which = Cv1Object.BILLING_AGREEMENT
    yield row(which, "Open", ChargePermissionState.CHARGEABLE)
    yield row(which, "Closed", ChargePermissionState.CLOSED)
    yield row(which, "Canceled", ChargePermissionState.CLOSED)
    yield row(which, "Suspended", ChargePermissionState.NON_CHARGEABLE)
    which = Cv1Object.REFUND
    yield row(which, "Pending", RefundState.REFUND_INITIATED)
    yield row(which, "Completed", RefundState.REFUNDED)
    yield row(which, "Declined", RefundState.DECLINED)


STATE_MAPPINGS: Final = tuple(_rows())
"""Every row of the state maps. Draft, of a Billing Agreement, has no row: it became nothing."""

_BY_STATE: Final = MappingProxyType(
    {(row.cv1_object, row.cv1_state, row.condition): row.cv2_state for row in STATE_MAPPINGS}
)
_KEPT_REASONS: Final = MappingProxyType(
    {
        "AmazonRejected": ChargeReason.AMAZON_REJECTED,
        "ProcessingFailure": ChargeReason.PROCESSING_FAILURE,
        "TransactionTimedOut": ChargeReason.TRANSACTION_TIMED_OUT,
    }
)


def state_mappings(*, cv1_object: Cv1Object, cv2_state: str) -> tuple[StateMapping, ...]:
    """The way back: every CV1 state of such an object that CV2 reports as `cv2_state`."""
    return tuple(
        row
        for row in STATE_MAPPINGS
        if row.cv1_object is cv1_object and row.cv2_state.value == cv2_state
    )


def charge_state_from_cv1_authorization(
    state: str, *, reason_code: str | None = None
) -> ChargeState:
    """The Charge state of a CV1 Authorization; `reason_code` is needed when it is Closed.

    A Closed authorization was captured in full (MaxAmountCaptured) or released. Which of the two
    is never guessed. Raises InvalidArgument for a missing reason and for unknown states.
    """
    condition = ""
    if state == "Closed":
        if not reason_code:
            raise InvalidArgument(
                "reason_code",
                reason_code,
                "a Closed authorization was captured or released, and only the reason says which",
                "Give AuthorizationStatus.ReasonCode of GetAuthorizationDetails",
            )
        condition = _WHEN_CAPTURED if reason_code == _FULLY_CAPTURED else _OTHERWISE
    return ChargeState(_lookup(Cv1Object.AUTHORIZATION, state, condition))


def charge_state_from_cv1_capture(state: str) -> ChargeState:
    """The Charge state of a CV1 Capture. Raises InvalidArgument for unknown states."""
    return ChargeState(_lookup(Cv1Object.CAPTURE, state))


def charge_permission_state_from_cv1_order_reference(
    state: str, *, captured: bool
) -> ChargePermissionState:
    """The Charge Permission state of a CV1 Order Reference.

    `captured` says whether a capture under it has succeeded: CV1 kept such an order Open, CV2
    reads it as Closed and may refuse what CV1 still allowed. Raises InvalidArgument for unknown
    states.
    """
    condition = ""
    if state == "Open":
        condition = _AFTER if captured else _BEFORE
    return ChargePermissionState(_lookup(Cv1Object.ORDER_REFERENCE, state, condition))


def refund_state_from_cv1(state: str) -> RefundState:
    """The Refund state of a CV1 Refund. Raises InvalidArgument for unknown states."""
    return RefundState(_lookup(Cv1Object.REFUND, state))


def charge_reason_from_cv1(reason_code: str, *, soft_decline: bool | None = None) -> ChargeReason:
    """What CV2 calls the reason for which a CV1 authorization was declined.

    `soft_decline` is CV1's SoftDecline flag, None when it was absent: InvalidPaymentMethod is soft
    only when the flag says so. What CV2 reports for charges that were declined long ago is not
    documented. Raises InvalidArgument for reasons that CV1 did not have.
    """
    if reason_code == "InvalidPaymentMethod":
        return ChargeReason.SOFT_DECLINED if soft_decline else ChargeReason.HARD_DECLINED
    reason = _KEPT_REASONS.get(reason_code)
    if reason is None:
        raise InvalidArgument(
            "reason_code",
            reason_code,
            f"CV1 declines are InvalidPaymentMethod, {', '.join(_KEPT_REASONS)}",
            "Give AuthorizationStatus.ReasonCode exactly as CV1 spells it",
        )
    return reason


def _lookup(cv1_object: Cv1Object, state: str, condition: str = "") -> Cv2State:
    found = _BY_STATE.get((cv1_object, state, condition))
    if found is not None:
        return found
    known = dict.fromkeys(row.cv1_state for row in STATE_MAPPINGS if row.cv1_object is cv1_object)
    raise InvalidArgument(
        "state",
        state,
        f"a CV1 {cv1_object.value} is one of {', '.join(known)}",
        "Give the state exactly as CV1 spells it",
    )
