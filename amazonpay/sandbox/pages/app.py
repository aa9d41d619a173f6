"""The ASGI application of the hosted pages and of the button script."""

from starlette.applications import Starlette

from amazonpay.sandbox.desk import Desk

PREFIXES = ("/checkout", "/signin", "/jr", "/static", "/favicon.ico")
"""The first parts of paths that belong to the pages; everything else is the API's."""


def application(desk: Desk) -> Starlette:
    """The pages of this local Amazon Pay."""
    return Starlette(routes=[])
