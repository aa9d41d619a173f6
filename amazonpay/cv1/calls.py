"""From the parameters of a CV1 request to the CV2 call that does the same.

Strict on purpose: a parameter that is not in the table is refused, because dropping it silently
would change what the request means. The signing parameters every CV1 request had are ignored.
Source: migration reference §4 and §5.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from amazonpay.cv1.identifiers import cv2_id_from_cv1
from amazonpay.cv1.operations import IDEMPOTENCY_KEY, Cv2Operation, cv2_operation
from amazonpay.errors import InvalidArgument
from amazonpay.requests import (
    CancelCharge,
    CaptureCharge,
    CloseChargePermission,
    CreateCharge,
    CreateRefund,
    MerchantMetadata,
    UpdateChargePermission,
)

Request = (
    CancelCharge
    | CaptureCharge
    | CloseChargePermission
    | CreateCharge
    | CreateRefund
    | UpdateChargePermission
)

_TRANSPORT: Final = frozenset(
    {
        "AWSAccessKeyId",
        "Action",
        "MWSAuthToken",
        "SellerId",
        "Signature",
        "SignatureMethod",
        "SignatureVersion",
        "Timestamp",
        "Version",
    }
)
"""Part of every CV1 request; keys and signatures are the client's business now."""
_KEY: Final = re.compile(r"[0-9A-Za-z_-]{1,32}")
_DIGITS: Final = re.compile(r"[0-9]{1,8}")
_METADATA: Final = MappingProxyType(
    {
        "merchantMetadata.merchantReferenceId": "merchant_reference_id",
        "merchantMetadata.merchantStoreName": "merchant_store_name",
        "merchantMetadata.noteToBuyer": "note_to_buyer",
        "merchantMetadata.customInformation": "custom_information",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cv2Call:
    """A CV2 call, ready for the client: `getattr(client, call.operation.client_method)`.

    `target_id` is the id in the path, None when the id stands in the body. `request` is None for
    reading. `idempotency_key` is CV1's reference id, which played the same part there.
    """

    operation: Cv2Operation
    target_id: str | None
    request: Request | None
    idempotency_key: str | None


@dataclass(frozen=True, slots=True)
class _Fields:
    """CV2 fields in text, each remembering the CV1 parameter it came from."""

    operation: Cv2Operation
    values: Mapping[str, tuple[str, str]]

    def text(self, field: str) -> str | None:
        return self.values[field][1] if field in self.values else None

    def yen(self, money: str) -> int:
        name, currency = self.values[f"{money}.currencyCode"]
        if currency != "JPY":
            raise InvalidArgument(
                name, currency, "amounts are in JPY", "Give JPY; other currencies are not supported"
            )
        name, amount = self.values[f"{money}.amount"]
        if not _DIGITS.fullmatch(amount):
            raise InvalidArgument(
                name, amount, "whole yen in digits, without fraction or separator", "Give 1980"
            )
        return int(amount)

    def flag(self, field: str) -> bool:
        name, word = self.values.get(field, ("", "false"))
        if word not in ("true", "false"):
            raise InvalidArgument(name, word, "true or false", "Write it in lower case")
        return word == "true"

    def pending(self) -> bool:
        name, minutes = self.values["canHandlePendingAuthorization"]
        if not _DIGITS.fullmatch(minutes):
            raise InvalidArgument(
                name, minutes, "minutes in digits", "Give 0 to wait for the answer, else 1440"
            )
        return int(minutes) > 0

    def always(self, field: str) -> bool:
        return dict(self.operation.always)[field]

    def metadata(self, *, reference: str | None = None) -> MerchantMetadata | None:
        given = {ours: self.text(field) for field, ours in _METADATA.items()}
        given["merchant_reference_id"] = given["merchant_reference_id"] or reference
        return MerchantMetadata(**given) if any(given.values()) else None


def cv2_call(cv1_operation: str, parameters: Mapping[str, str]) -> Cv2Call:
    """The CV2 call for a CV1 request; `parameters` as they stood in its query string.

    Raises NotPossibleInCv2 where CV2 has no counterpart, InvalidArgument (naming the CV1
    parameter) for a parameter that is missing, unknown or malformed. Whether the object is in the
    state that `operation.precondition` asks for, only Amazon knows.
    """
    operation = cv2_operation(cv1_operation)
    fields = _translated(operation, parameters)
    target = cv2_id_from_cv1(kind=operation.accepts, value=parameters[operation.target.cv1])
    build = _BUILDERS.get(operation.client_method)
    in_body = operation.client_method in ("create_charge", "create_refund")
    return Cv2Call(
        operation=operation,
        target_id=None if in_body else target,
        request=None if build is None else build(target, fields),
        idempotency_key=_key(fields),
    )


def _translated(operation: Cv2Operation, parameters: Mapping[str, str]) -> _Fields:
    table = {one.cv1: one for one in operation.parameters}
    for name in parameters:
        if name not in table and name not in _TRANSPORT:
            raise InvalidArgument(
                name,
                parameters[name],
                f"{operation.cv1} has no such parameter that CV2 could honour",
                f"Leave it out, or use one of {', '.join(table)}",
            )
    for one in operation.parameters:
        if one.required and not parameters.get(one.cv1):
            raise InvalidArgument(
                one.cv1,
                parameters.get(one.cv1),
                f"needed for {operation.cv2}",
                "Give it as in the CV1 request",
            )
    _refuse_two_sources(operation, parameters)
    return _Fields(
        operation,
        {
            one.cv2: (one.cv1, parameters[one.cv1])
            for one in operation.parameters
            if one.cv2 is not None and parameters.get(one.cv1)
        },
    )


def _refuse_two_sources(operation: Cv2Operation, parameters: Mapping[str, str]) -> None:
    sources: dict[str, str] = {}
    for one in operation.parameters:
        if one.cv2 is None or not parameters.get(one.cv1):
            continue
        other = sources.setdefault(one.cv2, one.cv1)
        if other != one.cv1:
            raise InvalidArgument(
                one.cv1,
                parameters[one.cv1],
                f"CV2 has one {one.cv2}, and {other} fills it already",
                "Give one of the two",
            )


def _key(fields: _Fields) -> str | None:
    found = fields.values.get(IDEMPOTENCY_KEY)
    if found is None:
        return None
    name, key = found
    if not _KEY.fullmatch(key):
        raise InvalidArgument(
            name, key, "1 to 32 letters, digits, hyphens or underscores", "Give CV1's reference id"
        )
    return key


def _create_charge(target: str, fields: _Fields) -> Request:
    capture_now, pending = fields.flag("captureNow"), fields.pending()
    if capture_now and pending:
        raise InvalidArgument(
            "TransactionTimeout",
            fields.text("canHandlePendingAuthorization"),
            "CV2 cannot capture at once what it may decide later",
            "Give 0, or leave CaptureNow out and capture after the notification",
        )
    return CreateCharge(
        charge_permission_id=target,
        amount_yen=fields.yen("chargeAmount"),
        capture_now=capture_now,
        can_handle_pending_authorization=pending,
        merchant_metadata=fields.metadata(reference=_key(fields)),
    )


def _capture_charge(_target: str, fields: _Fields) -> Request:
    return CaptureCharge(amount_yen=fields.yen("captureAmount"))


def _cancel_charge(_target: str, fields: _Fields) -> Request:
    return CancelCharge(cancellation_reason=fields.text("cancellationReason") or "")


def _create_refund(target: str, fields: _Fields) -> Request:
    return CreateRefund(charge_id=target, amount_yen=fields.yen("refundAmount"))


def _close_permission(_target: str, fields: _Fields) -> Request:
    return CloseChargePermission(
        closure_reason=fields.text("closureReason") or "",
        cancel_pending_charges=fields.always("cancelPendingCharges"),
    )


def _update_permission(_target: str, fields: _Fields) -> Request:
    return UpdateChargePermission(merchant_metadata=fields.metadata())


_BUILDERS: Final[Mapping[str, Callable[[str, _Fields], Request]]] = MappingProxyType(
    {
        "create_charge": _create_charge,
        "capture_charge": _capture_charge,
        "cancel_charge": _cancel_charge,
        "create_refund": _create_refund,
        "close_charge_permission": _close_permission,
        "update_charge_permission": _update_permission,
    }
)
