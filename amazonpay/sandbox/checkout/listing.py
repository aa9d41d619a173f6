"""Sessions and buyers as the control surface lists them: the truth, ended sessions included."""

from dataclasses import asdict

from amazonpay.sandbox.checkout import sessions, shelf
from amazonpay.sandbox.checkout.rows import Buyer, Session
from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.instants import iso
from amazonpay.sandbox.world import World


def session_page(world: World, *, limit: int, after: int) -> Json:
    """`{"items": […], "next": token or null}`, oldest first."""
    found = shelf.sessions_after(world, after, limit + 1)
    more = len(found) > limit
    return {
        "items": [session_item(session) for session in found[:limit]],
        "next": str(found[limit - 1].seq) if more else None,
    }


def session_item(session: Session) -> Json:
    """A session with everything that is known about it."""
    return {
        "checkoutSessionId": session.id,
        "state": session.state,
        "reasonCode": session.reason,
        "productType": session.product_type,
        "chargePermissionType": session.charge_permission_type,
        "recurringMetadata": session.recurring,
        "amount": sessions.yen(session.payment, "chargeAmount"),
        "currency": "JPY",
        "paymentIntent": session.payment.get("paymentIntent"),
        "merchantReferenceId": session.metadata["merchantReferenceId"],
        "webCheckoutDetails": session.web,
        "buyerId": session.buyer_id,
        "instrumentId": session.instrument_id,
        "addressId": session.address_id,
        "approvedAt": None if session.approved_at is None else iso(session.approved_at),
        "chargePermissionId": session.charge_permission_id,
        "chargeId": session.charge_id,
        "createdAt": iso(session.created_at),
        "updatedAt": iso(session.changed_at),
        "expiresAt": iso(session.expires_at),
    }


def buyer_item(buyer: Buyer) -> Json:
    """A buyer with wallet and address book."""
    return {
        "buyerId": buyer.buyer_id,
        "name": buyer.name,
        "email": buyer.email,
        "phone": buyer.phone,
        "instruments": [asdict(card) for card in buyer.instruments],
        "addresses": [asdict(entry) for entry in buyer.addresses],
    }
