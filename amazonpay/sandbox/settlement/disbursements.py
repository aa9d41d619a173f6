"""Get Disbursements (api.md §12): what was paid out, by the date of its settlement."""

from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.instants import iso
from amazonpay.sandbox.refusals import missing_value
from amazonpay.sandbox.settlement.closing import Settlement
from amazonpay.sandbox.settlement.instants import read_instant
from amazonpay.sandbox.settlement.paging import from_token, known_only, page_size, to_token
from amazonpay.sandbox.world import Reply, Request, World

_PARAMETERS = ("startTime", "endTime", "pageSize", "nextToken")
_SHAPE = {"start": int, "end": int, "size": int, "at": int, "number": int}


def get_disbursements(world: World, request: Request) -> Reply:
    """200 with a page, oldest first; `nextToken` is there only when more follow.

    A token holds the whole question: what is sent beside it does not count.
    """
    query = known_only(request.query, _PARAMETERS)
    token = query.get("nextToken")
    question = _question(query) if token is None else from_token(token, _SHAPE)
    size = max(1, min(question["size"], 100))
    rows = world.store.connection.execute(
        "SELECT * FROM settlements WHERE disbursed > 0 AND ended_at >= ? AND ended_at <= ? "
        "AND (ended_at, number) > (?, ?) ORDER BY ended_at, number LIMIT ?",
        (question["start"], question["end"], question["at"], question["number"], size + 1),
    ).fetchall()
    page = [Settlement(*row) for row in rows[:size]]
    payload: Json = {"disbursements": [_disbursement(world, row) for row in page]}
    if len(rows) > size:
        last = page[-1]
        position = {"at": last.ended_at, "number": last.number}
        payload["nextToken"] = to_token({**question, **position})
    return Reply(200, payload, "")


def _question(query: dict[str, str]) -> dict[str, int]:
    for name in ("startTime", "endTime"):
        if name not in query:
            raise missing_value(name)
    return {
        "start": read_instant("startTime", query["startTime"]),
        "end": read_instant("endTime", query["endTime"]),
        "size": page_size(query),
        "at": 0,
        "number": 0,
    }


def _disbursement(world: World, row: Settlement) -> Json:
    return {
        "sellerId": world.merchant_id,
        "settlementId": row.id,
        "amazonDisbursementReferenceId": row.disbursement_reference,
        "amount": str(row.disbursed),
        "currencyCode": "JPY",
        "transactionTime": iso(row.ended_at),
    }
