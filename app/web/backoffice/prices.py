"""Price changes: those that stand in the price list, the dry run of another, and its withdrawal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.csv_files import encoded_rows
from app.web.backoffice.acting import MONEY_STAFF, Acting
from app.web.backoffice.desk import Desk
from app.web.backoffice.moves import name_of
from app.web.shell import (
    ANY_STAFF,
    OWNERS,
    Again,
    Done,
    Download,
    FormReader,
    Room,
    SentForm,
    Words,
    form_of,
    staff_of,
    words_of,
    yen,
)
from app.web.staff import Fresh, NotProved
from billing import load_catalogue
from billing.bulk_work.price_change import (
    PriceChange,
    PricePayer,
    PriceTrial,
    PriceWish,
    SeenOtherwise,
    price_changes,
    price_payers,
    schedule_price_change,
    told_of,
    try_price_change,
    withdraw_price_change,
)
from billing.mass_forecast import names_of_hits
from billing.quotes import price_ref, price_ref_text
from plans import ALWAYS, BadInput, Catalogue, PlansError, Price, PriceRef

PATH = "/price-moves"
NEW = f"{PATH}/new"
ONE = f"{PATH}/{{code}}"
EXAMPLES = 20
HITS_SHOWN = 20
ANOTHER = "amount"
FIELDS = ("old", "to", "amount", "effective_on", "notice_on")
COLUMNS = ("subscription", "state", "quantity", "old", "new", "first_on")
# The engine's names of what is wrong, by the fields of the form.
_FIELDS = {"from": "old", "old": "old", "notice_days": "effective_on", "to": "to"}

Cell = str | int


def add_prices(room: Room, desk: Desk) -> None:
    """`/price-moves`, the dry run, one price change with its rows, and its withdrawal."""
    page = PricePages(Acting(desk))
    room.get(PATH, page.listing, access=ANY_STAFF)
    room.get(NEW, page.form, access=OWNERS)
    room.post(NEW, page.schedule, access=OWNERS)
    room.get(ONE, page.one, access=ANY_STAFF)
    room.get(f"{ONE}/rows.csv", page.file, access=MONEY_STAFF)
    room.post(f"{ONE}/withdraw", page.withdraw, access=OWNERS)


@dataclass(frozen=True, slots=True)
class PricePages:
    """Prices that subscribers are moved to."""

    acting: Acting

    def listing(self, request: Request) -> Response:
        """Every price change of the price list, whoever wrote it."""
        changes = self.acting.shell.read(
            lambda c: price_changes(c, self.acting.shell.merchant, at=self.acting.now())
        )
        return self.acting.page(request, "prices.html", changes=changes, new=NEW)

    def form(self, request: Request) -> Response:
        """The form; with an answer in the address, its dry run."""
        asked = request.query_params
        given = tuple((name, asked[name]) for name in FIELDS if name in asked)
        if "old" not in asked:
            first = self.acting.desk.today() + timedelta(days=self._notice_days)
            start = {"to": ANOTHER, "notice_on": self.acting.desk.today(), "effective_on": first}
            return self._form(request, FormReader(start=start))
        form = FormReader(SentForm(fields=given))
        return self._tried(request, form, self._wish(form))

    def schedule(self, request: Request) -> Response:
        """Announce it, if the figures are those that were looked at."""
        form = FormReader(form_of(request))
        wish = self._wish(form)
        rows = form.whole("seen_rows")
        sent = form_of(request).get("seen_yen").strip()
        change_yen = int(sent) if sent.lstrip("-").isdecimal() and len(sent) < 15 else 0
        if wish is None:
            return self._form(request, form, status=422)

        def act(_form_id: str) -> Done | Again:
            try:
                made = self.fresh.write(
                    request,
                    form,
                    lambda c: schedule_price_change(
                        c,
                        self.acting.merchant(c),
                        wish,
                        seen_rows=rows,
                        seen_yen=change_yen,
                        by=staff_of(request).name,
                        at=self.acting.now(),
                    ),
                )
            except NotProved:
                return Again(self._tried(request, form, wish, status=422))
            except SeenOtherwise:
                form.refuse("old", "prices.seen_otherwise")
                return Again(self._tried(request, form, wish, status=409))
            except PlansError as refused:
                self._refuse(form, refused)
                return Again(self._form(request, form, status=422))
            figures = {"day": made.effective_on.isoformat()}
            return Done(f"{PATH}/{made.code}", "prices.scheduled", figures)

        return self.acting.shell.act_once(request, act)

    def one(self, request: Request, code: str) -> Response:
        """Whom it moves, when, and whether they have been told."""
        return self._one(request, code)

    def file(self, request: Request, code: str) -> Response:
        """Every subscription that it moves, for a spreadsheet."""
        change, payers, _ = self._found(code)
        words, shown_at = words_of(request), self.acting.shell.shown_at()
        header = [words(f"prices.column.{name}") for name in COLUMNS]
        cells = [cells_of(payer, words) for payer in payers]
        return Download(
            encoded_rows(header, cells, encoding="utf-8"),
            name=f"price-{change.migration.code}-as-of-{shown_at:%Y%m%d-%H%M}.csv",
            media_type="text/csv; charset=utf-8",
        )

    def withdraw(self, request: Request, code: str) -> Response:
        """Leave everybody at the price of now, and say so to those who were told otherwise."""
        self._found(code)
        form = FormReader(form_of(request))
        keep_on_sale = form.flag("keep_on_sale")

        def act(_form_id: str) -> Done | Again:
            try:
                self.fresh.write(
                    request,
                    form,
                    lambda c: withdraw_price_change(
                        c,
                        self.acting.merchant(c),
                        code=code,
                        by=staff_of(request).name,
                        at=self.acting.now(),
                        keep_on_sale=keep_on_sale,
                    ),
                )
            except NotProved:
                return Again(self._one(request, code, form, status=422))
            except PlansError:
                form.refuse("withdraw", "prices.began")
                return Again(self._one(request, code, form, status=409))
            return Done(f"{PATH}/{code}", "prices.withdrawn")

        return self.acting.shell.act_once(request, act)

    @property
    def fresh(self) -> Fresh:
        """Scheduling and withdrawing need a code of this moment; a dry run needs none."""
        return Fresh(self.acting.shell)

    @property
    def _notice_days(self) -> int:
        return self.acting.shell.price_notice_days

    def _wish(self, form: FormReader) -> PriceWish | None:
        old = _ref(form, "old")
        to = form.text("to", most=100)
        new = None if to == ANOTHER else _ref(form, "to")
        amount = form.yen("amount") if to == ANOTHER else 0
        notice_on, effective_on = form.day("notice_on"), form.day("effective_on")
        if form.problems or old is None:
            return None
        return PriceWish(
            old=old,
            new=new,
            amount_yen=amount,
            effective_on=effective_on,
            notice_on=notice_on,
            notice_days=self._notice_days,
        )

    def _refuse(self, form: FormReader, refused: PlansError) -> None:
        """Say what is wrong beside its field; the engine's own words where there are no others."""
        named = refused.field if isinstance(refused, BadInput) else "old"
        field = _FIELDS.get(named, named if named in FIELDS else "old")
        told = f"{refused.rule}; {refused.remedy}" if isinstance(refused, BadInput) else refused
        key = f"prices.refused.{field}"
        form.refuse(field, key, told=str(told), days=self._notice_days)

    def _tried(
        self, request: Request, form: FormReader, wish: PriceWish | None, *, status: int = 200
    ) -> Response:
        """The dry run below its form; it is written and taken back in one transaction."""
        if wish is None:
            return self._form(request, form, status=422)
        at = self.acting.now()

        def work(connection: Connection) -> tuple[PriceTrial, dict[int, Any]]:
            trial = try_price_change(connection, self.acting.merchant(connection), wish, at=at)
            hits = [met.subscription_id for met in trial.cap[:HITS_SHOWN]]
            return trial, dict(names_of_hits(connection, hits)) if hits else {}

        try:
            trial, names = self.acting.shell.write(request, work)
        except PlansError as refused:
            self._refuse(form, refused)
            return self._form(request, form, status=422)
        return self._form(request, form, trial=trial, names=names, status=status)

    def _form(
        self,
        request: Request,
        form: FormReader,
        *,
        trial: PriceTrial | None = None,
        names: dict[int, Any] | None = None,
        status: int = 200,
    ) -> Response:
        merchant, words = self.acting.shell.merchant, words_of(request)
        catalogue = self.acting.shell.read(lambda c: load_catalogue(c, merchant.id))
        days = sorted({payer.first_on for payer in trial.payers}) if trial else []
        return self.acting.page(
            request,
            "price_new.html",
            status=status,
            form=form,
            trial=trial,
            names=names or {},
            olds=price_options(catalogue, words),
            notice_days=self._notice_days,
            typed={name: form.typed.get(name, "") for name in FIELDS},
            examples=trial.payers[:EXAMPLES] if trial else (),
            first_days=(days[0], days[-1]) if days else (),
            another=ANOTHER,
            sold_from=max(trial.migration.new.valid_from, self.acting.desk.today())
            if trial
            else None,
            asks_code=trial is not None and self.fresh.is_asked(request),
            action=NEW,
        )

    def _one(
        self, request: Request, code: str, form: FormReader | None = None, *, status: int = 200
    ) -> Response:
        change, payers, told = self._found(code)
        catalogue = self.acting.shell.read(
            lambda c: load_catalogue(c, self.acting.shell.merchant.id)
        )
        days = sorted({payer.first_on for payer in payers})
        trial = PriceTrial(change.migration, False, tuple(payers), ())
        return self.acting.page(
            request,
            "price_one.html",
            status=status,
            form=form or FormReader(),
            sold=sold_on(catalogue, change.new),
            may_end_sale=change.new.valid_from > self.acting.desk.today(),
            asks_code=change.state == "announced" and self.fresh.is_asked(request),
            change=change,
            payers=payers,
            examples=payers[:EXAMPLES],
            monthly_yen=trial.monthly_yen,
            told=told,
            first_days=(days[0], days[-1]) if days else (),
            action=f"{PATH}/{code}",
        )

    def _found(self, code: str) -> tuple[PriceChange, Sequence[PricePayer], int]:
        """A price change with whom it moves; raises 404."""
        merchant, at = self.acting.shell.merchant, self.acting.now()

        changes = self.acting.shell.read(lambda c: price_changes(c, merchant, at=at))
        change = next((each for each in changes if each.migration.code == code), None)
        if change is None:
            raise HTTPException(404)
        migration = change.migration

        def work(connection: Connection) -> tuple[Sequence[PricePayer], int]:
            payers = price_payers(connection, merchant, migration)
            return payers, told_of(connection, merchant, migration)

        # Every subscriber of a plan is looked at; another version is another question.
        asked = f"price change {code} {migration.valid_from}"
        payers, told = self.acting.desk.ask(asked, work)
        return change, payers, told


def price_options(catalogue: Catalogue, words: Words) -> list[tuple[str, str]]:
    """Every price, named by its plan, its yen and since when it holds."""
    return [
        (price_ref_text(price), price_words(catalogue, price, words))
        for dated in catalogue.prices.values()
        for price in dated
    ]


def price_words(catalogue: Catalogue, price: Price, words: Words) -> str:
    """ "Basic · ¥1,980 since 2026-04-01"."""
    name = f"{name_of(catalogue.plan(price.plan_code), words)} · {yen(price.amount_yen)}"
    if price.valid_from == ALWAYS:
        return name
    return f"{name} {words('moves.price_since', day=price.valid_from.isoformat())}"


def sold_on(catalogue: Catalogue, new: Price) -> Price | None:
    """What a new customer pays on the first day of a price; None where nothing is sold then."""
    try:
        return catalogue.price_on(new.plan_code, new.valid_from)
    except PlansError:
        return None


def cells_of(payer: PricePayer, words: Words) -> list[Cell]:
    """A subscription as a spreadsheet has it."""
    state = words(f"desk.agreement.{payer.state}")
    first_on = payer.first_on.isoformat()
    return [payer.name, state, payer.quantity, payer.old_yen, payer.new_yen, first_on]


def _ref(form: FormReader, field: str) -> PriceRef | None:
    typed = form.text(field, most=100)
    if not typed:
        return None
    try:
        return price_ref(typed)
    except BadInput:
        form.refuse(field, "field.choice")
        return None
