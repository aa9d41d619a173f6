"""Bulk work: what the dry run found, the yes or no, and how far it is."""

from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.backoffice.desk import Desk, row_number
from app.web.shell import ANY_STAFF, SUPPORTERS, Again, Done, FormReader, Room, form_of, staff_of
from billing import load_brake
from billing.bulk_work import (
    KINDS,
    BulkFigure,
    BulkJob,
    BulkRow,
    BulkState,
    RowState,
    UnknownBulkJob,
    bulk_figures,
    bulk_rows,
    decide_bulk,
    load_bulk,
    recent_bulk,
)
from billing.desk import ChargedAgain, charged_again
from plans import BadInput

ROWS_ON_A_PAGE = 100
LOOK_AGAIN_SECONDS = 3
DECISIONS = ("ready", "withdrawn", "stopped", "undoing")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is; `charged` says what became of rows that were made due."""

    job: BulkJob
    figures: tuple[BulkFigure, ...]
    charged: ChargedAgain | None
    is_braked: bool

    def rows(self, *states: RowState) -> int:
        """How many rows stand in one of these states."""
        return sum(figure.rows for figure in self.figures if figure.state in states)

    def yen(self, *states: RowState) -> int:
        """Their yen."""
        return sum(figure.amount_yen for figure in self.figures if figure.state in states)

    @property
    def total(self) -> int:
        """Rows that are or were to be done."""
        return self.rows(*(state for state in RowState if state is not RowState.LEFT_OUT))

    @property
    def ended(self) -> int:
        """Rows that are through: of charges, those with an answer."""
        refused = self.rows(RowState.REFUSED, RowState.UNDONE, RowState.KEPT)
        if self.charged is None:
            return refused + self.rows(RowState.DONE)
        return refused + self.charged.answered

    @property
    def moves(self) -> bool:
        """It is worth looking again: workers are at it, or Amazon has not answered everything."""
        waits = self.charged is not None and self.charged.open_rows > 0
        return self.job.state.is_under_way or waits


def add_bulk(room: Room, desk: Desk) -> None:
    """`/bulk`, one job with its rows, and the decision about it."""
    page = BulkPages(desk)
    room.get("/bulk", page.listing, access=ANY_STAFF)
    room.get("/bulk/{job_id}", page.job, access=ANY_STAFF)
    room.get("/bulk/{job_id}/progress", page.progress, access=ANY_STAFF)
    room.post("/bulk/{job_id}/decide", page.decide, access=SUPPORTERS)


@dataclass(frozen=True, slots=True)
class BulkPages:
    """Bulk work of every kind."""

    desk: Desk

    def listing(self, request: Request) -> Response:
        """The newest jobs."""
        merchant = self.desk.shell.merchant
        jobs = self.desk.shell.read(lambda c: recent_bulk(c, merchant, limit=50))
        return self.desk.page(request, "bulk_list.html", jobs=jobs)

    def job(self, request: Request, job_id: str) -> Response:
        """One job: before the decision what would happen, after it how far it is."""
        return self._job(request, row_number(job_id), FormReader())

    def progress(self, request: Request, job_id: str) -> Response:
        """The part of the page that moves, for the script that asks again and again."""
        progress = self.desk.shell.read(lambda c: self._progress(c, row_number(job_id)))
        return self.desk.page(
            request, "bulk_progress.html", progress=progress, seconds=LOOK_AGAIN_SECONDS
        )

    def decide(self, request: Request, job_id: str) -> Response:
        """Begin, withdraw, stop or undo; twice is once."""
        number = row_number(job_id)
        form = FormReader(form_of(request))
        wanted = form.choice("to", DECISIONS)
        if form.problems:
            return self._job(request, number, form, status=422)
        shell, by = self.desk.shell, staff_of(request).name

        def act(_form_id: str) -> Done | Again:
            def work(connection: Connection) -> BulkJob:
                return decide_bulk(
                    connection,
                    shell.merchant,
                    job_id=number,
                    to=BulkState(wanted),
                    by=by,
                    at=shell.clock.now(),
                )

            try:
                shell.write(request, work)
            except UnknownBulkJob:
                raise HTTPException(404) from None
            except BadInput:
                form.refuse("to", "bulk.too_late")
                return Again(self._job(request, number, form, status=409))
            return Done(f"/bulk/{number}", f"bulk.decided.{wanted}")

        return shell.act_once(request, act)

    def _job(
        self, request: Request, number: int, form: FormReader, *, status: int = 200
    ) -> Response:
        after = request.query_params.get("after", "")
        begin = int(after) if after.isascii() and after.isdigit() and len(after) < 9 else 0

        def work(connection: Connection) -> tuple[Progress, list[BulkRow]]:
            progress = self._progress(connection, number)
            rows = bulk_rows(connection, progress.job, after=begin, limit=ROWS_ON_A_PAGE + 1)
            return progress, rows

        progress, rows = self.desk.shell.read(work)
        shown = rows[:ROWS_ON_A_PAGE]
        more = len(rows) > ROWS_ON_A_PAGE
        return self.desk.page(
            request,
            "bulk.html",
            status=status,
            progress=progress,
            job=progress.job,
            rows=shown,
            form=form,
            may_undo=KINDS[progress.job.kind].undo is not None,
            seconds=LOOK_AGAIN_SECONDS,
            next=f"/bulk/{number}?after={shown[-1].position}" if more else "",
        )

    def _progress(self, connection: Connection, number: int) -> Progress:
        merchant = self.desk.shell.merchant
        try:
            job = load_bulk(connection, merchant, job_id=number)
        except UnknownBulkJob:
            raise HTTPException(404) from None
        return Progress(
            job,
            tuple(bulk_figures(connection, job)),
            charged_again(connection, job),
            load_brake(connection, merchant.id).is_pulled,
        )
