"""Moving many subscriptions: who, what and when in one form; the dry run is bulk work."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from app.web.backoffice.acting import Acting
from app.web.backoffice.desk import Desk
from app.web.shell import (
    SUPPORTERS,
    Again,
    Done,
    FormReader,
    Room,
    Words,
    form_of,
    staff_of,
    words_of,
    yen,
)
from billing import load_catalogue
from billing.bulk_work import (
    BULK_MOVE,
    MOST_CHOSEN,
    STATES,
    BulkJob,
    Choice,
    MoveTerms,
    MoveWhat,
    MoveWhen,
    choose_agreements,
    draft_bulk,
    keep_look,
    look_ahead,
)
from billing.checkouts import plans_for_sale
from plans import BadInput, Catalogue, Plan

PATH = "/bulk/move"
MOST_BYTES = 2 * 1024 * 1024
MOST_LETTERS = 200_000
MOST_REASON = 400
# Names of the column that tables of ours and of others give it: no subscription is called so.
HEADERS = ("external_id", "subscription", "subscription_id")
HEADER_WORDS = ("export.column.subscription", "bulk.column.subject", "prices.column.subscription")

Option = tuple[str, str]


def add_moves(room: Room, desk: Desk) -> None:
    """The form of a bulk move."""
    page = MovePages(Acting(desk))
    room.get(PATH, page.form, access=SUPPORTERS)
    room.post(PATH, page.draft, access=SUPPORTERS, most_bytes=MOST_BYTES)


@dataclass(frozen=True, slots=True)
class MovePages:
    """Bulk moves, up to their dry run."""

    acting: Acting

    def form(self, request: Request) -> Response:
        """Who, what, when."""
        form = FormReader(
            start={"what": MoveWhat.PLAN, "when": MoveWhen.RENEWAL, "names": _again(request)}
        )
        form.chosen["state"] = list(STATES)
        return self._page(request, form)

    def draft(self, request: Request) -> Response:
        """Keep the choice and begin the dry run."""
        form = FormReader(form_of(request))
        choice = self._choice(form, words_of(request))
        terms = self._terms(form)
        if form.problems or terms is None:
            return self._page(request, form, status=422)
        return self.acting.shell.act_once(
            request, lambda form_id: self._draft(request, form, choice, terms, form_id)
        )

    def _draft(
        self, request: Request, form: FormReader, choice: Choice, terms: MoveTerms, form_id: str
    ) -> Done | Again:
        shell, at = self.acting.shell, self.acting.now()

        def work(connection: Connection) -> BulkJob:
            return draft_bulk(
                connection,
                shell.merchant,
                kind=BULK_MOVE,
                request_id=form_id,
                terms=terms.facts() | {"who": choice.facts()},
                planned=choose_agreements(connection, shell.merchant, choice),
                by=staff_of(request).name,
                at=at,
            )

        try:
            job = shell.write(request, work)
        except BadInput as refused:
            key = "moves.nobody" if refused.field == "rows" else "moves.too_many"
            form.refuse("who", key, most=f"{MOST_CHOSEN:,}")
            return Again(self._page(request, form, status=422))
        # The first slice at once: a small move need not wait for a worker.
        looked = shell.read(lambda c: look_ahead(c, self.acting.merchant(c), at=at))
        if looked is not None:
            shell.write(request, lambda c: keep_look(c, looked))
        return Done(f"/bulk/{job.id}", "bulk.drafted")

    def _choice(self, form: FormReader, words: Words) -> Choice:
        plan, _, day = form.text("plan", most=100, required=False).partition("@")
        price_from = _iso(day)
        if day and price_from is None:
            form.refuse("plan", "field.choice")
        pasted = form.lines("names", most=MOST_LETTERS, required=False)
        file = form.file("file", most_bytes=MOST_BYTES, required=False)
        choice = Choice(
            plan=plan,
            price_from=price_from,
            states=tuple(form.choices("state", STATES, least=1)),
            imported_on=form.optional_day("imported_on"),
            note=form.text("note", most=200, required=False),
            names=tuple(names_of(f"{pasted}\n{_decoded(file.content)}", words)),
        )
        if choice.is_everybody and "plan" not in form.problems:
            form.refuse("who", "moves.everybody")
        return choice

    def _terms(self, form: FormReader) -> MoveTerms | None:
        what = form.choice("what", tuple(MoveWhat))
        when = form.choice("when", tuple(MoveWhen))
        plan = form.code("to_plan", required=what == MoveWhat.PLAN)
        quantity = form.whole("quantity", least=1, most=999_999, required=what == MoveWhat.QUANTITY)
        from_day = form.optional_day("from_day", required=when == MoveWhen.FROM)
        reason = form.text("reason", most=MOST_REASON)
        if form.problems:
            return None
        return MoveTerms(
            what=MoveWhat(what),
            when=MoveWhen(when),
            plan=plan if what == MoveWhat.PLAN else "",
            quantity=quantity if what == MoveWhat.QUANTITY else 0,
            from_day=from_day if when == MoveWhen.FROM else None,
            reason=reason,
            agreed=form.flag("agreed"),
            sets_aside=form.flag("sets_aside"),
            notice_days=self.acting.shell.price_notice_days,
        )

    def _page(self, request: Request, form: FormReader, *, status: int = 200) -> Response:
        merchant = self.acting.shell.merchant
        catalogue = self.acting.shell.read(lambda c: load_catalogue(c, merchant.id))
        words, today = words_of(request), self.acting.desk.today()
        return self.acting.page(
            request,
            "move.html",
            status=status,
            form=form,
            states=STATES,
            plans=list(plan_options(catalogue, words)),
            targets=[
                (plan.code, f"{name_of(plan, words)} {yen(each.amount_yen)}")
                for plan, each in plans_for_sale(catalogue, on=today)
            ],
            whats=tuple(MoveWhat),
            whens=tuple(MoveWhen),
            notice_days=self.acting.shell.price_notice_days,
            most=MOST_CHOSEN,
        )


def plan_options(catalogue: Catalogue, words: Words) -> Iterator[Option]:
    """Every plan, and each of its prices where it has had more than one."""
    for code, plan in catalogue.plans.items():
        name = name_of(plan, words)
        yield code, name
        dated = catalogue.prices.get(code, ())
        for price in dated if len(dated) > 1 else ():
            since = words("moves.price_since", day=price.valid_from.isoformat())
            yield f"{code}@{price.valid_from}", f"{name} · {yen(price.amount_yen)} {since}"


def name_of(plan: Plan, words: Words) -> str:
    """What a plan is called in the reader's language."""
    return words.pick(ja=plan.name_ja, en=plan.name_en)


def names_of(text: str, words: Words) -> list[str]:
    """The names in a pasted list or a CSV file: the first cell of each line that has one."""
    headers = {*HEADERS, *(words(key).casefold() for key in HEADER_WORDS)}
    lines = csv.reader(io.StringIO(text.replace("\0", "")))
    try:
        cells = [row[0].strip().lstrip("'\ufeff") for row in lines if row]
    except csv.Error:
        cells = [line.strip() for line in text.splitlines()]
    return [cell[:200] for cell in cells if cell and cell.casefold() not in headers]


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp932", errors="replace")


def _iso(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _again(request: Request) -> str:
    """A name that a link brings along."""
    names: Sequence[str] = request.query_params.getlist("name")[:100]
    return "\n".join(name[:200] for name in names)
