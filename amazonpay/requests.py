"""The requests we send, typed; each turns into canonical JSON bytes, always the same ones.

The same values give the same bytes on every machine and in every release (keys sorted, no spaces,
UTF-8): a replay under the same idempotency key must not differ by one byte. Values that Amazon
would refuse are refused here, before anything is written down. Source: API reference §5, §7 to §9.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from amazonpay.errors import InvalidArgument
from amazonpay.states import FrequencyUnit

_LARGEST_YEN: Final = 10_000_000
"""Amazon Pay Japan takes and refunds at most ¥10,000,000 in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantMetadata:
    """What the buyer sees in mails and history, except `custom_information`, which is ours."""

    merchant_reference_id: str | None = None
    merchant_store_name: str | None = None
    note_to_buyer: str | None = None
    custom_information: str | None = None

    def __post_init__(self) -> None:
        _check_text("merchant_reference_id", self.merchant_reference_id, at_most=256)
        _check_text("merchant_store_name", self.merchant_store_name, at_most=50)
        _check_text("note_to_buyer", self.note_to_buyer, at_most=255)
        _check_text("custom_information", self.custom_information, at_most=4096)

    def to_json(self) -> dict[str, object]:
        """The JSON object, without the children that are None."""
        return _without_none(
            merchantReferenceId=self.merchant_reference_id,
            merchantStoreName=self.merchant_store_name,
            noteToBuyer=self.note_to_buyer,
            customInformation=self.custom_information,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurringMetadata:
    """How often, and how much, the buyer is told to expect; `amount_yen` None when it varies."""

    frequency_unit: FrequencyUnit
    frequency_value: int
    amount_yen: int | None = None

    def __post_init__(self) -> None:
        if self.amount_yen is not None:
            _check_yen("amount_yen", self.amount_yen)
        variable = self.frequency_unit == FrequencyUnit.VARIABLE
        if (self.frequency_value == 0) != variable or self.frequency_value < 0:
            raise InvalidArgument(
                "frequency_value",
                self.frequency_value,
                "0 with the unit Variable, 1 or more with any other unit",
                "Give the number of units between two charges",
            )

    def to_json(self) -> dict[str, object]:
        """The JSON object; the value goes out as text, because Amazon refuses a number there."""
        frequency = {"unit": self.frequency_unit.value, "value": str(self.frequency_value)}
        amount = None if self.amount_yen is None else _price(self.amount_yen)
        return {"frequency": frequency, "amount": amount}


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCharge:
    """Take `amount_yen` under a Charge Permission; with `capture_now` in one step."""

    charge_permission_id: str
    amount_yen: int
    capture_now: bool = True
    can_handle_pending_authorization: bool = False
    merchant_metadata: MerchantMetadata | None = None

    def __post_init__(self) -> None:
        _check_text("charge_permission_id", self.charge_permission_id, at_least=1, at_most=64)
        _check_yen("amount_yen", self.amount_yen)
        if self.capture_now and self.can_handle_pending_authorization:
            raise InvalidArgument(
                "can_handle_pending_authorization",
                True,
                "a pending authorization cannot be captured at once",
                "Set capture_now or can_handle_pending_authorization, not both",
            )

    def to_bytes(self) -> bytes:
        """The body of Create Charge."""
        return _canonical(
            chargePermissionId=self.charge_permission_id,
            chargeAmount=_price(self.amount_yen),
            captureNow=self.capture_now,
            canHandlePendingAuthorization=self.can_handle_pending_authorization,
            merchantMetadata=self.merchant_metadata and self.merchant_metadata.to_json(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureCharge:
    """Capture `amount_yen` of an authorised Charge; less than authorised releases the rest."""

    amount_yen: int

    def __post_init__(self) -> None:
        _check_yen("amount_yen", self.amount_yen)

    def to_bytes(self) -> bytes:
        """The body of Capture Charge."""
        return _canonical(captureAmount=_price(self.amount_yen))


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelCharge:
    """Release an authorisation that will not be captured."""

    cancellation_reason: str

    def __post_init__(self) -> None:
        _check_text("cancellation_reason", self.cancellation_reason, at_least=1, at_most=255)

    def to_bytes(self) -> bytes:
        """The body of Cancel Charge."""
        return _canonical(cancellationReason=self.cancellation_reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRefund:
    """Give back `amount_yen` of a captured Charge."""

    charge_id: str
    amount_yen: int

    def __post_init__(self) -> None:
        _check_text("charge_id", self.charge_id, at_least=1, at_most=64)
        _check_yen("amount_yen", self.amount_yen)

    def to_bytes(self) -> bytes:
        """The body of Create Refund."""
        return _canonical(chargeId=self.charge_id, refundAmount=_price(self.amount_yen))


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateChargePermission:
    """Tell Amazon, and through it the buyer, about new texts or a new plan."""

    merchant_metadata: MerchantMetadata | None = None
    recurring_metadata: RecurringMetadata | None = None

    def __post_init__(self) -> None:
        if self.merchant_metadata is None and self.recurring_metadata is None:
            raise InvalidArgument(
                "merchant_metadata",
                None,
                "an update changes something",
                "Give merchant_metadata, recurring_metadata or both",
            )

    def to_bytes(self) -> bytes:
        """The body of Update Charge Permission."""
        return _canonical(
            merchantMetadata=self.merchant_metadata and self.merchant_metadata.to_json(),
            recurringMetadata=self.recurring_metadata and self.recurring_metadata.to_json(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseChargePermission:
    """End the agreement for good; `cancel_pending_charges` also releases authorised charges."""

    closure_reason: str
    cancel_pending_charges: bool = False

    def __post_init__(self) -> None:
        _check_text("closure_reason", self.closure_reason, at_least=1, at_most=255)

    def to_bytes(self) -> bytes:
        """The body of Close Charge Permission."""
        return _canonical(
            closureReason=self.closure_reason,
            cancelPendingCharges=self.cancel_pending_charges,
        )


def _canonical(**members: object) -> bytes:
    text = json.dumps(
        _without_none(**members), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return text.encode("utf-8")


def _without_none(**members: object) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def _price(yen: int) -> Mapping[str, str]:
    return {"amount": str(yen), "currencyCode": "JPY"}


def _check_yen(field: str, yen: int) -> None:
    # bool is an int to Python, and a float that looks whole is still a float.
    if type(yen) is not int or not 1 <= yen <= _LARGEST_YEN:
        raise InvalidArgument(
            field,
            yen,
            f"whole yen from 1 to {_LARGEST_YEN:,}",
            "Give an int; split larger amounts",
        )


def _check_text(field: str, text: str | None, *, at_least: int = 0, at_most: int) -> None:
    if text is None:
        return
    encodable = not any("\ud800" <= character <= "\udfff" for character in text)
    if not (at_least <= len(text) <= at_most and encodable):
        raise InvalidArgument(
            field,
            text,
            f"text of {at_least} to {at_most} characters that UTF-8 can hold",
            "Shorten or correct it",
        )
