"""What the control surface can do in this room.

`GET /settlements`, `/disbursements`, `/transactions` (`?chargeId=`) and `/chargebacks` are pages of
the truth. `POST /settlements/close` closes the open period now; the calendar of closes stays.
`POST /chargebacks` `{chargeId, amount?, type?}` and `POST /adjustments` `{amount, type?,
description?}` move money without the merchant. `POST /refund-outcomes` `{outcome, chargeId?,
times?}` says how coming refunds end; `GET` shows what is still to come, `DELETE` forgets it.
`GET` and `PATCH /settlement-options` hold the switches and the fee rates.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from amazonpay.sandbox.control_input import (
    ControlRefused,
    Json,
    as_list,
    as_object,
    page,
    read_json,
    whole,
    word,
)
from amazonpay.sandbox.desk import Desk, route
from amazonpay.sandbox.settlement import closing, disputes, refund_outcomes, report_store, truth
from amazonpay.sandbox.settlement.control_options import change, shown
from amazonpay.sandbox.settlement.options import HIGHEST_YEN

_PAGING: Final = ("limit", "after", "nextToken")
_LISTS: Final = {
    "/settlements": truth.settlements,
    "/disbursements": truth.disbursements,
    "/chargebacks": truth.chargebacks,
}


def routes(desk: Desk) -> list[Route]:
    """The routes of this room on the control surface."""
    lists = [route(path, partial(_list, desk, reader), "GET") for path, reader in _LISTS.items()]
    return [
        *lists,
        route("/transactions", partial(_transactions, desk), "GET"),
        route("/settlements/close", partial(_close, desk), "POST"),
        route("/chargebacks", partial(_charge_back, desk), "POST"),
        route("/adjustments", partial(_adjust, desk), "POST"),
        route("/refund-outcomes", partial(_outcomes, desk), "GET"),
        route("/refund-outcomes", partial(_script_refunds, desk), "POST"),
        route("/refund-outcomes", partial(_forget_outcomes, desk), "DELETE"),
        route("/settlement-options", partial(_options, desk), "GET"),
        route("/settlement-options", partial(_change_options, desk), "PATCH"),
    ]


async def _list(desk: Desk, reader: Callable[..., Json], request: Request) -> Response:
    limit, after = page(request)
    _no_filters(request)
    desk.now()
    return JSONResponse(reader(desk.world, limit=limit, after=after))


def _no_filters(request: Request) -> None:
    for name in request.query_params:
        if name not in _PAGING:
            raise ControlRefused(name, "is not a filter of this list; known: none")


async def _transactions(desk: Desk, request: Request) -> Response:
    limit, after = page(request)
    for name in request.query_params:
        if name not in (*_PAGING, "chargeId"):
            raise ControlRefused(name, "is not a filter of this list; known: chargeId")
    desk.now()
    charge_id = request.query_params.get("chargeId")
    return JSONResponse(
        truth.transactions(desk.world, limit=limit, after=after, charge_id=charge_id)
    )


async def _close(desk: Desk, request: Request) -> Response:
    as_object(await read_json(request), ())
    now = desk.now()
    with desk.world.store.transaction():
        settlement = closing.close(desk.world, at=now, scheduled=False)
        if settlement.movements:
            report_store.add_automatic(desk.world, settlement)
    return JSONResponse(truth.settlement_item(settlement), status_code=201)


async def _charge_back(desk: Desk, request: Request) -> Response:
    body = as_object(await read_json(request), ("chargeId", "amount", "type"))
    now = desk.now()
    charge_id = word(body, "chargeId")
    if charge_id is None:
        raise ControlRefused("chargeId", "is required: the Charge whose money the buyer gets back")
    charge = desk.world.charge(charge_id)
    kind = word(body, "type", disputes.KINDS) or disputes.KINDS[0]
    left = 0
    if charge.state == "Captured":
        left = (charge.capture_amount or 0) - disputes.charged_back_yen(desk.world, charge_id)
    if left < 1:
        raise ControlRefused("chargeId", f"{charge_id} is {charge.state} with {left} yen to take")
    yen = whole(body, "amount", low=1, high=left) or left
    with desk.world.store.transaction():
        row = disputes.charge_back(desk.world, charge, kind=kind, yen=yen, now=now)
    return JSONResponse(truth.chargeback_item(row), status_code=201)


async def _adjust(desk: Desk, request: Request) -> Response:
    body = as_object(await read_json(request), ("amount", "type", "description"))
    now = desk.now()
    yen = whole(body, "amount", low=-HIGHEST_YEN, high=HIGHEST_YEN)
    if not yen:
        raise ControlRefused(
            "amount", "is required: yen, below zero to take them from the merchant"
        )
    kind = word(body, "type", disputes.CORRECTIONS) or disputes.CORRECTIONS[0]
    text = word(body, "description") or f"Manual {kind.lower()}"
    with desk.world.store.transaction():
        seq = disputes.correct(desk.world, kind=kind, yen=yen, description=text, now=now)
    return JSONResponse(truth.transaction_item(desk.world, seq), status_code=201)


async def _outcomes(desk: Desk, _: Request) -> Response:
    return _scripted(desk)


async def _script_refunds(desk: Desk, request: Request) -> Response:
    values = as_list(await read_json(request))
    entries = [_outcome(value, f"[{n}]") for n, value in enumerate(values)]
    with desk.world.store.transaction():
        for outcome, charge_id, times in entries:
            refund_outcomes.script(desk.world, outcome=outcome, charge_id=charge_id, times=times)
    return _scripted(desk)


def _outcome(value: object, where: str) -> tuple[str, str | None, int]:
    body = as_object(value, ("outcome", "chargeId", "times"), where)
    outcome = word(body, "outcome", refund_outcomes.OUTCOMES, where)
    if outcome is None:
        known = ", ".join(refund_outcomes.OUTCOMES)
        raise ControlRefused(f"{where}.outcome", f"is required: one of {known}")
    times = whole(body, "times", low=1, high=10_000, where=where) or 1
    return outcome, word(body, "chargeId", where=where), times


async def _forget_outcomes(desk: Desk, _: Request) -> Response:
    with desk.world.store.transaction():
        refund_outcomes.forget(desk.world)
    return _scripted(desk)


def _scripted(desk: Desk) -> Response:
    rows = refund_outcomes.scripted(desk.world)
    return JSONResponse([{"outcome": outcome, "chargeId": charge} for charge, outcome in rows])


async def _options(desk: Desk, _: Request) -> Response:
    return JSONResponse(shown(desk.world))


async def _change_options(desk: Desk, request: Request) -> Response:
    body = await read_json(request)
    now = desk.now()
    with desk.world.store.transaction():
        change(desk.world, body, now=now)
    return JSONResponse(shown(desk.world))
