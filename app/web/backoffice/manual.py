"""Charges that a person asks for: one beside the schedule, and a failed one once more.

A charge beside the schedule has a slot of its own, so it can never stand in for a renewal; what is
open, was charged lately or comes within days is shown first, and has to be ticked, so that nobody
asks twice for one thing.
"""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request
from sqlalchemy import Connection, select
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.backoffice.acting import MONEY_STAFF, SUBSCRIPTION, Acting, Chosen, refuse
from app.web.backoffice.desk import Desk
from app.web.backoffice.subscription import ACTIONS, Action
from app.web.shell import (
    ANY_STAFF,
    Again,
    Done,
    FormReader,
    Room,
    form_of,
    row_number,
    staff_of,
    words_of,
    yen,
)
from app.web.shell.tables import TABLES
from billing import (
    ChargeStory,
    WatchedPermission,
    charge_story,
    check_retry,
    make_due,
    record_permissions,
)
from billing.one_off import (
    OneOff,
    OneOffCharge,
    OneOffItem,
    OneOffPreview,
    one_off_charge,
    preview_one_off,
    request_one_off,
)
from plans import BadInput, TaxCategory
from scheduler import BillingEngine

slots = TABLES["slot"]
subscriptions = TABLES["subscription"]

CHARGE = f"{SUBSCRIPTION}/charge"
CONFIRM = f"{CHARGE}/confirm"
CHARGES = f"{SUBSCRIPTION}/charges"
RETRY = "/slots/{slot_id}/retry"
LATELY = timedelta(days=3)
MOST_REASON = 400
SHOWN_CHARGES = 60
MOST_LOOKED_AT = 1_000
CHARGED_STATES = ("active", "past_due", "trialing")
TAXES = tuple(str(each) for each in TaxCategory)
OPEN_STATES = ("due", "open", "authorized", "waiting_buyer", "quarantined")

ACTIONS += [
    Action("manual.title", lambda n: f"/subscriptions/{n}/charge", MONEY_STAFF),
    Action("manual.charges", lambda n: f"/subscriptions/{n}/charges", ANY_STAFF, lambda _: True),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields of a charge as they were typed, once they are good."""

    order: OneOff
    reason: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Listed:
    """A charge of a subscription: `attempt_id` is the captured attempt, 0 for none."""

    slot_id: int
    reference: str
    purpose: str
    amount_yen: int
    state: str
    due_at: datetime
    attempt_id: int


@dataclass(frozen=True, slots=True)
class Beside:
    """What somebody may have meant already: charges that are open or of late, and the next one.

    `coming_at` is when the schedule charges, if that is within three days.
    """

    rows: tuple[Listed, ...]
    coming_at: datetime | None

    @property
    def is_any(self) -> bool:
        """Whether something has to be looked at first."""
        return bool(self.rows) or self.coming_at is not None


def add_manual(room: Room, desk: Desk) -> None:
    """A charge beside the schedule, one more try, and the list that leads to both."""
    page = ManualPages(Acting(desk))
    room.get(CHARGES, page.listing, access=ANY_STAFF)
    room.get(CHARGE, page.form, access=MONEY_STAFF)
    room.post(CHARGE, page.preview, access=MONEY_STAFF)
    room.post(CONFIRM, page.confirm, access=MONEY_STAFF)
    room.get(RETRY, page.look, access=MONEY_STAFF)
    room.post(RETRY, page.retry, access=MONEY_STAFF)


@dataclass(frozen=True, slots=True)
class ManualPages:
    """Charges by hand."""

    acting: Acting

    def listing(self, request: Request, subscription_id: str) -> Response:
        """The charges of a subscription, each with what can be done about it."""
        chosen = self.acting.chosen(subscription_id)
        rows = self.acting.shell.read(lambda c: listed(c, chosen.id, limit=SHOWN_CHARGES))
        return self.acting.page(request, "manual_charges.html", chosen=chosen, rows=rows)

    def form(self, request: Request, subscription_id: str) -> Response:
        """What is to be charged, and why."""
        chosen = self.acting.chosen(subscription_id)
        start = {"quantity": 1, "tax": str(TaxCategory.STANDARD)}
        return self._page(request, chosen, FormReader(start=start))

    def preview(self, request: Request, subscription_id: str) -> Response:
        """Tax, the cap's verdict and what else is open; nothing is kept."""
        chosen = self.acting.chosen(subscription_id)
        form = FormReader(form_of(request))
        asked = self._read(form, chosen, reference="preview")
        if asked is None:
            return self._page(request, chosen, form, status=422)
        return self._preview(request, chosen, form, asked)

    def confirm(self, request: Request, subscription_id: str) -> Response:
        """Charge it; the same form again is the same charge."""
        chosen = self.acting.chosen(subscription_id)
        form = FormReader(form_of(request))
        asked = self._read(form, chosen, reference="preview")
        if asked is None:
            return self._page(request, chosen, form, status=422)
        return self.acting.shell.act_once(
            request, lambda form_id: self._charge(request, chosen, form, form_id)
        )

    def _charge(
        self, request: Request, chosen: Chosen, form: FormReader, form_id: str
    ) -> Done | Again:
        # The form's id is the charge's reference: whoever sends it again means this charge.
        asked = self._read(form, chosen, reference=f"desk-{form_id[:32]}")
        if asked is None:
            return Again(self._page(request, chosen, form, status=422))
        beside_too = form.flag("beside")

        def work(connection: Connection) -> OneOffCharge:
            # Two tabs at the same moment: the second one sees what the first one asked for.
            row = select(subscriptions.c.id).where(subscriptions.c.id == chosen.id)
            connection.execute(row.with_for_update()).all()
            if self._beside(connection, chosen).is_any and not beside_too:
                raise ChargedBeside
            return request_one_off(
                connection,
                self.acting.merchant(connection),
                order=asked.order,
                actor=staff_of(request).name,
                reason=asked.reason,
                at=self.acting.now(),
            )

        try:
            made = self.acting.shell.write(request, work)
        except ChargedBeside:
            form.refuse("beside", "field.must")
            return Again(self._preview(request, chosen, form, asked, status=422))
        except BadInput as refused:
            refuse(form, refused, words_of(request), field="unit_yen")
            return Again(self._preview(request, chosen, form, asked, status=409))
        if made.state == "due":
            self.acting.charge([made.slot_id])
        merchant = self.acting.shell.merchant
        now = (
            self.acting.shell.read(lambda c: one_off_charge(c, merchant, order=asked.order)) or made
        )
        figures = {"amount": yen(now.amount_yen)}
        if now.is_paid:
            return Done(chosen.path("/charges"), "manual.paid", figures)
        if now.is_off:
            return Done(chosen.path("/charges"), "manual.off", figures, tone="bad")
        return Done(chosen.path("/charges"), "manual.under_way", figures, tone="warn")

    def look(self, request: Request, slot_id: str) -> Response:
        """A charge that failed, before it is tried once more."""
        return self._retry_page(request, self._story(slot_id), FormReader())

    def retry(self, request: Request, slot_id: str) -> Response:
        """Try it once more, by the way of every charge."""
        story = self._story(slot_id)
        form = FormReader(form_of(request))
        return self.acting.shell.act_once(request, lambda _: self._retry(request, story, form))

    def _retry(self, request: Request, story: ChargeStory, form: FormReader) -> Done | Again:
        def work(connection: Connection) -> None:
            merchant = self.acting.merchant(connection)
            make_due(connection, merchant, reference=story.reference, at=self.acting.now())
            self.acting.note(
                connection,
                request,
                kind="desk_retried",
                reason="-",
                facts={"reference": story.reference, "amount_yen": story.amount_yen},
            )

        try:
            check_retry(story)
            if story.permission_state != "Chargeable" or story.state == "waiting_buyer":
                self.acting.at_once(lambda engine: ask_amazon(engine, story))
            self.acting.shell.write(request, work)
        except BadInput as refused:
            refuse(form, refused, words_of(request), field="retry")
            return Again(self._retry_page(request, story, form, status=409))
        self.acting.charge([story.slot_id])
        now = self._story(str(story.slot_id))
        leads_to = RETRY.replace("{slot_id}", str(story.slot_id))
        figures = {"amount": yen(now.amount_yen)}
        if now.state == "paid":
            return Done(leads_to, "retry.paid", figures)
        if now.state in ("due", "open") and now.declines == story.declines:
            return Done(leads_to, "retry.under_way", figures, tone="warn")
        return Done(leads_to, "retry.failed", figures, tone="bad")

    def _story(self, slot_id: str) -> ChargeStory:
        number, merchant = row_number(slot_id), self.acting.shell.merchant

        def work(connection: Connection) -> ChargeStory | None:
            mine = slots.c.id == number, slots.c.merchant_id == merchant.id
            row = connection.execute(slots.select().where(*mine)).first()
            if row is None:
                return None
            return charge_story(connection, merchant, reference=row.reference)

        found = self.acting.shell.read(work)
        if found is None:
            raise HTTPException(404)
        return found

    def _read(self, form: FormReader, chosen: Chosen, *, reference: str) -> Asked | None:
        """The order of the form; None with the faults in the form."""
        names = form.text("name_ja"), form.text("name_en", required=False)
        unit = form.yen("unit_yen")
        quantity = form.whole("quantity", least=1, most=9_999)
        tax = form.choice("tax", TAXES)
        reason = form.text("reason", most=MOST_REASON)
        if form.problems:
            return None
        try:
            item = OneOffItem(names[0], names[1] or names[0], unit, quantity, TaxCategory(tax))
            order = OneOff(chosen.name, reference, (item,))
        except BadInput:
            form.refuse("unit_yen", "manual.refused")
            return None
        fields = {
            "name_ja": names[0],
            "name_en": names[1],
            "unit_yen": str(unit),
            "quantity": str(quantity),
            "tax": tax,
            "reason": reason,
        }
        return Asked(order, reason, fields)

    def _beside(self, connection: Connection, chosen: Chosen) -> Beside:
        """What is open, what was charged lately by the schedule or by hand, and what comes soon."""
        at = self.acting.now()
        found = tuple(
            each
            for each in listed(connection, chosen.id, limit=MOST_LOOKED_AT)
            if each.state in OPEN_STATES or (each.state == "paid" and each.due_at >= at - LATELY)
        )
        due = select(subscriptions.c.due_at).where(
            subscriptions.c.id == chosen.id, subscriptions.c.state.in_(CHARGED_STATES)
        )
        coming_at = connection.execute(due).scalar_one_or_none()
        soon = coming_at is not None and coming_at <= at + LATELY
        return Beside(found, coming_at if soon else None)

    def _page(
        self, request: Request, chosen: Chosen, form: FormReader, *, status: int = 200
    ) -> Response:
        return self.acting.page(
            request,
            "manual.html",
            status=status,
            chosen=chosen,
            form=form,
            taxes=TAXES,
            action=chosen.path("/charge"),
        )

    def _preview(
        self,
        request: Request,
        chosen: Chosen,
        form: FormReader,
        asked: Asked,
        *,
        status: int = 200,
    ) -> Response:
        def work(connection: Connection) -> tuple[OneOffPreview, Beside]:
            merchant = self.acting.merchant(connection)
            shown = preview_one_off(connection, merchant, order=asked.order, at=self.acting.now())
            return shown, self._beside(connection, chosen)

        try:
            shown, beside = self.acting.shell.read(work)
        except BadInput as refused:
            refuse(form, refused, words_of(request), field="tax")
            return self._page(request, chosen, form, status=422)
        return self.acting.page(
            request,
            "manual_preview.html",
            status=status,
            chosen=chosen,
            form=form,
            asked=asked,
            preview=shown,
            beside=beside,
            action=chosen.path("/charge/confirm"),
        )

    def _retry_page(
        self, request: Request, story: ChargeStory, form: FormReader, *, status: int = 200
    ) -> Response:
        try:
            check_retry(story)
            may = True
        except BadInput:
            may = False
        return self.acting.page(
            request,
            "retry.html",
            status=status,
            story=story,
            form=form,
            may=may,
            action=RETRY.replace("{slot_id}", str(story.slot_id)),
        )


class ChargedBeside(Exception):
    """Something is open, charged lately or coming soon, and nobody said that this is meant too."""


def listed(connection: Connection, subscription_id: int, *, limit: int) -> list[Listed]:
    """The slots of a subscription, the newest first, with the attempt that was captured."""
    attempts = TABLES["attempt"]
    captured = (attempts.c.slot_id == slots.c.id) & (attempts.c.state == "captured")
    statement = (
        slots.outerjoin(attempts, captured)
        .select()
        .with_only_columns(slots, attempts.c.id.label("attempt_id"))
        .where(slots.c.subscription_id == subscription_id)
        .order_by(slots.c.first_due_at.desc(), slots.c.id.desc())
        .limit(limit)
    )
    return [
        Listed(
            row["id"],
            row["reference"],
            row["purpose"],
            row["amount_yen"],
            row["state"],
            row["due_at"],
            row["attempt_id"] or 0,
        )
        for row in connection.execute(statement).mappings()
    ]


def ask_amazon(engine: BillingEngine, story: ChargeStory) -> None:
    """Look whether the buyer has acted meanwhile; the books may not know it yet."""
    watched = WatchedPermission(story.permission_id, story.charge_permission_id)
    with closing(engine.make_client()) as client:
        permission = client.get_charge_permission(watched.amazon_id)
    record_permissions(
        engine.database, engine.merchant, [(watched, permission)], at=engine.clock.now()
    )
