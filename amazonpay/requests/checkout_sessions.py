"""Bodies of the checkout session operations. Source: API reference §6, recurring §2 and §3."""

from dataclasses import dataclass

from amazonpay.errors import InvalidArgument
from amazonpay.requests.addresses import AddressDetails
from amazonpay.requests.checkout_parts import (
    DeliverySpecifications,
    PaymentDetails,
    WebCheckoutDetails,
    check_intent,
)
from amazonpay.requests.common import (
    MerchantMetadata,
    RecurringMetadata,
    canonical_object,
    check_changes,
    check_charge_permission_id,
    check_optional_yen,
    check_text,
    check_yen,
    optional_price,
    price,
    provider_metadata,
    without_none,
)
from amazonpay.states import ChargePermissionType, CheckoutScope, PaymentIntent


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCheckoutSession:
    """Start a checkout; the same object is the payload of the button that makes Amazon start one.

    `scopes` empty means Amazon's default, all but the billing address. A Recurring session needs
    `recurring_metadata`; `charge_permission_id` and `setup_only` belong to PaymentMethodOnFile.
    """

    store_id: str
    web_checkout_details: WebCheckoutDetails
    charge_permission_type: ChargePermissionType | None = None
    recurring_metadata: RecurringMetadata | None = None
    scopes: tuple[CheckoutScope, ...] = ()
    payment_details: PaymentDetails | None = None
    merchant_metadata: MerchantMetadata | None = None
    delivery_specifications: DeliverySpecifications | None = None
    address_details: AddressDetails | None = None
    platform_id: str | None = None
    provider_reference_id: str | None = None
    supplementary_data: str | None = None
    charge_permission_id: str | None = None
    setup_only: bool | None = None

    def __post_init__(self) -> None:
        check_text("store_id", self.store_id, at_least=1, at_most=255)
        _check_common(self.platform_id, self.provider_reference_id, self.supplementary_data)
        check_charge_permission_id(self.charge_permission_id)
        _check_recurring(self.charge_permission_type, self.recurring_metadata)
        if self.recurring_metadata is not None and self.charge_permission_type is None:
            raise _needs_type(self.recurring_metadata)
        self._check_saved_wallet()
        self._check_one_page()

    def to_json(self) -> dict[str, object]:
        """The JSON object, without the members that are None."""
        return without_none(
            storeId=self.store_id,
            webCheckoutDetails=self.web_checkout_details.to_json(),
            chargePermissionType=self.charge_permission_type and self.charge_permission_type.value,
            recurringMetadata=self.recurring_metadata and self.recurring_metadata.to_json(),
            scopes=[scope.value for scope in self.scopes] or None,
            paymentDetails=self.payment_details and self.payment_details.to_json(),
            merchantMetadata=self.merchant_metadata and self.merchant_metadata.to_json(),
            deliverySpecifications=self.delivery_specifications
            and self.delivery_specifications.to_json(),
            addressDetails=self.address_details and self.address_details.to_json(),
            platformId=self.platform_id,
            providerMetadata=provider_metadata(self.provider_reference_id),
            supplementaryData=self.supplementary_data,
            chargePermissionId=self.charge_permission_id,
            paymentMethodOnFileMetadata=(
                None if self.setup_only is None else {"setupOnly": self.setup_only}
            ),
        )

    def to_bytes(self) -> bytes:
        """The body of Create Checkout Session."""
        return canonical_object(self.to_json())

    def _check_saved_wallet(self) -> None:
        if self.charge_permission_type == ChargePermissionType.PAYMENT_METHOD_ON_FILE:
            return
        for field, value in (
            ("charge_permission_id", self.charge_permission_id),
            ("setup_only", self.setup_only),
        ):
            if value is not None:
                raise InvalidArgument(
                    field,
                    value,
                    "it belongs to a session of the type PaymentMethodOnFile",
                    "Leave it out: an existing agreement is charged by Create Charge",
                )

    def _check_one_page(self) -> None:
        if self.web_checkout_details.is_one_page:
            details = self.payment_details
            if details is None or details.payment_intent is None or not details.charge_amount_yen:
                raise InvalidArgument(
                    "payment_details",
                    details,
                    "checkout mode ProcessOrder needs intent and amount from the start",
                    "Give payment_intent and charge_amount_yen",
                )
        elif self.address_details is not None:
            raise InvalidArgument(
                "address_details",
                self.address_details,
                "the address can be given only in checkout mode ProcessOrder",
                "Set web_checkout_details.checkout_mode, or let the buyer choose the address",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCheckoutSession:
    """Set what the session still lacks, such as amount and intent; only while it is Open."""

    web_checkout_details: WebCheckoutDetails | None = None
    payment_details: PaymentDetails | None = None
    merchant_metadata: MerchantMetadata | None = None
    charge_permission_type: ChargePermissionType | None = None
    recurring_metadata: RecurringMetadata | None = None
    platform_id: str | None = None
    provider_reference_id: str | None = None
    supplementary_data: str | None = None

    def __post_init__(self) -> None:
        _check_common(self.platform_id, self.provider_reference_id, self.supplementary_data)
        _check_recurring(self.charge_permission_type, self.recurring_metadata)
        check_changes("web_checkout_details", *self.to_json().values(), None)

    def to_json(self) -> dict[str, object]:
        """The JSON object, without the members that are None."""
        return without_none(
            webCheckoutDetails=self.web_checkout_details and self.web_checkout_details.to_json(),
            paymentDetails=self.payment_details and self.payment_details.to_json(),
            merchantMetadata=self.merchant_metadata and self.merchant_metadata.to_json(),
            chargePermissionType=self.charge_permission_type and self.charge_permission_type.value,
            recurringMetadata=self.recurring_metadata and self.recurring_metadata.to_json(),
            platformId=self.platform_id,
            providerMetadata=provider_metadata(self.provider_reference_id),
            supplementaryData=self.supplementary_data,
        )

    def to_bytes(self) -> bytes:
        """The body of Update Checkout Session."""
        return canonical_object(self.to_json())


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteCheckoutSession:
    """Finish the checkout after the buyer's return.

    `amount_yen` must equal the session's charge amount, or Amazon answers AmountMismatch.
    """

    amount_yen: int
    total_order_amount_yen: int | None = None

    def __post_init__(self) -> None:
        check_yen("amount_yen", self.amount_yen)
        check_optional_yen("total_order_amount_yen", self.total_order_amount_yen)

    def to_bytes(self) -> bytes:
        """The body of Complete Checkout Session."""
        return canonical_object(
            without_none(
                chargeAmount=price(self.amount_yen),
                totalOrderAmount=optional_price(self.total_order_amount_yen),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizeCheckoutSession:
    """Finish a checkout that the buyer confirmed in the merchant's own page (Buy Now)."""

    amount_yen: int
    payment_intent: PaymentIntent
    can_handle_pending_authorization: bool | None = None
    total_order_amount_yen: int | None = None
    supplementary_data: str | None = None
    shipping_address: AddressDetails | None = None
    billing_address: AddressDetails | None = None

    def __post_init__(self) -> None:
        check_yen("amount_yen", self.amount_yen)
        check_optional_yen("total_order_amount_yen", self.total_order_amount_yen)
        check_intent(self.payment_intent, self.can_handle_pending_authorization)
        _check_common(None, None, self.supplementary_data)

    def to_bytes(self) -> bytes:
        """The body of Finalize Checkout Session."""
        return canonical_object(
            without_none(
                chargeAmount=price(self.amount_yen),
                totalOrderAmount=optional_price(self.total_order_amount_yen),
                paymentIntent=self.payment_intent.value,
                canHandlePendingAuthorization=self.can_handle_pending_authorization,
                supplementaryData=self.supplementary_data,
                shippingAddress=self.shipping_address and self.shipping_address.to_json(),
                billingAddress=self.billing_address and self.billing_address.to_json(),
            )
        )


def _check_common(platform: str | None, reference: str | None, supplementary: str | None) -> None:
    check_text("platform_id", platform, at_least=1, at_most=64)
    check_text("provider_reference_id", reference, at_least=1, at_most=256)
    check_text("supplementary_data", supplementary, at_most=4096)


def _check_recurring(
    type_: ChargePermissionType | None, metadata: RecurringMetadata | None
) -> None:
    if type_ == ChargePermissionType.RECURRING and metadata is None:
        raise InvalidArgument(
            "recurring_metadata",
            None,
            "a Recurring session tells the buyer how often and how much",
            "Give recurring_metadata with the frequency; amount_yen may be None",
        )
    if metadata is not None and type_ not in (None, ChargePermissionType.RECURRING):
        raise _needs_type(metadata)


def _needs_type(metadata: RecurringMetadata) -> InvalidArgument:
    return InvalidArgument(
        "recurring_metadata",
        metadata,
        "it belongs to a Recurring session",
        "Set charge_permission_type to Recurring, or leave it out",
    )
