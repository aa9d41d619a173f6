"""Security headers of the pages, of the script that shops load, and of static files."""

from collections.abc import Iterable
from typing import Final

_COMMON: Final = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
_PAGE: Final = {
    **_COMMON,
    # Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
STATIC_HEADERS: Final = {**_COMMON, "cache-control": "no-cache"}
SCRIPT_HEADERS: Final = {
    **STATIC_HEADERS,
    # Shops on other origins load it, also those with `require-corp`.
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
}


def page_headers(form_targets: Iterable[str] = ()) -> dict[str, str]:
    """The headers of a page. `form_targets` are the origins to which its forms may lead on.

    Browsers hold the redirect after a form to `form-action`, so the shop must be named there.
    """
    targets = " ".join(["'self'", *dict.fromkeys(form_targets)])
    policy = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        f"form-action {targets}; frame-ancestors 'none'; base-uri 'none'"
    )
    return {**_PAGE, "content-security-policy": policy}
