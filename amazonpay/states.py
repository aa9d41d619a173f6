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


class CheckoutSessionState(OpenEnum):
    """Where a checkout stands; only an Open session can be changed or completed."""

    OPEN = "Open"
    COMPLETED = "Completed"
    CANCELED = "Canceled"


class CheckoutSessionReason(OpenEnum):
    """Why a Checkout Session is Canceled."""

    BUYER_CANCELED = "BuyerCanceled"
    EXPIRED = "Expired"
    AMAZON_CANCELED = "AmazonCanceled"
    DECLINED = "Declined"


class CheckoutConstraint(OpenEnum):
    """What an Open session still lacks before the buyer can be sent on."""

    BUYER_NOT_ASSOCIATED = "BuyerNotAssociated"
    CHARGE_AMOUNT_NOT_SET = "ChargeAmountNotSet"
    CHECKOUT_RESULT_RETURN_URL_NOT_SET = "CheckoutResultReturnUrlNotSet"
    PAYMENT_INTENT_NOT_SET = "PaymentIntentNotSet"
    RECURRING_FREQUENCY_NOT_SET = "RecurringFrequencyNotSet"


class ProductType(OpenEnum):
    """What the button was for."""

    PAY_AND_SHIP = "PayAndShip"
    PAY_ONLY = "PayOnly"
    SIGN_IN = "SignIn"


class PaymentIntent(OpenEnum):
    """What happens to the money when a checkout is completed."""

    CONFIRM = "Confirm"
    AUTHORIZE = "Authorize"
    AUTHORIZE_WITH_CAPTURE = "AuthorizeWithCapture"


class CheckoutMode(OpenEnum):
    """ProcessOrder: Amazon's pages take the order in one go, without a review page of ours."""

    PROCESS_ORDER = "ProcessOrder"


class CheckoutScope(OpenEnum):
    """Which data of the buyer a checkout asks for."""

    NAME = "name"
    EMAIL = "email"
    PHONE_NUMBER = "phoneNumber"
    BILLING_ADDRESS = "billingAddress"
    POSTAL_CODE = "postalCode"
    SHIPPING_ADDRESS = "shippingAddress"
    PRIME_STATUS = "primeStatus"


class AddressRestrictionType(OpenEnum):
    """Whether the listed regions are the only ones served, or the ones not served."""

    ALLOWED = "Allowed"
    NOT_ALLOWED = "NotAllowed"


class ChargeInitiator(OpenEnum):
    """Who started a charge (C customer, M merchant) and how (U unscheduled, R recurring).

    The reading of the letters is not documented; leaving the field out is always accepted.
    """

    CUSTOMER_UNSCHEDULED = "CITU"
    MERCHANT_UNSCHEDULED = "MITU"
    CUSTOMER_RECURRING = "CITR"
    MERCHANT_RECURRING = "MITR"


class ChargeChannel(OpenEnum):
    """Where the buyer and the merchant met."""

    WEB = "Web"
    PHONE = "Phone"
    APP = "App"
    ALEXA = "Alexa"
    POINT_OF_SALE = "PointOfSale"
    FIRE_TV = "FireTv"
    OFFLINE = "Offline"
    AMAZON = "Amazon"


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


class ReportType(OpenEnum):
    """The reports Amazon Pay makes. In the sandbox only SANDBOX_SETTLEMENT exists."""

    SETTLEMENT = "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_SETTLEMENT_DATA_"
    SANDBOX_SETTLEMENT = "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_SANDBOX_SETTLEMENT_DATA_"
    ORDER_REFERENCE = "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_ORDER_REFERENCE_DATA_"
    BILLING_AGREEMENT = "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_BILLING_AGREEMENT_DATA_"
    AUTHORIZATION = "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_AUTHORIZATION_DATA_"
    CAPTURE = "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_CAPTURE_DATA_"
    REFUND = "_GET_FLAT_FILE_OFFAMAZONPAYMENTS_REFUND_DATA_"
    MULTI_CURRENCY_PAYMENTS = "_GET_CSV_CUSTOM_OFFAMAZONPAYMENTS_MULTI_CURRENCY_PAYMENTS_DATA_"


class ReportProcessingStatus(OpenEnum):
    """Where a report stands; CANCELLED also when there was nothing to report."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class ScheduleFrequency(OpenEnum):
    """How often a scheduled report is made, as ISO 8601 durations."""

    MINUTES_5 = "PT5M"
    MINUTES_15 = "PT15M"
    MINUTES_30 = "PT30M"
    HOURS_1 = "PT1H"
    HOURS_2 = "PT2H"
    HOURS_4 = "PT4H"
    HOURS_8 = "PT8H"
    HOURS_12 = "PT12H"
    HOURS_24 = "PT24H"
    HOURS_84 = "PT84H"
    DAYS_1 = "P1D"
    DAYS_2 = "P2D"
    DAYS_3 = "P3D"
    DAYS_7 = "P7D"
    DAYS_14 = "P14D"
    DAYS_15 = "P15D"
    DAYS_18 = "P18D"
    DAYS_30 = "P30D"


class SettlementTransactionType(OpenEnum):
    """What moved money in a settlement report."""

    AUTHORIZATION = "Authorization"
    CAPTURE = "Capture"
    REFUND = "Refund"
    DEBT = "Debt"
    A_TO_Z_GUARANTEE_CLAIM = "A to Z Guarantee Claim"
    CHARGEBACK = "Chargeback"
    DISPUTE = "Dispute"
    ADJUSTMENT = "Adjustment"
