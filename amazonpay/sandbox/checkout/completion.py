"""Complete and Finalize Checkout Session: the Charge Permission, and the first Charge if asked for.

Sources: api.md §6, sandbox-simulation.md §2 and §4, errors-and-throttling.md §3.
"""

import json
from dataclasses import replace
from typing import Final

from amazonpay.sandbox import fields, orders
from amazonpay.sandbox.charges import (
    Wish,
    declined,
    open_charge,
    processing_failure,
    require_room,
)
from amazonpay.sandbox.checkout import bodies, sessions, shelf, views
from amazonpay.sandbox.checkout.rows import Session
from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.instants import add_months
from amazonpay.sandbox.permissions import free_id
from amazonpay.sandbox.refusals import Refused, invalid_simulation, missing_value
from amazonpay.sandbox.rows import Charge, Permission
from amazonpay.sandbox.simulation import BEHAVIOURS, OK, Outcome, header_outcome
from amazonpay.sandbox.world import Reply, Request, World

_COMPLETE: Final = ("chargeAmount", "totalOrderAmount")
_FINALIZE: Final = (
    *(*_COMPLETE, "paymentIntent", "canHandlePendingAuthorization", "supplementaryData"),
    *("shippingAddress", "billingAddress"),
)
# sandbox-simulation.md §2; 3064 and 3434 have ended the session before.
_CARDS: Final = {
    "pending": Outcome("pending"),
    "pending_declined": Outcome("pending", "HardDeclined"),
}


def complete(world: World, request: Request) -> Reply:
    """200 when everything is done, 202 while the authorization is pending."""
    fields.only(request.body, _COMPLETE)
    amount = fields.required_price(request.body, "chargeAmount")
    totals = bodies.prices(request.body, ("totalOrderAmount",))
    session = shelf.session(world, request.target_id)
    _require_payable(session)
    agreed = sessions.yen(session.payment, "chargeAmount")
    if amount != agreed:
        raise Refused(
            409,
            "AmountMismatch",
            f"The chargeAmount {amount} JPY differs from the {agreed} JPY of the Checkout Session.",
        )
    if totals:
        draft = bodies.Draft(payment=totals)
        session = replace(
            sessions.changed(session, draft, now=request.now), approved_at=session.approved_at
        )
    return _conclude(world, session, "CompleteCheckoutSession", request)


def finalize(world: World, request: Request) -> Reply:
    """Like Complete for a checkout whose amount was only estimated when the buyer approved it."""
    body = request.body
    fields.only(body, _FINALIZE)
    if body.get("chargeAmount") is None:
        raise missing_value("chargeAmount")
    address = bodies.address_details(body, "shippingAddress")
    bodies.address_details(body, "billingAddress")
    names = (*_COMPLETE, "paymentIntent", "canHandlePendingAuthorization")
    given = {name: body[name] for name in names if body.get(name) is not None}
    draft = bodies.Draft(
        payment=bodies.payment_details({"paymentDetails": given}),
        extras={"addressDetails": address} if address else {},
    )
    session = shelf.session(world, request.target_id)
    _require_payable(session)
    final = sessions.changed(session, draft, now=request.now)
    if final.payment.get("paymentIntent") is None:
        raise missing_value("paymentIntent")
    final = replace(final, approved_at=session.approved_at)
    return _conclude(world, final, "FinalizeCheckoutSession", request)


def _require_payable(session: Session) -> None:
    if session.state == "Canceled" and session.reason != "Expired":
        raise _canceled(session, session.reason or "")
    sessions.require_open(session)
    if session.approved_at is None:
        raise sessions.wrong_status(session, "the buyer has not been at amazonPayRedirectUrl yet")


def _canceled(session: Session, reason: str) -> Refused:
    return Refused(
        422,
        "CheckoutSessionCanceled",
        f"The Checkout Session [{session.id}] is Canceled ({reason}); no payment was made.",
    )


def _conclude(world: World, session: Session, operation: str, request: Request) -> Reply:
    now = request.now
    outcome = _outcome(world, session, operation, request.simulation)
    _refuse(world, session, outcome, now)
    permission = _permission(world, session, now)
    amount = sessions.yen(session.payment, "chargeAmount") or 0
    if session.payment["paymentIntent"] == "Confirm":
        world.store.add_permission(permission)
        charge = None
    else:
        require_room(world, permission, amount, now)
        world.store.add_permission(permission)
        wish = _wish(session, permission.id, amount)
        charge = open_charge(world, permission, wish, outcome, key=request.idempotency_key, now=now)
    return _reply(world, session, permission, charge, now)


def _reply(
    world: World, session: Session, permission: Permission, charge: Charge | None, now: int
) -> Reply:
    ended = sessions.completed(
        world,
        session,
        permission_id=permission.id,
        charge_id=None if charge is None else charge.id,
        now=now,
    )
    pending = charge is not None and charge.state == "AuthorizationInitiated"
    return Reply(202 if pending else 200, views.checkout_session(world, ended), ended.id)


def _outcome(world: World, session: Session, operation: str, code: str | None) -> Outcome:
    """How it ends: the header beats the script, the script beats the card."""
    by_header = header_outcome(operation, code)
    if by_header is not None:
        outcome = by_header
    elif session.outcome is not None:
        outcome = BEHAVIOURS[session.outcome]
    else:
        outcome, code = _card(world, session)
    payment = session.payment
    may_wait = payment.get("canHandlePendingAuthorization") is True
    if outcome.ending == "pending" and not (may_wait and payment["paymentIntent"] == "Authorize"):
        raise invalid_simulation(
            code or session.outcome or "",
            "it requires paymentIntent=Authorize and canHandlePendingAuthorization=true.",
        )
    if outcome.ending == "capture_initiated" and payment["paymentIntent"] != "AuthorizeWithCapture":
        raise invalid_simulation(
            session.outcome or "", "it requires paymentIntent=AuthorizeWithCapture."
        )
    return outcome


def _card(world: World, session: Session) -> tuple[Outcome, str | None]:
    owner = shelf.find_buyer(world, session.buyer_id or "")
    card = None if owner is None else owner.instrument(session.instrument_id)
    if card is None or world.environment == "live":
        return OK, None
    return _CARDS.get(card.effect, OK), card.last4


def _refuse(world: World, session: Session, outcome: Outcome, now: int) -> None:
    """Raises when the checkout fails; what that does to the session is written before."""
    if outcome.ending == "processing_failure":
        raise processing_failure()
    reason = outcome.reason
    if outcome.ending == "session_canceled" and reason is not None:
        sessions.canceled(world, session, reason=reason, now=now)
        raise _canceled(session, reason)
    if outcome.ending == "decline" and reason is not None:
        sessions.canceled(world, session, reason="Declined", now=now, description=reason)
        raise declined(reason)


def _permission(world: World, session: Session, now: int) -> Permission:
    seq = world.store.next_seq("permissions")
    recurring = session.charge_permission_type == "Recurring"
    return Permission(
        seq=seq,
        id=free_id(world, seq, kind=session.charge_permission_type),
        buyer_id=session.buyer_id or "",
        kind=session.charge_permission_type,
        state="Chargeable",
        reason_code=None,
        reason_description=None,
        changed_at=now,
        created_at=now,
        expires_at=_expiry(world, session, now),
        amount_limit=world.options.amount_limit_yen if recurring else _order_limit(world, session),
        recurring=json.dumps(session.recurring) if recurring else None,
        metadata=json.dumps(session.metadata, ensure_ascii=False),
        behaviour="[]",
        details=json.dumps(_details(world, session), ensure_ascii=False),
    )


def _expiry(world: World, session: Session, now: int) -> int:
    """states.md §2: 13 months, or 180 days for an order that was not extended."""
    extended = session.payment.get("extendExpiration") is True
    if session.charge_permission_type == "Recurring" or extended:
        return add_months(now, world.options.permission_months)
    return now + world.options.order_ms


def _order_limit(world: World, session: Session) -> int:
    charge = sessions.yen(session.payment, "chargeAmount") or 0
    total = sessions.yen(session.payment, "totalOrderAmount") or charge
    allowed = session.payment.get("allowOvercharge") is True
    return orders.limit_yen(world, total, allow_overcharge=allowed)


def _details(world: World, session: Session) -> Json:
    """What the permission answers besides its state."""
    return views.shared_with_merchant(world, session) | {
        "instrumentId": session.instrument_id,
        "addressId": session.address_id,
        "productType": session.product_type,
        "platformId": session.extras.get("platformId"),
        "checkoutSessionId": session.id,
    }


def _wish(session: Session, permission_id: str, amount: int) -> Wish:
    extras = session.extras
    details = {
        "providerReferenceId": extras.get("providerReferenceId"),
        "channel": None,
        "chargeInitiator": None,
        "merchantMetadata": session.metadata,
        "platformId": extras.get("platformId"),
        "webCheckoutDetails": None,
    }
    return Wish(
        permission_id=permission_id,
        amount=amount,
        capture_now=session.payment["paymentIntent"] == "AuthorizeWithCapture",
        pending_allowed=session.payment.get("canHandlePendingAuthorization") is True,
        reference=session.metadata["merchantReferenceId"],
        details=json.dumps(details, ensure_ascii=False),
    )
