"""The parts a checkout session is asked for with: addresses of pages, payment, delivery.

Source: API reference §5 and §6.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from amazonpay.errors import InvalidArgument
from amazonpay.requests.common import (
    check_changes,
    check_optional_yen,
    check_pending,
    check_soft_descriptor,
    check_text,
    check_url,
    optional_price,
    without_none,
)
from amazonpay.states import AddressRestrictionType, CheckoutMode, PaymentIntent


@dataclass(frozen=True, slots=True, kw_only=True)
class WebCheckoutDetails:
    """Where the buyer's browser goes.

    Either back to a review page, or, with `checkout_mode` ProcessOrder, through Amazon's pages in
    one go; then `checkout_result_return_url` is needed from the start.
    """

    checkout_review_return_url: str | None = None
    checkout_result_return_url: str | None = None
    checkout_cancel_url: str | None = None
    checkout_mode: CheckoutMode | None = None

    def __post_init__(self) -> None:
        check_url("checkout_review_return_url", self.checkout_review_return_url)
        check_url("checkout_result_return_url", self.checkout_result_return_url)
        check_url("checkout_cancel_url", self.checkout_cancel_url)
        check_changes(
            "checkout_review_return_url",
            self.checkout_review_return_url,
            self.checkout_result_return_url,
            self.checkout_cancel_url,
            self.checkout_mode,
        )
        if self.is_one_page and self.checkout_result_return_url is None:
            raise InvalidArgument(
                "checkout_result_return_url",
                None,
                "checkout mode ProcessOrder skips the review page and returns to the result page",
                "Give the address of the result page",
            )

    @property
    def is_one_page(self) -> bool:
        """True when Amazon's pages take the order without a review page of ours."""
        return self.checkout_mode == CheckoutMode.PROCESS_ORDER

    def to_json(self) -> dict[str, object]:
        """The JSON object, without the members that are None."""
        return without_none(
            checkoutReviewReturnUrl=self.checkout_review_return_url,
            checkoutResultReturnUrl=self.checkout_result_return_url,
            checkoutCancelUrl=self.checkout_cancel_url,
            checkoutMode=self.checkout_mode and self.checkout_mode.value,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDetails:
    """What is to be paid, and what shall happen to the money at completion.

    With the intent Confirm nothing is charged, but `charge_amount_yen` must still be positive
    (a free trial gives its later price). `soft_descriptor` is refused: not usable in Japan.
    """

    payment_intent: PaymentIntent | None = None
    charge_amount_yen: int | None = None
    can_handle_pending_authorization: bool | None = None
    total_order_amount_yen: int | None = None
    estimate_order_total_yen: int | None = None
    presentment_currency: str | None = None
    allow_overcharge: bool | None = None
    extend_expiration: bool | None = None
    soft_descriptor: str | None = None

    def __post_init__(self) -> None:
        check_optional_yen("charge_amount_yen", self.charge_amount_yen)
        check_optional_yen("total_order_amount_yen", self.total_order_amount_yen)
        check_optional_yen("estimate_order_total_yen", self.estimate_order_total_yen)
        check_soft_descriptor(self.soft_descriptor)
        check_intent(self.payment_intent, self.can_handle_pending_authorization)
        if self.presentment_currency not in (None, "JPY"):
            raise InvalidArgument(
                "presentment_currency",
                self.presentment_currency,
                "amounts here are yen",
                "Leave it out or give JPY",
            )
        check_changes("payment_intent", *self.to_json().values(), None)

    def to_json(self) -> dict[str, object]:
        """The JSON object, without the members that are None."""
        return without_none(
            paymentIntent=self.payment_intent and self.payment_intent.value,
            canHandlePendingAuthorization=self.can_handle_pending_authorization,
            chargeAmount=optional_price(self.charge_amount_yen),
            totalOrderAmount=optional_price(self.total_order_amount_yen),
            estimateOrderTotal=optional_price(self.estimate_order_total_yen),
            presentmentCurrency=self.presentment_currency,
            allowOvercharge=self.allow_overcharge,
            extendExpiration=self.extend_expiration,
        )


def check_intent(intent: PaymentIntent | None, can_handle_pending: bool | None) -> None:
    """Refuses AuthorizeWithCapture together with a pending authorization."""
    check_pending(
        immediate=intent == PaymentIntent.AUTHORIZE_WITH_CAPTURE,
        can_handle_pending=can_handle_pending,
        remedy="Use the intent Authorize and capture later, or do not accept pending",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRestriction:
    """Parts of one country; both empty means the whole country."""

    states_or_regions: tuple[str, ...] = ()
    zip_codes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The JSON object, without empty lists."""
        return without_none(
            statesOrRegions=list(self.states_or_regions) or None,
            zipCodes=list(self.zip_codes) or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySpecifications:
    """Where goods may go. `restrictions` maps country codes to parts of that country."""

    special_restrictions: tuple[str, ...] = ()
    restriction_type: AddressRestrictionType | None = None
    restrictions: Mapping[str, RegionRestriction] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def __post_init__(self) -> None:
        if (self.restriction_type is None) != (not self.restrictions):
            raise InvalidArgument(
                "restriction_type",
                self.restriction_type,
                "the type says whether the listed regions are allowed or not",
                "Give restriction_type and restrictions together, or neither",
            )
        check_changes("special_restrictions", self.special_restrictions or None, self._addresses())
        for country in self.restrictions:
            check_text("restrictions", country, at_least=2, at_most=2)

    def to_json(self) -> dict[str, object]:
        """The JSON object, without what is not restricted."""
        return without_none(
            specialRestrictions=list(self.special_restrictions) or None,
            addressRestrictions=self._addresses(),
        )

    def _addresses(self) -> dict[str, object] | None:
        if self.restriction_type is None:
            return None
        regions = {country: region.to_json() for country, region in self.restrictions.items()}
        return {"type": self.restriction_type.value, "restrictions": regions}
