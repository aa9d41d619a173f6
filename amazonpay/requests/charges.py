"""Bodies of the charge operations: create, update, capture, cancel. Source: API reference §8."""

from collections.abc import Mapping
from dataclasses import dataclass

from amazonpay.errors import InvalidArgument
from amazonpay.requests.common import (
    MerchantMetadata,
    canonical,
    canonical_object,
    check_charge_permission_id,
    check_pending,
    check_soft_descriptor,
    check_text,
    check_url,
    check_yen,
    price,
    provider_metadata,
)
from amazonpay.states import ChargeChannel, ChargeInitiator


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCharge:
    """Take `amount_yen` under a Charge Permission, in one step unless `capture_now` is False.

    Amazon itself would only authorise by default; here the default says what a renewal means.

    `charge_permission_id` may be a CV1 order reference or billing agreement. The members after
    `merchant_metadata` are for providers and saved wallets; left out, they are not sent at all.
    `soft_descriptor` cannot be used in Japan and is refused.
    """

    charge_permission_id: str
    amount_yen: int
    capture_now: bool = True
    can_handle_pending_authorization: bool = False
    merchant_metadata: MerchantMetadata | None = None
    charge_initiator: ChargeInitiator | None = None
    channel: ChargeChannel | None = None
    platform_id: str | None = None
    provider_reference_id: str | None = None
    checkout_result_return_url: str | None = None
    soft_descriptor: str | None = None

    def __post_init__(self) -> None:
        check_charge_permission_id(self.charge_permission_id)
        check_yen("amount_yen", self.amount_yen)
        check_pending(
            immediate=self.capture_now,
            can_handle_pending=self.can_handle_pending_authorization,
            remedy="Set capture_now or can_handle_pending_authorization, not both",
        )
        check_text("platform_id", self.platform_id, at_least=1, at_most=64)
        check_text("provider_reference_id", self.provider_reference_id, at_least=1, at_most=256)
        check_url("checkout_result_return_url", self.checkout_result_return_url)
        check_soft_descriptor(self.soft_descriptor)

    def to_bytes(self) -> bytes:
        """The body of Create Charge."""
        url = self.checkout_result_return_url
        return canonical(
            chargePermissionId=self.charge_permission_id,
            chargeAmount=price(self.amount_yen),
            captureNow=self.capture_now,
            canHandlePendingAuthorization=self.can_handle_pending_authorization,
            merchantMetadata=self.merchant_metadata and self.merchant_metadata.to_json(),
            chargeInitiator=self.charge_initiator and self.charge_initiator.value,
            channel=self.channel and self.channel.value,
            platformId=self.platform_id,
            providerMetadata=provider_metadata(self.provider_reference_id),
            webCheckoutDetails=None if url is None else {"checkoutResultReturnUrl": url},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCharge:
    """Members of a Charge that a payment service provider changes (nobody else may).

    `members` is the JSON object as Amazon agreed it with the provider: no public page lists the
    fields, so none is invented here. JSON values only, and no floats.
    """

    members: Mapping[str, object]

    def __post_init__(self) -> None:
        if not self.members or not _is_exact_json(self.members):
            raise InvalidArgument(
                "members",
                self.members,
                "a JSON object that changes something, without floats",
                "Give texts, ints, booleans, None, lists and dicts; amounts are texts",
            )

    def to_bytes(self) -> bytes:
        """The body of Update Charge."""
        return canonical_object(self.members)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureCharge:
    """Capture `amount_yen` of an authorised Charge; less than authorised releases the rest."""

    amount_yen: int
    soft_descriptor: str | None = None

    def __post_init__(self) -> None:
        check_yen("amount_yen", self.amount_yen)
        check_soft_descriptor(self.soft_descriptor)

    def to_bytes(self) -> bytes:
        """The body of Capture Charge."""
        return canonical(captureAmount=price(self.amount_yen))


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelCharge:
    """Release an authorisation that will not be captured."""

    cancellation_reason: str

    def __post_init__(self) -> None:
        check_text("cancellation_reason", self.cancellation_reason, at_least=1, at_most=255)

    def to_bytes(self) -> bytes:
        """The body of Cancel Charge."""
        return canonical(cancellationReason=self.cancellation_reason)


def _is_exact_json(value: object) -> bool:
    match value:
        case None | bool() | int():
            return True
        case str():
            return not any("\ud800" <= character <= "\udfff" for character in value)
        case list() | tuple():
            return all(map(_is_exact_json, value))
        case dict():
            return all(isinstance(key, str) for key in value) and _is_exact_json(
                [*value.keys(), *value.values()]
            )
        case _:
            return False
