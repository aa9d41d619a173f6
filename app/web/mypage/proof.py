"""What Amazon's server has told us about a buyer, carried through one more page of ours.

A form that lets the customer choose must not take the browser's word for who the buyer is: the id
goes with a seal that only we can make, for this browser and for some minutes.
"""

import hashlib
import hmac
import time

from starlette.requests import Request

from app.web.mypage.browser_secret import browser_secret
from app.web.shell import Shell, known_customer

SECONDS = 15 * 60
# Python refuses to read a number of thousands of digits, with an error of its own.
MOST_DIGITS = 12


def seal_buyer(shell: Shell, request: Request, buyer_id: str) -> str:
    """The buyer's id with its end and its seal, for a hidden field."""
    until = int(time.time()) + SECONDS
    return f"{until}.{buyer_id}.{_made(shell, request, buyer_id, until)}"


def sealed_buyer(shell: Shell, request: Request, text: str) -> str | None:
    """The id in such a field; None for one that is not ours, too old, or of another browser."""
    until, _, rest = text.partition(".")
    buyer_id, _, seal = rest.rpartition(".")
    is_number = until.isascii() and until.isdecimal() and len(until) <= MOST_DIGITS
    if not is_number or int(until) < time.time():
        return None
    good = _made(shell, request, buyer_id, int(until))
    return buyer_id if hmac.compare_digest(good.encode(), seal.encode(errors="replace")) else None


def _made(shell: Shell, request: Request, buyer_id: str, until: int) -> str:
    who = known_customer(request)
    said = (shell.merchant.id, str(who.customer_id) if who else "", buyer_id, str(until))
    key = (shell.master_key or b"") + browser_secret(request).encode()
    return hmac.new(key, "\0".join(("buyer", *said)).encode(), hashlib.sha256).hexdigest()
