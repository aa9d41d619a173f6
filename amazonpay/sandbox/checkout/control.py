"""What the control surface can do in this room."""

from starlette.routing import Route

from amazonpay.sandbox.desk import Desk


def routes(desk: Desk) -> list[Route]:
    """The routes of this room on the control surface."""
    return []
