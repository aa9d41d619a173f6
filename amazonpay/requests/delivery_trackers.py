"""Body of Create Delivery Tracker. Source: API reference §10."""

from dataclasses import dataclass

from amazonpay.errors import InvalidArgument
from amazonpay.requests.common import canonical, check_charge_permission_id, check_text


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDetail:
    """One parcel. `carrier_code` as in Amazon's list of carriers, such as YAMATO or SAGAWA."""

    tracking_number: str
    carrier_code: str

    def __post_init__(self) -> None:
        check_text("tracking_number", self.tracking_number, at_least=1, at_most=64)
        check_text("carrier_code", self.carrier_code, at_least=1, at_most=64)

    def to_json(self) -> dict[str, object]:
        """The JSON object."""
        return {"trackingNumber": self.tracking_number, "carrierCode": self.carrier_code}


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateDeliveryTracker:
    """Tell Amazon about parcels, so that Alexa can tell the buyer; each number works once.

    Give `charge_permission_id`, or `amazon_order_reference_id` for an order made with CV1.
    """

    deliveries: tuple[DeliveryDetail, ...]
    charge_permission_id: str | None = None
    amazon_order_reference_id: str | None = None

    def __post_init__(self) -> None:
        check_charge_permission_id(self.charge_permission_id)
        check_text(
            "amazon_order_reference_id", self.amazon_order_reference_id, at_least=1, at_most=64
        )
        if (self.charge_permission_id is None) == (self.amazon_order_reference_id is None):
            raise InvalidArgument(
                "charge_permission_id",
                self.charge_permission_id,
                "parcels belong to one order",
                "Give charge_permission_id or amazon_order_reference_id, not both",
            )
        if not self.deliveries:
            raise InvalidArgument(
                "deliveries", self.deliveries, "at least one parcel", "Give a DeliveryDetail"
            )

    def to_bytes(self) -> bytes:
        """The body of Create Delivery Tracker."""
        return canonical(
            chargePermissionId=self.charge_permission_id,
            amazonOrderReferenceId=self.amazon_order_reference_id,
            deliveryDetails=[delivery.to_json() for delivery in self.deliveries],
        )
