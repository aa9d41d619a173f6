"""What several answers share: status, price of reading, payment descriptors.

`raw` keeps the whole answer, unknown fields included. It holds personal data of the buyer: it is
left out of repr and comparison, so that no log shows it. Source: API reference §3 and §5.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from amazonpay.errors import shown
from amazonpay.kept import Kept
from amazonpay.reading import MalformedResponse, optional_object, optional_text

NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
"""An object that holds no field."""


def kept(source: Mapping[str, object]) -> Mapping[str, object]:
    """The whole answer, unchangeable on its first level."""
    return Kept(source)


def merchant_reference(source: Mapping[str, object]) -> str | None:
    """The merchant's own reference, such as an invoice number."""
    metadata = optional_object(source, "merchantMetadata") or NOTHING
    return optional_text(metadata, "merchantReferenceId")


def provider_reference(source: Mapping[str, object]) -> str | None:
    """A payment provider's own reference."""
    metadata = optional_object(source, "providerMetadata") or NOTHING
    return optional_text(metadata, "providerReferenceId")


def payment_descriptors(source: Mapping[str, object]) -> tuple[str, ...]:
    """How Amazon names the payment methods; entries that are still null are left out."""
    preferences = source.get("paymentPreferences")
    if preferences is None:
        return ()
    if not isinstance(preferences, list):
        raise MalformedResponse(f"paymentPreferences is no list but {shown(preferences)}")
    found = (_descriptor(entry) for entry in preferences)
    return tuple(text for text in found if text is not None)


def _descriptor(entry: object) -> str | None:
    if entry is None:
        return None
    if not isinstance(entry, dict):
        raise MalformedResponse(f"paymentPreferences holds no object but {shown(entry)}")
    return optional_text(entry, "paymentDescriptor")
