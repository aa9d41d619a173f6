"""The control surface: the virtual clock, consents without a browser, faults, and the truth.

It lives under `/__control` beside the API and needs no signature, so the server listens on
loopback only. Wrong input is 400 `{"error": {"field", "reason"}}` and changes nothing.

GET lists (`/charges`, `/refunds`, `/charge-permissions`, `/requests`) answer
`{"items": […], "next": token or null}`; `?limit=` (1 to 5000, default 100) and `?after=token` turn
the pages, and `?chargePermissionId=`, `?merchantReferenceId=` (charges) or `?chargeId=` (refunds)
filter. `POST /charge-permissions` takes one object, or an array that is made whole or not at all.
`POST /faults` adds rules: without `times` a rule strikes once, or until it is deleted when it has
a `probability`; faults are forgotten when the server ends. `POST /reset` empties everything but
identity and clock; `{"now": INSTANT}` sets the clock as well, back too. `GET /stats` has figures.
"""

import dataclasses
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amazonpay.sandbox import consents, truth
from amazonpay.sandbox.checkout import control as checkout
from amazonpay.sandbox.clock import ClockRefused
from amazonpay.sandbox.control_input import (
    ControlRefused,
    as_list,
    as_object,
    fault,
    page,
    read_json,
    whole,
    word,
)
from amazonpay.sandbox.desk import PREFIX, Desk, route
from amazonpay.sandbox.faults import Faults
from amazonpay.sandbox.instants import LATEST_MS, iso, parse_instant
from amazonpay.sandbox.notifications import control as notifications
from amazonpay.sandbox.refusals import Refused, not_found
from amazonpay.sandbox.rotation import add_key, disable_key
from amazonpay.sandbox.settlement import control as settlement
from amazonpay.sandbox.throttle import Throttle
from amazonpay.sandbox.timers import fire_due

_TABLES = {
    "/charge-permissions": "permissions",
    "/charges": "charges",
    "/refunds": "refunds",
    "/requests": "requests",
}
_PAGING = ("limit", "after", "nextToken")


class Control:
    """The Starlette application of the control surface and its handlers."""

    def __init__(self, *, desk: Desk, throttle: Throttle, faults: Faults) -> None:
        self._desk = desk
        self._world = desk.world
        self._clock = desk.clock
        self._throttle = throttle
        self._faults = faults
        self.app = Starlette(
            routes=self._routes(),
            exception_handlers={
                ControlRefused: _refused,
                Refused: _not_found,
                HTTPException: _no_such_call,
            },
        )

    def _routes(self) -> list[Route]:
        lists = [route(path, self._list, "GET") for path in _TABLES]
        return [
            route("/charge-permissions", self._create_permissions, "POST"),
            route("/charge-permissions/{id}", self._change_permission, "PATCH"),
            route("/charge-permissions/{id}", self._permission, "GET"),
            route("/clock", self._get_clock, "GET"),
            route("/clock", self._set_clock, "POST"),
            route("/faults", self._get_faults, "GET"),
            route("/faults", self._add_faults, "POST"),
            route("/faults", self._clear_faults, "DELETE"),
            route("/stats", self._stats, "GET"),
            route("/reset", self._reset, "POST"),
            route("/keys", self._keys, "GET"),
            route("/keys", self._add_key, "POST"),
            route("/keys/{id}", self._disable_key, "DELETE"),
            *lists,
            *checkout.routes(self._desk),
            *notifications.routes(self._desk),
            *settlement.routes(self._desk),
        ]

    def _now(self) -> int:
        return self._desk.now()

    async def _keys(self, _: Request) -> Response:
        return JSONResponse({"items": list(self._world.keys.live)})

    async def _add_key(self, _: Request) -> Response:
        with self._world.store.transaction():
            key_id, file = add_key(self._world.store, self._world.keys, self._desk.directory)
        return JSONResponse(
            {"public_key_id": key_id, "private_key_file": str(file)}, status_code=201
        )

    async def _disable_key(self, request: Request) -> Response:
        key_id = request.path_params["id"]
        with self._world.store.transaction():
            if not disable_key(self._world.store, self._world.keys, key_id):
                raise not_found(key_id)
        return JSONResponse({"items": list(self._world.keys.live)})

    async def _create_permissions(self, request: Request) -> Response:
        value = await read_json(request)
        now = self._now()
        many = isinstance(value, list)
        with self._world.store.transaction():
            rows = [
                consents.create(self._world, entry, now=now, where=f"[{position}]" if many else "")
                for position, entry in enumerate(as_list(value))
            ]
        items = [truth.permission_item(self._world, row, now) for row in rows]
        return JSONResponse({"items": items} if many else items[0], status_code=201)

    async def _change_permission(self, request: Request) -> Response:
        value = await read_json(request)
        now = self._now()
        with self._world.store.transaction():
            row = self._world.permission(request.path_params["id"])
            row = consents.change(self._world, row, value, now=now)
        return JSONResponse(truth.permission_item(self._world, row, now))

    async def _permission(self, request: Request) -> Response:
        now = self._now()
        row = self._world.permission(request.path_params["id"])
        return JSONResponse(truth.permission_item(self._world, row, now))

    async def _list(self, request: Request) -> Response:
        limit, after = page(request)
        filters = {k: v for k, v in request.query_params.items() if k not in _PAGING}
        table = _TABLES[request.url.path.removeprefix(PREFIX)]
        now = self._now()
        return JSONResponse(
            truth.page(self._world, table, limit=limit, after=after, filters=filters, now=now)
        )

    async def _get_clock(self, _: Request) -> Response:
        return JSONResponse({"now": iso(self._clock.now())})

    async def _set_clock(self, request: Request) -> Response:
        body = as_object(await read_json(request), ("now", "advanceSeconds", "force"))
        fired = self._move(self._target(body), force=body.get("force") is True)
        return JSONResponse({"now": iso(self._clock.now()), "fired": fired})

    def _target(self, body: dict[str, Any]) -> int:
        instant = word(body, "now")
        seconds = whole(body, "advanceSeconds", low=0, high=LATEST_MS // 1000)
        if (instant is None) == (seconds is None):
            raise ControlRefused(None, 'give either "now" or "advanceSeconds"')
        if seconds is not None:
            return self._clock.now() + seconds * 1000
        try:
            return parse_instant(instant or "")
        except ValueError as error:
            raise ControlRefused("now", str(error)) from None

    def _move(self, target: int, *, force: bool) -> int:
        try:
            self._clock.move_to(target, force=force)
        except ClockRefused as error:
            raise ControlRefused("now", str(error)) from None
        with self._world.store.transaction():
            self._world.store.put_meta("clock_offset_ms", str(self._clock.offset_ms))
            return fire_due(self._world, self._clock.now())

    async def _get_faults(self, _: Request) -> Response:
        return self._faults_in_force()

    async def _add_faults(self, request: Request) -> Response:
        values = as_list(await read_json(request))
        self._faults.add([fault(value, f"[{n}]") for n, value in enumerate(values)])
        return self._faults_in_force()

    async def _clear_faults(self, _: Request) -> Response:
        self._faults.clear()
        return self._faults_in_force()

    def _faults_in_force(self) -> Response:
        return JSONResponse([dataclasses.asdict(rule) for rule in self._faults.rules])

    async def _stats(self, _: Request) -> Response:
        return JSONResponse(truth.stats(self._world, self._now()))

    async def _reset(self, request: Request) -> Response:
        body = as_object(await read_json(request), ("now",))
        target = self._target(body) if body else None
        self._faults.clear()
        self._throttle.reset()
        with self._world.store.transaction():
            self._world.store.reset()
        if target is not None:
            # Nothing is left whose timers could have fired: going back is harmless here.
            self._move(target, force=True)
        return JSONResponse(truth.stats(self._world, self._now()))


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, ControlRefused):
        raise error
    return JSONResponse({"error": {"field": error.field, "reason": error.reason}}, status_code=400)


async def _not_found(_: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    return JSONResponse(
        {"error": {"field": "id", "reason": error.message}}, status_code=error.status
    )


async def _no_such_call(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    path = request.url.path.removeprefix(PREFIX)[:128]
    field, reason = "path", f"{path!r} is no call of the control surface"
    if error.status_code == 405:
        known = (error.headers or {}).get("Allow", "")
        field, reason = "method", f"{request.method} {path} is no call; known here: {known}"
    return JSONResponse(
        {"error": {"field": field, "reason": reason}},
        status_code=error.status_code,
        headers=error.headers,
    )
