"""Back from Amazon's sign-in: the token is exchanged once, on the server, and tells the buyer.

Who the buyer is here: the linked customer; else the owner of a permission that Amazon itself shows
to be this buyer's; else nobody yet. An e-mail address decides nothing.
"""

import logging

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from amazonpay import AmazonPayError
from app.web.mypage.amazon_button import engine_of
from app.web.mypage.browser_secret import is_own_mark, keep_secret
from app.web.mypage.customer_names import Registration, registrations
from app.web.mypage.proof import seal_buyer, sealed_buyer
from app.web.mypage.signing_in import MY_HOME, sign_in_customer
from app.web.shell import SIGN_IN, Shell, form_of, safe_next
from billing import writing
from billing.customers import (
    BuyerTaken,
    CustomerHasAnother,
    customer_of_buyer,
    link_buyer,
    permissions_of_buyer,
)
from scheduler import BillingEngine

log = logging.getLogger(__name__)

AMAZON_BACK = "/my/sign-in/amazon"
LONGEST_TOKEN = 1000
# Reading more at Amazon would only keep the buyer waiting.
MOST_READ = 10


def came_back(shell: Shell, request: Request) -> Response:
    """Sign in whoever Amazon says it is, or say what can be done."""
    wanted = safe_next(request.query_params.get("next", MY_HOME), home=MY_HOME)
    state = request.query_params.get("state", "")
    token = request.query_params.get("buyerToken", "")
    if not is_own_mark(request, f"sign-in {wanted}", state):
        return _unclear(shell, request, "join.amazon.other_browser")
    buyer_id = buyer_of_token(shell, token)
    if buyer_id is None:
        return _unclear(shell, request, "join.amazon.no_token")
    known = shell.read(lambda c: customer_of_buyer(c, shell.merchant, buyer_id=buyer_id))
    if known is not None:
        return sign_in_customer(shell, request, customer_id=known, wanted=wanted)
    return _by_permission(shell, request, buyer_id, wanted)


def buyer_of_token(shell: Shell, token: str) -> str | None:
    """Ask Amazon whose token it is; None when Amazon does not say."""
    engine = engine_of(shell)
    if engine is None or not 0 < len(token) <= LONGEST_TOKEN:
        return None
    try:
        with engine.make_client() as client:
            return client.get_buyer(token).buyer_id
    except AmazonPayError as error:
        log.warning("a sign-in with Amazon was not confirmed: %s", type(error).__name__)
        return None


def choose_registration(shell: Shell, request: Request) -> Response:
    """Sign in to the registration that was chosen, and link it from now on."""
    form = form_of(request)
    buyer_id = sealed_buyer(shell, request, form.get("proof"))
    chosen = form.get("customer")
    engine = engine_of(shell)
    if buyer_id is None or engine is None or not chosen.isdecimal():
        return _unclear(shell, request, "join.amazon.too_late")
    if int(chosen) not in _owned(shell, engine, buyer_id):
        return _unclear(shell, request, "join.amazon.too_late")
    return _linked(shell, request, int(chosen), buyer_id, MY_HOME)


def _by_permission(shell: Shell, request: Request, buyer_id: str, wanted: str) -> Response:
    engine = engine_of(shell)
    owned = _owned(shell, engine, buyer_id) if engine else []
    if len(owned) == 1:
        return _linked(shell, request, owned[0], buyer_id, wanted)
    names: list[Registration] = []
    if owned:
        names = shell.read(lambda c: registrations(c, shell.merchant, owned))
    page = shell.pages.page(
        request,
        "mypage/sign_in_choose.html" if owned else "mypage/sign_in_unknown.html",
        names=names,
        proof=seal_buyer(shell, request, buyer_id),
    )
    return keep_secret(request, page)


def _owned(shell: Shell, engine: BillingEngine, buyer_id: str) -> list[int]:
    """Customers whose permission is this buyer's by Amazon's own word, and nobody else's yet."""
    found = shell.read(lambda c: permissions_of_buyer(c, shell.merchant, buyer_id=buyer_id))
    sure = []
    with engine.make_client() as client:
        for each in found[:MOST_READ]:
            try:
                shown = client.get_charge_permission(each.permission_id)
            except AmazonPayError:
                continue  # what Amazon does not confirm counts for nothing
            if shown.buyer_id == buyer_id:
                sure.append(each.customer_id)
    return sure


def _linked(
    shell: Shell, request: Request, customer_id: int, buyer_id: str, wanted: str
) -> Response:
    def link(connection: Connection) -> None:
        link_buyer(
            connection,
            shell.merchant,
            customer_id=customer_id,
            buyer_id=buyer_id,
            source="permission",
            at=shell.wall.now(),
        )

    try:
        writing(shell.database, link)
    except (BuyerTaken, CustomerHasAnother):
        return _unclear(shell, request, "join.amazon.conflict")
    return sign_in_customer(shell, request, customer_id=customer_id, wanted=wanted)


def _unclear(shell: Shell, request: Request, key: str) -> Response:
    """Nothing was done; the ways in are one click away."""
    page = shell.pages.page(request, "mypage/sign_in_problem.html", problem=key, again=SIGN_IN)
    return keep_secret(request, page)
