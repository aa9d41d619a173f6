"""What the control surface can do in this room.

`GET /ipn/endpoints` lists, `POST` adds one `{"url": …}` with any switches of `style.FIELDS` or
gives the endpoint of that URL other ones, `DELETE` removes all, or one by its id. `POST /reset`
keeps them. `POST /ipn/send` publishes a message by hand: `{"objectType", "objectId"}` with
`chargePermissionId` where the object is unknown here, or `{"chargeback": charge id}`;
`notificationType`, `endpoint` (an id) and every switch may stand beside it.
`POST /ipn/subscription-confirmation` sends one, or an `UnsubscribeConfirmation` as its `type`.
`GET /ipn/messages` is the truth (`?objectId=` filters, pages as elsewhere). `POST /ipn/flush`
answers when nothing is due any more, or after `timeoutSeconds` (10): `{"flushed", "waiting"}`.
"""

import asyncio
import time
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amazonpay.sandbox.control_input import (
    ControlRefused,
    Json,
    as_object,
    page,
    read_json,
    whole,
    word,
)
from amazonpay.sandbox.desk import Desk, route
from amazonpay.sandbox.notifications import outbox, view
from amazonpay.sandbox.notifications.outbox import Endpoint, Notice
from amazonpay.sandbox.notifications.style import FIELDS, read_style
from amazonpay.sandbox.notifications.urls import checked_url
from amazonpay.sandbox.refusals import Refused, not_found

_CONFIRMATIONS: Final = ("SubscriptionConfirmation", "UnsubscribeConfirmation")
_SENDABLE: Final = (
    *("objectType", "objectId", "chargePermissionId", "notificationType", "chargeback"),
    *("endpoint", *FIELDS),
)
_FLUSH_LOOK_SECONDS: Final = 0.005
_LONGEST_FLUSH_SECONDS: Final = 600


def routes(desk: Desk) -> list[Route]:
    """The routes of this room on the control surface."""
    room = _Room(desk)
    return [
        route("/ipn/endpoints", room.endpoints, "GET"),
        route("/ipn/endpoints", room.put_endpoint, "POST"),
        route("/ipn/endpoints", room.remove_all, "DELETE"),
        route("/ipn/endpoints/{id}", room.remove, "DELETE"),
        route("/ipn/send", room.send, "POST"),
        route("/ipn/subscription-confirmation", room.send_confirmation, "POST"),
        route("/ipn/messages", room.messages, "GET"),
        route("/ipn/flush", room.flush, "POST"),
    ]


class _Room:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._world = desk.world
        self._store = desk.world.store

    async def endpoints(self, _: Request) -> Response:
        return self._listed()

    async def put_endpoint(self, request: Request) -> Response:
        body = as_object(await read_json(request), ("url", *FIELDS))
        url, style = _url(body), read_style(body)
        now = self._desk.now()
        with self._store.transaction():
            known = outbox.endpoint_by(self._store, "url", url) is not None
            self._require_room(known=known)
            endpoint = outbox.put_endpoint(self._store, url, style=style, now=now)
        item = view.endpoint_item(self._world, endpoint)
        return JSONResponse(item, status_code=200 if known else 201)

    def _require_room(self, *, known: bool) -> None:
        if not known and len(outbox.endpoints(self._store)) >= outbox.MOST_ENDPOINTS:
            raise ControlRefused(
                "url", f"there are {outbox.MOST_ENDPOINTS} endpoints already; DELETE one first"
            )

    async def remove_all(self, _: Request) -> Response:
        with self._store.transaction():
            for endpoint in outbox.endpoints(self._store):
                outbox.remove_endpoint(self._store, endpoint)
        return self._listed()

    async def remove(self, request: Request) -> Response:
        with self._store.transaction():
            outbox.remove_endpoint(self._store, self._endpoint(request.path_params["id"]))
        return self._listed()

    def _listed(self) -> Response:
        rows = outbox.endpoints(self._store)
        return JSONResponse({"items": [view.endpoint_item(self._world, row) for row in rows]})

    async def send(self, request: Request) -> Response:
        body = as_object(await read_json(request), _SENDABLE)
        style = read_style(body)
        now = self._desk.now()
        return self._publish(self._notice(body), style, now)

    async def send_confirmation(self, request: Request) -> Response:
        body = as_object(await read_json(request), ("type", "endpoint", *FIELDS))
        style = read_style(body)
        kind = word(body, "type", _CONFIRMATIONS) or _CONFIRMATIONS[0]
        now = self._desk.now()
        given = word(body, "endpoint")
        chosen = outbox.endpoints(self._store) if given is None else [self._endpoint(given)]
        # A token belongs to one subscription, so each endpoint gets a message of its own.
        items = []
        with self._store.transaction():
            for endpoint in chosen:
                notice = Notice(type=kind, endpoint=endpoint.seq)
                message = outbox.publish(self._store, notice, style=style, now=now)
                items.append(view.message_item(message, []))
        if not items:
            raise _no_endpoint()
        return JSONResponse({"items": items}, status_code=202)

    def _publish(self, notice: Notice, style: Json, now: int) -> Response:
        if not outbox.endpoints(self._store):
            raise _no_endpoint()
        with self._store.transaction():
            message = outbox.publish(self._store, notice, style=style, now=now)
        return JSONResponse(view.message_item(message, []), status_code=202)

    def _notice(self, body: Json) -> Notice:
        endpoint = word(body, "endpoint")
        object_type, object_id = self._object(body)
        permission_id = word(body, "chargePermissionId") or self._permission_of(
            object_type, word(body, "chargeback") or object_id
        )
        return Notice(
            object_type=object_type,
            object_id=object_id,
            permission_id=permission_id,
            notification_type=word(body, "notificationType") or "STATE_CHANGE",
            endpoint=None if endpoint is None else self._endpoint(endpoint).seq,
        )

    def _object(self, body: Json) -> tuple[str, str]:
        charge_id = word(body, "chargeback")
        object_type, object_id = word(body, "objectType"), word(body, "objectId")
        if charge_id is not None:
            # As in a recorded id: the order's part and B with six digits.
            return "CHARGEBACK", object_id or f"{charge_id[:19]}-B{charge_id[-6:]}"
        if object_type is None or object_id is None:
            raise ControlRefused(
                "objectType" if object_type is None else "objectId",
                'is missing; give "objectType" and "objectId", or "chargeback" with a charge id',
            )
        return object_type, object_id

    def _permission_of(self, object_type: str, object_id: str) -> str:
        """The permission of an object that is known here."""
        if object_type == "CHARGE_PERMISSION":
            return object_id
        refund = self._store.refund(object_id)
        charge = self._store.charge(object_id if refund is None else refund.charge_id)
        if charge is None:
            raise ControlRefused(
                "chargePermissionId", f"is needed, since {object_id!r} is not known here"
            )
        return charge.permission_id

    def _endpoint(self, endpoint_id: str) -> Endpoint:
        endpoint = outbox.endpoint_by(self._store, "id", endpoint_id)
        if endpoint is None:
            raise not_found(endpoint_id)
        return endpoint

    async def messages(self, request: Request) -> Response:
        limit, after = page(request)
        unknown = set(request.query_params) - {"limit", "after", "nextToken", "objectId"}
        if unknown:
            raise ControlRefused(min(unknown), "is not a filter of this list; known: objectId")
        outbox.date_messages(self._store, now=self._desk.now())
        object_id = request.query_params.get("objectId")
        return JSONResponse(
            view.messages(self._world, limit=limit, after=after, object_id=object_id)
        )

    async def flush(self, request: Request) -> Response:
        body = as_object(await read_json(request), ("timeoutSeconds",))
        seconds = whole(body, "timeoutSeconds", low=0, high=_LONGEST_FLUSH_SECONDS)
        deadline = time.monotonic() + (10 if seconds is None else seconds)
        while (due := self._is_due()) and time.monotonic() < deadline:
            await asyncio.sleep(_FLUSH_LOOK_SECONDS)
        waiting = outbox.count_waiting(self._store)
        return JSONResponse({"flushed": not due, "waiting": waiting})

    def _is_due(self) -> bool:
        now = self._desk.now()
        outbox.date_messages(self._store, now=now)
        soonest = outbox.soonest(self._store)
        return soonest is not None and soonest <= now


def _url(body: dict[str, Any]) -> str:
    value = body.get("url")
    if not isinstance(value, str):
        raise ControlRefused("url", "is missing or not a text")
    try:
        return checked_url(value)
    except ValueError as error:
        raise ControlRefused("url", str(error)) from None


def _no_endpoint() -> Refused:
    return Refused(409, "NoEndpoint", "nobody would get it; POST /ipn/endpoints first")
