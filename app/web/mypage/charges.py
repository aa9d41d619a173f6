"""The history of charges, and paying an open one now."""

import logging
from contextlib import closing
from dataclasses import dataclass

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from amazonpay import AmazonPayError
from app.web.mypage.amazon_button import engine_of
from app.web.mypage.charges_owned import OwnCharge, own_charge, own_charges
from app.web.mypage.payment_method import payment_path
from app.web.mypage.subscription_mine import Mine
from app.web.shell import CUSTOMERS, Done, Entry, Room, customer_of, row_number, yen
from billing import (
    ChargeStory,
    WatchedPermission,
    charge_story,
    check_retry,
    make_due,
    record_permissions,
)
from plans import BadInput
from scheduler import AmazonSilent, BillingEngine, RunStopped

CHARGES = "/my/charges"
PAY = "/my/charges/{charge_id}/pay"
AT_ONCE = 30
CHARGES_ENTRY = Entry("my.charges", CHARGES, CUSTOMERS, "customer", 2)

log = logging.getLogger(__name__)


def add_charges(room: Room, mine: Mine) -> None:
    """Declare the routes of charges."""
    desk = _Desk(mine)
    room.get(CHARGES, desk.show, access=CUSTOMERS)
    room.post(PAY, desk.pay, access=CUSTOMERS)


def charge_of(mine: Mine, request: Request, charge_id: str) -> OwnCharge:
    """The charge of an address; raises 404 for one that is not hers."""
    number, merchant_id = row_number(charge_id), mine.shell.merchant.id
    found = mine.shell.read(
        lambda c: own_charge(
            c,
            merchant_id=merchant_id,
            customer_id=customer_of(request).customer_id,
            charge_id=number,
        )
    )
    if found is None:
        raise HTTPException(404)
    return found


@dataclass(frozen=True, slots=True)
class _Desk:
    mine: Mine

    def show(self, request: Request) -> Response:
        """Every charge, the newest first, with its receipt."""
        before = request.query_params.get("before")
        number = None if before is None else row_number(before)
        found = self.mine.shell.read(
            lambda c: own_charges(
                c,
                merchant_id=self.mine.shell.merchant.id,
                customer_id=customer_of(request).customer_id,
                before=number,
                limit=AT_ONCE + 1,
            )
        )
        more = len(found) > AT_ONCE
        shown = found[:AT_ONCE]
        return self.mine.page(
            request,
            "charges.html",
            charges=shown,
            first=CHARGES if before else "",
            following=f"{CHARGES}?before={shown[-1].id}" if more else "",
        )

    def pay(self, request: Request, charge_id: str) -> Response:
        """Charge an open one now, with the very attempt a run would make."""
        charge = charge_of(self.mine, request, charge_id)
        return self.mine.shell.act_once(request, lambda _: self._pay(request, charge))

    def _pay(self, request: Request, charge: OwnCharge) -> Done:
        if charge.permission_state == "Closed":
            return Done(payment_path(charge.subscription_id), "my.pay.closed", tone="warn")
        engine = engine_of(self.mine.shell)
        try:
            story = self._story(charge)
            check_retry(story)
            if engine is not None:
                _read_permission(engine, story)
            self.mine.shell.write(
                request,
                lambda c: make_due(
                    c, self.mine.merchant(c), reference=charge.reference, at=self.mine.now()
                ),
            )
            if engine is not None:
                engine.charge_now([charge.id])
        except BadInput:
            pass  # paid, under way, or not possible just now: what the books say is told below
        except (AmazonPayError, AmazonSilent, RunStopped) as hindered:
            log.warning("%s waits for the next run: %s", charge.reference, hindered)
        return self._told(charge)

    def _story(self, charge: OwnCharge) -> ChargeStory:
        return self.mine.shell.read(
            lambda c: charge_story(c, self.mine.merchant(c), reference=charge.reference)
        )

    def _told(self, charge: OwnCharge) -> Done:
        """What came of it, by the books."""
        story, amount = self._story(charge), {"amount": yen(charge.amount_yen)}
        home = f"/my/subscriptions/{charge.subscription_row}"
        if story.state == "paid":
            return Done(home, "my.pay.paid", amount)
        if story.state == "open":
            return Done(home, "my.pay.under_way", amount, tone="warn")
        if story.permission_state != "Chargeable" or story.state == "waiting_buyer":
            return Done(
                payment_path(charge.subscription_id), "my.pay.needs_method", amount, tone="bad"
            )
        if story.declines > charge.declines:
            return Done(payment_path(charge.subscription_id), "my.pay.declined", amount, tone="bad")
        if story.state == "due":
            return Done(home, "my.pay.soon", amount, tone="plain")
        return Done(home, "my.pay.not_now", amount, tone="warn")


def _read_permission(engine: BillingEngine, story: ChargeStory) -> None:
    """Ask Amazon whether the buyer has acted meanwhile; the books may not know it yet."""
    if story.permission_state == "Chargeable" and story.state != "waiting_buyer":
        return
    watched = WatchedPermission(story.permission_id, story.charge_permission_id)
    with closing(engine.make_client()) as client:
        permission = client.get_charge_permission(watched.amazon_id)
    seen = [(watched, permission)]
    record_permissions(engine.database, engine.merchant, seen, at=engine.clock.now())
