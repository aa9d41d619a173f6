"""The buyer and addresses. Personal data: none of it is in repr, so that no log shows it.

Source: API reference §5 and §10, sign-in §4.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self, TypeVar

from amazonpay.models.common import kept
from amazonpay.reading import (
    MalformedResponse,
    optional_object,
    optional_text,
    optional_texts,
    required_text,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Address:
    """An address as Amazon has it; any part may be None.

    In Japan the prefecture stands in `state_or_region`, the rest in the lines; `city` is often
    None. Postal codes come with or without a hyphen.
    """

    name: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    address_line3: str | None = None
    city: str | None = None
    county: str | None = None
    district: str | None = None
    state_or_region: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    phone_number: str | None = None

    @classmethod
    def from_json(cls, source: Mapping[str, object]) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        return cls(
            name=_personal(source, "name"),
            address_line1=_personal(source, "addressLine1"),
            address_line2=_personal(source, "addressLine2"),
            address_line3=_personal(source, "addressLine3"),
            city=_personal(source, "city"),
            county=_personal(source, "county"),
            district=_personal(source, "district"),
            state_or_region=_personal(source, "stateOrRegion"),
            postal_code=_personal(source, "postalCode"),
            country_code=optional_text(source, "countryCode"),
            phone_number=_personal(source, "phoneNumber"),
        )

    def __repr__(self) -> str:
        return "Address(personal data is not shown)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """A person with an Amazon account; `buyer_id` is stable, the rest as far as it was granted.

    `prime_membership_types` is None unless Amazon lets the merchant see it; empty means none.
    """

    buyer_id: str
    name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    phone_number: str | None = field(default=None, repr=False)
    postal_code: str | None = field(default=None, repr=False)
    country_code: str | None = field(default=None, repr=False)
    shipping_address: Address | None = field(default=None, repr=False)
    billing_address: Address | None = field(default=None, repr=False)
    prime_membership_types: tuple[str, ...] | None = field(default=None, repr=False)
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        return cls(
            buyer_id=required_text(source, "buyerId"),
            name=_personal(source, "name"),
            email=_personal(source, "email"),
            phone_number=_personal(source, "phoneNumber"),
            postal_code=_personal(source, "postalCode"),
            country_code=optional_text(source, "countryCode"),
            shipping_address=optional_address(source, "shippingAddress"),
            billing_address=optional_address(source, "billingAddress"),
            prime_membership_types=optional_texts(source, "primeMembershipTypes"),
            request_id=request_id,
            raw=kept(source),
        )


def optional_address(source: Mapping[str, object], field: str) -> Address | None:
    """The address in a field that may be null or absent."""
    try:
        address = optional_object(source, field)
    except MalformedResponse:
        raise MalformedResponse(f"{field} is no object") from None
    return None if address is None else Address.from_json(address)


def _personal(source: Mapping[str, object], field: str) -> str | None:
    # As optional_text, but the error does not repeat what it found: it ends up in logs.
    try:
        return optional_text(source, field)
    except MalformedResponse:
        raise MalformedResponse(f"{field} is no text") from None


def if_readable(read: Callable[[], T]) -> T | None:
    """None where the buyer's data have an unknown form: they decide nothing about money.

    A new kind of address must not stop the billing of everybody who has one; `raw` keeps it.
    """
    try:
        return read()
    except MalformedResponse:
        return None


def optional_buyer(source: Mapping[str, object]) -> Buyer | None:
    """The buyer of a session or permission; None before one is attached, and after 30 days."""
    buyer = optional_object(source, "buyer")
    if buyer is None or buyer.get("buyerId") is None:
        return None
    return Buyer.from_json(buyer)
