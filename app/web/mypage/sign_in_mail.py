"""Signing in by mail: a link works once, and in the browser that asked for it.

Nothing tells whether an address is known. Many read their mails on a telephone, or in a
browser inside the mail program: opened there a link signs nobody in and stays good, and its page
says why and sends a new one for that browser.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from app.web.mypage.amazon_button import public_address
from app.web.mypage.browser_secret import is_own_mark, keep_secret, mark
from app.web.mypage.signing_in import sign_in_customer
from app.web.shell import SIGN_IN, FormReader, Shell, form_of
from billing import writing
from billing.customers import (
    LINK_LASTS,
    ask_mail_link,
    browser_of_link,
    mail_link_address,
    use_mail_link,
)

MAIL_LINK = "/my/sign-in/link"
PURPOSE = "mail link"
MINUTES = int(LINK_LASTS.total_seconds()) // 60
# Writing a mail takes some milliseconds: the answer waits until nobody can tell by its time.
EVEN_SECONDS = 0.2


def ask_by_mail(shell: Shell, request: Request, *, sent: str) -> Response:
    """Write the mail, if there is anybody to write to; the page that follows is always the same.

    Whoever opened a link in another browser gives that link instead of the address, which the page
    does not show.
    """
    form, token = FormReader(form_of(request)), form_of(request).get("token")
    email = (_address_of(shell, token) if token else form.email("email")) or ""
    if token and not email:
        return _over(shell, request)
    address, key = public_address(shell, request), shell.master_key
    if form.problems or address is None or key is None:
        return shell.pages.page(
            request, "mypage/sign_in_mail.html", status=422, form=form, possible=key is not None
        )
    source = request.client.host if request.client else ""
    with _evenly():
        asked = writing(
            shell.database,
            lambda connection: ask_mail_link(
                connection,
                shell.merchant,
                email=email,
                source=source,
                address=address,
                seed=secrets.token_urlsafe(16),
                browser=mark(request, PURPOSE),
                master_key=key,
                at=shell.wall.now(),
            ),
        )
    if asked.slowed:
        form.refuse("email", "join.mail.slowed", minutes=15)
        return shell.pages.page(
            request, "mypage/sign_in_mail.html", status=429, form=form, possible=True
        )
    return keep_secret(request, RedirectResponse(sent, status_code=303))


@contextmanager
def _evenly() -> Iterator[None]:
    """Take a fixed time at least, whatever is found inside."""
    begun = time.monotonic()
    yield
    time.sleep(max(0.0, EVEN_SECONDS - (time.monotonic() - begun)))


def mail_was_sent(shell: Shell, request: Request) -> Response:
    """What to do now."""
    return shell.pages.page(request, "mypage/sign_in_sent.html", minutes=MINUTES)


def open_mail(shell: Shell, request: Request) -> Response:
    """A button to press: programs that look into mails open links too, and must not use them up."""
    token = request.query_params.get("token", "")
    whose = _address_of(shell, token)
    if whose is None:
        return _over(shell, request, status=200)
    if not _is_own(request, token):
        return _elsewhere(shell, request, token, whose)
    return shell.pages.page(
        request, "mypage/sign_in_link.html", token=token, good=True, whose=veiled(whose)
    )


def use_mail(shell: Shell, request: Request) -> Response:
    """Sign in with the link, once; in another browser than the one that asked it stays unused."""
    token = form_of(request).get("token")
    if not _is_own(request, token) and (whose := _address_of(shell, token)):
        return _elsewhere(shell, request, token, whose, status=409)
    customer_id = writing(
        shell.database,
        lambda c: use_mail_link(c, shell.merchant, token=token, at=shell.wall.now()),
    )
    if customer_id is None:
        return _over(shell, request)
    return sign_in_customer(shell, request, customer_id=customer_id)


def _address_of(shell: Shell, token: str) -> str | None:
    return shell.read(
        lambda c: mail_link_address(c, shell.merchant, token=token, at=shell.wall.now())
    )


def _is_own(request: Request, token: str) -> bool:
    """Whether this very browser asked for the link."""
    return is_own_mark(request, PURPOSE, browser_of_link(token))


def _over(shell: Shell, request: Request, *, status: int = 410) -> Response:
    return shell.pages.page(
        request, "mypage/sign_in_link.html", status=status, good=False, again=SIGN_IN
    )


def _elsewhere(
    shell: Shell, request: Request, token: str, whose: str, *, status: int = 200
) -> Response:
    """A good link in a browser that did not ask for it: its reader may ask from here."""
    return shell.pages.page(
        request,
        "mypage/sign_in_elsewhere.html",
        status=status,
        token=token,
        whose=veiled(whose),
        minutes=MINUTES,
    )


def veiled(email: str) -> str:
    """An address that its owner knows again and nobody else learns: `h…@example.jp`."""
    name, at, host = email.rpartition("@")
    return f"{name[:1]}…{at}{host}"
