"""From a one-time payment to a recurring one (`bindUpgradeAction`): the buyer's consent.

Amazon documents that the call takes a signed payload, but its field names could not be read
(uncertain): the payload names its subject by `chargePermissionId` or `checkoutSessionId`, may name
the account and the language as the button's options do, and otherwise holds what Update Checkout
Session takes.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from amazonpay.sandbox.checkout import bodies, buyer_side, sessions, shelf
from amazonpay.sandbox.checkout.rows import Buyer, Session
from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.pages.forms import read_form
from amazonpay.sandbox.pages.frame import Frame, go, leave, remember_language
from amazonpay.sandbox.pages.login import Login
from amazonpay.sandbox.pages.open_session import shop_name
from amazonpay.sandbox.pages.refusal import PageRefused
from amazonpay.sandbox.pages.signed import read_payload
from amazonpay.sandbox.pages.words import of_checkout_language, words_for
from amazonpay.sandbox.refusals import invalid_value
from amazonpay.sandbox.rows import Permission

_SUBJECTS: Final = ("chargePermissionId", "checkoutSessionId", "amazonCheckoutSessionId")
_BUTTON_OPTIONS: Final = ("merchantId", "ledgerCurrency", "checkoutLanguage", "productType")
_LONGEST_PAYLOAD: Final = 8_192


class UpgradePages:
    """The consent to make a payment a recurring one."""

    def __init__(self, frame: Frame, login: Login) -> None:
        self._frame = frame
        self._login = login
        self._world = frame.desk.world

    def routes(self) -> list[Route]:
        """The routes of an upgrade."""
        return [
            Route("/checkout/upgrade", self._initiate, methods=["POST"]),
            Route("/checkout/agree", self._ask, methods=["GET"]),
            Route("/checkout/agree", self._agreed, methods=["POST"]),
        ]

    async def _initiate(self, request: Request) -> Response:
        form = await read_form(request)
        payload = read_payload(self._world, form)
        self._check_options(payload)
        ticket = self._frame.seals.seal(payload, purpose="upgrade")
        if len(ticket) > _LONGEST_PAYLOAD:
            raise PageRefused(413, "error.form_large")
        self._subject(payload)
        bodies.read_change(_change(payload), environment=self._world.environment)
        response = go(f"/checkout/agree?request={ticket}")
        language = of_checkout_language(form.get("checkoutLanguage"))
        if language is not None:
            remember_language(response, language)
        return response

    def _check_options(self, payload: Json) -> None:
        """What the signed text says about the account and the page must fit this one."""
        known = {
            "merchantId": (self._world.merchant_id,),
            "ledgerCurrency": ("JPY",),
            "productType": bodies.PRODUCT_TYPES,
        }
        for name, allowed in known.items():
            if payload.get(name) not in (None, *allowed):
                raise invalid_value(name, f" Known here: {', '.join(allowed)}.")

    def _subject(self, payload: Json) -> Session | Permission:
        """The checkout or agreement that is to become recurring."""
        self._frame.desk.now()
        for name in _SUBJECTS:
            value = payload.get(name)
            if isinstance(value, str):
                if name == "chargePermissionId":
                    return self._world.permission(value)
                return shelf.session(self._world, value)
        raise PageRefused(400, "button.missing", field=" / ".join(_SUBJECTS[:2]))

    def _payload(self, request: Request) -> Json:
        payload = self._frame.seals.unseal(
            request.query_params.get("request", ""), purpose="upgrade"
        )
        if payload is None:
            raise PageRefused(400, "error.ticket")
        return payload

    async def _ask(self, request: Request) -> Response:
        payload = self._payload(request)
        subject = self._subject(payload)
        buyer = self._frame.visitor(request).buyer
        if buyer is None:
            shop = shop_name(_metadata(payload), words_for(request))
            return self._login.page(request, purpose="login.for_checkout", shop=shop)
        _require_owner(subject, buyer)
        return self._page(request, payload)

    def _page(self, request: Request, payload: Json, *, problem: str = "") -> Response:
        web = payload.get("webCheckoutDetails") or {}
        draft = bodies.read_change(_change(payload), environment=self._world.environment)
        return self._frame.draw(
            request,
            "pay.html",
            status=422 if problem else 200,
            leads_to=tuple(web.values()),
            problem=problem,
            title="upgrade.title",
            action=f"/checkout/agree?request={request.query_params['request']}",
            cancel_action="",
            cancel_link=draft.web.get("checkoutCancelUrl")
            or draft.web.get("checkoutReviewReturnUrl"),
            button="pay.agree",
            pays_now=False,
            asks_consent=True,
            shows_address=False,
            given_address=None,
            shows_cards=False,
            shop=shop_name(draft.metadata, words_for(request)),
            reference=draft.metadata.get("merchantReferenceId"),
            note=draft.metadata.get("noteToBuyer"),
            amount=None,
            is_recurring=True,
            recurring=draft.recurring,
        )

    async def _agreed(self, request: Request) -> Response:
        form = await self._frame.form(request)
        payload = self._payload(request)
        buyer = self._frame.visitor(request).buyer
        if buyer is None:
            raise PageRefused(403, "error.foreign_form")
        subject = self._subject(payload)
        _require_owner(subject, buyer)
        if form.get("consent") != "yes":
            return self._page(request, payload, problem="pay.problem.consent")
        now = self._frame.desk.now()
        with self._world.store.transaction():
            session = buyer_side.upgrade(self._world, subject, _change(payload), now=now)
            if not sessions.constraints(session):
                session = buyer_side.approve(self._world, session, now=now)
        return leave(buyer_side.result_url(session) or buyer_side.review_url(session))


def _change(payload: Json) -> Json:
    """The payload as Update Checkout Session would take it."""
    left_out = ("storeId", *_SUBJECTS, *_BUTTON_OPTIONS)
    return {name: value for name, value in payload.items() if name not in left_out}


def _metadata(payload: Json) -> Json:
    metadata = payload.get("merchantMetadata")
    return metadata if isinstance(metadata, dict) else {}


def _require_owner(subject: Session | Permission, buyer: Buyer) -> None:
    if subject.buyer_id != buyer.buyer_id:
        raise PageRefused(403, "error.other_buyer")
