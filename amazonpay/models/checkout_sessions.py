"""A checkout on its way from the button to the agreement. Source: API reference §5 and §6."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from amazonpay.models.buyers import (
    Address,
    Buyer,
    if_readable,
    optional_address,
    optional_buyer,
)
from amazonpay.models.common import (
    NOTHING,
    kept,
    merchant_reference,
    payment_descriptors,
    provider_reference,
)
from amazonpay.reading import (
    optional_bool,
    optional_instant,
    optional_object,
    optional_objects,
    optional_text,
    optional_texts,
    optional_yen,
    read_object,
    required_object,
    required_text,
)
from amazonpay.states import (
    ChargePermissionType,
    CheckoutConstraint,
    CheckoutMode,
    CheckoutSessionReason,
    CheckoutSessionState,
    FrequencyUnit,
    PaymentIntent,
    ProductType,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConstraint:
    """One thing an Open session still lacks; `description` is free text."""

    constraint_id: CheckoutConstraint
    description: str | None

    @classmethod
    def from_json(cls, source: Mapping[str, object]) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        return cls(
            constraint_id=CheckoutConstraint(required_text(source, "constraintId")),
            description=optional_text(source, "description"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionWebCheckoutDetails:
    """Where the buyer's browser goes.

    `amazon_pay_redirect_url` is where to send the buyer next; None while a constraint is left.
    """

    checkout_review_return_url: str | None = None
    checkout_result_return_url: str | None = None
    checkout_cancel_url: str | None = None
    amazon_pay_redirect_url: str | None = None
    checkout_mode: CheckoutMode | None = None

    @classmethod
    def from_json(cls, source: Mapping[str, object]) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        mode = optional_text(source, "checkoutMode")
        return cls(
            checkout_review_return_url=optional_text(source, "checkoutReviewReturnUrl"),
            checkout_result_return_url=optional_text(source, "checkoutResultReturnUrl"),
            checkout_cancel_url=optional_text(source, "checkoutCancelUrl"),
            amazon_pay_redirect_url=optional_text(source, "amazonPayRedirectUrl"),
            checkout_mode=None if mode is None else CheckoutMode(mode),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPaymentDetails:
    """What is to be paid; all None until the merchant has set it, and again after completion."""

    payment_intent: PaymentIntent | None = None
    can_handle_pending_authorization: bool | None = None
    charge_amount_yen: int | None = None
    total_order_amount_yen: int | None = None
    presentment_currency: str | None = None
    soft_descriptor: str | None = None
    allow_overcharge: bool | None = None
    extend_expiration: bool | None = None

    @classmethod
    def from_json(cls, source: Mapping[str, object]) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        intent = optional_text(source, "paymentIntent")
        return cls(
            payment_intent=None if intent is None else PaymentIntent(intent),
            can_handle_pending_authorization=optional_bool(source, "canHandlePendingAuthorization"),
            charge_amount_yen=optional_yen(source, "chargeAmount"),
            total_order_amount_yen=optional_yen(source, "totalOrderAmount"),
            presentment_currency=optional_text(source, "presentmentCurrency"),
            soft_descriptor=optional_text(source, "softDescriptor"),
            allow_overcharge=optional_bool(source, "allowOvercharge"),
            extend_expiration=optional_bool(source, "extendExpiration"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutSession:
    """A checkout. Before the buyer comes there is no `buyer`; after completion there is none
    either, and the data is read from the Charge Permission. Buyer, addresses and payment
    descriptors in a form that is not known here are left out; `raw` keeps them.

    `pending` is set by Complete and Finalize only: True when Amazon still decides about the
    authorization (202), False when it is done (200), None after any other operation.
    `charge_id` is None when nothing is charged at completion (intent Confirm).
    """

    checkout_session_id: str
    state: CheckoutSessionState
    pending: bool | None = None
    reason_code: CheckoutSessionReason | None = None
    reason_description: str | None = None
    constraints: tuple[SessionConstraint, ...] = ()
    charge_permission_type: ChargePermissionType | None = None
    product_type: ProductType | None = None
    web_checkout_details: SessionWebCheckoutDetails = SessionWebCheckoutDetails()
    payment_details: SessionPaymentDetails = SessionPaymentDetails()
    frequency_unit: FrequencyUnit | None = None
    frequency_value: str | None = None
    recurring_amount_yen: int | None = None
    merchant_reference_id: str | None = None
    provider_reference_id: str | None = None
    platform_id: str | None = None
    store_id: str | None = None
    supplementary_data: str | None = field(default=None, repr=False)
    buyer: Buyer | None = field(default=None, repr=False)
    shipping_address: Address | None = field(default=None, repr=False)
    billing_address: Address | None = field(default=None, repr=False)
    shipping_addresses: tuple[Address, ...] = field(default=(), repr=False)
    payment_descriptors: tuple[str, ...] = field(default=(), repr=False)
    charge_permission_id: str | None = None
    charge_id: str | None = None
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
        type_ = optional_text(source, "chargePermissionType")
        product = optional_text(source, "productType")
        recurring = optional_object(source, "recurringMetadata") or NOTHING
        frequency = optional_object(recurring, "frequency") or NOTHING
        unit = optional_text(frequency, "unit")
        web = optional_object(source, "webCheckoutDetails") or NOTHING
        payment = optional_object(source, "paymentDetails") or NOTHING
        return cls(
            checkout_session_id=required_text(source, "checkoutSessionId"),
            state=CheckoutSessionState(required_text(status, "state")),
            reason_code=None if reason is None else CheckoutSessionReason(reason),
            reason_description=optional_text(status, "reasonDescription"),
            constraints=tuple(
                map(SessionConstraint.from_json, optional_objects(source, "constraints"))
            ),
            charge_permission_type=None if type_ is None else ChargePermissionType(type_),
            product_type=None if product is None else ProductType(product),
            web_checkout_details=SessionWebCheckoutDetails.from_json(web),
            payment_details=SessionPaymentDetails.from_json(payment),
            frequency_unit=None if unit is None else FrequencyUnit(unit),
            frequency_value=optional_text(frequency, "value"),
            recurring_amount_yen=optional_yen(recurring, "amount"),
            merchant_reference_id=merchant_reference(source),
            provider_reference_id=provider_reference(source),
            platform_id=optional_text(source, "platformId"),
            store_id=optional_text(source, "storeId"),
            supplementary_data=optional_text(source, "supplementaryData"),
            buyer=if_readable(lambda: optional_buyer(source)),
            shipping_address=if_readable(lambda: optional_address(source, "shippingAddress")),
            billing_address=if_readable(lambda: optional_address(source, "billingAddress")),
            shipping_addresses=if_readable(lambda: _shipping_addresses(source)) or (),
            payment_descriptors=if_readable(lambda: payment_descriptors(source)) or (),
            charge_permission_id=optional_text(source, "chargePermissionId"),
            charge_id=optional_text(source, "chargeId"),
            created_at=optional_instant(source, "creationTimestamp"),
            expires_at=optional_instant(source, "expirationTimestamp"),
            state_changed_at=optional_instant(status, "lastUpdatedTimestamp"),
            release_environment=optional_text(source, "releaseEnvironment"),
            request_id=request_id,
            raw=kept(source),
        )

    @classmethod
    def from_completion(
        cls, source: Mapping[str, object], *, status: int, request_id: str | None = None
    ) -> Self:
        """Reads the answer of Complete or Finalize, whose HTTP status says whether it is done."""
        return replace(cls.from_json(source, request_id=request_id), pending=status == 202)


def _shipping_addresses(source: Mapping[str, object]) -> tuple[Address, ...]:
    # Sessions with several addresses list them as JSON inside texts.
    texts = optional_texts(source, "shippingAddressList") or ()
    return tuple(Address.from_json(read_object(text.encode())) for text in texts)
