"""What a Checkout Session is made of and how it changes (api.md §6, states.md §1).

A session is Open for a day; it ends as Completed or Canceled and is forgotten thirty days after it
was made.
"""

import uuid
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from amazonpay.sandbox.checkout import shelf
from amazonpay.sandbox.checkout.bodies import Draft
from amazonpay.sandbox.checkout.rows import PermissionType, Session
from amazonpay.sandbox.fields import Json, full_metadata
from amazonpay.sandbox.options import DAY_MS
from amazonpay.sandbox.refusals import Refused, invalid_value
from amazonpay.sandbox.world import World

_KEPT_MS: Final = 30 * DAY_MS
_TYPES: Final[dict[str | None, PermissionType]] = {
    None: "OneTime",
    "OneTime": "OneTime",
    "Recurring": "Recurring",
}
_DESCRIPTIONS: Final = {
    "BuyerNotAssociated": (
        "There is no buyer associated with the Checkout Session. Hand its id to the Amazon Pay "
        "button so that the buyer can log in."
    ),
    "ChargeAmountNotSet": "chargeAmount is not set.",
    "CheckoutResultReturnUrlNotSet": "checkoutResultReturnUrl is not set.",
    "PaymentIntentNotSet": "paymentIntent is not set.",
    "RecurringFrequencyNotSet": "recurringMetadata frequency is not set.",
}


def opened(world: World, draft: Draft, *, product_type: str, now: int) -> Session:
    """Stores a new Open session without a buyer."""
    session = Session(
        seq=0,
        id=str(uuid.uuid4()),
        state="Open",
        reason=None,
        reason_description=None,
        product_type=product_type,
        charge_permission_type="OneTime",
        recurring=None,
        payment={"canHandlePendingAuthorization": False},
        metadata=full_metadata(None),
        web={},
        extras={},
        buyer_id=None,
        instrument_id=None,
        address_id=None,
        charge_permission_id=None,
        charge_id=None,
        outcome=None,
        approved_at=None,
        changed_at=now,
        created_at=now,
        expires_at=now + world.options.checkout_ms,
        due_at=now + world.options.checkout_ms,
    )
    return shelf.add(world, changed(session, draft, now=now))


def changed(session: Session, draft: Draft, *, now: int) -> Session:
    """The session with what a body said; a payment that was approved must be approved again."""
    kind = _TYPES[draft.permission_type or session.charge_permission_type]
    result = replace(
        session,
        charge_permission_type=kind,
        recurring=_recurring(session.recurring, draft.recurring) if kind == "Recurring" else None,
        payment=session.payment | draft.payment,
        metadata=session.metadata | draft.metadata,
        web=session.web | draft.web,
        extras=session.extras | draft.extras,
        approved_at=None if draft.payment or draft.recurring else session.approved_at,
        changed_at=now,
    )
    if draft.recurring is not None and kind != "Recurring":
        raise Refused(
            400,
            "InvalidParameterCombination",
            "recurringMetadata goes with chargePermissionType [Recurring] only.",
        )
    _require_sound_payment(result.payment)
    return result


def _recurring(old: Json | None, new: Json | None) -> Json | None:
    if new is None:
        return old
    return {"frequency": new["frequency"] or (old or {}).get("frequency"), "amount": new["amount"]}


def _require_sound_payment(payment: Json) -> None:
    pending = payment.get("canHandlePendingAuthorization")
    if pending and payment.get("paymentIntent") == "AuthorizeWithCapture":
        raise Refused(
            400,
            "InvalidParameterCombination",
            "canHandlePendingAuthorization cannot be true with paymentIntent "
            "[AuthorizeWithCapture].",
        )
    charge, total = yen(payment, "chargeAmount"), yen(payment, "totalOrderAmount")
    if charge is not None and total is not None and total < charge:
        raise invalid_value(
            "paymentDetails.totalOrderAmount.amount", " It is less than the chargeAmount."
        )


def yen(payment: Json, name: str) -> int | None:
    """A price of `payment` in whole yen."""
    value = payment.get(name)
    return None if value is None else int(value["amount"])


def constraints(session: Session) -> list[str]:
    """What is still missing before the buyer can pay, in Amazon's order."""
    missing = {
        "BuyerNotAssociated": session.buyer_id is None,
        "ChargeAmountNotSet": session.payment.get("chargeAmount") is None,
        "CheckoutResultReturnUrlNotSet": not session.web.get("checkoutResultReturnUrl"),
        "PaymentIntentNotSet": session.payment.get("paymentIntent") is None,
        "RecurringFrequencyNotSet": session.charge_permission_type == "Recurring"
        and (session.recurring or {}).get("frequency") is None,
    }
    return [name for name, is_missing in missing.items() if is_missing]


def described(names: list[str]) -> list[Json]:
    """Constraints as Amazon answers them."""
    return [{"constraintId": name, "description": _DESCRIPTIONS[name]} for name in names]


def require_open(session: Session) -> None:
    """422 `InvalidCheckoutSessionStatus` unless the session is Open."""
    if session.state != "Open":
        raise wrong_status(session, f"it is {session.state}")


def wrong_status(session: Session, why: str) -> Refused:
    """422 `InvalidCheckoutSessionStatus`."""
    return Refused(
        422,
        "InvalidCheckoutSessionStatus",
        f"The Checkout Session [{session.id}] does not allow this operation: {why}.",
    )


def canceled(
    world: World, session: Session, *, reason: str, now: int, description: str | None = None
) -> Session:
    """Ends an Open session without a Charge Permission; final."""
    ended = replace(
        session,
        state="Canceled",
        reason=reason,
        reason_description=description,
        changed_at=now,
        due_at=session.created_at + _KEPT_MS,
    )
    return shelf.save(world, ended)


def completed(
    world: World, session: Session, *, permission_id: str, charge_id: str | None, now: int
) -> Session:
    """Ends an Open session with what the buyer agreed to; final."""
    ended = replace(
        session,
        state="Completed",
        charge_permission_id=permission_id,
        charge_id=charge_id,
        changed_at=now,
        due_at=session.created_at + _KEPT_MS,
    )
    return shelf.save(world, ended)


def with_query(url: str, name: str, value: str) -> str:
    """The URL with one more query parameter, before any fragment."""
    parts = urlsplit(url)
    query = f"{parts.query}&{name}={value}" if parts.query else f"{name}={value}"
    return urlunsplit(parts._replace(query=query))
