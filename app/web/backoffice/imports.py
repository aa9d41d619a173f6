"""A file of subscribers: read whole, every bad row told, and nothing taken unless all are good."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from app.subscribers_file import COLUMNS, ParsedFile, RowProblem, read_subscribers
from app.web.backoffice.acting import Acting
from app.web.backoffice.desk import Desk
from app.web.shell import SUPPORTERS, Again, Done, FormReader, Room, form_of
from billing import SubscribersChange, load_price_list, store_subscribers

PATH = "/imports"
# A file is judged as a whole, so that all its rows are in memory: 16 MB, or 157,000 rows, take
# 180 MB and 16 s before anything is stored. More than that is work for the command line.
MOST_BYTES = 16 * 1024 * 1024
# What a form has besides its file.
MOST_AROUND = 64 * 1024
MOST_PROBLEMS = 500
WAYS = ("dry", "import")


class Differs(Exception):
    """A row is in the books already with other words; nothing was imported."""

    def __init__(self, change: SubscribersChange) -> None:
        self.change = change
        super().__init__(f"{len(change.differing)} rows differ from what is stored")


@dataclass(frozen=True, slots=True)
class Tried:
    """What was found in a file; `problems` are told one by one, as far as a page holds them."""

    good: int
    problems: Sequence[RowProblem]

    @property
    def told(self) -> Sequence[RowProblem]:
        """Every fault of every bad row, the first ones of too many."""
        each = [fault for problem in self.problems for fault in (problem, *problem.also)]
        return each[:MOST_PROBLEMS]


def add_imports(room: Room, desk: Desk) -> None:
    """The form of the file."""
    page = ImportPages(Acting(desk))
    room.get(PATH, page.form, access=SUPPORTERS)
    room.post(PATH, page.take, access=SUPPORTERS, most_bytes=MOST_BYTES + MOST_AROUND)


@dataclass(frozen=True, slots=True)
class ImportPages:
    """Imports of subscribers."""

    acting: Acting

    def form(self, request: Request) -> Response:
        """Choose a file."""
        return self._page(request, FormReader(start={"how": "dry"}), None)

    def take(self, request: Request) -> Response:
        """Try it dry, or import it when every row is good."""
        form = FormReader(form_of(request))
        how = form.choice("how", WAYS)
        file = form.file("file", most_bytes=MOST_BYTES, too_large="import.too_large")
        if form.problems:
            status = 413 if file.size > MOST_BYTES else 422
            return self._page(request, form, None, status=status)
        parsed = self._parsed(file.content)
        tried = Tried(len(parsed.rows), parsed.problems)
        if parsed.problems:
            form.refuse("file", "import.bad_rows", number=f"{len(parsed.problems):,}")
            return self._page(request, form, tried, status=422)
        if not parsed.rows:
            form.refuse("file", "import.no_rows")
            return self._page(request, form, None, status=422)
        if how == "dry":
            return self._page(request, form, tried)
        digest = hashlib.sha256(file.content).hexdigest()
        return self.acting.shell.act_once(
            request, lambda _: self._import(request, form, parsed, digest)
        )

    def _import(
        self, request: Request, form: FormReader, parsed: ParsedFile, digest: str
    ) -> Done | Again:
        def work(connection: Connection) -> SubscribersChange:
            merchant = self.acting.merchant(connection)
            change = store_subscribers(connection, merchant, parsed.rows, at=self.acting.now())
            if change.differing:
                raise Differs(change)
            facts = {"sha256": digest, "added": change.added, "unchanged": change.unchanged}
            self.acting.note(connection, request, kind="desk_imported", reason="-", facts=facts)
            return change

        try:
            change = self.acting.shell.write(request, work)
        except Differs as differs:
            problems = [
                RowProblem(
                    row.line,
                    refused.column,
                    refused.value or row.external_id,
                    refused.rule,
                    refused.remedy,
                    refused.ja,
                )
                for row, refused in differs.change.differing
            ]
            form.refuse("file", "import.bad_rows", number=f"{len(problems):,}")
            tried = Tried(len(parsed.rows) - len(problems), problems)
            return Again(self._page(request, form, tried, status=422))
        figures = {"added": f"{change.added:,}", "unchanged": f"{change.unchanged:,}"}
        return Done(PATH, "import.done", figures)

    def _parsed(self, content: bytes) -> ParsedFile:
        merchant = self.acting.shell.read(self.acting.merchant)
        prices = self.acting.shell.read(lambda c: load_price_list(c, merchant.id))
        return read_subscribers(
            content, prices=prices, cap_yen=merchant.cap_yen, cap_rule=merchant.cap_rule
        )

    def _page(
        self, request: Request, form: FormReader, tried: Tried | None, *, status: int = 200
    ) -> Response:
        return self.acting.page(
            request,
            "imports.html",
            status=status,
            form=form,
            tried=tried,
            most=MOST_PROBLEMS,
            columns=",".join(COLUMNS),
        )
