"""Reads what a merchant says about a Checkout Session: on the button, in Create and in Update.

Source: api.md §6, field names and nesting as the official .NET SDK sends them. Unknown fields are
refused at every depth; `null` and empty objects count as absent.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from amazonpay.sandbox import fields
from amazonpay.sandbox.charges import HIGHEST_CHARGE_YEN
from amazonpay.sandbox.checkout.wallet import ADDRESS_FIELDS
from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.options import Environment
from amazonpay.sandbox.refusals import Refused, invalid_value, malformed, missing_value
from amazonpay.sandbox.return_urls import return_url

_UPDATE: Final = (
    *("webCheckoutDetails", "paymentDetails", "merchantMetadata", "supplementaryData"),
    *("platformId", "providerMetadata", "chargePermissionType", "recurringMetadata"),
    *("multiAddressesCheckoutMetadata", "paymentMethodOnFileMetadata", "chargePermissionId"),
)
_CREATE: Final = (*_UPDATE, "storeId", "scopes", "deliverySpecifications", "addressDetails")
_TYPES: Final = ("OneTime", "Recurring", "PaymentMethodOnFile")
SCOPES: Final = (
    *("name", "email", "phoneNumber", "billingAddress", "postalCode", "shippingAddress"),
    "primeStatus",
)
PRODUCT_TYPES: Final = ("PayAndShip", "PayOnly")
_URLS: Final = ("checkoutReviewReturnUrl", "checkoutResultReturnUrl", "checkoutCancelUrl")
_PRICES: Final = ("chargeAmount", "totalOrderAmount", "estimateOrderTotal")
_SWITCHES: Final = ("canHandlePendingAuthorization", "allowOvercharge", "extendExpiration")
_PAYMENT: Final = ("paymentIntent", *_PRICES, *_SWITCHES, "softDescriptor", "presentmentCurrency")
_INTENTS: Final = ("Confirm", "Authorize", "AuthorizeWithCapture")
_RESTRICTIONS: Final = ("RestrictPOBoxes", "RestrictPackstations")
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_LONGEST_TEXT: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a body said; dictionaries hold only the children that were given."""

    permission_type: str | None = None
    recurring: Json | None = None
    payment: Json = field(default_factory=dict)
    metadata: Json = field(default_factory=dict)
    web: Json = field(default_factory=dict)
    extras: Json = field(default_factory=dict)


def read_new(body: Json, *, store_id: str, environment: Environment) -> Draft:
    """The body of Create, or a button's payload; `store_id` is the only one that is accepted."""
    fields.only(body, _CREATE)
    if fields.required_text(body, "storeId", longest=256) != store_id:
        raise invalid_value("storeId", " It is not a store of this merchant account.")
    draft = _read(body, environment)
    web = draft.web
    if web.get("checkoutMode") == "ProcessOrder":
        required = "checkoutResultReturnUrl"
    else:
        required = "checkoutReviewReturnUrl"
    if not web.get(required):
        raise missing_value(f"webCheckoutDetails.{required}")
    return draft


def read_change(body: Json, *, environment: Environment) -> Draft:
    """The body of Update."""
    fields.only(body, _UPDATE)
    return _read(body, environment)


def _read(body: Json, environment: Environment) -> Draft:
    permission_type = fields.choice(body, "chargePermissionType", _TYPES) or None
    _refuse_saved_wallet(body, permission_type)
    recurring = fields.recurring_metadata(body)
    if recurring is not None and not any(recurring.values()):
        recurring = None
    return Draft(
        permission_type=permission_type,
        recurring=recurring,
        payment=payment_details(body),
        metadata=fields.merchant_metadata(body) or {},
        web=_web(body, environment),
        extras=_extras(body),
    )


def _refuse_saved_wallet(body: Json, permission_type: str | None) -> None:
    saved = permission_type == "PaymentMethodOnFile" or any(
        body.get(name) is not None for name in ("paymentMethodOnFileMetadata", "chargePermissionId")
    )
    if saved:
        raise Refused(
            405,
            "UnsupportedOperation",
            "The chargePermissionType [PaymentMethodOnFile] is not enabled for this account.",
        )


def _web(body: Json, environment: Environment) -> Json:
    inside = "webCheckoutDetails"
    value = fields.nested(body, inside, (*_URLS, "checkoutMode")) or {}
    given = {
        name: return_url(value, name, inside=inside, environment=environment) for name in _URLS
    }
    found: Json = {name: url for name, url in given.items() if url is not None}
    mode = fields.text(value, "checkoutMode", longest=64, inside=inside)
    if mode:
        if mode != "ProcessOrder":
            raise invalid_value("webCheckoutDetails.checkoutMode")
        found["checkoutMode"] = mode
    return found


def payment_details(body: Json) -> Json:
    """`paymentDetails` with only what was given; prices are answered as strings."""
    inside = "paymentDetails"
    value = fields.nested(body, inside, _PAYMENT) or {}
    found: Json = {}
    intent = fields.text(value, "paymentIntent", longest=64, inside=inside)
    if intent:
        if intent not in _INTENTS:
            raise invalid_value("paymentDetails.paymentIntent")
        found["paymentIntent"] = intent
    for name in _SWITCHES:
        if value.get(name) is not None:
            found[name] = fields.flag(value, name)
    found |= prices(value, _PRICES, inside=inside)
    currency = fields.text(value, "presentmentCurrency", longest=16, inside=inside)
    if currency:
        fields.require_yen(currency, "paymentDetails.presentmentCurrency")
        found["presentmentCurrency"] = currency
    descriptor = fields.text(value, "softDescriptor", longest=16, inside=inside)
    if descriptor:
        found["softDescriptor"] = descriptor
    return found


def prices(value: Json, names: tuple[str, ...], *, inside: str = "") -> Json:
    """The prices that were given, each at most what Japan allows for one charge."""
    found: Json = {}
    for name in names:
        yen = fields.price(value, name, inside=inside)
        if yen is None:
            continue
        if yen > HIGHEST_CHARGE_YEN:
            where = f"{inside}.{name}" if inside else name
            raise invalid_value(f"{where}.amount", f" It exceeds {HIGHEST_CHARGE_YEN} JPY.")
        found[name] = {"amount": str(yen), "currencyCode": "JPY"}
    return found


def _extras(body: Json) -> Json:
    found: Json = {}
    for name, longest in (("platformId", 256), ("supplementaryData", _LONGEST_TEXT)):
        text = fields.text(body, name, longest=longest)
        if text:
            found[name] = text
    provider = fields.nested(body, "providerMetadata", ("providerReferenceId",)) or {}
    reference = fields.text(provider, "providerReferenceId", longest=256, inside="providerMetadata")
    if reference:
        found["providerReferenceId"] = reference
    readers = {
        "scopes": _scopes,
        "deliverySpecifications": _delivery,
        "addressDetails": address_details,
        "multiAddressesCheckoutMetadata": _shares,
    }
    return found | {
        name: reader(body) for name, reader in readers.items() if body.get(name) is not None
    }


def scopes(body: Json, name: str) -> list[str]:
    """A list of scope names, each once."""
    return _words(body, name, allowed=SCOPES)


def _scopes(body: Json) -> list[str]:
    return scopes(body, "scopes")


def _words(
    body: Json, name: str, *, allowed: tuple[str, ...] | None = None, inside: str = ""
) -> list[str]:
    value = body.get(name) or []
    where = f"{inside}.{name}" if inside else name
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise malformed(f"[{where}] must be an array of strings")
    if len(value) > 1000 or any(
        len(word) > 128 or (allowed is not None and word not in allowed) for word in value
    ):
        raise invalid_value(where)
    return list(dict.fromkeys(value))


def _delivery(body: Json) -> Json:
    inside = "deliverySpecifications"
    value = fields.nested(body, inside, ("specialRestrictions", "addressRestrictions")) or {}
    special = _words(value, "specialRestrictions", allowed=_RESTRICTIONS, inside=inside)
    given = fields.nested(value, "addressRestrictions", ("type", "restrictions"), inside=inside)
    return {
        "specialRestrictions": special or None,
        "addressRestrictions": None if given is None else _address_restrictions(given),
    }


def _address_restrictions(value: Json) -> Json:
    where = "deliverySpecifications.addressRestrictions"
    if value.get("type") not in ("Allowed", "NotAllowed"):
        raise invalid_value(f"{where}.type")
    countries = value.get("restrictions") or {}
    if not isinstance(countries, dict):
        raise malformed(f"[{where}.restrictions] must be an object")
    return {
        "type": value["type"],
        "restrictions": {code: _country(countries, code) for code in countries},
    }


def _country(countries: Json, code: str) -> Json:
    where = "deliverySpecifications.addressRestrictions.restrictions"
    if not _COUNTRY.fullmatch(code):
        raise invalid_value(where, " Its names are country codes of two capital letters.")
    lists = ("statesOrRegions", "zipCodes")
    value = fields.nested(countries, code, lists, inside=where) or {}
    return {name: _words(value, name, inside=f"{where}.{code}") for name in lists if name in value}


def address_details(body: Json, name: str = "addressDetails") -> Json:
    """An address that a merchant gives, only the fields that were given."""
    value = fields.nested(body, name, (*ADDRESS_FIELDS, "districtOrCounty")) or {}
    longest = {**ADDRESS_FIELDS, "districtOrCounty": 50}
    found = {
        field_name: fields.text(value, field_name, longest=longest[field_name], inside=name)
        for field_name in longest
        if value.get(field_name) is not None
    }
    country = found.get("countryCode")
    if country is not None and not _COUNTRY.fullmatch(country):
        raise invalid_value(f"{name}.countryCode")
    return found


def _shares(body: Json) -> list[Json]:
    """Which part of the amount goes to which address (multi-address product only)."""
    name = "multiAddressesCheckoutMetadata"
    value = body.get(name)
    if not isinstance(value, list) or len(value) > 100:
        raise malformed(f"[{name}] must be an array")
    return [_share(entry, f"{name}[{number}]") for number, entry in enumerate(value)]


def _share(value: object, where: str) -> Json:
    if not isinstance(value, dict):
        raise malformed(f"[{where}] must be an object")
    fields.only(value, ("addressId", "price"), inside=where)
    return {
        "addressId": fields.text(value, "addressId", longest=256, inside=where, required=True),
        "price": prices(value, ("price",), inside=where).get("price"),
    }
