"""The objects Amazon Pay answers with, typed and frozen.

Only what an object is worthless without is required (its id, its state, a charge's amount and
permission); everything else may be null, as it is for agreements migrated from CV1. `raw` keeps
the whole answer, unknown fields included. It holds personal data of the buyer: it is left out of
repr and comparison, so that no log shows it. Source: API reference §5, §7 to §9.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Self

from amazonpay.reading import (
    optional_instant,
    optional_object,
    optional_objects,
    optional_text,
    optional_yen,
    required_object,
    required_text,
    required_yen,
)
from amazonpay.states import (
    ChargePermissionReason,
    ChargePermissionState,
    ChargePermissionType,
    ChargeReason,
    ChargeState,
    FrequencyUnit,
    RefundReason,
    RefundState,
)

_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionReason:
    """One reason why a Charge Permission is not Chargeable; `description` is free text."""

    code: ChargePermissionReason
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePermission:
    """The buyer's consent. `reasons` is empty while it is Chargeable.

    `amount_limit_yen` is the cap per calendar month and `amount_balance_yen` what is left of it;
    both are None where Amazon does not say (CV1 agreements may lack them).
    """

    charge_permission_id: str
    state: ChargePermissionState
    reasons: tuple[PermissionReason, ...] = ()
    type: ChargePermissionType | None = None
    amount_limit_yen: int | None = None
    amount_balance_yen: int | None = None
    frequency_unit: FrequencyUnit | None = None
    frequency_value: str | None = None
    recurring_amount_yen: int | None = None
    buyer_id: str | None = None
    merchant_reference_id: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    state_changed_at: datetime | None = None
    release_environment: str | None = None
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        status = required_object(source, "statusDetails")
        limits = optional_object(source, "limits") or _NOTHING
        recurring = optional_object(source, "recurringMetadata") or _NOTHING
        frequency = optional_object(recurring, "frequency") or _NOTHING
        type_ = optional_text(source, "chargePermissionType")
        unit = optional_text(frequency, "unit")
        return cls(
            charge_permission_id=required_text(source, "chargePermissionId"),
            state=ChargePermissionState(required_text(status, "state")),
            reasons=tuple(map(_permission_reason, optional_objects(status, "reasons"))),
            type=None if type_ is None else ChargePermissionType(type_),
            amount_limit_yen=optional_yen(limits, "amountLimit"),
            amount_balance_yen=optional_yen(limits, "amountBalance"),
            frequency_unit=None if unit is None else FrequencyUnit(unit),
            frequency_value=optional_text(frequency, "value"),
            recurring_amount_yen=optional_yen(recurring, "amount"),
            buyer_id=optional_text(optional_object(source, "buyer") or _NOTHING, "buyerId"),
            merchant_reference_id=_merchant_reference(source),
            created_at=optional_instant(source, "creationTimestamp"),
            expires_at=optional_instant(source, "expirationTimestamp"),
            state_changed_at=optional_instant(status, "lastUpdatedTimestamp"),
            release_environment=optional_text(source, "releaseEnvironment"),
            request_id=request_id,
            raw=MappingProxyType(dict(source)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One taking of money. Amounts are whole yen; `captured_yen` is None until something is."""

    charge_id: str
    charge_permission_id: str
    state: ChargeState
    charge_amount_yen: int
    captured_yen: int | None = None
    refunded_yen: int | None = None
    reason_code: ChargeReason | None = None
    reason_description: str | None = None
    merchant_reference_id: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    state_changed_at: datetime | None = None
    release_environment: str | None = None
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        status = required_object(source, "statusDetails")
        reason = optional_text(status, "reasonCode")
        return cls(
            charge_id=required_text(source, "chargeId"),
            charge_permission_id=required_text(source, "chargePermissionId"),
            state=ChargeState(required_text(status, "state")),
            charge_amount_yen=required_yen(source, "chargeAmount"),
            captured_yen=optional_yen(source, "captureAmount"),
            refunded_yen=optional_yen(source, "refundedAmount"),
            reason_code=None if reason is None else ChargeReason(reason),
            reason_description=optional_text(status, "reasonDescription"),
            merchant_reference_id=_merchant_reference(source),
            created_at=optional_instant(source, "creationTimestamp"),
            expires_at=optional_instant(source, "expirationTimestamp"),
            state_changed_at=optional_instant(status, "lastUpdatedTimestamp"),
            release_environment=optional_text(source, "releaseEnvironment"),
            request_id=request_id,
            raw=MappingProxyType(dict(source)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money on its way back to the buyer; final only when Refunded or Declined."""

    refund_id: str
    charge_id: str
    state: RefundState
    refund_amount_yen: int
    reason_code: RefundReason | None = None
    reason_description: str | None = None
    created_at: datetime | None = None
    state_changed_at: datetime | None = None
    release_environment: str | None = None
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        status = required_object(source, "statusDetails")
        reason = optional_text(status, "reasonCode")
        return cls(
            refund_id=required_text(source, "refundId"),
            charge_id=required_text(source, "chargeId"),
            state=RefundState(required_text(status, "state")),
            refund_amount_yen=required_yen(source, "refundAmount"),
            reason_code=None if reason is None else RefundReason(reason),
            reason_description=optional_text(status, "reasonDescription"),
            created_at=optional_instant(source, "creationTimestamp"),
            state_changed_at=optional_instant(status, "lastUpdatedTimestamp"),
            release_environment=optional_text(source, "releaseEnvironment"),
            request_id=request_id,
            raw=MappingProxyType(dict(source)),
        )


def _permission_reason(source: Mapping[str, object]) -> PermissionReason:
    return PermissionReason(
        code=ChargePermissionReason(required_text(source, "reasonCode")),
        description=optional_text(source, "reasonDescription"),
    )


def _merchant_reference(source: Mapping[str, object]) -> str | None:
    metadata = optional_object(source, "merchantMetadata") or _NOTHING
    return optional_text(metadata, "merchantReferenceId")
