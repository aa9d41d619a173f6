"""The first pages of My Page: its front door, signing in and out."""

from fastapi import Request
from starlette.responses import Response

from app.web.mypage.charges import CHARGES_ENTRY
from app.web.mypage.extras import add_extras
from app.web.mypage.link_amazon import ACCOUNT_ENTRY, add_account
from app.web.mypage.payment_method import add_payment_method
from app.web.mypage.sign_in import add_sign_in
from app.web.mypage.sign_up import add_sign_up
from app.web.mypage.sign_up_checkout import add_checkout
from app.web.mypage.signing_in import MY_HOME, sign_out_customer
from app.web.mypage.subscription_room import add_subscriptions
from app.web.shell import (
    CUSTOMERS,
    Entry,
    Room,
    Shell,
)


def mypage_room(shell: Shell) -> Room:
    """Everything under `/my`."""

    def sign_out(request: Request) -> Response:
        """End the session."""
        return sign_out_customer(shell, request)

    entries = (Entry("my.home", MY_HOME, CUSTOMERS, "customer", 1), CHARGES_ENTRY, ACCOUNT_ENTRY)
    room = Room("mypage", entries=entries)
    room.post("/my/sign-out", sign_out, access=CUSTOMERS)
    for add in (
        *(add_subscriptions, add_sign_in, add_sign_up, add_checkout),
        *(add_account, add_payment_method, add_extras),
    ):
        add(room, shell)
    return room
