"""What the buyer does, for the hosted pages and the control surface.

Every function runs inside a transaction that the caller opened; `now` is virtual milliseconds. A
`Refused` is what Amazon would show as an error page.
"""

import json
import uuid
from dataclasses import replace
from typing import Final

from amazonpay.sandbox import orders
from amazonpay.sandbox.checkout import bodies, sessions, shelf, wallet
from amazonpay.sandbox.checkout.deliveries import deliverable
from amazonpay.sandbox.checkout.rows import Address, Buyer, Instrument, Session
from amazonpay.sandbox.effects import close_permission
from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.refusals import Refused, invalid_value, not_found
from amazonpay.sandbox.rows import Permission
from amazonpay.sandbox.world import World

__all__ = [
    "Address",
    "Buyer",
    "Instrument",
    "Permission",
    "Session",
    "add_address",
    "add_buyer",
    "add_card",
    "agreements",
    "approve",
    "attach",
    "buyer",
    "cancel_by_buyer",
    "cancel_url",
    "change_payment_method",
    "delete_card",
    "deliverable",
    "end_agreement",
    "find_buyer",
    "find_buyer_by_id",
    "issue_token",
    "open_session",
    "result_url",
    "review_url",
    "session",
    "test_buyers",
    "upgrade",
]

_ID: Final = "amazonCheckoutSessionId"
# What an estimated order may leave open until Finalize (api.md §6).
_LEFT_TO_FINALIZE: Final = ("ChargeAmountNotSet", "PaymentIntentNotSet")
_SETTLED_AT_ONCE: Final = {"buyer_canceled": "BuyerCanceled", "declined": "Declined"}


def open_session(world: World, payload: Json, *, product_type: str, now: int) -> Session:
    """Makes the session that a signed button payload asks for."""
    if product_type not in bodies.PRODUCT_TYPES:
        raise invalid_value("productType")
    draft = bodies.read_new(payload, store_id=world.store_id, environment=world.environment)
    return sessions.opened(world, draft, product_type=product_type, now=now)


def session(world: World, session_id: str) -> Session:
    """The session of that id, or 404."""
    return shelf.session(world, session_id)


def test_buyers(world: World) -> list[Buyer]:
    """Everybody who can log in."""
    return shelf.buyers(world)


def buyer(world: World, buyer_id: str) -> Buyer:
    """The buyer of that id, or 404."""
    found = shelf.find_buyer(world, buyer_id)
    if found is None:
        raise not_found(buyer_id)
    return found


def find_buyer_by_id(world: World, buyer_id: str) -> Buyer | None:
    """The buyer of that id, None when a reset has taken the buyer away."""
    return shelf.find_buyer(world, buyer_id)


def find_buyer(world: World, email: str) -> Buyer | None:
    """The buyer of an e-mail address, upper or lower case alike."""
    wanted = email.strip().casefold()
    return next((one for one in shelf.buyers(world) if one.email.casefold() == wanted), None)


def add_buyer(
    world: World, *, name: str, email: str, phone: str, buyer_id: str | None = None
) -> Buyer:
    """One more test buyer, with every simulated card and two addresses.

    With a `buyer_id` it is the owner of the agreements that were made for that id.
    """
    if find_buyer(world, email) is not None:
        raise invalid_value("email", " Another buyer has it.")
    if buyer_id is not None and shelf.find_buyer(world, buyer_id) is not None:
        raise invalid_value("buyerId", " Another buyer has it.")
    number = len(shelf.buyers(world)) + 1
    made = wallet.new_buyer(
        buyer_id or f"amzn1.account.AF7TESTBUYER{number:02d}LOCALAPAY",
        name=name,
        email=email,
        phone=phone,
        addresses=wallet.homes(name, phone),
    )
    return shelf.save_buyer(world, made)


def add_address(world: World, owner: Buyer, address: Json) -> Buyer:
    """One more entry of the address book; the new one is the last."""
    given = bodies.address_details({"address": address}, "address")
    for name in ("name", "addressLine1", "postalCode", "stateOrRegion"):
        if not given.get(name):
            raise invalid_value(f"address.{name}", " It is required.")
    taken = {entry.id for entry in owner.addresses}
    number = next(n for n in range(1, len(taken) + 2) if f"address-{n}" not in taken)
    entry = Address(f"address-{number}", wallet.full_address({"countryCode": "JP"} | given))
    return shelf.save_buyer(world, replace(owner, addresses=(*owner.addresses, entry)))


def add_card(world: World, owner: Buyer, last4: str) -> Buyer:
    """Puts one of the simulated cards into the wallet."""
    card = wallet.CARDS.get(last4)
    if card is None:
        raise invalid_value("card", f" Known are {', '.join(wallet.CARDS)}.")
    if owner.instrument(card.id) is not None:
        return owner
    return shelf.save_buyer(world, replace(owner, instruments=(*owner.instruments, card)))


def delete_card(world: World, owner: Buyer, instrument_id: str, now: int) -> Buyer:
    """Takes a card out of the wallet; permissions that used it become NonChargeable."""
    _instrument(owner, instrument_id)
    left = tuple(card for card in owner.instruments if card.id != instrument_id)
    for permission in shelf.permissions_of(world, owner.buyer_id):
        uses_it = json.loads(permission.details).get("instrumentId") == instrument_id
        if uses_it and permission.state == "Chargeable":
            world.store.save_permission(
                replace(
                    permission,
                    state="NonChargeable",
                    reason_code="PaymentMethodDeleted",
                    reason_description=None,
                    changed_at=now,
                )
            )
    return shelf.save_buyer(world, replace(owner, instruments=left))


def attach(
    world: World,
    session: Session,
    *,
    buyer: Buyer,
    instrument_id: str,
    address_id: str | None,
    now: int,
) -> Session:
    """The buyer's choice of card and address, on the first page and whenever it is changed."""
    sessions.require_open(session)
    _instrument(buyer, instrument_id)
    if session.product_type == "PayOnly" or session.extras.get("addressDetails"):
        address_id = None
    else:
        _require_deliverable(session, buyer, address_id)
    chosen = replace(
        session,
        buyer_id=buyer.buyer_id,
        instrument_id=instrument_id,
        address_id=address_id,
        approved_at=None,
        changed_at=now,
    )
    return shelf.save(world, chosen)


def _instrument(owner: Buyer, instrument_id: str | None) -> Instrument:
    card = owner.instrument(instrument_id)
    if card is None:
        raise invalid_value("instrument", " It is not in the wallet.")
    return card


def _require_deliverable(session: Session, owner: Buyer, address_id: str | None) -> None:
    entry = owner.address(address_id)
    if entry is None:
        raise invalid_value("address", " It is not in the address book.")
    if not deliverable(session, entry.address):
        raise invalid_value("address", " The merchant does not deliver there.")


def approve(world: World, session: Session, *, now: int) -> Session:
    """The processing page: the payment is approved, or the simulated card ends the session."""
    sessions.require_open(session)
    missing = [name for name in sessions.constraints(session) if not _may_wait(session, name)]
    if missing:
        raise sessions.wrong_status(session, f"{missing[0]}")
    card = _instrument(buyer(world, session.buyer_id or ""), session.instrument_id)
    reason = _SETTLED_AT_ONCE.get(card.effect) if world.environment == "sandbox" else None
    if reason is not None:
        return sessions.canceled(world, session, reason=reason, now=now)
    return shelf.save(world, replace(session, approved_at=now, changed_at=now))


def _may_wait(session: Session, constraint: str) -> bool:
    estimated = session.payment.get("estimateOrderTotal") is not None
    return estimated and constraint in _LEFT_TO_FINALIZE


def cancel_by_buyer(world: World, session: Session, *, now: int) -> Session:
    """The buyer leaves the hosted page."""
    sessions.require_open(session)
    return sessions.canceled(world, session, reason="BuyerCanceled", now=now)


def review_url(session: Session) -> str | None:
    """Where the buyer goes after the first page; None when the session has no review page."""
    return _return_url(session, "checkoutReviewReturnUrl")


def result_url(session: Session) -> str | None:
    """Where the buyer goes after the processing page."""
    return _return_url(session, "checkoutResultReturnUrl")


def cancel_url(session: Session) -> str | None:
    """Where the buyer goes after cancelling; None when the merchant named no such page."""
    return _return_url(session, "checkoutCancelUrl")


def _return_url(session: Session, name: str) -> str | None:
    url = session.web.get(name)
    return sessions.with_query(url, _ID, session.id) if url else None


def issue_token(world: World, buyer: Buyer, *, scopes: tuple[str, ...], now: int) -> str:
    """A `buyerToken` for Get Buyer, valid for a few minutes."""
    for scope in scopes:
        if scope not in bodies.SCOPES:
            raise invalid_value("signInScopes")
    token = str(uuid.uuid4())
    shelf.add_token(world, token, buyer.buyer_id, scopes, now + world.options.buyer_token_ms)
    return token


def agreements(world: World, buyer_id: str) -> list[Permission]:
    """The recurring agreements of a buyer, newest first, closed ones included."""
    return [row for row in shelf.permissions_of(world, buyer_id) if row.kind == "Recurring"]


def end_agreement(world: World, permission: Permission, *, now: int) -> Permission:
    """The buyer ends an agreement on Amazon's page; what was authorized stays capturable."""
    _require_not_closed(permission)
    return close_permission(world, permission, reason="BuyerClosed", description=None, now=now)


def change_payment_method(
    world: World, permission: Permission, *, instrument_id: str, now: int
) -> Permission:
    """Another card for the coming charges; a NonChargeable agreement becomes Chargeable."""
    _require_not_closed(permission)
    card = _instrument(buyer(world, permission.buyer_id), instrument_id)
    details = json.loads(permission.details) | {
        "instrumentId": card.id,
        "paymentDescriptor": card.descriptor,
    }
    revived = permission.state == "NonChargeable" and permission.reason_code != "ChargeInProgress"
    row = replace(permission, details=json.dumps(details, ensure_ascii=False), changed_at=now)
    if revived:
        row = replace(row, state="Chargeable", reason_code=None, reason_description=None)
    world.store.save_permission(row)
    orders.settle(world, row.id, now)
    return world.permission(row.id)


def _require_not_closed(permission: Permission) -> None:
    if permission.state == "Closed":
        raise Refused(
            422,
            "InvalidChargePermissionStatus",
            f"The Charge Permission [{permission.id}] is Closed.",
        )


def upgrade(world: World, subject: Session | Permission, payload: Json, *, now: int) -> Session:
    """`bindUpgradeAction`: a one-time checkout becomes a recurring one that the buyer approves.

    An Open session is changed in place. After a checkout (its session or its permission) a new
    session with the same buyer, card and address is opened, whose Complete makes the recurring
    Charge Permission.
    """
    allowed = {name: value for name, value in payload.items() if name != "storeId"}
    draft = bodies.read_change(allowed, environment=world.environment)
    if draft.permission_type not in (None, "Recurring"):
        raise invalid_value("chargePermissionType", " An upgrade is Recurring.")
    draft = replace(draft, permission_type="Recurring")
    if isinstance(subject, Session) and subject.state == "Open":
        return shelf.save(world, sessions.changed(subject, draft, now=now))
    return _second_session(world, _permission_of(world, subject), draft, now)


def _permission_of(world: World, subject: Session | Permission) -> Permission:
    if isinstance(subject, Permission):
        permission = subject
    elif subject.charge_permission_id is None:
        raise sessions.wrong_status(subject, f"it is {subject.state}")
    else:
        permission = world.permission(subject.charge_permission_id)
    if permission.kind != "OneTime":
        raise Refused(
            422,
            "InvalidChargePermissionStatus",
            f"The Charge Permission [{permission.id}] is recurring already.",
        )
    return permission


def _second_session(world: World, permission: Permission, draft: bodies.Draft, now: int) -> Session:
    owner = buyer(world, permission.buyer_id)
    details = json.loads(permission.details)
    address_id = details.get("addressId")
    recurring_amount = (draft.recurring or {}).get("amount")
    first = {"paymentIntent": "Confirm"}
    if recurring_amount is not None:
        first["chargeAmount"] = recurring_amount
    opened = sessions.opened(
        world,
        replace(draft, payment=first | draft.payment),
        product_type="PayOnly" if address_id is None else "PayAndShip",
        now=now,
    )
    return attach(
        world,
        opened,
        buyer=owner,
        instrument_id=details.get("instrumentId", ""),
        address_id=address_id,
        now=now,
    )
