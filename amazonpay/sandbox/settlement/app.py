"""Downloads of report documents, at the addresses that Get Report Document answers.

A document is written row by row as it goes out: it costs the same memory with one row and with a
million, and other calls are answered between its parts.
"""

import asyncio
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from amazonpay.sandbox.desk import Desk
from amazonpay.sandbox.settlement.documents import PREFIX, why_not
from amazonpay.sandbox.settlement.numbers import from_id
from amazonpay.sandbox.settlement.report_rows import parts
from amazonpay.sandbox.settlement.report_store import Report, find
from amazonpay.sandbox.settlement.report_types import PAYMENTS
from amazonpay.sandbox.world import World

__all__ = ["PREFIX", "application"]


def application(desk: Desk) -> Starlette:
    """Serves `PREFIX/{document id}`; 403 for an address that is not good (any more)."""

    async def download(request: Request) -> Response:
        now = desk.clock.now()
        document_id = request.path_params["id"]
        with desk.world.store.transaction():
            reason = why_not(
                desk.world,
                document_id,
                expires=request.query_params.get("Expires", ""),
                proof=request.query_params.get("Signature", ""),
                now=now,
            )
            report = find(desk.world, from_id("document", document_id), now)
        if reason is not None:
            return _refusal(403, "AccessDenied", reason)
        if report is None:
            return _refusal(404, "NoSuchKey", "The specified key does not exist.")
        kind = "text/csv" if report.type == PAYMENTS else "text/plain"
        return StreamingResponse(_stream(desk.world, report), media_type=f"{kind}; charset=utf-8")

    return Starlette(routes=[Route(PREFIX + "/{id}", download, methods=["GET"])])


async def _stream(world: World, report: Report) -> AsyncIterator[bytes]:
    for part in parts(world, report):
        yield part.encode("utf-8", "replace")
        await asyncio.sleep(0)


def _refusal(status: int, code: str, message: str) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    return Response(body, status_code=status, media_type="application/xml")
