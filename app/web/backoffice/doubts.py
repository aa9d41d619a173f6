"""What nobody knows the end of: its proofs, and what a person decides about it.

The same steps as `autopay doubt`: above the merchant's sum two people must say the same.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from amazonpay import AmazonPayError
from app.web.backoffice.acting import Acting, refuse
from app.web.backoffice.desk import Desk
from app.web.shell import (
    ANY_STAFF,
    FINANCIERS,
    Again,
    Done,
    FormReader,
    Room,
    form_of,
    staff_of,
    words_of,
)
from billing import send_refund, writing
from billing.evidence import (
    REFUSED,
    Decision,
    DeskItem,
    DeskKind,
    Verdict,
    abandon,
    begin_rest,
    book_found,
    book_refund,
    decide_no_effect,
    desk_item,
    list_desk,
    no_refund,
    note_decision,
    refund_in_question,
    release,
)
from plans import BadInput
from scheduler import BillingEngine

PATH = "/doubts"
MOST_REASON = 400
WAYS = ("happened", "did_not_happen", "release", "abandon")


def add_doubts(room: Room, desk: Desk) -> None:
    """The list, one of it with its proofs, and the decision."""
    page = DoubtPages(Acting(desk))
    room.get(PATH, page.show, access=ANY_STAFF)
    room.post(PATH, page.decide, access=FINANCIERS)


@dataclass(frozen=True, slots=True)
class DoubtPages:
    """Doubts of one merchant."""

    acting: Acting

    def show(self, request: Request) -> Response:
        """Everything that waits; with `?name=` one of it."""
        name = request.query_params.get("name", "")
        if not name:
            items = self.acting.shell.read(lambda c: list_desk(c, self.acting.shell.merchant))
            return self.acting.page(request, "doubts.html", items=items)
        item = self._item(name)
        if item is None:
            raise HTTPException(404)
        return self._page(request, item, FormReader())

    def decide(self, request: Request) -> Response:
        """Carry out what a person says, or note it until a second one says the same."""
        form = FormReader(form_of(request))
        name = form.text("name")
        way = form.choice("way", WAYS)
        reason = form.text("reason", most=MOST_REASON)
        amazon_id = form.code("amazon_id", required=way == "happened")
        return self.acting.shell.act_once(
            request, lambda _: self._decide(request, form, name, way, reason, amazon_id)
        )

    def _decide(
        self,
        request: Request,
        form: FormReader,
        name: str,
        way: str,
        reason: str,
        amazon_id: str,
    ) -> Done | Again:
        item = self._item(name)
        if item is None:
            return Done(PATH, "doubts.gone", {"name": name}, tone="warn")
        if form.problems:
            return Again(self._page(request, item, form, status=422))
        by = staff_of(request).name
        try:
            if way in ("release", "abandon"):
                self._put_away(request, item, way, by, reason)
                return Done(PATH, f"doubts.did.{way}", {"name": name})
            verdict = Verdict.HAPPENED if way == "happened" else Verdict.DID_NOT_HAPPEN
            decision = Decision(verdict, by, reason, amazon_id or None)
            return self._resolve(request, form, item, decision)
        except BadInput as refused:
            refuse(form, refused, words_of(request), field="way")
        except AmazonPayError as failed:
            form.refuse("amazon_id", "verbs.refused.other", told=str(failed))
        return Again(self._page(request, item, form, status=409))

    def _put_away(self, request: Request, item: DeskItem, way: str, by: str, reason: str) -> None:
        at, merchant = self.acting.now(), self.acting.shell.merchant

        def work(connection: Connection) -> None:
            if way == "release":
                release(connection, merchant, item, by=by, reason=reason, at=at)
            else:
                decision = Decision(Verdict.DID_NOT_HAPPEN, by, reason)
                abandon(connection, merchant, item, decision, at=at)

        self.acting.shell.write(request, work)

    def _resolve(
        self, request: Request, form: FormReader, item: DeskItem, decision: Decision
    ) -> Done | Again:
        engine = self.acting.engine()
        if engine is None:
            form.refuse("way", "doubts.no_engine")
            return Again(self._page(request, item, form, status=409))
        if not self._noted(request, engine, item, decision):
            return Done(f"{PATH}?name={item.name}", "doubts.second", tone="warn")
        again = self._item(item.name)
        if again is not None:
            carry_out(engine, again, decision, at=self.acting.now())
        return Done(PATH, "doubts.did.resolved", {"name": item.name})

    def _noted(
        self, request: Request, engine: BillingEngine, item: DeskItem, decision: Decision
    ) -> bool:
        at, merchant = self.acting.now(), self.acting.shell.merchant

        def work(connection: Connection) -> bool:
            ready = note_decision(connection, merchant, item, decision, rules=engine.doubts, at=at)
            if decision.verdict is Verdict.DID_NOT_HAPPEN:
                begin_rest(connection, merchant, item, at=at)
            return ready

        return self.acting.shell.write(request, work)

    def _item(self, name: str) -> DeskItem | None:
        try:
            return self.acting.shell.read(
                lambda c: desk_item(c, self.acting.shell.merchant, name=name)
            )
        except BadInput:
            return None

    def _page(
        self, request: Request, item: DeskItem, form: FormReader, *, status: int = 200
    ) -> Response:
        return self.acting.page(
            request,
            "doubt.html",
            status=status,
            item=item,
            form=form,
            ways=ways_of(item),
            may=FINANCIERS.admits(staff_of(request).role),
        )


def ways_of(item: DeskItem) -> Sequence[str]:
    """What may be said about it; the engine has the last word."""
    if item.kind in (DeskKind.ROW, DeskKind.CHARGEBACK):
        return ("release",)
    if item.state == REFUSED:
        return ("release", "abandon")
    return WAYS if item.kind is DeskKind.CHARGE else WAYS[:3]


def carry_out(engine: BillingEngine, item: DeskItem, decision: Decision, *, at: datetime) -> None:
    """Book what was decided; raises `BadInput` or what Amazon's client raises."""
    if decision.verdict is Verdict.DID_NOT_HAPPEN:
        _no_effect(engine, item, decision, at)
    elif item.kind is DeskKind.REFUND:
        refund = writing(engine.database, lambda c: refund_in_question(c, item))
        with closing(engine.make_client()) as client:
            found = replace(refund, refund_id=decision.amazon_id)
            outcome = send_refund(client, found, now=lambda: at)
        book_refund(engine.database, engine.merchant, item, outcome, at=at)
    else:
        with closing(engine.make_client()) as client:
            charge = client.get_charge(decision.amazon_id or "")
        book_found(engine.database, engine.merchant, item, charge, at=at)


def _no_effect(engine: BillingEngine, item: DeskItem, decision: Decision, at: datetime) -> None:
    writing(
        engine.database,
        lambda c: decide_no_effect(c, engine.merchant, item, decision, rules=engine.doubts, at=at),
    )
    if item.kind is DeskKind.REFUND:
        outcome = no_refund(writing(engine.database, lambda c: refund_in_question(c, item)))
        book_refund(engine.database, engine.merchant, item, outcome, at=at)
