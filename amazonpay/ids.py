"""Shapes of Amazon Pay identifiers, and the rewrite of CV1 identifiers and states to CV2.

P and S are one-time, B and C recurring (the first of each pair live, the second sandbox); the two
digits are the region (03 Japan). Never derive one id from another: a renewal's charge id starts
with an order-style prefix of its own. The letter never decides the environment, the key does.
Source: identifier formats (api §4) and the migration rules (cv1-migration §3 and §6).
"""

import re
from types import MappingProxyType
from typing import Final

from amazonpay.errors import InvalidArgument
from amazonpay.states import ChargePermissionState

_ORDER: Final = r"[0-9]{2}-[0-9]{7}-[0-9]{7}"
_ONE_TIME: Final = re.compile(rf"[PS]{_ORDER}")
_RECURRING: Final = re.compile(rf"[BC]{_ORDER}")
_CHARGE: Final = re.compile(rf"[PSBC]{_ORDER}-C[0-9]{{6}}")
_REFUND: Final = re.compile(rf"[PSBC]{_ORDER}-R[0-9]{{6}}")
_CV1_AUTHORIZATION: Final = re.compile(rf"([PSBC]{_ORDER})-[AC]([0-9]{{6}})")

_CV1_AGREEMENT_STATES: Final = MappingProxyType(
    {
        "Open": ChargePermissionState.CHARGEABLE,
        "Suspended": ChargePermissionState.NON_CHARGEABLE,
        "Closed": ChargePermissionState.CLOSED,
        "Canceled": ChargePermissionState.CLOSED,
    }
)


def is_one_time_permission_id(value: str) -> bool:
    """True for `P03-…` and `S03-…`; a CV1 Order Reference id has the same shape."""
    return _ONE_TIME.fullmatch(value) is not None


def is_recurring_permission_id(value: str) -> bool:
    """True for `B03-…` and `C03-…`; a CV1 Billing Agreement id has the same shape."""
    return _RECURRING.fullmatch(value) is not None


def is_charge_permission_id(value: str) -> bool:
    """True for a one-time or a recurring Charge Permission id."""
    return is_one_time_permission_id(value) or is_recurring_permission_id(value)


def is_charge_id(value: str) -> bool:
    """True for `<order id>-Cdddddd`."""
    return _CHARGE.fullmatch(value) is not None


def is_refund_id(value: str) -> bool:
    """True for `<order id>-Rdddddd`."""
    return _REFUND.fullmatch(value) is not None


def charge_id_from_cv1(authorization_id: str) -> str:
    """The CV2 charge id of a CV1 authorization: the A in place 21 becomes C; a C is kept.

    Raises InvalidArgument for any other shape: a guessed id could name somebody else's charge.
    """
    match = _CV1_AUTHORIZATION.fullmatch(authorization_id)
    if match is None:
        raise InvalidArgument(
            "authorization_id",
            authorization_id,
            "a CV1 authorization id has 27 characters: P, S, B or C, then "
            "dd-ddddddd-ddddddd-Adddddd with A (or C) in place 21",
            "Give the AmazonAuthorizationId unchanged, as in S01-5797829-1888777-A043451",
        )
    return f"{match[1]}-C{match[2]}"


def authorization_id_from_charge_id(charge_id: str) -> str:
    """The CV1 authorization id behind a rewritten charge id: the C in place 21 becomes A again.

    An A is kept. Only for ids that came from a CV1 authorization: a CV1 capture and a charge born
    in CV2 look alike, and what they become here names nothing. Store both ids where you can.
    Raises InvalidArgument for any other shape.
    """
    match = _CV1_AUTHORIZATION.fullmatch(charge_id)
    if match is None:
        raise InvalidArgument(
            "charge_id",
            charge_id,
            "a charge id has 27 characters: P, S, B or C, then dd-ddddddd-ddddddd-Cdddddd with C "
            "(or A) in place 21",
            "Give the charge id unchanged, as in S01-5797829-1888777-C043451",
        )
    return f"{match[1]}-A{match[2]}"


def charge_permission_state_from_cv1(billing_agreement_state: str) -> ChargePermissionState:
    """The Charge Permission state that a CV1 Billing Agreement in this state has in CV2.

    Raises InvalidArgument for Draft, which has no counterpart, and for unknown states.
    """
    state = _CV1_AGREEMENT_STATES.get(billing_agreement_state)
    if state is not None:
        return state
    if billing_agreement_state == "Draft":
        rule = "Draft has no counterpart in CV2: the checkout was never finished"
        remedy = "Leave the agreement out of the migration and invite the buyer to a new checkout"
    else:
        rule = f"a CV1 Billing Agreement is one of {', '.join(_CV1_AGREEMENT_STATES)} (or Draft)"
        remedy = "Give the state exactly as CV1 spells it"
    raise InvalidArgument("billing_agreement_state", billing_agreement_state, rule, remedy)
