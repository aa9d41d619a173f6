"""One-off purchases beside a subscription, charged to the consent that is there.

The choice, then a last screen whose contents are kept as evidence; the form's own id is the
reference of the charge, so that it is charged once however often it is sent.
"""

import contextlib
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.mypage.amazon_button import engine_of
from app.web.mypage.owned import OwnSubscription, own_subscription
from app.web.mypage.sign_up_offer import drawn_consent
from app.web.shell import (
    CUSTOMERS,
    Again,
    Done,
    FormReader,
    Room,
    SentForm,
    Shell,
    customer_of,
    form_of,
    yen,
)
from billing import civil_date, load_catalogue
from billing.checkouts import (
    ConsentShown,
    extra_item,
    extras_for_sale,
    record_consent,
    record_text,
    stored_consents,
)
from billing.deliveries import load_notice_rules
from billing.one_off import (
    OneOff,
    OneOffPreview,
    one_off_charge,
    preview_one_off,
    request_one_off,
)
from plans import AddOn, BadInput, PlansError
from scheduler import AmazonSilent, RunStopped

EXTRAS = "/my/extras/{subscription_id}"
EXTRA = "/my/extras/{subscription_id}/{code}"
TEMPLATE = "mypage/extra_offer.html"
REFERENCE_LETTERS = 32
MOST = 1000
JUST_NOW = timedelta(minutes=10)
# Something to look at before there is a form; nothing is charged under it.
PREVIEW = "preview"


class _BoughtJustNow(Exception):
    """The same was bought meanwhile; nothing is bought until the customer says so."""


@dataclass(frozen=True, slots=True)
class _Screen:
    """The last screen of a purchase."""

    mine: OwnSubscription
    add_on: AddOn
    quantity: int
    preview: OneOffPreview
    shown: ConsentShown
    bought_just_now: bool


def add_extras(room: Room, shell: Shell) -> None:
    """Declare the routes of one-off purchases."""

    def extras(request: Request, subscription_id: str) -> Response:
        """What may be bought beside this subscription."""
        mine = own_subscription(shell, request, subscription_id)
        return shell.pages.page(
            request, "mypage/extras.html", mine=mine, for_sale=_for_sale(shell, mine)
        )

    def last_screen(request: Request, subscription_id: str, code: str) -> Response:
        """One of them, with quantity, amount, and what the cap has room for."""
        form = FormReader(SentForm(fields=tuple(request.query_params.multi_items())))
        return _draw(shell, request, subscription_id, code, form)

    def buy(request: Request, subscription_id: str, code: str) -> Response:
        """Charge it, once."""
        return shell.act_once(
            request, lambda form_id: _buy(shell, request, subscription_id, code, form_id)
        )

    room.get(EXTRAS, extras, access=CUSTOMERS)
    room.get(EXTRA, last_screen, access=CUSTOMERS)
    room.post(EXTRA, buy, access=CUSTOMERS)


def _for_sale(shell: Shell, mine: OwnSubscription) -> list[AddOn]:
    on = civil_date(at=shell.clock.now(), timezone=shell.merchant.timezone)
    catalogue = shell.read(lambda c: load_catalogue(c, shell.merchant.id))
    return extras_for_sale(catalogue, plan_code=mine.plan_code, on=on)


def _screen(
    shell: Shell, request: Request, subscription_id: str, code: str, form: FormReader
) -> _Screen | None:
    """None when the quantity cannot be bought, which the form says; raises 404 for no extra."""
    mine = own_subscription(shell, request, subscription_id)
    add_on = next((each for each in _for_sale(shell, mine) if each.code == code), None)
    if add_on is None:
        raise HTTPException(404)
    form.typed.setdefault("quantity", str(add_on.quantity_min))
    quantity = add_on.quantity_min
    if form.typed["quantity"] != str(quantity):
        quantity = form.whole("quantity", least=1, most=MOST)
    if "quantity" in form.problems:
        return None
    try:
        item = extra_item(add_on, quantity=quantity)
        order = OneOff(mine.id, PREVIEW, (item,))
        preview = shell.read(
            lambda c: preview_one_off(c, shell.merchant, order=order, at=shell.clock.now())
        )
    except PlansError:
        form.refuse("quantity", "join.quantity.refused", number=f"{quantity:,}")
        return None
    rules = shell.read(lambda c: load_notice_rules(c, shell.merchant.id))
    shown = drawn_consent(
        shell,
        request,
        template=TEMPLATE,
        kind="one_off",
        figures={
            "subscription": mine.id,
            "extra": code,
            "quantity": quantity,
            "amount_yen": preview.total_yen,
        },
        values={"rules": rules, "mine": mine, "item": item, "preview": preview},
    )
    again = shell.read(lambda c: _bought_just_now(c, shell, request, shown))
    return _Screen(mine, add_on, quantity, preview, shown, again)


def _hindrance(preview: OneOffPreview) -> str:
    """Why it cannot be charged now, as the end of the key of its words; empty when it can."""
    if preview.refused is None:
        return ""
    known = {"total_yen": "room", "charge_permission": "method"}
    return known.get(preview.refused.field, "not_now")


def _bought_just_now(
    connection: Connection, shell: Shell, request: Request, shown: ConsentShown
) -> bool:
    """Whether the very same was bought minutes ago: by the back button, or a second time?"""
    customer_id, since = customer_of(request).customer_id, shell.clock.now() - JUST_NOW
    kept = stored_consents(connection, shell.merchant, customer_id=customer_id)
    # By its figures: the same purchase in the other language is the same.
    figures = record_text(shown.offer)
    return any(
        each.kind == shown.kind and each.offer == figures and each.agreed_at > since
        for each in kept
    )


def _draw(
    shell: Shell,
    request: Request,
    subscription_id: str,
    code: str,
    form: FormReader,
    status: int = 200,
) -> Response:
    screen = _screen(shell, request, subscription_id, code, form)
    return shell.pages.page(
        request,
        "mypage/extra.html",
        status=422 if form.problems else status,
        screen=screen,
        shown=Markup(screen.shown.html) if screen else "",  # noqa: S704 - our own template drew it
        form=form,
        hindrance=_hindrance(screen.preview) if screen else "",
        payment=f"/my/payment/{subscription_id}",
        action=f"/my/extras/{subscription_id}/{code}",
        back=f"/my/extras/{subscription_id}",
    )


def _buy(
    shell: Shell, request: Request, subscription_id: str, code: str, form_id: str
) -> Done | Again:
    form = FormReader(form_of(request))
    screen = _screen(shell, request, subscription_id, code, form)
    form.flag("agree", must=True)
    again = form.flag("again", must=screen is not None and screen.bought_just_now)
    if screen is not None and form_of(request).get("shown") != screen.shown.html_hash:
        form.refuse("agree", "join.checkout.changed")
    if screen is None or form.problems or screen.preview.refused is not None:
        return Again(_draw(shell, request, subscription_id, code, form, status=422))
    engine = engine_of(shell)
    if engine is None:
        raise HTTPException(503)
    item = extra_item(screen.add_on, quantity=screen.quantity)
    order = OneOff(screen.mine.id, form_id[:REFERENCE_LETTERS], (item,))
    at, mine = shell.clock.now(), customer_of(request).customer_id

    def request_it(connection: Connection) -> int:
        asked = (connection, shell, request, screen.shown)
        made = request_one_off(
            connection,
            shell.merchant,
            order=order,
            actor="customer",
            reason="bought on My Page",
            at=at,
        )
        # Asked again behind the lock of the subscription: another tab may have been faster.
        if not made.repeated and not again and _bought_just_now(*asked):
            raise _BoughtJustNow
        record_consent(
            connection,
            shell.merchant,
            screen.shown,
            at=at,
            customer_id=mine,
        )
        return made.slot_id

    try:
        slot_id = shell.write(request, request_it)
    except _BoughtJustNow:
        form.refuse("again", "field.must")
        return Again(_draw(shell, request, subscription_id, code, form, status=422))
    except BadInput:
        # What forbids it came after the page was drawn; drawn anew, the page says what it is.
        form.refuse("agree", "join.checkout.changed")
        return Again(_draw(shell, request, subscription_id, code, form, status=422))
    # When Amazon is away it stays requested, and the next run charges it.
    with contextlib.suppress(RunStopped, AmazonSilent):
        engine.charge_now([slot_id])
    return _told(shell, order, screen.mine.id)


def _told(shell: Shell, order: OneOff, subscription_id: str) -> Done:
    charge = shell.read(lambda c: one_off_charge(c, shell.merchant, order=order))
    figures = {"amount": yen(order.total_yen)}
    back = f"/my/extras/{subscription_id}"
    if charge is not None and charge.is_paid:
        return Done(back, "join.extra.paid", figures)
    if charge is not None and charge.is_off:
        return Done(back, "join.extra.declined", figures, tone="bad")
    return Done(back, "join.extra.unknown", figures, tone="warn")
