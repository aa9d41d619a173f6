"""The words Amazon Pay uses for states and reasons, as open enumerations.

A word Amazon adds tomorrow is kept as text: it compares, prints and stores like any other, and
only `.known` tells it apart. Nothing here ever raises on an unknown word.
Source: the state tables and error tables of the Amazon Pay v2 (CV2) reference.
"""

from enum import StrEnum
from typing import Self


class OpenEnum(StrEnum):
    """An enumeration that survives words it does not list."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        # The new member is not registered: foreign text must not grow the class without bound.
        if not isinstance(value, str):
            return None
        stranger = str.__new__(cls, value)
        stranger._name_ = value
        stranger._value_ = value
        return stranger

    @property
    def known(self) -> bool:
        """True when the word is one that Amazon documents and this package lists."""
        return type(self).__members__.get(self._name_) is self


class ChargePermissionType(OpenEnum):
    """What the buyer consented to."""

    ONE_TIME = "OneTime"
    RECURRING = "Recurring"
    PAYMENT_METHOD_ON_FILE = "PaymentMethodOnFile"


class FrequencyUnit(OpenEnum):
    """Unit of `recurringMetadata.frequency`."""

    YEAR = "Year"
    MONTH = "Month"
    WEEK = "Week"
    DAY = "Day"
    VARIABLE = "Variable"


class ChargePermissionState(OpenEnum):
    """Whether a Charge Permission can be charged now, perhaps later, or never again."""

    CHARGEABLE = "Chargeable"
    NON_CHARGEABLE = "NonChargeable"
    CLOSED = "Closed"


class ChargePermissionReason(OpenEnum):
    """Why a Charge Permission is NonChargeable (first block) or Closed (second block)."""

    PAYMENT_METHOD_INVALID = "PaymentMethodInvalid"
    PAYMENT_METHOD_DELETED = "PaymentMethodDeleted"
    PAYMENT_METHOD_EXPIRED = "PaymentMethodExpired"
    PAYMENT_METHOD_NOT_ALLOWED = "PaymentMethodNotAllowed"
    PAYMENT_METHOD_NOT_SET = "PaymentMethodNotSet"
    BILLING_ADDRESS_DELETED = "BillingAddressDeleted"
    CHARGE_IN_PROGRESS = "ChargeInProgress"
    MFA_FAILED = "MFAFailed"
    AMOUNT_NOT_SET = "AmountNotSet"

    MERCHANT_CLOSED = "MerchantClosed"
    MERCHANT_CANCELED = "MerchantCanceled"
    BUYER_CLOSED = "BuyerClosed"
    BUYER_CANCELED = "BuyerCanceled"
    AMAZON_CANCELED = "AmazonCanceled"
    AMAZON_CLOSED = "AmazonClosed"
    EXPIRED = "Expired"


class ChargeState(OpenEnum):
    """Where a Charge stands between authorisation and capture."""

    AUTHORIZATION_INITIATED = "AuthorizationInitiated"
    AUTHORIZED = "Authorized"
    CAPTURE_INITIATED = "CaptureInitiated"
    CAPTURED = "Captured"
    CANCELED = "Canceled"
    DECLINED = "Declined"


class ChargeReason(OpenEnum):
    """Why a Charge is Canceled (first block) or Declined (second block)."""

    EXPIRED_UNUSED = "ExpiredUnused"
    AMAZON_CANCELED = "AmazonCanceled"
    MERCHANT_CANCELED = "MerchantCanceled"
    CHARGE_PERMISSION_CANCELED = "ChargePermissionCanceled"
    BUYER_CANCELED = "BuyerCanceled"

    SOFT_DECLINED = "SoftDeclined"
    HARD_DECLINED = "HardDeclined"
    AMAZON_REJECTED = "AmazonRejected"
    PROCESSING_FAILURE = "ProcessingFailure"
    TRANSACTION_TIMED_OUT = "TransactionTimedOut"


class RefundState(OpenEnum):
    """Where a Refund stands; every refund is asynchronous."""

    REFUND_INITIATED = "RefundInitiated"
    REFUNDED = "Refunded"
    DECLINED = "Declined"
    PENDING = "Pending"


class RefundReason(OpenEnum):
    """Why a Refund was declined."""

    AMAZON_REJECTED = "AmazonRejected"
    PROCESSING_FAILURE = "ProcessingFailure"


class ErrorCode(OpenEnum):
    """`reasonCode` of an error answer, in the order of the reference's HTTP groups."""

    # 400
    INVALID_HEADER_VALUE = "InvalidHeaderValue"
    INVALID_REQUEST = "InvalidRequest"
    INVALID_PARAMETER_VALUE = "InvalidParameterValue"
    INVALID_REQUEST_FORMAT = "InvalidRequestFormat"
    MISSING_HEADER = "MissingHeader"
    MISSING_HEADER_VALUE = "MissingHeaderValue"
    MISSING_PARAMETER_VALUE = "MissingParameterValue"
    UNRECOGNIZED_FIELD = "UnrecognizedField"
    INVALID_SANDBOX_SIMULATION_SPECIFIED = "InvalidSandboxSimulationSpecified"
    DUPLICATE_IDEMPOTENCY_KEY = "DuplicateIdempotencyKey"
    INVALID_PARAMETER_COMBINATION = "InvalidParameterCombination"
    CURRENCY_MISMATCH = "CurrencyMismatch"
    INVALID_API_VERSION = "InvalidAPIVersion"
    TRANSACTION_AMOUNT_EXCEEDED = "TransactionAmountExceeded"
    PERIODIC_AMOUNT_EXCEEDED = "PeriodicAmountExceeded"
    # 401, 403
    UNAUTHORIZED_ACCESS = "UnauthorizedAccess"
    INVALID_AUTHENTICATION = "InvalidAuthentication"
    INVALID_ACCOUNT_STATUS = "InvalidAccountStatus"
    INVALID_REQUEST_SIGNATURE = "InvalidRequestSignature"
    INVALID_AUTHORIZATION_TOKEN = "InvalidAuthorizationToken"  # noqa: S105 - a code, no secret
    # 404, 405, 408, 409
    RESOURCE_NOT_FOUND = "ResourceNotFound"
    UNSUPPORTED_OPERATION = "UnsupportedOperation"
    REQUEST_NOT_SUPPORTED = "RequestNotSupported"
    REQUEST_TIMEOUT = "RequestTimeout"
    AMOUNT_MISMATCH = "AmountMismatch"
    # 422
    INVALID_CHECKOUT_SESSION_STATUS = "InvalidCheckoutSessionStatus"
    CHECKOUT_SESSION_CANCELED = "CheckoutSessionCanceled"
    CHARGE_PERMISSION_NOT_MODIFIABLE = "ChargePermissionNotModifiable"
    INVALID_CHARGE_PERMISSION_STATUS = "InvalidChargePermissionStatus"
    INVALID_CHARGE_STATUS = "InvalidChargeStatus"
    SOFT_DECLINED = "SoftDeclined"
    HARD_DECLINED = "HardDeclined"
    PAYMENT_METHOD_NOT_ALLOWED = "PaymentMethodNotAllowed"
    AMAZON_REJECTED = "AmazonRejected"
    MFA_NOT_COMPLETED = "MFANotCompleted"
    TRANSACTION_TIMED_OUT = "TransactionTimedOut"
    TRANSACTION_COUNT_EXCEEDED = "TransactionCountExceeded"
    # 426, 429, 500, 503
    TLS_VERSION_NOT_SUPPORTED = "TLSVersionNotSupported"
    TOO_MANY_REQUESTS = "TooManyRequests"
    INTERNAL_SERVER_ERROR = "InternalServerError"
    PROCESSING_FAILURE = "ProcessingFailure"
    SERVICE_UNAVAILABLE = "ServiceUnavailable"
