"""What the outside sees of the notifications: the certificates, and the task that delivers.

`/__sns` stands for the SNS host in signed URLs: `https://sns.<region>.amazonaws.com/<rest>` is
answered at `<base_url>/__sns/<rest>`, certificates and confirmations alike.
"""

import asyncio
from collections.abc import Sequence
from xml.sax.saxutils import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from amazonpay.sandbox.desk import Desk
from amazonpay.sandbox.notifications import outbox
from amazonpay.sandbox.notifications.courier import Courier
from amazonpay.sandbox.notifications.seal import load_seal
from amazonpay.sandbox.notifications.subscriptions import confirm, unsubscribe

PREFIX = "/__sns"


def application(desk: Desk) -> Starlette:
    """Serves the signing certificates and answers subscription confirmations."""
    room = _Room(desk)
    return Starlette(
        routes=[
            Route(PREFIX + "/", room.act, methods=["GET"]),
            Route(PREFIX + "/{file}", room.certificate, methods=["GET"]),
        ]
    )


async def deliver(desk: Desk) -> None:
    """Delivers what is due, for as long as the server runs."""
    await Courier(desk).run()


def add_endpoints(desk: Desk, urls: Sequence[str]) -> None:
    """Adds endpoints that were named on the command line; one that is there keeps its style."""
    store = desk.world.store
    with store.transaction():
        for url in urls:
            if outbox.endpoint_by(store, "url", url) is None:
                outbox.put_endpoint(store, url, style={}, now=desk.clock.now())


class _Room:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def certificate(self, request: Request) -> Response:
        """A certificate file, as it lies on the SNS host."""
        seal = await asyncio.to_thread(load_seal, self._desk.directory)
        content = seal.certificate_file(request.path_params["file"])
        if content is None:
            return Response("no such certificate", status_code=404, media_type="text/plain")
        return Response(content, media_type="application/x-pem-file")

    async def act(self, request: Request) -> Response:
        """What the signed URLs of confirmations and notifications ask for."""
        query = request.query_params
        store = self._desk.world.store
        with store.transaction():
            if query.get("Action") == "ConfirmSubscription":
                arn = confirm(self._desk.world, query.get("TopicArn"), query.get("Token"))
            elif query.get("Action") == "Unsubscribe":
                arn = unsubscribe(self._desk.world, query.get("SubscriptionArn"))
            else:
                arn = None
        if arn is None:
            return _xml("<ErrorResponse><Error><Code>InvalidParameter</Code></Error>", 400)
        return _xml(f"<{query['Action']}Response><SubscriptionArn>{escape(arn)}</SubscriptionArn>")


def _xml(content: str, status: int = 200) -> Response:
    root = content[1 : content.index(">")]
    return Response(f"{content}</{root}>", status_code=status, media_type="text/xml")
