"""Changing address or payment of an open session (`bindChangeAction`), and adding an address."""

import re
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from amazonpay.sandbox.checkout import buyer_side
from amazonpay.sandbox.checkout.rows import Buyer, Session
from amazonpay.sandbox.checkout.wallet import ADDRESS_FIELDS
from amazonpay.sandbox.pages.checkout_pages import Choice, choice_values, order_values
from amazonpay.sandbox.pages.frame import Frame, go, leave
from amazonpay.sandbox.pages.login import Login
from amazonpay.sandbox.pages.open_session import (
    open_session,
    path,
    require_same_buyer,
    shop_name,
    wants_address,
)
from amazonpay.sandbox.pages.refusal import PageRefused
from amazonpay.sandbox.pages.words import Words, words_for

_ACTIONS: Final = ("changePayment", "changeAddress")
_MOST_ADDRESSES: Final = 50
_POSTAL_CODE: Final = re.compile(r"\d{3}-?\d{4}", re.ASCII)
_PHONE: Final = re.compile(r"[0-9+][0-9-]{8,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the address form."""

    name: str
    autocomplete: str
    required: bool = True

    @property
    def longest(self) -> int:
        """Characters that Amazon keeps of it."""
        return ADDRESS_FIELDS[self.name]


_FIELDS: Final = (
    Field("name", "name"),
    Field("postalCode", "postal-code"),
    Field("stateOrRegion", "address-level1"),
    Field("addressLine1", "address-line1"),
    Field("addressLine2", "address-line2", required=False),
    Field("addressLine3", "address-line3", required=False),
    Field("phoneNumber", "tel"),
)


class ChangePages:
    """Pages that come back to the checkout or to the shop's review page."""

    def __init__(self, frame: Frame, login: Login) -> None:
        self._frame = frame
        self._login = login
        self._world = frame.desk.world

    def routes(self) -> list[Route]:
        """The routes of changes."""
        return [
            Route("/checkout/change", self._change, methods=["GET"]),
            Route("/checkout/change", self._changed, methods=["POST"]),
            Route("/checkout/address", self._new_address, methods=["GET"]),
            Route("/checkout/address", self._add_address, methods=["POST"]),
        ]

    async def _change(self, request: Request) -> Response:
        session, action = self._subject(request)
        buyer = self._frame.visitor(request).buyer
        if buyer is None:
            return self._ask_for_login(request, session)
        require_same_buyer(session, buyer)
        return self._page(request, session, buyer, Choice.first(session, buyer), action)

    def _subject(self, request: Request) -> tuple[Session, str]:
        """An open session with a buyer, and what is to be changed."""
        session = open_session(self._frame, request)
        action = request.query_params.get("changeAction", "")
        no_address = action == "changeAddress" and not wants_address(session)
        if action not in _ACTIONS or no_address:
            raise PageRefused(400, "error.parameter", name="changeAction", value=action[:64])
        if session.buyer_id is None:
            raise PageRefused(409, "error.session_not_ready")
        return session, action

    def _ask_for_login(self, request: Request, session: Session) -> Response:
        shop = shop_name(session.metadata, words_for(request))
        return self._login.page(request, purpose="login.for_checkout", shop=shop)

    def _page(
        self,
        request: Request,
        session: Session,
        buyer: Buyer,
        choice: Choice,
        action: str,
        *,
        problem: str = "",
    ) -> Response:
        values = choice_values(session, buyer, choice) | order_values(request, session)
        values["cancel_link"] = _shop_page(session)
        return self._frame.draw(
            request,
            "pay.html",
            status=422 if problem else 200,
            leads_to=(_shop_page(session),),
            problem=problem,
            title=f"change.title.{action}",
            action=path("change", session, changeAction=action),
            cancel_action="",
            button="pay.save",
            pays_now=False,
            asks_consent=False,
            shows_address=action == "changeAddress",
            shows_cards=action == "changePayment",
            new_address=path("address", session, back="change"),
            **(values | {"given_address": None}),
        )

    async def _changed(self, request: Request) -> Response:
        form = await self._frame.form(request)
        session, action = self._subject(request)
        buyer = self._frame.visitor(request).buyer
        if buyer is None:
            return go(path("change", session, changeAction=action))
        require_same_buyer(session, buyer)
        kept = Choice.first(session, buyer)
        choice = Choice(
            instrument_id=form.get("instrument", kept.instrument_id),
            address_id=form.get("address", kept.address_id),
        )
        if not _is_known(buyer, choice, session):
            return self._page(request, session, buyer, choice, action, problem="pay.problem.choice")
        now = self._frame.desk.now()
        with self._world.store.transaction():
            buyer_side.attach(
                self._world,
                session,
                buyer=buyer,
                instrument_id=choice.instrument_id or "",
                address_id=choice.address_id if wants_address(session) else None,
                now=now,
            )
        return leave(_shop_page(session))

    async def _new_address(self, request: Request) -> Response:
        session = open_session(self._frame, request)
        if self._frame.visitor(request).buyer is None:
            return self._ask_for_login(request, session)
        return self._address_page(request, session, dict.fromkeys(_names(), ""))

    def _address_page(
        self,
        request: Request,
        session: Session,
        values: dict[str, str],
        problem: tuple[str, str] | None = None,
    ) -> Response:
        wrong, sentence = problem or ("", "")
        return self._frame.draw(
            request,
            "address.html",
            status=422 if problem else 200,
            fields=_FIELDS,
            values=values,
            problem=sentence,
            wrong=wrong,
            action=path("address", session, back=_from(request)),
            back=_back(request, session),
        )

    async def _add_address(self, request: Request) -> Response:
        form = await self._frame.form(request)
        session = open_session(self._frame, request)
        buyer = self._frame.visitor(request).buyer
        if buyer is None:
            return go(_back(request, session))
        values = {name: form.get(name, "").strip() for name in _names()}
        problem = _address_problem(values, buyer, words_for(request))
        if problem is not None:
            return self._address_page(request, session, values, problem)
        given = {name: value for name, value in values.items() if value}
        with self._world.store.transaction():
            buyer_side.add_address(self._world, buyer, given)
        return go(_back(request, session))


def _names() -> list[str]:
    return [field.name for field in _FIELDS]


def _shop_page(session: Session) -> str | None:
    return buyer_side.review_url(session) or buyer_side.result_url(session)


def _from(request: Request) -> str:
    """The page to which a new address leads back."""
    return "change" if request.query_params.get("back") == "change" else "pay"


def _back(request: Request, session: Session) -> str:
    if _from(request) == "change":
        return path("change", session, changeAction="changeAddress")
    return path("pay", session)


def _is_known(buyer: Buyer, choice: Choice, session: Session) -> bool:
    known = {entry.id for entry in choice_values(session, buyer, choice)["addresses"]}
    has_address = not wants_address(session) or choice.address_id in known
    return has_address and buyer.instrument(choice.instrument_id) is not None


def _address_problem(values: dict[str, str], buyer: Buyer, words: Words) -> tuple[str, str] | None:
    """The first field that is wrong, with a sentence about it."""
    for field in _FIELDS:
        value, label = values[field.name], words(f"address.{field.name}")
        if field.required and not value:
            return field.name, words("address.problem.empty", label=label)
        if len(value) > field.longest:
            return field.name, words(
                "address.problem.long", label=label, longest=str(field.longest)
            )
    if not _POSTAL_CODE.fullmatch(values["postalCode"]):
        return "postalCode", words("address.problem.postal")
    if not _PHONE.fullmatch(values["phoneNumber"]):
        return "phoneNumber", words("address.problem.phone")
    if len(buyer.addresses) >= _MOST_ADDRESSES:
        return "name", words("address.problem.many", most=str(_MOST_ADDRESSES))
    return None
