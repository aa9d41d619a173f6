"""The texts a button carries: what Amazon shall make when the buyer clicks.

Each value is checked when it is made and turns into one JSON text, always the same. The text is
plain ASCII, so no page encoding can change a byte between our signature and Amazon's check.
Source: API reference §5 and §6, recurring reference §3 and §7, sign-in reference §2.
"""

import json
from dataclasses import dataclass
from typing import Final

from amazonpay.buttons.checks import check_known, check_scopes, check_store_id, check_url
from amazonpay.errors import InvalidArgument
from amazonpay.ids import is_one_time_permission_id
from amazonpay.requests import (
    AddressDetails,
    CreateCheckoutSession,
    DeliverySpecifications,
    MerchantMetadata,
    PaymentDetails,
    RecurringMetadata,
    WebCheckoutDetails,
)
from amazonpay.requests.common import without_none
from amazonpay.states import ChargePermissionType, CheckoutScope

Urls = tuple[tuple[str, str | None], ...]

_TYPES: Final = (ChargePermissionType.ONE_TIME, ChargePermissionType.RECURRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutSessionPayload:
    """The Checkout Session that a click on the button makes.

    Without a checkout mode the buyer comes back to the review page; with ProcessOrder the order is
    placed on Amazon's page, and result page and amount are needed. Recurring needs
    `recurring_metadata`. PaymentMethodOnFile is refused: it is another product.
    """

    store_id: str
    web_checkout_details: WebCheckoutDetails
    charge_permission_type: ChargePermissionType = ChargePermissionType.ONE_TIME
    recurring_metadata: RecurringMetadata | None = None
    scopes: tuple[CheckoutScope, ...] = ()
    payment_details: PaymentDetails | None = None
    merchant_metadata: MerchantMetadata | None = None
    delivery_specifications: DeliverySpecifications | None = None
    address_details: AddressDetails | None = None

    def __post_init__(self) -> None:
        check_store_id(self.store_id)
        for field, url in self.urls():
            check_url(field, url)
        check_scopes("scopes", self.scopes)
        check_known("checkout_mode", self.web_checkout_details.checkout_mode)
        _check_type(self)
        _check_payment(self.payment_details, self.charge_permission_type)
        _check_review_page(self.web_checkout_details)
        self.session()

    @property
    def is_one_page(self) -> bool:
        """True when the order is placed on Amazon's page."""
        return self.web_checkout_details.is_one_page

    def urls(self) -> Urls:
        """The addresses with their field names."""
        return _urls(self.web_checkout_details)

    def session(self) -> CreateCheckoutSession:
        """The same session as a request; raises InvalidArgument for what a request may not say."""
        return CreateCheckoutSession(
            store_id=self.store_id,
            web_checkout_details=self.web_checkout_details,
            charge_permission_type=self.charge_permission_type,
            recurring_metadata=self.recurring_metadata,
            scopes=self.scopes,
            payment_details=self.payment_details,
            merchant_metadata=self.merchant_metadata,
            delivery_specifications=self.delivery_specifications,
            address_details=self.address_details,
        )

    def to_json_text(self) -> str:
        """The exact text to sign and to send as `payloadJSON`."""
        return _text(self.session().to_json())


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPayload:
    """Where a buyer comes back to from Amazon Sign-in, and what we ask to know.

    The id of the buyer comes in any case. `sign_in_cancel_url` is known from one shop system only
    and is not in Amazon's documents: leave it out unless Amazon has confirmed it to you.
    """

    sign_in_return_url: str
    store_id: str
    sign_in_scopes: tuple[CheckoutScope, ...] = ()
    sign_in_cancel_url: str | None = None

    def __post_init__(self) -> None:
        check_store_id(self.store_id)
        for field, url in self.urls():
            check_url(field, url)
        check_scopes("sign_in_scopes", self.sign_in_scopes)

    def urls(self) -> Urls:
        """The addresses with their field names."""
        return (
            ("sign_in_return_url", self.sign_in_return_url),
            ("sign_in_cancel_url", self.sign_in_cancel_url),
        )

    def to_json_text(self) -> str:
        """The exact text to sign and to send as `payloadJSON`."""
        return _text(
            without_none(
                signInReturnUrl=self.sign_in_return_url,
                storeId=self.store_id,
                signInScopes=[scope.value for scope in self.sign_in_scopes] or None,
                signInCancelUrl=self.sign_in_cancel_url,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradePayload:
    """Ask the buyer, after a one-time checkout, to consent to recurring payments.

    The buyer comes back to the result page with a Checkout Session to complete.
    Amazon's script reads the account and language from this text; `upgrade_action` adds them.
    """

    store_id: str
    charge_permission_id: str
    recurring_metadata: RecurringMetadata
    web_checkout_details: WebCheckoutDetails
    payment_details: PaymentDetails | None = None

    def __post_init__(self) -> None:
        check_store_id(self.store_id)
        _check_result_page(self.web_checkout_details)
        _check_payment(self.payment_details, ChargePermissionType.RECURRING)
        for field, url in self.urls():
            check_url(field, url)
        if not is_one_time_permission_id(self.charge_permission_id):
            raise InvalidArgument(
                "charge_permission_id",
                self.charge_permission_id,
                "the id of a one-time Charge Permission, P or S and dd-ddddddd-ddddddd",
                "Give the permission of the checkout that was completed before",
            )

    def urls(self) -> Urls:
        """The addresses with their field names."""
        return _urls(self.web_checkout_details)

    def to_json_text(self, *, merchant_id: str, checkout_language: str, product_type: str) -> str:
        """The exact text to sign and to send as `payloadJSON`."""
        return _text(
            without_none(
                merchantId=merchant_id,
                ledgerCurrency="JPY",
                checkoutLanguage=checkout_language,
                productType=product_type,
                webCheckoutDetails=self.web_checkout_details.to_json(),
                storeId=self.store_id,
                chargePermissionId=self.charge_permission_id,
                chargePermissionType=ChargePermissionType.RECURRING.value,
                recurringMetadata=self.recurring_metadata.to_json(),
                paymentDetails=self.payment_details and self.payment_details.to_json(),
            )
        )


def _text(members: dict[str, object]) -> str:
    return json.dumps(members, separators=(",", ":"), ensure_ascii=True)


def _urls(details: WebCheckoutDetails) -> Urls:
    return (
        ("checkout_review_return_url", details.checkout_review_return_url),
        ("checkout_result_return_url", details.checkout_result_return_url),
        ("checkout_cancel_url", details.checkout_cancel_url),
    )


def _check_type(payload: CheckoutSessionPayload) -> None:
    kind = payload.charge_permission_type
    if kind not in _TYPES:
        raise InvalidArgument(
            "charge_permission_type",
            kind.value,
            "OneTime or Recurring; saved wallets (PaymentMethodOnFile) are another product",
            "Use Recurring for payments that come back",
        )
    if (kind == ChargePermissionType.RECURRING) != (payload.recurring_metadata is not None):
        raise InvalidArgument(
            "recurring_metadata",
            payload.recurring_metadata,
            "given with Recurring, and only with Recurring",
            "Give the frequency (and the amount, when it is always the same)",
        )


def _check_payment(details: PaymentDetails | None, kind: ChargePermissionType) -> None:
    if details is None:
        return
    check_known("payment_intent", details.payment_intent)
    if details.extend_expiration and kind == ChargePermissionType.RECURRING:
        raise InvalidArgument(
            "extend_expiration", True, "only for one-time permissions", "Leave it out"
        )


def _check_review_page(details: WebCheckoutDetails) -> None:
    address = details.checkout_review_return_url
    if details.is_one_page and address is not None:
        raise InvalidArgument(
            "checkout_review_return_url",
            address,
            "with ProcessOrder the order is placed at Amazon; no review page is shown",
            "Give checkout_result_return_url instead",
        )
    if not details.is_one_page and address is None:
        raise InvalidArgument(
            "checkout_review_return_url",
            None,
            "without a checkout mode the buyer comes back to a review page",
            "Give its address, or set checkout_mode to ProcessOrder",
        )


def _check_result_page(details: WebCheckoutDetails) -> None:
    if details.checkout_result_return_url is None:
        raise InvalidArgument(
            "checkout_result_return_url",
            None,
            "after the upgrade the buyer comes back to a result page",
            "Give the address of the page that completes the Checkout Session",
        )
