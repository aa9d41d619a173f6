"""Tables for spreadsheets: subscriptions, customers, charges; in UTF-8 or CP932.

Before a CP932 file is made its characters are looked through: the staff sees what it cannot hold
and chooses a mark in its place, or another encoding.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from fastapi import Request
from sqlalchemy import Connection, Select, select
from starlette.responses import Response

from app.csv_files import GETA, CannotHold, Encoding, cannot_hold, encoded_rows
from app.web.backoffice.acting import MONEY_STAFF, Acting
from app.web.backoffice.desk import Desk
from app.web.shell import Download, FormReader, Room, Words, form_of, local_time, words_of
from app.web.shell.tables import TABLES
from billing import charge_instant, reading

PATH = "/exports"
KINDS = ("subscriptions", "customers", "charges")
ENCODINGS: Mapping[str, Encoding] = {"utf-8": "utf-8", "cp932": "cp932"}
ON_FAULT = ("stop", "geta")
MOST_FAULTS = 200
LONGEST_DAYS = 400

Cell = str | int
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which table, of which days (charges only), how written."""

    kind: str
    encoding: Encoding
    on_fault: Literal["stop", "geta"]
    first: date
    last: date


def add_exports(room: Room, desk: Desk) -> None:
    """The form and the file."""
    page = ExportPages(Acting(desk))
    room.get(PATH, page.form, access=MONEY_STAFF)
    room.post(PATH, page.file, access=MONEY_STAFF)


@dataclass(frozen=True, slots=True)
class ExportPages:
    """Exports. Every one is noted in the audit log, for it holds what is personal."""

    acting: Acting

    def form(self, request: Request) -> Response:
        """Which table, and how it is written."""
        today = self.acting.desk.today()
        start = {
            "kind": KINDS[0],
            "encoding": "utf-8",
            "on_fault": "stop",
            "first": today - timedelta(days=30),
            "last": today,
        }
        return self._page(request, FormReader(start=start))

    def file(self, request: Request) -> Response:
        """The file, or what it could not hold."""
        form = FormReader(form_of(request))
        wanted = self._read(form)
        if form.problems:
            return self._page(request, form, status=422)
        header = header_of(wanted, words_of(request))
        if wanted.encoding == "cp932" and wanted.on_fault == "stop":
            with closing(self._rows(wanted)) as rows:
                faults = cannot_hold(header, rows, most=MOST_FAULTS)
            if faults:
                form.refuse("encoding", "export.cannot_hold", geta=GETA)
                return self._page(request, form, faults=faults, status=422)
        self.acting.shell.write(request, lambda c: self._note(c, request, wanted))
        return Download(
            self._pieces(wanted, header),
            name=self._name(wanted),
            media_type=f"text/csv; charset={_CHARSETS[wanted.encoding]}",
        )

    def _read(self, form: FormReader) -> Wanted:
        kind = form.choice("kind", KINDS)
        encoding = form.choice("encoding", ENCODINGS)
        on_fault = form.choice("on_fault", ON_FAULT)
        today = self.acting.desk.today()
        last = form.optional_day("last") or today
        first = form.optional_day("first", last=last) or last - timedelta(days=30)
        if (last - first).days > LONGEST_DAYS:
            form.refuse("first", "export.too_long", days=LONGEST_DAYS)
        return Wanted(
            kind or KINDS[0],
            ENCODINGS.get(encoding, "utf-8"),
            "geta" if on_fault == "geta" else "stop",
            first,
            last,
        )

    def _pieces(self, wanted: Wanted, header: Sequence[str]) -> Generator[bytes]:
        # The rows end before their connection does, whoever breaks off.
        with closing(self._rows(wanted)) as rows:
            yield from encoded_rows(header, rows, encoding=wanted.encoding)

    def _rows(self, wanted: Wanted) -> Generator[list[Cell]]:
        """The rows, read as they are written: a million of them need no memory."""
        table = TABLES_OF[wanted.kind]
        shell = self.acting.shell
        with reading(shell.database) as connection:
            statement = table.statement(shell.merchant.id, wanted, shell.merchant.timezone)
            with connection.execution_options(yield_per=1_000).execute(statement) as found:
                for row in found.mappings():
                    yield [_cell(row[name], shell.merchant.timezone) for name in table.columns]

    def _note(self, connection: Connection, request: Request, wanted: Wanted) -> None:
        facts = {"kind": wanted.kind, "encoding": wanted.encoding}
        if wanted.kind == "charges":
            facts |= {"first": str(wanted.first), "last": str(wanted.last)}
        self.acting.note(connection, request, kind="desk_exported", reason="-", facts=facts)

    def _name(self, wanted: Wanted) -> str:
        return f"{wanted.kind}-{self.acting.desk.today()}.csv"

    def _page(
        self,
        request: Request,
        form: FormReader,
        *,
        faults: Sequence[CannotHold] = (),
        status: int = 200,
    ) -> Response:
        return self.acting.page(
            request,
            "exports.html",
            status=status,
            form=form,
            kinds=KINDS,
            encodings=tuple(ENCODINGS),
            faults=faults,
            most=MOST_FAULTS,
            geta=GETA,
        )


def header_of(wanted: Wanted, words: Words) -> list[str]:
    """The names of the columns in the reader's language."""
    return [words(f"export.column.{name}") for name in TABLES_OF[wanted.kind].columns]


def _cell(value: object, timezone: str) -> Cell:
    if value is None:
        return ""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, datetime):
        return local_time(value, timezone=timezone)
    return str(value)


@dataclass(frozen=True, slots=True)
class _Exported:
    columns: tuple[str, ...]
    statement: Callable[[str, Wanted, str], Select[Any]]


_CHARSETS: Mapping[Encoding, str] = {"utf-8": "utf-8", "cp932": "windows-31j"}
_subscriptions = TABLES["subscription"]
_customers = TABLES["customer"]
_permissions = TABLES["charge_permission"]
_prices = TABLES["price"]
_plans = TABLES["plan"]
_attempts = TABLES["attempt"]
_slots = TABLES["slot"]


def _subscriptions_of(merchant_id: str, _wanted: Wanted, _timezone: str) -> Select[Any]:
    return (
        select(
            _subscriptions.c.external_id.label("subscription"),
            _customers.c.external_id.label("customer"),
            _customers.c.name,
            _plans.c.code.label("plan"),
            _subscriptions.c.quantity,
            _prices.c.amount_yen.label("price"),
            _subscriptions.c.state,
            _subscriptions.c.started_on,
            _subscriptions.c.due_at.label("next"),
            _permissions.c.amazon_id.label("permission"),
        )
        .join(_customers, _customers.c.id == _subscriptions.c.customer_id)
        .join(_permissions, _permissions.c.id == _subscriptions.c.permission_id)
        .join(_prices, _prices.c.id == _subscriptions.c.price_id)
        .join(_plans, _plans.c.id == _prices.c.plan_id)
        .where(_subscriptions.c.merchant_id == merchant_id)
        .order_by(_subscriptions.c.id)
    )


def _customers_of(merchant_id: str, _wanted: Wanted, _timezone: str) -> Select[Any]:
    return (
        select(
            _customers.c.external_id.label("customer"),
            _customers.c.name,
            _customers.c.kana,
            _customers.c.email,
            _customers.c.postal_code,
            _customers.c.note,
        )
        .where(_customers.c.merchant_id == merchant_id)
        .order_by(_customers.c.id)
    )


def _charges_of(merchant_id: str, wanted: Wanted, timezone: str) -> Select[Any]:
    begins = charge_instant(on=wanted.first, timezone=timezone, hour=0)
    ends = charge_instant(on=wanted.last + timedelta(days=1), timezone=timezone, hour=0)
    return (
        select(
            _attempts.c.intended_at.label("at"),
            _customers.c.name,
            _subscriptions.c.external_id.label("subscription"),
            _slots.c.reference,
            _attempts.c.amount_yen.label("amount"),
            _attempts.c.state,
            _attempts.c.reason_code.label("reason"),
            _attempts.c.charge_id.label("charge"),
        )
        .join(_slots, _slots.c.id == _attempts.c.slot_id)
        .join(_subscriptions, _subscriptions.c.id == _slots.c.subscription_id)
        .join(_customers, _customers.c.id == _subscriptions.c.customer_id)
        .where(_attempts.c.merchant_id == merchant_id)
        .where(_attempts.c.intended_at >= begins, _attempts.c.intended_at < ends)
        .order_by(_attempts.c.intended_at, _attempts.c.id)
    )


TABLES_OF: Mapping[str, _Exported] = {
    "subscriptions": _Exported(
        (
            *("subscription", "customer", "name", "plan", "quantity", "price"),
            *("state", "started_on", "next", "permission"),
        ),
        _subscriptions_of,
    ),
    "customers": _Exported(
        ("customer", "name", "kana", "email", "postal_code", "note"), _customers_of
    ),
    "charges": _Exported(
        ("at", "name", "subscription", "reference", "amount", "state", "reason", "charge"),
        _charges_of,
    ),
}
