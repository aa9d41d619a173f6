"""The Checkout Session that a page is about, and who may see it."""

from typing import Final

from starlette.requests import Request

from amazonpay.sandbox.checkout import sessions, shelf
from amazonpay.sandbox.checkout.deliveries import deliverable
from amazonpay.sandbox.checkout.rows import Address, Buyer, Session
from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.pages.frame import Frame
from amazonpay.sandbox.pages.refusal import PageRefused
from amazonpay.sandbox.pages.words import Words

ID: Final = "amazonCheckoutSessionId"


def open_session(frame: Frame, request: Request) -> Session:
    """The open session that the query names; timers that are due have fired.

    Raises `PageRefused` 404 for an unknown one, 409 for one that has ended.
    """
    frame.desk.now()
    session_id = request.query_params.get(ID, "")
    session = shelf.find(frame.desk.world, session_id)
    if session is None:
        raise PageRefused(404, "error.session", value=session_id[:64])
    if session.state != "Open":
        raise PageRefused(
            409, "error.session_ended", state=session.state, reason=session.reason or ""
        )
    return session


def require_payable(session: Session) -> None:
    """409 for a session that the merchant has not finished, as Amazon's redirect URL is null."""
    estimated = session.payment.get("estimateOrderTotal") is not None
    if sessions.constraints(session) and not estimated:
        raise PageRefused(409, "error.session_not_ready")


def require_same_buyer(session: Session, buyer: Buyer) -> None:
    """403 when another buyer than the one who began is logged in."""
    if session.buyer_id not in (None, buyer.buyer_id):
        raise PageRefused(403, "error.other_buyer")


def path(page: str, session: Session, **more: str) -> str:
    """The path of a page about this session."""
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    return f"/checkout/{page}?{ID}={session.id}{extra}"


def is_one_page(session: Session) -> bool:
    """Whether the buyer pays on the first page (additional payment button)."""
    return session.web.get("checkoutMode") == "ProcessOrder"


def wants_address(session: Session) -> bool:
    """Whether the buyer chooses an address here."""
    return session.product_type == "PayAndShip" and not session.extras.get("addressDetails")


def addresses(session: Session, buyer: Buyer) -> list[Address]:
    """The entries of the address book to which the shop delivers."""
    return [entry for entry in buyer.addresses if deliverable(session, entry.address)]


def shop_name(metadata: Json, words: Words) -> str:
    """How the shop calls itself."""
    return metadata.get("merchantStoreName") or words("shop.unnamed")
