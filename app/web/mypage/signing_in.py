"""Begins and ends a customer's session; every way to sign in ends in `sign_in_customer`."""

from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.web.mypage.browser_secret import forget_secret
from app.web.shell import SIGN_IN, Shell, safe_next
from app.web.shell.cookies import SESSIONS, VISITOR, drop_cookie, read_cookie, set_cookie
from app.web.shell.people import MY
from app.web.shell.tables import customers
from billing import writing

SESSION = SESSIONS["customer"]
MY_HOME = f"{MY}/"


def sign_in_customer(
    shell: Shell, request: Request, *, customer_id: int, wanted: str = MY_HOME
) -> Response:
    """Begin a session of a customer who has proved who she is, and go on to `wanted`.

    The session that was there ends (no fixation). Raises `LookupError` for a customer of another
    merchant: no way to sign in may ever lead there.
    """
    before = read_cookie(request, SESSION)

    def begin(connection: Connection) -> str:
        statement = select(customers.c.id).where(
            customers.c.id == customer_id, customers.c.merchant_id == shell.merchant.id
        )
        if connection.execute(statement).first() is None:
            raise LookupError(f"customer {customer_id} is not one of {shell.merchant.id!r}")
        shell.sessions.end_with(connection, before)
        return shell.sessions.begin_customer(connection, customer_id=customer_id)

    session_id = writing(shell.database, begin)
    response = RedirectResponse(safe_next(wanted, home=MY_HOME), status_code=303)
    set_cookie(request, response, SESSION, session_id)
    drop_cookie(request, response, VISITOR)
    return response


def sign_out_customer(shell: Shell, request: Request) -> Response:
    """End the session on the server and in the browser.

    The browser forgets its checkouts too: who uses it next must not come back in by one.
    """
    shell.sessions.end(read_cookie(request, SESSION))
    response = RedirectResponse(SIGN_IN, status_code=303)
    drop_cookie(request, response, SESSION)
    return forget_secret(request, response)
