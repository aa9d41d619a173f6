"""Get Reports, Get Report By Id, Get Report Document and Create Report (api.md §11)."""

import json
from typing import Any, Final

from amazonpay.sandbox import fields
from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.instants import compact
from amazonpay.sandbox.refusals import invalid_value, not_found
from amazonpay.sandbox.settlement import documents, paging, report_types, schedules
from amazonpay.sandbox.settlement.closing import LONGEST_PERIOD_MS
from amazonpay.sandbox.settlement.instants import read_instant
from amazonpay.sandbox.settlement.numbers import from_id, to_id
from amazonpay.sandbox.settlement.report_store import KEPT_MS, Report, add, find
from amazonpay.sandbox.world import Reply, Request, World

STATUSES: Final = ("IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED")
_FILTERS: Final = (
    *("reportTypes", "processingStatuses", "createdSince", "createdUntil"),
    *("pageSize", "nextToken"),
)
_SHAPE: Final = {
    "types": list,
    "statuses": list,
    "since": int,
    "until": int,
    "size": int,
    "at": int,
    "seq": int,
}
_FIRST_PAGE: Final = {"at": (1 << 62) - 1, "seq": 0}


def get_reports(world: World, request: Request) -> Reply:
    """200 with a page, newest first; `nextToken` must be the only parameter when it is used."""
    schedules.catch_up(world, request.now)
    query = paging.known_only(request.query, _FILTERS)
    token = query.get("nextToken")
    if token is None:
        question = _question(query, request.now)
    else:
        paging.alone(query)
        question = paging.from_token(token, _SHAPE)
        question["size"] = max(1, min(question["size"], 100))
    rows = _page(world, question, request.now)
    size = question["size"]
    page = rows[:size]
    more = None
    if len(rows) > size:
        more = paging.to_token({**question, "at": page[-1].created_at, "seq": page[-1].seq})
    payload = {"reports": [_shape(row, request.now) for row in page], "nextToken": more}
    return Reply(200, payload, "")


def _question(query: dict[str, str], now: int) -> dict[str, Any]:
    since, until = query.get("createdSince"), query.get("createdUntil")
    return {
        "types": paging.listed(query, "reportTypes", report_types.TYPES),
        "statuses": paging.listed(query, "processingStatuses", STATUSES),
        "since": 0 if since is None else read_instant("createdSince", since),
        "until": now if until is None else read_instant("createdUntil", until),
        "size": paging.page_size(query),
        **_FIRST_PAGE,
    }


def _page(world: World, question: dict[str, Any], now: int) -> list[Report]:
    kinds, statuses = question["types"], question["statuses"]
    rows = world.store.connection.execute(
        "SELECT * FROM reports WHERE created_at >= ? AND created_at <= ? "
        "AND (created_at, seq) < (?, ?) AND (? OR type IN (SELECT value FROM json_each(?))) "
        "AND (? OR CASE WHEN ready_at > ? THEN 'IN_PROGRESS' ELSE outcome END "
        "IN (SELECT value FROM json_each(?))) ORDER BY created_at DESC, seq DESC LIMIT ?",
        (
            *(max(question["since"], now - KEPT_MS), question["until"]),
            *(question["at"], question["seq"], not kinds, json.dumps(kinds)),
            *(not statuses, now, json.dumps(statuses), question["size"] + 1),
        ),
    )
    return [Report(*row) for row in rows]


def get_report(world: World, request: Request) -> Reply:
    """200 with the report."""
    schedules.catch_up(world, request.now)
    row = find(world, from_id("report", request.target_id), request.now)
    if row is None:
        raise not_found(request.target_id)
    return Reply(200, _shape(row, request.now), request.target_id)


def get_report_document(world: World, request: Request) -> Reply:
    """200 with a download address that is good for thirty seconds."""
    schedules.catch_up(world, request.now)
    row = find(world, from_id("document", request.target_id), request.now)
    if row is None or row.status(request.now) != "COMPLETED":
        raise not_found(request.target_id)
    payload = {
        "reportDocumentId": request.target_id,
        "url": documents.signed_url(world, request.target_id, request.now),
        "compressionAlgorithm": "N/A",
    }
    return Reply(200, payload, request.target_id)


def create_report(world: World, request: Request) -> Reply:
    """201 with the id of a report in progress."""
    schedules.catch_up(world, request.now)
    fields.only(request.body, ("reportType", "startTime", "endTime"))
    kind = fields.required_text(request.body, "reportType", longest=128)
    report_types.require_type(world, kind, schedule=False)
    start = _time(request.body, "startTime")
    end = _time(request.body, "endTime")
    if start >= end:
        raise invalid_value("endTime", " It must be later than startTime.")
    if kind == report_types.SANDBOX_SETTLEMENT and end - start > LONGEST_PERIOD_MS:
        raise invalid_value("startTime", " A settlement report spans 30 days at most.")
    seq = add(world, kind=kind, start=start, end=end, created_at=request.now)
    return Reply(201, {"reportId": to_id("report", seq)}, to_id("report", seq))


def _time(body: Json, name: str) -> int:
    text = fields.required_text(body, name, longest=64)
    return read_instant(name, text)


def _shape(row: Report, now: int) -> Json:
    status = row.status(now)
    return {
        "reportId": to_id("report", row.seq),
        "reportType": row.type,
        "startTime": compact(row.start_at),
        "endTime": compact(row.end_at),
        "createdTime": compact(row.created_at),
        "processingStatus": status,
        "processingStartTime": compact(row.created_at),
        "processingEndTime": None if status == "IN_PROGRESS" else compact(row.ready_at),
        "reportDocumentId": to_id("document", row.seq) if status == "COMPLETED" else None,
    }
