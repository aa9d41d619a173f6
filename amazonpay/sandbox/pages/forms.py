"""Reads what a form sent; anything that is no form of ours is refused with a page."""

import asyncio
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from amazonpay.sandbox.pages.refusal import PageRefused

TOKEN_FIELD: Final = "form_token"  # noqa: S105 - the name of a field, not a secret
_TYPE: Final = "application/x-www-form-urlencoded"
_MOST_BYTES: Final = 262_144
_MOST_FIELDS: Final = 60
_SECONDS: Final = 30.0


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form; of equal names the last counts.

    Raises `PageRefused` 400, 408, 413 or 415 for what no form sends.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _TYPE:
        raise PageRefused(415, "error.form_type")
    try:
        async with asyncio.timeout(_SECONDS):
            body = await _read(request)
    except TimeoutError:
        raise PageRefused(408, "error.form_slow") from None
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_MOST_FIELDS,
            errors="strict",
        )
    except ValueError:
        raise PageRefused(400, "error.form_unreadable") from None
    return dict(pairs)


async def _read(request: Request) -> bytes:
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > _MOST_BYTES:
                raise PageRefused(413, "error.form_large")
    except ClientDisconnect:
        raise PageRefused(400, "error.form_unreadable") from None
    return bytes(body)


def comes_from_elsewhere(request: Request) -> bool:
    """Whether the browser says that another site sent this form."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("origin")
    return origin is not None and origin.partition("://")[2] != request.headers.get("host")
