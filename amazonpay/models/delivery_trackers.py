"""Parcels Amazon has been told about. Source: API reference §10."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from amazonpay.models.common import kept
from amazonpay.reading import optional_objects, optional_text


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedDelivery:
    """One parcel."""

    tracking_number: str | None
    carrier_code: str | None

    @classmethod
    def from_json(cls, source: Mapping[str, object]) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        return cls(
            tracking_number=optional_text(source, "trackingNumber"),
            carrier_code=optional_text(source, "carrierCode"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTracker:
    """The parcels of one order, as Amazon echoes them."""

    charge_permission_id: str | None = None
    amazon_order_reference_id: str | None = None
    deliveries: tuple[TrackedDelivery, ...] = ()
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        return cls(
            charge_permission_id=optional_text(source, "chargePermissionId"),
            amazon_order_reference_id=optional_text(source, "amazonOrderReferenceId"),
            deliveries=tuple(
                map(TrackedDelivery.from_json, optional_objects(source, "deliveryDetails"))
            ),
            request_id=request_id,
            raw=kept(source),
        )
