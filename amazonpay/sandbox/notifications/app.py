"""What the outside sees of the notifications: the certificate, and the task that delivers."""

from starlette.applications import Starlette

from amazonpay.sandbox.desk import Desk

PREFIX = "/__sns"


def application(desk: Desk) -> Starlette:
    """Serves the signing certificate and answers subscription confirmations."""
    return Starlette(routes=[])


async def deliver(desk: Desk) -> None:
    """Delivers what is due, for as long as the server runs."""
