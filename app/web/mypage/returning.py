"""Back from Amazon with a checkout session: read on the server, only by its own browser.

The session itself says to which address it was to come back, as it was signed. Its mark is this
browser's, or the session is somebody else's and nothing of it is shown.
"""

import logging
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from fastapi import Request
from starlette.responses import Response

from amazonpay import AmazonPayError, CheckoutSession, CheckoutSessionState
from app.web.mypage.amazon_button import engine_of
from app.web.mypage.browser_secret import browser_hash, is_own_mark, keep_secret
from app.web.shell import Shell, words_of
from billing import writing
from billing.checkouts import Checkout, Wanted, begin_checkout

log = logging.getLogger(__name__)

SESSION = "amazonCheckoutSessionId"
LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Returned:
    """An open session that this browser began, with its buyer."""

    session_id: str
    buyer_id: str

    def begin(
        self,
        shell: Shell,
        request: Request,
        *,
        purpose: str,
        wanted: Wanted,
        amount_yen: int,
        customer_id: int | None,
    ) -> Checkout:
        """Write the checkout down, once however often the buyer comes back with it."""
        return writing(
            shell.database,
            lambda connection: begin_checkout(
                connection,
                shell.merchant,
                checkout_id=secrets.token_hex(16),
                session_id=self.session_id,
                purpose=purpose,  # type: ignore[arg-type] # one of our own three words
                browser_hash=browser_hash(request),
                buyer_id=self.buyer_id,
                wanted=wanted,
                amount_yen=amount_yen,
                language=words_of(request).language,
                customer_id=customer_id,
                at=shell.clock.now(),
            ),
        )


def returned(shell: Shell, request: Request, *, purpose: str, again: str) -> Returned | Response:
    """What the buyer came back with, or the page that says why it cannot go on."""
    state = request.query_params.get("state", "")
    if not is_own_mark(request, purpose, state):
        return stopped(shell, request, "join.back.other_browser", again)
    session = _read(shell, request.query_params.get(SESSION, ""))
    if session is None:
        return stopped(shell, request, "join.back.unknown", again)
    if session.state != CheckoutSessionState.OPEN or session.buyer is None:
        return stopped(shell, request, "join.back.over", again)
    if _state_of(session) != state:
        log.warning("a checkout session was brought to a browser that did not begin it")
        return stopped(shell, request, "join.back.other_browser", again)
    return Returned(session.checkout_session_id, session.buyer.buyer_id)


def read_session(shell: Shell, session_id: str) -> CheckoutSession | None:
    """A session as Amazon has it now; None when Amazon does not show it."""
    return _read(shell, session_id)


def _read(shell: Shell, session_id: str) -> CheckoutSession | None:
    engine = engine_of(shell)
    usable = session_id.isascii() and session_id.replace("-", "").isalnum()
    if engine is None or not usable or len(session_id) > LONGEST_ID:
        return None
    try:
        with engine.make_client() as client:
            return client.get_checkout_session(session_id)
    except AmazonPayError as error:
        log.warning("a checkout session could not be read: %s", type(error).__name__)
        return None


def _state_of(session: CheckoutSession) -> str:
    address = session.web_checkout_details.checkout_review_return_url or ""
    return parse_qs(urlsplit(address).query).get("state", [""])[0]


def stopped(shell: Shell, request: Request, key: str, again: str, *, status: int = 200) -> Response:
    """Say why it cannot go on, by the key of the words, and that nothing was ordered."""
    page = shell.pages.page(request, "mypage/stopped.html", status=status, problem=key, again=again)
    return keep_secret(request, page)
