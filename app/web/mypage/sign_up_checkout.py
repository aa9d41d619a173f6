"""The last screen of a checkout, what agreeing does, and what came of it.

For signing up, saving a payment method and changing to a new one alike. Agreeing stores the very
HTML that was shown, then sends the buyer to Amazon's own confirmation; back from there the
checkout is completed, booked and charged, once however often the page is loaded.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from amazonpay import (
    AmazonPayError,
    CheckoutSession,
    CheckoutSessionState,
    PaymentDetails,
    PaymentIntent,
    UpdateCheckoutSession,
    WebCheckoutDetails,
)
from app.web.mypage.amazon_button import amazon_origin, engine_of, public_address
from app.web.mypage.browser_secret import browser_hash
from app.web.mypage.last_screen import LastScreen, last_screen
from app.web.mypage.returning import read_session
from app.web.mypage.sign_up import not_sold
from app.web.mypage.signing_in import sign_in_customer
from app.web.shell import (
    OPEN,
    Again,
    Done,
    FormReader,
    Room,
    Shell,
    allow_origins,
    form_of,
    known_customer,
)
from billing import writing
from billing.agreements import act
from billing.checkouts import (
    Checkout,
    CheckoutRefused,
    FirstCharge,
    agree_checkout,
    checkout_of_browser,
    first_charge,
    record_consent,
)
from plans import BadInput, PlansError
from plans.lifecycle import Actor, Cancel, Timing
from scheduler import AmazonSilent, RunStopped

log = logging.getLogger(__name__)

CHECKOUT = "/my/checkout/{checkout_id}"
RESULT = "/my/checkout/{checkout_id}/result"
DONE = "/my/checkout/{checkout_id}/done"
GIVE_UP = "/my/checkout/{checkout_id}/give-up"
# As long as a session lasts without use.
SIGNS_IN_FOR = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class _Desk:
    """The handlers; each asks first whether the checkout is this browser's."""

    shell: Shell

    def confirm(self, request: Request, checkout_id: str) -> Response:
        """The last screen."""
        found = self._mine(request, checkout_id)
        if found.state not in ("open", "agreed"):
            return RedirectResponse(_path(DONE, found), status_code=303)
        session = read_session(self.shell, found.session_id)
        if session is None:
            raise HTTPException(503)
        if session.state != CheckoutSessionState.OPEN:
            return self._page(request, "mypage/stopped.html", 410, problem="join.back.over")
        try:
            screen = last_screen(self.shell, request, found)
        except PlansError:
            return not_sold(self.shell, request)
        return self._last_screen(request, found, session, screen)

    def agree(self, request: Request, checkout_id: str) -> Response:
        """The buyer agrees to what was shown, and goes on to Amazon."""
        found = self._mine(request, checkout_id)
        self._allow_amazon(request)
        return self.shell.act_once(request, lambda form_id: self._agree(request, found))

    def result(self, request: Request, checkout_id: str) -> Response:
        """Back from Amazon's confirmation: complete, book, charge, and sign in."""
        found = self._mine(request, checkout_id)
        engine = engine_of(self.shell)
        if found.state == "open":
            return RedirectResponse(_path(CHECKOUT, found), status_code=303)
        if engine is None:
            raise HTTPException(503)
        try:
            done = engine.finish_checkout(found.id)
        except (RunStopped, AmazonSilent, BadInput) as stopped:
            # It is booked and the next run charges it, or a change under way comes first.
            log.error("checkout %s waits for the next run: %s", found.id, stopped)
            return RedirectResponse(_path(DONE, found), status_code=303)
        path = _path(DONE, found)
        is_known = known_customer(request) is not None
        if done.booked is None or is_known or not self._is_fresh(found):
            return RedirectResponse(path, status_code=303)
        return sign_in_customer(
            self.shell, request, customer_id=done.booked.customer_id, wanted=path
        )

    def done(self, request: Request, checkout_id: str) -> Response:
        """What came of it, in plain words."""
        found = self._mine(request, checkout_id)
        if found.state in ("open", "agreed"):
            return RedirectResponse(_path(CHECKOUT, found), status_code=303)
        charge = self._charge(found)
        screen = None
        if found.purpose == "sign_up":
            screen = last_screen(self.shell, request, found)
        return self._page(
            request,
            "mypage/checkout_done.html",
            200,
            checkout=found,
            charge=charge,
            offer=screen.offer if screen else None,
            look_again=_path(RESULT, found),
            give_up=_path(GIVE_UP, found),
        )

    def give_up(self, request: Request, checkout_id: str) -> Response:
        """The buyer takes the application back while its first charge was declined."""
        found = self._mine(request, checkout_id)
        return self.shell.act_once(request, lambda form_id: self._give_up(found))

    def _mine(self, request: Request, checkout_id: str) -> Checkout:
        found = self.shell.read(
            lambda c: checkout_of_browser(
                c,
                self.shell.merchant,
                checkout_id=checkout_id,
                browser_hash=browser_hash(request),
            )
        )
        if found is None:
            raise HTTPException(404)
        mine = known_customer(request)
        bound = found.customer_id if found.purpose != "sign_up" else None
        if bound is not None and (mine is None or mine.customer_id != bound):
            raise HTTPException(404)
        return found

    def _is_fresh(self, found: Checkout) -> bool:
        """Whether the buyer has just been at Amazon: later its address signs nobody in."""
        at = found.agreed_at
        return at is not None and self.shell.clock.now() - at <= SIGNS_IN_FOR

    def _last_screen(
        self,
        request: Request,
        found: Checkout,
        session: CheckoutSession,
        screen: LastScreen,
        *,
        form: FormReader | None = None,
        problem: str = "",
        status: int = 200,
    ) -> Response:
        self._allow_amazon(request)
        return self._page(
            request,
            "mypage/checkout.html",
            status,
            checkout=found,
            screen=screen,
            shown=Markup(screen.shown.html),  # noqa: S704 - drawn by our own template, escaped there
            session=session,
            form=form or FormReader(),
            problem=problem,
            action=_path(CHECKOUT, found),
        )

    def _agree(self, request: Request, found: Checkout) -> Done | Again:
        form = FormReader(form_of(request))
        session = read_session(self.shell, found.session_id)
        if session is None:
            return Again(self._unreachable(request))
        if session.state != CheckoutSessionState.OPEN or found.state not in ("open", "agreed"):
            return Done(_path(RESULT, found), "join.checkout.was_over", tone="plain")
        # Before the figures: past midnight they are of another day, and not those that were shown.
        at = self.shell.clock.now()
        try:
            screen = last_screen(self.shell, request, found)
        except PlansError:
            return Again(not_sold(self.shell, request))
        form.flag("agree", must=True)
        for name in screen.warnings:
            form.flag(name, must=True)
        if screen.refused or form.problems:
            return Again(self._last_screen(request, found, session, screen, form=form, status=422))
        if form_of(request).get("shown") != screen.shown.html_hash:
            page = self._last_screen(
                request, found, session, screen, problem="join.checkout.changed", status=409
            )
            return Again(page)
        try:
            agreed = self.shell.write(request, lambda c: self._store(c, request, found, screen, at))
        except CheckoutRefused:
            # Another tab was faster: it is on its way at Amazon already, or done.
            return Done(_path(RESULT, found), "join.checkout.was_over", tone="plain")
        return self._to_amazon(request, agreed, screen)

    def _store(
        self,
        connection: Connection,
        request: Request,
        found: Checkout,
        screen: LastScreen,
        at: datetime,
    ) -> Checkout:
        """The consent and its evidence, in one transaction."""
        mine = known_customer(request)
        customer_id = mine.customer_id if mine else found.customer_id
        agreed = agree_checkout(
            connection,
            self.shell.merchant,
            checkout_id=found.id,
            wanted=screen.wanted,
            amount_yen=screen.amount_yen,
            customer_id=customer_id,
            at=at,
        )
        record_consent(
            connection,
            self.shell.merchant,
            screen.shown,
            at=at,
            checkout_id=found.id,
            customer_id=customer_id,
        )
        return agreed

    def _to_amazon(self, request: Request, agreed: Checkout, screen: LastScreen) -> Done | Again:
        engine, address = engine_of(self.shell), public_address(self.shell, request)
        if engine is None or address is None:
            return Again(self._unreachable(request))
        update = UpdateCheckoutSession(
            payment_details=PaymentDetails(
                payment_intent=PaymentIntent.CONFIRM, charge_amount_yen=screen.amount_yen
            ),
            web_checkout_details=WebCheckoutDetails(
                checkout_result_return_url=f"{address}{_path(RESULT, agreed)}"
            ),
            recurring_metadata=screen.recurring,
        )
        try:
            with engine.make_client() as client:
                session = client.update_checkout_session(agreed.session_id, update)
        except AmazonPayError as error:
            log.warning("checkout %s could not go on to Amazon: %s", agreed.id, error)
            return Again(self._unreachable(request))
        onward = session.web_checkout_details.amazon_pay_redirect_url
        if onward is None:
            lacks = ", ".join(str(each.constraint_id) for each in session.constraints)
            log.error("Amazon still lacks something for checkout %s: %s", agreed.id, lacks)
            return Again(self._unreachable(request))
        return Done(onward, "join.checkout.agreed")

    def _give_up(self, found: Checkout) -> Done | Again:
        charge = self._charge(found)
        if found.purpose != "sign_up" or charge is None or charge.word != "declined":
            return Done(_path(DONE, found), "join.done.cannot_give_up", tone="plain")
        try:
            _cancel(self.shell, charge.subscription)
        except PlansError:
            # Its charge is under way just now, or it is over already.
            return Done(_path(DONE, found), "join.done.cannot_give_up", tone="plain")
        return Done(_path(DONE, found), "join.done.given_up")

    def _charge(self, found: Checkout) -> FirstCharge | None:
        row_id = found.subscription_id
        if row_id is None:
            return None
        return self.shell.read(lambda c: first_charge(c, subscription_id=row_id))

    def _allow_amazon(self, request: Request) -> None:
        allow_origins(request, form_action=amazon_origin(self.shell))

    def _unreachable(self, request: Request) -> Response:
        return self._page(request, "mypage/stopped.html", 503, problem="join.amazon.silent")

    def _page(self, request: Request, template: str, status: int, **values: object) -> Response:
        values.setdefault("again", "/my/join")
        return self.shell.pages.page(request, template, status=status, **values)


def add_checkout(room: Room, shell: Shell) -> None:
    """Declare the routes of a checkout; the browser's own secret stands in place of a session."""
    desk = _Desk(shell)
    room.get(CHECKOUT, desk.confirm, access=OPEN)
    room.post(CHECKOUT, desk.agree, access=OPEN)
    room.get(RESULT, desk.result, access=OPEN)
    room.get(DONE, desk.done, access=OPEN)
    room.post(GIVE_UP, desk.give_up, access=OPEN)


def _cancel(shell: Shell, subscription: str) -> None:
    writing(
        shell.database,
        lambda connection: act(
            connection,
            shell.merchant,
            subscription_id=subscription,
            command=Cancel(timing=Timing.NOW),
            actor=Actor.CUSTOMER,
            reason="took the application back after the first charge was declined",
            at=shell.clock.now(),
        ),
    )


def _path(pattern: str, found: Checkout) -> str:
    return pattern.replace("{checkout_id}", found.id)
