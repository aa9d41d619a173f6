"""What is open to everybody: whether we are well, and the files that pages load."""

import logging

from sqlalchemy import text
from starlette.responses import PlainTextResponse, Response

from app.web.shell import OPEN, Room, Shell
from app.web.shell.assets import serve_asset

log = logging.getLogger(__name__)


def open_room(shell: Shell) -> Room:
    """`/health` and `/assets/…`."""

    def health() -> Response:
        """200 when the database answers, 503 when not; for machines, without a log-in."""
        try:
            shell.read(lambda connection: connection.execute(text("SELECT 1")))
        except Exception:
            log.exception("the database does not answer")
            return PlainTextResponse("the database does not answer", status_code=503)
        return PlainTextResponse("ok")

    room = Room("open")
    room.get("/health", health, access=OPEN)
    room.get("/assets/{name}", serve_asset, access=OPEN)
    return room
