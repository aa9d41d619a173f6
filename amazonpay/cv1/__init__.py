"""From CV1 (Billing Agreement, Order Reference) to CV2: ids, states, operations, limits.

Old objects keep their ids for ever and are managed with CV2 calls; this package says which call,
under which id, and refuses what CV2 cannot do. Everything is pure; nothing is sent.
"""

from amazonpay.cv1.calls import Cv2Call, cv2_call
from amazonpay.cv1.identifiers import (
    Cv1Id,
    Cv1Kind,
    cv2_id_from_cv1,
    parse_cv1_id,
)
from amazonpay.cv1.impossible import IMPOSSIBLE, Impossible, NotPossibleInCv2
from amazonpay.cv1.limits import (
    AGREEMENT_EXPIRES_MONTHS_AFTER_LAST_CHARGE,
    AUTHORIZATION_DAYS_LIVE,
    AUTHORIZATION_DAYS_SANDBOX,
    AUTHORIZATIONS_PER_ORDER_REFERENCE_CV1,
    CHARGES_PER_ONE_TIME_PERMISSION_CV2,
    MONTHLY_CAP_YEN_CV1,
    MONTHLY_CAP_YEN_CV2,
    ORDER_REFERENCE_DAYS,
    ORDER_REFERENCE_MONTHS_EXTENDED,
    SYNCHRONOUS_CAPTURE_DAYS,
    planning_cap_yen,
)
from amazonpay.cv1.operations import (
    OPERATIONS,
    Cv2Operation,
    Parameter,
    Precondition,
    cv2_operation,
)
from amazonpay.cv1.states import (
    STATE_MAPPINGS,
    Cv1Object,
    StateMapping,
    charge_permission_state_from_cv1_order_reference,
    charge_reason_from_cv1,
    charge_state_from_cv1_authorization,
    charge_state_from_cv1_capture,
    refund_state_from_cv1,
    state_mappings,
)
from amazonpay.ids import (
    authorization_id_from_charge_id,
    charge_id_from_cv1,
    charge_permission_state_from_cv1,
)

__all__ = [
    "AGREEMENT_EXPIRES_MONTHS_AFTER_LAST_CHARGE",
    "AUTHORIZATIONS_PER_ORDER_REFERENCE_CV1",
    "AUTHORIZATION_DAYS_LIVE",
    "AUTHORIZATION_DAYS_SANDBOX",
    "CHARGES_PER_ONE_TIME_PERMISSION_CV2",
    "IMPOSSIBLE",
    "MONTHLY_CAP_YEN_CV1",
    "MONTHLY_CAP_YEN_CV2",
    "OPERATIONS",
    "ORDER_REFERENCE_DAYS",
    "ORDER_REFERENCE_MONTHS_EXTENDED",
    "STATE_MAPPINGS",
    "SYNCHRONOUS_CAPTURE_DAYS",
    "Cv1Id",
    "Cv1Kind",
    "Cv1Object",
    "Cv2Call",
    "Cv2Operation",
    "Impossible",
    "NotPossibleInCv2",
    "Parameter",
    "Precondition",
    "StateMapping",
    "authorization_id_from_charge_id",
    "charge_id_from_cv1",
    "charge_permission_state_from_cv1",
    "charge_permission_state_from_cv1_order_reference",
    "charge_reason_from_cv1",
    "charge_state_from_cv1_authorization",
    "charge_state_from_cv1_capture",
    "cv2_call",
    "cv2_id_from_cv1",
    "cv2_operation",
    "parse_cv1_id",
    "planning_cap_yen",
    "refund_state_from_cv1",
    "state_mappings",
]
