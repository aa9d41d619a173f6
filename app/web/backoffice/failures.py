"""Failed charges by Amazon's reason, the declines of a period, and charging many again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.backoffice.desk import Desk
from app.web.shell import (
    ANY_STAFF,
    LARGEST_ID,
    SUPPORTERS,
    Again,
    Done,
    FormReader,
    Room,
    form_of,
    read_day,
    staff_of,
)
from billing.bulk_work import CHARGE_AGAIN, BulkJob, draft_bulk, plan_charge_again
from billing.desk import (
    FAILURE_STATES,
    declined_rows,
    failure_groups,
    failure_rows,
    failures_chosen,
)

ROWS_ON_A_PAGE = 50
MOST_AT_ONCE = 5_000
MOST_LETTERS = 64
PERIOD_DAYS = 30
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Mark = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; an empty text stands for all."""

    state: str
    reason: str
    after: Mark | None

    def query(self, **changes: str) -> str:
        """The same question with some answers changed, as the address has it."""
        values = {"state": self.state, "reason": self.reason} | changes
        return urlencode({name: value for name, value in values.items() if value})


def add_failures(room: Room, desk: Desk) -> None:
    """`/failures`, `/failures/declined`, and the dry run of charging again."""
    page = FailurePages(desk)
    room.get("/failures", page.listing, access=ANY_STAFF)
    room.get("/failures/declined", page.declined, access=ANY_STAFF)
    room.post("/failures/try", page.try_dry, access=SUPPORTERS)


@dataclass(frozen=True, slots=True)
class FailurePages:
    """What failed, why, and what can be done for all of it at once."""

    desk: Desk

    def listing(self, request: Request) -> Response:
        """What is not paid now, by state and reason."""
        return self._listing(request, _read(request.query_params), FormReader())

    def declined(self, request: Request) -> Response:
        """Every decline of some days, the last 30 unless others are asked for."""
        asked = request.query_params
        today = self.desk.today()
        last = _day(asked.get("to", "")) or today
        first = _day(asked.get("from", "")) or last - timedelta(days=PERIOD_DAYS - 1)
        reason = asked.get("reason", "")[:MOST_LETTERS]
        merchant = self.desk.shell.merchant
        rows = self.desk.shell.read(
            lambda connection: declined_rows(
                connection,
                merchant,
                first=first,
                last=last,
                reason=reason if "reason" in asked else None,
                after=_read_mark(asked.get("after", "")),
                limit=ROWS_ON_A_PAGE + 1,
            )
        )
        shown, more = rows[:ROWS_ON_A_PAGE], len(rows) > ROWS_ON_A_PAGE
        query = {"from": str(first), "to": str(last)}
        if "reason" in asked:
            query["reason"] = reason
        following = urlencode(query | {"after": _write_mark(shown[-1].mark)}) if more else ""
        return self.desk.page(
            request,
            "declined.html",
            rows=shown,
            first=first,
            last=last,
            reason=reason,
            next=f"/failures/declined?{following}" if more else "",
        )

    def try_dry(self, request: Request) -> Response:
        """Try dry to charge the ticked rows, or all of the choice, and keep what would happen."""
        sent = form_of(request)
        form = FormReader(sent)
        asked = _read({"state": sent.get("state"), "reason": sent.get("reason")})
        ticked = sent.all("row")
        if sent.get("which") != "all" and not ticked:
            form.refuse("row", "failures.nothing_ticked")
            return self._listing(request, asked, form, status=422)
        merchant, by = self.desk.shell.merchant, staff_of(request).name

        def act(form_id: str) -> Done | Again:
            at = self.desk.shell.clock.now()

            def work(connection: Connection) -> BulkJob | None:
                ids = self._chosen(connection, asked, ticked, everything=sent.get("which") == "all")
                plan = plan_charge_again(connection, merchant, slot_ids=ids, at=at)
                if not plan.rows:
                    return None
                return draft_bulk(
                    connection,
                    merchant,
                    kind=CHARGE_AGAIN,
                    request_id=form_id,
                    terms={"state": asked.state, "reason": asked.reason},
                    planned=plan.rows,
                    by=by,
                    at=at,
                )

            job = self.desk.shell.write(request, work)
            if job is None:
                form.refuse("row", "failures.nothing_there")
                return Again(self._listing(request, asked, form, status=422))
            return Done(f"/bulk/{job.id}", "bulk.drafted")

        return self.desk.shell.act_once(request, act)

    def _chosen(
        self, connection: Connection, asked: Asked, ticked: list[str], *, everything: bool
    ) -> list[int]:
        if everything:
            return failures_chosen(
                connection,
                self.desk.shell.merchant,
                state=asked.state or None,
                reason=asked.reason or None,
                most=MOST_AT_ONCE,
            )
        numbers = [int(text) for text in ticked if re.fullmatch(r"[0-9]{1,10}", text)]
        return [number for number in numbers if number <= LARGEST_ID]

    def _listing(
        self, request: Request, asked: Asked, form: FormReader, *, status: int = 200
    ) -> Response:
        merchant = self.desk.shell.merchant
        groups = self.desk.ask("failures", lambda c: failure_groups(c, merchant))
        rows = self.desk.shell.read(
            lambda connection: failure_rows(
                connection,
                merchant,
                state=asked.state or None,
                reason=asked.reason or None,
                after=asked.after,
                limit=ROWS_ON_A_PAGE + 1,
            )
        )
        shown, more = rows[:ROWS_ON_A_PAGE], len(rows) > ROWS_ON_A_PAGE
        following = asked.query(after=_write_mark(shown[-1].mark)) if more else ""
        of_choice = [
            group
            for group in groups
            if asked.state in ("", group.state) and asked.reason in ("", group.reason)
        ]
        return self.desk.page(
            request,
            "failures.html",
            status=status,
            asked=asked,
            form=form,
            states=FAILURE_STATES,
            groups=groups,
            rows=shown,
            total=sum(group.rows for group in of_choice),
            total_yen=sum(group.amount_yen for group in of_choice),
            most=MOST_AT_ONCE,
            next=f"/failures?{following}" if more else "",
        )


def _read(asked: Mapping[str, str]) -> Asked:
    state = asked.get("state", "")
    if state and state not in FAILURE_STATES:
        raise HTTPException(404)
    reason = asked.get("reason", "")[:MOST_LETTERS].replace("\0", "")
    return Asked(state, reason, _read_mark(asked.get("after", "")))


def _day(text: str) -> date | None:
    found = read_day(text) if text else None
    return found if found and 2000 <= found.year <= 2100 else None


def _write_mark(mark: Mark) -> str:
    at, number = mark
    return f"{(at - EPOCH) // timedelta(microseconds=1)}-{number}"


def _read_mark(text: str) -> Mark | None:
    parts = re.fullmatch(r"([0-9]{1,16})-([0-9]{1,10})", text)
    if parts is None:
        return None
    return EPOCH + timedelta(microseconds=int(parts[1])), min(int(parts[2]), LARGEST_ID)
