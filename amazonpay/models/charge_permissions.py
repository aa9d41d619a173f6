"""The buyer's consent. Source: API reference §7."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from amazonpay.models.buyers import (
    Address,
    Buyer,
    if_readable,
    optional_address,
    optional_buyer,
)
from amazonpay.models.common import NOTHING, kept, merchant_reference, payment_descriptors
from amazonpay.reading import (
    optional_instant,
    optional_object,
    optional_objects,
    optional_text,
    optional_yen,
    required_object,
    required_text,
)
from amazonpay.states import (
    ChargePermissionReason,
    ChargePermissionState,
    ChargePermissionType,
    FrequencyUnit,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionReason:
    """One reason why a Charge Permission is not Chargeable; `description` is free text."""

    code: ChargePermissionReason
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePermission:
    """The buyer's consent. `reasons` is empty while it is Chargeable.

    `amount_limit_yen` is the cap per calendar month and `amount_balance_yen` what is left of it;
    both are None where Amazon does not say (CV1 agreements may lack them). Buyer, addresses and
    `payment_descriptors` are gone 30 days after closing (one-time: after creation).
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
    charge_permission_reference_id: str | None = None
    platform_id: str | None = None
    presentment_currency: str | None = None
    buyer: Buyer | None = field(default=None, repr=False)
    shipping_address: Address | None = field(default=None, repr=False)
    billing_address: Address | None = field(default=None, repr=False)
    payment_descriptors: tuple[str, ...] = field(default=(), repr=False)
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        status = required_object(source, "statusDetails")
        limits = optional_object(source, "limits") or NOTHING
        recurring = optional_object(source, "recurringMetadata") or NOTHING
        frequency = optional_object(recurring, "frequency") or NOTHING
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
            buyer_id=optional_text(optional_object(source, "buyer") or NOTHING, "buyerId"),
            merchant_reference_id=merchant_reference(source),
            created_at=optional_instant(source, "creationTimestamp"),
            expires_at=optional_instant(source, "expirationTimestamp"),
            state_changed_at=optional_instant(status, "lastUpdatedTimestamp"),
            release_environment=optional_text(source, "releaseEnvironment"),
            charge_permission_reference_id=optional_text(source, "chargePermissionReferenceId"),
            platform_id=optional_text(source, "platformId"),
            presentment_currency=optional_text(source, "presentmentCurrency"),
            buyer=if_readable(lambda: optional_buyer(source)),
            shipping_address=if_readable(lambda: optional_address(source, "shippingAddress")),
            billing_address=if_readable(lambda: optional_address(source, "billingAddress")),
            payment_descriptors=if_readable(lambda: payment_descriptors(source)) or (),
            request_id=request_id,
            raw=kept(source),
        )


def _permission_reason(source: Mapping[str, object]) -> PermissionReason:
    return PermissionReason(
        code=ChargePermissionReason(required_text(source, "reasonCode")),
        description=optional_text(source, "reasonDescription"),
    )
