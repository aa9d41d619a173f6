"""What the control surface can do in this room: a whole checkout without a browser, buyers, CV1.

`POST /checkout-sessions {payload, productType?}` is the signed button, `…/{id}/buyer` the buyer who
logs in, chooses and consents, `…/{id}/pay` the visit to `amazonPayRedirectUrl`, `…/{id}/cancel` the
buyer who leaves. `POST /charges` and `POST /refunds` plant what CV1 left behind.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amazonpay.sandbox import planting, truth
from amazonpay.sandbox.checkout import buyer_side, shelf
from amazonpay.sandbox.checkout.listing import buyer_item, session_item, session_page
from amazonpay.sandbox.checkout.rows import Buyer, Session
from amazonpay.sandbox.control_input import ControlRefused, as_object, page, read_json, word
from amazonpay.sandbox.desk import Desk, route
from amazonpay.sandbox.refusals import Refused
from amazonpay.sandbox.simulation import BEHAVIOURS


def routes(desk: Desk) -> list[Route]:
    """The routes of this room on the control surface."""
    room = _Room(desk)
    return [
        route("/checkout-sessions", room.list_sessions, "GET"),
        route("/checkout-sessions", room.open_session, "POST"),
        route("/checkout-sessions/{id}", room.get_session, "GET"),
        route("/checkout-sessions/{id}/buyer", room.choose, "POST"),
        route("/checkout-sessions/{id}/pay", room.pay, "POST"),
        route("/checkout-sessions/{id}/cancel", room.cancel, "POST"),
        route("/buyers", room.list_buyers, "GET"),
        route("/buyers", room.add_buyer, "POST"),
        route("/buyer-tokens", room.issue_token, "POST"),
        route("/charges", room.plant_charge, "POST"),
        route("/refunds", room.plant_refund, "POST"),
    ]


class _Room:
    """The handlers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._world = desk.world

    @contextmanager
    def _act(self) -> Iterator[int]:
        """One transaction at the virtual instant that it yields; Amazon's 400 is ours."""
        now = self._desk.now()
        try:
            with self._world.store.transaction():
                yield now
        except Refused as refused:
            if refused.status != 400:
                raise
            raise ControlRefused(None, refused.message) from None

    async def list_sessions(self, request: Request) -> Response:
        self._desk.now()
        limit, after = page(request)
        return JSONResponse(session_page(self._world, limit=limit, after=after))

    async def get_session(self, request: Request) -> Response:
        self._desk.now()
        return JSONResponse(session_item(self._session(request)))

    async def open_session(self, request: Request) -> Response:
        body = as_object(await read_json(request), ("payload", "productType"))
        payload = body.get("payload")
        if not isinstance(payload, dict):
            raise ControlRefused("payload", "is the JSON object that the button would sign")
        product_type = word(body, "productType") or "PayAndShip"
        with self._act() as now:
            session = buyer_side.open_session(
                self._world, payload, product_type=product_type, now=now
            )
        return JSONResponse(session_item(session), status_code=201)

    async def choose(self, request: Request) -> Response:
        body = as_object(
            await read_json(request), ("buyerId", "email", "card", "instrumentId", "addressId")
        )
        with self._act() as now:
            owner = self._buyer(body)
            card = word(body, "card")
            chosen = word(body, "instrumentId") or (f"card-{card}" if card else None)
            session = buyer_side.attach(
                self._world,
                self._session(request),
                buyer=owner,
                instrument_id=chosen or owner.instruments[0].id,
                address_id=word(body, "addressId") or owner.addresses[0].id,
                now=now,
            )
        return JSONResponse(_with_url(session, buyer_side.review_url))

    async def pay(self, request: Request) -> Response:
        body = as_object(await read_json(request), ("outcome",))
        outcome = word(body, "outcome", tuple(BEHAVIOURS))
        with self._act() as now:
            session = self._session(request)
            if outcome is not None:
                session = shelf.scripted(self._world, session, outcome)
            session = buyer_side.approve(self._world, session, now=now)
        return JSONResponse(_with_url(session, buyer_side.result_url))

    async def cancel(self, request: Request) -> Response:
        with self._act() as now:
            session = self._session(request)
            session = buyer_side.cancel_by_buyer(self._world, session, now=now)
        return JSONResponse(_with_url(session, buyer_side.cancel_url))

    async def list_buyers(self, _: Request) -> Response:
        buyers = buyer_side.test_buyers(self._world)
        return JSONResponse({"items": [buyer_item(one) for one in buyers], "next": None})

    async def add_buyer(self, request: Request) -> Response:
        body = as_object(await read_json(request), ("name", "email", "phone", "buyerId"))
        name, email = word(body, "name"), word(body, "email")
        if name is None or email is None or "@" not in email:
            raise ControlRefused("email", "a buyer needs a name and an e-mail address")
        with self._act():
            made = buyer_side.add_buyer(
                self._world,
                name=name,
                email=email,
                phone=word(body, "phone") or "09000000000",
                buyer_id=word(body, "buyerId"),
            )
        return JSONResponse(buyer_item(made), status_code=201)

    async def issue_token(self, request: Request) -> Response:
        body = as_object(await read_json(request), ("buyerId", "email", "scopes"))
        scopes = body.get("scopes", [])
        if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
            raise ControlRefused("scopes", f"{scopes!r} is not a list of scopes")
        with self._act() as now:
            owner = self._buyer(body)
            token = buyer_side.issue_token(self._world, owner, scopes=tuple(scopes), now=now)
        return JSONResponse({"buyerToken": token, "buyerId": owner.buyer_id}, status_code=201)

    async def plant_charge(self, request: Request) -> Response:
        value = await read_json(request)
        with self._act() as now:
            row = planting.charge(self._world, value, now=now)
        return JSONResponse(truth.charge_item(row), status_code=201)

    async def plant_refund(self, request: Request) -> Response:
        value = await read_json(request)
        with self._act() as now:
            row = planting.refund(self._world, value, now=now)
            item = truth.refund_item(self._world, row)
        return JSONResponse(item, status_code=201)

    def _session(self, request: Request) -> Session:
        return shelf.session(self._world, request.path_params["id"])

    def _buyer(self, body: dict[str, Any]) -> Buyer:
        """The buyer who was named by id or e-mail, otherwise the first one."""
        buyer_id, email = word(body, "buyerId"), word(body, "email")
        if buyer_id is not None:
            return buyer_side.buyer(self._world, buyer_id)
        if email is None:
            return buyer_side.test_buyers(self._world)[0]
        found = buyer_side.find_buyer(self._world, email)
        if found is None:
            raise ControlRefused("email", f"{email!r} is no buyer; see GET /buyers")
        return found


def _with_url(session: Session, url: Callable[[Session], str | None]) -> dict[str, Any]:
    """The session, and where the browser would be sent."""
    return session_item(session) | {"returnUrl": url(session)}
