"""The ways in to My Page: Amazon's sign-in, or a link by mail that works once."""

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from app.web.mypage.amazon_button import at_public_host, sign_in
from app.web.mypage.browser_secret import keep_secret, mark
from app.web.mypage.sign_in_amazon import AMAZON_BACK, came_back, choose_registration
from app.web.mypage.sign_in_mail import MAIL_LINK, ask_by_mail, mail_was_sent, open_mail, use_mail
from app.web.mypage.signing_in import MY_HOME
from app.web.shell import OPEN, SIGN_IN, FormReader, Room, Shell, known_customer, safe_next

MAIL = "/my/sign-in/mail"
SENT = "/my/sign-in/sent"
CHOOSE = "/my/sign-in/choose"


def add_sign_in(room: Room, shell: Shell) -> None:
    """Declare the routes of signing in."""

    def ways_in(request: Request) -> Response:
        """The page that leads to every way to sign in."""
        wanted = safe_next(request.query_params.get("next", MY_HOME), home=MY_HOME)
        if known_customer(request) is not None:
            return RedirectResponse(wanted, status_code=303)
        return at_public_host(shell, request) or sign_in_page(shell, request, wanted=wanted)

    def back_from_amazon(request: Request) -> Response:
        """Amazon sends the browser here, with a token that names the buyer."""
        return came_back(shell, request)

    def choose(request: Request) -> Response:
        """Which of several registrations of one Amazon account it shall be."""
        return choose_registration(shell, request)

    def by_mail(request: Request) -> Response:
        """Ask for a link by mail."""
        return ask_by_mail(shell, request, sent=SENT)

    def sent(request: Request) -> Response:
        """The same page whether the address is known or not."""
        return mail_was_sent(shell, request)

    def open_link(request: Request) -> Response:
        """The page behind the link; looking at it does not use the link up."""
        return open_mail(shell, request)

    def use_link(request: Request) -> Response:
        """Sign in with the link."""
        return use_mail(shell, request)

    room.get(SIGN_IN, ways_in, access=OPEN)
    room.get(AMAZON_BACK, back_from_amazon, access=OPEN)
    room.post(CHOOSE, choose, access=OPEN)
    room.post(MAIL, by_mail, access=OPEN)
    room.get(SENT, sent, access=OPEN)
    room.get(MAIL_LINK, open_link, access=OPEN)
    room.post(MAIL_LINK, use_link, access=OPEN)


def sign_in_page(
    shell: Shell,
    request: Request,
    *,
    wanted: str = MY_HOME,
    problem: str = "",
    form: FormReader | None = None,
    status: int = 200,
) -> Response:
    """Draw the ways in; `problem` is the key of what went wrong."""
    button = sign_in(
        shell,
        request,
        back=AMAZON_BACK,
        marked={"state": mark(request, f"sign-in {wanted}"), "next": wanted},
    )
    page = shell.pages.page(
        request,
        "mypage/sign_in.html",
        status=status,
        wanted=wanted,
        button=button,
        problem=problem,
        form=form or FormReader(),
        mail_action=MAIL,
        has_mail=shell.master_key is not None,
    )
    return keep_secret(request, page)
