"""Rules and JSON shared by the requests: canonical bytes, money, texts, addresses on the web.

The same values give the same bytes on every machine and in every release (keys sorted, no spaces,
UTF-8): a replay under the same idempotency key must not differ by one byte. Source: API reference
§3 and §5.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from amazonpay.errors import InvalidArgument
from amazonpay.states import FrequencyUnit

LARGEST_YEN: Final = 10_000_000
"""Amazon Pay Japan takes and refunds at most ¥10,000,000 in one transaction."""

_LONGEST_URL: Final = 2048
_CV1_AUTHORIZATION: Final = re.compile(r"[PSBC][0-9]{2}-[0-9]{7}-[0-9]{7}-A[0-9]{6}")
_HOSTS_OF_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantMetadata:
    """What the buyer sees in mails and history, except `custom_information`, which is ours."""

    merchant_reference_id: str | None = None
    merchant_store_name: str | None = None
    note_to_buyer: str | None = None
    custom_information: str | None = None

    def __post_init__(self) -> None:
        check_text("merchant_reference_id", self.merchant_reference_id, at_most=256)
        check_text("merchant_store_name", self.merchant_store_name, at_most=50)
        check_text("note_to_buyer", self.note_to_buyer, at_most=255)
        check_text("custom_information", self.custom_information, at_most=4096)

    def to_json(self) -> dict[str, object]:
        """The JSON object, without the children that are None."""
        return without_none(
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
            check_yen("amount_yen", self.amount_yen)
        variable = self.frequency_unit == FrequencyUnit.VARIABLE
        # The type first: True and 1.0 would go out as "True" and "1.0".
        if type(self.frequency_value) is not int or (
            (self.frequency_value == 0) != variable or self.frequency_value < 0
        ):
            raise InvalidArgument(
                "frequency_value",
                self.frequency_value,
                "an int: 0 with the unit Variable, 1 or more with any other unit",
                "Give the number of units between two charges",
            )

    def to_json(self) -> dict[str, object]:
        """The JSON object; the value goes out as text, because Amazon refuses a number there."""
        frequency = {"unit": self.frequency_unit.value, "value": str(self.frequency_value)}
        amount = None if self.amount_yen is None else price(self.amount_yen)
        return {"frequency": frequency, "amount": amount}


def canonical(**members: object) -> bytes:
    """The one JSON text of these members, None left out, in UTF-8."""
    return canonical_object(without_none(**members))


def canonical_object(members: Mapping[str, object]) -> bytes:
    """The one JSON text of an object, in UTF-8; what is None goes out as null."""
    text = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def without_none(**members: object) -> dict[str, object]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def price(yen: int) -> Mapping[str, str]:
    """Amazon's price object."""
    return {"amount": str(yen), "currencyCode": "JPY"}


def optional_price(yen: int | None) -> Mapping[str, str] | None:
    """Amazon's price object, or None."""
    return None if yen is None else price(yen)


def provider_metadata(reference_id: str | None) -> Mapping[str, str] | None:
    """Amazon's object around a payment provider's own reference, or None."""
    return None if reference_id is None else {"providerReferenceId": reference_id}


def check_yen(field: str, yen: int) -> None:
    """Refuses what is not an int from ¥1 to ¥10,000,000."""
    # bool is an int to Python, and a float that looks whole is still a float.
    if type(yen) is not int or not 1 <= yen <= LARGEST_YEN:
        raise InvalidArgument(
            field,
            yen,
            f"whole yen from 1 to {LARGEST_YEN:,}",
            "Give an int; split larger amounts",
        )


def check_optional_yen(field: str, yen: int | None) -> None:
    """The rule of `check_yen` for an amount that may be left out."""
    if yen is not None:
        check_yen(field, yen)


def check_text(
    field: str, text: str | None, *, at_least: int = 0, at_most: int, personal: bool = False
) -> None:
    """Refuses a text of another length, or one that UTF-8 cannot hold; None passes.

    The error does not repeat a text that is `personal`.
    """
    if text is None:
        return
    encodable = not any("\ud800" <= character <= "\udfff" for character in text)
    if not (at_least <= len(text) <= at_most and encodable):
        raise InvalidArgument(
            field,
            f"{len(text)} characters" if personal else text,
            f"text of {at_least} to {at_most} characters that UTF-8 can hold",
            "Shorten or correct it",
        )


def check_charge_permission_id(value: str | None) -> None:
    """The rule for a Charge Permission id in a body; CV1 order and agreement ids pass."""
    check_text("charge_permission_id", value, at_least=1, at_most=64)


def check_charge_id(value: str) -> None:
    """The rule for a charge id; a CV1 capture id passes, a CV1 authorization id does not."""
    check_text("charge_id", value, at_least=1, at_most=64)
    if _CV1_AUTHORIZATION.fullmatch(value):
        raise InvalidArgument(
            "charge_id",
            value,
            "a CV1 authorization is known to CV2 under another id",
            "Give charge_id_from_cv1(authorization_id), which turns the A in place 21 into C",
        )


def check_soft_descriptor(text: str | None) -> None:
    """Refuses any text: in Japan the buyer's statement shows a fixed one."""
    if text is not None:
        raise InvalidArgument(
            "soft_descriptor",
            text,
            "the text on the buyer's statement cannot be chosen in Japan",
            "Leave it out; use merchant_metadata.merchant_store_name to show your name",
        )


def check_pending(*, immediate: bool, can_handle_pending: bool | None, remedy: str) -> None:
    """Refuses to capture at once what may stay pending for a day."""
    if immediate and can_handle_pending:
        raise InvalidArgument(
            "can_handle_pending_authorization",
            True,
            "a pending authorization cannot be captured at once",
            remedy,
        )


def check_url(field: str, url: str | None) -> None:
    """Refuses what is no absolute https address (http only to this machine); None passes."""
    if url is None:
        return
    check_text(field, url, at_least=1, at_most=_LONGEST_URL)
    if not _is_usable(url):
        raise InvalidArgument(
            field,
            url,
            "an absolute https address (http to localhost only, in the sandbox)",
            "Write it out with https:// and a domain registered in Seller Central",
        )


def _is_usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _HOSTS_OF_THIS_MACHINE)


def check_changes(field: str, *members: object) -> None:
    """Refuses an update in which every member is None; `field` names the first of them."""
    if all(member is None for member in members):
        raise InvalidArgument(
            field, None, "an update changes something", "Give at least one member"
        )


def instant_text(field: str, at: datetime) -> str:
    """`20220804T000000Z` for an aware instant in whole seconds. Raises InvalidArgument else."""
    if at.tzinfo is None or at.utcoffset() is None or at.microsecond:
        raise InvalidArgument(
            field,
            at,
            "an aware datetime in whole seconds",
            "Give it a time zone and replace(microsecond=0)",
        )
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def optional_instant_text(field: str, at: datetime | None) -> str | None:
    """The rule of `instant_text` for an instant that may be left out."""
    return None if at is None else instant_text(field, at)


def check_order(start: datetime, end: datetime) -> None:
    """Refuses a period that ends before it starts. Both instants have been checked."""
    if start >= end:
        raise InvalidArgument(
            "end_time", end, f"after start_time {start.isoformat()}", "Exchange or correct them"
        )
