"""Which CV2 operation does the work of which CV1 operation, parameter by parameter.

Parameters stand under the names of CV1's query string. Those marked by meaning are not in
Amazon's own guide; they were chosen because both sides describe the same thing.
Source: migration reference §4 and §5.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from amazonpay.cv1.identifiers import Cv1Kind
from amazonpay.cv1.impossible import IMPOSSIBLE, NotPossibleInCv2
from amazonpay.cv1.states import Cv1Object
from amazonpay.errors import InvalidArgument

IDEMPOTENCY_KEY: Final = "x-amz-pay-idempotency-key"


@dataclass(frozen=True, slots=True)
class Parameter:
    """Where a CV1 parameter goes: a CV2 field or header, or None when it falls away."""

    cv1: str
    cv2: str | None
    rule: str = "unchanged"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Precondition:
    """The state the CV1 object must be in for the call to succeed."""

    cv1_object: Cv1Object
    cv1_state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cv2Operation:
    """One row: the CV1 operation, its CV2 counterpart and the method of our client.

    `always` holds CV2 fields that CV1 had no parameter for and that this operation fixes.
    """

    cv1: str
    cv2: str
    client_method: str
    accepts: Cv1Kind
    parameters: tuple[Parameter, ...] = ()
    always: tuple[tuple[str, bool], ...] = ()
    precondition: Precondition | None = None

    @property
    def target(self) -> Parameter:
        """The parameter that names the object."""
        return next(one for one in self.parameters if one.cv1 == self.accepts.value)


def cv2_operation(cv1_operation: str) -> Cv2Operation:
    """The counterpart of a CV1 operation, as CV1 spells its name.

    Raises NotPossibleInCv2 where there is none, and InvalidArgument for names CV1 did not have.
    """
    found = OPERATIONS.get(cv1_operation)
    if found is not None:
        return found
    impossible = IMPOSSIBLE.get(cv1_operation)
    if impossible is not None:
        raise NotPossibleInCv2(impossible)
    raise InvalidArgument(
        "cv1_operation",
        cv1_operation,
        f"one of {', '.join(OPERATIONS)}",
        "Give the Action of the CV1 request",
    )


def _target(kind: Cv1Kind, field: str) -> Parameter:
    rewritten = kind is Cv1Kind.AUTHORIZATION
    rule = "the A in place 21 becomes C" if rewritten else "unchanged"
    return Parameter(kind.value, field, rule, required=True)


def _amount(cv1: str, cv2: str) -> tuple[Parameter, ...]:
    return (
        Parameter(f"{cv1}.Amount", f"{cv2}.amount", "whole yen", required=True),
        Parameter(f"{cv1}.CurrencyCode", f"{cv2}.currencyCode", "JPY", required=True),
    )


_DESCRIPTOR: Final = Parameter("SoftDescriptor", None, "not usable in Japan")
_AUTHORIZING: Final = (
    *_amount("AuthorizationAmount", "chargeAmount"),
    Parameter(
        "AuthorizationReferenceId", IDEMPOTENCY_KEY, "by meaning; also merchantReferenceId", True
    ),
    Parameter("CaptureNow", "captureNow", "true or false; false when absent"),
    Parameter(
        "TransactionTimeout",
        "canHandlePendingAuthorization",
        "minutes: 0 waits for the answer (false), more does not (true)",
        True,
    ),
    Parameter("SellerAuthorizationNote", "merchantMetadata.noteToBuyer", "by meaning"),
    _DESCRIPTOR,
)
_ORDER_ATTRIBUTES: Final = (
    Parameter("SellerNote", "merchantMetadata.noteToBuyer", "by meaning"),
    Parameter(
        "SellerOrderAttributes.SellerOrderId",
        "merchantMetadata.merchantReferenceId",
        "by meaning; goes before AuthorizationReferenceId",
    ),
    Parameter(
        "SellerOrderAttributes.StoreName", "merchantMetadata.merchantStoreName", "by meaning"
    ),
    Parameter(
        "SellerOrderAttributes.CustomInformation",
        "merchantMetadata.customInformation",
        "by meaning",
    ),
    Parameter("InheritShippingAddress", None, "the permission keeps its address"),
)
_CLOSING: Final = Parameter("ClosureReason", "closureReason", "CV2 requires it", True)
_AGREEMENT: Final = "BillingAgreementAttributes.SellerBillingAgreementAttributes"
_ACCESS: Final = (
    Parameter("AddressConsentToken", None, "CV2 reads with the keys alone"),
    Parameter("AccessToken", None, "CV2 reads with the keys alone"),
)


def _one_time() -> Iterator[Cv2Operation]:
    order = Cv1Kind.ORDER_REFERENCE
    permission = _target(order, "chargePermissionId")
    yield Cv2Operation(
        cv1="Authorize",
        cv2="Create Charge",
        client_method="create_charge",
        accepts=order,
        parameters=(permission, *_AUTHORIZING),
        precondition=Precondition(Cv1Object.ORDER_REFERENCE, "Open"),
    )
    close = Cv2Operation(
        cv1="CloseOrderReference",
        cv2="Close Charge Permission",
        client_method="close_charge_permission",
        accepts=order,
        parameters=(permission, _CLOSING),
        always=(("cancelPendingCharges", False),),
    )
    yield close
    yield replace(
        close,
        cv1="CancelOrderReference",
        parameters=(permission, replace(_CLOSING, cv1="CancelationReason")),
        always=(("cancelPendingCharges", True),),
    )
    yield Cv2Operation(
        cv1="GetOrderReferenceDetails",
        cv2="Get Charge Permission",
        client_method="get_charge_permission",
        accepts=order,
        parameters=(permission, *_ACCESS),
    )


def _authorizations() -> Iterator[Cv2Operation]:
    kind = Cv1Kind.AUTHORIZATION
    charge = _target(kind, "chargeId")
    yield Cv2Operation(
        cv1="Capture",
        cv2="Capture Charge",
        client_method="capture_charge",
        accepts=kind,
        parameters=(
            charge,
            *_amount("CaptureAmount", "captureAmount"),
            Parameter("CaptureReferenceId", IDEMPOTENCY_KEY, "by meaning", True),
            Parameter("SellerCaptureNote", None, "the CV2 call has no note"),
            _DESCRIPTOR,
        ),
    )
    yield Cv2Operation(
        cv1="CloseAuthorization",
        cv2="Cancel Charge",
        client_method="cancel_charge",
        accepts=kind,
        parameters=(charge, replace(_CLOSING, cv2="cancellationReason")),
    )
    yield Cv2Operation(
        cv1="GetAuthorizationDetails",
        cv2="Get Charge",
        client_method="get_charge",
        accepts=kind,
        parameters=(charge,),
    )


def _captures_and_refunds() -> Iterator[Cv2Operation]:
    kind = Cv1Kind.CAPTURE
    charge = _target(kind, "chargeId")
    yield Cv2Operation(
        cv1="GetCaptureDetails",
        cv2="Get Charge",
        client_method="get_charge",
        accepts=kind,
        parameters=(charge,),
    )
    yield Cv2Operation(
        cv1="Refund",
        cv2="Create Refund",
        client_method="create_refund",
        accepts=kind,
        parameters=(
            charge,
            *_amount("RefundAmount", "refundAmount"),
            Parameter("RefundReferenceId", IDEMPOTENCY_KEY, "by meaning", True),
            Parameter("SellerRefundNote", None, "the CV2 call has no note"),
            _DESCRIPTOR,
        ),
        precondition=Precondition(Cv1Object.CAPTURE, "Completed"),
    )
    yield Cv2Operation(
        cv1="GetRefundDetails",
        cv2="Get Refund",
        client_method="get_refund",
        accepts=Cv1Kind.REFUND,
        parameters=(_target(Cv1Kind.REFUND, "refundId"),),
    )


def _agreements() -> Iterator[Cv2Operation]:
    agreement = Cv1Kind.BILLING_AGREEMENT
    permission = _target(agreement, "chargePermissionId")
    yield Cv2Operation(
        cv1="AuthorizeOnBillingAgreement",
        cv2="Create Charge",
        client_method="create_charge",
        accepts=agreement,
        parameters=(permission, *_AUTHORIZING, *_ORDER_ATTRIBUTES),
        precondition=Precondition(Cv1Object.BILLING_AGREEMENT, "Open"),
    )
    yield Cv2Operation(
        cv1="CloseBillingAgreement",
        cv2="Close Charge Permission",
        client_method="close_charge_permission",
        accepts=agreement,
        parameters=(permission, _CLOSING),
        always=(("cancelPendingCharges", False),),
    )
    yield Cv2Operation(
        cv1="GetBillingAgreementDetails",
        cv2="Get Charge Permission",
        client_method="get_charge_permission",
        accepts=agreement,
        parameters=(permission, *_ACCESS),
    )
    yield Cv2Operation(
        cv1="SetBillingAgreementDetails",
        cv2="Update Charge Permission",
        client_method="update_charge_permission",
        accepts=agreement,
        parameters=(permission, *_agreement_attributes()),
    )


def _agreement_attributes() -> Iterator[Parameter]:
    meta = "merchantMetadata"
    yield Parameter("BillingAgreementAttributes.SellerNote", f"{meta}.noteToBuyer", "by meaning")
    names = {
        "SellerBillingAgreementId": "merchantReferenceId",
        "StoreName": "merchantStoreName",
        "CustomInformation": "customInformation",
    }
    for cv1, cv2 in names.items():
        yield Parameter(f"{_AGREEMENT}.{cv1}", f"{meta}.{cv2}", "by meaning")


OPERATIONS: Final[Mapping[str, Cv2Operation]] = MappingProxyType(
    {
        row.cv1: row
        for rows in (_one_time(), _authorizations(), _captures_and_refunds(), _agreements())
        for row in rows
    }
)
"""Every CV1 operation that has a counterpart, by its CV1 name."""
