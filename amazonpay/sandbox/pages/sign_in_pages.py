"""Amazon Sign-in: log in, agree to share, return to the shop with a `buyerToken` (sign-in.md)."""

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from amazonpay.sandbox import fields
from amazonpay.sandbox.checkout import bodies, buyer_side
from amazonpay.sandbox.checkout.rows import Buyer
from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.pages.forms import read_form
from amazonpay.sandbox.pages.frame import Frame, go, leave, remember_language
from amazonpay.sandbox.pages.login import Login
from amazonpay.sandbox.pages.refusal import PageRefused
from amazonpay.sandbox.pages.signed import read_payload
from amazonpay.sandbox.pages.urls import with_parameter
from amazonpay.sandbox.pages.words import of_checkout_language
from amazonpay.sandbox.refusals import invalid_value
from amazonpay.sandbox.return_urls import acceptable_url
from amazonpay.sandbox.world import World

_ALLOWED: Final = ("signInReturnUrl", "signInCancelUrl", "storeId", "signInScopes")


class SignInPages:
    """From the sign-in button to the way back."""

    def __init__(self, frame: Frame, login: Login) -> None:
        self._frame = frame
        self._login = login
        self._world = frame.desk.world

    def routes(self) -> list[Route]:
        """The routes of the sign-in."""
        return [
            Route("/signin/initiate", self._initiate, methods=["POST"]),
            Route("/signin/consent", self._ask, methods=["GET"]),
            Route("/signin/consent", self._agreed, methods=["POST"]),
            Route("/signin/cancel", self._cancel, methods=["POST"]),
        ]

    async def _initiate(self, request: Request) -> Response:
        form = await read_form(request)
        wish = _read_wish(self._world, read_payload(self._world, form))
        ticket = self._frame.seals.seal(wish, purpose="sign-in")
        response = go(f"/signin/consent?request={ticket}")
        language = of_checkout_language(form.get("checkoutLanguage"))
        if language is not None:
            remember_language(response, language)
        return response

    def _wish(self, request: Request) -> Json:
        """What the shop asked for, as it was verified when the buyer came."""
        ticket = request.query_params.get("request", "")
        wish = self._frame.seals.unseal(ticket, purpose="sign-in")
        if wish is None:
            raise PageRefused(400, "error.ticket")
        return wish

    async def _ask(self, request: Request) -> Response:
        wish = self._wish(request)
        buyer = self._frame.visitor(request).buyer
        here = f"request={request.query_params['request']}"
        leads_to = (wish["return"], wish["cancel"])
        host = urlsplit(wish["return"]).netloc
        if buyer is None:
            return self._login.page(
                request,
                purpose="login.for_sign_in",
                shop=host,
                cancel_action=f"/signin/cancel?{here}",
                leads_to=leads_to,
            )
        return self._frame.draw(
            request,
            "share.html",
            leads_to=leads_to,
            host=host,
            shared=_shared(buyer, wish["scopes"]),
            action=f"/signin/consent?{here}",
            cancel_action=f"/signin/cancel?{here}",
        )

    async def _agreed(self, request: Request) -> Response:
        await self._frame.form(request)
        wish = self._wish(request)
        buyer = self._frame.visitor(request).buyer
        if buyer is None:
            return go(f"/signin/consent?request={request.query_params['request']}")
        now = self._frame.desk.now()
        with self._world.store.transaction():
            token = buyer_side.issue_token(
                self._world, buyer, scopes=tuple(wish["scopes"]), now=now
            )
        return leave(with_parameter(wish["return"], "buyerToken", token))

    async def _cancel(self, request: Request) -> Response:
        await self._frame.form(request)
        wish = self._wish(request)
        if wish["cancel"] is None:
            return self._frame.draw(
                request, "done.html", title="canceled.title", text="canceled.text"
            )
        return leave(wish["cancel"])


def _read_wish(world: World, payload: Json) -> Json:
    """Return address, cancel address and scopes of a sign-in payload; `Refused` 400 if bad."""
    fields.only(payload, _ALLOWED)
    addresses = {}
    for name in ("signInReturnUrl", "signInCancelUrl"):
        required = name == "signInReturnUrl"
        url = fields.text(payload, name, longest=2_048, required=required)
        if url and not acceptable_url(url, world.environment):
            raise invalid_value(
                name, " It must be an https URL; in sandbox http is accepted on localhost."
            )
        addresses[name] = url or None
    return {
        "return": addresses["signInReturnUrl"],
        "cancel": addresses["signInCancelUrl"],
        "scopes": bodies.scopes(payload, "signInScopes"),
    }


def _shared(buyer: Buyer, scopes: list[str]) -> list[tuple[str, str]]:
    """What the shop will learn; the buyer id always goes along."""
    home = buyer.addresses[0].address if buyer.addresses else {}
    line = " ".join(
        home[name] for name in ("postalCode", "stateOrRegion", "addressLine1") if home.get(name)
    )
    values = {
        "name": buyer.name,
        "email": buyer.email,
        "phoneNumber": buyer.phone,
        "postalCode": home.get("postalCode") or "",
        "shippingAddress": line,
        "billingAddress": line,
        "primeStatus": "",
    }
    return [("buyerId", buyer.buyer_id), *((scope, values[scope]) for scope in scopes)]
