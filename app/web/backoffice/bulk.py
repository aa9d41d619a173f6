"""Bulk work: what the dry run found, the yes or no, and how far it is."""

from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.csv_files import encoded_rows
from app.web.backoffice.acting import MONEY_STAFF
from app.web.backoffice.bulk_words import COLUMNS, cells_of, terms_words, why
from app.web.backoffice.desk import Desk
from app.web.shell import (
    ANY_STAFF,
    SUPPORTERS,
    Again,
    Done,
    Download,
    FormReader,
    Role,
    Room,
    form_of,
    row_number,
    staff_of,
    words_of,
)
from app.web.staff import Fresh, NotProved
from billing import load_brake
from billing.bulk_work import (
    BULK_MOVE,
    KINDS,
    BulkFigure,
    BulkJob,
    BulkRow,
    BulkState,
    MoveTotals,
    RowState,
    UnknownBulkJob,
    bulk_figures,
    bulk_rows,
    decide_bulk,
    load_bulk,
    move_totals,
    recent_bulk,
    untried_rows,
)
from billing.desk import ChargedAgain, charged_again
from plans import BadInput

ROWS_ON_A_PAGE = 100
LOOK_AGAIN_SECONDS = 3
MOST_ROWS = 20_000
# What a button says, and the state that it makes of a job.
DECISIONS = {
    "ready": BulkState.READY,
    "continued": BulkState.READY,
    "withdrawn": BulkState.WITHDRAWN,
    "stopped": BulkState.STOPPED,
    "undoing": BulkState.UNDOING,
}
# What changes many agreements is begun and undone by an owner; stopping it needs no rank, and no
# code of this moment.
BEGUN_BY_OWNERS = frozenset({BULK_MOVE})
HARMLESS = ("withdrawn", "stopped")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is; `charged` says what became of rows that were made due.

    `untried` rows of a dry run are still to be tried.
    """

    job: BulkJob
    figures: tuple[BulkFigure, ...]
    charged: ChargedAgain | None
    is_braked: bool
    untried: int = 0

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
        return self.job.state.is_under_way or waits or self.untried > 0

    @property
    def tried(self) -> tuple[int, int]:
        """Rows of a dry run that were tried, of how many."""
        every = sum(figure.rows for figure in self.figures)
        return every - self.untried, every


def add_bulk(room: Room, desk: Desk) -> None:
    """`/bulk`, one job with its rows, and the decision about it."""
    page = BulkPages(desk)
    room.get("/bulk", page.listing, access=ANY_STAFF)
    room.get("/bulk/{job_id}", page.job, access=ANY_STAFF)
    room.get("/bulk/{job_id}/progress", page.progress, access=ANY_STAFF)
    room.get("/bulk/{job_id}/rows.csv", page.file, access=MONEY_STAFF)
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
                self._check_rank(connection, request, number, wanted)
                return decide_bulk(
                    connection,
                    shell.merchant,
                    job_id=number,
                    to=DECISIONS[wanted],
                    by=by,
                    at=shell.clock.now(),
                    seen=BulkState.STOPPED if wanted == "continued" else None,
                )

            try:
                if wanted in HARMLESS:
                    shell.write(request, work)
                else:
                    Fresh(shell).write(request, form, work)
            except NotProved:
                return Again(self._job(request, number, form, status=422))
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

        def work(connection: Connection) -> tuple[Progress, list[BulkRow], MoveTotals | None]:
            progress = self._progress(connection, number)
            rows = bulk_rows(connection, progress.job, after=begin, limit=ROWS_ON_A_PAGE + 1)
            tried = progress.job.kind == BULK_MOVE and not progress.untried
            return progress, rows, move_totals(connection, progress.job) if tried else None

        progress, rows, totals = self.desk.shell.read(work)
        shown = rows[:ROWS_ON_A_PAGE]
        more = len(rows) > ROWS_ON_A_PAGE
        may = may_decide(progress.job, staff_of(request).role)
        return self.desk.page(
            request,
            "bulk.html",
            status=status,
            progress=progress,
            job=progress.job,
            rows=shown,
            form=form,
            totals=totals,
            may=may,
            asks_code=len(may) > len(HARMLESS) and Fresh(self.desk.shell).is_asked(request),
            harmless=HARMLESS,
            why=lambda row: why(row, words_of(request)),
            terms_words=terms_words,
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
            untried_rows(connection, job),
        )

    def file(self, request: Request, job_id: str) -> Response:
        """Every row of a job, for a spreadsheet."""
        merchant, number, words = self.desk.shell.merchant, row_number(job_id), words_of(request)

        def work(connection: Connection) -> list[BulkRow]:
            try:
                job = load_bulk(connection, merchant, job_id=number)
            except UnknownBulkJob:
                raise HTTPException(404) from None
            return bulk_rows(connection, job, limit=MOST_ROWS)

        cells = [cells_of(row, words) for row in self.desk.shell.read(work)]
        header = [words(f"bulk.column.{name}") for name in COLUMNS]
        return Download(
            encoded_rows(header, cells, encoding="utf-8"),
            name=f"bulk-{number}.csv",
            media_type="text/csv; charset=utf-8",
        )

    def _check_rank(
        self, connection: Connection, request: Request, number: int, wanted: str
    ) -> None:
        """Refuse what only an owner decides; raises 403, and 404 for what is not there."""
        try:
            job = load_bulk(connection, self.desk.shell.merchant, job_id=number)
        except UnknownBulkJob:
            raise HTTPException(404) from None
        if wanted not in may_decide(job, staff_of(request).role):
            raise HTTPException(403)


def may_decide(job: BulkJob, role: Role) -> tuple[str, ...]:
    """What somebody of a role may decide about a job."""
    if role is Role.OWNER or (role is Role.SUPPORT and job.kind not in BEGUN_BY_OWNERS):
        return tuple(DECISIONS)
    return HARMLESS if role is Role.SUPPORT else ()
