"""The checkout as a buyer sees it: choose, agree, return to the shop, and pay."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from amazonpay.sandbox.checkout import buyer_side
from amazonpay.sandbox.checkout.rows import Buyer, Session
from amazonpay.sandbox.pages import wording
from amazonpay.sandbox.pages.forms import read_form
from amazonpay.sandbox.pages.frame import Frame, go, leave, remember_language
from amazonpay.sandbox.pages.login import Login
from amazonpay.sandbox.pages.open_session import (
    addresses,
    is_one_page,
    open_session,
    path,
    require_payable,
    require_same_buyer,
    shop_name,
    wants_address,
)
from amazonpay.sandbox.pages.signed import read_payload
from amazonpay.sandbox.pages.words import of_checkout_language, words_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a buyer has chosen so far."""

    instrument_id: str | None
    address_id: str | None

    @classmethod
    def first(cls, session: Session, buyer: Buyer) -> "Choice":
        """What is ticked when the page opens: the last choice, else the default entries."""
        cards = [card.id for card in buyer.instruments]
        homes = [entry.id for entry in addresses(session, buyer)]
        return cls(
            instrument_id=_kept(session.instrument_id, cards),
            address_id=_kept(session.address_id, homes),
        )


def _kept(chosen: str | None, known: list[str]) -> str | None:
    return chosen if chosen in known else next(iter(known), None)


class CheckoutPages:
    """From the button to the way back."""

    def __init__(self, frame: Frame, login: Login) -> None:
        self._frame = frame
        self._login = login
        self._world = frame.desk.world

    def routes(self) -> list[Route]:
        """The routes of the checkout."""
        return [
            Route("/checkout/initiate", self._initiate, methods=["POST"]),
            Route("/checkout/pay", self._choose, methods=["GET"]),
            Route("/checkout/pay", self._chosen, methods=["POST"]),
            Route("/checkout/cancel", self._cancel, methods=["POST"]),
            Route("/checkout/processing", self._processing, methods=["GET"]),
            Route("/checkout/processing", self._process, methods=["POST"]),
        ]

    async def _initiate(self, request: Request) -> Response:
        """A click on the button: the signature stands in place of a form token."""
        form = await read_form(request)
        payload = read_payload(self._world, form)
        now = self._frame.desk.now()
        with self._world.store.transaction():
            session = buyer_side.open_session(
                self._world, payload, product_type=form.get("productType") or "PayAndShip", now=now
            )
        response = go(path("pay", session))
        language = of_checkout_language(form.get("checkoutLanguage"))
        if language is not None:
            remember_language(response, language)
        return response

    async def _choose(self, request: Request) -> Response:
        session = open_session(self._frame, request)
        buyer = self._frame.visitor(request).buyer
        if buyer is None:
            return self._ask_for_login(request, session)
        return self._page(request, session, buyer, Choice.first(session, buyer))

    def _ask_for_login(self, request: Request, session: Session) -> Response:
        return self._login.page(
            request,
            purpose="login.for_checkout",
            shop=shop_name(session.metadata, words_for(request)),
            cancel_action=path("cancel", session),
            leads_to=_ways_back(session),
        )

    def _page(
        self,
        request: Request,
        session: Session,
        buyer: Buyer,
        choice: Choice,
        *,
        problem: str = "",
    ) -> Response:
        one_page = is_one_page(session)
        with_address = wants_address(session)
        title = "pay.title.with_address" if with_address else "pay.title"
        return self._frame.draw(
            request,
            "pay.html",
            status=422 if problem else 200,
            leads_to=_ways_back(session),
            problem=problem,
            title="pay.title.now" if one_page else title,
            action=path("pay", session),
            cancel_action=path("cancel", session),
            button="pay.continue",
            pays_now=one_page,
            asks_consent=True,
            shows_address=with_address,
            shows_cards=True,
            new_address=path("address", session),
            **choice_values(session, buyer, choice),
            **order_values(request, session),
        )

    async def _chosen(self, request: Request) -> Response:
        form = await self._frame.form(request)
        session = open_session(self._frame, request)
        buyer = self._frame.visitor(request).buyer
        if buyer is None:
            return go(path("pay", session))
        choice = Choice(instrument_id=form.get("instrument"), address_id=form.get("address"))
        if session.charge_permission_type == "Recurring" and form.get("consent") != "yes":
            return self._page(request, session, buyer, choice, problem="pay.problem.consent")
        if not _is_possible(session, buyer, choice):
            return self._page(request, session, buyer, choice, problem="pay.problem.choice")
        return leave(self._take(session, buyer, choice))

    def _take(self, session: Session, buyer: Buyer, choice: Choice) -> str | None:
        """Attaches the choice, pays where this is the only page; where the buyer goes now."""
        now = self._frame.desk.now()
        with self._world.store.transaction():
            session = buyer_side.attach(
                self._world,
                session,
                buyer=buyer,
                instrument_id=choice.instrument_id or "",
                address_id=choice.address_id if wants_address(session) else None,
                now=now,
            )
            if not is_one_page(session):
                return buyer_side.review_url(session) or buyer_side.result_url(session)
            return buyer_side.result_url(buyer_side.approve(self._world, session, now=now))

    async def _cancel(self, request: Request) -> Response:
        await self._frame.form(request)
        session = open_session(self._frame, request)
        now = self._frame.desk.now()
        with self._world.store.transaction():
            session = buyer_side.cancel_by_buyer(self._world, session, now=now)
        target = next((url for url in _ways_back(session) if url), None)
        if target is None:
            return self._frame.draw(
                request, "done.html", title="canceled.title", text="canceled.text"
            )
        return leave(target)

    async def _processing(self, request: Request) -> Response:
        session = open_session(self._frame, request)
        require_payable(session)
        buyer = self._frame.visitor(request).buyer
        if buyer is None:
            return self._ask_for_login(request, session)
        require_same_buyer(session, buyer)
        return self._frame.draw(
            request,
            "processing.html",
            action=path("processing", session),
            shop=shop_name(session.metadata, words_for(request)),
            leads_to=_ways_back(session),
        )

    async def _process(self, request: Request) -> Response:
        await self._frame.form(request)
        session = open_session(self._frame, request)
        buyer = self._frame.visitor(request).buyer
        if buyer is None:
            return go(path("processing", session))
        require_same_buyer(session, buyer)
        now = self._frame.desk.now()
        with self._world.store.transaction():
            session = buyer_side.approve(self._world, session, now=now)
        return leave(buyer_side.result_url(session))


def choice_values(session: Session, buyer: Buyer, choice: Choice) -> dict[str, Any]:
    """What the template shows to choose from."""
    return {
        "addresses": addresses(session, buyer),
        "address_id": choice.address_id,
        "given_address": session.extras.get("addressDetails"),
        "cards": buyer.instruments,
        "instrument_id": choice.instrument_id,
    }


def order_values(request: Request, session: Session) -> dict[str, Any]:
    """What the template shows of the order."""
    words = words_for(request)
    payment = session.payment
    amount = payment.get("chargeAmount") or payment.get("estimateOrderTotal")
    return {
        "shop": shop_name(session.metadata, words),
        "reference": session.metadata.get("merchantReferenceId"),
        "note": session.metadata.get("noteToBuyer"),
        "amount": wording.price(amount, words),
        "is_recurring": session.charge_permission_type == "Recurring",
        "recurring": session.recurring,
        "cancel_link": None,
    }


def _is_possible(session: Session, buyer: Buyer, choice: Choice) -> bool:
    if buyer.instrument(choice.instrument_id) is None:
        return False
    if not wants_address(session):
        return True
    return any(entry.id == choice.address_id for entry in addresses(session, buyer))


def _ways_back(session: Session) -> tuple[str | None, ...]:
    """Where a cancelling buyer goes, best first; all of them are addresses of the shop."""
    return (
        buyer_side.cancel_url(session),
        buyer_side.review_url(session),
        buyer_side.result_url(session),
    )
