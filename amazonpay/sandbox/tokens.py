"""Authorization tokens: those that Get Authorization Token issued, and the header that brings one.

A solution provider sends the token of the merchant for whom it acts (api.md §3 and §10).
"""

import uuid
from typing import Final

from amazonpay.sandbox.refusals import Refused
from amazonpay.sandbox.store import Store

HEADER: Final = "x-amz-pay-authtoken"
_LIFE_MS: Final = 3_600_000
_META: Final = "authorization_token:"


def issue(store: Store, *, now: int) -> tuple[str, int]:
    """A new token and the instant at which it ends; it is known after a restart as well."""
    token, expires_at = str(uuid.uuid4()), now + _LIFE_MS
    store.put_meta(_META + token, str(expires_at))
    return token, expires_at


def require_issued(store: Store, token: str, *, now: int) -> None:
    """Refuses a token that was not issued here or has ended: 403 `InvalidAuthorizationToken`."""
    expires_at = store.meta(_META + token)
    if expires_at is None or int(expires_at) <= now:
        # The token is a secret, even a wrong one: it is not repeated in the message.
        raise Refused(
            403,
            "InvalidAuthorizationToken",
            f"The value provided for {HEADER} is not a token that was issued here, or it expired.",
        )
