"""The wire to Amazon Pay (Checkout v2, Japan): typed client, signatures, identifiers.

This is the public door; everything listed here is meant for others, nothing else is. Errors are
sorted by what the caller may do next: see `amazonpay.errors`.
"""

from amazonpay.client import JAPAN, AmazonPayClient, AsyncAmazonPayClient
from amazonpay.errors import (
    AmazonPayError,
    DefiniteRefusal,
    InvalidArgument,
    Misconfigured,
    Throttled,
    UnknownOutcome,
    UnusableKey,
)
from amazonpay.ids import (
    charge_id_from_cv1,
    charge_permission_state_from_cv1,
    is_charge_id,
    is_charge_permission_id,
    is_one_time_permission_id,
    is_recurring_permission_id,
    is_refund_id,
)
from amazonpay.keys import Environment, PrivateKey, environment_of_key_id, load_private_key
from amazonpay.models import Charge, ChargePermission, PermissionReason, Refund
from amazonpay.requests import (
    CancelCharge,
    CaptureCharge,
    CloseChargePermission,
    CreateCharge,
    CreateRefund,
    MerchantMetadata,
    RecurringMetadata,
    UpdateChargePermission,
)
from amazonpay.signing import Algorithm, sign_payload, verify
from amazonpay.states import (
    ChargePermissionReason,
    ChargePermissionState,
    ChargePermissionType,
    ChargeReason,
    ChargeState,
    ErrorCode,
    FrequencyUnit,
    RefundReason,
    RefundState,
)
from amazonpay.wire import Credentials

__all__ = [
    "JAPAN",
    "Algorithm",
    "AmazonPayClient",
    "AmazonPayError",
    "AsyncAmazonPayClient",
    "CancelCharge",
    "CaptureCharge",
    "Charge",
    "ChargePermission",
    "ChargePermissionReason",
    "ChargePermissionState",
    "ChargePermissionType",
    "ChargeReason",
    "ChargeState",
    "CloseChargePermission",
    "CreateCharge",
    "CreateRefund",
    "Credentials",
    "DefiniteRefusal",
    "Environment",
    "ErrorCode",
    "FrequencyUnit",
    "InvalidArgument",
    "MerchantMetadata",
    "Misconfigured",
    "PermissionReason",
    "PrivateKey",
    "RecurringMetadata",
    "Refund",
    "RefundReason",
    "RefundState",
    "Throttled",
    "UnknownOutcome",
    "UnusableKey",
    "UpdateChargePermission",
    "charge_id_from_cv1",
    "charge_permission_state_from_cv1",
    "environment_of_key_id",
    "is_charge_id",
    "is_charge_permission_id",
    "is_one_time_permission_id",
    "is_recurring_permission_id",
    "is_refund_id",
    "load_private_key",
    "sign_payload",
    "verify",
]
