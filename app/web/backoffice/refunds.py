"""Refunds: what can be given back of a charge, and those that a second person must agree to."""

from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.backoffice.acting import MONEY_STAFF, Acting, refuse
from app.web.backoffice.desk import Desk
from app.web.backoffice.refund_people import check_people
from app.web.shell import (
    ANY_STAFF,
    FINANCIERS,
    Again,
    Done,
    FormReader,
    Room,
    form_of,
    local_time,
    row_number,
    staff_of,
    words_of,
    yen,
)
from app.web.shell.tables import TABLES
from app.web.staff import Fresh, NotProved
from billing import (
    ChargeStory,
    RefundableCharge,
    RefundRequest,
    charge_story,
    refundable_charges,
    refunds_of_request,
)
from billing.approvals import (
    Approval,
    ApprovalRefused,
    UnknownApproval,
    approvals_of_charge,
    decide_approval,
    give_back,
    list_approvals,
    load_approval,
    needs_second_person,
)
from plans import BadInput

attempts = TABLES["attempt"]

NEW = "/charges/{attempt_id}/refund"
LISTING = "/refunds"
ONE = "/refunds/{approval_id}"
MOST_REASON = 400
SHOWN_OVER = 50
WAYS = ("all", "part")


@dataclass(frozen=True, slots=True)
class Refundable:
    """A captured charge with its history, and every request about it."""

    charge: RefundableCharge
    story: ChargeStory
    asked: tuple[Approval, ...]

    @property
    def waiting(self) -> Approval | None:
        """The request that somebody must decide first."""
        return next((each for each in self.asked if each.state == "waiting"), None)


def add_refunds(room: Room, desk: Desk) -> None:
    """Asking for a refund, and deciding about those above the limit."""
    page = RefundPages(Acting(desk))
    room.get(LISTING, page.listing, access=ANY_STAFF)
    room.get(NEW, page.form, access=MONEY_STAFF)
    room.post(NEW, page.ask, access=MONEY_STAFF)
    room.get(ONE, page.show, access=ANY_STAFF)
    room.post(f"{ONE}/decide", page.decide, access=FINANCIERS)
    room.post(f"{ONE}/withdraw", page.withdraw, access=MONEY_STAFF)


@dataclass(frozen=True, slots=True)
class RefundPages:
    """Money back."""

    acting: Acting

    @property
    def fresh(self) -> Fresh:
        """Approvals need a code of this moment."""
        return Fresh(self.acting.shell)

    def listing(self, request: Request) -> Response:
        """What waits for a second person, and what was decided lately."""
        merchant, at = self.acting.shell.merchant, self.acting.now()

        def work(connection: Connection) -> tuple[list[Approval], list[Approval]]:
            waiting = list_approvals(connection, merchant, waiting=True, at=at, limit=200)
            over = list_approvals(connection, merchant, waiting=False, at=at, limit=SHOWN_OVER)
            return waiting, over

        waiting, over = self.acting.shell.read(work)
        return self.acting.page(request, "refunds.html", waiting=waiting, over=over)

    def form(self, request: Request, attempt_id: str) -> Response:
        """What can be given back of a charge, and the form for it."""
        found = self._found(attempt_id)
        return self._page(request, found, FormReader(start={"which": "all"}))

    def ask(self, request: Request, attempt_id: str) -> Response:
        """Give it back, or ask a second person."""
        found = self._found(attempt_id)
        form = FormReader(form_of(request))
        which = form.choice("which", WAYS)
        amount = form.yen("amount", most=found.charge.captured_yen) if which == "part" else None
        reason = form.text("reason", most=MOST_REASON)
        if form.problems:
            return self._page(request, found, form, status=422)
        return self.acting.shell.act_once(
            request, lambda form_id: self._ask(request, found, form, amount, reason, form_id)
        )

    def _ask(
        self,
        request: Request,
        found: Refundable,
        form: FormReader,
        amount_yen: int | None,
        reason: str,
        form_id: str,
    ) -> Done | Again:
        by, at = staff_of(request).name, self.acting.now()
        # What is free is looked at only now: a form that was sent before may have taken it.
        free_yen = found.charge.free_yen
        wanted = free_yen if amount_yen is None else amount_yen
        if not 1 <= wanted <= free_yen:
            form.refuse("amount", "refund.too_much", free=yen(free_yen))
            return Again(self._page(request, found, form, status=422))

        def work(connection: Connection) -> RefundRequest | Approval:
            return give_back(
                connection,
                self.acting.merchant(connection),
                charge_id=found.charge.charge_id,
                amount_yen=wanted,
                reason=reason,
                by=by,
                request_id=form_id[:64],
                at=at,
            )

        try:
            made = self.acting.shell.write(request, work)
        except ApprovalRefused as refused:
            refuse(form, refused, words_of(request), field="reason")
            return Again(self._page(request, found, form, status=409))
        except BadInput as refused:
            # Somebody else may have been faster: what is left now is on the page drawn again.
            refuse(form, refused, words_of(request), field="amount")
            again = self._found(str(found.charge.attempt_id))
            return Again(self._page(request, again, form, status=409))
        if isinstance(made, Approval):
            leads_to = ONE.replace("{approval_id}", str(made.id))
            return Done(leads_to, "refund.asked", {"amount": yen(made.amount_yen)}, tone="warn")
        return self._sent(made.request_id, made.amount_yen, _charge_path(found.charge.attempt_id))

    def show(self, request: Request, approval_id: str) -> Response:
        """One request: who asked, why, how much, and what was said to it."""
        return self._approval(request, self._asked(approval_id), FormReader())

    def decide(self, request: Request, approval_id: str) -> Response:
        """Approve or decline; never by who asked."""
        form = FormReader(form_of(request))
        wanted = form.choice("to", ("approved", "declined"))
        note = form.text("note", most=MOST_REASON, required=wanted == "declined")
        return self._decided(request, approval_id, form, wanted, note)

    def withdraw(self, request: Request, approval_id: str) -> Response:
        """Take one's own request back."""
        form = FormReader(form_of(request))
        return self._decided(request, approval_id, form, "withdrawn", "")

    def _decided(
        self, request: Request, approval_id: str, form: FormReader, to: str, note: str
    ) -> Response:
        found = self._asked(approval_id)
        if form.problems:
            return self._approval(request, found, form, status=422)
        return self.acting.shell.act_once(
            request, lambda _: self._decide(request, found, form, to, note)
        )

    def _decide(
        self, request: Request, found: Approval, form: FormReader, to: str, note: str
    ) -> Done | Again:
        by, at = staff_of(request).name, self.acting.now()

        def work(connection: Connection) -> Approval:
            if to == "approved":
                merchant_id = self.acting.shell.merchant.id
                check_people(connection, merchant_id=merchant_id, found=found, by=by)
            return decide_approval(
                connection,
                self.acting.merchant(connection),
                approval_id=found.id,
                to=to,
                by=by,
                note=note,
                at=at,
            )

        try:
            if to == "approved":
                now = self.fresh.write(request, form, work)
            else:
                now = self.acting.shell.write(request, work)
        except NotProved:
            # Another tab may have used this very code: what is drawn is how it stands by now.
            return Again(self._approval(request, self._asked(str(found.id)), form, status=422))
        except BadInput as refused:
            refuse(form, refused, words_of(request), field="note")
            return Again(self._approval(request, self._asked(str(found.id)), form, status=409))
        leads_to = ONE.replace("{approval_id}", str(found.id))
        if now.state != to or now.decided_by != by:
            return self._decided_before(now, leads_to)
        if to == "approved":
            return self._sent(now.request_id, now.amount_yen, leads_to)
        return Done(leads_to, f"refund.was.{to}")

    def _decided_before(self, now: Approval, leads_to: str) -> Done:
        """Say who was faster, and when; an expired request was decided by nobody."""
        if now.decided_by is None or now.decided_at is None:
            return Done(leads_to, f"refund.was.{now.state}", tone="warn")
        at = local_time(now.decided_at, timezone=self.acting.shell.merchant.timezone)
        figures = {"by": now.decided_by, "at": at}
        return Done(leads_to, f"refund.other.{now.state}", figures, tone="warn")

    def _sent(self, request_id: str, amount_yen: int, leads_to: str) -> Done:
        """Send what is owed by now and say what became of it."""
        merchant = self.acting.shell.merchant
        self.acting.at_once(lambda engine: engine.send_refunds(request_id=request_id))
        made = self.acting.shell.read(
            lambda c: refunds_of_request(c, merchant, request_id=request_id)
        )
        figures = {"amount": yen(amount_yen)}
        states = {each.state for each in made}
        if states == {"refunded"}:
            return Done(leads_to, "refund.made", figures)
        if states & {"declined", "quarantined"}:
            return Done(leads_to, "refund.not_made", figures, tone="bad")
        return Done(leads_to, "refund.on_its_way", figures)

    def _found(self, attempt_id: str) -> Refundable:
        number, merchant = row_number(attempt_id), self.acting.shell.merchant
        at = self.acting.now()

        def work(connection: Connection) -> Refundable | None:
            mine = attempts.c.id == number, attempts.c.merchant_id == merchant.id
            row = connection.execute(attempts.select().where(*mine)).first()
            if row is None or row.state != "captured" or row.charge_id is None:
                return None
            (charge,) = refundable_charges(
                connection, self.acting.merchant(connection), charge_id=row.charge_id
            )
            return Refundable(
                charge,
                charge_story(connection, merchant, reference=row.charge_id),
                tuple(approvals_of_charge(connection, merchant, attempt_id=number, at=at)),
            )

        found = self.acting.shell.read(work)
        if found is None:
            raise HTTPException(404)
        return found

    def _asked(self, approval_id: str) -> Approval:
        number, merchant = row_number(approval_id), self.acting.shell.merchant
        try:
            return self.acting.shell.read(
                lambda c: load_approval(c, merchant, approval_id=number, at=self.acting.now())
            )
        except UnknownApproval:
            raise HTTPException(404) from None

    def _page(
        self, request: Request, found: Refundable, form: FormReader, *, status: int = 200
    ) -> Response:
        merchant = self.acting.shell.read(self.acting.merchant)
        alone_yen = merchant.refund_approval_yen - (
            found.charge.refunded_yen + found.charge.busy_yen
        )
        return self.acting.page(
            request,
            "refund_new.html",
            status=status,
            found=found,
            charge=found.charge,
            form=form,
            limit_yen=merchant.refund_approval_yen,
            alone_yen=max(0, alone_yen),
            all_needs_second=needs_second_person(
                amount_yen=found.charge.free_yen,
                given_back_yen=found.charge.refunded_yen + found.charge.busy_yen,
                limit_yen=merchant.refund_approval_yen,
            ),
            action=NEW.replace("{attempt_id}", str(found.charge.attempt_id)),
        )

    def _approval(
        self, request: Request, found: Approval, form: FormReader, *, status: int = 200
    ) -> Response:
        merchant = self.acting.shell.merchant
        form.typed.pop("code", None)
        member = staff_of(request)
        mine = member.name.casefold() == found.asked_by.casefold()
        return self.acting.page(
            request,
            "refund.html",
            status=status,
            found=found,
            form=form,
            mine=mine,
            may_decide=FINANCIERS.admits(member.role) and not mine,
            asks_code=found.state == "waiting" and self.fresh.is_asked(request),
            made=self.acting.shell.read(
                lambda c: refunds_of_request(c, merchant, request_id=found.request_id)
            ),
            action=ONE.replace("{approval_id}", str(found.id)),
        )


def _charge_path(attempt_id: int) -> str:
    return f"/charges/{attempt_id}"
