"""My Page: the customer's Amazon account, linked, changed or unlinked by her own word.

Needs a sign-in of the last minutes. Whatever would take an account from somebody is a choice on a
page, never a side effect, and is told by mail.
"""

from datetime import timedelta

from fastapi import Request
from sqlalchemy import Connection, select
from starlette.responses import RedirectResponse, Response

from app.web.mypage.amazon_button import at_public_host, sign_in
from app.web.mypage.browser_secret import is_own_mark, keep_secret, mark
from app.web.mypage.customer_names import email_of
from app.web.mypage.owned import own_subscriptions
from app.web.mypage.proof import seal_buyer, sealed_buyer
from app.web.mypage.sign_in_amazon import buyer_of_token
from app.web.mypage.signing_in import sign_in_customer, sign_out_customer
from app.web.shell import (
    CUSTOMERS,
    SIGN_IN,
    Again,
    Done,
    Entry,
    Room,
    Shell,
    customer_of,
    form_of,
)
from app.web.shell.tables import web_sessions as sessions
from billing.checkouts import saved_methods
from billing.customers import (
    BuyerTaken,
    CustomerHasAnother,
    buyer_of_customer,
    customer_of_buyer,
    link_buyer,
    tell_linked,
    unlink_buyer,
)

ACCOUNT = "/my/account"
BACK = "/my/account/amazon"
REPLACE = "/my/account/amazon/replace"
UNLINK = "/my/account/amazon/unlink"
OTHER = "/my/account/amazon/other"
AGAIN = "/my/account/again"
FRESH = timedelta(minutes=15)
PURPOSE = "link"

ACCOUNT_ENTRY = Entry("join.account.title", ACCOUNT, CUSTOMERS, "customer", 60)


def add_account(room: Room, shell: Shell) -> None:
    """Declare the routes of the customer's account."""

    def account(request: Request) -> Response:
        """The Amazon account, the address of mails, and saved payment methods."""
        return at_public_host(shell, request) or account_page(shell, request)

    def back(request: Request) -> Response:
        """Amazon sends the browser here after its sign-in."""
        return _came_back(shell, request)

    def replace(request: Request) -> Response:
        """The customer has said to link this account in place of the other one."""
        return shell.act_once(request, lambda form_id: _replace(shell, request))

    def unlink(request: Request) -> Response:
        """The customer signs in by mail only from now on."""
        return shell.act_once(request, lambda form_id: _unlink(shell, request))

    def other(request: Request) -> Response:
        """The customer has said to go on as the registration that the account belongs to."""
        buyer_id = sealed_buyer(shell, request, form_of(request).get("proof"))
        if buyer_id is None:
            return _back_with(shell, request, "join.amazon.too_late")
        known = shell.read(lambda c: customer_of_buyer(c, shell.merchant, buyer_id=buyer_id))
        if known is None:
            return RedirectResponse(ACCOUNT, status_code=303)
        return sign_in_customer(shell, request, customer_id=known, wanted=ACCOUNT)

    def again(request: Request) -> Response:
        """Sign in once more, then back here."""
        response = sign_out_customer(shell, request)
        response.headers["location"] = f"{SIGN_IN}?next={ACCOUNT}"
        return response

    room.get(ACCOUNT, account, access=CUSTOMERS)
    room.get(BACK, back, access=CUSTOMERS)
    # The address above them is where Amazon leads back to, and no page to look at.
    room.post(REPLACE, replace, access=CUSTOMERS, shown_on=ACCOUNT)
    room.post(UNLINK, unlink, access=CUSTOMERS, shown_on=ACCOUNT)
    room.post(OTHER, other, access=CUSTOMERS, shown_on=ACCOUNT)
    room.post(AGAIN, again, access=CUSTOMERS)


def account_page(
    shell: Shell, request: Request, *, problem: str = "", status: int = 200
) -> Response:
    """Draw the account; the button to link stands there after a fresh sign-in only."""
    mine = customer_of(request).customer_id
    is_fresh = _is_fresh(shell, request)
    button = None
    if is_fresh:
        button = sign_in(
            shell, request, back=BACK, marked={"state": mark(request, f"{PURPOSE} {mine}")}
        )
    page = shell.pages.page(
        request,
        "mypage/account.html",
        status=status,
        linked=shell.read(lambda c: buyer_of_customer(c, shell.merchant, customer_id=mine)),
        email=shell.read(lambda c: email_of(c, mine)),
        saved=shell.read(lambda c: saved_methods(c, shell.merchant, customer_id=mine)),
        mine=own_subscriptions(shell, request),
        button=button,
        is_fresh=is_fresh,
        problem=problem,
        unlink_action=UNLINK,
        again_action=AGAIN,
    )
    return keep_secret(request, page)


def _came_back(shell: Shell, request: Request) -> Response:
    mine = customer_of(request).customer_id
    if not is_own_mark(request, f"{PURPOSE} {mine}", request.query_params.get("state", "")):
        return _back_with(shell, request, "join.amazon.other_browser")
    if not _is_fresh(shell, request):
        return _back_with(shell, request, "join.account.not_fresh")
    buyer_id = buyer_of_token(shell, request.query_params.get("buyerToken", ""))
    if buyer_id is None:
        return _back_with(shell, request, "join.amazon.no_token")
    try:
        _link(shell, request, buyer_id, replacing=False)
    except BuyerTaken:
        return _conflict(shell, request, buyer_id, "taken")
    except CustomerHasAnother:
        return _conflict(shell, request, buyer_id, "another")
    return RedirectResponse(f"{ACCOUNT}?linked=yes", status_code=303)


def _conflict(shell: Shell, request: Request, buyer_id: str, kind: str) -> Response:
    """Two people, or one with two registrations: only she can say."""
    page = shell.pages.page(
        request,
        "mypage/link_conflict.html",
        status=409,
        kind=kind,
        proof=seal_buyer(shell, request, buyer_id),
        replace_action=REPLACE,
        other_action=OTHER,
        back=ACCOUNT,
    )
    return keep_secret(request, page)


def _replace(shell: Shell, request: Request) -> Done | Again:
    buyer_id = sealed_buyer(shell, request, form_of(request).get("proof"))
    if buyer_id is None:
        return Again(_back_with(shell, request, "join.amazon.too_late"))
    try:
        _link(shell, request, buyer_id, replacing=True)
    except BuyerTaken:
        return Again(_conflict(shell, request, buyer_id, "taken"))
    return Done(ACCOUNT, "join.account.linked_now")


def _link(shell: Shell, request: Request, buyer_id: str, *, replacing: bool) -> None:
    mine, at = customer_of(request).customer_id, shell.wall.now()

    def link(connection: Connection) -> None:
        made = link_buyer(
            connection,
            shell.merchant,
            customer_id=mine,
            buyer_id=buyer_id,
            source="sign_in",
            at=at,
            replacing=replacing,
        )
        if made:
            tell_linked(connection, shell.merchant, customer_id=mine, at=at)

    shell.write(request, link)


def _unlink(shell: Shell, request: Request) -> Done | Again:
    mine = customer_of(request).customer_id
    if not _is_fresh(shell, request):
        return Again(_back_with(shell, request, "join.account.not_fresh"))
    if not shell.read(lambda c: email_of(c, mine)):
        # Without a mail address nothing else would lead in.
        return Again(_back_with(shell, request, "join.account.only_way"))

    def work(connection: Connection) -> None:
        unlink_buyer(connection, shell.merchant, customer_id=mine, at=shell.wall.now())

    shell.write(request, work)
    return Done(ACCOUNT, "join.account.unlinked_now")


def _is_fresh(shell: Shell, request: Request) -> bool:
    statement = select(sessions.c.proved_at).where(
        sessions.c.id_hash == customer_of(request).session
    )
    proved_at = shell.read(lambda c: c.execute(statement).scalar())
    return proved_at is not None and shell.wall.now() - proved_at <= FRESH


def _back_with(shell: Shell, request: Request, problem: str) -> Response:
    status = 409 if request.method == "POST" else 200
    return account_page(shell, request, problem=problem, status=status)
