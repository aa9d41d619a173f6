"""The API operations of this room: sessions, buyers, delivery trackers, authorization tokens."""

import re
from typing import Final

from amazonpay.sandbox import fields, tokens
from amazonpay.sandbox.checkout import bodies, completion, sessions, shelf, views
from amazonpay.sandbox.checkout.rows import Session
from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.instants import compact
from amazonpay.sandbox.operation import Operation, Table
from amazonpay.sandbox.refusals import (
    Refused,
    invalid_value,
    malformed,
    missing_value,
    not_found,
)
from amazonpay.sandbox.world import Reply, Request, World

_MOST_TRACKERS: Final = 100
_CARRIER: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


def create_checkout_session(world: World, request: Request) -> Reply:
    """201 with an Open session; normally the button makes it."""
    draft = bodies.read_new(request.body, store_id=world.store_id, environment=world.environment)
    session = sessions.opened(world, draft, product_type="PayAndShip", now=request.now)
    return _reply(world, session, status=201)


def get_checkout_session(world: World, request: Request) -> Reply:
    """200 with the session."""
    return _reply(world, shelf.session(world, request.target_id))


def update_checkout_session(world: World, request: Request) -> Reply:
    """Merges what was sent into an Open session."""
    draft = bodies.read_change(request.body, environment=world.environment)
    session = shelf.session(world, request.target_id)
    sessions.require_open(session)
    return _reply(world, shelf.save(world, sessions.changed(session, draft, now=request.now)))


def _reply(world: World, session: Session, *, status: int = 200) -> Reply:
    return Reply(status, views.checkout_session(world, session), session.id)


def get_buyer(world: World, request: Request) -> Reply:
    """200 with the buyer of a `buyerToken`; one that is unknown or too old is 404, or 400."""
    found = shelf.token(world, request.target_id, request.now)
    owner = None if found is None else shelf.find_buyer(world, found[0])
    if found is None or owner is None:
        if world.options.stale_token_status == 400:
            raise invalid_value("buyerToken", " It is unknown or too old.")
        raise not_found(request.target_id[:64])
    if not world.options.buyer_token_reusable:
        shelf.use_up_token(world, request.target_id)
    return Reply(200, views.signed_in_buyer(owner, found[1]), owner.buyer_id)


def create_delivery_tracker(world: World, request: Request) -> Reply:
    """200 with what was sent; a tracking number can be used once."""
    body = request.body
    fields.only(body, ("amazonOrderReferenceId", "chargePermissionId", "deliveryDetails"))
    order = fields.text(body, "amazonOrderReferenceId", longest=64) or None
    permission = fields.text(body, "chargePermissionId", longest=64) or None
    object_id = permission or order
    if object_id is None:
        raise missing_value("chargePermissionId")
    if permission is not None and order is not None:
        raise Refused(
            400,
            "InvalidParameterCombination",
            "Only one of amazonOrderReferenceId and chargePermissionId can be given.",
        )
    details = _delivery_details(world, body)
    world.permission(object_id)
    _require_unused(world, [entry["trackingNumber"] for entry in details])
    for entry in details:
        shelf.add_tracker(world, entry["trackingNumber"], entry["carrierCode"], object_id)
    answer = {
        "amazonOrderReferenceId": order,
        "chargePermissionId": permission,
        "deliveryDetails": details,
    }
    return Reply(200, answer, object_id)


def _require_unused(world: World, numbers: list[str]) -> None:
    for position, number in enumerate(numbers):
        if number in numbers[:position] or shelf.is_tracked(world, number):
            raise invalid_value(
                f"deliveryDetails[{position}].trackingNumber", " It was used already."
            )


def _delivery_details(world: World, body: Json) -> list[Json]:
    value = body.get("deliveryDetails")
    if not value:
        raise missing_value("deliveryDetails")
    if not isinstance(value, list):
        raise malformed("[deliveryDetails] must be an array")
    if len(value) > _MOST_TRACKERS:
        raise invalid_value("deliveryDetails", f" It has more than {_MOST_TRACKERS} entries.")
    return [_delivery(world, entry, f"deliveryDetails[{n}]") for n, entry in enumerate(value)]


def _delivery(world: World, value: object, where: str) -> Json:
    if not isinstance(value, dict):
        raise malformed(f"[{where}] must be an object")
    names = ("trackingNumber", "carrierCode")
    fields.only(value, names, inside=where)
    found = {
        name: fields.text(value, name, longest=64, inside=where, required=True) or ""
        for name in names
    }
    known = world.options.carrier_codes
    code = found["carrierCode"]
    if not _CARRIER.fullmatch(code) or (known and code not in known):
        raise invalid_value(f"{where}.carrierCode")
    return found


def get_authorization_token(world: World, request: Request) -> Reply:
    """A token for a solution provider who acts for this merchant; any other merchant is 401."""
    for name in request.query:
        if name != "merchantId":
            raise invalid_value(name[:64])
    merchant = request.query.get("merchantId")
    if not merchant:
        raise missing_value("merchantId")
    if merchant != world.merchant_id:
        raise Refused(
            401, "UnauthorizedAccess", "The merchantId has not granted access to this account."
        )
    if not request.target_id.startswith("amzn.mws."):
        raise not_found(request.target_id[:64])
    token, expires_at = tokens.issue(world.store, now=request.now)
    answer = {
        "authorizationToken": token,
        "createTimestamp": compact(request.now),
        "expireTimestamp": compact(expires_at),
    }
    return Reply(200, answer, merchant)


TABLE: Final[Table] = {
    ("checkoutSessions", None): {
        "POST": Operation(
            name="CreateCheckoutSession", perform=create_checkout_session, key="required"
        )
    },
    ("checkoutSessions", ""): {
        "GET": Operation(name="GetCheckoutSession", perform=get_checkout_session, takes_body=False),
        "PATCH": Operation(name="UpdateCheckoutSession", perform=update_checkout_session),
    },
    ("checkoutSessions", "complete"): {
        "POST": Operation(
            name="CompleteCheckoutSession",
            perform=completion.complete,
            key="kept",
            takes_money=True,
        )
    },
    ("checkoutSessions", "finalize"): {
        "POST": Operation(
            name="FinalizeCheckoutSession",
            perform=completion.finalize,
            key="kept",
            takes_money=True,
        )
    },
    ("buyers", ""): {"GET": Operation(name="GetBuyer", perform=get_buyer, takes_body=False)},
    ("deliveryTrackers", None): {
        "POST": Operation(name="CreateDeliveryTracker", perform=create_delivery_tracker, key="kept")
    },
    ("authorizationTokens", ""): {
        "GET": Operation(
            name="GetAuthorizationToken", perform=get_authorization_token, takes_body=False
        )
    },
}
