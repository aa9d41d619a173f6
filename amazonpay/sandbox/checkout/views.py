"""The JSON of sessions and buyers: exact key order, explicit nulls (api.md §6, sign-in.md §4).

What the buyer shares is limited by the scopes; without any a checkout shares all but the billing
address, a sign-in nothing but the id.
"""

from typing import Final

from amazonpay.sandbox import shapes
from amazonpay.sandbox.checkout import sessions, shelf
from amazonpay.sandbox.checkout.rows import Buyer, Session
from amazonpay.sandbox.checkout.wallet import full_address
from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.instants import compact
from amazonpay.sandbox.world import World

_PAYMENT: Final = (
    *("paymentIntent", "canHandlePendingAuthorization", "chargeAmount", "totalOrderAmount"),
    *("softDescriptor", "presentmentCurrency", "allowOvercharge", "extendExpiration"),
    "estimateOrderTotal",
)
_PERSONAL: Final = {"name": "name", "email": "email", "phoneNumber": "phone"}
_DEFAULT_SCOPES: Final = ("name", "email", "phoneNumber")


def checkout_session(world: World, session: Session) -> Json:
    """A session as every operation answers it; an ended one tells little more than how it ended."""
    is_open = session.state == "Open"
    missing = sessions.constraints(session) if is_open else []
    shared = shared_with_merchant(world, session) if is_open else {}
    return {
        "checkoutSessionId": session.id,
        "webCheckoutDetails": _web(world, session, missing) if is_open else None,
        "chargePermissionType": session.charge_permission_type,
        "recurringMetadata": session.recurring if is_open else None,
        # Chosen by the button, so known once a buyer came through one.
        "productType": session.product_type if session.buyer_id else None,
        "paymentDetails": _payment(session) if is_open else None,
        "merchantMetadata": session.metadata if is_open else None,
        "supplementaryData": session.extras.get("supplementaryData") if is_open else None,
        "buyer": _buyer(session, shared),
        "billingAddress": shared.get("billingAddress"),
        "paymentPreferences": [_preference(shared)],
        "statusDetails": {
            "state": session.state,
            "reasonCode": session.reason,
            "reasonDescription": session.reason_description,
            "lastUpdatedTimestamp": compact(session.changed_at),
        },
        "shippingAddress": shared.get("shippingAddress"),
        "platformId": session.extras.get("platformId") if is_open else None,
        "chargePermissionId": session.charge_permission_id,
        "chargeId": session.charge_id,
        "constraints": sessions.described(missing),
        "creationTimestamp": compact(session.created_at),
        "expirationTimestamp": compact(session.expires_at),
        "storeId": world.store_id,
        "deliverySpecifications": session.extras.get("deliverySpecifications") if is_open else None,
        "providerMetadata": {"providerReferenceId": session.extras.get("providerReferenceId")},
        "releaseEnvironment": shapes.RELEASE[world.environment],
        "checkoutButtonText": None,
        "multiAddressesCheckoutMetadata": session.extras.get("multiAddressesCheckoutMetadata")
        if is_open
        else None,
    }


def _web(world: World, session: Session, missing: list[str]) -> Json:
    web = session.web
    processing = sessions.with_query(
        f"{world.base_url}/checkout/processing", "amazonCheckoutSessionId", session.id
    )
    return {
        "checkoutReviewReturnUrl": web.get("checkoutReviewReturnUrl"),
        "checkoutResultReturnUrl": web.get("checkoutResultReturnUrl"),
        "amazonPayRedirectUrl": None if missing else processing,
        "checkoutCancelUrl": web.get("checkoutCancelUrl"),
        "checkoutMode": web.get("checkoutMode"),
    }


def _payment(session: Session) -> Json:
    return {name: session.payment.get(name) for name in _PAYMENT}


def _buyer(session: Session, shared: Json) -> Json | None:
    known = shared.get("buyer")
    return None if known is None else shapes.buyer(session.buyer_id or "", known)


def _preference(shared: Json) -> Json | None:
    descriptor = shared.get("paymentDescriptor")
    return None if descriptor is None else {"paymentDescriptor": descriptor}


def shared_with_merchant(world: World, session: Session) -> Json:
    """Buyer, addresses and card as a session and its Charge Permission show them."""
    owner = None if session.buyer_id is None else shelf.find_buyer(world, session.buyer_id)
    if owner is None:
        return {}
    scopes = session.extras.get("scopes") or _DEFAULT_SCOPES
    card = owner.instrument(session.instrument_id)
    return {
        "buyer": _personal(owner, scopes),
        "shippingAddress": _shipping(session, owner),
        "billingAddress": _first_address(owner) if "billingAddress" in scopes else None,
        "paymentDescriptor": None if card is None else card.descriptor,
    }


def _personal(owner: Buyer, scopes: tuple[str, ...] | list[str]) -> Json:
    return {
        name: getattr(owner, attribute) for name, attribute in _PERSONAL.items() if name in scopes
    }


def _shipping(session: Session, owner: Buyer) -> Json | None:
    if session.product_type == "PayOnly":
        return None
    given = session.extras.get("addressDetails")
    if given:
        return full_address({"county": given.get("districtOrCounty")} | given)
    entry = owner.address(session.address_id)
    return None if entry is None else entry.address


def _first_address(owner: Buyer) -> Json | None:
    return owner.addresses[0].address if owner.addresses else None


def signed_in_buyer(owner: Buyer, scopes: tuple[str, ...]) -> Json:
    """What Get Buyer answers: the id always, the rest where a scope allows it."""
    known = _personal(owner, scopes)
    address = _first_address(owner)
    postal = (address or {}) if "postalCode" in scopes else {}
    return {
        "name": known.get("name"),
        "email": known.get("email"),
        "postalCode": postal.get("postalCode"),
        "countryCode": postal.get("countryCode"),
        "buyerId": owner.buyer_id,
        "phoneNumber": known.get("phoneNumber"),
        "shippingAddress": address if "shippingAddress" in scopes else None,
        "billingAddress": address if "billingAddress" in scopes else None,
        "primeMembershipTypes": None,
    }
